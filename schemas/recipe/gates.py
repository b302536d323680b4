"""Gates: what a release must satisfy, as a recipe declares it.

A gate is one of the measures below, within bounds, or an expectation of Great
Expectations about the columns of a table (see `schemas.expectations`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.contract import Contract
from schemas.task import Parameters


@dataclass(frozen=True)
class About:
    """A table, as far as a gate must know it."""

    task: str
    """The task that makes it."""
    contract: Contract


Tables = Mapping[str, About]
Faults = Iterator[tuple[str, str]]
"""Of each fault the parameter and what is wrong with it; a name that is not known is followed by those that are."""


def worded(low: float | None, high: float | None, strict_low: bool = False, strict_high: bool = False) -> str:
    """Bounds in words."""
    least = "" if low is None else f"{'above' if strict_low else 'at least'} {low:.10g}"
    most = "" if high is None else f"{'below' if strict_high else 'at most'} {high:.10g}"
    return " and ".join(filter(None, [least, most]))


class Gate(Parameters):
    """What a recipe asks of a release before it is published: a measure within bounds, or an expectation of rows."""

    table: str | None = Field(None, description="The table it is about; needed where the release has several views.")
    severity: Literal["fail", "warn"] = Field(
        "fail", description="Whether a release that misses it is stopped, or made with a warning."
    )

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        yield from ()

    def named(self) -> tuple[str, ...]:
        """The columns it names."""
        return ()


class Bounded(Gate):
    """A gate that holds a number within bounds."""

    at_least: float | None = Field(None, description="The smallest number that passes.")
    at_most: float | None = Field(None, description="The largest number that passes.")

    @model_validator(mode="after")
    def _bounded(self) -> Bounded:
        if self.at_least is None and self.at_most is None:
            raise ValueError("has no bound; give `at_least`, `at_most` or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least {self.at_least:g} is above at_most {self.at_most:g}, so nothing passes")
        return self


class Share(Bounded):
    """A gate that holds a share within bounds."""

    at_least: float | None = Field(None, ge=0, le=1, description="The smallest share that passes, from 0 to 1.")
    at_most: float | None = Field(None, ge=0, le=1, description="The largest share that passes, from 0 to 1.")


class Rows(Bounded):
    """The rows that a table keeps."""


class Undecided(Share):
    """The share of the rows that came into a table of verdicts, labels or types and got none."""

    BY_TASK: ClassVar[Mapping[str, str]] = {
        "verify": "verdict", "judge": "judge_first_error", "estimate": "estimate_first_error", "agree": "first_error",
        "classify": "error_type",
    }  # fmt: skip
    """The column in which a task decides; rows that it rejects are undecided too."""
    column: str | None = Field(
        None,
        description="The column that is null or `undecided` in such rows; needed of tables of other tasks than verify, judge, estimate, agree, classify.",
    )

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        if self.column is None and tables[name].task not in self.BY_TASK:
            yield "table", f"task '{tables[name].task}' decides nothing; add `column:` and what is null where undecided"

    def named(self) -> tuple[str, ...]:
        """The columns it names."""
        return (self.column,) if self.column else ()


class Retention(Share):
    """The share of rows that are kept: of those that came into the table, or of those in an earlier one."""

    of: str | None = Field(None, description="The table whose kept rows are the whole; else what came into `table`.")

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        if self.of is not None and self.of not in tables:
            yield "of", f"unknown table '{self.of}'; there are {', '.join(tables)}"


def _made_by(name: str, tables: Tables, tasks: Sequence[str], what: str) -> Faults:
    if tables[name].task not in tasks:
        there = ", ".join(f"'{one}'" for one, table in tables.items() if table.task in tasks)
        listed = " or ".join(f"'{task}'" for task in tasks)
        yield (
            "table",
            f"{what} is measured of a table that task {listed} makes, and '{name}' is made by '{tables[name].task}'; "
            + (f"there is {there}" if there else "add one to the recipe"),
        )


class Kappa(Bounded):
    """Cohen's kappa of the labellers, of several pairs the lowest."""

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        yield from _made_by(name, tables, ["agree"], "kappa")


class Precision(Share):
    """Of the labels of a first wrong step, the share that name the true one."""

    COLUMNS: ClassVar[tuple[str, ...]] = ("first_error", "estimate_first_error", "judge_first_error")
    """The columns of labels; the first that a table has is meant."""
    column: str | None = Field(None, description="The column of labels; else that of agree, estimate or judge.")
    gold: str | None = Field(
        None,
        min_length=1,
        description="A file with the true steps (beside the recipe, or ${data}/…); else what is known of Abacus' world.",
    )
    format: str = Field(
        "processbench", description="How gold is written, as `errata evaluate --format` takes it; for `gold` alone."
    )

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        there = tables[name].contract.names()
        if self.column is None and not set(self.COLUMNS) & set(there):
            yield "table", f"table '{name}' has no labels of steps; name one that judge, estimate or agree makes"
        if self.gold is not None and set("*?[") & set(self.gold):
            yield "gold", "names several files; put them together in one"
        if self.gold is None and not {"program", "steps"} <= set(there):
            yield "gold", f"nothing is known of the truth of table '{name}'; add `gold:` and a file with the true steps"

    def named(self) -> tuple[str, ...]:
        """The columns it names."""
        return (self.column,) if self.column else ()


class Drift(Share):
    """How far a column's distribution moved from the last release: total variation, the share of rows that moved."""

    column: str = Field(description="A column with few different values, such as error_type.")

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        if name not in views:
            yield "table", f"drift is measured of what is released, and '{name}' is not; views are {', '.join(views)}"
        yield from _plain(self.column, tables[name].contract)

    def named(self) -> tuple[str, ...]:
        """The columns it names."""
        return (self.column,)


def _plain(column: str, contract: Contract) -> Faults:
    for one in contract.columns:
        if one.name == column and one.kind not in ("string", "integer", "boolean"):
            yield "column", f"'{column}' is of type {one.kind}; expected string, integer or boolean"


class Duplicates(Share):
    """The share of rows that repeat an earlier one: in some columns, or as task deduplicate found."""

    columns: list[str] = Field(
        [], description="The columns that are equal; needed but for a table that deduplicate makes."
    )

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        if not self.columns and tables[name].task != "deduplicate":
            yield "table", f"task '{tables[name].task}' finds no repeats; add `columns:` and what is equal in them"

    def named(self) -> tuple[str, ...]:
        """The columns it names."""
        return tuple(self.columns)


class Contamination(Share):
    """The share of rows that task decontaminate found in test sets."""

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        yield from _made_by(name, tables, ["decontaminate"], "contamination")


MEASURES: Mapping[str, type[Bounded]] = {
    "rows": Rows, "undecided": Undecided, "retention": Retention, "kappa": Kappa, "precision": Precision,
    "drift": Drift, "duplicates": Duplicates, "contamination": Contamination,
}  # fmt: skip


@dataclass(frozen=True)
class Declared:
    """One gate of a recipe."""

    index: int
    """Its place in the list, from 0."""
    name: str
    """The measure, or the expectation as Great Expectations calls it."""
    table: str
    """The table it is about."""
    gate: Gate

    def told(self) -> list[Any]:
        """What a fingerprint knows of it."""
        return [self.name, self.table, self.gate.model_dump(mode="json", by_alias=True, exclude_defaults=True)]
