"""From complete tables to a release: views, card, manifest."""

from __future__ import annotations

import platform
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from catalog.card import card
from catalog.publishing import View, publish
from catalog.store import Store
from catalog.tables import TableFolder, rows
from flows.funnel import funnel, lineage
from flows.plan import Plan, Work
from flows.trust import trust
from flows.types import types
from schemas.task import Publication
from tasks import TASKS
from tasks.similarity.index import NEEDS, index

LIBRARIES = (
    "datasets", "duckdb", "fsspec", "httpx", "math-verify", "numpy", "pandera", "polars", "prefect", "pyarrow", "tokenizers",
)  # fmt: skip


class NothingLeft(RuntimeError):
    """A view has no rows, so there is nothing to release."""


def software() -> dict[str, str]:
    """The versions of the code and of the libraries that shape its tables."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    python = f"{platform.python_implementation()} {sys.version.split()[0]}"
    return {"errata": project["version"], "python": python, **{name: version(name) for name in LIBRARIES}}


def release(plan: Plan) -> dict[str, Any]:
    """Publish the release of a plan whose tables are complete; its manifest."""
    store = Store(plan.store)
    works = {work.name: work for work in plan.works}
    last = plan.release
    views = {
        name: View(works[name].contract, _splits(store, works[name], last, plan), index=_index(works[name]))
        for name in _inputs(plan)
    }
    steps = funnel(plan, plan.done)
    labels, kinds = trust(plan), types(plan)

    def describe(files: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
        files = [file for file in files if "view" in file]
        filled = {file["view"] for file in files}
        if empty := [name for name in views if name not in filled]:
            raise NothingLeft(
                f"{plan.recipe.file}: table '{empty[0]}' has no rows left, so there is nothing to release; "
                f"see why with `errata plan {plan.recipe.file}`"
            )
        text = card(plan.recipe, {name: view.contract for name, view in views.items()}, files, steps, labels, kinds)
        columns = {
            name: [
                {"name": c.name, "type": c.kind, "null": c.nullable, "meaning": c.meaning}
                for c in view.contract.columns
            ]
            for name, view in views.items()
        }
        recipe = {"title": plan.recipe.title, "license": plan.recipe.license, "text": plan.recipe.text}
        return text, {
            "fingerprint": last.fingerprint,
            "recipe": recipe,
            "columns": columns,
            "funnel": steps,
            "labels": labels,
            "types": kinds,
            "lineage": lineage(plan),
            "software": software(),
        }

    return publish(store, plan.recipe.corpus, plan.recipe.version, last.fingerprint, views, describe)


def _index(table: Work) -> Callable[[pl.DataFrame], pl.DataFrame] | None:
    """What makes the index of a view; None where its rows are no solutions."""
    return index if set(NEEDS) <= set(table.contract.names()) else None


def _inputs(plan: Plan) -> tuple[str, ...]:
    return plan.recipe.tables[-1].inputs


def _splits(store: Store, table: Work, last: Work, plan: Plan) -> Iterator[dict[str, pl.DataFrame]]:
    """The rows of a table by split, part by part."""
    task = TASKS[last.task]
    assert isinstance(task, Publication)
    folder = TableFolder(store, table.task, table.fingerprint)
    for part in rows(folder, table.contract, plan.done[table.name]):
        yield task.run(part, last.parameters, plan.recipe.seed)
