"""What a page is made of: sections with sentences, plots and tables, and how numbers are written in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlencode

from markupsafe import Markup

from flows.report.statistics.examples import NAME, shorten
from flows.report.statistics.verdicts import OTHERS

SHOWN = 25
"""Models in a picture; the table below it has them all."""
Tone = Literal["", "good", "bad", "warn"]
Page = Literal["wide", "narrow"]
"""What a picture is drawn for: pages that have room, and phones."""


@dataclass(frozen=True)
class Cell:
    """A cell that says more than its text."""

    text: str
    tone: Tone = ""
    """Shown by colour, beside what the text says itself."""
    share: float | None = None
    """A bar behind the text, 0 to 1 of the cell's width."""
    rows: str = ""
    """The place in the page where the rows are that it counts."""


@dataclass(frozen=True)
class PageTable:
    """Rows for people; numbers stand to the right."""

    caption: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str | Cell]]
    left: int = 1
    """Columns of words, the first ones."""


@dataclass(frozen=True)
class Plot:
    """A picture with the numbers that it is drawn from."""

    name: str
    """Its id in the page."""
    title: str
    says: str
    """What is to be seen, for those who cannot see it."""
    spec: dict[str, Any]
    """Vega-Lite; empty where it is drawn."""
    data: PageTable
    width: int = 0
    """Pixels below which it is scrolled, not squeezed."""
    drawn: Mapping[Page, Markup] = field(default_factory=dict)
    """SVG of its own, where it is no Vega-Lite."""


@dataclass(frozen=True)
class Section:
    """A part of the page under one heading."""

    name: str
    """Its id in the page."""
    title: str
    lead: str
    """What was found, in a sentence or two."""
    parts: tuple[Plot | PageTable, ...] = ()
    notes: tuple[str, ...] = ()
    """How it was measured."""
    measured: bool = True

    @property
    def short(self) -> str:
        """What it is called where there is little room."""
        return SHORT[self.name]


SHORT = {
    "funnel": "Funnel", "gates": "Gates", "verdicts": "Verdicts", "positions": "First errors", "types": "Types",
    "labellers": "Labellers", "rollouts": "Rollouts", "soundness": "Verifier", "flips": "Fixed, broken", "certainty": "Certainty",
    "exploration": "Exploration",
    "cost": "Cost", "repeats": "Duplicates", "changes": "Changes", "drift": "Drift",
}  # fmt: skip


def find_rows(**filters: object) -> str:
    """The place in the page where the examples with these values are, as its address has it."""
    return _write_address("examples", filters)


def find_changes(**filters: object) -> str:
    """The place in the page where the rows that changed so are; `type_before` is `type-before` in an address."""
    return _write_address("changed", {name.replace("_", "-"): value for name, value in filters.items()})


def _write_address(place: str, filters: Mapping[str, object]) -> str:
    """Values are those that the page shows: what stands for a character that no page can hold, too."""
    return f"#{place}?" + urlencode({name: shorten(value, NAME) for name, value in filters.items()}, quote_via=quote)


def make_unmeasured(name: str, title: str, why: str) -> Section:
    """A section of which nothing is known."""
    return Section(name, title, why, measured=False)


def explain_missing(name: str, title: str, statistics: Mapping[str, Any], of_tables: str, of_release: str) -> Section:
    """A section that was not measured: why, of statistics made from tables and of those from a release alone."""
    return make_unmeasured(name, title, f"Not measured: {of_tables if statistics['from'] == 'tables' else of_release}.")


def format_count(value: float | None) -> str:
    """12,345; – where there is none."""
    return "–" if value is None else f"{value:,.0f}"


def format_percent(value: float | None, digits: int = 1) -> str:
    """12.3 %; – where there is none."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def format_share(part: float, whole: float) -> str:
    """A share in percent; – of nothing."""
    return format_percent(part / whole if whole else None)


def format_kappa(value: float | None) -> str:
    """0.812; – where it is not defined."""
    return "–" if value is None else f"{value:.3f}"


def format_size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:,.1f} {unit}"
        count /= 1000
    raise AssertionError


def format_model(name: object) -> str:
    """A model with no more of its revision than tells it apart."""
    return re.sub(r"@([0-9a-f]{7})[0-9a-f]{9,}", r"@\1", str(name))


def format_brief(n: int) -> str:
    """1234 as 1.2k: what fits a cell."""
    return (
        str(n)
        if n < 1000
        else f"{n / 1000:.1f}k"
        if n < 10_000
        else f"{n // 1000}k"
        if n < 10**6
        else f"{n / 10**6:.1f}M"
    )


def sort_names(totals: Counter[str]) -> list[str]:
    """Names, those with most first, those counted together last."""
    return sorted(totals, key=lambda name: (name == OTHERS, -totals[name], name))


def make_title(title: str, names: Sequence[str]) -> str:
    """A title that says so where a picture leaves some out."""
    return f"{title} (the {SHOWN} largest of {len(names)} models)" if len(names) > SHOWN else title


def name_step(label: int | None, latest: int | None = None) -> str:
    """A label as people count: step 1 is the first."""
    if label is None:
        return "undecided"
    return "none" if label < 0 else f"{label + 1}{'+' if label == latest else ''}"
