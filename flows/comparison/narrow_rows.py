"""What of a release's rows is compared: their keys, what they are of, and their labels; the wide texts as hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from errata.compare.row_fingerprints import find_key
from errata.release.find import Release

from flows.planning.plan import Plan
from flows.report.statistics.mistakes import UNDECIDED
from flows.report.statistics.rows import RowSource, read_table, read_view
from schemas.errors import ApplicationError
from schemas.labels import LabelKind
from tasks import list_labels
from tasks.sources.content_ids import identify_problem

KINDS: tuple[LabelKind, ...] = ("verdict", "step", "type")
CONTENT = ("steps", "rationale", "text")
"""Columns of which the first that both releases have tells whether a solution is the same."""
_ROW = "errata_row"
_OF = ("model", "set", "sampling", "sample")


@dataclass(frozen=True)
class ReleasedRows:
    """The rows of one view of a release, to be compared."""

    release: str
    """The release's name and version."""
    source: RowSource
    key: str

    def label(self, kind: LabelKind) -> str | None:
        """The column of a label; None where there is none."""
        return find_column(kind, self.source.columns)


class ComparisonError(ApplicationError):
    """The rows of two releases cannot be compared."""

    exit_code = 2


def open_view(release: Release, view: str) -> ReleasedRows:
    """The rows of a view of a release; `ComparisonError` where they have no key, `NotFound` where there is no such view."""
    release.files(view)
    key = find_key(release, view)
    if key is None:
        raise ComparisonError(
            f"{release.name}: its view {view} has no key, by which rows are told apart; name another view"
        )
    return ReleasedRows(release.name, read_view(release, view), key)


def open_table(plan: Plan, view: str) -> ReleasedRows:
    """A view of what a plan publishes; its tables are complete."""
    job = next(job for job in plan.jobs if job.name == view)
    return ReleasedRows(f"{plan.recipe.corpus}@{plan.recipe.version}", read_table(plan, job), job.contract.key)


def choose_view(ours: Mapping[str, Sequence[str]], before: Release, name: str) -> str:
    """The view to compare: of those that both releases have the first of which most is labelled.

    Args:
        ours: The columns of each view of the later release.
        before: The earlier one.
        name: The later one's name.

    Returns:
        Its name.

    Raises:
        ComparisonError: No view is in both.

    """
    labels = {
        view: sum(find_column(kind, columns) is not None for kind in KINDS)
        for view, columns in ours.items()
        if view in before.views
    }
    if not labels:
        raise ComparisonError(
            f"{before.name} has none of the views of {name} ({', '.join(ours)}), but {', '.join(before.views)}; compare releases of one recipe"
        )
    return max(labels, key=lambda view: labels[view])


def find_column(kind: LabelKind, columns: Sequence[str]) -> str | None:
    """The column of a label: the one to be believed most; None where there is none."""
    return next((label.column for label in list_labels(kind) if label.column in columns), None)


def read_narrow(rows: ReleasedRows, content: str | None, by_question: bool, share: float) -> pl.DataFrame:
    """Read what is compared of rows.

    Args:
        rows: The rows.
        content: The column that tells whether a solution is the same.
        by_question: Whether problems are told apart by their text, not by `problem_id`.
        share: The share of the problems that is read; ids are hashes, so it is a random one, and the same in any release.

    Returns:
        `key`, `row` (its number in the view), `problem`, `content` (hashes), `model`, `set`, `sampling` and `sample` as far
        as there are such columns, and `verdict`, `step` and `type` as text, `undecided` where there is no decision.

    """
    labels = {kind: column for kind in KINDS if (column := rows.label(kind))}
    problem = ("question", "options") if by_question else ("problem_id",)
    wanted = dict.fromkeys((rows.key, *problem, *_OF, *labels.values(), *([content] if content else [])))
    names = [name for name in wanted if name in rows.source.columns]
    parts, position = [], 0
    for part in rows.source.read(names):
        narrow = _narrow(part.with_row_index(_ROW, position), rows.key, labels, content, by_question, share)
        parts += [narrow] if narrow.height else []
        position += part.height
    whole = (
        pl.concat(parts, how="diagonal_relaxed") if parts else pl.DataFrame(schema={"key": pl.String, "row": pl.UInt32})
    )
    if whole["key"].is_duplicated().any():
        raise ComparisonError(
            f"{rows.release}: in its view {rows.source.name} a {rows.key} names several rows; they cannot be told apart"
        )
    return whole


def _narrow(
    part: pl.DataFrame, key: str, labels: dict[LabelKind, str], content: str | None, by_question: bool, share: float
) -> pl.DataFrame:
    if by_question and "question" in part.columns:
        part = part.with_columns(problem_id=_identify(part))
    columns: dict[str, Any] = {"key": pl.col(key).cast(pl.String), "row": pl.col(_ROW)}
    if "problem_id" in part.columns:
        columns["problem"] = _digest("problem_id")
    if content:
        columns["content"] = _digest(content)
    columns |= {name: pl.col(name).cast(pl.String) for name in _OF if name in part.columns}
    columns |= {kind: _describe_label(kind, column) for kind, column in labels.items()}
    narrow = part.select(**columns)
    if {"type", "verdict"} <= labels.keys():  # what is right has no type, and nobody had to decide one
        right = (pl.col("verdict") == "right") & (pl.col("type") == UNDECIDED)
        narrow = narrow.with_columns(type=pl.when(right).then(pl.lit("none")).otherwise("type"))
    if share < 1 and "problem" in narrow.columns:
        narrow = narrow.filter(pl.col("problem").fill_null(0) < int(share * 2**64))
    return narrow


def _digest(column: str) -> pl.Expr:
    """A hash of what stands there; nothing of nothing."""
    return pl.when(pl.col(column).is_not_null()).then(pl.col(column).hash(0))


def _identify(part: pl.DataFrame) -> pl.Series:
    """The ids of problems by their questions and options, each question looked at once."""
    options = part["options"].to_list() if "options" in part.columns else [None] * part.height
    return pl.Series([identify_problem(str(question), choice) for question, choice in zip(part["question"], options)])


def _describe_label(kind: LabelKind, column: str) -> pl.Expr:
    """A label as people read it: of steps 1 is the first."""
    if kind == "step":
        at = pl.col(column)
        return pl.when(at < 0).then(pl.lit("none")).otherwise((at + 1).cast(pl.String)).fill_null(UNDECIDED)
    return pl.col(column).cast(pl.String).fill_null(UNDECIDED)
