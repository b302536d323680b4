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

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from flows.report.elements import Cell, Plot, Section, format_model
from flows.report.sections.answers import show_certainty, show_exploration, show_soundness, show_verdicts
from flows.report.sections.error_positions import show_positions, show_types
from flows.report.sections.flips import show_flips
from flows.report.sections.labels import show_labellers, show_rollouts
from flows.report.sections.overview import (
    list_headlines,
    show_cost,
    show_drift,
    show_duplicates,
    show_funnel,
    show_gates,
)

HERE = Path(__file__).parent
SECTIONS: tuple[Callable[[Mapping[str, Any], Mapping[str, Any]], Section | None], ...] = (
    show_funnel, show_gates, show_verdicts, show_flips, show_positions, show_types, show_labellers, show_rollouts, show_soundness, show_certainty, show_exploration, show_cost, show_duplicates, show_drift,
)  # fmt: skip
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render_page(release: Mapping[str, Any], statistics: Mapping[str, Any]) -> str:
    """The HTML of a report; the same manifest and statistics give the same bytes."""
    shown = (make_section(release, statistics) for make_section in SECTIONS)
    sections = [section for section in shown if section is not None]
    plots = {part.name: part.spec for section in sections for part in section.parts if isinstance(part, Plot)}
    scripts = [Markup(_escape_script(text)) for text in ([read_bundle()] if plots else []) + [_read_file("page.js")]]  # noqa: S704
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["model"] = format_model
    environment.tests |= {"plot": lambda part: isinstance(part, Plot), "cell": lambda cell: isinstance(cell, Cell)}
    html: str = environment.from_string(_read_file("page.html.j2")).render(
        release=release, recipe=release["recipe"], name=f"{release['corpus']} {release['version']}", found=statistics,
        headlines=list_headlines(release, statistics), sections=sections, plots=Markup(embed_json(plots)),  # noqa: S704
        scripts=scripts, style=Markup(_read_file("page.css")), policy=_make_policy(scripts),  # noqa: S704
        choices={name: sorted({example[name] for example in statistics["examples"] if example.get(name)}) for name in ("type", "model", "set")},
    )  # fmt: skip
    return html


def embed_json(value: Any) -> str:
    """JSON that can stand in a script element: no character of it ends the element, or a line of JavaScript."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return "".join(_UNSAFE.get(c, c) for c in text)


@lru_cache(maxsize=1)
def read_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that defines `vegaEmbed`; of the installed vl-convert, no network."""
    import vl_convert  # only pages need it

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


@lru_cache(maxsize=8)
def _read_file(name: str) -> str:
    return (HERE / name).read_text("utf-8")


def _escape_script(text: str) -> str:
    """A script as it can stand in a page."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _make_policy(scripts: list[Markup]) -> str:
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
