"""Tables for which a task must see all rows: what becomes of each is decided first, and applied file by file.

A large table whose rows fall into groups is decided in shares of whole groups:
its narrow columns are sent to their shares batch by batch, each share is
decided by itself, and sends what it decided back to the partitions. Batches and
shares are units of an executor; each says in the table's folder that it has ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from catalog.parts import ParquetFile
from catalog.tables import PartitionCommit
from flows.planning.plan import TableJob
from flows.planning.side_inputs import open_side_input
from flows.running.exchange import DESTINATION, read_received, send_rows
from flows.running.key_table import KeyTable
from flows.running.kinds.partitioned import PREPARED, PartitionedKind
from flows.running.partitions import InputColumns, Partition, read_partition
from flows.running.sample import PilotSample, scale_sample
from flows.running.unit_executor import UnitExecutor
from flows.running.watcher import NOBODY, Watcher
from flows.running.work_folder import open_work_folder
from schemas.frames import to_polars_schema
from schemas.task import Outcome, WholeTable
from tasks import TASKS
from tasks.dedup.text_hashes import hash_texts

ROWS_OF_A_SHARE, MOST_SHARES = 500_000, 256
"""Rows, about, that are decided together, and shares, at most: of more rows each is larger."""
PLACE = "_partition"
"""A column that holds the number of a row's partition."""


class WholeTableKind(PartitionedKind[WholeTable[Any]]):
    """The task decides by key on the narrow columns it needs; the wide rows are filtered and completed afterwards."""

    prepares = prepares_by_units = True

    @cached_property
    def columns(self) -> list[str]:
        """What the task looks at, the key first."""
        job = self.job
        return list(dict.fromkeys((job.contract.key, *self.task.reads(job.parameters, job.input_contract))))

    @cached_property
    def shares(self) -> int:
        """The shares in which the table is decided."""
        if self.task.groups(self.job.parameters, self.job.input_contract) is None:
            return 1
        rows = sum(map(self.count_rows, self.partitions))
        return max(1, min(MOST_SHARES, -(-rows // ROWS_OF_A_SHARE)))

    def prepare(self, units: UnitExecutor | None = None, watcher: Watcher = NOBODY) -> None:
        """Have the task decide, and write its decision by partition."""
        if self.folder.read_commit(PREPARED):
            return
        if self.shares > 1:
            self._decide_by_shares(units, watcher)
            return
        with KeyTable(self.folder.store) as partition_of, KeyTable(self.folder.store) as decision:
            for number, partition in enumerate(self.partitions):
                keys = read_partition(self.job, partition, [self.job.contract.key])
                partition_of.add(keys.with_columns(unit=pl.lit(number, pl.Int32)))
            for rows in self.decide(InputColumns(self.job, self.columns)):
                decision.add(rows)
            self._write_decision(partition_of, decision)
        self.folder.commit(PREPARED, PartitionCommit(0))

    def decide(self, rows: Any) -> Iterator[pl.DataFrame]:
        """What the task decides of rows, some at a time: the table's, or a share's."""
        side_inputs = [open_side_input(located) for located in self.job.side_inputs]
        with self.naming_table(), open_work_folder(self.folder.store) as place:
            yield from self.task.run(rows, side_inputs, self.job.parameters, place)

    def _write_decision(self, partition_of: KeyTable, decision: KeyTable) -> None:
        query = f"SELECT DISTINCT f.*, n.unit FROM other.narrow f JOIN narrow n ON n.{self.job.contract.key} = f.key"
        files = {
            number: self.folder.write(f"decision/{self.partitions[number].name}.parquet", rows)
            for number, rows in (partition_of.by_partition(query, decision) if decision.rows else ())
        }
        for number, partition in enumerate(self.partitions):
            # a commit for each: one for all would be read again for every partition; also where nothing was decided,
            # so that a decision that is missing is never taken for none
            parts = [files[number]] if number in files else []
            self.folder.commit(f"{PREPARED}-{partition.name}", PartitionCommit(0, parts))

    def _decide_by_shares(self, units: UnitExecutor | None, watcher: Watcher) -> None:
        """Send narrow rows to their shares, then decide each share."""
        sending = [(self.job, batch, self.shares) for batch in self.list_batches()]
        of = f"{self.shares}-{len(sending)}"  # what was begun with other bounds is not gone on with
        sent = self.run_units(f"sent-{of}", send_batch, sending, units, watcher)
        deciding = [(self.job, share, sent) for share in range(self.shares)]
        self.receive(f"share-{of}", decide_share, deciding, sent, units, watcher)

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """One chunk: the file."""
        rows = read_partition(self.job, partition)
        yield self.write_chunk(partition, rows.height, self._apply_decision(partition, rows), watcher, rows)

    def _read_decision(self, partition: Partition) -> pl.DataFrame | None:
        """What was decided of the rows of a partition; None where nothing was."""
        prepared = self.read_prepared(PREPARED)
        if prepared.parts:
            files = [file for file in prepared.parts if file.rows]
            frames = list(read_received(self.folder, files, self._numbers[partition.name]))
            return pl.concat(frames, how="vertical_relaxed").sort("key") if frames else None
        commit = self.read_prepared(f"{PREPARED}-{partition.name}")
        return self.folder.read(commit.parts[0]) if commit.parts else None

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {partition.name: number for number, partition in enumerate(self.partitions)}

    def _apply_decision(self, partition: Partition, rows: pl.DataFrame) -> Outcome:
        """Rows without those that were rejected, and with what was found of the others."""
        decision = self._read_decision(partition)
        if decision is None:  # nothing was found of these rows: what the task adds is empty
            schema = to_polars_schema(self.job.contract)
            empty = [pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in rows.columns]
            return Outcome(rows.with_columns(empty), rows.clear())
        key = self.job.contract.key
        fresh = [name for name in decision.columns if name not in ("key", "reason", "detail")]
        kept = rows.drop(fresh, strict=False).join(
            decision, left_on=key, right_on="key", how="left", maintain_order="left"
        )
        if "reason" not in decision.columns:
            return Outcome(kept, rows.clear())
        reasons = decision.select("key", "reason", "detail")
        dropped = rows.join(reasons, left_on=key, right_on="key", maintain_order="left")
        return Outcome(kept.filter(pl.col("reason").is_null()), dropped.filter(pl.col("reason").is_not_null()))

    def sample(self, inputs: PilotSample | None, wanted: int) -> PilotSample | None:
        """The sample of its inputs: which rows go and what others say is known of the whole table only."""
        if inputs is None or not inputs.rows.height:
            return None
        return scale_sample(self.job, inputs, inputs.rows)


@dataclass(frozen=True)
class _ShareRows:
    """The narrow rows of a share, in the order of the table, as often as one goes through them."""

    kind: WholeTableKind
    share: int
    sent: Sequence[ParquetFile]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for rows in self.list_parts():
            yield rows.drop(PLACE)

    def list_parts(self) -> Iterator[pl.DataFrame]:
        """With the numbers of their partitions."""
        return read_received(self.kind.folder, self.sent, self.share)


def _open_kind(job: TableJob) -> WholeTableKind:
    task = TASKS[job.task]
    assert isinstance(task, WholeTable)
    return WholeTableKind(job, task)


def send_batch(job: TableJob, batch: range, shares: int, name: str, watcher: Watcher) -> ParquetFile:
    """Send the narrow columns of some partitions to their shares; what was written."""
    kind = _open_kind(job)
    group = kind.task.groups(job.parameters, job.input_contract)
    assert group is not None
    columns = list(dict.fromkeys((*kind.columns, group)))
    frames = [
        read_partition(job, kind.partitions[number], columns).with_columns(pl.lit(number, pl.Int32).alias(PLACE))
        for number in batch
    ]
    rows = pl.concat(frames)
    del frames
    share = (hash_texts(rows[group]) % np.uint64(shares)).astype(np.int32)
    narrow = rows.select(*kind.columns, PLACE).with_columns(pl.Series(DESTINATION, share))
    file = send_rows(kind.folder, f"narrow/{name}.parquet", narrow)
    kind.folder.commit(name, PartitionCommit(0, [file]))
    return file


def decide_share(job: TableJob, share: int, sent: Sequence[ParquetFile], name: str, watcher: Watcher) -> ParquetFile:
    """Decide a share, and send what was decided to the partitions of its rows; what was written."""
    kind, key = _open_kind(job), job.contract.key
    rows = _ShareRows(kind, share, sent)
    frames = list(kind.decide(rows))
    places = pl.concat([part.select(pl.col(key).alias("key"), PLACE) for part in rows.list_parts()] or [_NOWHERE])
    file = ParquetFile(f"decision/{name}.parquet", 0, "")
    if frames and places.height:
        decided = pl.concat(frames, how="vertical_relaxed").unique(maintain_order=True).join(places.unique(), on="key")
        file = send_rows(kind.folder, file.path, decided.rename({PLACE: DESTINATION}))
    kind.folder.commit(name, PartitionCommit(0, [file]))
    return file


_NOWHERE = pl.DataFrame(schema={"key": pl.String(), PLACE: pl.Int32()})
