"""`errata browse`: the rows of a table or a release, one after the other, in a terminal or to a pipe."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from contextlib import closing

import errata
from errata.cli import text
from errata.cli.exit_codes import DONE, MISSING
from rich.console import Console, Group, ScreenContext
from rich.rule import Rule
from rich.text import Text

from catalog import sources
from flows.cli import keyboard, row_view
from flows.cli.file_rows import read_files
from flows.cli.row_reader import RowReader, Selection, list_filters, read_release, read_table
from flows.metrics.row_names import TableName, ViewName, check_files, find_complete_table, parse_rows_name
from tasks.evaluation.fields import EvaluationError

ASKED = {"t": "type", "m": "model", "s": "set", "v": "verdict", "/": "search"}
KEYS = "n next  p back  ↑↓ scroll  / search  t type  m model  s set  c clear  q quit"
SECONDS = 0.2
"""The time after which a terminal is looked at again: it may have another size."""


def browse(options: Namespace, store: str) -> int:
    """`errata browse`."""
    rows = place(options.name, options.split, options.rejected, options.data, store, options.trust)
    filters = {name: getattr(options, name) for name in (*list_filters(), "search") if getattr(options, name)}
    with closing(rows), closing(Selection(rows, filters)) as chosen:
        if sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
            with keyboard.set_cbreak():
                browser = Browser(chosen, Console(highlight=False))
                browser.run()
                browser.chosen.close()
            return DONE
        return _print_rows(chosen, options.limit)


def place(
    name: str, split: str | None, rejected: bool, data: str | None, store: str, trust: bool = False
) -> RowReader:  # fmt: skip
    """The rows that a name stands for: RECIPE.yaml:TABLE of a build, a release, its view after a colon, or files."""
    where = parse_rows_name(name)
    if isinstance(where, TableName):
        job, manifest = find_complete_table(where, data, store, trust)
        parts = manifest.receipt.rejected if rejected else manifest.receipt.parts
        return read_table(f"{name}, rejected" if rejected else name, job, parts)
    if rejected:
        kind = "a release holds" if isinstance(where, ViewName) else "files hold"
        raise EvaluationError(f"{name}: {kind} no rejected rows; name a table as RECIPE.yaml:TABLE")
    if isinstance(where, ViewName):
        return read_release(errata.open_release(where.release, store), where.view, split)
    if split:
        raise EvaluationError(f"{name}: files have no splits; leave --split out")
    check_files(name)
    return read_files(name, sources.find_sources(name, name))


def _print_rows(chosen: Selection, limit: int | None) -> int:
    """Rows as plain lines, as they are found."""
    console = Console(highlight=False, soft_wrap=False, width=max(40, Console().width))
    k = 0
    while limit is None or k < limit:
        while (number := chosen.number(k)) is None and chosen.look_on():
            pass
        if number is None:
            break
        console.print(Rule(f"row {number + 1:,} of {len(chosen.rows):,}", align="left"))
        for line in row_view.render_lines(chosen.rows[number], console, console.width):
            console.print(line, no_wrap=True, crop=True)
        k += 1
    if k == 0 and limit != 0:
        print(text.strip_controls(f"{chosen.rows.name}: {_nothing(chosen)}"), file=sys.stderr)
        return MISSING if chosen.filters else DONE
    return DONE


def _nothing(chosen: Selection) -> str:
    if not len(chosen.rows):
        return "no rows"
    return f"none of {len(chosen.rows):,} rows matches {_describe_filters(chosen.filters)}"


def _describe_filters(filters: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in filters.items())


class Browser:
    """The screen: which row is on it, from which line on, and what is asked for."""

    def __init__(self, chosen: Selection, console: Console) -> None:
        self.chosen, self.console = chosen, console
        self.k, self.top = 0, 0
        self.notice = ""
        self.asking: tuple[str, str] | None = None
        """What is being typed: for what, and its text."""
        self.shown: tuple[object, list[Text]] = (None, [])
        self.screen: ScreenContext | None = None

    def run(self) -> None:
        """Show rows until `q` is pressed."""
        with self.console.screen(hide_cursor=True) as self.screen:
            size, stale = self.console.size, True
            while True:
                if stale or size != self.console.size:
                    size, stale = self.console.size, False
                    self.screen.update(self.view())
                if keyboard.wait_for_key(SECONDS):
                    stale = True
                    if not self.press(keyboard.read_key()):
                        return

    def view(self) -> Group:
        """All that is on the screen."""
        width, height = self.console.size
        body, room = self.lines(width), max(1, height - 3)
        self.top = max(0, min(self.top, len(body) - room))
        shown = body[self.top : self.top + room]
        blank = [Text("")] * (room - len(shown))
        below = len(body) - self.top - room
        head = Text(self.title(), style="reverse", no_wrap=True, overflow="ellipsis")
        head.truncate(width, overflow="ellipsis", pad=True)
        rule = Text(
            f"── {below} more lines ──" if below > 0 else "─" * width, style="dim", no_wrap=True, overflow="crop"
        )
        return Group(head, *shown, *blank, rule, self.foot(width))

    def lines(self, width: int) -> list[Text]:
        """The lines of the row, or why there is none."""
        number = self.chosen.number(self.k)
        if number is None:
            return [Text(""), Text(text.strip_controls(_nothing(self.chosen)))]
        if self.shown[0] != (number, width):
            self.shown = ((number, width), row_view.render_lines(self.chosen.rows[number], self.console, width))
        return self.shown[1]

    def title(self) -> str:
        """Which rows these are, and where in them one is."""
        number, filters = self.chosen.number(self.k), self.chosen.filters
        where = f"row {number + 1:,} of {len(self.chosen.rows):,}" if number is not None else "no row"
        if filters:
            more = "" if self.chosen.whole else "+"
            where = (
                f"match {self.k + 1:,} of {len(self.chosen):,}{more} ({where})  {_describe_filters(filters)}"
                if number is not None
                else where
            )
        return text.strip_controls(f" {self.chosen.rows.name}  {where}")

    def foot(self, width: int) -> Text:
        """The line at the bottom: what is typed, what is to be said, or the keys."""
        if self.asking is not None:
            line = f"{self.asking[0]}: {self.asking[1]}▏  (Enter; empty for all; Esc)"
        else:
            line = self.notice or KEYS
        result = Text(text.strip_controls(line), style="" if self.asking or self.notice else "dim", no_wrap=True)
        result.truncate(width, overflow="ellipsis")
        return result

    def press(self, key: str) -> bool:
        """Do what a key asks for; whether to go on."""
        self.notice = ""
        if key == "" or (key == "q" and self.asking is None):
            return False
        if self.asking is not None:
            self.type(key)
            return True
        page = max(1, self.console.size.height - 4)
        scroll = {"down": 1, "j": 1, "up": -1, "k": -1, "page down": page, " ": page, "page up": -page, "b": -page}
        if key in scroll:
            self.top += scroll[key]
        elif key in ("n", "right", "enter"):
            self.go(self.k + 1)
        elif key in ("p", "left"):
            self.go(self.k - 1)
        elif key in ("g", "home"):
            self.go(0)
        elif key in ("G", "end"):
            self.look(None)
            self.go(len(self.chosen) - 1)
        elif key in ASKED:
            self.asking = (ASKED[key], "")
        elif key == ":":
            self.asking = ("row", "")
        elif key == "c":
            self.choose({})
        else:
            self.notice = KEYS
        return True

    def type(self, key: str) -> None:
        """A key of what is being typed."""
        assert self.asking is not None
        name, typed = self.asking
        if key == "escape":
            self.asking = None
        elif key == "backspace":
            self.asking = (name, typed[:-1])
        elif key == "enter":
            self.asking = None
            self.answer(name, typed.strip())
        elif len(key) == 1 and key.isprintable():
            self.asking = (name, (typed + key)[:200])

    def answer(self, name: str, typed: str) -> None:
        """What was typed is asked for."""
        if name == "row":
            number = int(typed) - 1 if typed.isdecimal() else -1
            if 0 <= number < len(self.chosen.rows):
                self.choose({}, number)
            else:
                self.notice = f"there are rows 1 to {len(self.chosen.rows):,}"
            return
        filters = {other: value for other, value in self.chosen.filters.items() if other != name}
        self.choose({**filters, name: typed} if typed else filters)

    def choose(self, filters: dict[str, str], at: int = 0) -> None:
        """Show other rows; those that are shown stay where none matches."""
        before = self.chosen, self.k
        try:
            self.chosen, self.k = Selection(self.chosen.rows, filters), at
        except EvaluationError as error:
            self.notice = str(error)
            return
        self.look(at)
        if self.chosen.number(at) is None and len(self.chosen.rows):
            self.notice = _nothing(self.chosen) if self.chosen.whole else "stopped looking"
            self.chosen.close()
            self.chosen, self.k = before
            return
        before[0].close()
        self.top = 0

    def go(self, k: int) -> None:
        """Show the k-th match."""
        self.look(k)
        if self.chosen.number(k) is None:
            self.notice = "this is the last one" if k > 0 else "this is the first one"
            return
        self.k, self.top = k, 0

    def look(self, k: int | None) -> None:
        """Look for the k-th match, or for all; a key stops it, and it says how far it is."""
        reported = time.monotonic()
        while (k is None or (k >= 0 and self.chosen.number(k) is None)) and self.chosen.look_on():
            if keyboard.wait_for_key(0):
                self.notice = f"stopped at row {self.chosen.looked:,}"
                return
            if time.monotonic() - reported > SECONDS:
                reported = time.monotonic()
                self.notice = f"looking … row {self.chosen.looked:,} of {len(self.chosen.rows):,}; any key stops"
                if self.screen:
                    self.screen.update(self.view())
                self.notice = ""
