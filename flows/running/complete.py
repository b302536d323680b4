"""The end of a table: no key twice in it, the sums right, the manifest that makes it visible."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from catalog.tables import Manifest, PartitionCommit, TableFolder, sum_commits
from flows.planning.plan import TableJob
from flows.running.commit import reject_repeats
from flows.running.fit import SETTLED
from flows.running.key_table import KeyTable
from flows.running.kinds import find_kind
from flows.running.partitions import AccountingError


def complete_table(job: TableJob) -> Manifest:
    """Complete a table whose partitions have all been committed.

    Args:
        job: The table.

    Returns:
        Its manifest, which is in the store from now on.

    Raises:
        AccountingError: Where a partition is missing, or rows kept and rejected are not those that came in.

    """
    kind, folder = find_kind(job), job.folder()
    commits = {partition.name: folder.read_commit(partition.name) for partition in kind.partitions}
    missing = [name for name, commit in commits.items() if commit is None]
    if missing:
        raise AccountingError(f"{job.name}: units {', '.join(missing[:5])} have not ended; build again")
    settled = folder.read_commit(SETTLED) if kind.task.asks_models else None
    receipt = sum_commits(commit for commit in (*commits.values(), settled) if commit is not None)
    if kind.repeats_keys():
        receipt = _reject_repeats_across_files(job, folder, receipt)
    expected = kind.count_expected_rows()
    if receipt.rows_kept() + receipt.rows_rejected() != receipt.rows_in or expected not in (None, receipt.rows_in):
        raise AccountingError(
            f"{job.name}: {receipt.rows_in} of {expected} rows came in, {receipt.rows_kept()} were kept and "
            f"{receipt.rows_rejected()} rejected; the table is not completed"
        )
    parameters: dict[str, Any] = job.parameters.model_dump(mode="json", by_alias=True)
    manifest = Manifest(
        job.fingerprint, job.task, kind.task.version, parameters, job.lineage(), list(job.contract.names()), receipt
    )
    folder.complete(manifest)
    return manifest


def _reject_repeats_across_files(job: TableJob, folder: TableFolder, receipt: PartitionCommit) -> PartitionCommit:
    """The table with each key once: rows that repeat one of an earlier part are rejected."""
    key = job.contract.key
    parts, dropped, count = list(receipt.parts), list(receipt.rejected), 0
    with KeyTable(folder.store) as database:
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
            repeats = reject_repeats(rows.filter(repeated), job)
            dropped.append(folder.write(f"rejected/{name}-repeats.parquet", repeats))
            parts[i] = folder.write(f"parts/{name}-unique.parquet", rows.filter(~repeated))
            count += repeats.height
    if not count:
        return receipt
    reasons = dict(receipt.reasons)
    reasons["duplicate id"] = reasons.get("duplicate id", 0) + count
    kept = [part for part in parts if part.rows]
    return replace(receipt, parts=kept, rejected=dropped, reasons=dict(sorted(reasons.items())))
