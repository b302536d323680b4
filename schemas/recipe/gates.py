"""Gates: what a release must satisfy, as a recipe declares it.

A gate is one of the measures below, within bounds, or an expectation of Great
Expectations about the columns of a table (see `schemas.expectations`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from schemas.columns.gold import GOLD_STEP
from schemas.contract import Contract
from schemas.labels import Label
from schemas.task import Parameters, Rejects, Task


@dataclass(frozen=True)
class About:
    """A table, as far as a gate must know it."""

    task: Task[Any]
    """The task that makes it."""
    contract: Contract
    tasks: Mapping[str, Task[Any]]
    """All tasks that a recipe can call."""

    def list_labels(self) -> list[Label]:
        """What the table's task decides about its rows."""
        return [label for label in self.task.labels if label.column in self.contract.names()]


Tables = Mapping[str, About]
Faults = Iterator[tuple[str, str]]
"""Of each fault the parameter and what is wrong with it; a name that is not known is followed by those that are."""


def format_bounds(low: float | None, high: float | None, strict_low: bool = False, strict_high: bool = False) -> str:
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


class ShareGate(Bounded):
    """A gate that holds a share within bounds."""

    at_least: float | None = Field(None, ge=0, le=1, description="The smallest share that passes, from 0 to 1.")
    at_most: float | None = Field(None, ge=0, le=1, description="The largest share that passes, from 0 to 1.")


class Rows(Bounded):
    """The rows that a table keeps."""


class Undecided(ShareGate):
    """The share of the rows that came into a table of verdicts, labels or types and got none."""

    column: str | None = Field(
        None,
        description="The column that is null or `undecided` in such rows; needed of tables whose task decides nothing.",
    )

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        if self.column is None and not tables[name].list_labels():
            yield (
                "table",
                f"task '{tables[name].task.name}' decides nothing; add `column:` and what is null where undecided",
            )

    def named(self) -> tuple[str, ...]:
        """The columns it names."""
        return (self.column,) if self.column else ()


class Retention(ShareGate):
    """The share of rows that are kept: of those that came into the table, or of those in an earlier one."""

    of: str | None = Field(None, description="The table whose kept rows are the whole; else what came into `table`.")

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        if self.of is not None and self.of not in tables:
            yield "of", f"unknown table '{self.of}'; there are {', '.join(tables)}"


def _combines_labels(task: Task[Any]) -> bool:
    return any(label.combines for label in task.labels)


def _rejects(rejects: Rejects) -> Callable[[Task[Any]], bool]:
    return lambda task: task.rejects == rejects


def _find_unfit_task(name: str, tables: Tables, fits: Callable[[Task[Any]], bool], measure: str) -> Faults:
    """A fault where a table is not made by a task of which this can be measured."""
    about = tables[name]
    if not fits(about.task):
        candidates = ", ".join(f"'{other}'" for other, table in tables.items() if fits(table.task))
        listed = " or ".join(f"'{task.name}'" for task in about.tasks.values() if fits(task))
        yield (
            "table",
            f"{measure} is measured of a table that task {listed} makes, and '{name}' is made by '{about.task.name}'; "
            + (f"there is {candidates}" if candidates else "add one to the recipe"),
        )


class Kappa(Bounded):
    """Cohen's kappa of the labellers, of several pairs the lowest."""

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        yield from _find_unfit_task(name, tables, _combines_labels, "kappa")


class Confirmed(ShareGate):
    """Of the steps that a labeller names, the share that another confirmed which tested them alone; of several the lowest."""

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        yield from _find_unfit_task(name, tables, _combines_labels, "confirmed")


def _has_probability(task: Task[Any]) -> bool:
    return any(label.probability for label in task.labels)


class CalibrationGate(ShareGate):
    """How far the precision that labels' own probabilities expect lies outside of the 95 % interval of the measured one."""

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        yield from _find_unfit_task(name, tables, _has_probability, "calibration")
        missing = [column for column in ("probability", GOLD_STEP) if column not in tables[name].contract.names()]
        if _has_probability(tables[name].task) and missing:
            how = "rule: posterior" if missing[0] == "probability" else "task truth before it"
            yield "table", f"'{name}' has no column '{missing[0]}'; it comes from {how}"


def _decides_steps(task: Task[Any]) -> bool:
    return any(label.kind == "step" for label in task.labels)


class F1Gate(ShareGate):
    """The harmonic mean of the shares of exact labels among solutions with a wrong step and without, as in ProcessBench."""

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        yield from _find_unfit_task(name, tables, _decides_steps, "f1")
        if _decides_steps(tables[name].task) and GOLD_STEP not in tables[name].contract.names():
            yield "table", f"'{name}' has no column '{GOLD_STEP}'; it comes from task truth before it"


class Precision(ShareGate):
    """Of the labels of a first wrong step, the share that name the true one."""

    column: str | None = Field(
        None,
        description="The column of labels; else the one that the table's task decides, or the most trusted that it has.",
    )
    gold: str | None = Field(
        None,
        min_length=1,
        description="A file with the true steps (beside the recipe, or ${data}/…); else the gold columns of task truth.",
    )
    format: str = Field(
        "processbench", description="How gold is written, as `errata evaluate --format` takes it; for `gold` alone."
    )

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        about = tables[name]
        columns = about.contract.names()
        makers = [(task.name, label) for task in about.tasks.values() for label in task.labels if label.kind == "step"]
        if self.column is None and not {label.column for _, label in makers} & set(columns):
            names = [*dict.fromkeys(name for name, _ in makers)]
            listed = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "a labeller"
            yield "table", f"table '{name}' has no labels of steps; name one that {listed} makes"
        if self.gold is not None and set("*?[") & set(self.gold):
            yield "gold", "names several files; put them together in one"
        if self.gold is None and GOLD_STEP not in columns:
            yield (
                "gold",
                f"nothing is known of the truth of table '{name}'; put a table of task truth before it, or add `gold:` and a "
                "file with the true steps",
            )

    def named(self) -> tuple[str, ...]:
        """The columns it names."""
        return (self.column,) if self.column else ()


class Drift(ShareGate):
    """How far a column's distribution moved from the last release: total variation, the share of rows that moved."""

    column: str = Field(description="A column with few different values, such as error_type.")

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        if name not in views:
            yield "table", f"drift is measured of what is released, and '{name}' is not; views are {', '.join(views)}"
        yield from _find_type_fault(self.column, tables[name].contract)

    def named(self) -> tuple[str, ...]:
        """The columns it names."""
        return (self.column,)


def _find_type_fault(column: str, contract: Contract) -> Faults:
    for declared in contract.columns:
        if declared.name == column and declared.kind not in ("string", "integer", "boolean"):
            yield "column", f"'{column}' is of type {declared.kind}; expected string, integer or boolean"


class Duplicates(ShareGate):
    """The share of rows that repeat an earlier one: in some columns, or as task deduplicate found."""

    columns: list[str] = Field(
        [], description="The columns that are equal; needed but for a table that deduplicate makes."
    )

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        if not self.columns and not _rejects("duplicates")(tables[name].task):
            yield "table", f"task '{tables[name].task.name}' finds no repeats; add `columns:` and what is equal in them"

    def named(self) -> tuple[str, ...]:
        """The columns it names."""
        return tuple(self.columns)


class Contamination(ShareGate):
    """The share of rows that task decontaminate found in test sets."""

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        yield from _find_unfit_task(name, tables, _rejects("contamination"), "contamination")


MEASURES: Mapping[str, type[Bounded]] = {
    "rows": Rows, "undecided": Undecided, "retention": Retention, "kappa": Kappa, "confirmed": Confirmed, "precision": Precision, "calibration": CalibrationGate, "f1": F1Gate,
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

    def list_parameters(self) -> list[Any]:
        """What a fingerprint knows of it."""
        return [self.name, self.table, self.gate.model_dump(mode="json", by_alias=True, exclude_defaults=True)]
