"""What becomes of the rows of a whole table: decided in one piece, or piece by piece by units that other processes run.

A large table is first gone through for what must be known of all rows, batch by
batch. Then either each batch is decided by itself, or its narrow columns are
sent to shares of whole groups and each share is decided. What was decided is
sent back to the partitions. Each unit says in the table's folder that it has ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import polars as pl

from catalog.parts import ParquetFile
from catalog.tables import PartitionCommit
from flows.planning.plan import TableJob
from flows.planning.side_inputs import LocatedSideInput, open_side_input
from flows.running.exchange import DESTINATION, PLACE, count_shares, find_share, read_received, send_rows
from flows.running.kinds.kind import name_table
from flows.running.partitions import Partition, list_file_partitions, read_partition
from flows.running.watcher import Watcher
from flows.running.work_folder import open_work_folder
from schemas.frames import batch_frames
from schemas.task import Records, Rows
from schemas.whole_table import GROUP, WholeTable
from tasks import TASKS

ROWS_OF_A_FILE = 250_000
"""Rows beside the table that are sent together."""
Files = list[ParquetFile]


class Decision:
    """What becomes of the rows of a table for which a task must see all of them, in one piece or in several."""

    def __init__(self, job: TableJob) -> None:
        task = TASKS[job.task]
        assert isinstance(task, WholeTable)
        self.job, self.folder = job, job.folder().preparation
        self.task: WholeTable[Any] = task
        self.cut = task.cut(job.parameters)
        self.aggregates = task.aggregates(job.parameters)

    @cached_property
    def partitions(self) -> list[Partition]:
        """The partitions of the table."""
        return list_file_partitions(self.job)

    @cached_property
    def columns(self) -> list[str]:
        """What the task looks at, the key first."""
        job = self.job
        return list(dict.fromkeys((job.contract.key, *self.task.reads(job.parameters, job.input_contract))))

    @cached_property
    def shares(self) -> int:
        """The shares in which the table is decided, as far as it has any; 1: it is decided in one piece."""
        if self.cut is None:
            return 1
        return count_shares(sum(partition.file.rows for partition in self.partitions if partition.file))

    def decide_whole(self, rows: Rows) -> Iterator[pl.DataFrame]:
        """What the task decides of the table in one piece."""
        beside = [open_side_input(located) for located in self.job.side_inputs]
        with name_table(self.job), open_work_folder(self.folder.store) as place:
            yield from self.task.run(rows, beside, self.job.parameters, place)

    def decide(self, rows: Rows, known: Files, beside: Sequence[Rows] = ()) -> Iterator[pl.DataFrame]:
        """What the task decides of a piece of the table.

        Args:
            rows: The narrow rows.
            known: The files of the aggregates.
            beside: What of the rows beside the table was cut with it; all of them are read unless given.

        Yields:
            Frames as the task makes them.

        """
        parameters = self.job.parameters
        given: list[Any] = list(beside) or [
            self.task.open_beside(open_side_input(place), parameters) for place in self.job.side_inputs
        ]
        with name_table(self.job), open_work_folder(self.folder.store) as place:
            yield from self.task.decide(rows, [*given, *([frame] for frame in self.read(known))], parameters, place)

    def read(self, known: Files) -> list[pl.DataFrame]:
        """Aggregates that are in files."""
        return [self.folder.read(file) for file in known]

    def number(self, rows: pl.DataFrame, known: Sequence[pl.DataFrame], shares: int) -> pl.Series:
        """The share of each of some rows."""
        assert self.cut and self.cut.number
        with name_table(self.job):
            return find_share(self.cut.number(rows, self.job.parameters, known), shares)

    def send_back(self, name: str, decided: Sequence[pl.DataFrame], places: pl.DataFrame) -> Files:
        """Send what was decided to the partitions of the rows, and say that a unit has ended; the file, of no rows where nothing was."""
        file = ParquetFile(f"decision/{name}.parquet", 0, "")
        if decided and places.height:
            rows = (
                pl.concat(decided, how="vertical_relaxed").unique(maintain_order=True).join(places.unique(), on="key")
            )
            file = send_rows(self.folder, file.path, rows.rename({PLACE: DESTINATION}))
        return self.end(name, [file])

    def end(self, name: str, files: Files) -> Files:
        """Say that a unit has ended that wrote these files."""
        self.folder.commit(name, PartitionCommit(0, files))
        return files


@dataclass(frozen=True)
class _BatchRows:
    """The narrow rows of some partitions, as often as one goes through them."""

    decision: Decision
    batch: range

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for _, rows in self.list_parts():
            yield rows

    def list_parts(self, columns: Sequence[str] = ()) -> Iterator[tuple[int, pl.DataFrame]]:
        """With the number of each partition."""
        decision = self.decision
        for number in self.batch:
            yield number, read_partition(decision.job, decision.partitions[number], list(columns or decision.columns))


@dataclass(frozen=True)
class _ReceivedRows:
    """What was sent to a share, in the order of what it was sent from, as often as one goes through it."""

    decision: Decision
    share: int
    sent: Sequence[ParquetFile]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for rows in self.list_parts():
            yield rows.drop(PLACE, strict=False)

    def list_parts(self) -> Iterator[pl.DataFrame]:
        """With the numbers of the partitions where rows have them."""
        return read_received(self.decision.folder, self.sent, self.share)


def summarize_batch(job: TableJob, batch: range, number: int, known: Files, name: str, watcher: Watcher) -> Files:
    """What some partitions add to an aggregate."""
    decision = Decision(job)
    with name_table(job):
        frame = decision.aggregates[number].summarize(_BatchRows(decision, batch), job.parameters, decision.read(known))
    return decision.end(name, [decision.folder.write(f"summaries/{name}.parquet", frame)])


def combine_summaries(job: TableJob, number: int, summaries: Files, known: Files, name: str, watcher: Watcher) -> Files:
    """An aggregate of the whole table, from what each batch adds to it."""
    decision = Decision(job)
    frames = _Frames(decision, summaries)
    with name_table(job):
        frame = decision.aggregates[number].combine(frames, job.parameters, decision.read(known))
    return decision.end(name, [decision.folder.write(f"summaries/{name}.parquet", frame)])


@dataclass(frozen=True)
class _Frames:
    """Files of the table's folder, one after the other, as often as one goes through them."""

    decision: Decision
    files: Files

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return (self.decision.folder.read(file) for file in self.files)


def send_batch(job: TableJob, batch: range, shares: int, known: Files, name: str, watcher: Watcher) -> Files:
    """Send the narrow columns of some partitions to their shares."""
    decision = Decision(job)
    parts = _BatchRows(decision, batch).list_parts()
    rows = pl.concat([rows.with_columns(pl.lit(number, pl.Int32).alias(PLACE)) for number, rows in parts])
    narrow = rows.with_columns(decision.number(rows, decision.read(known), shares))
    return decision.end(name, [send_rows(decision.folder, f"narrow/{name}.parquet", narrow)])


def send_side_input(job: TableJob, located: LocatedSideInput, shares: int, name: str, watcher: Watcher) -> Files:
    """Send rows that lie beside the table to the shares of their groups."""
    decision = Decision(job)
    assert decision.cut and decision.cut.beside
    with name_table(job):
        narrow = decision.cut.beside(cast(Records, open_side_input(located)), job.parameters)
        files = [
            send_rows(
                decision.folder,
                f"beside/{name}-{at}.parquet",
                rows.with_columns(find_share(rows[GROUP].to_numpy(), shares)).drop(GROUP),
            )
            for at, rows in enumerate(batch_frames(narrow, ROWS_OF_A_FILE))
            if rows.height
        ]
    return decision.end(name, files)


def decide_share(
    job: TableJob, share: int, sent: Files, beside: Files | None, known: Files, name: str, watcher: Watcher
) -> Files:
    """Decide a share, and send what was decided to the partitions of its rows."""
    decision, key = Decision(job), job.contract.key
    rows = _ReceivedRows(decision, share, sent)
    received = [] if beside is None else [_ReceivedRows(decision, share, beside)]
    decided = list(decision.decide(rows, known, received))
    places = [part.select(pl.col(key).alias("key"), PLACE) for part in rows.list_parts()]
    return decision.send_back(name, decided, pl.concat(places or [_NOWHERE]))


def decide_batch(job: TableJob, batch: range, known: Files, name: str, watcher: Watcher) -> Files:
    """Decide the rows of some partitions, each by itself, and send what was decided to these."""
    decision, key = Decision(job), job.contract.key
    rows = _BatchRows(decision, batch)
    decided = list(decision.decide(rows, known))
    places = [
        part.select(pl.col(key).alias("key"), pl.lit(number, pl.Int32).alias(PLACE))
        for number, part in rows.list_parts([key])
    ]
    return decision.send_back(name, decided, pl.concat(places or [_NOWHERE]))


_NOWHERE = pl.DataFrame(schema={"key": pl.String(), PLACE: pl.Int32()})
