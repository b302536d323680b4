"""What Prefect's pages show of a build: how far it is while it runs, then its funnel, its report and where it lies."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.logging import get_run_logger

from catalog.publish.publish import locate_release
from flows.observing.absence import skip_where_absent
from flows.observing.links import make_link
from flows.planning.funnel import count_funnel
from flows.planning.plan import Plan
from flows.running.progress import RequestProgress
from flows.running.watcher import Watcher

EVERY_SECONDS = 5.0
SHOWN = ("view", "expectation", "column", "wanted", "observed", "passed", "severity", "fault")
"""What a page shows of a gate."""


class TableLines(Watcher):
    """A line in the log of a run for each table, when it is complete."""

    def __init__(self) -> None:
        self.log = get_run_logger()
        self.begun: dict[str, float] = {}
        self.asking: dict[str, RequestProgress] = {}
        self.lock = Lock()

    def begin(self, table: str, rows: int | None, done: int) -> None:
        """A table is begun."""
        self.begun[table] = time.monotonic()

    def asked(self, table: str, requests: int, known: int) -> None:
        """Models are asked."""
        with self.lock:
            counts = self.asking.setdefault(table, RequestProgress())
            counts.requests, counts.known = counts.requests + requests, counts.known + known

    def answered(self, table: str, tokens: int) -> None:
        """A model answered."""
        with self.lock:
            self.asking[table].tokens += tokens

    def end(self, table: str, kept: int, rejected: int) -> None:
        """Log what the table holds, and what it asked."""
        asked = self.asking.get(table)
        requests = f"; {asked.requests:,} requests, {asked.known:,} of them in the ledger, {asked.tokens:,} tokens" if asked else ""  # fmt: skip
        self.log.info(
            "%s: %s kept, %s rejected, %s%s", table, f"{kept:,}", f"{rejected:,}", self._time(table), requests
        )

    def gated(self, table: str, passed: int, missed: int) -> None:
        """Log how many gates there are."""
        self.log.info("%s: %s passed, %s missed, %s", table, f"{passed:,}", f"{missed:,}", self._time(table))

    def _time(self, table: str) -> str:
        return f"{time.monotonic() - self.begun.get(table, time.monotonic()):.1f} s"


class BuildShare(Watcher):
    """How much of a build is done, each of its tables being an equal share of it."""

    def __init__(self, tables: int, done: int) -> None:
        self.tables = tables
        self.shares: dict[str, float] = {}
        """Of the tables under way, how much of each is done."""
        self.done = done
        self.total: dict[str, int | None] = {}
        self.rows: dict[str, int] = {}
        self.asking: dict[str, RequestProgress] = {}
        self.lock = Lock()

    def begin(self, table: str, rows: int | None, done: int) -> None:
        """A table is begun."""
        with self.lock:
            self.total[table], self.rows[table] = rows, done
            self.shares[table] = done / rows if rows else 0.0

    def advance(self, table: str, rows: int, share: float | None) -> None:
        """Rows were worked on."""
        with self.lock:
            self.rows[table] = self.rows.get(table, 0) + rows
            total = self.total.get(table)
            if table not in self.asking:
                self.shares[table] = share or (self.rows[table] / total if total else 0.0)

    def asked(self, table: str, requests: int, known: int) -> None:
        """Models are asked."""
        with self.lock:
            counts = self.asking.setdefault(table, RequestProgress())
            counts.requests, counts.known = counts.requests + requests, counts.known + known
            self._update_share(table, counts)

    def answered(self, table: str, tokens: int) -> None:
        """A model answered."""
        with self.lock:
            counts = self.asking[table]
            counts.answers += 1
            self._update_share(table, counts)

    def _update_share(self, table: str, counts: RequestProgress) -> None:
        self.shares[table] = counts.done / max(self.total.get(table) or 0, counts.requests, 1)

    def end(self, table: str, kept: int, rejected: int) -> None:
        """A table is complete."""
        with self.lock:
            self.shares.pop(table, None)
            self.done += 1

    def gated(self, table: str, passed: int, missed: int) -> None:
        """The gates are no table."""
        with self.lock:
            self.shares.pop(table, None)

    def summarize(self) -> tuple[float, str]:
        """Per cent of the build, and where it is, in Markdown."""
        with self.lock:
            under_way = dict(self.shares)
            done = self.done
        share = (done + sum(min(part, 1.0) for part in under_way.values())) / max(1, self.tables)
        lines = [f"{done} of {self.tables} tables are complete", *(f"`{n}`: {s:.0%}" for n, s in under_way.items())]
        return min(100.0, 100 * share), "; ".join(lines)


class WatcherGroup(Watcher):
    """Several watchers, notified of the same."""

    def __init__(self, *each: Watcher) -> None:
        self.each = each

    def begin(self, table: str, rows: int | None, done: int) -> None:
        """Notify all."""
        for watcher in self.each:
            watcher.begin(table, rows, done)

    def advance(self, table: str, rows: int, share: float | None) -> None:
        """Notify all."""
        for watcher in self.each:
            watcher.advance(table, rows, share)

    def asked(self, table: str, requests: int, known: int) -> None:
        """Notify all."""
        for watcher in self.each:
            watcher.asked(table, requests, known)

    def waits(self, table: str, reason: str | None) -> None:
        """Notify all."""
        for watcher in self.each:
            watcher.waits(table, reason)

    def answered(self, table: str, tokens: int) -> None:
        """Notify all."""
        for watcher in self.each:
            watcher.answered(table, tokens)

    def compacts(self, table: str, files: int) -> None:
        """Notify all."""
        for watcher in self.each:
            watcher.compacts(table, files)

    def end(self, table: str, kept: int, rejected: int) -> None:
        """Notify all."""
        for watcher in self.each:
            watcher.end(table, kept, rejected)

    def gated(self, table: str, passed: int, missed: int) -> None:
        """Notify all."""
        for watcher in self.each:
            watcher.gated(table, passed, missed)


def make_key(corpus: str, kind: str) -> str:
    """The key of an artifact: Prefect allows lower-case letters, digits and dashes."""
    return f"{re.sub('[^a-z0-9-]+', '-', corpus)}-{kind}"


@contextmanager
def show_progress(plan: Plan, watcher: Watcher) -> Iterator[Watcher]:
    """Show how far a build is while it runs: on its page, in its log, and to a watcher; gives who is to be notified."""
    share = BuildShare(len(plan.jobs) - 1, len(plan.done))
    artifact = None
    with skip_where_absent("how far the build is"):
        artifact = create_progress_artifact(
            share.summarize()[0], key=make_key(plan.recipe.corpus, "progress"), description=share.summarize()[1]
        )
    over = Event()
    thread = Thread(target=_send_progress, args=(artifact, share, over), daemon=True)
    thread.start()
    try:
        yield WatcherGroup(watcher, TableLines(), share)
    finally:
        over.set()
        thread.join(EVERY_SECONDS)


def _send_progress(artifact: object, share: BuildShare, over: Event) -> None:
    """Send how far a build is, every few seconds until it is over; trouble with that is none of the build's."""
    sent = share.summarize()
    while isinstance(artifact, UUID):
        ended = over.wait(EVERY_SECONDS)
        now = share.summarize()
        if now != sent:
            with skip_where_absent("how far the build is"), get_client(sync_client=True) as client:
                client.update_artifact(artifact, ArtifactUpdate(data=now[0], description=now[1]))
                sent = now
        if ended:
            return


def show_funnel(plan: Plan) -> None:
    """Show the funnel of complete tables, whether they are released then or refused."""
    recipe, rows = plan.recipe, list(_list_funnel(count_funnel(plan, plan.done)))
    with skip_where_absent("the funnel"):
        create_table_artifact(
            rows, key=make_key(recipe.corpus, "funnel"), description=f"Rows of **{recipe.corpus}**, table by table"
        )


def show_release(plan: Plan, manifest: Mapping[str, Any]) -> None:
    """Show a release: where it lies, its report, what it holds."""
    recipe = plan.recipe
    link = make_link(plan.store, locate_release(recipe.corpus, recipe.version))
    title = f"{recipe.corpus} {recipe.version}"
    paths = [file["path"] for file in manifest["files"]]
    report = f"{link}/{'report.html' if 'report.html' in paths else 'README.md'}"
    label = "Quality report" if report.endswith(".html") else "Card"
    with skip_where_absent("the links to the release"):
        create_link_artifact(link, title, key=make_key(recipe.corpus, "release"), description="Where the release lies")
        create_link_artifact(
            report, f"{label} of {title}", key=make_key(recipe.corpus, "report"), description=f"{label} of {title}"
        )
        create_markdown_artifact(
            format_release(manifest, link, report, label),
            key=make_key(recipe.corpus, "summary"),
            description=f"What **{title}** is",
        )


def show_gates(plan: Plan, results: Sequence[Mapping[str, Any]]) -> None:
    """Show what was found at the gates, passed or not."""
    rows = [{name: str(result[name]) for name in SHOWN} for result in results]
    if rows:
        title = f"Gates of {plan.recipe.corpus} {plan.recipe.version}"
        with skip_where_absent("the gates"):
            create_table_artifact(rows, key=make_key(plan.recipe.corpus, "gates"), description=title)


def _list_funnel(steps: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row for each table, and one for each reason: a cell with all of them would be cut off on the page."""
    for step in steps:
        rows_in, kept, rejected = (step[name] for name in ("rows_in", "kept", "rejected"))
        yield {"table": step["table"], "task": step["task"], "in": rows_in, "kept": kept, "rejected": rejected}
        for reason, count in sorted(step["reasons"].items(), key=lambda item: (-item[1], item[0])):
            yield {"table": f"↳ {reason}", "task": "", "in": "", "kept": "", "rejected": count}


def format_release(manifest: Mapping[str, Any], link: str, report: str, label: str) -> str:
    """A release in some lines of Markdown."""
    counts: dict[tuple[str, str], int] = {}
    for file in manifest["files"]:
        if "view" in file:
            view = (file["view"], file["split"])
            counts[view] = counts.get(view, 0) + file["rows"]
    lines = [f"## {manifest['corpus']} {manifest['version']}", "", "| view | split | rows |", "|---|---|---:|"]
    lines += [f"| {view} | {split} | {rows:,} |" for (view, split), rows in counts.items()]
    # pages from a server may not open files of this machine, so the paths can be copied, too
    return "\n".join([*lines, "", f"Release: `{link}`", "", f"{label}: `{report}`"])
