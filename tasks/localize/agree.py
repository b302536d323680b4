"""`agree`: keeps the solutions whose labellers name the same first wrong step, by a stated rule.

The labellers are the judging models, each by the majority of its own
judgements, and the estimation. A model's votes are one labeller: they share its
blind spots, so that counting each would let one model outvote the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.columns.labels import AGREE_COLUMNS, AGREE_LABEL
from schemas.contract import DETAIL, REASON, Contract
from schemas.frames import to_polars_schema
from schemas.task import Input, Outcome, Parameters, PerRow
from tasks.localize.raters import Ratings, list_rating_columns, rate

ADDED = to_polars_schema(Contract("agreements", "", AGREE_COLUMNS, ""))
ESTIMATED = ("estimate_first_error", "estimate_undecided", "tried", "succeeded")
JUDGED = ("judges", "judge_labels", "judge_faults", "judge_first_error", "judge_undecided")
LABELS = AGREE_LABEL.combines
SEEN = tuple(
    dict.fromkeys((*list_rating_columns(LABELS), "judge_first_error", "judge_undecided", *ESTIMATED, "verdict"))
)
"""The columns that are looked at, where the table has them."""
DISAGREE, CONTRADICTS = "labellers disagree", "contradicts the verdict"


class AgreeParameters(Parameters):
    """Parameters of `agree`."""

    rule: Literal["estimate and judges", "k of n", "unanimous"] = Field(
        "estimate and judges",
        description="Keep where estimation and more than half of all judgements name the same step; where one step alone is "
        "named by `k` labellers or more; or where all labellers name the same. Each model that judges is a labeller, by "
        "the majority of its votes, and so is the estimation if there is one.",
    )
    k: int | None = Field(None, ge=1, le=1_000, description="Labellers that must name the step, for `k of n` alone.")


@dataclass(frozen=True)
class Verdict:
    """The outcome of the rule for one solution."""

    label: int | None
    """The step on which the labellers agree, counted from 0, -1 for none; None where they do not."""
    reason: str = ""
    """Why they do not, in few words."""


def apply_rule(row: Mapping[str, Any], ratings: Ratings, rules: AgreeParameters) -> Verdict:
    """The outcome of a rule for one row and its labels."""
    if rules.rule == "estimate and judges":
        verdict = _both(row)
    elif rules.rule == "unanimous":
        verdict = _at_least(ratings, len(ratings.labels))
    else:
        verdict = _at_least(ratings, rules.k or 1)
    if verdict.label is not None and _contradicts(verdict.label, row.get("verdict")):
        return Verdict(None, CONTRADICTS)
    return verdict


def _both(row: Mapping[str, Any]) -> Verdict:
    judges, estimate = row["judge_first_error"], row["estimate_first_error"]
    if judges is None:
        return Verdict(None, f"judges undecided: {row['judge_undecided'] or 'no majority'}")
    if estimate is None:
        return Verdict(None, "estimation undecided")
    return Verdict(judges) if judges == estimate else Verdict(None, DISAGREE)


def _at_least(ratings: Ratings, k: int) -> Verdict:
    """The one step that k labellers or more name; two such steps are none."""
    counts = Counter(label for label in ratings.labels if label is not None)
    if k > len(ratings.labels):
        return Verdict(None, "fewer labellers than k")
    named = [label for label, count in counts.items() if count >= k]
    if len(named) == 1:
        return Verdict(named[0])
    # undecided ones are to blame where nobody names another step
    return Verdict(None, DISAGREE if len(counts) > 1 or None not in ratings.labels else "labellers undecided")


def _contradicts(label: int, verdict: str | None) -> bool:
    """Whether no step is wrong in a solution that is, or one is in a solution that is right."""
    return verdict == ("wrong" if label < 0 else "right")


def confidence(row: Mapping[str, Any], label: int) -> float:
    """The share of the judgements that name a step, times (n + 1) / (n + 2) after n failures of rollouts through it."""
    labels = row["judge_labels"]
    share = labels.count(label) / len(labels) if labels else 0.0
    tried, succeeded = row.get("tried"), row.get("succeeded")
    if label < 0 or not tried or not succeeded:
        return share
    failed = (tried[label] or 0) - (succeeded[label] or 0)
    return float(share * (failed + 1) / (failed + 2))


def agree_labels(part: pl.DataFrame, rules: AgreeParameters) -> Outcome:
    """Adds what the labellers agree on to the rows where they do; the others are rejected with every label.

    Args:
        part: Solutions with the labels of judges, of estimation, or of both.
        rules: Who must agree.

    Returns:
        The rows whose labellers name the same step, counted from 0 (-1 for none); the others with the reason.

    """
    rows = part.select(name for name in SEEN if name in part.columns).to_dicts()
    ratings = [rate(row, LABELS) for row in rows]
    verdicts = [apply_rule(row, rating, rules) for row, rating in zip(rows, ratings)]
    holds = pl.Series([verdict.label is not None for verdict in verdicts], dtype=pl.Boolean)
    added = [_added(*labelled) for labelled in zip(rows, ratings, verdicts) if labelled[2].label is not None]
    kept = part.filter(holds).drop(ADDED, strict=False)
    dropped = [(row, rating, verdict) for row, rating, verdict in zip(rows, ratings, verdicts) if verdict.label is None]
    rejected = part.filter(~holds).with_columns(
        pl.Series(REASON.name, [verdict.reason for *_, verdict in dropped], dtype=pl.String),
        pl.Series(DETAIL.name, [_detail(row, rating) for row, rating, _ in dropped], dtype=pl.String),
    )
    return Outcome(pl.concat([kept, pl.DataFrame(added, schema=ADDED)], how="horizontal"), rejected)


def _added(row: Mapping[str, Any], ratings: Ratings, verdict: Verdict) -> dict[str, Any]:
    assert verdict.label is not None
    return {
        "first_error": verdict.label,
        "labellers": list(ratings.names),
        "labels": list(ratings.labels),
        "agreement": ratings.labels.count(verdict.label) / len(ratings.labels),
        "confidence": confidence(row, verdict.label),
    }


def _detail(row: Mapping[str, Any], ratings: Ratings) -> str:
    """Every label as the columns have it, and the verdict where there is one."""
    labels = [_describe(name, label, why) for name, label, why in zip(ratings.names, ratings.labels, ratings.undecided)]
    return ", ".join([*labels, *([f"verdict {row['verdict']}"] if row.get("verdict") else [])])


def _describe(name: str, label: int | None, why: str) -> str:
    answer = f"undecided ({why})" if label is None else "none" if label < 0 else f"step {label}"
    return f"{name}: {answer}"


def _check(parameters: AgreeParameters, contract: Contract) -> list[str]:
    """Parameters that do not belong together, and columns that the rule needs."""
    faults = []
    if (parameters.rule == "k of n") != (parameters.k is not None):
        faults.append("k: is needed by the rule `k of n`, and by that alone")
    lacking = [name for name in ESTIMATED if name not in contract.names()]
    if parameters.rule == "estimate and judges" and lacking:
        faults.append(
            f"rule: needs columns of estimation ({', '.join(lacking)}), which the table has not; put `estimate` before, "
            "or take `unanimous` or `k of n`"
        )
    return faults


def _makes(_: AgreeParameters, contract: Contract) -> Contract:
    return contract.having(*AGREE_COLUMNS)


AGREE = PerRow(
    name="agree",
    summary="Keeps the solutions whose labellers, judges and estimation, name the same first wrong step by a stated rule.",
    version="1",
    parameters=AgreeParameters,
    needs=JUDGED,
    inputs=(Input("judge", JUDGED), Input("estimate", ESTIMATED)),
    makes=_makes,
    check=_check,
    run=agree_labels,
    labels=(AGREE_LABEL,),
)
