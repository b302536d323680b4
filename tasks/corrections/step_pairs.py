"""`step-pairs`: a right and a wrong way on from the same beginning, as step-wise preference training reads them.

Sources: rectified pairs are Step-DPO's (arXiv 2406.18629, section 3.2): the
wrong step of a model beside the first step of a right continuation by the same
model. Edited pairs are RISE's (arXiv 2410.06638): a right step beside the same
one made wrong. Siblings are those of MCTS-DPO (arXiv 2405.00451). First pits are
those of RL on incorrect synthetic data (arXiv 2406.14532): a right solution
beside a wrong one cut where rollouts succeed least. Judged pairs are
SuperCorrect's (arXiv 2410.09008): a teacher's analysis and correction of a wrong
step beside the student's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.columns.corrections import STEP_PAIRS
from schemas.columns.problems import PROBLEM_COLUMNS
from schemas.contract import Contract
from schemas.frames import Why, reject_rows, to_polars_schema
from schemas.task import Outcome, Parameters, PerProblem
from tasks.corrections.bare_steps import strip_answer
from tasks.corrections.siblings import find_missing, pair_siblings
from tasks.corrections.splice import SOURCE_WORDS
from tasks.inject.filters import LEAKS
from tasks.sources.content_ids import digest, normalize_text

Source = Literal["rectified", "edited", "siblings", "first pit", "judged"]
Row = Mapping[str, Any]
_PROBLEM = tuple(column.name for column in PROBLEM_COLUMNS)


class PairsParameters(Parameters):
    """Parameters of `pairs`."""

    by: Source = Field(
        description="How the sides come about: rectified (of `continue`), edited (of `inject`), siblings (of "
        "`continue` with `keep: all`), first pit (of soft labels), or judged (of `correct`)."
    )
    most: int | None = Field(
        1,
        ge=1,
        description="Pairs of a problem that are kept: those whose sides are nearest in length (edited pairs and first pits: by "
        "ids alone); null keeps all.",
    )
    alike: float | None = Field(
        1.5,
        ge=1,
        description="Times that the longer step of a pair may be as long as the shorter, in characters, for length gives the wrong "
        "one away; null takes all. First pits are whole solutions, and all taken.",
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
    rows = part.to_dicts()
    pairs: list[dict[str, Any]] = []
    why: list[Why | None] = [None] * part.height
    problems: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        problems.setdefault(row["problem_id"], []).append(i)
    for indices in problems.values():
        candidates = []
        for at, sides in SOURCES[parameters.by].make([rows[i] for i in indices]):
            i = indices[at]
            if isinstance(sides, dict):
                sides = _finish(rows[i], sides, parameters)
            if isinstance(sides, dict):
                candidates.append((i, sides))
            else:
                why[i] = sides
        for i, pair, reason in _choose(candidates, parameters):
            why[i] = reason
            pairs += [] if reason else [pair]
    return Outcome(pl.DataFrame(pairs, schema=to_polars_schema(STEP_PAIRS)), reject_rows(part, why))


def _choose(
    candidates: list[tuple[int, dict[str, Any]]], parameters: PairsParameters
) -> Iterator[tuple[int, dict[str, Any], Why | None]]:
    """The pairs of a problem, and why each is not kept: those wanted are the nearest in length, where nobody chose their lengths."""
    nearest = SOURCES[parameters.by].nearest

    def place(candidate: tuple[int, dict[str, Any]]) -> tuple[int, str, int]:
        i, pair = candidate
        apart = abs(len(pair["chosen"]) - len(pair["rejected"])) if nearest else 0
        return apart, digest("pairs", pair["pair_id"]), i

    kept: set[str] = set()
    for i, pair in sorted(candidates, key=place):
        if pair["pair_id"] in kept:
            yield i, pair, ("the same pair again", pair["pair_id"])
        elif parameters.most is not None and len(kept) == parameters.most:
            yield i, pair, ("more pairs of the problem than wanted", None)
        else:
            kept.add(pair["pair_id"])
            yield i, pair, None


def _finish(row: Row, sides: dict[str, Any], parameters: PairsParameters) -> dict[str, Any] | Why:
    """A pair, with its problem and its id; or why there is none: its sides say the same, or give themselves away."""
    if SOURCES[parameters.by].of_steps:
        sides = {**sides, **{side: strip_answer(sides[side]) for side in ("chosen", "rejected")}}
    chosen, rejected = sides["chosen"], sides["rejected"]
    if not chosen or not rejected:
        return "nothing but the answer", f"the {'rejected' if chosen else 'chosen'} side"
    if normalize_text(chosen) == normalize_text(rejected):
        return "both sides say the same", None
    if leak := next(
        (match for text in (chosen, rejected) if (match := SOURCES[parameters.by].leaks.search(text))), None
    ):
        return "gives the mistake away", f"{leak[0].strip()[:40]} stands in the text"
    short, long = sorted((len(chosen), len(rejected)))
    if SOURCES[parameters.by].of_steps and parameters.alike is not None and long > parameters.alike * short:
        return "the length gives it away", f"{len(chosen)} characters beside {len(rejected)}"
    by, before = parameters.by, sides["steps_before"]
    name = digest("pair", row["problem_id"], by, *before, "chosen", chosen, "rejected", rejected)
    problem = {column: row[column] for column in _PROBLEM if column in row}
    unknown = dict.fromkeys(("q_chosen", "q_rejected", "confidence", "epsilon"))
    type_ = row.get("injected_type") or row.get("error_type")
    return {**problem, **unknown, "error_type": type_, **sides, "pair_by": by, "pair_id": name}


Sides = Iterator[tuple[int, dict[str, Any] | Why]]


def _by_row(make: Callable[[Row], dict[str, Any]]) -> Callable[[Sequence[Row]], Sides]:
    """Pairs of which each is of one row."""

    def make_all(rows: Sequence[Row]) -> Sides:
        for i, row in enumerate(rows):
            try:
                yield i, make(row)
            except _NoPair as error:
                yield i, error.args

    return make_all


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


def _oppose(row: Row) -> dict[str, Any]:
    if row["student_verdict"] != "wrong" or row["student_first_error"] != row["number"]:
        raise _NoPair("the student's step is not known to be wrong", row["student_verdict"])
    sides = {
        side: f"{row[f'{who}_analysis']}\n{row[f'{who}_correction']}"
        for side, who in (("chosen", "teacher"), ("rejected", "student"))
    }
    return sides | {
        "steps_before": row["steps_before"], "number": row["number"], "chosen_whole": row["teacher_whole"], "rejected_whole": row["student_whole"],
        "chosen_by": row["teacher"], "rejected_by": row["student"], "rejected_id": row["from_id"],
    }  # fmt: skip


@dataclass(frozen=True)
class PairSource:
    """One way in which the sides of a pair come about."""

    needs: tuple[str, ...]
    """The columns that rows must have for it."""
    after: str
    """The task that makes them."""
    make: Callable[[Sequence[Row]], Sides]
    """For each row of a problem the sides of its pair, or why it has none."""
    of_steps: bool = True
    """Whether the sides are steps; else they are solutions."""
    leaks: re.Pattern[str] = LEAKS
    """Words that give a side away; analyses speak of mistakes on both."""
    nearest: bool = False
    """Whether of several pairs those nearest in length are taken; where an edit was drawn by chance, that would prefer some edits."""


SOURCES: dict[Source, PairSource] = {
    "rectified": PairSource(("from_id", "from_text", "continued", "steps_before", "wrong_step", "next_step", "verdict", "model", "text"), "continue", _by_row(_rectify), nearest=True),
    "edited": PairSource(("injected_at", "injected_original", "injected_by", "solution_id", "steps", "model", "text"), "inject", _by_row(_edit)),
    "siblings": PairSource(("steps_before",), "continue (keep: all)", pair_siblings, nearest=True),
    "first pit": PairSource(("soft", "right_rationale", "right_from", "verdict", "solution_id", "steps", "model", "text"), "estimate (label: soft, method: every-step) and contrast", _by_row(_cut_at_pit), of_steps=False),
    "judged": PairSource(("teacher_analysis", "student_analysis", "student_verdict", "student_first_error"), "correct", _by_row(_oppose), leaks=SOURCE_WORDS, nearest=True),
}  # fmt: skip


def _check(parameters: PairsParameters, given: Contract) -> list[str]:
    """What the table lacks."""
    source = SOURCES[parameters.by]
    missing = next((name for name in source.needs if name not in given.names()), None)
    if missing is None and parameters.by == "siblings":
        missing = find_missing(given)
    return [f"by: {parameters.by} pairs need the column '{missing}'; put {source.after} before"] if missing else []


PAIRS = PerProblem(
    name="step-pairs",
    summary="Pairs a right and a wrong step behind the same beginning, for step-wise preference training.",
    version="2",
    parameters=PairsParameters,
    needs=("problem_id", "question", "answer"),
    makes=lambda _, __: STEP_PAIRS,
    check=_check,
    run=pair_steps,
)
