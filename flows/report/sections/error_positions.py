"""The sections about mistakes: where solutions first go wrong, and of which types the mistakes are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flows.report import plots
from flows.report.elements import (
    SHOWN,
    PageTable,
    Plot,
    Section,
    find_rows,
    format_brief,
    format_count,
    format_model,
    format_percent,
    format_share,
    make_unmeasured,
    name_step,
    sort_names,
)
from flows.report.statistics.mistakes import LONGEST, UNDECIDED
from flows.report.statistics.verdicts import LEVELS, OTHERS, UNKNOWN

Facts = Mapping[str, Any]


def show_positions(_: Facts, statistics: Facts) -> Section:
    """Step position against length."""
    name, title, summary = "positions", "Where solutions first go wrong", statistics["positions"]
    if not summary:
        return make_unmeasured(name, title, "Not measured: no label in this release names a first wrong step.")
    cells = {(at, long): n for at, long, n in summary["grid"]}
    total = sum(cells.values())
    steps = [name_step(at, LONGEST - 1) for at in range(max(at for at, _ in cells) + 1)]
    lengths = sorted({long for _, long in cells})
    by_step = Counter[int]()
    for (at, _), n in cells.items():
        by_step[at] += n
    rows = [
        [
            _format_length(long),
            *(format_count(cells[at, long]) if (at, long) in cells else "" for at in range(len(steps))),
        ]
        for long in lengths
    ]
    table = PageTable("Solutions by number of steps (down) and first wrong step (across)", ("steps", *steps), rows)
    data = [
        {
            "x": steps[at],
            "y": _format_length(long),
            "value": n,
            "label": format_brief(n),
            "says": f"{format_count(n)} solutions of {_format_length(long)} steps first go wrong at step {steps[at]}",
            "rows": find_rows(step=at + 1) if at + 1 < LONGEST else None,
        }
        for (at, long), n in cells.items()
    ]
    spec = plots.plot_heat(
        data, steps, [_format_length(long) for long in lengths], "first wrong step", "steps", max(cells.values())
    )
    says = "For each number of steps (down) and each step (across) how many solutions first go wrong there."
    heat = Plot("positions-heat", "First wrong step against length", says, spec, table, width=90 + 38 * len(steps))
    plot = _plot_marginal(steps, by_step, total)
    mean = sum(at * n for (at, _), n in cells.items()) / total + 1
    length = sum(long * n for (_, long), n in cells.items()) / total
    lead = f"On average step {mean:.1f} of {length:.1f} is the first wrong one, over {format_count(total)} solutions."
    if summary["none"] or summary["undecided"]:
        lead += f" {format_count(summary['none'])} more have no wrong step, and of {format_count(summary['undecided'])} it is undecided."
    notes = (
        f"Labels of “{summary['column']}” in the table “{summary['table']}”. Steps are counted from 1 here and from 0 in the data; {LONGEST} stands for {LONGEST} and more.",
    )
    return Section(name, title, lead, (heat, plot), notes)


def _plot_marginal(steps: Sequence[str], by_step: Mapping[int, int], total: int) -> Plot:
    """How many solutions first go wrong at each step, however long they are; the last step stands for several, which no filter finds."""
    bars = [
        {
            "name": f"step {steps[at]}",
            "n": by_step[at] / total,
            "label": format_percent(by_step[at] / total),
            "rows": find_rows(step=at + 1) if at + 1 < LONGEST else None,
        }
        for at in range(len(steps))
    ]
    marginal = PageTable(
        "Solutions by first wrong step",
        ("step", "solutions", "share"),
        [
            [f"step {steps[at]}", format_count(by_step[at]), format_share(by_step[at], total)]
            for at in range(len(steps))
        ],
    )
    names = [f"step {step}" for step in steps]
    return Plot("positions-bars", "First wrong step", "Bars: the share of the solutions that first go wrong at each step.", plots.plot_bars(bars, names, "share of the solutions", "%"), marginal)  # fmt: skip


def _format_length(long: int) -> str:
    return f"{long}{'+' if long == LONGEST else ''}"


def show_types(release: Facts, statistics: Facts) -> Section:
    """Types by model, set and difficulty."""
    name, title, summary = "types", "Types of mistakes", statistics["types"]
    if not summary:
        return make_unmeasured(name, title, "Not measured: the mistakes of this release were not classified.")
    counts, total = summary["types"], sum(summary["types"].values())
    kinds = [
        *(kind for kind in counts if kind not in (OTHERS, UNDECIDED)),
        *(kind for kind in (OTHERS, UNDECIDED) if kind in counts),
    ]
    bars = [
        {
            "name": kind,
            "n": counts[kind],
            "label": f"{format_count(counts[kind])} ({format_share(counts[kind], total)})",
            "rows": find_rows(type=kind),
        }
        for kind in kinds
    ]
    table = PageTable(
        "Mistakes by type",
        ("type", "mistakes", "share"),
        [[kind, format_count(counts[kind]), format_share(counts[kind], total)] for kind in kinds],
    )
    parts: list[Plot | PageTable] = [
        Plot(
            "types-plot",
            "All mistakes",
            "Bars: how many mistakes are of each type.",
            plots.plot_bars(bars, kinds, "mistakes"),
            table,
        )
    ]
    for by, label in (("model", "model"), ("set", "problem set"), ("level", "difficulty of the problem")):
        if summary.get(f"by_{by}"):
            cells = [[format_model(group), kind, n] for group, kind, n in summary[f"by_{by}"]]
            names = {format_model(group): str(group) for group, _, _ in summary[f"by_{by}"]}
            parts += [_plot_heat(by, label, cells, kinds, names)] if len({group for group, _, _ in cells}) > 1 else []
    # the types of a taxonomy that was found have names of their own, of which none is right
    truths = [entry["truth"] for entry in release.get("types") or [] if "rules" in entry.get("truth", {})]
    lead = f"{format_count(total - counts.get(UNDECIDED, 0))} of {format_count(total)} mistakes have a type; the commonest is “{kinds[0]}” ({format_share(counts[kinds[0]], total)})."
    for truth in truths[:1]:
        lead += f" Against the truth, {format_share(truth['exact'], truth['rows'])} of {format_count(truth['rows'])} types are right (macro-F1 {truth['macro_f1']:.2f})."
    notes = (
        f"Of the rows of “{summary['table']}”, by {', '.join(summary['taxonomies']) or 'no taxonomy named'}. A cell is the share of its line: how the mistakes of one model, set or level are divided among the types.",
    )
    return Section(name, title, lead, tuple(parts), notes)


def _plot_heat(
    by: str, label: str, cells: Sequence[Sequence[Any]], kinds: Sequence[str], names: Mapping[str, str]
) -> Plot:
    """Shares of types by group; `names` has the groups' whole names by those that are shown."""
    counts = Counter[tuple[str, str]]()
    for group, kind, n in cells:
        counts[group, kind] += n
    totals = Counter[str]()
    for (group, _), n in counts.items():
        totals[group] += n
    levels = [*LEVELS, UNKNOWN]
    groups = [level for level in levels if level in totals] if by == "level" else sort_names(totals)
    rows = [
        [
            group,
            format_count(totals[group]),
            *(format_share(counts.get((group, kind), 0), totals[group]) for kind in kinds),
        ]
        for group in groups
    ]
    table = PageTable(f"Types by {label}: shares of each line", (label, "mistakes", *kinds), rows)
    shares = {(group, kind): counts.get((group, kind), 0) / totals[group] for group in groups[:SHOWN] for kind in kinds}
    data = [
        {
            "x": kind,
            "y": group,
            "value": round(share, 4),
            "label": f"{100 * share:.0f}" if share else "",
            "says": f"{format_count(counts.get((group, kind), 0))} of {format_count(totals[group])} mistakes ({format_percent(share)})",
            "rows": find_rows(type=kind, **({by: names.get(group, group)} if by in ("model", "set") else {})),
        }
        for (group, kind), share in shares.items()
    ]
    spec = plots.plot_heat(data, kinds, groups[:SHOWN], "", "", max(shares.values()), turned=True)
    says = f"For each {label} the share of its mistakes that is of each type, in percent."
    title = f"By {label}, in percent" + (f" (the {SHOWN} largest of {len(groups)})" if len(groups) > SHOWN else "")
    return Plot(f"types-{by}", title, says, spec, table, width=220 + 52 * len(kinds))
