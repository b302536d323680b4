"""What Prefect's pages show of a build: how far it is while it runs, then its funnel, its report and where it lies."""

from __future__ import annotations

import re
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
from catalog.storage import Store
from flows.planning.funnel import count_funnel
from flows.planning.plan import Plan
from flows.running import progress
from flows.running.progress import PlainLines, RequestProgress, Watcher

EVERY_SECONDS = 5.0
SHOWN = ("view", "expectation", "column", "wanted", "observed", "passed", "severity", "fault")
"""What a page shows of a gate."""


class Logger:
    """Takes lines of progress to the log of a run."""

    def __init__(self) -> None:
        self.log = get_run_logger()

    def print(self, text: str, **_: Any) -> None:
        """Log a line."""
        self.log.info("%s", text)


class Share:
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
            one = self.asking.setdefault(table, RequestProgress())
            one.requests, one.known = one.requests + requests, one.known + known
            self._answered(table, one)

    def answered(self, table: str, tokens: int) -> None:
        """A model answered."""
        with self.lock:
            one = self.asking[table]
            one.answers += 1
            self._answered(table, one)

    def _answered(self, table: str, one: RequestProgress) -> None:
        self.shares[table] = one.done / max(self.total.get(table) or 0, one.requests, 1)

    def end(self, table: str, kept: int, rejected: int) -> None:
        """A table is complete."""
        with self.lock:
            self.shares.pop(table, None)
            self.done += 1

    def gated(self, table: str, passed: int, missed: int) -> None:
        """The gates are no table."""
        with self.lock:
            self.shares.pop(table, None)

    def told(self) -> tuple[float, str]:
        """Per cent of the build, and where it is, in Markdown."""
        with self.lock:
            under_way = dict(self.shares)
            done = self.done
        share = (done + sum(min(one, 1.0) for one in under_way.values())) / max(1, self.tables)
        lines = [f"{done} of {self.tables} tables are complete", *(f"`{n}`: {s:.0%}" for n, s in under_way.items())]
        return min(100.0, 100 * share), "; ".join(lines)


class All:
    """Several watchers, told the same."""

    def __init__(self, *each: Watcher) -> None:
        self.each = each

    def begin(self, table: str, rows: int | None, done: int) -> None:
        """Tell all."""
        for one in self.each:
            one.begin(table, rows, done)

    def advance(self, table: str, rows: int, share: float | None) -> None:
        """Tell all."""
        for one in self.each:
            one.advance(table, rows, share)

    def asked(self, table: str, requests: int, known: int) -> None:
        """Tell all."""
        for one in self.each:
            one.asked(table, requests, known)

    def answered(self, table: str, tokens: int) -> None:
        """Tell all."""
        for one in self.each:
            one.answered(table, tokens)

    def end(self, table: str, kept: int, rejected: int) -> None:
        """Tell all."""
        for one in self.each:
            one.end(table, kept, rejected)

    def gated(self, table: str, passed: int, missed: int) -> None:
        """Tell all."""
        for one in self.each:
            one.gated(table, passed, missed)


def key(corpus: str, what: str) -> str:
    """The key of an artifact: Prefect allows lower-case letters, digits and dashes."""
    return f"{re.sub('[^a-z0-9-]+', '-', corpus)}-{what}"


@contextmanager
def shown(plan: Plan) -> Iterator[None]:
    """Show how far a build is while it runs: on its page, and in its log where no terminal shows it."""
    share = Share(len(plan.jobs) - 1, len(plan.done))
    made = create_progress_artifact(
        share.told()[0], key=key(plan.recipe.corpus, "progress"), description=share.told()[1]
    )
    assert isinstance(made, UUID)
    before, over = progress.watcher, Event()
    console: Any = Logger()
    progress.set_watcher(All(before, PlainLines(console), share))
    thread = Thread(target=_sent, args=(made, share, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        progress.set_watcher(before)
        over.set()
        thread.join(EVERY_SECONDS)


def _sent(artifact: UUID, share: Share, over: Event) -> None:
    """Send how far a build is, every few seconds until it is over; trouble with that is none of the build's."""
    sent = share.told()
    while True:
        ended = over.wait(EVERY_SECONDS)
        now = share.told()
        if now != sent:
            try:
                with get_client(sync_client=True) as client:
                    client.update_artifact(artifact, ArtifactUpdate(data=now[0], description=now[1]))
                sent = now
            except Exception:  # noqa: S110  # the next one tells more
                pass
        if ended:
            return


def funnel_of(plan: Plan) -> None:
    """Show the funnel of complete tables, whether they are released then or refused."""
    recipe, rows = plan.recipe, list(_funnel(count_funnel(plan, plan.done)))
    create_table_artifact(
        rows, key=key(recipe.corpus, "funnel"), description=f"Rows of **{recipe.corpus}**, table by table"
    )


def released(plan: Plan, manifest: Mapping[str, Any]) -> None:
    """Show a release: where it lies, its report, what it holds."""
    recipe, store = plan.recipe, Store(plan.store)
    link, title = store.link(locate_release(recipe.corpus, recipe.version)), f"{recipe.corpus} {recipe.version}"
    create_link_artifact(link, title, key=key(recipe.corpus, "release"), description="Where the release lies")
    paths = [file["path"] for file in manifest["files"]]
    report = f"{link}/{'report.html' if 'report.html' in paths else 'README.md'}"
    what = "Quality report" if report.endswith(".html") else "Card"
    create_link_artifact(
        report, f"{what} of {title}", key=key(recipe.corpus, "report"), description=f"{what} of {title}"
    )
    create_markdown_artifact(
        summary(manifest, link, report, what), key=key(recipe.corpus, "summary"), description=f"What **{title}** is"
    )


def gated(plan: Plan, found: Sequence[Mapping[str, Any]]) -> None:
    """Show what was found at the gates, passed or not."""
    rows = [{name: str(one[name]) for name in SHOWN} for one in found]
    if rows:
        title = f"Gates of {plan.recipe.corpus} {plan.recipe.version}"
        create_table_artifact(rows, key=key(plan.recipe.corpus, "gates"), description=title)


def _funnel(steps: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row for each table, and one for each reason: a cell with all of them would be cut off on the page."""
    for step in steps:
        rows_in, kept, rejected = (step[name] for name in ("rows_in", "kept", "rejected"))
        yield {"table": step["table"], "task": step["task"], "in": rows_in, "kept": kept, "rejected": rejected}
        for reason, count in sorted(step["reasons"].items(), key=lambda one: (-one[1], one[0])):
            yield {"table": f"↳ {reason}", "task": "", "in": "", "kept": "", "rejected": count}


def summary(manifest: Mapping[str, Any], link: str, report: str, what: str) -> str:
    """A release in some lines of Markdown."""
    counts: dict[tuple[str, str], int] = {}
    for file in manifest["files"]:
        if "view" in file:
            view = (file["view"], file["split"])
            counts[view] = counts.get(view, 0) + file["rows"]
    lines = [f"## {manifest['corpus']} {manifest['version']}", "", "| view | split | rows |", "|---|---|---:|"]
    lines += [f"| {view} | {split} | {rows:,} |" for (view, split), rows in counts.items()]
    # pages from a server may not open files of this machine, so the paths can be copied, too
    return "\n".join([*lines, "", f"Release: `{link}`", "", f"{what}: `{report}`"])
