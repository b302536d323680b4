"""`view`: the rows of a corpus in a format that trainers and benchmarks read."""

from __future__ import annotations

from typing import Literal

import polars as pl
from pydantic import Field

from schemas.contract import DETAIL, REASON, Contract
from schemas.forms import polars_schema
from schemas.task import Outcome, Parameters, PerPart
from tasks.views.columns import SOFT
from tasks.views.formats import FORMATS, Name, Style, Unfit


class ViewParameters(Parameters):
    """What `view` is told."""

    format: Name = Field(description="The row format.")
    form: Literal["standard", "conversational"] = Field(
        "standard",
        description="Texts, or lists of messages; stepwise, math-shepherd, prm800k and processbench are texts.",
    )
    after: Literal["cut", "wrong"] = Field(
        "cut", description="Steps behind the first wrong one: cut, or kept and called wrong (stepwise, math-shepherd)."
    )

    def style(self) -> Style:
        """How the view is written."""
        return Style(self.form == "conversational", self.after == "cut")


CONVERSATIONAL = ("language-modelling", "prompt-completion", "unpaired-preference")
CUTTING = ("stepwise", "math-shepherd")


def contract(parameters: ViewParameters, given: Contract) -> Contract:
    """The contract of a view."""
    columns = FORMATS[parameters.format].columns(parameters.style(), given)
    key = "id" if parameters.format == "processbench" else "solution_id"
    return Contract(parameters.format, f"One solution a row, as {parameters.format} has it.", columns, key)


def view(part: pl.DataFrame, parameters: ViewParameters) -> Outcome:
    """The rows in the format; those it cannot hold are rejected."""
    format, style = FORMATS[parameters.format], parameters.style()
    made, why = [], []
    for row in part.iter_rows(named=True):
        try:
            made.append(format.make(row, style))
            why.append((None, None))
        except Unfit as error:
            why.append((error.args[0], error.args[1] or None))
    told = pl.DataFrame(why, schema={REASON.name: pl.String, DETAIL.name: pl.String}, orient="row")
    dropped = part.hstack(told).filter(pl.col(REASON.name).is_not_null())
    given = Contract("given", "", (SOFT,) if SOFT.name in part.columns else (), "")
    return Outcome(pl.DataFrame(made, schema=polars_schema(contract(parameters, given)), orient="row"), dropped)


def faults(parameters: ViewParameters, given: Contract) -> list[str]:
    """What the format lacks in the table, or does not know."""
    format = FORMATS[parameters.format]
    found = [
        f"format: {parameters.format} needs the column '{name}'; put a task that makes it before"
        for name in format.needs
        if name not in given.names()
    ]
    if parameters.form == "conversational" and parameters.format not in CONVERSATIONAL:
        found.append(f"form: {parameters.format} has texts only; conversational are {', '.join(CONVERSATIONAL)}")
    if parameters.after == "wrong" and parameters.format not in CUTTING:
        found.append(f"after: {parameters.format} leaves no choice; {' and '.join(CUTTING)} do")
    return found


VIEW = PerPart(
    name="view",
    summary="Writes rows as trainers and benchmarks read them: TRL's types, Math-Shepherd, PRM800K, ProcessBench.",
    version="1",
    parameters=ViewParameters,
    needs=("problem_id",),
    makes=contract,
    check=faults,
    run=view,
)
