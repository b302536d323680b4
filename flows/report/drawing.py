"""Pictures as SVG that stands in the page: no script draws them, so that they print, and are there without JavaScript.

Each is drawn twice, for wide pages and for phones; the style sheet shows the
one that fits. Texts in it are escaped by Vega's own writer, colours are names
of the page's, and what would be read aloud is left to the figure's label.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from flows.report.elements import Page, Plot
from flows.report.plots import LINK

WIDE, NARROW = 760, 340
"""Pixels of a picture on a page that has room, and on a phone."""
_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (section 2.2) has no character for; the program that measures texts ends the process where it meets one."""
_DESCRIBED = re.compile(
    rf'<path aria-label="([^"]*?)(?:{LINK}(#[-\w.~%=?]*(?:&amp;[-\w.~%=]*)*))?"([^>]*?)(?:/>|></path>)'
)
_SPOKEN = re.compile(r' (?:role|aria-[a-z]+|xmlns(?::xlink)?)="[^"]*"')
_DEFINED = re.compile(r'(\bid="|url\(#|href="#)(clip|gradient|gradient_)(\d+)')


def draw_plot(plot: Plot) -> Mapping[Page, Markup]:
    """The drawings of a picture as SVG, by the page that they are for; where it is too narrow a page scrolls it, and squeezes nothing."""
    if plot.drawn:
        return plot.drawn
    widths: dict[Page, int] = {"wide": max(WIDE, plot.width), "narrow": max(NARROW, plot.width)}
    return {page: _draw(f"{plot.name}-{page}", {**plot.spec, "width": width}) for page, width in widths.items()}


def _draw(name: str, spec: Mapping[str, Any]) -> Markup:
    import vl_convert  # only pages need it

    try:
        svg = str(vl_convert.vegalite_to_svg(_clean(spec), allowed_base_urls=[]))
    except ValueError:  # a name that Vega stumbles on is no reason to have no report
        return Markup("<p>The picture could not be drawn; its numbers are below.</p>")
    svg = _DESCRIBED.sub(_link_mark, svg)
    svg = _DEFINED.sub(lambda found: f"{found[1]}{name}-{found[2]}{found[3]}", _SPOKEN.sub("", svg))
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))  # noqa: S704


def _link_mark(found: re.Match[str]) -> str:
    """A mark that tells what it is where it is pointed at, and knows its rows; keyboards have the filters of the examples for that."""
    says, rows, rest = found.groups()
    place = f' data-rows="{rows}"' if rows else ""
    return f"<path{place}{rest}><title>{says}</title></path>"


def _clean(value: Any) -> Any:
    """A specification whose texts can all be written in XML."""
    if isinstance(value, str):
        return _UNWRITABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list | tuple) else value
