"""What a partition commits: rows kept and rejected, checked, counted and written.

Every task's rows are written here and only here, so that checking, counting
and writing the rejected rows with their reasons are done once for all of them.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import polars as pl

from catalog.parts import ParquetFile, PartWriter
from catalog.tables import PartitionCommit
from flows.planning.plan import TableJob
from flows.running.partitions import AccountingError, InputRows
from schemas.columns.problems import RECORDS
from schemas.contract import Contract, make_rejected_contract
from schemas.frames import check, to_polars_schema
from schemas.task import Outcome

PART_BYTES = 128 * 2**20
"""Bytes of a part that is written some rows at a time, about; a table that has fewer is one part for each file of records."""


def commit_outcome(job: TableJob, inputs: InputRows, rows_in: int, outcome: Outcome, failed: int = 0) -> None:
    """Check and write what became of a partition that is one chunk, and commit it; so many of its requests failed."""
    name = inputs.partition.name
    chunk = write_outcome(job, f"{name}-00000", rows_in, outcome, inputs)
    job.folder().commit(name, replace(chunk, failed=failed))


def write_outcome(
    job: TableJob, name: str, rows_in: int, outcome: Outcome, inputs: InputRows | None = None
) -> PartitionCommit:
    """Check what became of a chunk's rows and write them.

    Args:
        job: The table.
        name: The chunk's name, that of its files.
        rows_in: How many rows came in.
        outcome: The rows kept and rejected.
        inputs: The rows they were made from; columns that are as they were there are not written again.

    Returns:
        What was written.

    Raises:
        AccountingError: Where rows kept and rejected are not those that came in.
        ContractError: Where a row breaks the table's contract.

    """
    outcome = _check_outcome(job, name, rows_in, outcome, set())
    kept, dropped = outcome.kept, outcome.rejected
    return PartitionCommit(
        rows_in,
        _write_rows(job, f"parts/{name}.parquet", kept, inputs),
        _write_rows(job, f"rejected/{name}.parquet", dropped, inputs),
        dict(sorted(_count_reasons(dropped).items())),
    )


class ChunkWriter:
    """Checks and writes what became of a chunk's rows some at a time: one part, and one file of rejected rows."""

    def __init__(self, job: TableJob, name: str) -> None:
        self.job, self.name = job, name
        self.rows_in = 0
        self._seen = set[str]()
        self._reasons = Counter[str]()
        self._writers = {"parts": PartWriter(), "rejected": PartWriter()}

    @property
    def full(self) -> bool:
        """Whether the part is as large as one gets."""
        return max(writer.size for writer in self._writers.values()) >= PART_BYTES

    def add(self, rows_in: int, outcome: Outcome) -> None:
        """Check and append what became of some rows; raises what `write_outcome` raises."""
        outcome = _check_outcome(self.job, self.name, rows_in, outcome, self._seen)
        self.rows_in += rows_in
        self._seen.update(outcome.kept[self.job.contract.key])
        self._reasons.update(_count_reasons(outcome.rejected))
        for writer, rows in zip(self._writers.values(), (outcome.kept, outcome.rejected)):
            if rows.height:
                writer.add(rows)

    def close(self) -> PartitionCommit:
        """Write the files; what the chunk commits."""
        folder = self.job.folder()
        parts, rejected = (
            [folder.write_part(f"{place}/{self.name}.parquet", writer)] if writer.rows else []
            for place, writer in self._writers.items()
        )
        return PartitionCommit(self.rows_in, parts, rejected, dict(sorted(self._reasons.items())))


def _check_outcome(job: TableJob, name: str, rows_in: int, outcome: Outcome, seen: set[str]) -> Outcome:
    """An outcome in which each key is kept once, whose rows are all accounted for and keep their contract."""
    outcome = _reject_repeats(job, outcome, seen)
    kept, dropped = outcome.kept, outcome.rejected
    if kept.height + dropped.height != rows_in:
        raise AccountingError(
            f"{job.name}, unit {name}: {rows_in} rows came in, {kept.height} were kept and {dropped.height} rejected; "
            f"task '{job.task}' must account for each row"
        )
    check(kept, job.contract, f"{job.name}, unit {name}")
    return outcome


def _count_reasons(dropped: pl.DataFrame) -> dict[str, int]:
    return dict(dropped["reason"].value_counts().iter_rows())


def _write_rows(job: TableJob, path: str, rows: pl.DataFrame, inputs: InputRows | None) -> list[ParquetFile]:
    """Write rows as a part that shares what it can; none where there are no rows."""
    if not rows.height:
        return []
    own, base = inputs.share(job.input_contract.key, rows) if inputs else (rows, None)
    return [job.folder().write(path, own, base)]


def _reject_repeats(job: TableJob, outcome: Outcome, seen: set[str]) -> Outcome:
    """An outcome in which each key is kept once, and none that was seen before: the later rows with it are rejected."""
    kept = outcome.kept.select(job.contract.names())
    schema = to_polars_schema(derive_rejected_contract(job))
    if outcome.rejected.height:
        dropped = [outcome.rejected.select(list(schema)).cast(schema)]
    else:
        dropped = [pl.DataFrame(schema=schema)]
    keys = kept[job.contract.key]
    first = keys.is_first_distinct()
    if seen and not seen.isdisjoint(keys):
        first &= ~keys.is_in(list(seen.intersection(keys)))
    if not first.all():
        dropped.append(reject_repeats(kept.filter(~first), job))
        kept = kept.filter(first)
    return Outcome(kept, pl.concat(dropped))


def derive_rejected_contract(job: TableJob) -> Contract:
    """The contract of the rows a table rejects: those of its input, or records where it is made of files."""
    return make_rejected_contract(job.input_contract if job.inputs and not job.sources else RECORDS)


def reject_repeats(rows: pl.DataFrame, job: TableJob) -> pl.DataFrame:
    """Rows whose key was seen before, in the form of rejected rows."""
    key = job.contract.key
    raw = [json.dumps(row, ensure_ascii=False)[:10_000] for row in rows.iter_rows(named=True)]
    repeats = rows.with_columns(
        pl.lit("duplicate id").alias("reason"),
        (pl.lit(f"{key} ") + pl.col(key) + " is that of an earlier row").alias("detail"),
        pl.Series("raw", raw, dtype=pl.String),
    )
    return complete_rejected(job, repeats)


def complete_rejected(job: TableJob, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows in the form in which a table rejects rows: columns that they lack, or have as another type, are null, others are left out."""
    schema = to_polars_schema(derive_rejected_contract(job))
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if rows.schema.get(name) != kind]
    return rows.with_columns(missing).select(list(schema)).cast(schema)
