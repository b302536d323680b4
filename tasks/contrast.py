"""`contrast`: puts a right solution of the same problem beside each wrong one.

What CoTErrorSet (arXiv 2403.20046) shows beside a mistake is the set's own
solution; models learn more from right ones in their own words (Step-DPO,
arXiv 2406.18629, table 4). Which comes first is the recipe's to say.
"""

from __future__ import annotations

from typing import Literal

import polars as pl
from pydantic import Field, field_validator

from schemas.columns.pairs import CONTRAST_COLUMNS
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.task import Outcome, Parameters, PerProblem
from tasks.sources.content_ids import digest

ADDED = to_polars_schema(Contract("contrasts", "", CONTRAST_COLUMNS, ""))
Source = Literal["same model", "other model", "reference"]
NEEDS = ("solution_id", "problem_id", "model", "verdict", "rationale")
SEEN = (*NEEDS, "reference")
Beside = tuple[str | None, str | None, str | None]
NO_PARTNER: Beside = (None, None, None)


class ContrastParameters(Parameters):
    """Parameters of `contrast`."""

    prefer: list[Source] = Field(
        ["same model", "other model", "reference"],
        min_length=1,
        description="Who may have written the right solution, the first that has one being taken: same model, other model, reference.",
    )

    @field_validator("prefer")
    @classmethod
    def _once(cls, value: list[Source]) -> list[Source]:
        if len(set(value)) < len(value):
            raise ValueError("names a source twice; keep one")
        return value


def contrast(part: pl.DataFrame, parameters: ContrastParameters) -> Outcome:
    """Adds the columns of `CONTRAST_COLUMNS` to all rows, and to each the `reference` that others have; rejects nothing.

    Of several right solutions each wrong one takes the one whose digest with
    it is smallest: which that is depends on their ids alone, and further rows
    change it for few.

    Args:
        part: All solutions of some problems, with their verdicts.
        parameters: Whose right solution is taken first.

    Returns:
        All rows; the columns are null where the problem has no right solution.

    """
    if "reference" in part.columns:
        part = part.with_columns(pl.coalesce("reference", pl.col("reference").min().over("problem_id")))
    rows = part.select(name for name in SEEN if name in part.columns).to_dicts()
    beside: list[Beside] = [NO_PARTNER] * part.height
    by_problem: dict[str, tuple[list[int], list[int]]] = {}
    for i, row in enumerate(rows):
        if row["verdict"] in ("right", "wrong"):
            by_problem.setdefault(row["problem_id"], ([], []))[row["verdict"] == "wrong"].append(i)
    for right, wrong in by_problem.values():
        # the last of those that say the same is the one with the smallest id
        able = sorted((rows[j] for j in right if rows[j]["rationale"].strip()), key=_read_id, reverse=True)
        for i in wrong:
            beside[i] = _choose_right(rows[i], able, parameters)
    added = pl.DataFrame(beside, schema=ADDED, orient="row")
    return Outcome(part.drop(ADDED, strict=False).hstack(added), part.clear())


def _read_id(row: dict[str, str]) -> str:
    return row["solution_id"]


def _choose_right(row: dict[str, str], right: list[dict[str, str]], parameters: ContrastParameters) -> Beside:
    """The right solution beside a wrong one."""
    for source in parameters.prefer:
        if source == "reference":
            if (row.get("reference") or "").strip():
                return row["reference"], source, None
            continue
        same = source == "same model"
        fitting = {
            solution["rationale"]: solution["solution_id"]
            for solution in right
            if (solution["model"] == row["model"]) == same
        }
        if fitting:
            text, name = min(fitting.items(), key=lambda entry: digest("contrast", row["solution_id"], entry[1]))
            return text, source, name
    return NO_PARTNER


def _check_parameters(parameters: ContrastParameters, given: Contract) -> list[str]:
    if parameters.prefer == ["reference"] and "reference" not in given.names():
        return ["prefer: the table has no column 'reference'; name a model's right solutions too"]
    return []


CONTRAST = PerProblem(
    name="contrast",
    summary="Puts a right solution of the same problem beside each wrong one: the same model's, another's, or the set's own.",
    version="1",
    parameters=ContrastParameters,
    needs=NEEDS,
    makes=lambda _, given: given.having(*CONTRAST_COLUMNS),
    check=_check_parameters,
    run=contrast,
)
