"""Progress for people: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from threading import Lock
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

EVERY_SECONDS = 10.0


class Watcher(Protocol):
    """Is told how a build goes on."""

    def begin(self, table: str, rows: int | None, done: int) -> None:
        """A table is begun: the rows that come in (None if unknown) and those done in an earlier build."""

    def advance(self, table: str, rows: int, share: float | None) -> None:
        """Rows were worked on; `share` says how much of a source of unknown length is read."""

    def end(self, table: str, kept: int, rejected: int) -> None:
        """A table is complete."""


class Silent:
    """Tells nobody."""

    def begin(self, table: str, rows: int | None, done: int) -> None:
        """Nothing."""

    def advance(self, table: str, rows: int, share: float | None) -> None:
        """Nothing."""

    def end(self, table: str, kept: int, rejected: int) -> None:
        """Nothing."""


def _seconds(left: float) -> str:
    minutes, seconds = divmod(int(left), 60)
    return f"{minutes}:{seconds:02d}"


class Lines:
    """A line when a table begins and ends, and every ten seconds between."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.lock = Lock()
        self.begun: dict[str, float] = {}
        self.told: dict[str, float] = {}
        self.rows: dict[str, int] = {}
        self.total: dict[str, int | None] = {}

    def begin(self, table: str, rows: int | None, done: int) -> None:
        """Say that a table begins."""
        with self.lock:
            self.begun[table] = self.told[table] = time.monotonic()
            self.rows[table], self.total[table] = 0, rows
        known = f", {rows:,} rows" if rows is not None else ""
        again = f", {done:,} of them done before" if done else ""
        self.console.print(f"{table}: begins{known}{again}", highlight=False)

    def advance(self, table: str, rows: int, share: float | None) -> None:
        """Say how far a table is, if nothing was said of it for a while."""
        with self.lock:
            now = time.monotonic()
            self.rows[table] = self.rows.get(table, 0) + rows
            if now - self.told.get(table, now) < EVERY_SECONDS:
                return
            self.told[table] = now
            done, spent = self.rows[table], now - self.begun[table]
            total = self.total[table] or (done / share if share else None)
            left = f", {_seconds(spent * (total - done) / done)} left" if total and done else ""
        self.console.print(f"{table}: {done:,} rows, {done / spent:,.0f}/s{left}", highlight=False)

    def end(self, table: str, kept: int, rejected: int) -> None:
        """Say what a table holds."""
        spent = time.monotonic() - self.begun.get(table, time.monotonic())
        self.console.print(f"{table}: {kept:,} kept, {rejected:,} rejected, {spent:.1f} s", highlight=False)


class _Rate(ProgressColumn):
    """Rows a second since the table was begun."""

    def render(self, task: Task) -> Text:
        rows, spent = task.completed - task.fields["before"], task.finished_time or task.elapsed
        return Text(f"{rows / spent:,.0f}/s" if rows and spent else "", justify="right")


class _Left(ProgressColumn):
    """Time left at that rate, or the time taken once the table has ended."""

    def render(self, task: Task) -> Text:
        if task.finished:
            return Text(f"{task.finished_time or 0:.1f} s", justify="right")
        rows, spent = task.completed - task.fields["before"], task.elapsed
        if not rows or not spent or not task.total:
            return Text("")
        return Text(f"{_seconds(spent * (task.total - task.completed) / rows)} left", justify="right")


class Live:
    """A table in the terminal that is drawn again and again: rows, rate, time left."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), BarColumn(bar_width=16),
            TextColumn("{task.fields[rows]}", justify="right"), _Rate(), _Left(), TextColumn("{task.fields[outcome]}"),
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
            one = self.ids[table]
            task = next(task for task in self.progress.tasks if task.id == one)
            task.completed += rows
            if share:
                task.total = task.completed / share
            task.fields["rows"] = f"{task.completed:,.0f} rows"

    def end(self, table: str, kept: int, rejected: int) -> None:
        """Fill the table's bar and say what it holds."""
        with self.lock:
            total = kept + rejected
            outcome = f"{kept:,} kept" + (f", {rejected:,} rejected" if rejected else "")
            self.progress.update(self.ids[table], total=total, completed=total, rows=f"{total:,} rows", outcome=outcome)


watcher: Watcher = Silent()
"""Who is told of the build in this process; the command line sets it."""


def watch(one: Watcher) -> None:
    """Tell `one` from now on."""
    global watcher
    watcher = one
