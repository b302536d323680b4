"""The pictures of a report, as Vega-Lite made by Altair.

Colours are names of the page's own (CSS variables), so one drawing is right in
light, dark and print. Heat is in steps, each cell bears its number, and bars
have labels or shapes of their own: nothing is shown by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

Row = Mapping[str, Any]
HEAT = tuple(f"var(--heat-{i})" for i in range(7))
SERIES = tuple(f"var(--series-{i})" for i in range(6))
TONES = {"right": "var(--right)", "wrong": "var(--wrong)", "undecided": "var(--undecided)"}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
_TEXT = {"labelColor": "var(--muted)", "titleColor": "var(--muted)", "labelFont": FONT, "titleFont": FONT,
         "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 500}  # fmt: skip
CONFIG: dict[str, Any] = {
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {**_TEXT, "gridColor": "var(--line)", "domainColor": "var(--line)", "tickColor": "var(--line)", "labelLimit": 150},
    "legend": {**_TEXT, "orient": "top", "title": None, "symbolType": "square", "labelLimit": 200},
    "text": {"font": FONT, "fontSize": 11, "fill": "var(--ink)"},
}  # fmt: skip


LINK = " ⇒ "
"""Between what is told of a mark and the place in the page where its rows are."""
_INHERITED = frozenset({
    "__proto__", "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString",
    "valueOf", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__",
})  # fmt: skip


def _draw(chart: Any, height: int) -> dict[str, Any]:
    chart = chart.properties(width="container", height=height)
    spec: dict[str, Any] = chart.to_dict(validate=False)
    spec["config"] = CONFIG
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec.pop("$schema", None)
    return spec


def _make_name_axis() -> alt.Axis:
    """An axis of names; of long ones the middle is left out, since they differ at their ends."""
    cut = "length(datum.label) > 26 ? slice(datum.label, 0, 15) + '…' + slice(datum.label, -10) : datum.label"
    return alt.Axis(domain=False, ticks=False, labelExpr=cut, labelLimit=190)


def _order(names: Sequence[str]) -> alt.Scale:
    """Values in their order. As a `sort` they would become part of an expression, and models chose some of them."""
    return alt.Scale(domain=[_escape_name(name) for name in names])


def _escape_name(value: Any) -> Any:
    """A name that every object of JavaScript has already, where Vega counts by names, with a blank of no width behind it."""
    return f"{value}\u200b" if value in _INHERITED else value


def _make_data(rows: Sequence[Row]) -> Any:
    values = [{key: _escape_name(value) for key, value in row.items()} | {"says": _describe(row)} for row in rows]
    return alt.Data(values=values)  # type: ignore[no-untyped-call, unused-ignore]


def _describe(row: Row) -> str:
    """What is told of a mark that is pointed at, and, with `rows`, where its rows are."""
    of = ", ".join(str(row[key]) for key in ("name", "y", "x", "kind", "part") if row.get(key) not in (None, ""))
    number = row.get("says") or row.get("label") or f"{row['n']:,.4g}"
    return f"{of}: {number}{LINK + row['rows'] if row.get('rows') else ''}"


def plot_stacked(
    rows: Sequence[Row], names: Sequence[str], parts: Sequence[str], colours: Sequence[str], x: str, share: bool
) -> dict[str, Any]:
    """Bars of `n` by `name`, stacked by `part`, in the given orders; with `share` each as long as the next."""
    stack: Any = "normalize" if share else "zero"
    base = alt.Chart(_make_data(rows)).encode(
        y=alt.Y("name:N", scale=_order(names), title=None, axis=_make_name_axis()),
        x=alt.X("n:Q", stack=stack, title=_escape_name(x), axis=alt.Axis(format="%" if share else "~s", tickCount=5)),
        order=alt.Order("order:Q"),
        description="says:N",
    )
    colour = alt.Color("part:N", scale=alt.Scale(domain=list(parts), range=list(colours)))
    return _draw(base.mark_bar(stroke="var(--page)", strokeWidth=1).encode(color=colour), 24 * len(names))


def plot_bars(rows: Sequence[Row], names: Sequence[str], x: str, form: str = "~s") -> dict[str, Any]:
    """One bar of `n` by `name`, with the `label` behind it."""
    most = max((row["n"] for row in rows), default=1) * 1.3
    base = alt.Chart(_make_data(rows)).encode(
        y=alt.Y("name:N", scale=_order(names), title=None, axis=_make_name_axis()),
        x=alt.X(
            "n:Q", title=_escape_name(x), scale=alt.Scale(domain=[0, most]), axis=alt.Axis(format=form, tickCount=5)
        ),
        description="says:N",
    )
    label = base.mark_text(align="left", dx=5).encode(text="label:N")
    return _draw(alt.layer(base.mark_bar(color="var(--series-0)"), label), 24 * len(names))


def plot_columns(rows: Sequence[Row], names: Sequence[str], parts: Sequence[str], x: str, y: str) -> dict[str, Any]:
    """Columns of `n` by `name`, side by side by `part`."""
    colours = list(SERIES[: len(parts)])
    chart = alt.Chart(_make_data(rows)).mark_bar(stroke="var(--ink)", strokeWidth=0.5).encode(
        x=alt.X("name:N", scale=_order(names), title=_escape_name(x), axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        xOffset=alt.XOffset("part:N", scale=_order(parts)),
        y=alt.Y("n:Q", title=_escape_name(y), axis=alt.Axis(format="~s", tickCount=5)),
        color=alt.Color("part:N", scale=alt.Scale(domain=list(parts), range=colours)),
        description="says:N",
    )  # fmt: skip
    spec = _draw(chart, 240)
    spec["config"] = {**CONFIG, "legend": {**CONFIG["legend"], "columns": 1}}
    return spec


def plot_heat(
    rows: Sequence[Row], across: Sequence[str], down: Sequence[str], x: str, y: str, top: float, turned: bool = False
) -> dict[str, Any]:
    """A cell of `value` for `x` and `y`, its `label` in it, the darkest at `top`; `says` when pointed at."""
    axis = alt.Axis(orient="top", labelAngle=-40 if turned else 0, domain=False, ticks=False, labelLimit=120)
    base = alt.Chart(_make_data(rows)).encode(
        x=alt.X("x:N", scale=_order(across), title=_escape_name(x), axis=axis),
        y=alt.Y("y:N", scale=_order(down), title=_escape_name(y), axis=_make_name_axis()),
        description="says:N",
    )  # fmt: skip
    scale = alt.Scale(type="quantize", domain=[0, top or 1], range=list(HEAT))
    cells = base.mark_rect(stroke="var(--page)", strokeWidth=1).encode(
        color=alt.Color("value:Q", scale=scale, legend=None)
    )
    dark = (top or 1) * 4 / 7  # from the fifth of seven steps on
    ink = alt.condition(f"datum.value >= {dark:.6f}", alt.value("var(--on-heat)"), alt.value("var(--ink)"))
    words = base.mark_text(baseline="middle").encode(text="label:N", color=ink)
    spec = _draw(alt.layer(cells, words), 26 * len(down))
    # what is turned reaches beyond the last column, and fonts of browsers are wider than those that names are measured with
    return {**spec, "padding": {"left": 24, "top": 5, "right": 60, "bottom": 5}} if turned else spec


def plot_curves(rows: Sequence[Row], parts: Sequence[str], x: str, y: str) -> dict[str, Any]:
    """Lines of `n` over `x`, each `part` with a shape of its own, whole or dashed by `kind`."""
    base = alt.Chart(_make_data(rows)).encode(
        x=alt.X("x:O", title=_escape_name(x), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("n:Q", title=_escape_name(y), scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=5)),
        color=alt.Color("part:N", scale=alt.Scale(domain=list(parts), range=list(SERIES))),
        description="says:N",
    )  # fmt: skip
    dash = alt.StrokeDash("kind:N", scale=alt.Scale(domain=["Pass@K-S", "Reward@K-S"], range=[[1, 0], [5, 4]]))
    shape = alt.Shape("part:N", scale=_order(parts), legend=None)
    points = base.mark_point(filled=True, size=60).encode(shape=shape)
    return _draw(alt.layer(base.mark_line(strokeWidth=2).encode(strokeDash=dash), points), 260)


def plot_pairs(rows: Sequence[Row], names: Sequence[str], x: str) -> dict[str, Any]:
    """Two points by `name`, before and now, joined by a line."""
    base = alt.Chart(_make_data(rows)).encode(
        y=alt.Y("name:N", scale=_order(names), title=None, axis=_make_name_axis()),
        x=alt.X("n:Q", title=_escape_name(x), axis=alt.Axis(format="%", tickCount=5)),
    )
    line = base.mark_line(color="var(--muted)", strokeWidth=1.5).encode(detail="name:N")
    which = ["before", "now"]
    points = base.mark_point(filled=True, size=90).encode(
        color=alt.Color("part:N", scale=alt.Scale(domain=which, range=["var(--series-3)", "var(--series-0)"])),
        shape=alt.Shape("part:N", scale=alt.Scale(domain=which, range=["circle", "diamond"])),
        description="says:N",
    )  # fmt: skip
    return _draw(alt.layer(line, points), 26 * len(names))
