"""`step-pairs`: a right and a wrong way on from the same beginning, as step-wise preference training reads them.

Sources: rectified pairs are Step-DPO's (arXiv 2406.18629, section 3.2): the
wrong step of a model beside the first step of a right continuation by the same
model. Edited pairs are RISE's (arXiv 2410.06638): a right step beside the same
one made wrong. First pits are those of RL on incorrect synthetic data (arXiv
2406.14532): a right solution beside a wrong one cut where rollouts succeed least.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.columns.corrections import STEP_PAIRS
from schemas.columns.problems import PROBLEM_COLUMNS
from schemas.contract import DETAIL, REASON, Contract
from schemas.frames import to_polars_schema
from schemas.task import Outcome, Parameters, PerProblem
from tasks.inject.filters import LEAKS
from tasks.sources.content_ids import digest, normalize_text

Source = Literal["rectified", "edited", "first pit"]
Row = Mapping[str, Any]
Why = tuple[str, str | None]
_PROBLEM = tuple(column.name for column in PROBLEM_COLUMNS)


class PairsParameters(Parameters):
    """Parameters of `pairs`."""

    by: Source = Field(
        description="How the sides come about: rectified (of `continue`), edited (of `inject`), or first pit (of soft labels)."
    )
    most: int | None = Field(
        1, ge=1, description="Pairs of a problem that are kept, the choice depending on ids alone; null keeps all."
    )


class _NoPair(Exception):
    """A row of which no pair can be made: reason and detail."""


def pair_steps(part: pl.DataFrame, parameters: PairsParameters) -> Outcome:
    """A pair of each row that has one, so many of a problem as are wanted.

    Args:
        part: All rows of some problems: continuations, mistakes made on purpose, or solutions with soft labels.
        parameters: How the sides come about, and how many are kept.

    Returns:
        Pairs; rows of which there is none, and pairs beyond those wanted, are rejected with the reason.

    """
    make = SOURCES[parameters.by].make
    pairs: list[dict[str, Any]] = []
    why: list[Why | None] = [None] * part.height
    by_problem: dict[str, list[tuple[str, int, dict[str, Any]]]] = {}
    for i, row in enumerate(part.iter_rows(named=True)):
        try:
            pair = _finish(row, make(row), parameters.by)
        except _NoPair as error:
            why[i] = error.args
            continue
        by_problem.setdefault(row["problem_id"], []).append((digest("pairs", pair["pair_id"]), i, pair))
    for candidates in by_problem.values():
        kept: dict[str, None] = {}
        for _, i, pair in sorted(candidates, key=lambda candidate: candidate[:2]):
            if pair["pair_id"] in kept:
                why[i] = ("the same pair again", pair["pair_id"])
            elif parameters.most is not None and len(kept) == parameters.most:
                why[i] = ("more pairs of the problem than wanted", None)
            else:
                kept[pair["pair_id"]] = None
                pairs.append(pair)
    reasons = pl.DataFrame(
        [reason or (None, None) for reason in why],
        schema={REASON.name: pl.String, DETAIL.name: pl.String},
        orient="row",
    )
    rejected = part.hstack(reasons).filter(pl.col(REASON.name).is_not_null())
    return Outcome(pl.DataFrame(pairs, schema=to_polars_schema(STEP_PAIRS)), rejected)


def _finish(row: Row, sides: dict[str, Any], by: Source) -> dict[str, Any]:
    """A pair, with its problem and its id; raises `_NoPair` where the sides say the same, or one gives itself away."""
    chosen, rejected = sides["chosen"], sides["rejected"]
    if normalize_text(chosen) == normalize_text(rejected):
        raise _NoPair("both sides say the same", None)
    if leak := next((match for text in (chosen, rejected) if (match := LEAKS.search(text))), None):
        raise _NoPair("gives the mistake away", f"{leak[0].strip()[:40]} stands in the text")
    before = sides["steps_before"]
    name = digest("pair", row["problem_id"], by, *before, "chosen", chosen, "rejected", rejected)
    problem = {column: row[column] for column in _PROBLEM if column in row}
    return {**problem, "q_chosen": None, "q_rejected": None, **sides, "pair_by": by, "pair_id": name}


def _rectify(row: Row) -> dict[str, Any]:
    if row["continued"] != "before error" or row["verdict"] != "right":
        raise _NoPair("not a right continuation from before the error", f"{row['verdict']}, {row['continued']}")
    return {
        "steps_before": row["steps_before"], "number": len(row["steps_before"]), "chosen": row["next_step"], "rejected": row["wrong_step"],
        "chosen_whole": row["text"], "rejected_whole": row["from_text"], "chosen_by": row["model"], "rejected_by": row["model"],
        "rejected_id": row["from_id"],
    }  # fmt: skip


def _edit(row: Row) -> dict[str, Any]:
    at, original = row["injected_at"], row["injected_original"]
    if at < 0:
        raise _NoPair("no mistake was made", None)
    if at >= min(len(original), len(row["steps"])):
        raise _NoPair("the step was left out, not edited", None)
    return {
        "steps_before": original[:at], "number": at, "chosen": original[at], "rejected": row["steps"][at],
        "chosen_whole": "\n".join(original), "rejected_whole": row["text"], "chosen_by": row["model"], "rejected_by": row["injected_by"],
        "rejected_id": row["solution_id"],
    }  # fmt: skip


def _cut_at_pit(row: Row) -> dict[str, Any]:
    soft, right = row["soft"], (row["right_rationale"] or "").strip()
    if row["verdict"] != "wrong" or not right:
        raise _NoPair("no wrong solution with a right one beside it", row["verdict"])
    if not soft or any(share is None for share in soft):
        raise _NoPair("no soft label of every step", None)
    pit = min(range(len(soft)), key=lambda step: (soft[step], step))
    steps = row["steps"][: pit + 1]
    return {
        "steps_before": [], "number": pit, "chosen": right, "rejected": "\n".join(steps), "chosen_whole": right, "rejected_whole": row["text"],
        "chosen_by": row["model"] if row["right_from"] == "same model" else row["right_from"], "rejected_by": row["model"],
        "rejected_id": row["solution_id"], "q_rejected": soft[pit],
    }  # fmt: skip


@dataclass(frozen=True)
class PairSource:
    """One way in which the sides of a pair come about."""

    needs: tuple[str, ...]
    """The columns that rows must have for it."""
    after: str
    """The task that makes them."""
    make: Callable[[Row], dict[str, Any]]


SOURCES: dict[Source, PairSource] = {
    "rectified": PairSource(("from_id", "from_text", "continued", "steps_before", "wrong_step", "next_step", "verdict", "model", "text"), "continue", _rectify),
    "edited": PairSource(("injected_at", "injected_original", "injected_by", "solution_id", "steps", "model", "text"), "inject", _edit),
    "first pit": PairSource(("soft", "right_rationale", "right_from", "verdict", "solution_id", "steps", "model", "text"), "estimate (label: soft, method: every-step) and contrast", _cut_at_pit),
}  # fmt: skip


def _check(parameters: PairsParameters, given: Contract) -> list[str]:
    """What the table lacks."""
    source = SOURCES[parameters.by]
    missing = [name for name in source.needs if name not in given.names()]
    return [f"by: {parameters.by} pairs need the column '{missing[0]}'; put {source.after} before"] if missing else []


PAIRS = PerProblem(
    name="step-pairs",
    summary="Pairs a right and a wrong step behind the same beginning, for step-wise preference training.",
    version="1",
    parameters=PairsParameters,
    needs=("problem_id", "question", "answer"),
    makes=lambda _, __: STEP_PAIRS,
    check=_check,
    run=pair_steps,
)
