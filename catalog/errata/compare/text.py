"""Differences as text for a terminal and as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..cli.text import format_table, strip_controls
from .difference import Difference, Shift, ViewDifference
from .semver import bump, describe, find_required_step

MOST = 12
"""Lines of a table, at most."""


def as_text(difference: Difference) -> str:
    """Everything that differs, for a terminal."""
    parts = [
        format_headline(difference),
        format_table(ROWS, _list_rows(difference), left=1) if difference.views else "",
    ]
    parts += [f"view {strip_controls(view)} is new" for view in difference.views_added]
    parts += [f"view {strip_controls(view)} is gone" for view in difference.views_removed]
    for each in difference.views:
        if each.same:
            continue
        parts += [_list_columns(each)]
        if each.changed_by_column:
            changed = sorted(each.changed_by_column.items(), key=lambda item: (-item[1], item[0]))
            parts.append(
                format_table([f"{each.view}: changed", "rows"], [[name, count] for name, count in changed[:MOST]])
            )
        if each.relabelled:
            parts.append(
                format_table([f"{each.view}: label", "before", "after", "rows"], _list_relabelled(each)[:MOST], left=3)
            )
        parts += [
            format_table([f"{each.view}: {strip_controls(shift.what)}", *SHIFT], _list_shares(shift)[:MOST])
            for shift in each.shifts[:MOST]
        ]
        parts += [f"{each.view}, {change}: {strip_controls(', '.join(ids))}" for change, ids in each.examples.items()]
    return "\n\n".join(part for part in parts if part)


ROWS = ["view", "before", "after", "same", "added", "removed", "changed"]
SHIFT = ["before", "after", "share before, %", "share after, %"]


def format_headline(difference: Difference) -> str:
    """The two releases, what differs, and the step it needs."""
    step, before = find_required_step(difference), difference.before.partition("@")[2]
    return strip_controls(
        f"{difference.before} → {difference.after}: {step} (at least {bump(before, step)}): {describe(difference)}"
    )


def _list_rows(difference: Difference) -> list[list[object]]:
    return [
        [view.view, view.before, view.after, view.kept, view.added, view.removed, view.changed]
        for view in difference.views
    ]


def _list_columns(view: ViewDifference) -> str:
    lines = [f"{view.view}: new columns: {', '.join(view.columns_added)}"] if view.columns_added else []
    lines += [f"{view.view}: columns that are gone: {', '.join(view.columns_removed)}"] if view.columns_removed else []
    lines += [f"{view.view}: column {name} was {old}, is {new}" for name, old, new in view.columns_retyped]
    return strip_controls("\n".join(lines))


def _list_relabelled(view: ViewDifference) -> list[list[object]]:
    return [[each.column, each.before, each.after, each.rows] for each in view.relabelled]


def _list_shares(shift: Shift) -> list[list[object]]:
    """The values of a distribution, those first whose share moved most."""
    old, new = max(1, sum(shift.before.values())), max(1, sum(shift.after.values()))

    def shares(value: str) -> tuple[float, float]:
        return 100 * shift.before.get(value, 0) / old, 100 * shift.after.get(value, 0) / new

    values = sorted(
        shift.before.keys() | shift.after.keys(), key=lambda value: (-abs(shares(value)[0] - shares(value)[1]), value)
    )
    return [
        [value, shift.before.get(value, 0), shift.after.get(value, 0), *(f"{share:.1f}" for share in shares(value))]
        for value in values
    ]


STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; overflow-wrap: anywhere }
h1 { font-size: 1.6rem } h2 { margin-top: 2.5rem } h3 { margin: 1.5rem 0 .3rem; font-size: 1rem }
div { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #ddd; vertical-align: top } th { font-weight: 600; overflow-wrap: normal }
th:first-child, td:first-child { text-align: left; min-width: 8rem } td { font-variant-numeric: tabular-nums; overflow-wrap: normal }
td:first-child { overflow-wrap: anywhere } td:last-child { min-width: 10.5rem; text-align: left } .few td:last-child { min-width: 0; text-align: right }
i { display: block; height: .5em; margin-top: .2em; background: #0072b2 } i + i { background: #e69f00 } .before, .after { padding: 0 .5em; color: #fff; background: #0072b2 } .after { color: #000; background: #e69f00 }
@media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #161616 } th, td { border-color: #3a3a3a } }
@media (max-width: 35rem) { th, td { padding: .2rem .3rem } table:not(.few) :is(th, td):is(:nth-child(4), :nth-child(5)) { display: none } }
@media print { tr { break-inside: avoid } h3 { break-after: avoid } * { print-color-adjust: exact } }
"""


def as_html(difference: Difference) -> str:
    """Everything that differs, as a page."""
    title = escape(strip_controls(f"{difference.before} → {difference.after}"))
    body = [
        f"<h1>{title}</h1>",
        f"<p class=step>{escape(format_headline(difference))}</p>",
        _render_table(ROWS, _list_rows(difference)),
    ]
    body += [f"<p>View <b>{escape(strip_controls(view))}</b> is new.</p>" for view in difference.views_added]
    body += [f"<p>View <b>{escape(strip_controls(view))}</b> is gone.</p>" for view in difference.views_removed]
    for each in difference.views:
        if each.same:
            continue
        body.append(f"<h2>{escape(strip_controls(each.view))}</h2>")
        body += [f"<p>{escape(line)}</p>" for line in _list_columns(each).splitlines()]
        if each.changed_by_column:
            changed = sorted(each.changed_by_column.items(), key=lambda item: (-item[1], item[0]))
            body += [
                "<h3>Changed columns</h3>",
                _render_table(["column", "rows"], [[name, count] for name, count in changed]),
            ]
        if each.relabelled:
            body += [
                "<h3>Relabelled</h3>",
                _render_table(["column", "before", "after", "rows"], _list_relabelled(each)),
            ]
        if each.shifts:
            body.append("<p>Shares <span class=before>before</span> <span class=after>after</span></p>")
        for shift in each.shifts[:MOST]:
            body += [
                f"<h3>{escape(strip_controls(shift.what))}: {100 * shift.distance:.1f} % moved</h3>",
                _render_bars(shift),
            ]
        for change, ids in each.examples.items():
            body.append(
                f"<p>{change}: {', '.join(f'<code>{escape(strip_controls(each))}</code>' for each in ids)} …</p>"
            )
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width'><title>{title}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(body)}</body></html>\n"


def _render_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    def cell(value: object) -> str:
        return f"{value:,}" if isinstance(value, int) else escape(strip_controls(value))

    names = "".join(f"<th>{escape(name)}" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell(value)}" for value in row) for row in rows)
    return f"<div><table class=few><tr>{names}{lines}</table></div>"


def _render_bars(shift: Shift) -> str:
    """A distribution's shares before and after, beside each other."""
    lines, values = [], _list_shares(shift)
    for value, before, after, old, new in values[:MOST]:
        bars = "".join(f"<i style='width:{float(str(share)) / 10:.2f}rem'></i>" for share in (old, new))
        lines.append(f"<tr><td>{escape(strip_controls(value))}<td>{before:,}<td>{after:,}<td>{old}<td>{new}<td>{bars}")
    if len(values) > MOST:
        lines.append(f"<tr><td>… and {len(values) - MOST:,} others, whose shares moved less<td><td><td><td><td>")
    names = "".join(f"<th>{name}" for name in ("value", *SHIFT, ""))
    return f"<div><table><tr>{names}{''.join(lines)}</table></div>"
