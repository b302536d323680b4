"""The runner of one table: units of work, their checks, and the manifest that completes the table.

Every task is run here and only here, so batching, checking, counting and
writing the rejected rows with their reasons are done once for all of them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from catalog.sources import Source, batches, unchanged
from catalog.tables import Manifest, ParquetFile, PartitionCommit, TableFolder, sum_commits
from flows.planning.plan import TableJob
from flows.planning.side_inputs import open_side_input
from flows.running.key_table import KeyTable
from flows.running.shuffle import shuffle_by_problem
from flows.running.verdict_cache import cached_verdicts
from schemas.columns.problems import RECORDS
from schemas.contract import Contract, rejected
from schemas.frames import check, polars_schema
from schemas.task import Asking, FromRecords, FromSeed, Outcome, PerProblem, PerRow, TaskError, WholeTable
from tasks import TASKS

ROWS_OF_A_UNIT = 1_000
"""Rows that a task which makes them out of numbers makes at a time."""
ROWS_OF_A_SHARE = 50_000
"""Rows, about, of the problems that a task which needs whole problems sees at a time."""
Advance = Callable[[str, int, float | None], None]
"""Told of progress: table, rows worked on, share of the unit's source read (None where rows are counted)."""


class AccountingError(RuntimeError):
    """Rows went missing or appeared from nowhere: kept and rejected do not add up to what came in."""


@dataclass(frozen=True)
class Partition:
    """A piece of a table's work that is done again as a whole if it was cut off."""

    name: str
    source: Source | None = None
    """The file it reads, or"""
    part: ParquetFile | None = None
    """the part of an input table,"""
    table: tuple[str, str] | None = None
    """which is this one (task and fingerprint), or"""
    numbers: range | None = None
    """the numbers of the rows it makes, or"""
    share: int | None = None
    """which share of the problems it is,"""
    about: int = 0
    """of about so many rows."""


def list_partitions(work: TableJob) -> list[Partition]:
    """All units of a table, in the order of its rows."""
    task = TASKS[work.task]
    if isinstance(task, FromSeed):
        count = task.count(work.parameters)
        starts = range(0, count, ROWS_OF_A_UNIT)
        return [
            Partition(f"{i:05d}", numbers=range(at, min(at + ROWS_OF_A_UNIT, count))) for i, at in enumerate(starts)
        ]
    if work.sources:
        return [Partition(f"{i:05d}", source=source) for i, source in enumerate(work.sources)]
    parts = [(table, part) for table in work.inputs for part in _input_files(work, table)]
    if isinstance(task, PerProblem):
        there = sum(part.rows for _, part in parts)
        count = -(-there // ROWS_OF_A_SHARE)
        about = [there * (i + 1) // count - there * i // count for i in range(count)]  # only all together is known
        return [Partition(f"{i:05d}", share=i, about=about[i]) for i in range(count)]
    return [Partition(f"{i:05d}", part=part, table=table) for i, (table, part) in enumerate(parts)]


def _input_files(work: TableJob, table: tuple[str, str]) -> list[ParquetFile]:
    manifest = TableFolder(work.folder().store, *table).read_manifest()
    if manifest is None:
        raise AccountingError(f"{work.name}: its input {table[0]}-{table[1]} is not complete; build again")
    return manifest.receipt.parts


def list_pending(work: TableJob) -> list[Partition]:
    """The units that have not ended yet."""
    folder = work.folder()
    signed = {name.removesuffix(".json") for name in folder.store.names(f"{folder.path}/receipts")}
    return [unit for unit in list_partitions(work) if unit.name not in signed]


def count_expected_rows(work: TableJob) -> int | None:
    """The rows that come in, where that is known beforehand."""
    return None if work.sources else sum(count_rows(work, unit) for unit in list_partitions(work))


def count_rows(work: TableJob, unit: Partition) -> int:
    """The rows that a unit stands for, 0 where nobody knows."""
    if unit.numbers is not None:
        return len(unit.numbers)
    if unit.share is not None:
        return unit.about
    task = TASKS[work.task]
    each = task.rows_per_row(work.parameters) if isinstance(task, Asking | PerRow) else 1
    return unit.part.rows * each if unit.part else 0


def run_partition(work: TableJob, unit: Partition, advance: Advance) -> PartitionCommit:
    """Do one unit: run the task, check what it made, write it, and sign for it."""
    receipt = sum_commits(_run_chunks(work, unit, advance))
    if unit.source is not None:
        unchanged(unit.source)
    work.folder().commit(unit.name, receipt)
    return receipt


def _run_chunks(work: TableJob, unit: Partition, advance: Advance) -> Iterator[PartitionCommit]:
    """The receipts of a unit's pieces: a part is one, a file as many as it has batches of records.

    A file is long, so its pieces are signed for too, and not made again where
    an earlier build was cut off in the middle of it.
    """
    task, folder = TASKS[work.task], work.folder()
    if isinstance(task, FromSeed):
        assert unit.numbers is not None
        outcome = task.run(unit.numbers, work.parameters)
        yield _write_outcome(work, folder, f"{unit.name}-00000", len(unit.numbers), outcome)
        advance(work.name, len(unit.numbers), None)
        return
    if not isinstance(task, FromRecords):
        part = read_partition(work, unit) if unit.share is None else _read_problems(work, unit)
        try:
            if isinstance(task, PerRow | PerProblem):
                with cached_verdicts(folder.store):
                    outcome = task.run(part, work.parameters)
            else:
                outcome = _apply_decision(work, unit, part)
        except TaskError as error:
            raise TaskError(f"{work.name}: {error}") from None
        rows_in = part.height * (task.rows_per_row(work.parameters) if isinstance(task, PerRow) else 1)
        yield _write_outcome(work, folder, f"{unit.name}-00000", rows_in, outcome)
        advance(work.name, rows_in, None)
        return
    assert unit.source is not None
    for chunk, (batch, share) in enumerate(batches(unit.source)):
        name = f"{unit.name}-{chunk:05d}"
        rows_in = len(batch) * task.rows_per_record(work.parameters)
        receipt = folder.read_commit(name)
        if receipt is None:
            receipt = _write_outcome(work, folder, name, rows_in, task.run(batch, work.parameters))
            folder.commit(name, receipt)
        yield receipt
        advance(work.name, rows_in, share)


def read_partition(work: TableJob, unit: Partition, columns: list[str] | None = None) -> pl.DataFrame:
    """The rows of the part that a unit works on, in the order of the columns asked for."""
    assert unit.part is not None and unit.table is not None
    rows = TableFolder(work.folder().store, *unit.table).read(unit.part, columns)
    return rows.select(columns) if columns else rows


def _read_problems(work: TableJob, unit: Partition) -> pl.DataFrame:
    """All rows of a share of the problems, in the order of the input."""
    laid = work.folder().read_commit(f"decided-{unit.name}")
    return work.folder().read(laid.parts[0]) if laid else pl.DataFrame(schema=polars_schema(work.input_contract))


def commit_outcome(work: TableJob, unit: Partition, rows_in: int, outcome: Outcome) -> None:
    """Check and write what a conversation about a unit came to, and sign for the unit."""
    folder = work.folder()
    folder.commit(unit.name, sum_commits([_write_outcome(work, folder, f"{unit.name}-00000", rows_in, outcome)]))


def _write_outcome(work: TableJob, folder: TableFolder, name: str, rows_in: int, outcome: Outcome) -> PartitionCommit:
    """Check an outcome and write its two halves."""
    outcome = _reject_repeats(work, outcome)
    kept, dropped = outcome.kept, outcome.rejected
    if kept.height + dropped.height != rows_in:
        raise AccountingError(
            f"{work.name}, unit {name}: {rows_in} rows came in, {kept.height} were kept and {dropped.height} rejected; "
            f"task '{work.task}' must account for each row"
        )
    check(kept, work.contract, f"{work.name}, unit {name}")
    counts = dict(sorted(dropped["reason"].value_counts().iter_rows())) if dropped.height else {}
    return PartitionCommit(
        rows_in,
        [folder.write(f"parts/{name}.parquet", kept)] if kept.height else [],
        [folder.write(f"rejected/{name}.parquet", dropped)] if dropped.height else [],
        counts,
    )


def _reject_repeats(work: TableJob, outcome: Outcome) -> Outcome:
    """An outcome in which each key is kept once: the later rows with it are rejected."""
    kept = outcome.kept.select(work.contract.names())
    form = _rejected_contract(work)
    if outcome.rejected.height:
        dropped = [outcome.rejected.select(form.names()).cast(polars_schema(form))]
    else:
        dropped = [pl.DataFrame(schema=polars_schema(form))]
    first = kept[work.contract.key].is_first_distinct()
    if not first.all():
        dropped.append(rejected_repeats(kept.filter(~first), work, form))
        kept = kept.filter(first)
    return Outcome(kept, pl.concat(dropped))


def _rejected_contract(work: TableJob) -> Contract:
    """The contract of the rows a table rejects: those of its input, or records where it has none."""
    return rejected(work.input_contract if work.inputs else RECORDS)


def rejected_repeats(rows: pl.DataFrame, work: TableJob, form: Contract) -> pl.DataFrame:
    """Rows whose key was seen before, in the form of rejected rows."""
    key = work.contract.key
    raw = [json.dumps(row, ensure_ascii=False)[:10_000] for row in rows.iter_rows(named=True)]
    told = rows.with_columns(
        pl.lit("duplicate id").alias("reason"),
        (pl.lit(f"{key} ") + pl.col(key) + " is that of an earlier row").alias("detail"),
        pl.Series("raw", raw, dtype=pl.String),
    )
    missing = [
        pl.lit(None, dtype=kind).alias(name) for name, kind in polars_schema(form).items() if name not in told.columns
    ]
    return told.with_columns(missing).select(form.names())


def prepare(work: TableJob) -> None:
    """For a task that must see the whole table: find what becomes of its rows, and write it by unit.

    For one that must see whole problems: lay the rows out by problem.
    """
    task, folder = TASKS[work.task], work.folder()
    if not isinstance(task, WholeTable | PerProblem) or folder.read_commit("decided"):
        return
    if isinstance(task, PerProblem):
        todo = list_partitions(work)
        read = (
            TableFolder(folder.store, *table).read(part) for table in work.inputs for part in _input_files(work, table)
        )
        for part in shuffle_by_problem(read, len(todo), folder):
            folder.commit(
                f"decided-{part.path.removeprefix('shares/').removesuffix('.parquet')}", PartitionCommit(0, [part])
            )
    else:
        _decide_rows(work, task, folder)
    folder.commit("decided", PartitionCommit(0))


def _decide_rows(work: TableJob, task: WholeTable[Any], folder: TableFolder) -> None:
    key = work.contract.key
    columns = list(dict.fromkeys((key, *task.reads(work.parameters, work.input_contract))))
    todo = list_partitions(work)
    with KeyTable() as units_of, KeyTable() as found, tempfile.TemporaryDirectory(prefix="errata-") as place:
        for number, unit in enumerate(todo):
            units_of.add(read_partition(work, unit, [key]).with_columns(unit=pl.lit(number, pl.Int32)))
        others = [open_side_input(one) for one in work.side_inputs]
        try:
            for rows in task.run(InputColumns(work, columns), others, work.parameters, Path(place)):
                found.add(rows)
        except TaskError as error:
            raise TaskError(f"{work.name}: {error}") from None
        if found.rows:
            query = f"SELECT DISTINCT f.*, n.unit FROM found.narrow f JOIN narrow n ON n.{key} = f.key"
            for number, rows in units_of.by_partition(query, found):
                name = todo[number].name
                # a receipt for each: one for all would be read again for every unit
                folder.commit(f"decided-{name}", PartitionCommit(0, [folder.write(f"decision/{name}.parquet", rows)]))


class InputColumns:
    """Some columns of the tables a work is made from, part by part, as often as one goes through them."""

    def __init__(self, work: TableJob, columns: list[str]) -> None:
        self.work, self.columns = work, columns

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for unit in list_partitions(self.work):
            yield read_partition(self.work, unit, self.columns)


def _apply_decision(work: TableJob, unit: Partition, part: pl.DataFrame) -> Outcome:
    """A part without the rows that were rejected, and with what was found of the others."""
    folder = work.folder()
    decided = folder.read_commit(f"decided-{unit.name}")
    if decided is None:
        return Outcome(part, part.clear())
    key = work.contract.key
    found = folder.read(decided.parts[0])
    fresh = [name for name in found.columns if name not in ("key", "reason", "detail")]
    rows = part.drop(fresh, strict=False).join(found, left_on=key, right_on="key", how="left", maintain_order="left")
    if "reason" not in found.columns:
        return Outcome(rows, part.clear())
    dropped = part.join(found.select("key", "reason", "detail"), left_on=key, right_on="key", maintain_order="left")
    return Outcome(rows.filter(pl.col("reason").is_null()), dropped.filter(pl.col("reason").is_not_null()))


def complete_table(work: TableJob) -> Manifest:
    """Complete a table whose units have all ended: no key twice in it, the sums right, the manifest written."""
    folder = work.folder()
    names = [unit.name for unit in list_partitions(work)]
    found = [(name, folder.read_commit(name)) for name in names]
    receipts = [receipt for _, receipt in found if receipt is not None]
    if len(receipts) < len(names):
        missing = [name for name, receipt in found if receipt is None]
        raise AccountingError(f"{work.name}: units {', '.join(missing[:5])} have not ended; build again")
    receipt = sum_commits(receipts)
    # rows that are named by their content may be there in several parts
    renamed = isinstance(TASKS[work.task], PerRow) and work.contract.key != work.input_contract.key
    if len(work.inputs) != 1 or renamed:
        receipt = _reject_repeats_across_files(work, folder, receipt)
    expected = count_expected_rows(work)
    if receipt.rows_kept() + receipt.rows_rejected() != receipt.rows_in or expected not in (None, receipt.rows_in):
        raise AccountingError(
            f"{work.name}: {receipt.rows_in} of {expected} rows came in, {receipt.rows_kept()} were kept and "
            f"{receipt.rows_rejected()} rejected; the table is not completed"
        )
    task = TASKS[work.task]
    parameters: dict[str, Any] = work.parameters.model_dump(mode="json", by_alias=True)
    manifest = Manifest(
        work.fingerprint, work.task, task.version, parameters, work.lineage(), list(work.contract.names()), receipt
    )
    folder.complete(manifest)
    return manifest


def _reject_repeats_across_files(work: TableJob, folder: TableFolder, receipt: PartitionCommit) -> PartitionCommit:
    """The table with each key once: rows that repeat one of an earlier part are rejected."""
    key = work.contract.key
    parts, dropped, count = list(receipt.parts), list(receipt.rejected), 0
    form = _rejected_contract(work)
    with KeyTable() as database:
        for i, part in enumerate(receipt.parts):
            database.add(folder.read(part, [key]).with_columns(unit=pl.lit(i, pl.Int32)))
        if not database.rows:
            return receipt
        first = f"SELECT {key}, min(unit) AS first FROM narrow GROUP BY {key} HAVING count(*) > 1"
        again = f"SELECT {key} AS key, unit FROM narrow JOIN ({first}) USING ({key}) WHERE unit <> first"
        for i, keys in database.by_partition(again):
            rows = folder.read(parts[i])
            repeated = pl.col(key).is_in(keys["key"].implode())
            name = parts[i].path.removeprefix("parts/").removesuffix(".parquet")
            told = rejected_repeats(rows.filter(repeated), work, form)
            dropped.append(folder.write(f"rejected/{name}-repeats.parquet", told))
            parts[i] = folder.write(f"parts/{name}-unique.parquet", rows.filter(~repeated))
            count += told.height
    if not count:
        return receipt
    reasons = dict(receipt.reasons)
    reasons["duplicate id"] = reasons.get("duplicate id", 0) + count
    return PartitionCommit(
        receipt.rows_in, [part for part in parts if part.rows], dropped, dict(sorted(reasons.items()))
    )
