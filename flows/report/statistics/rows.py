"""Where the rows of a report come from: a table of a build, or a view of a release; read part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl
from errata.compare.row_fingerprints import ROWS
from errata.release.find import Release

from flows.planning.plan import Plan, TableJob

SAMPLE = 20_000
"""Rows, about, of which is measured what takes a look at each text."""


@dataclass(frozen=True)
class RowSource:
    """Rows with their columns, gone through as often as one likes; never more than a part of them is held."""

    name: str
    """The table's name in the recipe, or the view's."""
    columns: tuple[str, ...]
    rows: int
    read: Callable[[list[str]], Iterator[pl.DataFrame]]
    """The parts, with the columns asked for."""


class Measure(Protocol):
    """What is counted over the parts of a source."""

    @property
    def wants(self) -> tuple[str, ...]:
        """The columns it looks at; those that a source lacks are lacking in its parts, too."""
        ...

    def add(self, part: pl.DataFrame) -> None:
        """Count a part."""
        ...


def measure(source: RowSource, measures: Sequence[Measure]) -> None:
    """Go once through a source, with all measures."""
    wanted = {name for current in measures for name in current.wants}
    columns = [name for name in source.columns if name in wanted]
    for part in source.read(columns):
        if part.height:
            for current in measures:
                current.add(part)


def read_table(plan: Plan, work: TableJob, dropped: bool = False) -> RowSource:
    """A complete table of a plan; with `dropped` the rows that it rejected too, without what it would have added."""
    receipt, folder = plan.done[work.name].receipt, work.folder()
    columns = work.contract.names()

    def read(names: list[str]) -> Iterator[pl.DataFrame]:
        for part in receipt.parts:
            yield folder.read(part, names)
        kept = [name for name in names if name in work.input_contract.names()]
        for part in receipt.rejected if dropped else ():
            yield folder.read(part, kept)

    return RowSource(work.name, columns, receipt.rows_in if dropped else receipt.rows_kept(), read)


def read_view(release: Release, view: str) -> RowSource:
    """A view of a release, all splits."""
    columns = tuple(str(column["name"]) for column in release.manifest["columns"][view])
    files = release.files(view)

    def read(names: list[str]) -> Iterator[pl.DataFrame]:
        for file in files:
            path = release.path(file)
            for at in range(0, file["rows"], ROWS):
                yield pl.scan_parquet(path).slice(at, ROWS).select(names).collect()

    return RowSource(view, columns, sum(file["rows"] for file in files), read)


def sample_rows(part: pl.DataFrame, rows: int, most: int = SAMPLE) -> pl.DataFrame:
    """Sample a part by its problems, the same ones whenever they are built.

    Args:
        part: Rows of a table; without problems all are taken.
        rows: The rows of the whole table.
        most: About so many of these are wanted.

    Returns:
        The part's rows of the chosen problems: ids are hashes, so those below a
        bound are a random sample.

    """
    if rows <= most or "problem_id" not in part.columns:
        return part
    first = pl.col("problem_id").str.slice(0, 8).str.to_integer(base=16, dtype=pl.Int64)
    return part.filter(first < most / rows * 16**8)
