"""Partitions: the pieces of a table's work, and where the rows of each lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from catalog.sources import Source
from catalog.tables import ParquetFile, TableFolder
from flows.planning.plan import TableJob
from schemas.errors import ApplicationError

ROWS_OF_A_BATCH = 20_000
"""Rows, about, of a batch."""


class AccountingError(ApplicationError):
    """Rows went missing or appeared from nowhere: kept and rejected do not add up to what came in."""


@dataclass(frozen=True)
class Partition:
    """A piece of a table's work, which is done again as a whole if it was cut off."""

    name: str
    source: Source | None = None
    """The file of records it reads, or"""
    file: ParquetFile | None = None
    """the Parquet file of an input table,"""
    table: tuple[str, str] | None = None
    """which is this one (task and fingerprint), or"""
    numbers: range | None = None
    """the numbers of the rows it makes, or"""
    bucket: int | None = None
    """which of the buckets that problems are shuffled into,"""
    rows: int = 0
    """of about so many rows."""


@dataclass(frozen=True)
class PartitionBatch:
    """Partitions that are one call: to Prefect the records of a run cost as much as the work of some thousand rows."""

    partitions: Sequence[Partition]

    @property
    def name(self) -> str:
        """The first partition's name, and the last one's."""
        return "-".join(dict.fromkeys((self.partitions[0].name, self.partitions[-1].name)))


def batch_partitions(partitions: Sequence[Partition], count_rows: Callable[[Partition], int]) -> list[PartitionBatch]:
    """Put partitions together to some rows each; files of records, which are long or unknown, stay by themselves."""
    rows_of_each = min(ROWS_OF_A_BATCH, sum(map(count_rows, partitions)) // (2 * (os.cpu_count() or 1)))
    batches: list[list[Partition]] = []
    rows = rows_of_each
    for partition in partitions:
        if rows >= rows_of_each or partition.source:
            batches.append([])
            rows = 0
        batches[-1].append(partition)
        rows += count_rows(partition)
    return [PartitionBatch(batch) for batch in batches]


def list_input_files(job: TableJob, table: tuple[str, str]) -> list[ParquetFile]:
    """The Parquet files of an input table, which is complete."""
    manifest = TableFolder(job.folder().store, *table).read_manifest()
    if manifest is None:
        raise AccountingError(f"{job.name}: its input {table[0]}-{table[1]} is not complete; build again")
    return manifest.receipt.parts


def list_file_partitions(job: TableJob) -> list[Partition]:
    """A partition for each Parquet file of the inputs, in the order of their rows."""
    files = [(table, file) for table in job.inputs for file in list_input_files(job, table)]
    return [Partition(f"{i:05d}", file=file, table=table) for i, (table, file) in enumerate(files)]


def read_partition(job: TableJob, partition: Partition, columns: list[str] | None = None) -> pl.DataFrame:
    """The rows of the Parquet file of a partition, in the order of the columns asked for."""
    assert partition.file is not None and partition.table is not None
    rows = TableFolder(job.folder().store, *partition.table).read(partition.file, columns)
    return rows.select(columns) if columns else rows


class InputColumns:
    """Some columns of a job's inputs, file by file, as often as one goes through them."""

    def __init__(self, job: TableJob, columns: list[str]) -> None:
        self.job, self.columns = job, columns

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for partition in list_file_partitions(self.job):
            yield read_partition(self.job, partition, self.columns)
