"""Tables for which a task must see all rows: what becomes of each is decided first, and applied file by file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from catalog.tables import PartitionCommit
from flows.planning.side_inputs import open_side_input
from flows.running.key_table import KeyTable
from flows.running.kinds.partitioned import PartitionedKind
from flows.running.partitions import InputColumns, Partition, read_partition
from flows.running.sample import PilotSample, scale_sample
from flows.running.watcher import Watcher
from schemas.frames import to_polars_schema
from schemas.task import Outcome, WholeTable

PREPARED = "decided"


class WholeTableKind(PartitionedKind[WholeTable[Any]]):
    """The task decides by key on the narrow columns it needs; the wide rows are filtered and completed afterwards."""

    prepares = True

    def prepare(self) -> None:
        """Have the task decide, and write its decision by partition."""
        if self.folder.read_commit(PREPARED):
            return
        job, key = self.job, self.job.contract.key
        columns = list(dict.fromkeys((key, *self.task.reads(job.parameters, job.input_contract))))
        with KeyTable() as partition_of, KeyTable() as decision, tempfile.TemporaryDirectory(prefix="errata-") as place:
            for number, partition in enumerate(self.partitions):
                keys = read_partition(job, partition, [key])
                partition_of.add(keys.with_columns(unit=pl.lit(number, pl.Int32)))
            side_inputs = [open_side_input(located) for located in job.side_inputs]
            with self.naming_table():
                for rows in self.task.run(InputColumns(job, columns), side_inputs, job.parameters, Path(place)):
                    decision.add(rows)
            self._write_decision(partition_of, decision)
        self.folder.commit(PREPARED, PartitionCommit(0))

    def _write_decision(self, partition_of: KeyTable, decision: KeyTable) -> None:
        if not decision.rows:
            return
        query = f"SELECT DISTINCT f.*, n.unit FROM other.narrow f JOIN narrow n ON n.{self.job.contract.key} = f.key"
        for number, rows in partition_of.by_partition(query, decision):
            name = self.partitions[number].name
            # a commit for each: one for all would be read again for every partition
            file = self.folder.write(f"decision/{name}.parquet", rows)
            self.folder.commit(f"{PREPARED}-{name}", PartitionCommit(0, [file]))

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """One chunk: the file."""
        rows = read_partition(self.job, partition)
        yield self.write_chunk(partition, rows.height, self._apply_decision(partition, rows), watcher)

    def _apply_decision(self, partition: Partition, rows: pl.DataFrame) -> Outcome:
        """Rows without those that were rejected, and with what was found of the others."""
        commit = self.folder.read_commit(f"{PREPARED}-{partition.name}")
        if commit is None:  # nothing was found of these rows: what the task adds is empty
            schema = to_polars_schema(self.job.contract)
            empty = [pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in rows.columns]
            return Outcome(rows.with_columns(empty), rows.clear())
        key = self.job.contract.key
        decision = self.folder.read(commit.parts[0])
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
