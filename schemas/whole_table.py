"""Tasks that must see a whole table, and how a large one is looked at in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.contract import Contract
from schemas.task import Files, P, Records, Rows, Task, find_no_shortfall, list_nothing


@dataclass(frozen=True)
class Aggregate(Generic[P]):
    """What must be known of all rows before any is decided, and fits the memory: counts, a sample, what occurs.

    Each batch of rows adds to it, in any process, and the result is the same however rows are put into batches.
    """

    summarize: Callable[[Rows, P, Sequence[pl.DataFrame]], pl.DataFrame]
    """From narrow rows (the key first), part by part, and the aggregates before this one."""
    combine: Callable[[Rows, P, Sequence[pl.DataFrame]], pl.DataFrame]
    """From the summaries of all batches to what is known then, given the aggregates before this one."""


GROUP = "_group"
"""In rows that lie beside a table: the number of the group of rows that they are for."""


@dataclass(frozen=True)
class Cut(Generic[P]):
    """How a large table is cut into pieces, of which each is decided by itself, in any process."""

    number: Callable[[pl.DataFrame, P, Sequence[pl.DataFrame]], NDArray[np.uint64]] | None = None
    """From narrow rows and aggregates to a number for each row: rows with different ones have nothing to do with each other. Where
    there is none, any cut will do: the aggregates known, each row is decided by itself."""
    beside: Callable[[Records, P], Iterator[pl.DataFrame]] | None = None
    """From records that lie beside the table to frames that are cut with it, by their column `GROUP`; all pieces see all unless given."""


def cut_nowhere(_: Any) -> Cut[Any] | None:
    """None: any row may have to do with any other."""
    return None


@dataclass(frozen=True, kw_only=True)
class WholeTable(Task[P]):
    """A task that must see the whole table to say what becomes of a row.

    It goes through the narrow columns it needs, part by part, keeps what it
    must in files of a folder of its own, and yields what it decided by key; the
    wide rows are filtered and completed part by part afterwards. A query alone
    would not do: similarity, clusters and matching are no SQL. A large table is
    looked at in pieces, in any process, where the task says how it can be cut.
    """

    aggregates: Callable[[P], Sequence[Aggregate[P]]] = list_nothing
    """What must be known of all rows first, each given those before it."""
    cut: Callable[[P], Cut[P] | None] = cut_nowhere
    """How a large table is cut; None if it must be in one piece."""
    reads: Callable[[P, Contract], Sequence[str]]
    """The columns it looks at, the key aside, given the input's contract."""
    shortfall: Callable[[P, pl.DataFrame, float], Sequence[str]] = find_no_shortfall
    """What is missing of the rows that it is to keep, given some rows and how many times as many there are; a text each."""
    decide: Callable[[Rows, Sequence[Rows | Records | Files], P, Path], Iterable[pl.DataFrame]]
    """From the table or a piece of it (its key is the first column), what lies beside it with the aggregates as the last, and an
    empty folder to frames of `key`, and `reason` and `detail` of rejected rows, and the columns the task adds to all others."""

    def run(
        self, table: Rows, beside: Sequence[Rows | Records | Files], parameters: P, folder: Path
    ) -> Iterable[pl.DataFrame]:
        """What it decides of a table in one piece.

        Args:
            table: The columns that it reads, the key first.
            beside: What lies beside the table, without aggregates.
            parameters: Of the task.
            folder: An empty one, for files of its own.

        Yields:
            Frames of decisions, as `decide` does.

        """
        known: list[pl.DataFrame] = []
        for aggregate in self.aggregates(parameters):
            known.append(aggregate.combine([aggregate.summarize(table, parameters, known)], parameters, known))
        narrow = [self.open_beside(rows, parameters) for rows in beside]
        yield from self.decide(table, [*narrow, *([frame] for frame in known)], parameters, folder)

    def open_beside(self, rows: Rows | Records | Files, parameters: P) -> Rows | Records | Files:
        """What lies beside a table as the task sees it."""
        cut = self.cut(parameters)
        return _NarrowRecords(cut.beside, cast(Records, rows), parameters) if cut and cut.beside else rows


@dataclass(frozen=True)
class _NarrowRecords(Generic[P]):
    """Records as the frames that a task makes of them, as often as one goes through them."""

    narrow: Callable[[Records, P], Iterator[pl.DataFrame]]
    records: Records
    parameters: P

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return (frame.drop(GROUP) for frame in self.narrow(self.records, self.parameters))
