"""`locate`: finds the first wrong step by arithmetic alone, where that is proof; no model is asked.

A step whose equation does not hold is wrong, but not always the first: a step
before it may be right in its numbers and wrong in its sense. So it counts only
where what stands before it is vouched for: it goes along with a right solution
(`reference`), or the calculation, put right and all that follows worked out
anew, leads to the right answer. (A number that is neither given nor worked out
shows as little: where its repair alone led to the answer, the step was the
first wrong one in Abacus' world, but in some four of fourteen read solutions
of large models, who work numbers out in words.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from schemas.columns.pairs import LOCATE_COLUMNS, LOCATE_LABEL
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.task import Outcome, Parameters, PerRow
from tasks.arithmetic.equations import find_equations
from tasks.classify.rules import UNVOUCHED, RuleFinding, apply_rules, blank_step_number
from tasks.localize.proofs.proof import Proof
from tasks.localize.proofs.prove import prove_first_error

ADDED = to_polars_schema(Contract("locations", "", LOCATE_COLUMNS, ""))
NEEDS = ("question", "steps", "answer", "verdict")
NOT_WRONG = "not wrong"
Found = tuple[int | None, str | None, str | None, str | None]
"""The step, the rule, the certificate, and why there is none."""


class LocateParameters(Parameters):
    """Parameters of `locate`: none."""


def locate(part: pl.DataFrame, _: LocateParameters) -> Outcome:
    """Adds the columns of `LOCATE_COLUMNS` to all rows; rejects nothing.

    Args:
        part: Solutions with steps and verdicts.

    Returns:
        All rows; the label, counted from 0, is null where arithmetic says nothing.

    """
    columns = [name for name in (*NEEDS, "reference") if name in part.columns]
    results = [locate_first_error(row) for row in part.select(columns).iter_rows(named=True)]
    added = pl.DataFrame(results, schema=ADDED, orient="row")
    return Outcome(part.drop(ADDED, strict=False).hstack(added), part.clear())


def locate_first_error(row: Mapping[str, Any]) -> Found:
    """The first wrong step, the rule that found it and its certificate, or why none did."""
    if row["verdict"] != "wrong":
        return None, None, None, NOT_WRONG
    proof = prove_first_error(row)
    if isinstance(proof, Proof):
        return proof.step, proof.rule, proof.certificate, None
    finding = _apply_rules(row)
    if finding is not None:
        at, rule = finding
        return at, rule.rule, rule.cause, None
    return None, None, None, proof


def _apply_rules(row: Mapping[str, Any]) -> tuple[int, RuleFinding] | None:
    """What the rules of `classify` prove of the first false equation, or of an answer that is not the last result."""
    right = row["answer"].replace(",", "").strip()
    last, last_at, all_read = "", 0, True
    for at, step in enumerate(row["steps"]):
        text = blank_step_number(step)
        read = find_equations(text)
        if any(equation.holds is False for equation in read):
            finding = apply_rules(row, at)
            proved = finding is not None and finding.kind == "calculation" and finding.rule != UNVOUCHED
            return (at, finding) if finding is not None and proved else None
        if read:
            last, last_at = str(read[-1].result.value), at
        all_read = all_read and text.count("=") == len(read)
        # an equation that was not read, or a step in words before the answer, may be where it goes wrong
        if all_read and last == right and at <= last_at + 1 and ("####" in text or "answer" in text.lower()):
            finding = apply_rules(row, at)
            if finding is not None and finding.kind == "final answer":
                return at, finding
    return None


LOCATE = PerRow(
    name="locate",
    summary="Finds the first wrong step of wrong solutions by arithmetic alone, where that proves it; asks no model.",
    version="5",
    parameters=LocateParameters,
    needs=NEEDS,
    makes=lambda _, given: given.having(*LOCATE_COLUMNS),
    run=locate,
    labels=(LOCATE_LABEL,),
)
