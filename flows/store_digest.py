"""The flow that tells what happened in a store: what was released, how it differs, what was spent."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import errata
from errata import tag_log
from errata.cli import text
from errata.compare import difference, semver
from errata.storage import Storage
from prefect import flow, runtime
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.logging import get_run_logger

from catalog.ledger import Ledger
from catalog.publish.publish import locate_release
from catalog.storage import Store
from flows.metrics.spend import format_spending as spending
from flows.observing import prefect_artifacts, prefect_runs
from flows.observing.links import make_link

DAY = 86_400.0


@dataclass(frozen=True)
class News:
    """A version that was released in the time that is reported."""

    release: errata.Release
    at: float
    """When: seconds since 1970, UTC."""
    before: errata.Release | None
    """The version before it."""


@flow(
    name="weekly", flow_run_name="report of {days} days", on_failure=[prefect_runs.notify], on_crashed=[prefect_runs.notify],
)  # fmt: skip
def weekly(store: str | None = None, days: float = 7.0) -> str:
    """Tell what was released in the last days, how it differs and what was spent.

    Args:
        store: A path or URL; else that of ERRATA_STORE, or `store`.
        days: How many days to look back on.

    Returns:
        The report, in Markdown.

    """
    store = store or os.environ.get("ERRATA_STORE") or "store"
    # not when it runs: of two that come late, each has its own week
    now = runtime.flow_run.scheduled_start_time.timestamp()
    entries = list(list_news(store, now - days * DAY, now))
    page = format_report(store, entries, now, days)
    create_markdown_artifact(page, key="weekly-report", description=f"What was released in the last {days:g} days")
    for entry in entries:
        where = make_link(store, locate_release(*entry.release.name.split("@")))
        if any(file["path"] == "report.html" for file in entry.release.manifest["files"]):
            corpus = entry.release.manifest["corpus"]
            name = f"Quality report of {entry.release.name}"
            create_link_artifact(
                f"{where}/report.html", name, key=prefect_artifacts.make_key(corpus, "report"), description=name
            )
    get_run_logger().info("%d releases in the last %g days", len(entries), days)
    return page


def list_news(store: str, since: float, until: float) -> Iterator[News]:
    """The releases that came from `since` on and before `until`, withdrawn ones too, in the order of their names."""
    place, before = Store(store), dict[str, errata.Release]()
    for corpus, version in errata.releases(store):
        try:
            with warnings.catch_warnings(action="ignore", category=errata.ErrataWarning):
                release = errata.open_release(f"{corpus}@{version}", store)
        except errata.Unreadable as error:
            get_run_logger().warning("%s", text.strip_controls(error))
            continue
        at = place.written(f"{locate_release(corpus, version)}/manifest.json")
        if since <= at < until:
            yield News(release, at, before.get(corpus))
        before[corpus] = release


def format_report(store: str, entries: list[News], now: float, days: float) -> str:
    """The report in Markdown."""
    period = f"{_format_day(now - days * DAY)} to {_format_day(now)}"
    lines = [f"# Errata, {period}", "", f"store `{Store(store).link('')}`", "", "## Released", ""]
    if not entries:
        lines += ["Nothing was released.", ""]
    else:
        lines += ["| release | on | rows | of those that came in | notice |", "|---|---|---:|---:|---|"]
        lines += [_format_row(entry, store) for entry in entries]
        lines += ["", "## What differs", "", *(f"- {_describe_changes(entry)}" for entry in entries), ""]
        lines += [f"- {fault}" for entry in entries for fault in _list_missed_gates(entry)]
    return "\n".join([*lines, "", "## Spent since the beginning", "", "```", spending(Ledger(Store(store))), "```"])


def _format_day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _format_row(entry: News, store: str) -> str:
    manifest = entry.release.manifest
    rows = sum(file["rows"] for file in entry.release.files())
    came = manifest["funnel"][0]["rows_in"] if manifest.get("funnel") else 0
    notice = tag_log.read_state(Storage(store), manifest["corpus"]).notices.get(manifest["version"])
    share = f"{100 * rows / came:.1f} % of {came:,}" if came else ""
    remark = f"{notice.kind}: {text.strip_controls(notice.reason)[:80]}" if notice else ""
    return f"| {entry.release.name} | {_format_day(entry.at)} | {rows:,} | {share} | {remark} |"


def _describe_changes(entry: News) -> str:
    """How a release differs from the one before, in a line."""
    if entry.before is None:
        return f"{entry.release.name}: the first of its corpus"
    changes = difference.compare_releases(entry.before, entry.release)
    return f"{entry.release.name} after {entry.before.name}: {semver.find_required_step(changes)}, {text.strip_controls(semver.describe(changes))[:500]}"


def _list_missed_gates(entry: News) -> Iterator[str]:
    """The expectations that a release did not meet, though they only warn."""
    gates: list[dict[str, Any]] = entry.release.manifest.get("gates", [])
    for gate in gates:
        if gate["passed"] is False:
            expectation, observed = text.strip_controls(gate["says"])[:200], text.strip_controls(gate["observed"])[:80]
            yield f"{entry.release.name}, view {gate['view']}: not met: {expectation} (found {observed})"
