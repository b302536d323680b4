"""Prefect's assets: an event for each table that was made, naming those it was made from, so that lineage can be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from prefect.assets import Asset, AssetProperties
from prefect.context import AssetContext
from prefect.states import Completed, Failed

from catalog.publish.publish import locate_release
from catalog.tables import Manifest
from flows.observing.links import make_link
from flows.planning.plan import Plan, TableJob

MADE_BY = "errata"


@dataclass(frozen=True)
class AssetEvents:
    """Sends Prefect an event for each table of a build.

    An asset's key names the corpus and the table, not the fingerprint: it is the same table in the next build, and
    the event's payload says which rows it has now.
    """

    plan: Plan

    def begin(self, job: TableJob) -> None:
        """Nothing is made yet."""

    def end(self, job: TableJob, manifest: Manifest) -> None:
        """A table is complete: its fingerprint, its rows, where it lies."""
        receipt = manifest.receipt
        counts = {"rows": receipt.rows_kept(), "rejected": receipt.rows_rejected(), "rows_in": receipt.rows_in}
        self._emit(job, {"task": job.task, "fingerprint": job.fingerprint, **counts}, made=True)

    def fail(self, job: TableJob, error: BaseException) -> None:
        """A table cannot be made."""
        self._emit(job, {"error": f"{type(error).__name__}: {error}"[:500]}, made=False)

    def _emit(self, job: TableJob, payload: dict[str, Any], made: bool) -> None:
        inputs = next(table.inputs for table in self.plan.recipe.tables if table.name == job.name)
        folder = make_link(job.store, f"tables/{job.task}-{job.fingerprint}")
        table = make_asset(self.plan.recipe.corpus, job.name, folder, f"Table {job.name}, made by {job.task}")
        upstream = {Asset(key=make_asset_key(self.plan.recipe.corpus, name)) for name in inputs}
        upstream |= {Asset(key=f"errata://sources/{source.digest}") for source in job.sources}
        send_materialization(table, upstream, payload, made)


def send_release(plan: Plan) -> None:
    """A release was made of the tables of its views."""
    corpus, version = plan.recipe.corpus, plan.recipe.version
    link = make_link(plan.store, locate_release(corpus, version))
    release = make_asset(corpus, "release", link, f"The releases of {corpus}")
    upstream = {Asset(key=make_asset_key(corpus, name)) for name in plan.recipe.tables[-1].inputs}
    send_materialization(release, upstream, {"version": version, "fingerprint": plan.release.fingerprint}, made=True)


def send_materialization(asset: Asset, upstream: set[Asset], payload: dict[str, Any], made: bool) -> None:
    """Send the event of an asset that was made, or could not be, of others."""
    context = AssetContext(
        downstream_assets={asset}, direct_asset_dependencies=upstream, materialized_by=MADE_BY,
        materialization_metadata={asset.key: payload},
    )  # fmt: skip
    context.emit_events(Completed() if made else Failed())


def make_asset(corpus: str, table: str, url: str, description: str) -> Asset:
    """An asset with what pages show of it."""
    properties = AssetProperties(name=f"{corpus}/{table}", url=url, description=description)
    return Asset(key=make_asset_key(corpus, table), properties=properties)


def make_asset_key(corpus: str, table: str) -> str:
    """The key of a table's asset: Prefect allows a URI of letters, digits and some signs."""
    return f"errata://{'/'.join(re.sub('[^a-zA-Z0-9_.-]+', '-', part) for part in (corpus, table))}"
