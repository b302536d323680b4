"""The small files of a large table are put together before it is complete: a file for each unit would be hundreds of thousands.

What a unit wrote is some rows of a larger file then, and stays a part of the
table: it shares columns with the part that it was made from as before. Rows that
are of no other part are one part for each file, whichever units they are from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

import polars as pl

from catalog.parts import PIECE_BYTES, ROW, BaseRows, ParquetFile, PartWriter, digest_bytes
from catalog.tables import MANY, PLACES, PartitionCommit, TableFolder, format_canonical_json
from flows.planning.plan import TableJob
from flows.running.commit import PART_BYTES, derive_rejected_contract
from flows.running.partitions import UNIT_ROWS, AccountingError
from flows.running.unit_executor import UnitExecutor
from flows.running.unit_files import make_files
from flows.running.watcher import Watcher
from schemas.frames import batch_frames, to_polars_schema


def compact_table(
    job: TableJob, receipt: PartitionCommit, units: UnitExecutor | None, watcher: Watcher
) -> PartitionCommit:
    """Put the small files of a table together, where it has many; the rows stay as they are, in their order.

    Args:
        job: The table, whose units have all ended.
        receipt: Its files.
        units: What does it in other processes; it is done here unless given.
        watcher: Is told how many files there are.

    Returns:
        The files from now on. Those before are still there.

    Raises:
        StoreError: A file is missing, as it is where another build has completed the table.
        AccountingError: There are more or fewer rows than before.

    """
    if len(receipt.parts) + len(receipt.rejected) <= MANY:
        return receipt
    folder = job.folder()
    groups, rejected_groups = (
        group_files(folder.name, files, folder.store.measure(f"{folder.path}/{place}"))
        for place, files in zip(PLACES, (receipt.parts, receipt.rejected))
    )
    count = sum(len(group) for group in (*groups, *rejected_groups) if len(group) > 1)
    if not count:
        return receipt
    watcher.compacts(job.name, count)
    parts = _compact(job, "parts", groups, units, watcher)
    rejected = _compact(job, "rejected", rejected_groups, units, watcher)
    compacted = replace(receipt, parts=parts, rejected=rejected)
    if (compacted.rows_kept(), compacted.rows_rejected()) != (receipt.rows_kept(), receipt.rows_rejected()):
        raise AccountingError(
            f"{job.name}: its files put together have {compacted.rows_kept()} rows kept and {compacted.rows_rejected()} rejected, "
            f"not {receipt.rows_kept()} and {receipt.rows_rejected()}; the table is not completed"
        )
    return compacted


def _compact(
    job: TableJob, place: str, groups: Sequence[list[ParquetFile]], units: UnitExecutor | None, watcher: Watcher
) -> list[ParquetFile]:
    """The files of a table's folder, each group of them put together."""
    small = [(job, place, group) for group in groups if len(group) > 1]
    # what an earlier program put together otherwise counts for nothing
    of = digest_bytes(format_canonical_json([[[file.path, file.sha256] for file in group] for *_, group in small]))
    written: dict[str, list[ParquetFile]] = {}
    for file in make_files(job, f"compacted-{place}-{of}", compact_files, small, units, watcher):
        written.setdefault(file.path, []).append(file)
    compacted = iter(written.values())
    return [file for group in groups for file in (group if len(group) == 1 else next(compacted))]


def group_files(table: str, files: Sequence[ParquetFile], sizes: Mapping[str, int]) -> list[list[ParquetFile]]:
    """Files that follow each other and become one, of about as many bytes as a part has; what is that large stays by itself.

    Args:
        table: Task and fingerprint of their table.
        files: All of them, in the order of their rows.
        sizes: The bytes of each, by its name.

    Returns:
        The groups. In one either all share columns with parts of other tables, or none does.

    """
    groups: list[list[ParquetFile]] = []
    held, before = PART_BYTES, True
    for file in files:
        size = sizes.get(file.path.rsplit("/", 1)[-1], 0)
        shares = _find_base(table, file) is not None
        if held >= PART_BYTES or size >= PART_BYTES or shares != before:
            groups.append([])
            held, before = 0, shares
        groups[-1].append(file)
        held += size
    return groups


def compact_files(
    job: TableJob, place: str, files: Sequence[ParquetFile], name: str, watcher: Watcher
) -> list[ParquetFile]:
    """Write files as one, and commit it.

    Args:
        job: Their table.
        place: The folder in which they lie: `parts` or `rejected`.
        files: The files, in the order of their rows.
        name: The commit's, which ends in the number of the file.
        watcher: Is told nothing.

    Returns:
        What each is from now on; of rows that are of no other part, all together.

    """
    contract = job.contract if place == "parts" else derive_rejected_contract(job)
    folder, writer = job.folder(), PartWriter()
    path = f"{place}/compacted-{name.rsplit('-', 1)[-1]}.parquet"
    bases = [base for file in files if (base := _find_base(folder.name, file))]
    if not bases:
        pieces = (folder.read(piece) for file in files for piece in file.cut(UNIT_ROWS))
        for rows in batch_frames(pieces, UNIT_ROWS, PIECE_BYTES):
            writer.add(rows)
        made = [folder.write_part(path, writer)]
    else:
        first = [0, *accumulate(file.rows for file in files)]
        for rows in _read_thin(folder, files, bases, to_polars_schema(contract)):
            writer.add(rows)
        whole = folder.write_part(path, writer)
        made = [
            replace(whole.slice(at, file.rows), base=replace(base, first=at))
            for at, file, base in zip(first, files, bases)
        ]
    folder.preparation.commit(name, PartitionCommit(0, made))
    return made


def _find_base(table: str, file: ParquetFile) -> BaseRows | None:
    """The rows of another table whose columns a file shares; also one that says alone which rows of an earlier file are kept."""
    base = file.base
    if base is None or base.table != table:
        return base
    return base.part.base and replace(base.part.base, selected=True)


def _read_thin(
    folder: TableFolder, files: Sequence[ParquetFile], bases: Sequence[BaseRows], schema: Mapping[str, pl.DataType]
) -> Iterator[pl.DataFrame]:
    """What files hold themselves, with the same columns: those that some of them hold, empty in those that share them."""
    held = {name for base in bases for name in base.order if name not in base.columns}
    columns = {name: kind for name, kind in schema.items() if name in held}
    if any(base.selected for base in bases):
        columns[ROW] = pl.UInt32()
    for file in files:
        rows = _read_own(folder, file)
        empty = [pl.lit(None, kind).alias(name) for name, kind in columns.items() if name not in rows.columns]
        yield rows.with_columns(empty).select(list(columns))


def _read_own(folder: TableFolder, file: ParquetFile) -> pl.DataFrame:
    """What a file holds itself; of one that says which rows of an earlier file are kept, what that holds of them."""
    rows, base = folder.read_own(file), file.base
    if base is None or base.table != folder.name:
        return rows
    earlier, kept = base.part, rows[ROW]
    rows = folder.read_own(earlier)[kept]
    return rows if earlier.base and earlier.base.selected else rows.with_columns(kept.alias(ROW))
