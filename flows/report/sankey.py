"""The funnel as a Sankey diagram (Sankey 1898): bands as wide as the rows they stand for, downwards, with the losses to the right."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from flows.report.drawing import NARROW, WIDE
from flows.report.elements import Page, format_count
from flows.report.statistics.main_line import Stage

BAR, WORDS, GAP = 16, 22, 16
"""Pixels of a stage's bar, of the line above it, and of what lies between a stage and the first loss below it."""
LINE, FURTHER = 18, 14
"""Pixels of a line of words beside a loss, and of each further one that they are broken into."""
LINES = 4
"""Lines of words at most; what is longer ends in an ellipsis, as hostile reasons can be of any length."""
MOST = 4
"""Reasons that have a band of their own; the others share one."""
COLOURS = ("var(--series-3)", "var(--series-1)", "var(--series-5)", "var(--series-4)", "var(--undecided)")
"""Reasons, those of most rows first; the last is of all others."""
_LETTER = 7.3
"""Pixels of a letter, about."""


@dataclass(frozen=True)
class _Band:
    """Rows that leave a stage, or join it."""

    text: str
    rows: int
    colour: str


def draw_sankey(stages: Sequence[Stage]) -> dict[Page, Markup]:
    """SVG by the page it is for, `wide` and `narrow`, of the stages of a main line."""
    return {"wide": _draw(stages, WIDE, 0.58), "narrow": _draw(stages, NARROW, 0.42)}


def _draw(stages: Sequence[Stage], width: int, share: float) -> Markup:
    """The bars take a share of the width, so that words have room beside the losses."""
    scale = width * share / max(1, *(stage.rows for stage in stages))
    colours = _choose_colours(stages)
    parts: list[str] = []
    y = 0.0
    for i, stage in enumerate(stages):
        parts += _draw_bar(stage, y, scale, width)
        y += _measure_head(stage, width) + BAR
        if i + 1 < len(stages):
            y = _draw_way(parts, stages[i], stages[i + 1], y, scale, width, colours)
    size = f'width="{width}" height="{y:.0f}" viewBox="0 0 {width} {y:.0f}"'
    head = f'<svg aria-hidden="true" focusable="false" class="sankey" {size}>'
    return Markup(f"{head}{''.join(parts)}</svg>")  # noqa: S704


def _choose_colours(stages: Sequence[Stage]) -> dict[str, str]:
    """By reason; the same wherever it is met."""
    totals = Counter[str]()
    for stage in stages:
        totals.update(dict(stage.lost))
    return {reason: COLOURS[min(i, len(COLOURS) - 1)] for i, (reason, _) in enumerate(totals.most_common())}


def _draw_bar(stage: Stage, y: float, scale: float, width: int) -> list[str]:
    """A stage: its rows and what they are, and a bar as long as they are many."""
    count, top = format_count(stage.rows), y + _measure_head(stage, width)
    lines = []
    for i, (name, others) in enumerate(_break_head(stage, width)):
        said = f'<tspan class="count">{count}</tspan>{escape(name.removeprefix(count))}' if i == 0 else escape(name)
        also = f'<tspan class="also">{escape(others)}</tspan>' if others else ""
        lines.append(f'<text x="0" y="{y + WORDS - 7 + FURTHER * i:.0f}">{said}{also}</text>')
    size = f'width="{max(1.0, stage.rows * scale):.1f}" height="{BAR}"'
    return [*lines, f'<rect x="0" y="{top:.0f}" {size} rx="2" class="stage"/>']


def _break_head(stage: Stage, width: int) -> list[tuple[str, str]]:
    """The lines above a bar: of each what is the stage's name, and what names the tables that have the same rows."""
    room = int(width / _LETTER)
    lines = [(line, "") for line in _break_lines(f"{format_count(stage.rows)} {stage.name}", room)]
    others = f" · {', '.join(stage.tables[1:])}" if len(stage.tables) > 1 else ""
    if len(lines[-1][0]) + len(others) <= room:
        return [*lines[:-1], (lines[-1][0], others)]
    return [*lines, *(("", line) for line in _break_lines(others.removeprefix(" · "), room))]


def _measure_head(stage: Stage, width: int) -> int:
    """Pixels above a stage's bar."""
    return WORDS + FURTHER * (len(_break_head(stage, width)) - 1)


def _draw_way(
    parts: list[str], stage: Stage, after: Stage, y: float, scale: float, width: int, colours: Mapping[str, str]
) -> float:
    """The way to the next stage: what goes on, what is left out and what joins; where the next begins."""
    losses = _list_losses(after, colours)
    gains = [_Band(f"from {name}", n, "var(--series-2)") for name, n in after.joined]
    bands = [*(("−", loss) for loss in losses), *(("+", gain) for gain in gains)]
    beside = width * (0.62 if width == WIDE else 0.46)
    room = int((width - beside - 14) / _LETTER)
    words = [_break_lines(f"{sign}{format_count(band.rows)} {band.text}", room) for sign, band in bands]
    height = GAP + sum(map(_measure_lines, words))
    bottom = y + height + _measure_head(after, width)
    joined = sum(gain.rows for gain in gains)
    going = max(0, min(stage.rows, after.rows - joined)) if bands else stage.rows
    edge = going if bands else after.rows
    parts.append(_draw_ribbon(going * scale, y, edge * scale, bottom))
    left, middle = going * scale, y + GAP + 2
    for (sign, band), lines in zip(bands, words):
        if sign == "−":
            thick = min(band.rows * scale, max(0.0, stage.rows * scale - left))
            parts.append(_draw_stream(left, thick, y, beside - 4, middle, band.colour))
            left += thick
        else:
            parts.append(_draw_stream(edge * scale, band.rows * scale, bottom, beside - 4, middle, band.colour))
            edge += band.rows
        parts += _draw_words(band, lines, beside, middle)
        middle += _measure_lines(lines)
    return y + height


def _draw_words(band: _Band, lines: Sequence[str], x: float, y: float) -> list[str]:
    """A loss or a gain in words, behind its colour."""
    return [
        f'<rect x="{x:.0f}" y="{y - 5:.0f}" width="9" height="9" rx="2" fill="{band.colour}"/>',
        *(
            f'<text x="{x + 14:.0f}" y="{y + 4 + FURTHER * i:.0f}">{escape(line)}</text>'
            for i, line in enumerate(lines)
        ),
    ]


def _measure_lines(lines: Sequence[str]) -> int:
    """Pixels of words beside a loss."""
    return LINE + FURTHER * (len(lines) - 1)


def _list_losses(stage: Stage, colours: Mapping[str, str]) -> list[_Band]:
    """What a stage left out, by reason; the rare ones together."""
    shown, rest = stage.lost[:MOST], stage.lost[MOST:]
    if len(rest) == 1:
        shown, rest = stage.lost, ()
    bands = [_Band(reason, n, colours[reason]) for reason, n in shown]
    return [*bands, *([_Band(f"for {len(rest)} other reasons", sum(n for _, n in rest), COLOURS[-1])] if rest else [])]


def _draw_ribbon(width: float, top: float, to: float, bottom: float) -> str:
    """A band along the left edge, from under one bar to the next."""
    middle = (top + bottom) / 2
    return f'<path class="flow" d="M0,{top:.1f}H{width:.1f}C{width:.1f},{middle:.1f} {to:.1f},{middle:.1f} {to:.1f},{bottom:.1f}H0Z"/>'


def _draw_stream(left: float, thick: float, edge: float, x: float, y: float, colour: str) -> str:
    """A band between a bar's edge, above or below, and the words beside it, where it is no thicker than a line of them."""
    half = min(thick, LINE - 6) / 2
    near, far = (y - half, y + half) if edge < y else (y + half, y - half)
    return (
        f'<path class="lost" fill="{colour}" d="M{left:.1f},{edge:.1f}H{left + thick:.1f}C{left + thick:.1f},{near:.1f} '
        f'{left + thick:.1f},{near:.1f} {x:.1f},{near:.1f}V{far:.1f}C{left:.1f},{far:.1f} {left:.1f},{far:.1f} {left:.1f},{edge:.1f}Z"/>'
    )


def _break_lines(text: str, room: int) -> list[str]:
    """A text in lines of so many letters, `LINES` at most."""
    return textwrap.wrap(text, max(8, room), max_lines=LINES, placeholder="…") or [""]
