"""`view`: the rows of a corpus in a format that trainers and benchmarks read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BeforeValidator, Field, ValidationInfo

from schemas.contract import Contract
from schemas.frames import describe_columns, reject_rows, to_polars_schema
from schemas.recipe.view import ViewDeclaration, resolve_view
from schemas.task import Outcome, Parameters, PerRow
from tasks.llm.channels import Of
from tasks.views.declared import make_format
from tasks.views.format import Format
from tasks.views.mistakes import CODED
from tasks.views.rows import Style, Unfit

WITHOUT_THINKING = "of: the table has no column 'thinking'; show the text"
Coded = Literal["mistake-tuning", "self-rethinking", "error-aware", "in-context", "in-context-explained"]
"""The formats whose rows take code to make."""


def _find_format(value: object, info: ValidationInfo) -> object:
    """A format that a recipe names: one of those that take code, or a declared view as the recipe's reader finds it."""
    if isinstance(value, str) and value in CODED:
        return value
    try:
        return resolve_view(value, info)
    except ValueError:
        if near := get_close_matches(str(value), CODED, n=1):
            raise ValueError(f"unknown view {str(value)[:60]!r}; did you mean '{near[0]}'?") from None
        raise


class ViewParameters(Parameters):
    """Parameters of `view`."""

    format: Annotated[
        Coded | ViewDeclaration, BeforeValidator(_find_format, json_schema_input_type=str | ViewDeclaration)
    ] = Field(
        description="A view of `catalog/views` by its name, one of those named here, or a YAML file beside the recipe."
    )
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

    @property
    def layout(self) -> Format:
        """How its rows are laid out."""
        return CODED[self.format] if isinstance(self.format, str) else make_format(self.format)

    @property
    def name(self) -> str:
        """The format's name."""
        return self.format if isinstance(self.format, str) else self.format.view

    def style(self) -> Style:
        """How the view is written."""
        return Style(self.form == "conversational", self.after == "cut")


def make_contract(parameters: ViewParameters, given: Contract) -> Contract:
    """The contract of a view."""
    format = parameters.layout
    return Contract(parameters.name, format.meaning, format.columns(parameters.style(), given), format.key)


def view(part: pl.DataFrame, parameters: ViewParameters) -> Outcome:
    """The rows in the format; those it cannot hold are rejected.

    Args:
        part: Solutions with what the format needs.
        parameters: The format and its form.

    Returns:
        As many rows of the format as each row stands for; a row it cannot hold is rejected as often.

    """
    format, style = parameters.layout, parameters.style()
    examples: list[dict[str, Any]] = []
    lost: list[int] = []
    why: list[tuple[str, str | None]] = []
    for i, row in enumerate(part.iter_rows(named=True)):
        try:
            example = format.make(show_solution(row, parameters.of), style)
            made: Sequence[dict[str, Any] | Unfit] = [example] if isinstance(example, dict) else example
        except Unfit as error:
            made = [error] * _count_rows(format, row)
        for item in made:
            if isinstance(item, Unfit):
                lost.append(i)
                why.append((item.args[0], item.args[1] or None))
            else:
                examples.append(item)
    given = Contract("given", "", describe_columns(part.schema), "")
    return Outcome(
        pl.DataFrame(examples, schema=to_polars_schema(make_contract(parameters, given)), orient="row"),
        reject_rows(part[lost], why),
    )


def _count_rows(format: Format, row: dict[str, Any]) -> int:
    """The rows that a row stands for."""
    return max(1, len(row[format.of_items] or ())) if format.of_items else format.rows


def _count_items(parameters: ViewParameters) -> Callable[[pl.DataFrame], int] | None:
    """What counts the rows of a format that has one for each item of a list."""
    name = parameters.layout.of_items
    return (lambda part: int(part[name].list.len().fill_null(1).clip(1).sum())) if name else None


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
    format, name_ = parameters.layout, parameters.name
    faults = [
        f"format: {name_} needs the column '{name}'; put a task that makes it before"
        for name in format.needs
        if name not in given.names()
    ]
    if format.of_items and format.of_items not in given.names():
        faults.append(
            f"format: {name_} has a row for each item of '{format.of_items}', which is no column of the table"
        )
    if parameters.of != "text" and "thinking" not in given.names():
        faults.append(WITHOUT_THINKING)
    if parameters.form == "conversational" and not format.conversational:
        faults.append(
            f"form: {name_} has texts only; leave it out, or take a view that has conversations, as prompt-completion"
        )
    if parameters.after == "wrong" and not format.cuts:
        faults.append(f"after: {name_} leaves no choice; leave it out, or take a view that does, as stepwise")
    return faults


VIEW = PerRow(
    name="view",
    summary="Writes rows as trainers, benchmarks and papers have them: TRL's types, PRM800K, ProcessBench, CoTErrorSet, MWPES.",
    version="6",
    parameters=ViewParameters,
    needs=("problem_id",),
    makes=make_contract,
    check=check_table,
    run=view,
    rows_per_row=lambda parameters: parameters.layout.rows,
    rows_of=_count_items,
)
