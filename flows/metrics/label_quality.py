"""How far a corpus' labels can be trusted: how many solutions each labeller decides, how often it is right, what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from catalog.storage import Store
from catalog.tables import TableFolder
from flows.planning.plan import Plan, TableJob
from tasks.evaluation.agreement import Agreement
from tasks.evaluation.score import NONE, wilson
from tasks.localize.raters import frame_of
from tasks.synthetic.program import load
from tasks.synthetic.truth import judge

LABELS = {"judge": "judge_first_error", "estimate": "estimate_first_error", "agree": "first_error"}
"""The column of labels that each task of labels adds."""
COSTS = {"judge": ("judges", "judge_tokens"), "estimate": ("rollouts", "rollout_tokens")}
WIDE = ("program", "steps", "verdict", "judges", "judge_labels", "judge_faults", "estimate_undecided", "estimated_by")


@dataclass
class _Counted:
    """What is counted over the parts of one table."""

    counts: Counter[str] = field(default_factory=Counter)
    how: str = ""
    agreement: Agreement = field(default_factory=Agreement)


def trust(plan: Plan) -> list[dict[str, Any]]:
    """One mapping for each table of labels, in the order of the recipe.

    The solutions that came in and those labelled, exact labels among those
    that name a step where the truth is known, replies and tokens spent, kappas.
    """
    return [told(plan, work) for work in plan.jobs if work.task in LABELS]


def told(plan: Plan, work: TableJob) -> dict[str, Any]:
    """What `trust` says of one table."""
    return _told(work, _counted(plan, work))


def _counted(plan: Plan, work: TableJob) -> _Counted:
    found = _Counted()
    for part in _parts(plan, work):
        label = (
            part[LABELS[work.task]]
            if LABELS[work.task] in part.columns
            else pl.Series([None] * part.height, dtype=pl.Int64)
        )
        found.counts["rows"] += part.height
        found.counts["labelled"] += label.count()
        if {"program", "steps"} <= set(part.columns):
            _compare(found.counts, part, label)
        if costs := COSTS.get(work.task):
            replies = part[costs[0]]
            found.counts["replies"] += int((replies.list.len() if replies.dtype == pl.List else replies).sum())
            found.counts["tokens"] += int(part[costs[1]].sum())
        if work.task == "estimate" and part.height:
            found.how = str(part["estimated_by"][0])
        if work.task == "agree":
            found.agreement.add(frame_of(part))
    return found


def _parts(plan: Plan, work: TableJob) -> Iterator[pl.DataFrame]:
    """The rows of a table part by part, those that it rejected too."""
    receipt = plan.done[work.name].receipt
    folder = TableFolder(Store(plan.store), work.task, work.fingerprint)
    wanted = {*WIDE, *LABELS.values(), *(name for names in COSTS.values() for name in names)}
    for parts, names in ((receipt.parts, work.contract.names()), (receipt.rejected, work.input_contract.names())):
        columns = [name for name in names if name in wanted]
        for part in parts:
            yield folder.read(part, columns)


def _compare(counts: Counter[str], part: pl.DataFrame, labels: pl.Series) -> None:
    """Count the labels that name a step, and those of them that are exact, against the truth of Abacus' world."""
    for program, steps, label in zip(part["program"], part["steps"].to_list(), labels):
        truth = judge(load(program), steps).first_error
        counts["wrong"] += truth != NONE
        if label is not None and label != NONE:
            counts["named"] += 1
            counts["exact"] += label == truth


def _told(work: TableJob, found: _Counted) -> dict[str, Any]:
    counts = found.counts
    told: dict[str, Any] = {
        "table": work.name, "task": work.task, "how": found.how, "rows": counts["rows"], "labelled": counts["labelled"],
    }  # fmt: skip
    if counts["named"]:
        low, high = wilson(counts["exact"], counts["named"])
        told |= {"named": counts["named"], "exact": counts["exact"], "interval": [round(low, 4), round(high, 4)]}
    if work.task in COSTS:
        told |= {"replies": counts["replies"], "tokens": counts["tokens"]}
    if work.task == "agree":
        kappas = [
            {"labellers": list(names), "rows": pair.rows, "cohen": _rounded(pair.kappa)}
            for names, pair in found.agreement.pairs.items()
        ]
        told |= {"kappa": kappas, "fleiss": _rounded(found.agreement.fleiss)}
    return told


def _rounded(kappa: float | None) -> float | None:
    return None if kappa is None else round(kappa, 4)
