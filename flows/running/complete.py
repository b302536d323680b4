"""The end of a table: no key twice in it, the sums right, the manifest that makes it visible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import polars as pl

from catalog.parts import ROW, BaseRows, ParquetFile
from catalog.storage import StoreError
from catalog.tables import Manifest, PartitionCommit, TableFolder, sum_commits
from flows.planning.plan import TableJob
from flows.running.commit import reject_repeats
from flows.running.compaction import compact_table
from flows.running.fit import SETTLED
from flows.running.key_table import KeyTable
from flows.running.kinds import find_kind
from flows.running.partitions import AccountingError
from flows.running.unit_executor import UnitExecutor
from flows.running.watcher import NOBODY, Watcher
from flows.running.work_folder import explain_full_disk

HASHED = 1 << 24
"""Rows whose keys are compared by hashes of 8 bytes, in memory, before any database is: most tables have no key twice."""


@contextmanager
def yield_to_other_builds(job: TableJob) -> Iterator[None]:
    """Go on where something is missing because another build has completed the table meanwhile, and removed what it was made with."""
    try:
        yield
    except StoreError:
        if job.folder().read_manifest() is None:
            raise


def complete_table(job: TableJob, units: UnitExecutor | None = None, watcher: Watcher = NOBODY) -> Manifest:
    """Complete a table whose partitions have all been committed.

    Args:
        job: The table.
        units: What puts many small files together, in other processes; that is done here unless given.
        watcher: Is notified of it.

    Returns:
        Its manifest, which is in the store from now on.

    Raises:
        AccountingError: Where a partition is missing, or rows kept and rejected are not those that came in.

    """
    folder = job.folder()
    if before := folder.read_manifest():  # another build was first; the receipts may be gone
        return before
    with yield_to_other_builds(job):
        return _complete(job, folder, units, watcher)
    folder.remove_preparation()  # of which this build has written some since
    manifest = folder.read_manifest()
    assert manifest is not None, "another build has completed it, and it stays"
    return manifest


def _complete(job: TableJob, folder: TableFolder, units: UnitExecutor | None, watcher: Watcher) -> Manifest:
    kind = find_kind(job)
    commits = {partition.name: folder.read_commit(partition.name) for partition in kind.partitions}
    missing = [name for name, commit in commits.items() if commit is None]
    if missing and (before := folder.read_manifest()):
        return before
    if missing:
        raise AccountingError(f"{job.name}: units {', '.join(missing[:5])} have not ended; build again")
    settled = folder.read_commit(SETTLED) if kind.task.asks_models else None
    receipt = written = sum_commits(commit for commit in (*commits.values(), settled) if commit is not None)
    if kind.repeats_keys():
        with explain_full_disk(job.name):
            receipt = _reject_repeats_across_files(job, folder, receipt)
    expected = kind.count_expected_rows()
    if receipt.rows_kept() + receipt.rows_rejected() != receipt.rows_in or expected not in (None, receipt.rows_in):
        raise AccountingError(
            f"{job.name}: {receipt.rows_in} of {expected} rows came in, {receipt.rows_kept()} were kept and "
            f"{receipt.rows_rejected()} rejected; the table is not completed"
        )
    compacted = compact_table(job, receipt, units, watcher)
    manifest = _make_manifest(job, kind.task.version, compacted)
    folder.complete(manifest)
    folder.compact_receipts({name: commit for name, commit in commits.items() if commit is not None})
    if compacted is not written:
        folder.remove_unnamed()
    if kind.prepares or compacted is not receipt:
        folder.remove_preparation()
    return manifest


def _make_manifest(job: TableJob, version: str, receipt: PartitionCommit) -> Manifest:
    parameters: dict[str, Any] = job.parameters.model_dump(mode="json", by_alias=True)
    return Manifest(
        job.fingerprint, job.task, version, parameters, job.lineage(), list(job.contract.names()), receipt,
        sorted({part.base.table for part in (*receipt.parts, *receipt.rejected) if part.base}),
    )  # fmt: skip


def _reject_repeats_across_files(job: TableJob, folder: TableFolder, receipt: PartitionCommit) -> PartitionCommit:
    """The table with each key once: rows that repeat one of an earlier part are rejected."""
    key = job.contract.key
    parts, dropped, count = list(receipt.parts), list(receipt.rejected), 0
    if _all_differ(folder, key, receipt.parts):
        return receipt
    with KeyTable(folder.store) as database:
        for i, part in enumerate(receipt.parts):
            database.add(folder.read(part, [key]).with_columns(unit=pl.lit(i, pl.Int32)))
        first = f"SELECT {key}, min(unit) AS first FROM narrow GROUP BY {key} HAVING count(*) > 1"
        again = f"SELECT {key} AS key, unit FROM narrow JOIN ({first}) USING ({key}) WHERE unit <> first"
        for i, keys in database.by_partition(again):
            repeated = pl.col(key).is_in(keys["key"].implode())
            name = parts[i].path.removeprefix("parts/").removesuffix(".parquet")
            repeats = reject_repeats(folder.read(parts[i]).filter(repeated), job)
            dropped.append(folder.write(f"rejected/{name}-repeats.parquet", repeats))
            parts[i] = _write_unique(job, f"parts/{name}-unique.parquet", parts[i], ~repeated)
            count += repeats.height
    if not count:
        return receipt
    reasons = dict(receipt.reasons)
    reasons["duplicate id"] = reasons.get("duplicate id", 0) + count
    kept = [part for part in parts if part.rows]
    return replace(receipt, parts=kept, rejected=dropped, reasons=dict(sorted(reasons.items())))


def _all_differ(folder: TableFolder, key: str, parts: Sequence[ParquetFile]) -> bool:
    """Whether the keys of parts differ for certain, by their hashes; of more rows than `HASHED` nothing is certain."""
    if sum(part.rows for part in parts) > HASHED:
        return False
    hashes = [folder.read(part, [key])[key].hash() for part in parts]
    return not hashes or pl.concat(hashes).n_unique() == sum(map(len, hashes))


def _write_unique(job: TableJob, path: str, part: ParquetFile, kept: pl.Expr) -> ParquetFile:
    """Write which rows of a part are kept; what they are is read from the part as before."""
    names, key = job.contract.names(), job.contract.key
    rows = job.folder().read(part, [key]).with_row_index(ROW).filter(kept)
    others = tuple(name for name in names if name != key)
    return job.folder().write(path, rows, BaseRows(f"{job.task}-{job.fingerprint}", part, others, names, selected=True))
