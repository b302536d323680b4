"""What a task is: a plain function from rows to rows, with what the recipe and the runner must know of it.

A task knows nothing of storage, engines or Prefect. The runner in `flows`
reads its input, calls it, checks what it made and writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

import polars as pl
from pydantic import BaseModel, BeforeValidator, ConfigDict

from schemas.contract import Contract
from schemas.errors import ApplicationError
from schemas.labels import Label
from schemas.model_id import ModelId
from schemas.reading import FileReading
from schemas.request import Reply, Request, Statistic


class TaskError(ApplicationError, ValueError):
    """A task's parameters do not fit the data; the message names the parameter and what to do."""

    exit_code = 2


T = TypeVar("T")


def _list_text(value: object) -> object:
    return [value] if isinstance(value, str) else value


OneOrMore = Annotated[list[T], BeforeValidator(_list_text, json_schema_input_type=str | list[Any])]
"""A parameter that takes a list, or one text alone in place of a list of it."""


class Parameters(BaseModel):
    """The parameters of a task, as a recipe gives them: strict types, no unknown names."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def count_answer_tokens(self) -> int | None:
        """The tokens of an answer that it asks models for, at most; None where it asks for none, or for a word."""
        most: int | None = getattr(self, "max_tokens", None)
        return most


Rejects = Literal["duplicates", "contamination", "unrecognised gold"]
"""Rows that repeat another, that stand in a test set, whose gold answer the verifier does not recognise as right."""
P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True)
class UnreadableValue:
    """A value of a record that its file holds and that cannot be read; the record is at fault only where it is used."""

    reason: str
    """The reason, as rejected rows have it."""
    detail: str
    """What is wrong with it."""


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
    context: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What lies beside it, by the names that paths of fields have for it: its file's path, the header of its log."""

    def fields(self) -> dict[str, Any]:
        """Its fields and what lies beside it; none of one that is unreadable."""
        return {} if self.value is None else {**self.value, **self.context}


@dataclass(frozen=True)
class Outcome:
    """What a task made of some rows: each is kept, or rejected with a reason."""

    kept: pl.DataFrame
    """The rows that go on, with the columns of the task's contract."""
    rejected: pl.DataFrame
    """The rows that do not, as they came in, with `reason` and `detail`."""


@dataclass(frozen=True)
class Input:
    """An input that a task knows by a name, because it is of another shape than the others."""

    name: str
    """Its name in a recipe's `from`."""
    needs: tuple[str, ...]
    """The columns that it alone must have."""


def keep_contract(_: Any, contract: Contract) -> Contract:
    """The contract of a task that adds no column."""
    return contract


def list_no_joins(_: Any, __: Contract) -> Sequence[RecordJoin]:
    """The joins of a task whose records need no other rows."""
    return ()


def read_plainly(_: Any) -> FileReading:
    """The reading of files whose names say all."""
    return FileReading()


def count_one_row(_: Any) -> int:
    """The rows that each row stands for, where a task makes one of one."""
    return 1


def find_no_faults(_: Any, __: Contract) -> list[str]:
    """The check of a task whose parameters cannot be wrong together."""
    return []


def find_no_bound(_: Any, __: pl.DataFrame, ___: float) -> Mapping[str, float]:
    """The bound of a task that knows none."""
    return {}


def list_nothing(_: Any) -> Sequence[Any]:
    """What a task reads or asks that needs its input alone."""
    return ()


def find_no_shortfall(_: Any, __: pl.DataFrame, ___: float) -> Sequence[str]:
    """The shortfall of a task that promises no number of rows."""
    return ()


def count_evenly(_: Any) -> Callable[[pl.DataFrame], int] | None:
    """The count of a task that makes as many rows of each row."""


def list_own_prompt(parameters: Any, _: str) -> Mapping[str, str]:
    """The prompts of a task that asks all its models by its parameter `prompt`."""
    text = getattr(parameters, "prompt", None)
    return {"prompt": text} if isinstance(text, str) else {}


def skip_fit(_: Any) -> Fit[Any] | None:
    """What a task finds out beforehand whose parts do not depend on each other."""


@dataclass(frozen=True, kw_only=True)
class Task(Generic[P]):
    """One stage, as recipe, plan and runner see it: a plain function from rows to rows, and what must be known of it."""

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
    takes: tuple[str, ...] = ()
    """The columns that a table must have which a recipe may give it, and need not."""
    inputs: tuple[Input, ...] = ()
    """The inputs of different shapes that a recipe may give it by name, joined by key, in place of one that has all."""
    makes: Callable[[P, Contract], Contract] = keep_contract
    """The contract of what it makes, from that of its input."""
    check: Callable[[P, Contract], list[str]] = find_no_faults
    """What is wrong with the parameters given the input's contract, seen before anything runs."""
    locations: Callable[[P], Sequence[str]] = list_nothing
    """The files of records it reads: paths, URLs or patterns."""
    reading: Callable[[P], FileReading] = read_plainly
    """How the records of these files are read."""
    side_inputs: Callable[[P], Sequence[SideInput]] = list_nothing
    """What it reads beside its input."""
    models: Callable[[P], Sequence[str]] = list_nothing
    """The models it asks, by their names in the recipe."""
    fit: Callable[[P], Fit[P] | None] = skip_fit
    """What it finds out about the whole table before its parts are asked about, if anything."""
    asks_models: ClassVar[bool] = False
    """Whether it asks models."""
    publishes: ClassVar[bool] = False
    """Whether it ends a recipe."""
    labels: tuple[Label, ...] = ()
    """What it decides about rows, the decision that it is there for first."""
    shows: tuple[str, ...] = ()
    """Further columns of it that a reader is shown at a place of their own, beside steps and labels."""
    rejects: Rejects | None = None
    """What the rows that it rejects are, where they are what it is there to find."""


@dataclass(frozen=True)
class RecordJoin:
    """Rows that are joined to records by key before a task sees these: of other files, or of the table it is given."""

    name: str
    """What the row is called in paths of fields: `@joined`."""
    place: str
    """What messages call the rows."""
    key: Callable[[Mapping[str, Any]], str | None]
    """The key of a row; None where it has none."""
    on: Callable[[Mapping[str, Any]], str | None]
    """The key that a record seeks; None where it has none."""
    missing: str
    """The reason for which a record without its row is rejected, where the row is needed."""
    of_input: bool = False
    """Whether the rows are those of the table that the task is given, of which each is accounted for."""


@dataclass(frozen=True, kw_only=True)
class FromRecords(Task[P]):
    """A task that makes a table from the records of files."""

    locations: Callable[[P], Sequence[str]] = field()
    run: Callable[[Sequence[Record], P], Outcome]
    """From some records to rows; the rejected have the columns of `tables.RECORDS`."""
    joins: Callable[[P, Contract], Sequence[RecordJoin]] = list_no_joins
    """What is joined to the records, given the contract of the table that the task is given; side inputs are first."""
    rows_per_record: Callable[[Record, P], int]
    """How many rows a record stands for (in = kept + rejected counts these)."""


@dataclass(frozen=True, kw_only=True)
class FromSeed(Task[P]):
    """A task that makes rows out of numbers alone: row `i` is the same wherever and whenever it is made."""

    count: Callable[[P], int]
    """How many rows it makes."""
    run: Callable[[range, P], Outcome]
    """From the numbers of some rows to the rows; the rejected have the columns of `tables.RECORDS`."""


@dataclass(frozen=True, kw_only=True)
class PerRow(Task[P]):
    """A task that looks at each row by itself, so that parts can be worked on in parallel."""

    run: Callable[[pl.DataFrame, P], Outcome]
    """From one part of the input to rows kept and rejected."""
    rows_per_row: Callable[[P], int] = count_one_row
    """How many rows each row of the input stands for (in = kept + rejected counts these)."""
    rows_of: Callable[[P], Callable[[pl.DataFrame], int] | None] = count_evenly
    """What counts the rows that some rows stand for, where that is not the same for each."""


@dataclass(frozen=True, kw_only=True)
class PerProblem(Task[P]):
    """A task that must see all rows of a problem at once; problems can be worked on in parallel."""

    run: Callable[[pl.DataFrame, P], Outcome]
    """From all rows of some problems to rows kept and rejected."""


@dataclass(frozen=True)
class SideInput:
    """Rows that a task holds its table against, and that are no table of the recipe: of files, or of a release."""

    name: str
    """What messages and details call them."""
    files: tuple[str, ...] = ()
    """Paths, URLs or patterns, as the recipe writes them; or"""
    release: str = ""
    """a release, `corpus@1.2.3`, of the build's store."""
    view: str | None = None
    split: str | None = None
    kind: Literal["records", "index", "bytes"] = "records"
    """What is wanted of them: records, the frames of the release's index, or the files as they are."""


Rows = Iterable[pl.DataFrame]
"""A table (or an index) part by part; it can be gone through more than once."""
Records = Iterable[Sequence[Record]]
"""The records of files (or of a release's rows) some thousands at a time; they can be gone through more than once."""


Files = Iterable[bytes]
"""Whole files."""


Conversation = Generator[Sequence[Request], Mapping[str, Reply], Outcome]
"""Yields requests and is sent the reply to each by its id, in as many rounds as it likes; returns what it made."""


@dataclass(frozen=True)
class Fit(Generic[P]):
    """What must be settled about a whole table before its parts are worked on, such as a taxonomy, or rates of error."""

    ask: Callable[[Rows, P, Mapping[str, ModelId]], Generator[Sequence[Request], Mapping[str, Reply], P]]
    """About the parts of the table; returns the parameters with which each of them is then worked on."""
    rows: int = 0
    """The rows that one round of it is about, at most; for forecasts."""
    columns: tuple[str, ...] = ()
    """The columns that it looks at, as far as the table has them; all where none is named."""
    record: type[P] | None = None
    """The record of what it returns, where that has more than a recipe may say."""


@dataclass(frozen=True, kw_only=True)
class Asking(Task[P]):
    """A task that asks models about the rows of its input."""

    asks_models: ClassVar[bool] = True
    models: Callable[[P], Sequence[str]] = field()
    ask: Callable[[pl.DataFrame, P, Mapping[str, ModelId]], Conversation]
    """About one part of the input, given how requests name each model."""
    rows_per_row: Callable[[P], int]
    """How many rows each row of the input stands for (in = kept + rejected counts these)."""
    continues: Callable[[P], Sequence[str]] = list_nothing
    """The models that it asks to go on with beginnings of answers, which not every endpoint does."""
    prompts: Callable[[P, str], Mapping[str, str]] = list_own_prompt
    """The templates by which it asks a model, each by the parameter that chooses it."""
    runs_programs: bool = False
    """Whether what it asks are programs to be run, of `engine: python`; all others ask in words."""
    statistics: Callable[[P], Sequence[Statistic]] = list_nothing
    """What it needs of the probabilities of answers' tokens, which not every engine gives."""
    bound: Callable[[P, pl.DataFrame, float], Mapping[str, float]] = find_no_bound
    """Of each model the tokens that it asks for at most, given some rows and how many times as many the table has."""


@dataclass(frozen=True, kw_only=True)
class Publication(Task[P]):
    """The task that ends a recipe: it lays the rows of a view out for a release."""

    publishes: ClassVar[bool] = True
    run: Callable[[pl.DataFrame, P, int], dict[str, pl.DataFrame]]
    """From one part (and the recipe's seed) to its rows by split."""
