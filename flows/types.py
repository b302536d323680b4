"""What kinds of mistakes a corpus has: how many of each, who said so, and, where the truth is known, how often that is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from flows.plan import Plan, Work
from tasks.classification.rules import SPOKEN
from tasks.classify import ClassifyParameters
from tasks.evaluation.types import Confusion
from tasks.world.program import load
from tasks.world.truth import judge

WIDE = (
    "error_type", "typed_by", "type_undecided", "type_share", "first_error", "model", "set", "program", "steps",
    "injected_type", "injected_taxonomy",
)  # fmt: skip
LATEST = 5
"""Step positions from this one on are counted together."""


def types(plan: Plan) -> list[dict[str, Any]]:
    """One mapping for each table that `classify` made.

    Types in all and by model, set and step, who decided, and the mean share of
    votes; against the truth (of Abacus' world, or of mistakes made on purpose)
    accuracy, macro-F1, what rules decide and how often rightly, and the confusion.
    """
    return [_told(work, plan) for work in plan.works if work.task == "classify"]


def _told(work: Work, plan: Plan) -> dict[str, Any]:
    counted: dict[str, Counter[Any]] = {name: Counter() for name in ("type", "by", "why", "model", "set", "step")}
    confusion, ruled = Confusion(), Confusion()
    shares: list[float] = []
    for part in _parts(work, plan):
        for row in part.to_dicts():
            _count(counted, row)
            shares += [row["type_share"]] if row["type_share"] is not None else []
            truth = _truth(row, work)
            if truth:
                confusion.add(truth, row["error_type"])
                ruled.add(truth, row["error_type"] if (row["typed_by"] or "").startswith("rule") else None)
    told: dict[str, Any] = {
        "table": work.name, "taxonomy": work.parameters.taxonomy.id, "rows": counted["type"].total(),  # type: ignore[attr-defined]
        "typed": counted["by"].total(), "by": _ordered(counted["by"]), "undecided": _ordered(counted["why"]),
        "types": _ordered(counted["type"]), "share": round(sum(shares) / len(shares), 4) if shares else None,
    }  # fmt: skip
    for name in ("model", "set", "step"):
        told[f"types_by_{name}"] = _nested(counted[name])
    if confusion.rows:
        told["truth"] = {**confusion.told(), "rules": ruled.told(brief=True)}
    return told


def _parts(work: Work, plan: Plan) -> Iterator[pl.DataFrame]:
    columns = [name for name in work.contract.names() if name in WIDE]
    for part in plan.done[work.name].receipt.parts:
        yield work.folder().read(part, columns)


def _count(counted: dict[str, Counter[Any]], row: dict[str, Any]) -> None:
    name = row["error_type"] or "undecided"
    counted["type"][name] += 1
    if row["error_type"]:
        by, _, rule = row["typed_by"].partition(": ")
        counted["by"][f"{by}: {rule}" if rule else by] += 1
    else:
        counted["why"][row["type_undecided"]] += 1
    for column in ("model", "set"):
        if column in row:
            counted[column][row[column], name] += 1
    at = row["first_error"]
    if at is not None and at >= 0:
        counted["step"][str(at) if at < LATEST else f"{LATEST} and later", name] += 1


def _truth(row: dict[str, Any], work: Work) -> str | None:
    """The true type, in the table's taxonomy, of a row of Abacus' world, or of one that was made wrong on purpose."""
    assert isinstance(work.parameters, ClassifyParameters)
    taxonomy = work.parameters.taxonomy
    if row.get("injected_type"):
        return taxonomy.translated(row["injected_taxonomy"].partition("@")[0], row["injected_type"])
    if "program" not in row or "steps" not in row:
        return None
    kind = judge(load(row["program"]), row["steps"]).kind
    return taxonomy.translated(SPOKEN, kind) if kind else None


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _nested(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (outer, inner), n in sorted(counts.items()):
        found.setdefault(outer, {})[inner] = n
    return found
