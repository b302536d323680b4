"""Progress for people: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from flows.running.watcher import Watcher

EVERY_SECONDS = 10.0


def _format_seconds(left: float) -> str:
    minutes, seconds = divmod(int(left), 60)
    return f"{minutes}:{seconds:02d}"


@dataclass
class RequestProgress:
    """How far the asking of a table is."""

    requests: int = 0
    known: int = 0
    """Answered by the ledger."""
    answers: int = 0
    """Answered by a model."""
    tokens: int = 0
    since: float = field(default_factory=time.monotonic)
    waits: str | None = None
    """What the requests wait for, where no model answers them yet."""
    waits_since: float = 0.0

    def wait(self, reason: str | None) -> float | None:
        """They wait for something, or no more. If that is new, the seconds that they waited for what was before."""
        if reason == self.waits:
            return None
        now = time.monotonic()
        waited, self.waits, self.waits_since = now - self.waits_since, reason, now
        if not reason and not self.answers:  # the rate is that of answering
            self.since = now
        return waited

    @property
    def done(self) -> int:
        """Requests that have their answer."""
        return self.known + self.answers

    @property
    def spent(self) -> float:
        """Seconds since the first request, or since its model was loaded."""
        return max(time.monotonic() - self.since, 1e-3)

    def left(self, total: int | None) -> str:
        """The time left at the rate so far, if it can be said."""
        waiting = max(total or 0, self.requests) - self.done
        return f"{_format_seconds(self.spent * waiting / self.answers)} left" if self.answers else ""

    def __str__(self) -> str:
        ledger = f", {self.known:,} from the ledger" if self.known else ""
        waits = f", {self.waits}" if self.waits else ""
        return f"{self.done:,} of {self.requests:,} answered{ledger}{waits}"


class PlainLines(Watcher):
    """A line when a table begins and ends, and every ten seconds between."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.lock = Lock()
        self.begun: dict[str, float] = {}
        self.reported: dict[str, float] = {}
        self.rows: dict[str, int] = {}
        self.total: dict[str, int | None] = {}
        self.asking: dict[str, RequestProgress] = {}

    def begin(self, table: str, rows: int | None, done: int) -> None:
        """Say that a table begins."""
        with self.lock:
            self.begun[table] = self.reported[table] = time.monotonic()
            self.rows[table], self.total[table] = 0, rows
        known = f", {rows:,} rows" if rows is not None else ""
        again = f", {done:,} of them done before" if done else ""
        self.console.print(f"{table}: begins{known}{again}", highlight=False)

    def advance(self, table: str, rows: int, share: float | None) -> None:
        """Say how far a table is, if nothing was said of it for a while."""
        if table in self.asking:
            return
        with self.lock:
            now = time.monotonic()
            self.rows[table] = self.rows.get(table, 0) + rows
            if now - self.reported.get(table, now) < EVERY_SECONDS:
                return
            self.reported[table] = now
            done, spent = self.rows[table], now - self.begun[table]
            total = self.total[table] or (done / share if share else None)
            left = f", {_format_seconds(spent * (total - done) / done)} left" if total and done else ""
        self.console.print(f"{table}: {done:,} rows, {done / spent:,.0f}/s{left}", highlight=False)

    def asked(self, table: str, requests: int, known: int) -> None:
        """Say what is asked, the first time."""
        with self.lock:
            first = table not in self.asking
            counts = self.asking.setdefault(table, RequestProgress())
            counts.requests, counts.known = counts.requests + requests, counts.known + known
        if first:
            self.console.print(f"{table}: {requests:,} requests, {known:,} of them in the ledger", highlight=False)

    def waits(self, table: str, reason: str | None) -> None:
        """Say what is waited for, and how long it took."""
        with self.lock:
            waited = self.asking.setdefault(table, RequestProgress()).wait(reason)
        if waited is not None:
            self.console.print(f"{table}: {reason or f'is answered, after {waited:.1f} s'}", highlight=False)

    def answered(self, table: str, tokens: int) -> None:
        """Say how far the asking is, if nothing was said of it for a while."""
        with self.lock:
            counts, now = self.asking[table], time.monotonic()
            counts.answers, counts.tokens = counts.answers + 1, counts.tokens + tokens
            if now - self.reported.get(table, now) < EVERY_SECONDS:
                return
            self.reported[table] = now
        rate = f"{counts.tokens / counts.spent:,.0f} tokens/s"
        self.console.print(f"{table}: {counts}, {rate}, {counts.left(self.total[table])}", highlight=False)

    def compacts(self, table: str, files: int) -> None:
        """Say that files are put together."""
        self.console.print(f"{table}: {files:,} files are put together", highlight=False)

    def end(self, table: str, kept: int, rejected: int) -> None:
        """Say what a table holds."""
        spent = time.monotonic() - self.begun.get(table, time.monotonic())
        self.console.print(f"{table}: {kept:,} kept, {rejected:,} rejected, {spent:.1f} s", highlight=False)

    def gated(self, table: str, passed: int, missed: int) -> None:
        """Say how many gates there are."""
        spent = time.monotonic() - self.begun.get(table, time.monotonic())
        self.console.print(f"{table}: {passed:,} passed, {missed:,} missed, {spent:.1f} s", highlight=False)


class _RateColumn(ProgressColumn):
    """Rows a second since the table was begun."""

    def render(self, task: Task) -> Text:
        asked: RequestProgress | None = task.fields.get("asked")
        if asked and asked.answers:
            return Text(f"{asked.tokens / asked.spent:,.0f} tokens/s" if not task.finished else "", justify="right")
        rows, spent = task.completed - task.fields["before"], task.finished_time or task.elapsed
        return Text(f"{rows / spent:,.0f}/s" if rows and spent else "", justify="right")


class _TimeLeftColumn(ProgressColumn):
    """Time left at that rate, or the time taken once the table has ended."""

    def render(self, task: Task) -> Text:
        if task.finished:
            return Text(f"{task.finished_time or 0:.1f} s", justify="right")
        asked: RequestProgress | None = task.fields.get("asked")
        if asked:
            return Text(asked.left(int(task.total or 0)), justify="right")
        rows, spent = task.completed - task.fields["before"], task.elapsed
        if not rows or not spent or not task.total:
            return Text("")
        return Text(f"{_format_seconds(spent * (task.total - task.completed) / rows)} left", justify="right")


class LiveTable(Watcher):
    """A table in the terminal that is drawn again and again: rows, rate, time left."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), BarColumn(bar_width=16),
            TextColumn("{task.fields[rows]}", justify="right"), _RateColumn(), _TimeLeftColumn(), TextColumn("{task.fields[outcome]}"),
            console=console,
        )  # fmt: skip
        self.ids: dict[str, TaskID] = {}
        self.lock = Lock()
        self.starting: TaskID | None = self._add("Prefect starts", None, 0)

    def _add(self, name: str, rows: int | None, done: int) -> TaskID:
        return self.progress.add_task(name, total=rows, completed=done, before=done, rows="", outcome="")

    def begin(self, table: str, rows: int | None, done: int) -> None:
        """Add the table's line."""
        with self.lock:
            if self.starting is not None:
                self.progress.remove_task(self.starting)
                self.starting = None
            self.ids[table] = self._add(table, rows, done)

    def advance(self, table: str, rows: int, share: float | None) -> None:
        """Move the table's bar; its length is guessed from the share of the source read."""
        with self.lock:
            task = self._task(table)
            if "asked" in task.fields:
                return
            task.completed += rows
            if share:
                task.total = task.completed / share
            task.fields["rows"] = f"{task.completed:,.0f} rows"

    def _task(self, table: str) -> Task:
        task_id = self.ids[table]
        return next(task for task in self.progress.tasks if task.id == task_id)

    def asked(self, table: str, requests: int, known: int) -> None:
        """The bar goes by requests from now on."""
        with self.lock:
            task = self._task(table)
            counts: RequestProgress = task.fields.setdefault("asked", RequestProgress())
            counts.requests, counts.known = counts.requests + requests, counts.known + known
            self._show(task, counts)

    def waits(self, table: str, reason: str | None) -> None:
        """Say in the table's line what is waited for."""
        with self.lock:
            task = self._task(table)
            counts: RequestProgress = task.fields.setdefault("asked", RequestProgress())
            if counts.wait(reason) is not None:
                self._show(task, counts)

    def answered(self, table: str, tokens: int) -> None:
        """Move the bar by one request."""
        with self.lock:
            task = self._task(table)
            counts: RequestProgress = task.fields["asked"]
            counts.answers, counts.tokens = counts.answers + 1, counts.tokens + tokens
            self._show(task, counts)

    def _show(self, task: Task, counts: RequestProgress) -> None:
        task.total = max(task.total or 0, task.fields["before"] + counts.requests)
        task.completed = task.fields["before"] + counts.done
        task.fields["rows"] = str(counts)

    def compacts(self, table: str, files: int) -> None:
        """Say in the table's line that files are put together."""
        with self.lock:
            self.progress.update(self.ids[table], outcome=f"{files:,} files are put together")

    def end(self, table: str, kept: int, rejected: int) -> None:
        """Fill the table's bar and say what it holds."""
        with self.lock:
            total = kept + rejected
            outcome = f"{kept:,} kept" + (f", {rejected:,} rejected" if rejected else "")
            self.progress.update(self.ids[table], total=total, completed=total, rows=f"{total:,} rows", outcome=outcome)

    def gated(self, table: str, passed: int, missed: int) -> None:
        """Fill the bar and say how many gates there are."""
        with self.lock:
            rows = self._task(table).completed
            outcome = f"{passed:,} passed" + (f", {missed:,} missed" if missed else "")
            self.progress.update(self.ids[table], total=rows, completed=rows, outcome=outcome)
