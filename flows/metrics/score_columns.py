"""Columns of scores beside verdicts: do right answers score higher, and are scores that are probabilities true to their word."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Any

from errata.cli import text

from flows.metrics.certainty import format_area, format_percent
from flows.metrics.evaluate import RowsAt
from flows.metrics.narrow_table import WIDTH, format_narrow_table
from flows.metrics.rejected_rows import fill_lines, format_rejected
from flows.metrics.transitions import RIGHT, UNDECIDED, read_verdict
from tasks.evaluation.discrimination import Discrimination, measure_discrimination
from tasks.evaluation.fields import EvaluationError, Rejected, make_unknown_error

VERDICT = "verdict"
NOTES = """\
AUROC      how often a right answer scores higher than a wrong one, ties half:
           50 is as by chance, below it a low score is the surer (Hanley and
           McNeil 1982); the 95 % interval is Newcombe's (2006)
Brier      mean squared distance from 1 (right) or 0 (wrong); error: expected
           calibration error in ten bins; both of scores from 0 to 1 alone"""


@dataclass
class ScoreColumn:
    """A column of scores beside verdicts; rows are those of `groups`, and those that are left out."""

    groups: dict[str, list[tuple[float, bool]]] = field(default_factory=dict)
    """By problem set the scores, and whether the answer is right."""
    undecided: int = 0
    """Rows whose verdict is undecided."""
    missing: int = 0
    """Rows without a score whose verdict is decided."""
    rejected: list[Rejected] = field(default_factory=list)
    """Rows whose score is no number, or that cannot be read."""

    @property
    def pairs(self) -> list[tuple[float, bool]]:
        """Those of all sets."""
        return [pair for pairs in self.groups.values() for pair in pairs]

    @property
    def rows_in(self) -> int:
        """All rows that were looked at."""
        return len(self.pairs) + self.undecided + self.missing + len(self.rejected)


@dataclass(frozen=True)
class ScoreTable:
    """Columns of scores of some rows."""

    name: str
    """Where the rows lie."""
    columns: Mapping[str, ScoreColumn]


def evaluate_scores(places: Sequence[RowsAt], scores: Sequence[str], verdict: str) -> ScoreTable:
    """Columns of scores beside a column of verdicts.

    Args:
        places: Where the rows lie.
        scores: The columns of scores, the higher the surer.
        verdict: The column of verdicts.

    Returns:
        By column what became of its rows.

    Raises:
        EvaluationError: A column is missing, or a verdict is none.

    """
    columns = {name: ScoreColumn() for name in scores}
    for place in places:
        available = place.columns()
        for name in (verdict, *scores):
            if name not in available:
                raise make_unknown_error(place.name, "column", name, available)
        for record in place.records():
            for name, column in columns.items():
                if record.value is None:
                    column.rejected.append(Rejected(record.source, *(record.fault or ("unreadable", ""))))
                else:
                    _add_row(column, record.source, record.value, name, verdict)
    name = ", ".join(place.name for place in places)
    if not any(column.pairs for column in columns.values()):
        raise EvaluationError(f"{name}: no row has both a score and a verdict that is decided; look at {scores[0]} and {verdict}")  # fmt: skip
    return ScoreTable(name, columns)


def _add_row(column: ScoreColumn, source: str, row: Mapping[str, Any], name: str, verdict: str) -> None:
    judged, value = read_verdict(row, verdict, source), row.get(name)
    if judged == UNDECIDED:
        column.undecided += 1
    elif value is None:
        column.missing += 1
    elif isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not isfinite(value):
        column.rejected.append(Rejected(source, "no score", f"'{name}' is {str(value)[:40]!r}, expected a number"))
    else:
        group = str(row.get("set") or row.get("dataset") or "all")
        column.groups.setdefault(group, []).append((float(value), judged == RIGHT))


def describe_scores(table: ScoreTable) -> dict[str, Any]:
    """Everything, for machines; shares are 0 to 1, null where they are not known."""
    columns = {
        name: {
            "rows_in": column.rows_in, "evaluated": len(column.pairs), "undecided": column.undecided, "missing": column.missing,
            "rejected": [asdict(row) for row in column.rejected], "all": asdict(measure_discrimination(column.pairs)),
            "groups": {group: asdict(measure_discrimination(pairs)) for group, pairs in sorted(column.groups.items())},
        }
        for name, column in table.columns.items()
    }  # fmt: skip
    return {"rows": table.name, "scores": columns}


def format_score_columns(table: ScoreTable) -> str:
    """The table, 80 columns wide, and what it means."""
    rows: list[list[object]] = []
    remarks = []
    for name, column in table.columns.items():
        rows.append([name, *_list_cells(measure_discrimination(column.pairs))])
        if len(column.groups) > 1:
            rows += [[f"  {group}", *_list_cells(measure_discrimination(pairs))] for group, pairs in sorted(column.groups.items())]  # fmt: skip
        counts = (
            f"{name}: {column.rows_in:,} rows are {len(column.pairs):,} evaluated, {column.undecided:,} undecided, "
        )
        remarks.append(fill_lines([f"{counts}{column.missing:,} without a score, {len(column.rejected):,} rejected"]))
        if rejected := format_rejected("rows", column.rejected):
            remarks.append(rejected)
    head = textwrap.fill(text.strip_controls(f"scores  {table.name}"), WIDTH, subsequent_indent="        ")
    figures = format_narrow_table(["", "right", "wrong", "AUROC, %", "Brier", "error, %"], rows)
    return "\n\n".join([head, figures, NOTES, "\n".join(remarks)])


def _list_cells(result: Discrimination) -> list[object]:
    brier = "–" if result.brier is None else f"{result.brier:.3f}"
    return [result.right, result.wrong, format_area(result), brier, format_percent(result.calibration_error)]
