"""`partial`: how far a program is right, by the states that right programs of its problem go through.

TraceCodegen (arXiv 2205.14318): a prefix is partly right where its state, the
values of all variables with names ignored, is one of a saved program's, and it
is no longer than the shortest that reaches it. The furthest such prefix counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from pydantic import Field

from schemas.columns.programs import PARTIAL_COLUMNS, STATE_COLUMNS
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.task import Outcome, Parameters, PerProblem

ADDED = to_polars_schema(Contract("partial", "", PARTIAL_COLUMNS, ""))


class PartialParameters(Parameters):
    """Parameters of `partial`."""

    longer: int = Field(
        0, ge=0, le=100, description="Statements that a prefix may have more than the shortest that reaches its state."
    )


def find_furthest(states: Sequence[str], shortest: Mapping[str, int], longer: int) -> int:
    """The statements of the furthest prefix that is partly right; 0 where none is."""
    right = [number for number, state in enumerate(states, 1) if number - shortest.get(state, -longer) <= longer]
    return max(right, default=0)


def find_partial(part: pl.DataFrame, rules: PartialParameters) -> Outcome:
    """Adds how far each program is right; rejects nothing.

    Args:
        part: All programs of some problems, with the states that they went through.
        rules: How much longer than a saved program a prefix may be.

    Returns:
        All rows; null where states are not known, or statements and steps are not the same.

    """
    rows = part.select("problem_id", "verdict", "steps", "states", "reference_states").to_dicts()
    saved: dict[str, dict[str, int]] = {}
    for row in rows:
        own = row["states"] if row["verdict"] == "right" else None
        for states in (own, row["reference_states"]):
            shortest = saved.setdefault(row["problem_id"], {})
            for number, state in enumerate(states or (), 1):
                shortest[state] = min(number, shortest.get(state, number))
    added = [_describe(row, saved[row["problem_id"]], rules.longer) for row in rows]
    return Outcome(
        pl.concat([part.drop(ADDED, strict=False), pl.DataFrame(added, schema=ADDED)], how="horizontal"), part.clear()
    )


def _describe(row: dict[str, Any], shortest: Mapping[str, int], longer: int) -> dict[str, Any]:
    states, steps = row["states"], row["steps"]
    if states is None or not shortest or row["verdict"] == "undecided" or len(states) > len(steps):
        return dict.fromkeys(ADDED)
    right = len(steps) if row["verdict"] == "right" else find_furthest(states, shortest, longer)
    wrong = row["verdict"] == "wrong"
    if wrong and right >= len(steps):  # every state is a right program's, and the answer is not: nothing says where
        return dict.fromkeys(ADDED)
    return {
        "right_statements": right, "states_first_error": right if wrong else -1, "partial_program": "\n".join(steps[:right]),
        "partial_state": states[right - 1] if right else "[]",
    }  # fmt: skip


def _find_missing(_: PartialParameters, contract: Contract) -> list[str]:
    missing = [column.name for column in STATE_COLUMNS if column.name not in contract.names()]
    return [f"from: the table has no column '{missing[0]}'; give the `run` before it `states: true`"] if missing else []


PARTIAL = PerProblem(
    name="partial",
    summary="Says how far each program is right, by the states of right programs of its problem.",
    version="1",
    parameters=PartialParameters,
    needs=("problem_id", "verdict", "steps"),
    check=_find_missing,
    makes=lambda _, contract: contract.having(*PARTIAL_COLUMNS),
    run=find_partial,
)
