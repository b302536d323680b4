"""The raters of a solution: who gave each label of a step, a model by the majority of its own votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from schemas.labels import Label
from tasks.llm.voting import find_majority


@dataclass(frozen=True)
class Ratings:
    """A solution's labels, in the order of the labels that are combined; a label's models in the order of their votes."""

    names: tuple[str, ...]
    labels: tuple[int | None, ...]
    """The first wrong step by each, counted from 0; -1 none, None undecided."""
    undecided: tuple[str, ...]
    """Why each is undecided; empty where it is not."""


def parse_model(rater: str) -> str:
    """The model in the name of a vote ("model@revision #vote")."""
    return rater.rpartition(" #")[0] or rater


def rate(row: Mapping[str, Any], labels: Sequence[Label]) -> Ratings:
    """The ratings of a row by the raters of these labels, as far as it has their columns."""
    ratings: list[tuple[str, int | None, str]] = []
    for label in labels:
        if label.votes is not None:
            ratings += _count_votes(row, label)
        elif label.column in row:
            value = row[label.column]
            why = row.get(label.undecided) if label.undecided else None
            ratings.append((label.rater, value, "" if value is not None else why or "unknown"))
    names, values, undecided = zip(*ratings) if ratings else ((), (), ())
    return Ratings(tuple(names), tuple(values), tuple(undecided))


def _count_votes(row: Mapping[str, Any], label: Label) -> list[tuple[str, int | None, str]]:
    """The label of each model by the majority of its votes."""
    assert label.votes is not None
    values, faults = row.get(label.votes.values) or (), row.get(label.votes.faults or "") or ()
    places: dict[str, list[int]] = {}
    for at, rater in enumerate(row.get(label.votes.raters) or ()):
        places.setdefault(parse_model(rater), []).append(at)
    ratings = []
    for name, mine in places.items():
        vote = find_majority([values[at] for at in mine], [faults[at] for at in mine] if faults else [])
        ratings.append((name, vote.label, vote.undecided or ""))
    return ratings


def list_rating_columns(labels: Sequence[Label]) -> tuple[str, ...]:
    """The columns that `rate` looks at."""
    names = [
        name
        for label in labels
        for name in (
            (label.votes.raters, label.votes.values, label.votes.faults)
            if label.votes
            else (label.column, label.undecided)
        )
    ]
    return tuple(dict.fromkeys(name for name in names if name))


def list_derived(row: Mapping[str, Any], label: Label) -> tuple[Label, ...]:
    """The labels that one was made from or looks at, by its declaration and the method of a row; unknown methods may be any."""
    method = row.get(label.method) if label.method else None
    looks = method is None or not label.derived_by or str(method).startswith(label.derived_by)
    return (*label.combines, *(label.derived_from if looks else ()))


def list_origins(row: Mapping[str, Any], label: Label) -> frozenset[str]:
    """Who stands behind the label of a row: its own raters, and those of all that it was made from or looks at.

    Labels are independent of each other where they have nobody in common.

    Args:
        row: The row's columns, as far as it has them.
        label: The label.

    Returns:
        Names of raters; never none.

    """
    names = {parse_model(rater) for rater in (row.get(label.votes.raters) or () if label.votes else ())}
    if not label.votes:
        names.add(label.rater or label.column)
    for part in list_derived(row, label):
        if (part.votes and row.get(part.votes.raters)) or row.get(part.method or part.column) is not None:
            names |= list_origins(row, part)
    return frozenset(names or {label.column})


def split_dependent(part: pl.DataFrame, labels: Sequence[Label]) -> tuple[list[Label], list[Label]]:
    """Labels that are given independently of each other, and those that look at what another names, by the method of a table."""
    dependent = []
    for label in labels:
        row = {}
        if label.method in part.columns:
            row = {label.method: next(iter(part[label.method].drop_nulls()), "")}
        if label.derived_from and any(other in labels for other in list_derived(row, label)):
            dependent.append(label)
    return [label for label in labels if label not in dependent], dependent


def count_confirmed(part: pl.DataFrame, labels: Sequence[Label], tester: Label) -> dict[str, tuple[int, int]]:
    """By rater how many of the steps that it names a label confirms that only tests them, and how many it names."""
    frame = build_frame(part, [*labels, tester])
    if tester.rater not in frame.columns:
        return {}
    counts = {}
    for name in frame.columns:
        named = frame.filter(pl.col(name) >= 0)
        if name != tester.rater:
            counts[name] = (int((named[name] == named[tester.rater]).sum()), named.height)
    return counts


def build_frame(part: pl.DataFrame, labels: Sequence[Label]) -> pl.DataFrame:
    """A column for each rater, a row for each solution; for `tasks.evaluation.agreement`."""
    columns = [name for name in list_rating_columns(labels) if name in part.columns]
    for label in labels:
        if label.votes and label.votes.raters in part.columns:
            part = part.filter(pl.col(label.votes.raters).is_not_null())  # not so where a row was joined with none
    rows = [rate(row, labels) for row in part.select(columns).to_dicts()]
    names = list(dict.fromkeys(name for row in rows for name in row.names))
    by_name = [dict(zip(row.names, row.labels)) for row in rows]
    return pl.DataFrame(
        {name: [row.get(name) for row in by_name] for name in names}, schema=dict.fromkeys(names, pl.Int64)
    )
