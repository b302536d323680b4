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
from catalog.tables import Manifest, Part, Receipt, TableFolder, total
from flows.planning.plan import Work
from flows.planning.side_inputs import opened
from flows.running.key_table import NarrowTable
from flows.running.shuffle import shared
from flows.running.verdict_cache import remembered
from schemas.columns.problems import RECORDS
from schemas.contract import Contract, rejected
from schemas.frames import check, polars_schema
from schemas.task import Asking, FromRecords, FromSeed, Outcome, PerPart, PerProblem, TaskError, WholeTable
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
class Unit:
    """A piece of a table's work that is done again as a whole if it was cut off."""

    name: str
    source: Source | None = None
    """The file it reads, or"""
    part: Part | None = None
    """the part of an input table,"""
    table: tuple[str, str] | None = None
    """which is this one (task and fingerprint), or"""
    numbers: range | None = None
    """the numbers of the rows it makes, or"""
    share: int | None = None
    """which share of the problems it is,"""
    about: int = 0
    """of about so many rows."""


def units(work: Work) -> list[Unit]:
    """All units of a table, in the order of its rows."""
    task = TASKS[work.task]
    if isinstance(task, FromSeed):
        count = task.count(work.parameters)
        starts = range(0, count, ROWS_OF_A_UNIT)
        return [Unit(f"{i:05d}", numbers=range(at, min(at + ROWS_OF_A_UNIT, count))) for i, at in enumerate(starts)]
    if work.sources:
        return [Unit(f"{i:05d}", source=source) for i, source in enumerate(work.sources)]
    parts = [(table, part) for table in work.inputs for part in _parts(work, table)]
    if isinstance(task, PerProblem):
        there = sum(part.rows for _, part in parts)
        count = -(-there // ROWS_OF_A_SHARE)
        about = [there * (i + 1) // count - there * i // count for i in range(count)]  # only all together is known
        return [Unit(f"{i:05d}", share=i, about=about[i]) for i in range(count)]
    return [Unit(f"{i:05d}", part=part, table=table) for i, (table, part) in enumerate(parts)]


def _parts(work: Work, table: tuple[str, str]) -> list[Part]:
    manifest = TableFolder(work.folder().store, *table).manifest()
    if manifest is None:
        raise AccountingError(f"{work.name}: its input {table[0]}-{table[1]} is not complete; build again")
    return manifest.receipt.parts


def pending(work: Work) -> list[Unit]:
    """The units that have not ended yet."""
    folder = work.folder()
    signed = {name.removesuffix(".json") for name in folder.store.names(f"{folder.path}/receipts")}
    return [unit for unit in units(work) if unit.name not in signed]


def rows_expected(work: Work) -> int | None:
    """The rows that come in, where that is known beforehand."""
    return None if work.sources else sum(rows(work, unit) for unit in units(work))


def rows(work: Work, unit: Unit) -> int:
    """The rows that a unit stands for, 0 where nobody knows."""
    if unit.numbers is not None:
        return len(unit.numbers)
    if unit.share is not None:
        return unit.about
    task = TASKS[work.task]
    each = task.rows_per_row(work.parameters) if isinstance(task, Asking | PerPart) else 1
    return unit.part.rows * each if unit.part else 0


def do(work: Work, unit: Unit, advance: Advance) -> Receipt:
    """Do one unit: run the task, check what it made, write it, and sign for it."""
    receipt = total(_pieces(work, unit, advance))
    if unit.source is not None:
        unchanged(unit.source)
    work.folder().sign(unit.name, receipt)
    return receipt


def _pieces(work: Work, unit: Unit, advance: Advance) -> Iterator[Receipt]:
    """The receipts of a unit's pieces: a part is one, a file as many as it has batches of records.

    A file is long, so its pieces are signed for too, and not made again where
    an earlier build was cut off in the middle of it.
    """
    task, folder = TASKS[work.task], work.folder()
    if isinstance(task, FromSeed):
        assert unit.numbers is not None
        outcome = task.run(unit.numbers, work.parameters)
        yield _write(work, folder, f"{unit.name}-00000", len(unit.numbers), outcome)
        advance(work.name, len(unit.numbers), None)
        return
    if not isinstance(task, FromRecords):
        part = read_part(work, unit) if unit.share is None else _share(work, unit)
        try:
            if isinstance(task, PerPart | PerProblem):
                with remembered(folder.store):
                    outcome = task.run(part, work.parameters)
            else:
                outcome = _decided(work, unit, part)
        except TaskError as error:
            raise TaskError(f"{work.name}: {error}") from None
        rows_in = part.height * (task.rows_per_row(work.parameters) if isinstance(task, PerPart) else 1)
        yield _write(work, folder, f"{unit.name}-00000", rows_in, outcome)
        advance(work.name, rows_in, None)
        return
    assert unit.source is not None
    for chunk, (batch, share) in enumerate(batches(unit.source)):
        name = f"{unit.name}-{chunk:05d}"
        rows_in = len(batch) * task.rows_per_record(work.parameters)
        receipt = folder.receipt(name)
        if receipt is None:
            receipt = _write(work, folder, name, rows_in, task.run(batch, work.parameters))
            folder.sign(name, receipt)
        yield receipt
        advance(work.name, rows_in, share)


def read_part(work: Work, unit: Unit, columns: list[str] | None = None) -> pl.DataFrame:
    """The rows of the part that a unit works on, in the order of the columns asked for."""
    assert unit.part is not None and unit.table is not None
    rows = TableFolder(work.folder().store, *unit.table).read(unit.part, columns)
    return rows.select(columns) if columns else rows


def _share(work: Work, unit: Unit) -> pl.DataFrame:
    """All rows of a share of the problems, in the order of the input."""
    laid = work.folder().receipt(f"decided-{unit.name}")
    return work.folder().read(laid.parts[0]) if laid else pl.DataFrame(schema=polars_schema(work.given))


def sign(work: Work, unit: Unit, rows_in: int, outcome: Outcome) -> None:
    """Check and write what a conversation about a unit came to, and sign for the unit."""
    folder = work.folder()
    folder.sign(unit.name, total([_write(work, folder, f"{unit.name}-00000", rows_in, outcome)]))


def _write(work: Work, folder: TableFolder, name: str, rows_in: int, outcome: Outcome) -> Receipt:
    """Check an outcome and write its two halves."""
    outcome = _without_repeats(work, outcome)
    kept, dropped = outcome.kept, outcome.rejected
    if kept.height + dropped.height != rows_in:
        raise AccountingError(
            f"{work.name}, unit {name}: {rows_in} rows came in, {kept.height} were kept and {dropped.height} rejected; "
            f"task '{work.task}' must account for each row"
        )
    check(kept, work.contract, f"{work.name}, unit {name}")
    counts = dict(sorted(dropped["reason"].value_counts().iter_rows())) if dropped.height else {}
    return Receipt(
        rows_in,
        [folder.write(f"parts/{name}.parquet", kept)] if kept.height else [],
        [folder.write(f"rejected/{name}.parquet", dropped)] if dropped.height else [],
        counts,
    )


def _without_repeats(work: Work, outcome: Outcome) -> Outcome:
    """An outcome in which each key is kept once: the later rows with it are rejected."""
    kept = outcome.kept.select(work.contract.names())
    form = _rejected_form(work)
    if outcome.rejected.height:
        dropped = [outcome.rejected.select(form.names()).cast(polars_schema(form))]
    else:
        dropped = [pl.DataFrame(schema=polars_schema(form))]
    first = kept[work.contract.key].is_first_distinct()
    if not first.all():
        dropped.append(repeats(kept.filter(~first), work, form))
        kept = kept.filter(first)
    return Outcome(kept, pl.concat(dropped))


def _rejected_form(work: Work) -> Contract:
    """The contract of the rows a table rejects: those of its input, or records where it has none."""
    return rejected(work.given if work.inputs else RECORDS)


def repeats(rows: pl.DataFrame, work: Work, form: Contract) -> pl.DataFrame:
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


def decide(work: Work) -> None:
    """For a task that must see the whole table: find what becomes of its rows, and write it by unit.

    For one that must see whole problems: lay the rows out by problem.
    """
    task, folder = TASKS[work.task], work.folder()
    if not isinstance(task, WholeTable | PerProblem) or folder.receipt("decided"):
        return
    if isinstance(task, PerProblem):
        todo = units(work)
        read = (TableFolder(folder.store, *table).read(part) for table in work.inputs for part in _parts(work, table))
        for part in shared(read, len(todo), folder):
            folder.sign(f"decided-{part.path.removeprefix('shares/').removesuffix('.parquet')}", Receipt(0, [part]))
    else:
        _decide(work, task, folder)
    folder.sign("decided", Receipt(0))


def _decide(work: Work, task: WholeTable[Any], folder: TableFolder) -> None:
    key = work.contract.key
    columns = list(dict.fromkeys((key, *task.reads(work.parameters, work.given))))
    todo = units(work)
    with NarrowTable() as units_of, NarrowTable() as found, tempfile.TemporaryDirectory(prefix="errata-") as place:
        for number, unit in enumerate(todo):
            units_of.add(read_part(work, unit, [key]).with_columns(unit=pl.lit(number, pl.Int32)))
        others = [opened(one) for one in work.beside]
        try:
            for rows in task.run(Parts(work, columns), others, work.parameters, Path(place)):
                found.add(rows)
        except TaskError as error:
            raise TaskError(f"{work.name}: {error}") from None
        if found.rows:
            query = f"SELECT DISTINCT f.*, n.unit FROM found.narrow f JOIN narrow n ON n.{key} = f.key"
            for number, rows in units_of.by_unit(query, found):
                name = todo[number].name
                # a receipt for each: one for all would be read again for every unit
                folder.sign(f"decided-{name}", Receipt(0, [folder.write(f"decision/{name}.parquet", rows)]))


class Parts:
    """Some columns of the tables a work is made from, part by part, as often as one goes through them."""

    def __init__(self, work: Work, columns: list[str]) -> None:
        self.work, self.columns = work, columns

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for unit in units(self.work):
            yield read_part(self.work, unit, self.columns)


def _decided(work: Work, unit: Unit, part: pl.DataFrame) -> Outcome:
    """A part without the rows that were rejected, and with what was found of the others."""
    folder = work.folder()
    decided = folder.receipt(f"decided-{unit.name}")
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


def finish(work: Work) -> Manifest:
    """Complete a table whose units have all ended: no key twice in it, the sums right, the manifest written."""
    folder = work.folder()
    names = [unit.name for unit in units(work)]
    found = [(name, folder.receipt(name)) for name in names]
    receipts = [receipt for _, receipt in found if receipt is not None]
    if len(receipts) < len(names):
        missing = [name for name, receipt in found if receipt is None]
        raise AccountingError(f"{work.name}: units {', '.join(missing[:5])} have not ended; build again")
    receipt = total(receipts)
    # rows that are named by their content may be there in several parts
    renamed = isinstance(TASKS[work.task], PerPart) and work.contract.key != work.given.key
    if len(work.inputs) != 1 or renamed:
        receipt = _unique(work, folder, receipt)
    expected = rows_expected(work)
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


def _unique(work: Work, folder: TableFolder, receipt: Receipt) -> Receipt:
    """The table with each key once: rows that repeat one of an earlier part are rejected."""
    key = work.contract.key
    parts, dropped, count = list(receipt.parts), list(receipt.rejected), 0
    form = _rejected_form(work)
    with NarrowTable() as database:
        for i, part in enumerate(receipt.parts):
            database.add(folder.read(part, [key]).with_columns(unit=pl.lit(i, pl.Int32)))
        if not database.rows:
            return receipt
        first = f"SELECT {key}, min(unit) AS first FROM narrow GROUP BY {key} HAVING count(*) > 1"
        again = f"SELECT {key} AS key, unit FROM narrow JOIN ({first}) USING ({key}) WHERE unit <> first"
        for i, keys in database.by_unit(again):
            rows = folder.read(parts[i])
            repeated = pl.col(key).is_in(keys["key"].implode())
            name = parts[i].path.removeprefix("parts/").removesuffix(".parquet")
            told = repeats(rows.filter(repeated), work, form)
            dropped.append(folder.write(f"rejected/{name}-repeats.parquet", told))
            parts[i] = folder.write(f"parts/{name}-unique.parquet", rows.filter(~repeated))
            count += told.height
    if not count:
        return receipt
    reasons = dict(receipt.reasons)
    reasons["duplicate id"] = reasons.get("duplicate id", 0) + count
    return Receipt(receipt.rows_in, [part for part in parts if part.rows], dropped, dict(sorted(reasons.items())))
