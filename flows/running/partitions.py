"""Partitions: the pieces of a table's work, and where the rows of each lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from catalog.parts import GROUP_ROWS, BaseRows, ParquetFile, share_columns
from catalog.sources import Source
from catalog.tables import TableFolder
from flows.planning.plan import TableJob
from schemas.errors import ApplicationError

BYTES_OF_A_ROW = 500
"""Of a file of records, packed or not: what is known of it before it is read."""
ROWS_OF_A_BATCH = 20_000
"""Rows, about, of a batch."""
UNIT_ROWS, UNITS = 12 * GROUP_ROWS, 16
"""Rows of a partition of an input table, at most, and how many of them a table of fewer rows has, about."""


class AccountingError(ApplicationError):
    """Rows went missing or appeared from nowhere: kept and rejected do not add up to what came in."""


@dataclass(frozen=True)
class Partition:
    """A piece of a table's work, which is done again as a whole if it was cut off."""

    name: str
    source: Source | None = None
    """The file of records it reads, or"""
    file: ParquetFile | None = None
    """the Parquet file, or some rows of it, of an input table,"""
    table: tuple[str, str] | None = None
    """which is this one (task and fingerprint), or"""
    numbers: range | None = None
    """the numbers of the rows it makes, or"""
    bucket: int | None = None
    """which of the buckets that problems are shuffled into,"""
    rows: int = 0
    """of about so many rows."""


@dataclass(frozen=True)
class InputRows:
    """The rows of a partition's file as they were read; what is made of them shares the columns that stay as they are."""

    partition: Partition
    rows: pl.DataFrame

    def share(self, key: str, made: pl.DataFrame) -> tuple[pl.DataFrame, BaseRows | None]:
        """What must be written of rows that were made from them, and where the other columns are."""
        assert self.partition.file is not None and self.partition.table is not None
        return share_columns(self.partition.file, "-".join(self.partition.table), self.rows, key, made)


@dataclass(frozen=True)
class PartitionBatch:
    """Partitions that are one call: to Prefect the records of a run cost as much as the work of some thousand rows."""

    partitions: Sequence[Partition]

    @property
    def name(self) -> str:
        """The first partition's name, and the last one's."""
        return "-".join(dict.fromkeys((self.partitions[0].name, self.partitions[-1].name)))


def estimate_rows(partition: Partition, count_rows: Callable[[Partition], int]) -> int:
    """The rows of a partition as far as they are known, of a file of records by its size; 0 where that is not known either."""
    return count_rows(partition) or (partition.source.size // BYTES_OF_A_ROW if partition.source else 0)


def batch_partitions(partitions: Sequence[Partition], count_rows: Callable[[Partition], int]) -> list[PartitionBatch]:
    """Put partitions together to some rows each; files of records that are long or unknown stay by themselves."""
    estimates = [estimate_rows(partition, count_rows) for partition in partitions]
    rows_of_each = min(ROWS_OF_A_BATCH, sum(estimates) // (2 * (os.cpu_count() or 1)))
    batches: list[list[Partition]] = []
    rows = rows_of_each
    for partition, estimate in zip(partitions, estimates):
        if rows >= rows_of_each or (partition.source and not 0 < estimate < rows_of_each):
            batches.append([])
            rows = 0
        batches[-1].append(partition)
        rows += estimate
    return [PartitionBatch(batch) for batch in batches]


def list_input_files(job: TableJob, table: tuple[str, str]) -> list[ParquetFile]:
    """The Parquet files of an input table, which is complete."""
    manifest = TableFolder(job.folder().store, *table).read_manifest()
    if manifest is None:
        raise AccountingError(f"{job.name}: its input {table[0]}-{table[1]} is not complete; build again")
    return manifest.receipt.parts


def list_file_partitions(job: TableJob, most: int | None = None) -> list[Partition]:
    """Partitions of the inputs, in the order of their rows: Parquet files, of large ones some row groups each.

    Args:
        job: The table.
        most: Rows of a partition, at most; as many as is usual unless given, and so few that each processor has some.

    Returns:
        The partitions, the same wherever it is made.

    """
    files = [(table, file) for table in job.inputs for file in list_input_files(job, table)]
    rows = min(most or UNIT_ROWS, max(GROUP_ROWS, sum(file.rows for _, file in files) // UNITS))
    pieces = [(table, piece) for table, file in files for piece in file.cut(rows)]
    return [Partition(f"{i:05d}", file=piece, table=table) for i, (table, piece) in enumerate(pieces)]


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
