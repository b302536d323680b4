"""`preference`: a right and a wrong solution of one problem, as preference training reads them."""

from __future__ import annotations

from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.contract import Column, Contract
from schemas.frames import reject_rows, to_polars_schema
from schemas.task import Outcome, Parameters, PerProblem
from tasks.llm.channels import Of
from tasks.views import columns as c
from tasks.views.format import make_text_columns
from tasks.views.rows import Style, Unfit, format_prompt
from tasks.views.task import WITHOUT_THINKING, show_solution

NEEDS = ("solution_id", "problem_id", "question", "text", "verdict")
REFERENCE = "reference"
CHOSEN_ID = Column("chosen_id", "string", "The right solution's id; `reference` where it is the set's own.")


class PreferenceParameters(Parameters):
    """Parameters of `preference`."""

    form: Literal["standard", "conversational"] = Field("standard", description="Texts, or lists of messages.")
    reference: bool = Field(
        False, description="Take the set's own solution where no model has a right one of the problem."
    )
    of: Of = Field(
        "text",
        description="What stands for a solution: its text, its thinking, or both, the thinking between <think> and </think>.",
    )


def make_contract(parameters: PreferenceParameters, _: Contract) -> Contract:
    """The contract of the pairs."""
    texts = make_text_columns(Style(parameters.form == "conversational"), c.PROMPT, c.CHOSEN, c.REJECTED)
    columns = (*texts, *c.IDS, CHOSEN_ID)
    return Contract(
        "preference", "One wrong solution a row, with a right one of the same problem.", columns, "solution_id"
    )


def pair_solutions(part: pl.DataFrame, parameters: PreferenceParameters) -> Outcome:
    """Each wrong solution is the rejected side of one pair; right ones are shared out among them in turn.

    Which right solution meets which wrong one depends on their ids alone. In =
    kept + rejected: a right solution is rejected, being a row's other side.

    Args:
        part: All solutions of some problems, with their verdicts.
        parameters: The form of the pairs.

    Returns:
        The pairs; rejected are right solutions that are a side of a pair, and solutions without a partner.

    """
    pairs: list[dict[str, Any]] = []
    why: dict[str, tuple[str, str | None]] = {}
    for problem in part.partition_by("problem_id", maintain_order=True):
        rows = problem.sort("solution_id").to_dicts()
        shown = _show_sides(rows, parameters.of, why)
        right = [row for row in shown if row["verdict"] == "right"]
        wrong = [row for row in shown if row["verdict"] == "wrong"]
        chosen = [(row["text"], row["solution_id"]) for row in right] or _reference(rows[0], parameters)
        reason = "right: a chosen side" if wrong else "right, and none of the problem is wrong"
        why |= {row["solution_id"]: (reason, None) for row in right}
        if not chosen:
            why |= {row["solution_id"]: ("wrong, and none of the problem is right", None) for row in wrong}
            continue
        pairs += [_pair(row, chosen[i % len(chosen)], parameters) for i, row in enumerate(wrong)]
    kept = pl.DataFrame(
        pairs, schema=to_polars_schema(make_contract(parameters, Contract("", "", (), ""))), orient="row"
    )
    return Outcome(kept, reject_rows(part, map(why.get, part["solution_id"])))


def _show_sides(rows: list[dict[str, Any]], of: Of, why: dict[str, tuple[str, str | None]]) -> list[dict[str, Any]]:
    """The rows that can be a side of a pair, their text that of the channel; why the others cannot goes into `why`."""
    sides = []
    for row in rows:
        if row["verdict"] == "undecided":
            why[row["solution_id"]] = ("undecided", row.get("undecided"))
            continue
        try:
            sides.append(show_solution(row, of))
        except Unfit as unfit:
            why[row["solution_id"]] = (unfit.args[0], unfit.args[1] or None)
    return sides


def _pair(row: dict[str, Any], chosen: tuple[str, str], parameters: PreferenceParameters) -> dict[str, Any]:
    """A wrong solution beside a right text, whose id comes with it."""
    text, other = chosen
    pair = format_prompt(row, Style(parameters.form == "conversational"), chosen=text, rejected=row["text"])
    return {**pair, "solution_id": row["solution_id"], "problem_id": row["problem_id"], "chosen_id": other}


def _reference(row: dict[str, Any], parameters: PreferenceParameters) -> list[tuple[str, str]]:
    text = row.get("reference") if parameters.reference else None
    return [(text, REFERENCE)] if text else []


def check_table(parameters: PreferenceParameters, given: Contract) -> list[str]:
    """What the table lacks."""
    needs = (*NEEDS, "reference") if parameters.reference else NEEDS
    faults = [
        f"{'reference' if name == 'reference' else 'form'}: pairs need the column '{name}'; put a task that makes it before"
        for name in needs
        if name not in given.names()
    ]
    if parameters.of != "text" and "thinking" not in given.names():
        faults.append(WITHOUT_THINKING)
    if parameters.of != "text" and parameters.reference:
        faults.append("reference: the set's own solution has no thinking to stand beside that of models; show the text")
    return faults


PREFERENCE = PerProblem(
    name="preference",
    summary="Pairs each wrong solution with a right one of the same problem, for preference training.",
    version="2",
    parameters=PreferenceParameters,
    needs=("problem_id",),
    makes=make_contract,
    check=check_table,
    run=pair_solutions,
)
