"""A large view is published shard by shard, each in whatever process: with the bytes that it has when it is written in one go.

Which rows a shard holds follows from how many rows each part has in each split,
so these are counted first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from catalog.parts import ParquetFile
from catalog.publish.publish import INDEX, View, count_filled, count_sets, make_plain_schema
from catalog.publish.shards import Shard, plan_shards
from catalog.storage import Store
from catalog.tables import TableFolder
from flows.planning.plan import Plan, TableJob
from flows.running.unit_executor import Unit, UnitExecutor
from flows.running.watcher import NOBODY, Watcher
from schemas.frames import to_arrow_schema
from schemas.task import Publication
from tasks import TASKS

ROWS_OF_A_COUNT = 200_000
"""Rows, about, of the parts that are counted together."""
Piece = tuple[int, str]
"""The number of a part, and a split: the rows of the part that are in it."""


@dataclass(frozen=True)
class ViewRows:
    """Where the rows of a view are, and what splits them."""

    job: TableJob
    release: TableJob
    seed: int
    files: tuple[ParquetFile, ...]

    @staticmethod
    def of(job: TableJob, plan: Plan) -> ViewRows:
        """Those of a complete table of a plan."""
        return ViewRows(job, plan.release, plan.recipe.seed, tuple(plan.done[job.name].receipt.parts))

    def split_part(self, number: int) -> dict[str, pl.DataFrame]:
        """The rows of a part by split, as `split_rows` has them."""
        task = TASKS[self.release.task]
        assert isinstance(task, Publication)
        folder = TableFolder(Store(self.job.store), self.job.task, self.job.fingerprint)
        rows = folder.read(self.files[number]).select(self.job.contract.as_released().names())
        return task.run(rows, self.release.parameters, self.seed)

    def read_groups(self, groups: Sequence[Sequence[Piece]]) -> Iterator[list[tuple[str, pl.DataFrame]]]:
        """The frames of each group with their splits; a part whose pieces follow each other is read once."""
        number, parts = -1, dict[str, pl.DataFrame]()
        for group in groups:
            frames = []
            for wanted, split in group:
                if wanted != number:
                    number, parts = wanted, self.split_part(wanted)
                frames.append((split, parts[split]))
            yield frames


@dataclass(frozen=True)
class WrittenShard:
    """What was written of a view, and counted of its rows."""

    file: dict[str, Any]
    rows: int
    counts: Counter[tuple[str, str, str]]
    filled: Counter[str]


@dataclass
class PartedView(View):
    """A view whose shards are units."""

    rows: ViewRows | None = None
    units: UnitExecutor | None = None

    def write(self, store: Store, staged: str, name: str) -> Iterator[dict[str, Any]]:
        """Write the shards side by side; yields what the manifest says of each, in their order."""
        assert self.rows is not None and self.units is not None
        counted = self._count_parts(name)
        of_split: dict[str, list[tuple[Piece, int]]] = {}
        for number, counts in enumerate(counted):
            for split, rows in counts.items():
                of_split.setdefault(split, []).append(((number, split), rows))
        todo = [
            (split, f"{staged}/{name}/{split}-{shard:05d}.parquet", groups)
            for split, pieces in of_split.items()
            for shard, groups in enumerate(plan_shards(pieces))
        ]
        work = [self._make_unit(name, write_shard, path, groups) for _, path, groups in todo]
        if self.index is not None:
            every = [((number, split), n) for number, counts in enumerate(counted) for split, n in counts.items()]
            paths = (
                (f"{staged}/{INDEX}/{name}-{shard:05d}.parquet", groups)
                for shard, groups in enumerate(plan_shards(every))
            )
            work += [self._make_unit(name, write_index, path, groups, self.index) for path, groups in paths]
        written: list[WrittenShard] = self.units.run(work, NOBODY)
        for (split, _, _), shard in zip(todo, written):
            self.counts.update(shard.counts)
            self.filled.update(shard.filled)
            yield {"view": name, "split": split, "rows": shard.rows, **shard.file}
        for shard in written[len(todo) :]:
            yield shard.file

    def _count_parts(self, name: str) -> list[Mapping[str, int]]:
        """The rows of each part by split."""
        assert self.rows is not None and self.units is not None
        begins, rows = [0], 0
        for number, file in enumerate(self.rows.files):
            if rows >= ROWS_OF_A_COUNT:
                begins.append(number)
                rows = 0
            rows += file.rows
        ranges = [range(*bounds) for bounds in zip(begins, [*begins[1:], len(self.rows.files)])]
        work = [Unit(f"{name}, parts from {part.start}", count_parts, (self.rows, part)) for part in ranges]
        return [counts for some in self.units.run(work, NOBODY) for counts in some]

    def _make_unit(self, name: str, call: Callable[..., WrittenShard], path: str, *rest: Any) -> Unit:
        return Unit(f"release, {path.rsplit('/', 1)[-1]} of {name}", call, (self.rows, path, *rest))


def count_parts(rows: ViewRows, parts: range, watcher: Watcher) -> list[Mapping[str, int]]:
    """The rows of some parts by split."""
    return [{split: frame.height for split, frame in rows.split_part(number).items()} for number in parts]


def write_shard(rows: ViewRows, path: str, groups: Sequence[Sequence[Piece]], watcher: Watcher) -> WrittenShard:
    """Write a shard of a split, row group by row group."""
    counts: Counter[tuple[str, str, str]] = Counter()
    filled: Counter[str] = Counter()
    schema = to_arrow_schema(rows.job.contract.as_released())
    folder, name = path.rsplit("/", 1)
    shard = Shard(Store(rows.job.store), folder, name, schema)
    for frames in rows.read_groups(groups):
        for split, frame in frames:
            counts.update(count_sets(split, frame))
            filled.update(count_filled(frame))
        shard.add([frame for _, frame in frames])
    shard.end()
    return WrittenShard(shard.seal(), shard.rows, counts, filled)


def write_index(
    rows: ViewRows,
    path: str,
    groups: Sequence[Sequence[Piece]],
    index: Callable[[pl.DataFrame], pl.DataFrame],
    watcher: Watcher,
) -> WrittenShard:
    """Write a shard of a view's index, row group by row group."""
    folder, name = path.rsplit("/", 1)
    shard: Shard | None = None
    for frames in rows.read_groups(groups):
        indexed = [index(frame) for _, frame in frames]
        shard = shard or Shard(Store(rows.job.store), folder, name, make_plain_schema(indexed[0]))
        shard.add(indexed)
    assert shard is not None
    shard.end()
    return WrittenShard(shard.seal(), shard.rows, Counter(), Counter())
