"""What the pages show is executed, or says why not, and is what it should be even then: commands, recipes, rows, settings."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml
from errata.cli.command import VERBS as CLIENT
from errata.cli.verb import build_parser

from catalog.declarations import find_declarations
from flows.cli import VERBS as APPLICATION
from flows.metrics.evaluate import read_rules
from flows.planning.plan import make_plan
from flows.running.losses import NothingLeft
from flows.running.run_plan import materialize
from schemas.recipe.reader import read_recipe
from tasks import TASKS
from tasks.engines.configuration import read_configuration
from tests import golden
from tests.command import run_here
from tests.snippet_recipes import complete, embed, is_recipe, list_recipes
from tests.snippet_scenes import publish_mwpes, write_sources
from tests.snippets import (
    ROOT,
    Block,
    Command,
    follow,
    list_all,
    list_all_commands,
    list_blocks,
    list_commands,
    read_awaited,
    read_reasons,
    read_shortened,
)  # fmt: skip

RUN, PLANNED, CHECKED = {"console", "bash", "python"}, {"yaml", "yml"}, {"json", "toml", "mermaid", ""}
UNEXECUTED = [command for command in list_all_commands() if command.key in read_reasons()]
RECIPES = list_recipes()


def name_block(value: object) -> str:
    """What a case is called: by its block, not by its text."""
    return str(value) if isinstance(value, Block) else ""


def test_a_line_that_does_not_come_is_named() -> None:
    assert follow(("a", "…", "c 1…", "d"), "a\nb\nc 12\nd\n") is None
    assert follow(("b", "a"), "a\nb\n") == "a"
    assert follow(("rows  1,200 (5.0)",), "rows 7 (40.25)\n") is not None
    assert follow(("rows  1,200 (5.0)",), "rows 7 (40.25)\n", loose=True) is None


def test_commands_are_told_from_what_they_show_and_from_comments() -> None:
    shown = Block("a.md", 1, "console", "$ x --y '#'   # why\n1\n$ z\n")
    assert [(command.text, command.shown) for command in list_commands(shown)] == [("x --y '#'", ("1",)), ("z", ())]
    script = Block("a.md", 1, "bash", "#!/bin/bash\na\nb\n")
    assert [(command.text, command.key) for command in list_commands(script)] == [
        (script.text, ("a.md", "#!/bin/bash"))
    ]


def test_every_block_is_in_a_language_that_is_run_planned_or_checked() -> None:
    languages = Counter(block.language for block in list_all())
    assert set(languages) <= RUN | PLANNED | CHECKED
    assert languages["console"] > 50 and languages["yaml"] > 50


def test_what_is_not_executed_is_listed_with_the_reason() -> None:
    """The list grows by hand alone, and nothing stands there that no page shows."""
    shown = {command.key for command in list_all_commands()} | {
        block.key for block in list_all("python", "yaml", "yml")
    }
    listed = [*read_reasons(), *read_awaited(), *read_shortened()]
    assert set(listed) - shown == set() and len(set(listed)) == len(listed)
    reasons = Counter(read_reasons().values())
    lines = [f"{number:>4}  {reason}" for reason, number in sorted(reasons.items(), key=lambda item: -item[1])]
    others = len(read_reasons()) - len(UNEXECUTED)
    text = (
        f"{len(UNEXECUTED)} of {len(list_all_commands())} commands, and {others} other blocks, are not executed:\n"
        + "\n".join(lines)
        + "\n"
    )
    print(text)
    golden.check(ROOT / "tests/snippets-not-executed.txt", text)


@pytest.mark.parametrize("command", list_all_commands(), ids=lambda command: f"{command.block}-{command.text[:40]}")
def test_a_command_names_what_there_is(command: Command) -> None:
    for path in re.findall(r"(?<![\w/.-])(?:infra|docs/examples|catalog/recipes|tests)/[\w./-]*\w", command.text):
        if path not in {"infra/.env", "docs/images/NAME.svg"}:  # those that the commands write
            assert (ROOT / path).exists(), f"{command.block}: {path}"
    for target in re.findall(r"^(?:\w+=\S+ )*make ([a-z-]+)", command.text):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), (
            f"{command.block}: {target}"
        )
    for module, rest in re.findall(r"python -m ([\w.]+)(.*)", command.text):
        place = ROOT / module.replace(".", "/")
        path = place / "__main__.py" if place.is_dir() else place.with_suffix(".py")
        source = path.read_text("utf-8")
        assert [name for name in re.findall(r" (--[a-z-]+)", rest) if f'"{name}"' not in source] == [], command.block


ERRATA = re.compile(r"(?:^|\s)(?:\w+=\S+ )*(?:\.venv/bin/)?errata ((?:[^|&>\\]|\\\n)+)")


@pytest.mark.parametrize(
    ("block", "arguments"),
    [(command.block, match) for command in list_all_commands() for match in ERRATA.findall(command.text)],
    ids=str,
)
def test_every_command_of_errata_is_one(block: Block, arguments: str) -> None:
    options = build_parser((*CLIENT, *APPLICATION), ()).parse_args(shlex.split(arguments.replace("\\\n", " ")))
    assert callable(options.run)
    for recipe, table in re.findall(r"((?:catalog/recipes|docs/examples)/\S+\.yaml)(?::(\w[\w-]*))?", arguments):
        names = yaml.safe_load((ROOT / recipe).read_text("utf-8"))["tables"]
        assert not table or table in names, f"{block}: {recipe} has no table {table}"


@pytest.mark.parametrize("block", [block for block in list_all("bash") if block.text.startswith("#!")], ids=str)
def test_a_script_is_one(block: Block) -> None:
    result = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(("block", "text"), RECIPES, ids=name_block)
def test_a_part_of_a_recipe_is_sound(block: Block, text: str) -> None:
    recipe = yaml.safe_dump(complete(block, text), sort_keys=False, allow_unicode=True)
    assert read_recipe(recipe, str(block), TASKS, find_declarations(ROOT / "catalog")).tables


@pytest.mark.parametrize("block", [block for block in list_all("yaml", "yml") if not is_recipe(block)], ids=str)
def test_a_declaration_is_one(block: Block, tmp_path: Path) -> None:
    """Of a view, of a format, or of gold; what the first two make of their samples is tested in tests/catalog."""
    (tmp_path / "own.yaml").write_text(block.text, "utf-8")
    key = re.sub(r"^#.*\n", "", block.text).partition(":")[0]
    if key == "id":
        assert read_rules(str(tmp_path / "own.yaml")).first_error is not None
        return
    finder = find_declarations(tmp_path)[{"view": "views", "format": "formats"}[key]]
    assert finder("own.yaml")


@pytest.mark.parametrize("block", list_all("json"), ids=str)
def test_a_row_is_json(block: Block) -> None:
    assert all(isinstance(json.loads(line), dict) for line in block.text.splitlines())


@pytest.mark.parametrize("block", list_all("toml"), ids=str)
def test_settings_are_those_that_are_read(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text(block.text, "utf-8")
    monkeypatch.setenv("ERRATA_CONFIG", str(tmp_path / "config.toml"))
    configuration = read_configuration()
    assert configuration.on or (configuration.keys and configuration.programs)


OWN_CSV = (ROOT / "docs/examples/own-csv/recipe.yaml").read_text("utf-8")
LOSING = """\
corpus: ours
version: 0.1.0
title: Ours
license: MIT
tables:
  generations:
    task: import
    files: rows.jsonl
    question: question
    answer: answer
    model: {value: ours}
    text: text
  trusted: {task: gold, from: generations}
  steps: {task: split, from: trusted}
  verified: {task: verify, from: steps}
  wrong: {task: select, from: verified, where: "verdict = 'wrong'", because: [verdict, undecided]}
  mistakes: {task: deduplicate, from: wrong}
  release: {task: release, from: mistakes}
"""
ROWS = [
    {"question": f"What is {number} plus 1?", "answer": str(number + 1), "text": f"So it is {answer}."}
    for number, answer in enumerate(("2", "3", "\\\\boxed{7 ** ** 2}"), 1)
]


def show(page: str, word: str) -> Block:
    """The block of a page in which a word stands."""
    return next(block for block in list_blocks(ROOT / page) if word in block.text)


def test_faults_of_a_recipe_are_told_as_its_page_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = show("docs/recipes.md", "corpus: sample").text.replace("task: import", "task: improt", 1)
    (tmp_path / "recipe.yaml").write_text(shown.replace("where: \"verdict = 'wrong'\"", "wher: x"), "utf-8")
    told = run_here(capsys, "plan", str(tmp_path / "recipe.yaml"), "--store", str(tmp_path / "store"))
    lines = tuple(show("docs/recipes.md", "'improt'").text.splitlines())
    assert follow(lines, told.err) is None, told.err


def test_a_field_that_is_not_there_is_told_as_its_page_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(ROOT / "docs/examples/own-csv/solutions.csv", tmp_path)
    (tmp_path / "recipe.yaml").write_text(OWN_CSV.replace("question: question", "question: qestion"), "utf-8")
    told = run_here(capsys, "plan", str(tmp_path / "recipe.yaml"), "--store", str(tmp_path / "store"))
    assert follow(tuple(show("docs/own-data.md", "qestion").text.splitlines()), told.err) is None, told.err


def test_rows_that_are_all_lost_are_told_as_their_page_shows(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    (tmp_path / "recipe.yaml").write_text(LOSING, "utf-8")
    with pytest.raises(NothingLeft) as caught:
        materialize(make_plan(str(tmp_path / "recipe.yaml"), None, str(tmp_path / "store")))
    told = re.sub(r" --store \S+`", "`", str(caught.value)).replace(f"{tmp_path}/", "")
    assert told.splitlines() == show("docs/own-data.md", "none of 3 rows").text.splitlines()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the parts of recipes are built on is made once; one of them looks at a release."""
    folder = tmp_path_factory.mktemp("recipes")
    publish_mwpes(folder, folder / "store", "1.0.0")
    return folder / "store"


@pytest.mark.build
@pytest.mark.parametrize(("block", "text"), [(b, t) for b, t in RECIPES if b.key not in read_reasons()], ids=name_block)
def test_a_part_of_a_recipe_makes_its_tables(block: Block, text: str, store: Path, tmp_path: Path) -> None:
    completed = embed(complete(block, text))
    write_sources(tmp_path, completed)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(completed, sort_keys=False, allow_unicode=True), "utf-8")
    plan = materialize(make_plan(str(recipe), str(tmp_path), str(store)))
    assert {job.name for job in plan.jobs} - {"release"} == plan.done.keys()
