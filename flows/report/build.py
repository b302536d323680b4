"""The report of a release as its files: made when it is published, and anew from what it holds."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import errata
from errata.errors import Unreadable
from errata.release.find import Release

from flows.comparison.changed_rows import choose_changed_rows
from flows.comparison.changes import compare_rows, summarize_changes
from flows.comparison.narrow_rows import ComparisonError, ReleasedRows, choose_view, open_table, open_view
from flows.planning.plan import Plan
from flows.planning.versioning import find_latest_release
from flows.report.statistics.collect import FORMAT, collect_from_plan, collect_from_release
from flows.report.statistics.drift import measure_drift

STATISTICS, PAGE = "report.json", "report.html"
LARGEST = 32 * 2**20
"""Bytes of a `report.json` that is read."""
MOST = 600_000
"""Rows of two releases that a report compares; of more, those of a share of the problems."""


def make_files(plan: Plan, manifest: Mapping[str, Any]) -> dict[str, str]:
    """`report.json` and `report.html` of what a plan publishes; the manifest is whole but for its texts."""
    statistics = collect_from_plan(plan, manifest)
    before = find_latest_release(plan, below=plan.recipe.version)
    if before is not None:
        with warnings.catch_warnings(action="ignore", category=errata.ErrataWarning):
            earlier = errata.open_release(f"{plan.recipe.corpus}@{before}", plan.store)
        statistics["drift"] = measure_drift(statistics, read_statistics(earlier))
        columns = {job.name: job.contract.names() for job in plan.jobs if job.name in plan.recipe.tables[-1].inputs}
        views = {view: columns[view] for view in plan.recipe.tables[-1].inputs}
        statistics["changes"] = _measure_changes(views, earlier, f"{plan.recipe.corpus}@{plan.recipe.version}", lambda view: open_table(plan, view))  # fmt: skip
    return {STATISTICS: json.dumps(statistics, indent=1, ensure_ascii=False) + "\n", PAGE: render(manifest, statistics)}


def read_statistics(release: Release) -> dict[str, Any]:
    """The statistics of a release as it was published with them, or else what its rows tell."""
    file = next((entry for entry in release.manifest["files"] if entry["path"] == STATISTICS), None)
    if file is None:
        return collect_from_release(release)
    where = f"{release.url}/{STATISTICS}"
    if file["bytes"] > LARGEST:
        raise Unreadable(f"{where}: holds {file['bytes']:,} bytes, at most {LARGEST:,} are read; restore it")
    try:
        statistics = dict(json.loads(release.path(file).read_bytes()))
    except (ValueError, TypeError, RecursionError) as error:
        raise Unreadable(f"{where}: not the JSON it should be ({error}); restore it") from None
    if statistics.get("format") != FORMAT:
        raise Unreadable(f"{where}: its format is {statistics.get('format')}, this reads {FORMAT}; update Errata")
    return statistics


def render_release(release: Release, compared: Release | None = None) -> str:
    """The page of a release, with its drift against another where one is named; `Unreadable` where it cannot be made."""
    statistics = read_statistics(release)
    with explain_statistics(release):
        if compared is not None:
            statistics["drift"] = measure_drift(statistics, read_statistics(compared))
            statistics["changes"] = measure_changes(release, compared)
        page = render(release.manifest, statistics)
        page.encode()  # halves of characters are none that a page may hold
    return page


@contextmanager
def explain_statistics(release: Release) -> Iterator[None]:
    """Raise `Unreadable` where no page can be made of what a release's statistics hold."""
    from jinja2 import TemplateError

    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, TemplateError) as error:
        where = f"{release.url}/{STATISTICS}"
        raise Unreadable(f"{where}: not the statistics of a release ({error!r}); restore it") from error


def measure_changes(release: Release, before: Release) -> dict[str, Any]:
    """What became of rows and labels since another release, with a few rows; `why` alone where they cannot be compared."""
    return _measure_changes(list_columns(release), before, release.name, lambda view: open_view(release, view))


def list_columns(release: Release) -> dict[str, list[str]]:
    """The columns of each view of a release."""
    columns = release.manifest["columns"]
    return {view: [str(column["name"]) for column in columns[view]] for view in release.views}


def _measure_changes(
    views: Mapping[str, Sequence[str]], before: Release, name: str, open_after: Callable[[str], ReleasedRows]
) -> dict[str, Any]:
    try:
        view = choose_view(views, before, name)
        changes = compare_rows(open_view(before, view), open_after(view), MOST)
        return {**summarize_changes(changes), "rows": choose_changed_rows(changes)}
    except ComparisonError as error:
        return {"before": before.name, "why": str(error)}


def render(manifest: Mapping[str, Any], statistics: Mapping[str, Any]) -> str:
    """The page; what draws its plots takes seconds to import, so only pages do."""
    from flows.report.page import render_page

    return render_page(manifest, statistics)
