"""From complete tables to a release: views, card, report, manifest."""

from __future__ import annotations

import json
import platform
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from catalog.publish.card import render_card
from catalog.publish.croissant import build_json_schema, render_croissant
from catalog.publish.publish import View, list_counts, publish
from catalog.storage import Store
from flows.gates.check import check_gates, count_released
from flows.metrics.error_types import measure_types
from flows.metrics.label_quality import measure_labels
from flows.planning.funnel import count_funnel, list_lineage
from flows.planning.plan import Plan, TableJob
from flows.planning.splits import split_rows
from flows.planning.versioning import refuse_semver_violations
from flows.publishing.parted_view import PartedView, ViewRows
from flows.report import build
from flows.running.fit import read_taxonomy
from flows.running.losses import refuse_empty
from flows.running.process_pool import open_pool
from flows.running.unit_executor import UnitExecutor
from schemas.contract import Contract
from schemas.recipe.taxonomy import Taxonomy, write_taxonomy
from tasks.dedup.release_index import NEEDS, index

LIBRARIES = (
    "altair", "datasets", "duckdb", "fsspec", "great-expectations", "httpx", "jinja2", "math-verify", "numpy", "polars", "prefect",
    "pyarrow", "tokenizers", "vl-convert-python",
)  # fmt: skip


def list_software() -> dict[str, str]:
    """The versions of the code and of the libraries that shape its tables."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    python = f"{platform.python_implementation()} {sys.version.split()[0]}"
    return {"errata": project["version"], "python": python, **{name: version(name) for name in LIBRARIES}}


def publish_release(
    plan: Plan, gates: Sequence[Mapping[str, Any]] | None = None, units: UnitExecutor | None = None
) -> dict[str, Any]:
    """Publish the release of a plan whose tables are complete.

    Args:
        plan: The plan.
        gates: What was found at its gates, where that is known already.
        units: What the build of the tables ran in other processes by, which writes the shards of a large release, too;
            processes of this machine unless given.

    Returns:
        The manifest of the release.

    Raises:
        GateError: The tables do not satisfy the gates.
        PublishError: The version says less than what changed since the one before, or is published with other content.

    """
    with open_pool(Store(plan.store), count_released(plan), units) as chosen:
        return _publish(plan, gates, chosen)


def _publish(plan: Plan, gates: Sequence[Mapping[str, Any]] | None, units: UnitExecutor | None) -> dict[str, Any]:
    results = list(check_gates(plan, units=units) if gates is None else gates)
    refuse_empty(plan, plan.done)
    refuse_semver_violations(plan)
    store = Store(plan.store)
    works = {work.name: work for work in plan.jobs}
    last = plan.release
    views = {name: _open_view(works[name], plan, units) for name in _list_views(plan)}
    steps = count_funnel(plan, plan.done)
    labels, kinds = measure_labels(plan), measure_types(plan)
    # those that ship are in the catalog; one that was found is nowhere else
    discovered = {work.name: taxonomy for work in plan.jobs if (taxonomy := read_taxonomy(work)) and taxonomy.rounds}

    def describe(files: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, Any]]:
        files = [file for file in files if "view" in file]
        contracts = {name: view.contract for name, view in views.items()}
        descent = list_lineage(plan)
        card = render_card(plan.recipe, contracts, files, steps, labels, kinds, _count_filled(views), results)
        croissant = render_croissant(plan.recipe, contracts, files, steps, descent, labels)
        texts = {
            "README.md": card,
            "croissant.json": _format_json(croissant),
            **_write_side_files(contracts, discovered),
        }
        recipe = {"title": plan.recipe.title, "license": plan.recipe.license, "text": plan.recipe.text}
        rest = {
            "fingerprint": last.fingerprint,
            "recipe": recipe,
            "columns": {name: _describe_columns(view) for name, view in views.items()},
            "keys": {name: view.contract.key for name, view in views.items()},
            "funnel": steps,
            "labels": labels,
            "types": kinds,
            "gates": results,
            "lineage": descent,
            "software": list_software(),
        }
        head = {"corpus": plan.recipe.corpus, "version": plan.recipe.version, "views": list(views), "files": files}
        rows = {name: list_counts(view) for name, view in views.items()}
        return texts | build.make_files(plan, {**head, "counts": rows, **rest}), rest

    return publish(store, plan.recipe.corpus, plan.recipe.version, last.fingerprint, views, describe)


def _open_view(job: TableJob, plan: Plan, units: UnitExecutor | None) -> View:
    """The rows of a view, which are written shard by shard in other processes where there are such."""
    head: dict[str, Any] = {"contract": job.contract.as_released(), "index": _find_index(job)}
    if units is None or not plan.done[job.name].receipt.parts:
        return View(**head, parts=split_rows(job, plan))
    return PartedView(**head, parts=(), rows=ViewRows.of(job, plan), units=units)


def _write_side_files(contracts: Mapping[str, Contract], discovered: Mapping[str, Taxonomy]) -> dict[str, str]:
    """By path: the JSON Schema of each view, and the taxonomies that were found."""
    schemas = {
        f"schemas/{name}.json": _format_json(build_json_schema(name, contract)) for name, contract in contracts.items()
    }
    return {f"taxonomies/{name}.yaml": write_taxonomy(taxonomy) for name, taxonomy in discovered.items()} | schemas


def _describe_columns(view: View) -> list[dict[str, Any]]:
    """What the manifest says of a view's columns."""
    return [
        {"name": c.name, "type": c.kind, "null": c.nullable, "filled": view.filled[c.name], "meaning": c.meaning}
        for c in view.contract.columns
    ]


def _count_filled(views: Mapping[str, View]) -> dict[str, dict[str, int]]:
    """By view and column the rows in which the column says something."""
    return {name: dict(view.filled) for name, view in views.items()}


def _format_json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _find_index(table: TableJob) -> Callable[[pl.DataFrame], pl.DataFrame] | None:
    """What makes the index of a view; None where its rows are no solutions."""
    return index if set(NEEDS) <= set(table.contract.names()) else None


def _list_views(plan: Plan) -> tuple[str, ...]:
    return plan.recipe.tables[-1].inputs
