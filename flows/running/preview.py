"""Previews: the tables of a plan made of a few rows, in this process, in a store that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from catalog.tables import Manifest
from flows.planning.plan import Plan, TableJob
from flows.running.engine_pool import EnginePool
from flows.running.fit import read_fitted
from flows.running.kinds.kind import name_table
from flows.running.losses import Loss, list_losses
from flows.running.partitions import list_file_partitions, read_partition
from flows.running.run_plan import ThreadExecutor, materialize_generation
from flows.running.sample import spread_rows
from flows.running.watcher import Watcher
from schemas.recipe.wording import advise
from schemas.request import EngineError, Request
from schemas.task import Asking, TaskError
from tasks import TASKS

ROWS = 3
"""Rows of each table that are shown."""


@dataclass
class Questions:
    """What a table asks of models."""

    requests: int = 0
    known: int = 0
    """Answered by the ledger."""
    first: Request | None = None


@dataclass(frozen=True)
class TablePreview:
    """What became of a table's few rows."""

    job: TableJob
    manifest: Manifest | None = None
    """None where it was not made."""
    rows: Sequence[dict[str, Any]] = ()
    """Some that were kept."""
    losses: Sequence[Loss] = ()
    questions: Questions | None = None
    """What it asks of models; None where it asks none."""
    why_not: str = ""
    """Why it was not made."""


@dataclass
class _AskedWatcher(Watcher):
    """Counts what tables ask."""

    questions: dict[str, Questions] = field(default_factory=dict)

    def asked(self, table: str, requests: int, known: int) -> None:
        """Models are asked."""
        counts = self.questions.setdefault(table, Questions())
        counts.requests, counts.known = counts.requests + requests, counts.known + known


def make_previews(plan: Plan, most: int, until: str | None = None, ask: bool = True) -> Iterator[TablePreview]:
    """Make the tables of a plan of a few rows, one after the other.

    Args:
        plan: The plan; it may be one without digests of its sources.
        most: The records of a table's files that are read at most, or the rows that are made of numbers.
        until: The last table that is wanted; else all.
        ask: Whether models are asked; their completions are in the ledger of the plan's store then.

    Yields:
        Each table as it is made, or why it was not.

    Raises:
        TaskError: There is no table `until`.

    """
    wanted = _list_wanted(plan, until)
    with tempfile.TemporaryDirectory(prefix="errata-preview-") as store, ThreadExecutor() as threads:
        plan = plan.with_rows(most, f"file://{store}")
        watcher, made = _AskedWatcher(), set[str]()
        with EnginePool(watcher) as engines:
            for table, job in zip(plan.recipe.tables[:-1], plan.jobs):
                if job.name not in wanted:
                    continue
                lacking = [name for name in table.inputs if name not in made]
                if lacking:
                    yield TablePreview(job, why_not=f"needs '{lacking[0]}'")
                    continue
                preview = _preview_table(job, threads, engines, watcher, ask)
                made |= {job.name} if preview.manifest else set()
                yield preview


def _list_wanted(plan: Plan, until: str | None) -> set[str]:
    """The tables that lead to the one that is wanted, and it."""
    tables = {table.name: table for table in plan.recipe.tables[:-1]}
    if until is None:
        return set(tables)
    if until not in tables:
        raise TaskError(f"--until: unknown table '{until}'; {advise(until, tables)}")
    wanted, waiting = set[str](), [until]
    while waiting:
        name = waiting.pop()
        wanted.add(name)
        waiting += [other for other in tables[name].inputs if other not in wanted]
    return wanted


def _preview_table(
    job: TableJob, threads: ThreadExecutor, engines: EnginePool, watcher: _AskedWatcher, ask: bool
) -> TablePreview:
    questions = Questions(first=_find_first_request(job)) if TASKS[job.task].asks_models else None
    if questions is not None and not ask:
        return TablePreview(job, questions=questions, why_not="asks models (--ask-nothing)")
    try:
        manifest = materialize_generation([job], threads, engines=engines, watcher=watcher)[job.name]
    except EngineError as error:
        return TablePreview(job, questions=questions, why_not=str(error))
    if questions is not None:
        counts = watcher.questions.get(job.name, Questions())
        questions.requests, questions.known = counts.requests, counts.known
    return TablePreview(job, manifest, _read_rows(job, manifest), list_losses(job, manifest), questions)


def _read_rows(job: TableJob, manifest: Manifest) -> list[dict[str, Any]]:
    """Some of the rows, evenly spread, as those of one problem often follow each other."""
    parts = [job.folder().read(part) for part in manifest.receipt.parts]
    return spread_rows(pl.concat(parts), ROWS).to_dicts() if parts else []


def _find_first_request(job: TableJob) -> Request | None:
    """The first that a table would ask, about its first rows; None where that depends on other answers."""
    task, parameters = TASKS[job.task], read_fitted(job)
    if not isinstance(task, Asking) or parameters is None or job.input_names:
        return None
    names = {asked.name: asked.named for asked in job.models}
    for partition in list_file_partitions(job)[:1]:
        with name_table(job):
            conversation = task.ask(read_partition(job, partition).head(ROWS), parameters, names)
            return next(iter(next(conversation, ())), None)
    return None
