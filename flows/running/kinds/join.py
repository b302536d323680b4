"""Tables made from inputs of different shapes: their rows are joined by key, then the task runs row by row.

Every key of any input is accounted for once, so that in = kept + rejected: in
the partition of the first input's file where it is in the first, and else in
that of the first input that has it. A row that lacks a partner in an input is
rejected with that input's name. Large inputs are joined in shares of their keys:
rows are sent there batch by batch, and from there to the partitions of the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

import polars as pl

from catalog.parts import ParquetFile
from catalog.tables import PartitionCommit, TableFolder
from flows.planning.plan import TableJob
from flows.running.commit import complete_rejected
from flows.running.exchange import (
    DESTINATION,
    PLACE,
    count_received,
    count_shares,
    find_share,
    read_received,
    send_rows,
)
from flows.running.key_table import KeyTable
from flows.running.kinds.per_row import PerRowKind
from flows.running.partitions import Partition, read_partition
from flows.running.sample import PilotSample
from flows.running.unit_executor import UnitExecutor
from flows.running.unit_files import make_files
from flows.running.watcher import NOBODY, Watcher
from schemas.frames import batch_frames, to_polars_schema
from schemas.task import Outcome, PerRow
from tasks import TASKS
from tasks.dedup.text_hashes import hash_texts

PREPARED = "joined"
ROWS_OF_A_FILE, BYTES_OF_A_FILE = 250_000, 256 * 2**20
"""Rows and bytes, about, that a share sends to partitions together."""
PARTNER = "_partner"
"""A column that is null where a row has no partner."""


class JoinKind(PerRowKind):
    """The task runs on each file of the first input, completed by the columns that the others add.

    Columns that several inputs have are those of the first of them.
    """

    prepares = prepares_by_units = True
    prepared = PREPARED

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
        if self.input_of(partition) == 0:
            return super().count_rows(partition)
        commit = self.preparation.read_commit(_name_prepared(partition))  # none until the table is prepared
        return commit.rows_in if commit else 0

    def input_of(self, partition: Partition) -> int:
        """The number of the input that a partition is of."""
        assert partition.table is not None
        return self.job.inputs.index(partition.table)

    def prepare(self, units: UnitExecutor | None = None, watcher: Watcher = NOBODY) -> None:
        """Write, by partition, the columns that other inputs add to it, or the keys that no input before it has."""
        if not self.preparation.read_commit(PREPARED):
            shares = count_shares(sum(partition.file.rows for partition in self.partitions if partition.file))
            if shares > 1:
                with self.beside_others():
                    self._join_shares(shares, units, watcher)
            else:
                self._prepare_join()
        super().prepare(units, watcher)

    def _join_shares(self, shares: int, units: UnitExecutor | None, watcher: Watcher) -> None:
        """Send the rows of all inputs to the shares of their keys, and join each share."""
        batches = self.list_batches()
        of = f"{shares}-{len(batches)}"
        sending = [(self.job, batch, shares) for batch in batches]
        sent = make_files(self.job, f"sent-{of}", send_keys, sending, units, watcher)
        inputs = [self.input_of(self.partitions[batch.start]) for batch in batches]
        joining = [(self.job, share, list(zip(inputs, sent))) for share in range(shares)]
        self.receive(f"share-{of}", join_share, joining, sent, units, watcher)

    def note_received(self, files: Sequence[ParquetFile]) -> None:
        """Say of each partition how many of its keys no input before it has."""
        counts = sum((count_received(self.preparation, file) for file in _list_files_of(0, files)), Counter[int]())
        for number, partition in enumerate(self.partitions):
            self.preparation.commit(_name_prepared(partition), PartitionCommit(counts[number]))

    def _prepare_join(self) -> None:
        prepared = {partition.name: PartitionCommit(0) for partition in self.partitions}
        with KeyTable(self.folder.store) as keys:
            for number, partition in enumerate(self.partitions):
                at = pl.lit(self.input_of(partition), pl.Int32)
                rows = read_partition(self.job, partition, [self.key]).rename({self.key: "key"})
                keys.add(rows.with_columns(at.alias("input"), unit=pl.lit(number, pl.Int32)))
            if keys.rows:
                prepared |= self._write_alone(keys) | self._write_partners(keys)
        for partition in self.partitions:
            self.preparation.commit(_name_prepared(partition), prepared[partition.name])
        self.preparation.commit(PREPARED, PartitionCommit(0))

    def _write_alone(self, keys: KeyTable) -> dict[str, PartitionCommit]:
        """Write the keys of other inputs that no input before them has."""
        earlier = "SELECT 1 FROM narrow m WHERE m.key = n.key AND m.input < n.input"
        query = f"SELECT key, unit FROM narrow n WHERE input > 0 AND NOT EXISTS ({earlier})"
        commits = {}
        for number, rows in keys.by_partition(query):
            name = self.partitions[number].name
            commits[name] = PartitionCommit(rows.height, [self.preparation.write(f"{PREPARED}/{name}.parquet", rows)])
        return commits

    def _write_partners(self, keys: KeyTable) -> dict[str, PartitionCommit]:
        """Write the columns that the other inputs add to the rows of each file of the first, a file for each input."""
        files: dict[str, list[ParquetFile]] = {}
        for at, name in enumerate(self.job.input_names[1:], 1):
            with KeyTable(self.folder.store) as partners:
                for partition in self.partitions:
                    if self.input_of(partition) == at:
                        partners.add(self.read_added(partition))
                if not partners.rows:
                    continue
                query = "SELECT f.*, n.unit FROM other.narrow f JOIN narrow n USING (key) WHERE n.input = 0"
                for number, rows in keys.by_partition(query, partners):
                    of = self.partitions[number].name
                    files.setdefault(of, []).append(self.preparation.write(f"{PREPARED}/{of}-{name}.parquet", rows))
        return {of: PartitionCommit(0, parts) for of, parts in files.items()}

    def read_added(self, partition: Partition) -> pl.DataFrame:
        """The key of each row of a partition, and the columns that its input has and none before it."""
        added = self.added_columns[self.input_of(partition)]
        return read_partition(self.job, partition, [self.key, *added]).rename({self.key: "key"})

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """One chunk: the file of the first input, or the rows of another that are in none before it."""
        if self.input_of(partition) == 0:
            rows = self._pair(partition)
            own = rows.select(self.added_columns[0])
            yield self.write_chunk(partition, self.count_rows(partition), self._join(rows), watcher, own)
        elif (outcome := self._reject_alone(partition)) is not None:
            yield self.write_chunk(partition, self.count_rows(partition), outcome, watcher)

    def read_rows(self, partition: Partition, columns: list[str] | None = None) -> pl.DataFrame:
        """The rows of a partition of the first input that have all their partners; of the others none is."""
        names = list(self.job.input_contract.names())
        if self.input_of(partition) > 0:
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
        lacking = pl.lit(None, pl.Int32)
        for at, name in reversed(list(enumerate(self.job.input_names[1:], 1))):
            partners = self._read_partners(at, self._read_received(at, partition, f"{partition.name}-{name}"))
            rows = rows.join(partners, left_on=self.key, right_on="key", how="left", maintain_order="left")
            lacking = pl.when(pl.col(f"{PARTNER}{at}").is_null()).then(pl.lit(at, pl.Int32)).otherwise(lacking)
        return rows.with_columns(lacking.alias(PARTNER))

    def _read_received(self, at: int, partition: Partition, name: str) -> pl.DataFrame | None:
        """What was prepared for a partition by an input, 0: the keys that no input before has; None where nothing was."""
        commit, files = self.read_prepared(_name_prepared(partition)), self.read_prepared(PREPARED).parts
        if files:
            number = self.partitions.index(partition)
            frames = list(read_received(self.preparation, _list_files_of(at, files), number))
            return pl.concat(frames) if frames else None
        own = [file for file in commit.parts if file.path == f"{PREPARED}/{name}.parquet"]
        return self.preparation.read(own[0]) if own else None

    def _read_partners(self, at: int, received: pl.DataFrame | None) -> pl.DataFrame:
        """The columns that an input adds to the rows of a partition, and a column that says so."""
        types = to_polars_schema(self.job.input_contract)
        schema = pl.Schema({"key": pl.String(), **{name: types[name] for name in self.added_columns[at]}})
        rows = pl.DataFrame(schema=schema) if received is None else received.select(list(schema)).cast(schema)
        return rows.with_columns(pl.lit(True).alias(f"{PARTNER}{at}"))

    def _reject_alone(self, partition: Partition) -> Outcome | None:
        """The rows of another input than the first that are in none before it; None where there are none."""
        keys = self._read_received(0, partition, partition.name)
        if keys is None:
            return None
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


def _list_files_of(at: int, files: Sequence[ParquetFile]) -> list[ParquetFile]:
    """Those of the files that shares wrote in which rows of an input are, 0: keys that no input before has."""
    return [file for file in files if file.path.startswith(f"{PREPARED}/{at}/") and file.rows]


def send_keys(job: TableJob, batch: range, shares: int, name: str, watcher: Watcher) -> list[ParquetFile]:
    """Send the keys of some partitions of an input to their shares; of another than the first with the columns that it adds."""
    kind = _open(job)
    columns = [kind.partitions[number] for number in batch]
    first = kind.input_of(columns[0]) == 0
    rows = pl.concat(
        [
            (
                read_partition(job, partition, [kind.key]).rename({kind.key: "key"})
                if first
                else kind.read_added(partition)
            ).with_columns(pl.lit(number, pl.Int32).alias(PLACE))
            for number, partition in zip(batch, columns)
        ]
    )
    rows = rows.with_columns(find_share(hash_texts(rows["key"]), shares))
    files = [send_rows(kind.preparation, f"sent/{name}.parquet", rows)]
    kind.preparation.commit(name, PartitionCommit(0, files))
    return files


def join_share(
    job: TableJob, share: int, sent: Sequence[tuple[int, ParquetFile]], name: str, watcher: Watcher
) -> list[ParquetFile]:
    """Send the columns that inputs add to rows of the first where these are, and keys that no input before has where they are from."""
    kind = _open(job)

    def read(at: int) -> Iterator[pl.DataFrame]:
        return read_received(kind.preparation, [file for of, file in sent if of == at], share)

    nothing = pl.DataFrame(schema={"key": pl.String(), PLACE: pl.Int32()})
    first = pl.concat([nothing, *read(0)]).rename({PLACE: DESTINATION})
    known, alone, files = first.select("key"), [], []
    for at in range(1, len(job.inputs)):
        keys = pl.concat([nothing, *(rows.select("key", PLACE) for rows in read(at))])
        alone.append(keys.join(known, on="key", how="anti"))
        known = pl.concat([known, alone[-1].select("key")])
        partners = (rows.drop(PLACE).join(first, on="key") for rows in read(at))
        for number, rows in enumerate(batch_frames(partners, ROWS_OF_A_FILE, BYTES_OF_A_FILE)):
            files.append(send_rows(kind.preparation, f"{PREPARED}/{at}/{name}-{number}.parquet", rows))
    lonely = pl.concat(alone).rename({PLACE: DESTINATION})
    files.append(send_rows(kind.preparation, f"{PREPARED}/0/{name}.parquet", lonely))
    kind.preparation.commit(name, PartitionCommit(0, files))
    return files


def _open(job: TableJob) -> JoinKind:
    task = TASKS[job.task]
    assert isinstance(task, PerRow)
    return JoinKind(job, task)
