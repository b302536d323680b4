"""What a name of rows stands for: a table of a build, a view of a release, or files; the same for all commands."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from catalog.tables import Manifest
from flows.planning import plan as planning
from flows.planning.plan import TableJob
from tasks.evaluation.fields import EvaluationError, make_unknown_error

_TABLE = re.compile(r"(.+\.ya?ml):([^:/]+)")
_RELEASE = re.compile(r"([a-z0-9][a-z0-9_-]*(?:@[^:/#]*)?(?:#sha256:[^:/]*)?)(?::([^:/]+))?")


@dataclass(frozen=True)
class TableName:
    """`RECIPE.yaml:TABLE`."""

    recipe: str
    table: str


@dataclass(frozen=True)
class ViewName:
    """`corpus`, `corpus@1.2.3` or `corpus@1.2.3#sha256:…`, with a view after a colon or the release's first."""

    release: str
    view: str | None


@dataclass(frozen=True)
class FilesName:
    """A path, URL or pattern."""

    pattern: str


def parse_rows_name(name: str) -> TableName | ViewName | FilesName:
    """What a name stands for; that of a file that is there is that file's, whatever else it looks like."""
    if not os.path.isfile(name):
        if table := _TABLE.fullmatch(name):
            return TableName(*table.groups())
        if view := _RELEASE.fullmatch(name):
            return ViewName(*view.groups())
    return FilesName(name)


def find_complete_table(
    where: TableName, data: str | None, store: str, trust: bool = False
) -> tuple[TableJob, Manifest]:  # fmt: skip
    """A table that a build has completed.

    Args:
        where: The recipe and the table.
        data: The folder that `${data}` stands for.
        store: Where it was built.
        trust: Whether the recipe may name files anywhere.

    Returns:
        The table, and its manifest.

    Raises:
        EvaluationError: The recipe has no such table, or it is not made yet.

    """
    plan = planning.make_plan(where.recipe, data, store, trust=trust)
    jobs = {job.name: job for job in plan.jobs[:-1]}
    if where.table not in jobs:
        raise make_unknown_error(where.recipe, "table", where.table, list(jobs))
    if where.table not in plan.done:
        raise EvaluationError(
            f"{where.recipe}:{where.table}: is not made yet in {store}; errata build {where.recipe}{plan.flags}"
        )
    return jobs[where.table], plan.done[where.table]


def check_files(name: str) -> None:
    """Refuse a folder, and a local file that is not there; patterns and URLs are looked at later.

    Raises:
        EvaluationError: Nothing can be read there; the message says what could have been meant.

    """
    path = Path(name)
    if path.is_dir():
        raise EvaluationError(f"{name}: is a folder; name a file, several ({name}/*.parquet), or RECIPE.yaml:TABLE")
    if path.exists() or any(mark in name for mark in ("*", "?", "[", "://")):
        return
    beside = sorted(str(file) for file in path.parent.glob("*.*")) if path.parent.is_dir() else []
    near = get_close_matches(name, beside, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "give a path, RECIPE.yaml:TABLE, or a release (corpus@1.2.3)"
    raise EvaluationError(f"{name}: no such file; {hint}")
