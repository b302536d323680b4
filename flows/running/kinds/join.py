"""Tables made from inputs of different shapes: their rows are joined by key, then the task runs row by row.

Every key of any input is accounted for once, so that in = kept + rejected: in
the partition of the first input's file where it is in the first, and else in
that of the first input that has it. A row that lacks a partner in an input is
rejected with that input's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import polars as pl

from catalog.parts import ParquetFile
from catalog.tables import PartitionCommit, TableFolder
from flows.running.commit import complete_rejected
from flows.running.key_table import KeyTable
from flows.running.kinds.per_row import PerRowKind
from flows.running.partitions import Partition, read_partition
from flows.running.sample import PilotSample
from flows.running.unit_executor import UnitExecutor
from flows.running.watcher import NOBODY, Watcher
from schemas.frames import to_polars_schema
from schemas.task import Outcome

PREPARED = "joined"
PARTNER = "_partner"
"""A column that is null where a row has no partner."""


class JoinKind(PerRowKind):
    """The task runs on each file of the first input, completed by the columns that the others add.

    Columns that several inputs have are those of the first of them.
    """

    prepares = True

    @cached_property
    def added_columns(self) -> list[list[str]]:
        """The columns that each input has and none before it."""
        known: set[str] = set()
        added = []
        for table in self.job.inputs:
            manifest = TableFolder(self.folder.store, *table).read_manifest()
            columns = manifest.columns if manifest else []
            added.append([name for name in columns if name not in known])
            known.update(columns)
        return added

    @property
    def key(self) -> str:
        """The column by which rows are joined."""
        return self.job.input_contract.key

    def repeats_keys(self) -> bool:
        """Only where the task gives rows another key: each key is in one partition, whatever inputs it is in."""
        return self.job.contract.key != self.key

    def count_rows(self, partition: Partition) -> int:
        """All rows of a file of the first input, and of another those that no input before it has."""
        if self._input_of(partition) == 0:
            return super().count_rows(partition)
        commit = self.folder.read_commit(_name_prepared(partition))  # none until the table is prepared
        return commit.rows_in if commit else 0

    def _input_of(self, partition: Partition) -> int:
        assert partition.table is not None
        return self.job.inputs.index(partition.table)

    def prepare(self, units: UnitExecutor | None = None, watcher: Watcher = NOBODY) -> None:
        """Write, by partition, the columns that other inputs add to it, or the keys that no input before it has."""
        if not self.folder.read_commit(PREPARED):
            self._prepare_join()
        super().prepare(units, watcher)

    def _prepare_join(self) -> None:
        prepared = {partition.name: PartitionCommit(0) for partition in self.partitions}
        with KeyTable(self.folder.store) as keys:
            for number, partition in enumerate(self.partitions):
                at = pl.lit(self._input_of(partition), pl.Int32)
                rows = read_partition(self.job, partition, [self.key]).rename({self.key: "key"})
                keys.add(rows.with_columns(at.alias("input"), unit=pl.lit(number, pl.Int32)))
            if keys.rows:
                prepared |= self._write_alone(keys) | self._write_partners(keys)
        for partition in self.partitions:
            self.folder.commit(_name_prepared(partition), prepared[partition.name])
        self.folder.commit(PREPARED, PartitionCommit(0))

    def _write_alone(self, keys: KeyTable) -> dict[str, PartitionCommit]:
        """Write the keys of other inputs that no input before them has."""
        earlier = "SELECT 1 FROM narrow m WHERE m.key = n.key AND m.input < n.input"
        query = f"SELECT key, unit FROM narrow n WHERE input > 0 AND NOT EXISTS ({earlier})"
        commits = {}
        for number, rows in keys.by_partition(query):
            name = self.partitions[number].name
            commits[name] = PartitionCommit(rows.height, [self.folder.write(f"{PREPARED}/{name}.parquet", rows)])
        return commits

    def _write_partners(self, keys: KeyTable) -> dict[str, PartitionCommit]:
        """Write the columns that the other inputs add to the rows of each file of the first, a file for each input."""
        files: dict[str, list[ParquetFile]] = {}
        for at, name in enumerate(self.job.input_names[1:], 1):
            with KeyTable(self.folder.store) as partners:
                for partition in self.partitions:
                    if self._input_of(partition) == at:
                        partners.add(self._read_added(partition))
                if not partners.rows:
                    continue
                query = "SELECT f.*, n.unit FROM other.narrow f JOIN narrow n USING (key) WHERE n.input = 0"
                for number, rows in keys.by_partition(query, partners):
                    of = self.partitions[number].name
                    files.setdefault(of, []).append(self.folder.write(f"{PREPARED}/{of}-{name}.parquet", rows))
        return {of: PartitionCommit(0, parts) for of, parts in files.items()}

    def _read_added(self, partition: Partition) -> pl.DataFrame:
        added = self.added_columns[self._input_of(partition)]
        return read_partition(self.job, partition, [self.key, *added]).rename({self.key: "key"})

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """One chunk: the file of the first input, or the rows of another that are in none before it."""
        if self._input_of(partition) == 0:
            rows = self._pair(partition)
            own = rows.select(self.added_columns[0])
            yield self.write_chunk(partition, self.count_rows(partition), self._join(rows), watcher, own)
        elif (outcome := self._reject_alone(partition)) is not None:
            yield self.write_chunk(partition, self.count_rows(partition), outcome, watcher)

    def read_rows(self, partition: Partition, columns: list[str] | None = None) -> pl.DataFrame:
        """The rows of a partition of the first input that have all their partners; of the others none is."""
        names = list(self.job.input_contract.names())
        if self._input_of(partition) > 0:
            return pl.DataFrame(schema=to_polars_schema(self.job.input_contract)).select(columns or names)
        rows = self._pair(partition)
        return rows.filter(pl.col(PARTNER).is_null()).select(columns or names)

    def _join(self, rows: pl.DataFrame) -> Outcome:
        """What the task makes of rows that have all their partners; the others are rejected."""
        alone = pl.col(PARTNER).is_not_null()
        outcome = self.run_task(rows.filter(~alone).select(self.job.input_contract.names()))
        rejected = [self._reject(rows.filter(alone)), complete_rejected(self.job, outcome.rejected)]
        return Outcome(outcome.kept, pl.concat(rejected))

    def _pair(self, partition: Partition) -> pl.DataFrame:
        """The rows of a partition with the columns of their partners, and which input one is lacking in."""
        rows = read_partition(self.job, partition)
        files = {file.path: file for file in self.read_prepared(_name_prepared(partition)).parts}
        lacking = pl.lit(None, pl.Int32)
        for at, name in reversed(list(enumerate(self.job.input_names[1:], 1))):
            partners = self._read_partners(at, files.get(f"{PREPARED}/{partition.name}-{name}.parquet"))
            rows = rows.join(partners, left_on=self.key, right_on="key", how="left", maintain_order="left")
            lacking = pl.when(pl.col(f"{PARTNER}{at}").is_null()).then(pl.lit(at, pl.Int32)).otherwise(lacking)
        return rows.with_columns(lacking.alias(PARTNER))

    def _read_partners(self, at: int, file: ParquetFile | None) -> pl.DataFrame:
        """The columns that an input adds to the rows of a partition, and a column that says so."""
        types = to_polars_schema(self.job.input_contract)
        schema = pl.Schema({"key": pl.String(), **{name: types[name] for name in self.added_columns[at]}})
        rows = self.folder.read(file).select(list(schema)).cast(schema) if file else pl.DataFrame(schema=schema)
        return rows.with_columns(pl.lit(True).alias(f"{PARTNER}{at}"))

    def _reject_alone(self, partition: Partition) -> Outcome | None:
        """The rows of another input than the first that are in none before it; None where there are none."""
        commit = self.read_prepared(_name_prepared(partition))
        if not commit.parts:
            return None
        keys = self.folder.read(commit.parts[0])
        rows = read_partition(self.job, partition).join(keys, left_on=self.key, right_on="key", how="semi")
        return Outcome(
            pl.DataFrame(schema=to_polars_schema(self.job.contract)),
            self._reject(rows.with_columns(pl.lit(0, pl.Int32).alias(PARTNER))),
        )

    def _reject(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows in the form of rejected ones, with the input in which they have no partner."""
        reasons = {at: f"no {name}" for at, name in enumerate(self.job.input_names)}
        detail = pl.lit(f"{self.key} ") + pl.col(self.key) + " is not in its table"
        reason = pl.col(PARTNER).replace_strict(reasons, return_dtype=pl.String)
        return complete_rejected(self.job, rows.with_columns(reason.alias("reason"), detail.alias("detail")))

    def combine(self, samples: Sequence[PilotSample]) -> PilotSample | None:
        """The rows whose key is in the samples of all inputs; None where one of them has no sample."""
        if len(samples) < len(self.job.inputs):
            return None
        rows = samples[0].rows
        for sample in samples[1:]:
            added = [name for name in sample.rows.columns if name not in rows.columns]
            rows = rows.join(sample.rows.select(self.key, *added), on=self.key, maintain_order="left")
        return PilotSample(rows.select(self.job.input_contract.names()), min(sample.of for sample in samples))


def _name_prepared(partition: Partition) -> str:
    """The unit that says what was prepared for a partition."""
    return f"{PREPARED}-{partition.name}"
