"""`view`: the rows of a corpus in a format that trainers and benchmarks read."""

from __future__ import annotations

from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.contract import DETAIL, REASON, Contract
from schemas.frames import to_polars_schema
from schemas.task import Outcome, Parameters, PerRow
from tasks.llm.channels import Of
from tasks.views import formats
from tasks.views.columns import SOFT
from tasks.views.formats import Name, Style, Unfit
from tasks.views.mistakes import MISTAKES

FORMATS = formats.FORMATS | MISTAKES
WITHOUT_THINKING = "of: the table has no column 'thinking'; show the text"


class ViewParameters(Parameters):
    """Parameters of `view`."""

    format: Name = Field(description="The row format.")
    form: Literal["standard", "conversational"] = Field(
        "standard",
        description="Texts, or lists of messages; those that trainers and benchmarks read as texts alone are refused.",
    )
    after: Literal["cut", "wrong"] = Field(
        "cut", description="Steps behind the first wrong one: cut, or kept and called wrong (stepwise, math-shepherd)."
    )

    of: Of = Field(
        "text",
        description="What stands for the solution: its text, its thinking, or both, the thinking between <think> and </think>.",
    )

    def style(self) -> Style:
        """How the view is written."""
        return Style(self.form == "conversational", self.after == "cut")


def make_contract(parameters: ViewParameters, given: Contract) -> Contract:
    """The contract of a view."""
    format = FORMATS[parameters.format]
    columns = format.columns(parameters.style(), given)
    return Contract(parameters.format, format.meaning, columns, format.key)


def view(part: pl.DataFrame, parameters: ViewParameters) -> Outcome:
    """The rows in the format; those it cannot hold are rejected.

    Args:
        part: Solutions with what the format needs.
        parameters: The format and its form.

    Returns:
        `rows` of the format for each row it can hold; a row it cannot hold is rejected as often.

    """
    format, style = FORMATS[parameters.format], parameters.style()
    examples, why = [], []
    for row in part.iter_rows(named=True):
        try:
            example = format.make(show_solution(row, parameters.of), style)
            examples += example if isinstance(example, list) else [example]
            why.append((None, None))
        except Unfit as error:
            why.append((error.args[0], error.args[1] or None))
    reasons = pl.DataFrame(why, schema={REASON.name: pl.String, DETAIL.name: pl.String}, orient="row")
    dropped = pl.concat([part.hstack(reasons).filter(pl.col(REASON.name).is_not_null())] * format.rows)
    given = Contract("given", "", (SOFT,) if SOFT.name in part.columns else (), "")
    return Outcome(
        pl.DataFrame(examples, schema=to_polars_schema(make_contract(parameters, given)), orient="row"), dropped
    )


def show_solution(row: dict[str, Any], of: Of) -> dict[str, Any]:
    """A row whose text is of the channel that is to be shown; raises `Unfit` where it has none."""
    if of == "text":
        return row
    thinking = row["thinking"]
    if not thinking:
        raise Unfit("no thinking", "")
    text = thinking if of == "thinking" else f"<think>\n{thinking}\n</think>\n\n{row.get('text') or ''}".rstrip()
    return {**row, "text": text, "rationale": text}


def check_table(parameters: ViewParameters, given: Contract) -> list[str]:
    """What the format lacks in the table, or does not know."""
    format = FORMATS[parameters.format]
    faults = [
        f"format: {parameters.format} needs the column '{name}'; put a task that makes it before"
        for name in format.needs
        if name not in given.names()
    ]
    if parameters.of != "text" and "thinking" not in given.names():
        faults.append(WITHOUT_THINKING)
    if parameters.form == "conversational" and not format.conversational:
        able = ", ".join(name for name, other in FORMATS.items() if other.conversational)
        faults.append(f"form: {parameters.format} has texts only; conversational are {able}")
    if parameters.after == "wrong" and not format.cuts:
        able = " and ".join(name for name, other in FORMATS.items() if other.cuts)
        faults.append(f"after: {parameters.format} leaves no choice; {able} do")
    return faults


VIEW = PerRow(
    name="view",
    summary="Writes rows as trainers, benchmarks and papers have them: TRL's types, PRM800K, ProcessBench, CoTErrorSet, MWPES.",
    version="4",
    parameters=ViewParameters,
    needs=("problem_id",),
    makes=make_contract,
    check=check_table,
    run=view,
    rows_per_row=lambda parameters: FORMATS[parameters.format].rows,
)
