"""The funnel: for every table of a plan, the rows that came in, were kept and were rejected, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.tables import Manifest
from flows.planning.plan import Plan


def count_funnel(plan: Plan, done: Mapping[str, Manifest]) -> list[dict[str, Any]]:
    """One mapping a table, in the order of the recipe's flow."""
    return [
        {
            "table": work.name,
            "task": work.task,
            "rows_in": done[work.name].receipt.rows_in,
            "kept": done[work.name].receipt.rows_kept(),
            "rejected": done[work.name].receipt.rows_rejected(),
            "reasons": done[work.name].receipt.reasons,
        }
        for work in plan.jobs[:-1]
    ]


def list_lineage(plan: Plan) -> list[dict[str, Any]]:
    """One mapping a table: what made it, from what, with which parameters."""
    return [
        {
            "table": work.name,
            "task": work.task,
            "fingerprint": work.fingerprint,
            "parameters": work.parameters.model_dump(mode="json", by_alias=True),
            "inputs": work.lineage(),
        }
        for work in plan.jobs
    ]
