"""Pairs of labellers: independent ones agree beyond chance or do not, and who looked at another's label confirms it or does not.

One declaration decides which is which: that of the labels, of what they were
made from and look at (`schemas.labels.Label`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import polars as pl

from flows.metrics.narrow_table import format_narrow_table
from schemas.labels import Label
from tasks.evaluation.agreement import Agreement, RaterPair, measure_agreement
from tasks.evaluation.score import NONE, Labels, Share
from tasks.localize.raters import list_derived, list_origins

SHOWN = 100
"""Rows that show who stands behind a labeller."""
Key = tuple[str, str | None]
"""The columns of a label and of its method, which tell labels apart."""


@dataclass(frozen=True)
class LabelOrigin:
    """Who stands behind a labeller."""

    raters: frozenset[str]
    """The raters that its labels go back to."""
    key: Key | None = None
    """Its label; None of a column that nobody declares."""
    looks_at: frozenset[Key] = frozenset()
    """The labels that it was made from, or looks at."""


@dataclass(frozen=True)
class Confirmation:
    """Two labellers that are not independent of each other."""

    labeller: str
    by: str
    """Who looked at that one's labels; of two that look at the same, the later one."""
    how: Literal["looked at", "same evidence"]
    confirmed: Share
    """Of the steps that the first names those that the other names too; of the same evidence, of what both decide."""


@dataclass(frozen=True)
class LabellerPairs:
    """Labellers of the same solutions, held against each other."""

    independent: Mapping[tuple[str, str], RaterPair]
    """Pairs that have nobody in common."""
    dependent: Sequence[Confirmation]
    names: tuple[str, ...]
    """Labellers of whom each is independent of all the others,"""
    all_: Agreement
    """and how far these agree."""


def find_origin(rows: Iterable[Mapping[str, Any]], label: Label) -> LabelOrigin:
    """Who stands behind a declared label, as some of its rows show it."""
    raters: set[str] = set()
    looks_at: set[Key] = set()
    for row in rows:
        raters |= list_origins(row, label)
        looks_at |= _list_keys(row, label)
    return LabelOrigin(frozenset(raters or {label.rater or label.column}), _make_key(label), frozenset(looks_at))


def _list_keys(row: Mapping[str, Any], label: Label) -> set[Key]:
    parts = list_derived(row, label)
    return {_make_key(part) for part in parts}.union(*(_list_keys(row, part) for part in parts))


def _make_key(label: Label) -> Key:
    return label.column, label.method


def compare_labellers(
    ids: Sequence[str], labellers: Mapping[str, Labels], origins: Mapping[str, LabelOrigin]
) -> LabellerPairs | None:
    """Hold labellers against each other.

    Args:
        ids: The solutions.
        labellers: Each labeller's labels.
        origins: Who stands behind them; one that is not among these stands for itself.

    Returns:
        Agreement of those that are independent, and what the others confirm; None of one labeller alone.

    """
    if len(labellers) < 2:
        return None
    known = {name: origins.get(name, LabelOrigin(frozenset({f"labeller {name}"}))) for name in labellers}
    columns = {name: [labels.get(id) for id in ids] for name, labels in labellers.items()}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Int64))
    independent: dict[tuple[str, str], RaterPair] = {}
    dependent = []
    for pair in combinations(labellers, 2):
        if known[pair[0]].raters & known[pair[1]].raters:
            dependent.append(_confirm(frame, pair, known))
        else:
            independent.update(measure_agreement([frame.select(pair)]).pairs)
    names = _choose_independent(known)
    return LabellerPairs(independent, dependent, names, measure_agreement([frame.select(names)]))


def _choose_independent(origins: Mapping[str, LabelOrigin]) -> tuple[str, ...]:
    """The first labeller, and each later one that has nobody in common with those before."""
    names, raters = list[str](), set[str]()
    for name, origin in origins.items():
        if not raters & origin.raters:
            names.append(name)
            raters |= origin.raters
    return tuple(names)


def _confirm(frame: pl.DataFrame, pair: tuple[str, str], origins: Mapping[str, LabelOrigin]) -> Confirmation:
    for first, other in (pair, pair[::-1]):
        if origins[first].key in origins[other].looks_at:
            named = frame.filter(pl.col(first) != NONE)
            same = int((named[first] == named[other]).sum())
            return Confirmation(first, other, "looked at", Share(same, named.height))
    both = frame.select(pair).drop_nulls()
    same = int((both[pair[0]] == both[pair[1]]).sum())
    return Confirmation(*pair, "same evidence", Share(same, both.height))


def describe_pairs(pairs: LabellerPairs | None) -> dict[str, Any] | None:
    """The pairs for machines."""
    if pairs is None:
        return None
    return {
        "pairs": [
            {"labellers": list(names), "rows": pair.rows, "same": pair.same, "cohens_kappa": pair.kappa, "interval": pair.interval}
            for names, pair in pairs.independent.items()
        ],
        "all": {
            "labellers": list(pairs.names), "rows": pairs.all_.rows, "fleiss_kappa": pairs.all_.fleiss,
            "interval": pairs.all_.fleiss_interval,
        },
        "dependent": [
            {
                "labeller": each.labeller, "by": each.by, "how": each.how, "confirmed": each.confirmed.hits, "of": each.confirmed.of,
                "interval": each.confirmed.interval,
            }
            for each in pairs.dependent
        ],
    }  # fmt: skip


def format_pairs(pairs: LabellerPairs | None) -> str:
    """A line for each pair: kappas of independent labellers, and what the others confirm."""
    if pairs is None:
        return ""
    parts = []
    if pairs.independent:
        parts.append(_format_independent(pairs))
    if pairs.dependent:
        rows: list[list[object]] = [
            [
                f"{each.labeller} | {each.by}", "yes" if each.how == "looked at" else "no",
                f"{each.confirmed.hits:,} of {each.confirmed.of:,}", _format_interval(each.confirmed.interval, 100, 1),
            ]
            for each in pairs.dependent
        ]  # fmt: skip
        parts.append(format_narrow_table(["labeller | by", "looked at", "confirmed", "95 %"], rows))
        parts.append(
            "confirmed  labellers that look at each other, or at the same evidence, do not\n"
            "           agree: the steps that the one names and the other names too; where\n"
            "           neither looked at the other, what both say of what both decide"
        )
    return "\n\n".join(parts)


def _format_independent(pairs: LabellerPairs) -> str:
    rows: list[list[object]] = [
        [
            " | ".join(names), pair.rows, f"{100 * pair.same / pair.rows:.1f}" if pair.rows else "–",
            _format_kappa(pair.kappa), _format_interval(pair.interval, 1, 2),
        ]
        for names, pair in pairs.independent.items()
    ]  # fmt: skip
    if len(pairs.names) > 2:
        whole = "all" if len(pairs.independent) and not pairs.dependent else " | ".join(pairs.names)
        rows.append(
            [
                f"{whole} (Fleiss)",
                pairs.all_.rows,
                "",
                _format_kappa(pairs.all_.fleiss),
                _format_interval(pairs.all_.fleiss_interval, 1, 2),
            ]
        )
    table = format_narrow_table(["labellers", "labelled", "same, %", "kappa", "95 %"], rows)
    return f"{table}\n\nkappa      agreement beyond chance (Cohen), on rows that all of them label"


def _format_kappa(kappa: float | None) -> str:
    return "–" if kappa is None else f"{kappa:.2f}"


def _format_interval(interval: tuple[float, float] | None, factor: int, digits: int) -> str:
    return "" if interval is None else f"{factor * interval[0]:.{digits}f} to {factor * interval[1]:.{digits}f}"
