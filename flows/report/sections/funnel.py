"""The section that leads from problems to released rows: the main line as a picture, all other tables beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flows.report.elements import PageTable, Plot, Section, format_count, make_unmeasured
from flows.report.sankey import draw_sankey
from flows.report.statistics.main_line import Stage, trace_main_line
from tasks import find_label

Facts = Mapping[str, Any]
HEAD = ("table", "task", "in", "kept", "rejected", "why rejected")


def count_solutions(funnel: Sequence[Facts]) -> int:
    """The solutions that there were before any was sorted out."""
    verified = next((step for step in funnel if find_label(step["task"], "verdict")), None)
    return int(verified["rows_in"]) if verified else 0


def show_funnel(release: Facts, statistics: Facts) -> Section:
    """From problems to released rows."""
    steps = release.get("funnel") or []
    name, title = "funnel", "From problems to released rows"
    if not steps:
        return make_unmeasured(name, title, "Not measured: the manifest of this release holds no funnel.")
    entered, released = count_solutions(steps), format_count(statistics["rows"]["rows"])
    lead = f"{released} rows were released{f', of {format_count(entered)} solutions' if entered else ''}. What was left out on the way has a reason."
    notes = ("A table that joins, splits or asks a model several times has more rows than it was made from.",)
    stages = trace_main_line(release)
    if not stages:
        return Section(
            name, title, lead, (_tabulate("Each table of the build, and why rows were left out", steps),), notes
        )
    main = {table for stage in stages for table in stage.tables}
    others = [step for step in steps if step["table"] not in main]
    table = _tabulate("Each table of the main line", [step for step in steps if step["table"] in main])
    says = f"A Sankey diagram, downwards: {_describe(stages)}."
    plot = Plot(
        "funnel-plot",
        "The main line: rows from table to table, and what was left out",
        says,
        {},
        table,
        drawn=draw_sankey(stages),
    )
    parts = (plot, _tabulate("Beside it: views, controls and what else was made", others)) if others else (plot,)
    return Section(name, title, lead, parts, notes)


def _describe(stages: Sequence[Stage]) -> str:
    """The main line in words."""
    return ", then ".join(f"{format_count(stage.rows)} {stage.name}" for stage in stages)


def _tabulate(caption: str, steps: Sequence[Facts]) -> PageTable:
    rows = [
        [step["table"], step["task"], format_count(step["rows_in"]), format_count(step["kept"]),
         format_count(step["rejected"]), _format_reasons(step["reasons"])]
        for step in steps
    ]  # fmt: skip
    return PageTable(caption, HEAD, rows, left=2)


def _format_reasons(reasons: Facts, most: int = 8) -> str:
    order = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{name} {format_count(n)}" for name, n in order[:most]]
    return "; ".join(shown + ([f"{len(order) - most} more reasons"] if len(order) > most else []))
