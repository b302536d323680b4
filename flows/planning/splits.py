"""The rows of a plan's views, laid out in splits as a release has them: without the columns that none shows."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from catalog.storage import Store
from catalog.tables import TableFolder, read_rows
from flows.planning.plan import Plan, TableJob
from schemas.task import Publication
from tasks import TASKS


def split_rows(table: TableJob, plan: Plan) -> Iterator[dict[str, pl.DataFrame]]:
    """The rows of a complete table by split, part by part."""
    task = TASKS[plan.release.task]
    assert isinstance(task, Publication)
    folder = TableFolder(Store(plan.store), table.task, table.fingerprint)
    released = table.contract.as_released().names()
    for part in read_rows(folder, table.contract, plan.done[table.name]):
        yield task.run(part.select(released), plan.release.parameters, plan.recipe.seed)
