"""The page of a report: one HTML file that needs nothing else, from a release's manifest and its statistics.

Everything that models or recipes wrote is escaped by the template and set
apart (`bdi`), so that no mark of direction reaches beyond it. A content
security policy lets only the scripts of this very page run, and no request
leave it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from flows.comparison.changed_rows import FACT_NAMES
from flows.report.drawing import draw_plot
from flows.report.elements import Cell, Plot, Section, format_count, format_model
from flows.report.sections.answers import show_certainty, show_exploration, show_soundness, show_verdicts
from flows.report.sections.changes import LABELS, show_changes
from flows.report.sections.error_positions import show_positions, show_types
from flows.report.sections.flips import show_flips
from flows.report.sections.funnel import show_funnel
from flows.report.sections.headlines import list_headlines, write_headline
from flows.report.sections.labels import show_labellers, show_rollouts
from flows.report.sections.overview import show_cost, show_drift, show_duplicates, show_gates

HERE = Path(__file__).parent
SECTIONS: tuple[Callable[[Mapping[str, Any], Mapping[str, Any]], Section | None], ...] = (
    show_funnel, show_positions, show_types, show_flips, show_labellers, show_rollouts, show_verdicts, show_soundness, show_certainty, show_exploration, show_cost, show_gates, show_duplicates, show_changes, show_drift,
)  # fmt: skip
"""In the order of a reader's questions: how many, where, what kind, who says so, how sure, what it cost."""
KIND_NAMES = {
    "both": "in both", "changed": "another label", "same": "the same labels", "flip": "right before, wrong now", "fixed": "wrong before, right now",
    "verdict": "another verdict", "step": "another first wrong step", "type": "another type",
}  # fmt: skip

_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render_page(
    release: Mapping[str, Any], statistics: Mapping[str, Any], served: bool = False, against: bool = False
) -> str:
    """The HTML of a report; the same manifest and statistics give the same bytes.

    Args:
        release: The manifest.
        statistics: What was measured.
        served: Whether a server beside the page has all rows at the address `rows`; else the page holds a sample.
        against: Whether another release was asked for, so that the page begins with what changed. A server beside it
            has all rows of both at the address `changes`.

    Returns:
        The page.

    """
    shown = (make_section(release, statistics) for make_section in SECTIONS)
    sections = [section for section in shown if section is not None]
    sections.sort(key=lambda section: not (against and section.name == "changes"))
    changes = statistics.get("changes") or {}
    embedded = {} if served else {"examples": statistics["examples"]}
    if "rows" in changes and not (served and against):
        embedded["changed"] = changes["rows"]
    scripts = [Markup(_escape_script(_read_file("page.js")))]  # noqa: S704
    examples = statistics["examples"]
    html: str = make_environment().get_template("page.html.j2").render(
        release=release, recipe=release["recipe"], name=f"{release['corpus']} {release['version']}", found=statistics,
        headline=write_headline(release, statistics), headlines=list_headlines(release, statistics), sections=sections,
        scripts=scripts, style=Markup(_read_file("page.css")), policy=_make_policy(scripts, served), served=served,  # noqa: S704
        choices={name: sorted({example[name] for example in examples if example.get(name)}) for name in ("type", "model", "set")},
        steps=sorted({example["first_error"] + 1 for example in examples if (example["first_error"] or -1) >= 0}),
        embedded={place: Markup(embed_json(rows)) for place, rows in embedded.items()},  # noqa: S704
        changes=changes, change_choices=list_choices(changes) if "counts" in changes else {}, changes_served=served and against,
    )  # fmt: skip
    return html


def list_choices(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What rows of two releases can be filtered by, each with its values and their names."""
    only = {"before": f"only in {changes['before']}", "after": f"only in {changes['after']}"}
    kinds = [
        (kind, only.get(kind, KIND_NAMES.get(kind, kind)))
        for fact, kind in FACT_NAMES.items()
        if changes["counts"][fact]
    ]
    selects = []
    for label, title in LABELS.items():
        for i, when in enumerate(("before", "after")):
            cells = (changes["labels"][label] or {"cells": []})["cells"]
            values = sorted(
                {cell[i] for cell in cells} - {None}, key=lambda value: (not value.isdecimal(), value.zfill(9))
            )
            selects.append(
                (
                    f"{label}-{when}",
                    f"{title.capitalize()} {'before' if when == 'before' else 'now'}",
                    [(value, value) for value in values],
                )
            )
    for name in ("model", "set"):
        selects.append((name, name.capitalize(), [(value, format_model(value)) for value in changes["values"][name]]))
    return {"kinds": kinds, "selects": selects}


@lru_cache(maxsize=1)
def make_environment() -> Environment:
    """What renders the page and its examples: whatever stands in it is escaped."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FileSystemLoader(HERE)
    )
    environment.filters |= {"model": format_model, "draw": draw_plot, "count": format_count}
    environment.tests |= {"plot": lambda part: isinstance(part, Plot), "cell": lambda cell: isinstance(cell, Cell)}
    return environment


def embed_json(value: Any) -> str:
    """JSON that can stand in a script element: no character of it ends the element, or a line of JavaScript."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return "".join(_UNSAFE.get(c, c) for c in text)


@lru_cache(maxsize=8)
def _read_file(name: str) -> str:
    return (HERE / name).read_text("utf-8")


def _escape_script(text: str) -> str:
    """A script as it can stand in a page."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _make_policy(scripts: list[Markup], served: bool) -> str:
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    asked = " connect-src 'self';" if served else ""
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:;{asked} base-uri 'none'; form-action 'none'"
