"""The labellers of a solution: each model that judged it, by the majority of its votes, and the estimation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tasks.llm.voting import majority

ESTIMATION = "estimation"


@dataclass(frozen=True)
class Labelled:
    """A solution's labels, the judges in the order in which they were asked, the estimation last."""

    names: tuple[str, ...]
    labels: tuple[int | None, ...]
    """The first wrong step by each, counted from 0; -1 none, None undecided."""
    undecided: tuple[str, ...]
    """Why each is undecided; empty where it is not."""


def model_of(judge: str) -> str:
    """The model in the name of a judgement ("model@revision #vote")."""
    return judge.rpartition(" #")[0] or judge


def labelled(row: Mapping[str, Any]) -> Labelled:
    """The labels of a row with the columns of `judge`, of `estimate`, or of both."""
    votes: dict[str, list[int]] = {}
    for at, judge in enumerate(row.get("judges") or ()):
        votes.setdefault(model_of(judge), []).append(at)
    found: list[tuple[str, int | None, str]] = []
    for name, places in votes.items():
        faults = [row["judge_faults"][at] for at in places]
        one = majority([row["judge_labels"][at] for at in places], faults)
        found.append((name, one.label, one.undecided or ""))
    if "estimate_first_error" in row:
        label = row["estimate_first_error"]
        found.append((ESTIMATION, label, "" if label is not None else row.get("estimate_undecided") or "unknown"))
    names, labels, undecided = zip(*found) if found else ((), (), ())
    return Labelled(tuple(names), tuple(labels), tuple(undecided))


def frame_of(part: pl.DataFrame) -> pl.DataFrame:
    """A column for each labeller, a row for each solution; for `tasks.evaluation.agreement`."""
    wanted = ("judges", "judge_labels", "judge_faults", "estimate_first_error", "estimate_undecided")
    rows = [labelled(row) for row in part.select(name for name in wanted if name in part.columns).to_dicts()]
    names = list(dict.fromkeys(name for row in rows for name in row.names))
    by_name: Sequence[Mapping[str, int | None]] = [dict(zip(row.names, row.labels)) for row in rows]
    return pl.DataFrame(
        {name: [row.get(name) for row in by_name] for name in names}, schema=dict.fromkeys(names, pl.Int64)
    )
