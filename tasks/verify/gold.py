"""`gold`: gold answers are verified before anything is judged by them.

A problem whose gold answer is not found right against itself, or is
contradicted by the answer of its own reference solution, would make mistakes
out of right solutions: it is rejected with the reason.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from schemas.contract import DETAIL, REASON
from schemas.task import Outcome, PerRow
from tasks.verify.compare import choose_answer_kind
from tasks.verify.extract import extract
from tasks.verify.extraction import AnswerKind
from tasks.verify.judgement import Compare, Judgement
from tasks.verify.math_verify.pool import compared
from tasks.verify.memo import VerdictCache
from tasks.verify.task import JUDGED, NO_GOLD, VERSION, VerifyParameters, judge_pair

NEEDED = ("answer", "options", "question", "reference")
LONGEST = 200


def find_gold_fault(
    row: dict[str, Any], answers: str, compare: Compare, memory: VerdictCache | None = None
) -> tuple[str, str] | None:
    """Reason and detail why a problem's gold answer cannot be trusted; None where it can."""
    gold, options = row["answer"], row["options"] or ()
    if not gold:
        return NO_GOLD, ""
    kind: AnswerKind = choose_answer_kind(gold, options) if answers == "auto" else answers  # type: ignore[assignment]
    # whatever sort of answer is asked for: what does not equal itself can never be found right
    pair = {"gold": gold, "kind": kind, "options": list(options), "question": row["question"], "context": ""}
    itself = judge_pair(pair | {"answer": gold}, compare, memory)
    if itself.verdict != "right":
        return "gold fails against itself", f"{gold[:LONGEST]}: {_describe_judgement(itself)}"
    extraction = extract(row["reference"], None, kind) if row["reference"] else None
    if extraction is None:
        return None
    other = judge_pair(pair | {"answer": extraction.answer, "context": extraction.context}, compare, memory)
    if other.verdict != "wrong":
        return None
    return (
        "gold fails against its reference",
        f"gold {gold[:LONGEST]}, reference {extraction.answer[:LONGEST]}: {_describe_judgement(other)}",
    )


def _describe_judgement(judged: Judgement) -> str:
    """The verdict, with the reason and the rule."""
    return f"{judged.undecided or judged.verdict} ({judged.rule})"


def check_gold(part: pl.DataFrame, parameters: VerifyParameters) -> Outcome:
    """Keeps the problems whose gold answer the verifier can judge by; a reference that gives no clear answer is none.

    Args:
        part: Problems, or solutions with their problems.
        parameters: The kind of answers, and how they are compared.

    Returns:
        The rows whose gold answer is right against itself, and not contradicted by their reference solution; the others with the reason.

    """
    faults: list[tuple[str, str] | None] = [None] * part.height
    needed = part.select(NEEDED).with_row_index("index").group_by(NEEDED, maintain_order=True).agg("index")
    for row in needed.iter_rows(named=True):  # a table of solutions holds a problem many times
        fault = find_gold_fault(row, parameters.answers, compared, JUDGED)
        for index in row["index"]:
            faults[index] = fault
    explained = part.with_columns(
        pl.Series(REASON.name, [fault and fault[0] for fault in faults], dtype=pl.String),
        pl.Series(DETAIL.name, [fault and fault[1] for fault in faults], dtype=pl.String),
    )
    bad = pl.col(REASON.name).is_not_null()
    return Outcome(part.filter(~explained.select(bad).to_series()), explained.filter(bad))


GOLD = PerRow(
    name="gold",
    summary="Verifies gold answers against themselves and their reference solutions; rejects problems whose own gold fails.",
    version=VERSION,
    parameters=VerifyParameters,
    needs=NEEDED,
    run=check_gold,
    rejects="unrecognised gold",
)
