"""Tables for which a task must see all rows: what becomes of each is decided first, and applied file by file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import polars as pl

from catalog.parts import ParquetFile
from catalog.tables import PartitionCommit
from flows.running.exchange import read_received
from flows.running.key_table import KeyTable
from flows.running.kinds.decision import (
    Decision,
    combine_summaries,
    decide_batch,
    decide_share,
    send_batch,
    send_side_input,
    summarize_batch,
)
from flows.running.kinds.partitioned import PREPARED, PartitionedKind
from flows.running.partitions import InputColumns, Partition, read_partition
from flows.running.sample import PilotSample, scale_sample
from flows.running.unit_executor import UnitExecutor
from flows.running.unit_files import make_files
from flows.running.watcher import NOBODY, Watcher
from schemas.frames import to_polars_schema
from schemas.task import Outcome
from schemas.whole_table import WholeTable


class WholeTableKind(PartitionedKind[WholeTable[Any]]):
    """The task decides by key on the narrow columns it needs; the wide rows are filtered and completed afterwards."""

    prepares = prepares_by_units = True

    @cached_property
    def decision(self) -> Decision:
        """How its rows are decided."""
        return Decision(self.job)

    def prepare(self, units: UnitExecutor | None = None, watcher: Watcher = NOBODY) -> None:
        """Have the task decide, and write its decision by partition."""
        if self.preparation.read_commit(PREPARED):
            return
        if self.decision.shares > 1:
            with self.beside_others():
                self._decide_by_units(units, watcher)
            return
        with KeyTable(self.folder.store) as partition_of, KeyTable(self.folder.store) as decision:
            for number, partition in enumerate(self.partitions):
                keys = read_partition(self.job, partition, [self.job.contract.key])
                partition_of.add(keys.with_columns(unit=pl.lit(number, pl.Int32)))
            for rows in self.decision.decide_whole(InputColumns(self.job, self.decision.columns)):
                decision.add(rows)
            self._write_decision(partition_of, decision)
        self.preparation.commit(PREPARED, PartitionCommit(0))

    def _write_decision(self, partition_of: KeyTable, decision: KeyTable) -> None:
        query = f"SELECT DISTINCT f.*, n.unit FROM other.narrow f JOIN narrow n ON n.{self.job.contract.key} = f.key"
        files = {
            number: self.preparation.write(f"decision/{self.partitions[number].name}.parquet", rows)
            for number, rows in (partition_of.by_partition(query, decision) if decision.rows else ())
        }
        for number, partition in enumerate(self.partitions):
            # a commit for each: one for all would be read again for every partition; also where nothing was decided,
            # so that a decision that is missing is never taken for none
            parts = [files[number]] if number in files else []
            self.preparation.commit(f"{PREPARED}-{partition.name}", PartitionCommit(0, parts))

    def _decide_by_units(self, units: UnitExecutor | None, watcher: Watcher) -> None:
        """Find out what must be known of all rows; then decide batches of them, or send them to their shares and decide these."""
        job, cut, shares, batches = self.job, self.decision.cut, self.decision.shares, self.list_batches()
        of = f"{shares}-{len(batches)}"  # what was begun with other bounds is not gone on with
        sent: list[ParquetFile] = []
        known: list[ParquetFile] = []
        for number in range(len(self.decision.aggregates)):
            counting = [(job, batch, number, known) for batch in batches]
            summaries = make_files(self.job, f"summary-{of}-{number}", summarize_batch, counting, units, watcher)
            combining = [(job, number, summaries, known)]
            known = known + make_files(self.job, f"known-{of}-{number}", combine_summaries, combining, units, watcher)
            sent += summaries
        assert cut is not None
        if cut.number is None:
            deciding: list[tuple[Any, ...]] = [(job, batch, known) for batch in batches]
            self.receive(f"share-{of}", decide_batch, deciding, [*sent, *known], units, watcher)
            return
        sending = [(job, batch, shares, known) for batch in batches]
        narrow = make_files(self.job, f"sent-{of}", send_batch, sending, units, watcher)
        beside = None
        if cut.beside:
            located = [replace(each, sources=(source,)) for each in job.side_inputs for source in each.sources]
            beside = make_files(
                self.job, f"beside-{of}", send_side_input, [(job, each, shares) for each in located], units, watcher
            )
        deciding = [(job, share, narrow, beside, known) for share in range(shares)]
        sent += [*known, *narrow, *(beside or [])]
        self.receive(f"share-{of}", decide_share, deciding, sent, units, watcher)

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """One chunk: the file."""
        rows = read_partition(self.job, partition)
        yield self.write_chunk(partition, rows.height, self._apply_decision(partition, rows), watcher, rows)

    def _read_decision(self, partition: Partition) -> pl.DataFrame | None:
        """What was decided of the rows of a partition; None where nothing was."""
        prepared = self.read_prepared(PREPARED)
        if prepared.parts:
            files = [file for file in self._list_decisions(partition, prepared.parts) if file.rows]
            frames = list(read_received(self.preparation, files, self._numbers[partition.name]))
            return pl.concat(frames, how="vertical_relaxed").sort("key") if frames else None
        commit = self.read_prepared(f"{PREPARED}-{partition.name}")
        return self.preparation.read(commit.parts[0]) if commit.parts else None

    def _list_decisions(self, partition: Partition, files: list[ParquetFile]) -> list[ParquetFile]:
        """The files in which something may have been decided of the rows of a partition."""
        cut, number = self.decision.cut, self._numbers[partition.name]
        if cut is None or cut.number is not None:
            return files
        return [file for file, batch in zip(files, self.list_batches(), strict=True) if number in batch]

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
