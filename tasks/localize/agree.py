"""`agree`: keeps the solutions whose labellers name the same first wrong step, by a stated rule.

The labellers are the judging models, each by the majority of its own
judgements, the estimation, and the people whose labels came in with a solution. A model's votes are one labeller: they share its
blind spots, so that counting each would let one model outvote the others. The
rule `posterior` counts no heads: it works out how probable each step is, given
all evidence (`tasks.localize.posterior`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.columns.gold import GOLD_ORIGIN
from schemas.columns.human import HUMAN_LABEL
from schemas.columns.labels import AGREE_COLUMNS, AGREE_LABEL, POSTERIOR_COLUMNS
from schemas.contract import DETAIL, REASON, Column, Contract
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Reply, Request
from schemas.task import Fit, Input, Outcome, Parameters, PerRow
from schemas.task import Rows as Parts
from tasks.localize.posterior.evidence import list_columns
from tasks.localize.posterior.fit import fit_rates, sample_rows
from tasks.localize.posterior.label import PosteriorLabel, label_rows
from tasks.localize.posterior.rates import EVIDENCE, EvidenceName, FittedRates
from tasks.localize.raters import Ratings, list_rating_columns, rate

ESTIMATED = ("estimate_first_error", "estimate_undecided", "tried", "succeeded")
JUDGED = ("judges", "judge_labels", "judge_faults", "judge_first_error", "judge_undecided")
LABELS = AGREE_LABEL.combines
PEOPLE = tuple(name for name in (HUMAN_LABEL.votes.columns() if HUMAN_LABEL.votes else ()))
SEEN = tuple(
    dict.fromkeys(
        (*list_rating_columns(LABELS), "judge_first_error", "judge_undecided", *ESTIMATED, "verdict", GOLD_ORIGIN)
    )
)
"""The columns that are looked at, where the table has them."""
POSTERIOR = "posterior"
_LEAST = 0.95
_OF_POSTERIOR = {"at_least", "expected", "evidence", "truth"}
DISAGREE, CONTRADICTS = "labellers disagree", "contradicts the verdict"


class AgreeParameters(Parameters):
    """Parameters of `agree`."""

    rule: Literal["estimate and judges", "k of n", "unanimous", "posterior"] = Field(
        "estimate and judges",
        description="Keep where estimation and more than half of all judgements name the same step; where one step alone is "
        "named by `k` labellers or more; where all labellers name the same; or where one step is probable enough given all "
        "evidence. Each model that judges is a labeller, by the majority of its votes, and so is the estimation if there is one.",
    )
    k: int | None = Field(None, ge=1, le=1_000, description="Labellers that must name the step, for `k of n` alone.")
    at_least: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The probability that a label must have, for `posterior` alone; 0.95 unless given.",
    )
    expected: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="In place of `at_least`: the surest labels are kept as long as so many of those that name a step are expected "
        "to be right by their own probabilities. Truth has no part in it.",
    )
    evidence: list[EvidenceName] = Field(
        list(EVIDENCE),
        min_length=1,
        description="The evidence that `posterior` looks at: counts of rollouts, what the numbers of steps show beside a right "
        "solution or without one, judges' votes, proofs of task locate.",
    )
    truth: bool = Field(
        True,
        description="Whether the rates of `posterior` may be fitted to what is known of the truth (task truth), of other "
        "problems than the row's own; else to the evidence alone.",
    )


class FittedAgreeParameters(AgreeParameters):
    """Parameters of `agree` by the posterior, with the rates that were fitted to the table."""

    rates: FittedRates


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


def confidence(row: Mapping[str, Any], label: int, named: Sequence[int | None] = ()) -> float:
    """The share of the judgements (of all labellers where none judges) that name a step, times (n + 1) / (n + 2) after n failures of rollouts through it."""
    labels = row.get("judge_labels") or named
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
    if rules.rule == POSTERIOR:
        return _agree_by_posterior(part, rules)
    rows = _hide_gold(part.select(name for name in SEEN if name in part.columns)).to_dicts()
    ratings = [rate(row, LABELS) for row in rows]
    verdicts = [apply_rule(row, rating, rules) for row, rating in zip(rows, ratings)]
    added = [_added(row, rating, verdict.label) for row, rating, verdict in zip(rows, ratings, verdicts)]
    details = [_detail(row, rating) for row, rating in zip(rows, ratings)]
    return _divide(part, added, [verdict.reason for verdict in verdicts], details, AGREE_COLUMNS)


def _hide_gold(part: pl.DataFrame) -> pl.DataFrame:
    """Rows without the votes of people whose labels are the gold that the outcome is to be held against."""
    votes = [name for name in PEOPLE if name in part.columns]
    if not votes or GOLD_ORIGIN not in part.columns:
        return part
    is_gold = pl.col(GOLD_ORIGIN).eq_missing(pl.lit("human"))
    return part.with_columns(pl.when(~is_gold).then(pl.col(name)).alias(name) for name in votes)


def _agree_by_posterior(part: pl.DataFrame, rules: AgreeParameters) -> Outcome:
    """Adds what is likeliest given all evidence to the rows where it is probable enough; the others are rejected with it."""
    # nothing contradicts the verdict: a wrong solution has a wrong step, and a right answer may have been come to by one
    if not isinstance(rules, FittedAgreeParameters):  # a preview: these rows are all there is
        rules = _settle([part], rules)
    rows = _hide_gold(part.select(name for name in _list_posterior_columns() if name in part.columns)).to_dicts()
    ratings = [rate(row, LABELS) for row in rows]
    labels = label_rows(rows, LABELS, rules.rates, rules.evidence)
    least = _LEAST if rules.at_least is None else rules.at_least
    reasons = ["" if label.probability >= least else f"probability below {least:g}" for label in labels]
    added = [
        None if why else {**(_added(row, rating, label.first_error) or {}), **_describe_posterior(label)}
        for row, rating, label, why in zip(rows, ratings, labels, reasons)
    ]
    details = [f"{label.describe()}; {_detail(row, rating)}" for row, rating, label in zip(rows, ratings, labels)]
    return _divide(part, added, reasons, details, (*AGREE_COLUMNS, *POSTERIOR_COLUMNS))


def _describe_posterior(label: PosteriorLabel) -> dict[str, Any]:
    values = (label.probability, label.distribution, label.evidence, label.strength)
    return {"confidence": label.probability, **dict(zip((column.name for column in POSTERIOR_COLUMNS), values))}


def _divide(
    part: pl.DataFrame,
    added: Sequence[dict[str, Any] | None],
    reasons: Sequence[str],
    details: Sequence[str],
    columns: Sequence[Column],
) -> Outcome:
    """Rows with what is added to them; those to which nothing is are rejected."""
    schema = to_polars_schema(Contract("agreements", "", tuple(columns), ""))
    holds = pl.Series([values is not None for values in added], dtype=pl.Boolean)
    kept = part.filter(holds).drop(schema, strict=False)
    rejected = part.filter(~holds).with_columns(
        pl.Series(REASON.name, [why for why, values in zip(reasons, added) if values is None], dtype=pl.String),
        pl.Series(DETAIL.name, [detail for detail, values in zip(details, added) if values is None], dtype=pl.String),
    )
    frame = pl.DataFrame([values for values in added if values is not None], schema=schema)
    return Outcome(pl.concat([kept, frame], how="horizontal"), rejected)


def _added(row: Mapping[str, Any], ratings: Ratings, label: int | None) -> dict[str, Any] | None:
    """The columns that are added to a row; None where the labellers do not agree."""
    if label is None:
        return None
    return {
        "first_error": label,
        "labellers": list(ratings.names),
        "labels": list(ratings.labels),
        "agreement": ratings.labels.count(label) / len(ratings.labels) if ratings.labels else 0.0,
        "confidence": confidence(row, label, ratings.labels),
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
    if parameters.rule != POSTERIOR and _OF_POSTERIOR & parameters.model_fields_set:
        named = next(
            name for name in AgreeParameters.model_fields if name in _OF_POSTERIOR & parameters.model_fields_set
        )
        faults.append(f"{named}: is for the rule `posterior` alone; write `rule: posterior`, or leave it out")
    if not any(label.column in contract.names() for label in LABELS):
        faults.append(
            "rule: the table has no labels to agree on; put `judge` or `estimate` before, or `labels` in `import`"
        )
    if parameters.at_least is not None and parameters.expected is not None:
        faults.append("expected: takes the place of `at_least`; give one of the two")
    lacking = [name for name in (*ESTIMATED, *JUDGED) if name not in contract.names()]
    if parameters.rule == "estimate and judges" and lacking:
        faults.append(
            f"rule: needs columns that the table has not ({', '.join(lacking)}); put `judge` and `estimate` before, "
            "or take `unanimous` or `k of n`"
        )
    return faults


def _makes(parameters: AgreeParameters, contract: Contract) -> Contract:
    return contract.having(*AGREE_COLUMNS, *(POSTERIOR_COLUMNS if parameters.rule == POSTERIOR else ()))


def _list_posterior_columns() -> tuple[str, ...]:
    return tuple(dict.fromkeys((*SEEN, *list_columns(LABELS), GOLD_ORIGIN)))


def _settle(parts: Parts, rules: AgreeParameters) -> FittedAgreeParameters:
    """The rules with the rates that fit a table, and with the probability that labels must have there."""
    rows = sample_rows(map(_hide_gold, parts), LABELS)
    rates = fit_rates(rows, LABELS, rules.evidence, rules.truth)
    settled = rules.model_dump()
    if rules.expected is not None:
        labels = label_rows(rows, LABELS, rates, rules.evidence)
        settled |= {
            "at_least": choose_least([label.probability for label in labels if label.first_error >= 0], rules.expected)
        }
    return FittedAgreeParameters(**settled, rates=rates)


def choose_least(probabilities: Sequence[float], expected: float) -> float:
    """The least probability of the surest labels, as many as there are of which so many are expected to be right."""
    total, taken, least = 0.0, 0, 1.0
    # those that are as sure go together
    for probability, count in sorted(Counter(probabilities).items(), reverse=True):
        total, taken = total + probability * count, taken + count
        if total < expected * taken:
            break
        least = probability
    return least


def _ask_nothing(
    parts: Parts, rules: AgreeParameters, _: Mapping[str, ModelId]
) -> Generator[Sequence[Request], Mapping[str, Reply], AgreeParameters]:
    """Settles the rates of the posterior; a generator, as fits are, that has no request."""
    yield from ()
    return _settle(parts, rules)


def _make_fit(rules: AgreeParameters) -> Fit[AgreeParameters] | None:
    """The fitting of rates, where they are needed."""
    columns = tuple(dict.fromkeys(("solution_id", GOLD_ORIGIN, *list_columns(LABELS))))
    return Fit(_ask_nothing, columns=columns, record=FittedAgreeParameters) if rules.rule == POSTERIOR else None


AGREE = PerRow(
    name="agree",
    summary="Keeps the solutions whose labellers (judges, estimation, people) name the same first wrong step by a stated rule.",
    version="10",
    parameters=AgreeParameters,
    needs=("steps",),
    inputs=(Input("judge", JUDGED), Input("estimate", ESTIMATED)),
    makes=_makes,
    check=_check,
    fit=_make_fit,
    run=agree_labels,
    labels=(AGREE_LABEL,),
)
