"""What of a recipe is sound and yet a danger to its corpus, or hard on its readers: seen without running anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from schemas.recipe.document import Path
from schemas.recipe.models import OPENAI, VLLM, OpenAI
from schemas.recipe.recipe import Recipe, Table
from schemas.task import FromRecords, Rejects
from tasks import TASKS

Found = Iterator[tuple[Path, str]]
"""Where in a recipe something is found, and what, with what to do."""
SCHEMA_LINE = "# yaml-language-server: $schema="
GOLD: Rejects = "unrecognised gold"
FAILURES = 0.2
"""The share of failed requests above which a table is no sample of its input any more."""
_SECRET = re.compile(r"\b(?:sk-|hf_|ghp_|AKIA)[A-Za-z0-9_-]{12,}")
_NOT_RIGHT = re.compile(r"verdict\s*(?:!=|<>)\s*'right'|not\s*\(?\s*verdict\s*=\s*'right'", re.IGNORECASE)


@dataclass(frozen=True)
class Remark:
    """Something that a recipe would do better without."""

    file: str
    line: int
    key: str
    kind: Literal["danger", "style"]
    rule: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: {self.key}: " if self.key else f"{self.file}:{self.line}: "
        return f"{where}{self.kind}: {self.message} ({self.rule})"


def lint_recipe(recipe: Recipe) -> list[Remark]:
    """Go through a sound recipe by each rule; the remarks in the order of the file."""
    remarks = []
    for kind, rules in (("danger", DANGERS), ("style", STYLES)):
        for name, look in rules.items():
            for path, message in look(recipe):
                fault = recipe.fault(path, message)
                remarks.append(Remark(recipe.file, fault.line, fault.key, kind, name, message))  # type: ignore[arg-type]
    return sorted(remarks, key=lambda remark: (remark.line, remark.key, remark.rule))


def _find_secrets(recipe: Recipe) -> Found:
    for number, line in enumerate(recipe.text.splitlines(), 1):
        if _SECRET.search(line):
            yield (
                (),
                f"line {number} looks as if it held a key; name an environment variable (`key:`) and revoke this one",
            )


def _find_undecided_mistakes(recipe: Recipe) -> Found:
    for table in recipe.tables:
        if _NOT_RIGHT.search(str(getattr(table.parameters, "where", ""))):
            message = "takes what is undecided for wrong: a checker that failed makes a mistake of it; write verdict = 'wrong'"
            yield ("tables", table.name, "where"), message


def _find_unchecked_gold(recipe: Recipe) -> Found:
    files = [table for table in recipe.tables if _is_read(table)]
    if any(table.task.rejects == GOLD for table in recipe.tables):
        return
    judged = [list_ancestors(recipe, table) for table in recipe.tables if _is_judged_by_answer(table)]
    if believed := [table for table in files if any(table.name in ancestors for ancestors in judged)]:
        names = ", ".join(task.name for task in TASKS.values() if task.rejects == GOLD)
        message = f"gold answers are believed unseen: one that is wrong makes mistakes of right solutions; add a table of task {names}"
        yield ("tables", believed[0].name), message


def _is_judged_by_answer(table: Table) -> bool:
    """Whether a table has verdicts of its own by a gold answer; who runs programs has tests, or values that no task can look at."""
    return (
        not getattr(table.task, "runs_programs", False)
        and not _is_read(table)
        and any(label.kind == "verdict" for label in table.task.labels)
    )


def _is_read(table: Table) -> bool:
    return isinstance(table.task, FromRecords)


def _find_judging_alone(recipe: Recipe) -> Found:
    """Labels by votes that nothing else confirms, though they are released; who made labels that are read is not known."""
    released = list_ancestors(recipe, recipe.tables[-1])
    labels = {
        table.name: label
        for table in recipe.tables
        if table.name in released
        for label in table.task.labels
        if label.kind == "step" and label.column in table.contract.names()
    }
    if all(label.votes for label in labels.values()):
        read = {table.name for table in recipe.tables if _is_read(table)}
        for name in (name for name in labels if name not in read):
            message = "the first wrong step is what judges say, and nothing else confirms it; add rollouts or proofs, and a rule of agreement"
            yield ("tables", name), message


def _find_unheld(recipe: Recipe) -> Found:
    if recipe.gates is None:
        yield (), "nothing is asked of a release before it is published; add `gates:`, at least `gates: []`"


def _find_unpinned(recipe: Recipe) -> Found:
    for name, model in recipe.models.items():
        if isinstance(model, VLLM) and not model.revision and not model.paths():
            message = "no `revision`: other weights under this name would be another corpus; pin the commit"
            yield ("models", name), message


def _find_unbounded(recipe: Recipe) -> Found:
    for name, model in recipe.models.items():
        if (
            isinstance(model, OpenAI)
            and model.url.startswith(OPENAI)
            and not (model.budget_tokens or model.budget_price)
        ):
            message = "nothing bounds what it may cost; set `budget_tokens`, or `price` and `budget_price`"
            yield ("models", name), message


def _find_many_failures(recipe: Recipe) -> Found:
    for table in recipe.tables:
        if table.failures > FAILURES:
            message = f"{table.failures:.0%} of its requests may fail, and what fails is seldom a fair sample; lower it"
            yield ("tables", table.name, "failures"), message


def list_ancestors(recipe: Recipe, table: Table) -> set[str]:
    """The tables that one is made from, and itself."""
    tables = {each.name: each for each in recipe.tables}
    seen, waiting = set[str](), [table.name]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting += [other for other in tables[name].inputs if other not in seen]
    return seen


def _find_absolute(recipe: Recipe) -> Found:
    for table in recipe.tables:
        for place in table.task.locations(table.parameters):
            if place.startswith("/"):
                yield (
                    ("tables", table.name, "files"),
                    f"{place} is on this machine alone; write ${{data}}/… and give --data",
                )


def _find_no_sources(recipe: Recipe) -> Found:
    if any(map(_is_read, recipe.tables)) and not recipe.sources:
        yield (), "the card will not say whose data these are; add `sources:` with names and licences"


def _find_no_description(recipe: Recipe) -> Found:
    if not recipe.description.strip():
        yield (), "the card will have no word for people but the title; add `description:`"


def _find_no_schema(recipe: Recipe) -> Found:
    if SCHEMA_LINE not in recipe.text:
        yield (), f"editors do not know that this is a recipe; begin it with `{SCHEMA_LINE}…` (errata schema)"


def _find_no_test(recipe: Recipe) -> Found:
    splits = getattr(recipe.tables[-1].parameters, "splits", {})
    if list(splits) == ["train"]:
        yield ("tables", recipe.tables[-1].name, "splits"), "all rows are for training, so that none can measure it"


Rule = Callable[[Recipe], Found]
DANGERS: dict[str, Rule] = {
    "secret": _find_secrets, "undecided-is-no-mistake": _find_undecided_mistakes, "gold-unseen": _find_unchecked_gold,
    "judge-alone": _find_judging_alone, "unpinned": _find_unpinned, "unbounded": _find_unbounded, "failures": _find_many_failures,
}  # fmt: skip
"""What can spoil a corpus, or cost more than was meant."""
STYLES: dict[str, Rule] = {
    "no-gates": _find_unheld, "absolute-path": _find_absolute, "no-sources": _find_no_sources, "no-description": _find_no_description,
    "no-schema": _find_no_schema, "no-test": _find_no_test,
}  # fmt: skip
"""What makes a recipe harder to read, to share or to learn from."""
