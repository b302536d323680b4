"""`verify`: extracts the final answer and says right, wrong or undecided.

A row never becomes a mistake because a checker failed: what cannot be read or
compared is undecided, with the reason.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.contract import Contract
from schemas.tables import VERDICT_COLUMNS
from schemas.task import Outcome, Parameters, PerPart
from tasks.answers.compare import Compare, Judgement, judge, kind_of
from tasks.answers.extract import extract
from tasks.answers.workers import compared

ADDED = [column.name for column in VERDICT_COLUMNS]


class VerifyParameters(Parameters):
    """What `verify` is told."""

    answers: Literal["auto", "number", "choice", "text", "expression"] = Field(
        "auto", description="What sort of answer the problems ask for; auto tells it from each gold answer."
    )


def verdict(row: dict[str, Any], answers: str, compare: Compare) -> dict[str, Any]:
    """The columns `verify` adds for one solution."""
    kind = kind_of(row["answer"], row["options"]) if answers == "auto" else answers
    found = extract(row["rationale"], row["stated"], kind)  # type: ignore[arg-type]
    if found is None and row["text"] != row["rationale"]:
        found = extract(row["text"], None, kind)  # type: ignore[arg-type]
    if found is None:
        judged, answer, rule = Judgement("undecided", "", "no answer"), None, None
    else:
        judged = judge(row["answer"], found, kind, row["options"] or (), row["question"], compare)  # type: ignore[arg-type]
        answer, rule = found.answer, found.rule
    return {
        "verdict": judged.verdict,
        "undecided": judged.undecided,
        "extracted": answer,
        "extracted_by": rule,
        "compared_by": judged.rule or None,
    }


def verify(part: pl.DataFrame, parameters: VerifyParameters) -> Outcome:
    """Adds verdict, reason, extracted answer and the rules that found and compared it; rejects nothing."""
    needed = part.select("answer", "options", "rationale", "stated", "text", "question")
    rows = [verdict(row, parameters.answers, compared) for row in needed.iter_rows(named=True)]
    added = pl.DataFrame(rows, schema=dict.fromkeys(ADDED, pl.String))
    return Outcome(pl.concat([part.drop(ADDED, strict=False), added], how="horizontal"), part.clear())


def _with_verdict(_: VerifyParameters, contract: Contract) -> Contract:
    return contract.having(*VERDICT_COLUMNS)


VERIFY = PerPart(
    name="verify",
    summary="Extracts the final answer and compares it with gold: right, wrong, or undecided with a reason.",
    # another math-verify gives other verdicts
    version=f"1 math-verify {version('math-verify')}",
    parameters=VerifyParameters,
    needs=("answer", "options", "rationale", "stated", "text", "question"),
    makes=_with_verdict,
    run=verify,
)
