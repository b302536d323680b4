"""`errata init`: a recipe for files of one's own, with what each field is guessed, or asked for."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from errata.cli.exit_codes import DONE
from errata.cli.verb import Verb
from errata.errors import ErrataError
from errata.storage import locate_store

from catalog.confinement import Confinement
from flows.cli.new import check_absent, check_name, write_schema_line

if TYPE_CHECKING:
    from flows.planning.guess import Ask, GuessedFile

HEAD = """\
# A corpus of {files}, begun by `errata init`. `errata preview {path}{flags}` shows what becomes of a few rows,
# `errata build {path}{flags}` builds it; `errata tasks`, `errata views` and `errata formats` say what else may stand here.
{schema}corpus: {corpus}
version: 0.1.0
title: {title}
description: |
  Say here what these rows are, where they come from, and what they are for: it stands in the card of the release.
license: other # of the release, an SPDX name such as Apache-2.0
sources:
  - {{name: {title}, license: unknown}}
seed: 0
{models}
tables:
"""
VERIFIED = """\

  # a problem whose own gold answer fails would make mistakes out of right solutions
  trusted: {{task: gold, from: {solutions}}}
{steps}  # right, wrong, or undecided with a reason; a checker that fails makes no mistake
  verified: {{task: verify, from: {cut}}}
  unpaired: {{task: view, from: verified, format: unpaired-preference}}
"""
SANDBOX = """
models:
  sandbox: {engine: python} # the interpreter that runs the build, in bubblewrap
"""
RUN = """\

  # right, wrong, or undecided with a reason: what a limit or the sandbox stopped is no mistake
  tested: {{task: run, from: {solutions}, model: sandbox, by: {by}}}
  leti: {{task: view, from: tested, format: leti}}
"""
JUDGED = """\

  release:
    task: release
    # the first is what `errata load` gives; `errata views` lists other formats
    from: [{table}, {view}]
    splits: {{train: 0.8, test: 0.2}} # by problem: none is in two

# what a release must satisfy; `severity: warn` releases all the same, and says so
gates:
  - {{measure: rows, table: {table}, at_least: 1}}
  - {{measure: undecided, table: {table}, at_most: 0.2, severity: warn}}
"""
UNVERIFIED = """\

{steps}  release:
    task: release
    from: {cut}
    splits: {{train: 0.8, test: 0.2}} # by problem: none is in two

# what a release must satisfy
gates:
  - {{measure: rows, table: {cut}, at_least: 1}}
"""


def run_init(options: Namespace) -> int:
    """`errata init`."""
    from flows.cli.preview import ROWS, show_preview
    from flows.planning.guess import look_at
    from flows.planning.plan import make_plan
    from flows.planning.recipe_file import open_recipe

    corpus = options.as_ or name_corpus(options.files[0])
    check_name(corpus)
    path = Path(f"{corpus}.yaml")
    check_absent(path)
    data, trust = find_data_folder(options.files), any("://" in place for place in options.files)
    files = [replace(file, place=name_below(file.place, data)) for file in map(look_at, options.files)]
    recipe = write_recipe(files, corpus, path, options.yes or not sys.stdin.isatty(), write_flags(data, trust))
    path.write_text(recipe, "utf-8")
    try:
        open_recipe(str(path))
    except Exception:
        path.rename(path.with_suffix(".yaml.faulty"))
        raise
    print(f"{path}: corpus '{corpus}' of {', '.join(file.place for file in files)}\n")
    plan = make_plan(str(path), data, locate_store(options.store), hash_sources=False, trust=trust)
    return DONE if options.no_preview else show_preview(plan, ROWS)


def find_data_folder(places: Sequence[str]) -> str | None:
    """The folder that `${data}` is to stand for: the one that all files lie in, where some do not lie beside the recipe."""
    paths = [os.path.realpath(place) for place in places if "://" not in place]
    here = os.path.realpath(os.curdir)
    beside = all(Confinement(here).is_allowed(path) for path in paths)
    return None if beside else os.path.commonpath([os.path.dirname(path) for path in paths])


def name_below(place: str, data: str | None) -> str:
    """A file as the recipe names it: below the folder of data, where there is one."""
    if data is None or "://" in place:
        return place
    return f"${{data}}/{os.path.relpath(os.path.realpath(place), data)}"


def write_flags(data: str | None, trust: bool) -> str:
    """What commands need to be told of where the files lie."""
    return f"{f' --data {shlex.quote(data)}' if data else ''}{' --trust' if trust else ''}"


def name_corpus(place: str) -> str:
    """A corpus' name from that of a file."""
    stem = Path(place.rstrip("/")).name.split(".")[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:64] or "ours"


def ask_user(question: str, choices: Sequence[str], likeliest: str) -> str:
    """Ask which of some fields is meant, in a terminal."""
    shown = ", ".join(choices[:20])
    answer = input(f"{question} {shown}{f' [{likeliest}]' if likeliest else ''}: ").strip()
    while answer and answer not in choices:
        answer = input(f"there is no field '{answer}'; {shown}: ").strip()
    return answer or likeliest


def take_likeliest(question: str, choices: Sequence[str], likeliest: str) -> str:
    """The likeliest, where nobody can be asked."""
    return likeliest


def write_recipe(
    files: Sequence[GuessedFile], corpus: str, path: Path, is_silent: bool, flags: str = ""
) -> str:  # fmt: skip
    """The recipe of some files.

    Args:
        files: What they seem to hold.
        corpus: The corpus' name.
        path: Where it is to lie.
        is_silent: Whether nobody is asked where something is not clear.
        flags: What commands need to be told of where the files lie.

    Returns:
        The YAML.

    Raises:
        ErrataError: There are no solutions among them, or something that is needed is in no field.

    """
    ask = take_likeliest if is_silent else ask_user
    solutions = [file for file in files if file.has_solutions]
    problems = [file for file in files if file not in solutions and file.has_problems]
    apart = [file for file in solutions if file.format is None and not file.has_problems]
    if apart and not problems and len(solutions) > len(apart):
        problems = [file for file in solutions if file not in apart and (file.format is None or file.judged_by)][:1]
        solutions = [file for file in solutions if file not in problems]
    if not solutions:
        raise ErrataError(
            f"{', '.join(file.place for file in files)}: no field holds what a model wrote (text, response, completion, steps, …); `errata new abacus` begins with models that are asked"
        )
    names: list[str] = []
    answered, is_cut = True, False
    tables = _write_problems(problems, solutions, ask) if problems else ""
    for number, file in enumerate(solutions, 1):
        name = "solutions" if len(solutions) == 1 else f"solutions-{number}"
        text, has_answer, has_steps = _write_solutions(name, file, problems, ask)
        tables, names = tables + text, [*names, name]
        answered, is_cut = answered and has_answer, is_cut or has_steps
    ways = {file.judged_by for file in problems or solutions}
    title = json.dumps(f"Solutions of {', '.join(file.place for file in files)}", ensure_ascii=False)
    listed = ", ".join(file.place for file in files)
    models = SANDBOX if ways != {None} else ""
    head = HEAD.format(
        files=listed, path=path, flags=flags, schema=write_schema_line(path), corpus=corpus, title=title, models=models
    )
    before = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
    return head + tables.rstrip("\n") + "\n" + _write_tail(before, ways, answered, is_cut)


def _write_tail(solutions: str, ways: set[str | None], answered: bool, is_cut: bool) -> str:
    """What is made of solutions: they are run where they are programs, else verified where they have gold, and released."""
    if ways != {None}:
        (by,) = ways - {None}
        return RUN.format(solutions=solutions, by=by) + JUDGED.format(table="tested", view="leti")
    start = "trusted" if answered else solutions
    steps = "" if is_cut else f"  steps: {{task: split, from: {start}}}\n"
    cut = start if is_cut else "steps"
    if not answered:
        return UNVERIFIED.format(steps=steps, cut=cut)
    verified = VERIFIED.format(solutions=solutions, steps=steps, cut=cut)
    return verified + JUDGED.format(table="verified", view="unpaired")


def _write_problems(problems: Sequence[GuessedFile], solutions: Sequence[GuessedFile], ask: Ask) -> str:
    """The table of problems, with the id by which solutions name them."""
    from flows.planning.guess import choose_fields, find_key

    file = problems[0]
    if file.format is not None:
        return f"  problems: {{task: load, files: [{_quote(file.place)}], format: {file.format.format}}}\n\n"
    fields = choose_fields(file, ("question", "answer", "reference", "options"), ("question", "answer"), ask)
    key = find_key(file, solutions[0])
    lines = [
        "  problems:", "    task: load", f"    files: [{_quote(file.place)}]", f"    set: {{value: {_quote(name_corpus(file.place))}}}",
        *(f"    {column}: {_quote(value)}" for column, value in fields.items()),
        *([f"    id: {_quote(key[0])} # by which solutions name their problem"] if key else []),
    ]  # fmt: skip
    return "\n".join(lines) + "\n\n"


def _write_solutions(name: str, file: GuessedFile, problems: Sequence[GuessedFile], ask: Ask) -> tuple[str, bool, bool]:
    """A table of solutions; whether they have gold answers, and whether their steps are cut already."""
    from flows.planning.guess import choose_fields, find_key

    lines = [f"  {name}:", "    task: import"]
    if file.format is not None:
        mapped = file.format.fields
        needs = [f"    {key}: {value} # its files do not say" for key, value in file.format.needs.items()]
        lines += [
            f"    files: [{_quote(file.place)}]",
            f"    format: {file.format.format} # {file.format.title}",
            *needs,
        ]
        return "\n".join(lines) + "\n", "answer" in mapped, "steps" in mapped
    whole = not problems
    own = ["text", "steps", "model", "sample"]
    columns = ["question", "answer", *own, "reference", "options", "set"] if whole else own
    text = "text" if file.candidates.get("text") else "steps"
    fields = choose_fields(file, columns, ("question", text) if whole else (text,), ask)
    key = find_key(problems[0], file) if problems else None
    if problems:
        by = (
            f"    key: {_quote(key[1])} # the problem's id"
            if key
            else f"    question: {_quote(choose_fields(file, ('question',), ('question',), ask)['question'])} # problems are found by its words"
        )
        lines += ["    from: problems", by]
    lines.append(f"    files: [{_quote(file.place)}]")
    lines += [f"    {key}: {json.dumps(value)} # how it is written" for key, value in file.reading.items()]
    if whole and "set" not in fields:
        lines.append(f"    set: {{value: {_quote(name_corpus(file.place))}}}")
    lines += [f"    {column}: {_quote(value)}" for column, value in fields.items()]
    if "model" not in fields:
        lines.append(f"    model: {{value: {_quote(name_corpus(file.place))}}} # who wrote them: no field says so")
    return "\n".join(lines) + "\n", not whole or "answer" in fields, "steps" in fields


def _quote(value: str) -> str:
    """A text as YAML has it: plain where that is safe."""
    return (
        value
        if re.fullmatch(r"[A-Za-z_][\w./-]*", value) and value.lower() not in ("null", "true", "false", "yes", "no")
        else json.dumps(value, ensure_ascii=False)
    )


def _add_init(parser: ArgumentParser) -> None:
    help = "files, folders or archives with problems, solutions or both"
    parser.add_argument("files", metavar="FILE", nargs="+", help=help)
    parser.add_argument(
        "--as", dest="as_", metavar="NAME", help="the corpus' name, and its file's (default: the first file's)"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing: take what is likeliest")
    parser.add_argument("--no-preview", action="store_true", help="write the recipe and no more")


INIT = Verb(
    "init",
    "Write a recipe for files of your own, and preview it.",
    ("errata init solutions.csv", "errata init problems.csv solutions.jsonl --as ours --yes"),
    run_init,
    _add_init,
    "Looks at the files, knows common formats by their records, guesses which field is what, and asks where it is not sure.",
)

VERBS = (INIT,)
