"""The forecast: what the tables that ask models would ask and spend, before they do."""

from __future__ import annotations

import polars as pl

from catalog.tables import Manifest
from flows.planning.plan import Plan, TableJob
from flows.running.engine_pool import EnginePool
from flows.running.kinds import find_kind
from flows.running.sample import WANTED, Forecast, PilotSample, spread_rows
from flows.running.shortfall import list_shortfalls
from schemas.task import find_no_shortfall
from schemas.whole_table import WholeTable
from tasks import TASKS


def forecast_tables(plan: Plan, pilot: int | None) -> list[Forecast]:
    """Forecast all tables that are to be made and ask models, inputs first; as `forecast_plan`, but for what will be missing."""
    return forecast_plan(plan, pilot)[0]


def forecast_plan(plan: Plan, pilot: int | None) -> tuple[list[Forecast], list[str]]:
    """Forecast all tables that are to be made and ask models, inputs first, and the rows that will be missing.

    Args:
        plan: What is to be made, and what is there.
        pilot: The number of rows that are asked about in earnest; without it some where the embedded model alone
            answers, and none where a model costs money or a GPU's time. A table without a pilot, and what is made from
            it, has no tokens forecast.

    Returns:
        What each table would ask of each of its models; and of each number of rows that a recipe wants and will not have, what
        is missing.

    """
    forecasts: list[Forecast] = []
    if not any(_is_sampled(job) and job.name not in plan.done for job in plan.jobs):
        return forecasts, list_shortfalls(plan, {})
    samples: dict[str, PilotSample] = {}
    with EnginePool() as engines:
        for table, job in zip(plan.recipe.tables[:-1], plan.jobs):
            if job.name in plan.done:
                sample = _sample_complete(job, plan.done[job.name])
            else:
                kind = find_kind(job)
                inputs = kind.combine([samples[name] for name in table.inputs if name in samples])
                sample, table_forecasts = kind.forecast(inputs, pilot, engines)
                forecasts += table_forecasts
            if sample is not None:
                samples[job.name] = sample
    return forecasts, list_shortfalls(plan, samples)


def _is_sampled(job: TableJob) -> bool:
    """Whether what a table asks, or how many rows it will lack, is told from samples."""
    task = TASKS[job.task]
    return task.asks_models or (isinstance(task, WholeTable) and task.shortfall is not find_no_shortfall)


def _sample_complete(job: TableJob, manifest: Manifest) -> PilotSample | None:
    """Rows of a table that exists."""
    parts = manifest.receipt.parts
    if not parts:
        return None
    rows = pl.concat([spread_rows(job.folder().read(part), WANTED) for part in parts[:4]])
    return PilotSample(spread_rows(rows, WANTED), manifest.receipt.rows_kept())
