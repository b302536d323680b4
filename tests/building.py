"""A build in this process, without Prefect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.planning.plan import make_plan
from flows.publishing.publish import publish_release
from flows.running.run_plan import materialize


def build(recipe: Path, store: Path, data: Path | None = None) -> dict[str, Any]:
    """Make a recipe's tables and release them; the manifest of the release."""
    return publish_release(materialize(make_plan(str(recipe), None if data is None else str(data), str(store))))
