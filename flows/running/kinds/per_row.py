"""Tables made row by row: what becomes of one depends on no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NoReturn

import polars as pl

from catalog.tables import PartitionCommit
from flows.planning.plan import TableJob
from flows.running.fit import fit_parameters, list_fit_columns, read_fitted
from flows.running.kinds.kind import name_table
from flows.running.kinds.partitioned import PartitionedKind
from flows.running.partitions import Partition, read_partition
from flows.running.sample import PilotSample, scale_sample
from flows.running.unit_executor import UnitExecutor
from flows.running.verdict_cache import use_verdict_cache
from flows.running.watcher import NOBODY, Watcher
from schemas.request import Request
from schemas.task import Outcome, Parameters, PerRow


class PerRowKind(PartitionedKind[PerRow[Any]]):
    """The task runs on the rows of each input file."""

    def count_rows(self, partition: Partition) -> int:
        """As many for each row of the file as the task makes of one."""
        return super().count_rows(partition) * self.task.rows_per_row(self.job.parameters)

    def count_expected_rows(self) -> int | None:
        """None where each row must be looked at to say how many it stands for."""
        return None if self.task.rows_of(self.job.parameters) else super().count_expected_rows()

    def __init__(self, job: TableJob, task: PerRow[Any]) -> None:
        super().__init__(job, task)
        self.fits = task.fit(job.parameters) is not None
        self.prepares = self.prepares or self.fits

    def prepare(self, units: UnitExecutor | None = None, watcher: Watcher = NOBODY) -> None:
        """Settle what each row depends on beside itself, if anything."""
        if self.fits:
            fit_parameters(self.job, _refuse_requests, _FitRows(self))

    def read_rows(self, partition: Partition, columns: list[str] | None = None) -> pl.DataFrame:
        """The rows of a partition as the task gets them."""
        return read_partition(self.job, partition, columns)

    @cached_property
    def parameters(self) -> Parameters:
        """The parameters that the task runs with: what was settled among them."""
        return (read_fitted(self.job) if self.fits else None) or self.job.parameters

    def repeats_keys(self) -> bool:
        """Also where the task gives rows another key."""
        return super().repeats_keys() or self.job.contract.key != self.job.input_contract.key

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """One chunk: the file."""
        rows, count = read_partition(self.job, partition), self.task.rows_of(self.job.parameters)
        rows_in = count(rows) if count else self.count_rows(partition)
        yield self.write_chunk(partition, rows_in, self.run_task(rows), watcher, rows)

    def run_task(self, rows: pl.DataFrame) -> Outcome:
        """What the task makes of rows."""
        with name_table(self.job), use_verdict_cache(self.folder.store):
            return self.task.run(rows, self.parameters)

    def sample(self, inputs: PilotSample | None, wanted: int) -> PilotSample | None:
        """What the task makes of the sample of its inputs."""
        if inputs is None or not inputs.rows.height:
            return None
        return scale_sample(self.job, inputs, self.task.run(inputs.rows, self.job.parameters).kept)


class _FitRows:
    """The columns of a table's input that its fit looks at, partition by partition, as often as one goes through them."""

    def __init__(self, kind: PerRowKind) -> None:
        self.kind = kind

    def __iter__(self) -> Iterator[pl.DataFrame]:
        columns = list_fit_columns(self.kind.job)
        for partition in self.kind.partitions:
            yield self.kind.read_rows(partition, columns)


def _refuse_requests(requests: Sequence[Request]) -> NoReturn:
    raise AssertionError("a task that asks no model has no requests")
