"""The section about another release: which rows are in both, what became of their labels, and what is wrong that was right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flows.report import plots
from flows.report.elements import (
    Cell,
    PageTable,
    Plot,
    Section,
    find_changes,
    format_brief,
    format_count,
    format_model,
    format_percent,
    format_share,
    make_unmeasured,
)

Facts = Mapping[str, Any]
ABSENT, OTHERS = "not there", "others"
SHOWN = 12
"""Labels of a picture; those of fewer rows are counted together."""
LABELS = {"type": "type", "step": "first wrong step", "verdict": "verdict"}


def show_changes(_: Facts, statistics: Facts) -> Section | None:
    """What changed since another release; no section of a release that is compared with none."""
    name, summary = "changes", statistics.get("changes")
    if not summary:
        return None
    title = f"What changed since {summary['before']}"
    if "why" in summary:
        return make_unmeasured(name, title, f"Not measured: {summary['why']}.")
    parts: list[Plot | PageTable] = [_tabulate(summary)]
    parts += [plot for kind in LABELS if (plot := _plot_transitions(kind, summary))]
    return Section(name, title, _write_lead(summary), tuple(parts), tuple(_list_notes(summary)))


def _write_lead(summary: Facts) -> str:
    counts = summary["counts"]
    lead = (
        f"{format_count(counts['in_both'])} rows are in both, {format_count(counts['only_before'])} only in {summary['before']}, "
        f"{format_count(counts['only_after'])} only in {summary['after']}; {format_count(counts['changed'])} of those in both have another label."
    )
    if flips := summary["flips"]:
        lead += f" Of {format_count(flips['could'])} answers that were right {format_count(flips['flips'])} are wrong now: {_format_interval(flips)}."
    return lead


def _format_interval(flips: Facts) -> str:
    low, high = flips["interval"]
    return f"{format_percent(flips['share'])} ({100 * low:.1f}–{100 * high:.1f})"


def _tabulate(summary: Facts) -> PageTable:
    """How many rows are what, each count with its rows."""
    counts, both = summary["counts"], summary["counts"]["in_both"]
    rows: list[list[str | Cell]] = [
        _count_rows("in both", both, summary["rows_after"], "both", f"of {summary['after']}"),
        _count_rows(f"only in {summary['before']}", counts["only_before"], summary["rows_before"], "before", f"of {summary['before']}"),
        _count_rows(f"only in {summary['after']}", counts["only_after"], summary["rows_after"], "after", f"of {summary['after']}"),
        _count_rows("in both, with the same labels", counts["same"], both, "same", "of those in both"),
        _count_rows("in both, with another label", counts["changed"], both, "changed", "of those in both"),
    ]  # fmt: skip
    rows += [
        _count_rows(f"another {LABELS[kind]}", counts[f"{kind}_changed"], both, kind, "of those in both")
        for kind in LABELS
        if summary["labels"][kind]
    ]
    if flips := summary["flips"]:
        link = Cell(
            format_count(flips["flips"]),
            "bad" if flips["flips"] else "",
            rows=find_changes(kind="flip") if flips["flips"] else "",
        )
        rows.append(["right before, wrong now", link, _format_interval(flips), f"of {format_count(flips['could'])} that were right and are decided"])  # fmt: skip
    if counts["fixed"]:
        rows.append(_count_rows("wrong before, right now", counts["fixed"], both, "fixed", "of those in both"))
    return PageTable(
        f"Rows of “{summary['view']}” in {summary['before']} and {summary['after']}",
        ("rows", "how many", "share", "of"), rows
    )  # fmt: skip


def _count_rows(what: str, n: int, of: int, kind: str, words: str) -> list[str | Cell]:
    return [what, Cell(format_count(n), rows=find_changes(kind=kind) if n else ""), format_share(n, of), words]


def _plot_transitions(kind: str, summary: Facts) -> Plot | None:
    """From each label before (down) to each now (across); of labels that are all the same there is nothing to see."""
    label = summary["labels"][kind]
    if not label or len({value for *cell, _ in label["cells"] for value in cell if value is not None}) < 2:
        return None
    cells, names = _fold(label["cells"], kind)
    # rows of one side alone stand at the end; what is coloured are changes of a label
    down = [*names, *([ABSENT] if any(old == ABSENT for old, _ in cells) else [])]
    across = [*names, *([ABSENT] if any(new == ABSENT for _, new in cells) else [])]
    what = LABELS[kind]
    data = [
        {
            "x": new, "y": old, "value": n if _is_change(old, new) else 0, "label": format_brief(n),
            "says": f"{format_count(n)} rows: {what} {old} before, {new} now", "rows": _find_cell(kind, old, new),
        }
        for (old, new), n in cells.items()
    ]  # fmt: skip
    top = max((n for (old, new), n in cells.items() if _is_change(old, new)), default=1)
    rows: list[list[str | Cell]] = [
        [old, *(Cell(format_count(n), rows=_find_cell(kind, old, new) or "") if (n := cells[old, new]) else "" for new in across)]
        for old in down
    ]  # fmt: skip
    spec = plots.plot_heat(data, across, down, "", "", top, turned=kind == "type")
    says = f"For each {what} before (down) and now (across) how many rows went from one to the other."
    title = f"{what.capitalize()} in {summary['before']} (down) and in {summary['after']} (across): {format_count(label['changed'])} changed"
    table = PageTable(f"Rows by {what} in {summary['before']} (down) and in {summary['after']} (across)", (what, *across), rows)  # fmt: skip
    return Plot(f"changes-{kind}", title, says, spec, table, width=190 + 46 * len(across))


def _is_change(old: str, new: str) -> bool:
    return old != new and ABSENT not in (old, new)


def _fold(cells: Sequence[Sequence[Any]], kind: str) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Rows by label before and now, the rarest labels as one; the labels in their order."""
    totals = Counter[str]()
    for old, new, n in cells:
        totals.update({name: n for name in (old, new) if name is not None})
    order = sorted(totals, key=lambda name: (-totals[name], name))
    shown = order[:SHOWN] if len(order) > SHOWN + 1 else order
    folded = Counter[tuple[str, str]]()
    for old, new, n in cells:
        folded[tuple(ABSENT if name is None else name if name in shown else OTHERS for name in (old, new))] += n  # type: ignore[index]
    if kind == "step":
        shown = sorted(shown, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
    return folded, [*shown, *([OTHERS] if len(shown) < len(order) else [])]


def _find_cell(kind: str, old: str, new: str) -> str | None:
    """Where a cell's rows are; those of several labels together are nowhere."""
    if OTHERS in (old, new):
        return None
    if old == ABSENT:
        return find_changes(kind="after", **{f"{kind}_after": new})
    if new == ABSENT:
        return find_changes(kind="before", **{f"{kind}_before": old})
    return find_changes(kind="both", **{f"{kind}_before": old, f"{kind}_after": new})


def _list_notes(summary: Facts) -> Iterator[str]:
    """How rows were matched, and what was not measured."""
    rules = "; ".join(f"{format_count(n)} by {rule}" for rule, n in summary["rules"])
    counts = summary["counts"]
    alone = counts["only_before"] + counts["only_after"]
    yield (
        f"Rows belong together by their id, where it is the same; else by what they are of, where exactly one row on either side fits: {rules}. "
        f"{format_count(alone)} have no partner. {format_count(summary['rows_before'])} rows of {summary['before']} = {format_count(counts['in_both'])} matched + "
        f"{format_count(counts['only_before'])}; {format_count(summary['rows_after'])} of {summary['after']} = {format_count(counts['in_both'])} matched + {format_count(counts['only_after'])}."
    )
    if summary["by_question"]:
        yield "The releases have no problem id in common: problems are the same where their questions have the same words."
    for old, new in summary["models"]:
        yield f"Rows of {format_model(new)} stand beside those of {format_model(old)}."
    if summary["share"] < 1:
        yield f"Of the rows of {format_percent(summary['share'], 0)} of the problems, drawn by their ids; `errata view {summary['after']} --against {summary['before']}` compares all."
    if summary["same_solutions"] is not None:
        others = counts["in_both"] - summary["same_solutions"]
        yield f"Of the rows in both {format_count(summary['same_solutions'])} have the same solution, {format_count(others)} another."
    for kind, label in summary["labels"].items():
        if label and label["columns"][0] != label["columns"][1]:
            yield f"The {LABELS[kind]} is “{label['columns'][0]}” in {summary['before']}, and “{label['columns'][1]}” in {summary['after']}."
    if summary["flips"] is None:
        yield "Negative flips are not measured: no row in both was right before and has a verdict now. A release of mistakes holds none that are right."
    else:
        yield "Right before, wrong now: a negative flip, after MUSCLE (arXiv 2407.09435); its share is of the rows that were right and are decided now, with the 95 % interval by drawing whole problems."
