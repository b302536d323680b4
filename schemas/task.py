"""What a task is: a plain function from rows to rows, with what the recipe and the runner must know of it.

A task knows nothing of storage, engines or Prefect. The runner in `flows`
reads its input, calls it, checks what it made and writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict

from schemas.contract import Contract
from schemas.request import Reply, Request


class TaskError(ValueError):
    """A task's parameters do not fit the data; the message names the parameter and what to do."""


class Parameters(BaseModel):
    """The parameters of a task, as a recipe gives them: strict types, no unknown names."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True)
class Record:
    """One record of a source, or why it could not be read."""

    source: str
    """File name and line (or row), counted from 1."""
    value: dict[str, Any] | None
    """The record; None where it is unreadable."""
    raw: str = ""
    """The record's text, for the rejected rows."""
    fault: tuple[str, str] | None = None
    """Reason and detail where it is unreadable."""
    size: int = 0
    """Its bytes, about; batches are bounded by their sum."""


@dataclass(frozen=True)
class Outcome:
    """What a task made of some rows; every row is in exactly one of the two."""

    kept: pl.DataFrame
    """The rows that go on, with the columns of the task's contract."""
    rejected: pl.DataFrame
    """The rows that do not, as they came in, with `reason` and `detail`."""


def unchanged(_: Any, contract: Contract) -> Contract:
    """The contract of a task that adds no column."""
    return contract


def no_faults(_: Any, __: Contract) -> list[str]:
    """The check of a task whose parameters cannot be wrong together."""
    return []


@dataclass(frozen=True, kw_only=True)
class Task(Generic[P]):
    """One stage, as recipe, plan and runner see it."""

    name: str
    """The name by which a recipe calls it."""
    summary: str
    """What it does, in one sentence."""
    version: str
    """Raised whenever the same input and parameters would give other rows."""
    parameters: type[P]
    """The record of its parameters."""
    needs: tuple[str, ...] = ()
    """The columns its input must have; empty where it has no input table."""
    makes: Callable[[P, Contract], Contract] = unchanged
    """The contract of what it makes, from that of its input."""
    check: Callable[[P, Contract], list[str]] = no_faults
    """What is wrong with the parameters given the input's contract, seen before anything runs."""


@dataclass(frozen=True, kw_only=True)
class FromRecords(Task[P]):
    """A task that makes a table from the records of files."""

    locations: Callable[[P], list[str]]
    """The files it reads: paths, URLs or patterns."""
    run: Callable[[Sequence[Record], P], Outcome]
    """From some records to rows; the rejected have the columns of `tables.RECORDS`."""
    rows_per_record: Callable[[P], int]
    """How many rows each record stands for (in = kept + rejected counts these)."""


@dataclass(frozen=True, kw_only=True)
class FromSeed(Task[P]):
    """A task that makes rows out of numbers alone: row `i` is the same wherever and whenever it is made."""

    count: Callable[[P], int]
    """How many rows it makes."""
    run: Callable[[range, P], Outcome]
    """From the numbers of some rows to the rows; the rejected have the columns of `tables.RECORDS`."""


@dataclass(frozen=True, kw_only=True)
class PerPart(Task[P]):
    """A task that looks at each row by itself, so that parts can be worked on in parallel."""

    run: Callable[[pl.DataFrame, P], Outcome]
    """From one part of the input to rows kept and rejected."""


@dataclass(frozen=True, kw_only=True)
class PerProblem(Task[P]):
    """A task that must see all rows of a problem at once; problems can be worked on in parallel."""

    run: Callable[[pl.DataFrame, P], Outcome]
    """From all rows of some problems to rows kept and rejected."""


@dataclass(frozen=True, kw_only=True)
class Decision(Task[P]):
    """A task that must see the whole table to say which rows to reject.

    It looks at a narrow table of what the decision needs; the wide rows are
    filtered part by part afterwards.
    """

    narrow: Callable[[pl.DataFrame, P], pl.DataFrame]
    """From one part to the narrow rows, the key first."""
    decide: Callable[[P], str]
    """The DuckDB query over the table `narrow` that gives `key`, `reason` and `detail` of each rejected row."""


Conversation = Generator[Sequence[Request], Mapping[str, Reply], Outcome]
"""Yields requests and is sent the reply to each by its id, in as many rounds as it likes; returns what it made."""


@dataclass(frozen=True)
class Named:
    """A model as requests name it."""

    model: str
    revision: str


@dataclass(frozen=True, kw_only=True)
class Asking(Task[P]):
    """A task that asks models about the rows of its input."""

    models: Callable[[P], Sequence[str]]
    """The models it asks, by their names in the recipe."""
    ask: Callable[[pl.DataFrame, P, Mapping[str, Named]], Conversation]
    """About one part of the input, given how requests name each model."""
    rows_per_row: Callable[[P], int]
    """How many rows each row of the input stands for (in = kept + rejected counts these)."""


@dataclass(frozen=True, kw_only=True)
class Publication(Task[P]):
    """The task that ends a recipe: it lays the rows of a view out for a release."""

    run: Callable[[pl.DataFrame, P, int], dict[str, pl.DataFrame]]
    """From one part (and the recipe's seed) to its rows by split."""
