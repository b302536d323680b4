"""Rows that are missing of a number that a recipe wants: as a pilot forecasts it, and as a table turned out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from catalog.tables import Manifest
from flows.planning.plan import Plan, TableJob
from flows.running.sample import PilotSample
from schemas.frames import to_polars_schema
from schemas.whole_table import WholeTable
from tasks import TASKS


def list_shortfalls(plan: Plan, samples: Mapping[str, PilotSample]) -> list[str]:
    """What is missing of each table of which a recipe wants a number of rows.

    Args:
        plan: The tables, some of which may be complete.
        samples: Some rows of those that are not, as far as they are known.

    Returns:
        A text for each number that is not reached; of a table that is not complete it is an estimate.

    """
    texts = []
    for job in plan.jobs[:-1]:
        task = TASKS[job.task]
        if not isinstance(task, WholeTable):
            continue
        sample = samples.get(job.name)
        if job.name in plan.done:
            missing = task.shortfall(job.parameters, _read_counted(job, task, plan.done[job.name]), 1.0)
            texts += [f"table '{job.name}': {text}" for text in missing]
        elif sample is not None and sample.rows.height:
            missing = task.shortfall(job.parameters, sample.rows, sample.of / sample.rows.height)
            texts += [f"table '{job.name}', as the pilot has it: about {text}" for text in missing]
    return texts


def _read_counted(job: TableJob, task: WholeTable[Any], manifest: Manifest) -> pl.DataFrame:
    """The columns of a complete table by which its rows are counted."""
    columns = list(task.reads(job.parameters, job.input_contract)) or [job.contract.key]
    schema = to_polars_schema(job.contract)
    empty = pl.DataFrame(schema={name: schema[name] for name in columns})
    return pl.concat([empty, *(job.folder().read(part, columns).select(columns) for part in manifest.receipt.parts)])
