"""Going through the gates, with whoever watches being told how far that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flows.gates import check
from flows.gates.result import GateError
from flows.planning.plan import Plan
from flows.running import progress


def gates(plan: Plan) -> list[dict[str, Any]]:
    """What was found at the gates; whoever watches is told how far they are."""
    if plan.recipe.gates is None:
        return check.checked(plan)
    views = plan.recipe.tables[-1].inputs
    rows = sum(plan.done[name].receipt.rows_kept() for name in views)
    progress.watcher.begin("gates", rows, 0)
    passed, missed = 0, 0
    try:
        found = check.checked(plan, lambda rows: progress.watcher.advance("gates", rows, None))
        passed, missed = _counted(found)
        return found
    except GateError as error:
        passed, missed = _counted(error.found)
        raise
    finally:
        progress.watcher.gated("gates", passed, missed)


def _counted(found: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    passed = sum(bool(one["passed"]) for one in found)
    return passed, len(found) - passed
