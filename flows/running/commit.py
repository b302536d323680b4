"""What a partition commits: rows kept and rejected, checked, counted and written.

Every task's rows are written here and only here, so that checking, counting
and writing the rejected rows with their reasons are done once for all of them.
"""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl

from catalog.tables import PartitionCommit
from flows.planning.plan import TableJob
from flows.running.partitions import AccountingError, Partition
from schemas.columns.problems import RECORDS
from schemas.contract import Contract, make_rejected_contract
from schemas.frames import check, to_polars_schema
from schemas.task import Outcome


def commit_outcome(job: TableJob, partition: Partition, rows_in: int, outcome: Outcome, failed: int = 0) -> None:
    """Check and write what became of a partition that is one chunk, and commit it; so many of its requests failed."""
    chunk = write_outcome(job, f"{partition.name}-00000", rows_in, outcome)
    job.folder().commit(partition.name, replace(chunk, failed=failed))


def write_outcome(job: TableJob, name: str, rows_in: int, outcome: Outcome) -> PartitionCommit:
    """Check what became of a chunk's rows and write them.

    Args:
        job: The table.
        name: The chunk's name, that of its files.
        rows_in: How many rows came in.
        outcome: The rows kept and rejected.

    Returns:
        What was written.

    Raises:
        AccountingError: Where rows kept and rejected are not those that came in.
        ContractError: Where a row breaks the table's contract.

    """
    folder = job.folder()
    outcome = _reject_repeats(job, outcome)
    kept, dropped = outcome.kept, outcome.rejected
    if kept.height + dropped.height != rows_in:
        raise AccountingError(
            f"{job.name}, unit {name}: {rows_in} rows came in, {kept.height} were kept and {dropped.height} rejected; "
            f"task '{job.task}' must account for each row"
        )
    check(kept, job.contract, f"{job.name}, unit {name}")
    counts = dict(sorted(dropped["reason"].value_counts().iter_rows())) if dropped.height else {}
    return PartitionCommit(
        rows_in,
        [folder.write(f"parts/{name}.parquet", kept)] if kept.height else [],
        [folder.write(f"rejected/{name}.parquet", dropped)] if dropped.height else [],
        counts,
    )


def _reject_repeats(job: TableJob, outcome: Outcome) -> Outcome:
    """An outcome in which each key is kept once: the later rows with it are rejected."""
    kept = outcome.kept.select(job.contract.names())
    schema = to_polars_schema(derive_rejected_contract(job))
    if outcome.rejected.height:
        dropped = [outcome.rejected.select(list(schema)).cast(schema)]
    else:
        dropped = [pl.DataFrame(schema=schema)]
    first = kept[job.contract.key].is_first_distinct()
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
