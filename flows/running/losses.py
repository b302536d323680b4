"""Where rows are lost: why a table rejects them, with an example of each reason, and the table that leaves a view empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.tables import Manifest
from flows.planning.plan import Plan, TableJob
from schemas.errors import ApplicationError
from schemas.recipe.recipe import Table

SHOWN = 3
"""Reasons that are named, the commonest first."""
LONGEST = 160
"""Characters of an example."""
NAMES = ("source", "question", "prompt")
"""The columns by the first of which a rejected row is known to people."""


class NothingLeft(ApplicationError):
    """No row is left for a view; the message says which table lost them, why, and how to see more."""


@dataclass(frozen=True)
class Loss:
    """A reason for which a table rejects rows."""

    reason: str
    rows: int
    example: str
    """One of the rows: where it is from, and what was found in it."""


def list_losses(job: TableJob, manifest: Manifest, most: int = SHOWN) -> list[Loss]:
    """The commonest reasons for which a complete table has rejected rows.

    Args:
        job: The table.
        manifest: Its manifest.
        most: How many reasons are wanted.

    Returns:
        The reasons, the commonest first.

    """
    counts = sorted(manifest.receipt.reasons.items(), key=lambda item: (-item[1], item[0]))[:most]
    examples: dict[str, str] = {}
    for part in manifest.receipt.rejected:
        if len(examples) == len(counts):
            break
        for row in job.folder().read(part).iter_rows(named=True):
            if row["reason"] in dict(counts):
                examples.setdefault(row["reason"], _describe_row(row))
    return [Loss(reason, n, examples.get(reason, "")) for reason, n in counts]


def _describe_row(row: Mapping[str, Any]) -> str:
    """A rejected row in a line: where it is from, or what it is about, and what was found in it."""
    name = next((str(row[column]) for column in NAMES if row.get(column)), "")
    raw = str(row.get("raw") or "") if not row["detail"] else ""
    parts = [shorten_line(part, LONGEST) for part in (name, row["detail"] or raw) if part]
    return shorten_line(": ".join(parts), LONGEST)


def shorten_line(text: str, most: int) -> str:
    """A text on one line, of at most so many characters."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 1]}…"


def format_losses(losses: Iterable[Loss]) -> list[str]:
    """A line for each reason: how many rows, why, and one of them."""
    return [f"{loss.rows:,} × {loss.reason}" + (f", such as {loss.example}" if loss.example else "") for loss in losses]


def refuse_empty(plan: Plan, done: Mapping[str, Manifest]) -> None:
    """Raise `NothingLeft` where the tables that are complete leave a view of the release without a row.

    Args:
        plan: The plan.
        done: The manifests of the tables that are complete.

    """
    tables = {table.name: table for table in plan.recipe.tables[:-1]}
    empty = list_empty(plan, done)
    view = next((name for name in plan.recipe.tables[-1].inputs if name in empty), None)
    if view is None:
        return
    first = _find_first(tables[view], tables, empty)
    job = next(job for job in plan.jobs if job.name == first)
    raise NothingLeft(_describe_loss(plan, job, done[first], view))


def list_empty(plan: Plan, done: Mapping[str, Manifest]) -> set[str]:
    """The tables that are empty, or will be whatever is made of the others."""
    empty: set[str] = set()
    for table in plan.recipe.tables[:-1]:
        manifest = done.get(table.name)
        if manifest is not None:
            is_empty = not manifest.receipt.rows_kept()
        else:  # inputs with names are joined, others follow each other
            lacking = [name in empty for name in table.inputs]
            is_empty = bool(lacking) and (any(lacking) if table.input_names else all(lacking))
        empty |= {table.name} if is_empty else set()
    return empty


def _find_first(table: Table, tables: Mapping[str, Table], empty: set[str]) -> str:
    """The table that lost the rows which an empty one lacks."""
    lacking = [name for name in table.inputs if name in empty]
    if not lacking or (not table.input_names and len(lacking) < len(table.inputs)):
        return table.name
    return _find_first(tables[lacking[0]], tables, empty)


def _describe_loss(plan: Plan, job: TableJob, manifest: Manifest, view: str) -> str:
    recipe = plan.recipe
    rows = manifest.receipt.rows_in
    lost = f"none of {rows:,} rows is kept" if rows != 1 else "its only row is rejected"
    what = lost if rows else "has no rows"
    so = f", so nothing is left for '{view}'" if view != job.name else ""
    fault = recipe.fault(("tables", job.name), f"{what}{so}, and there is nothing to release")
    lines = [f"  {line}" for line in format_losses(list_losses(job, manifest))]
    more = f"see more with `errata browse {recipe.file}:{job.name} --rejected{plan.flags}`" if rows else ""
    failed = manifest.receipt.failed
    again = (
        f"{failed:,} of its requests failed for good: mend the cause, and build with --retry-failed" if failed else ""
    )
    return "\n".join([str(fault), *lines, *filter(None, (again, more))])
