"""The section about two models, or checkpoints: what the new one fixes, leaves wrong, and gets newly wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flows.report import plots
from flows.report.elements import (
    Cell,
    PageTable,
    Plot,
    Section,
    format_count,
    format_model,
    format_percent,
    format_share,
)
from flows.report.statistics.flips import NEWLY_WRONG

Facts = Mapping[str, Any]
PARTS = ("kept right", "fixed", "still wrong, same answer", "still wrong, other answer", NEWLY_WRONG)
TONES = ("var(--right)", "var(--series-0)", "var(--undecided)", "var(--line)", "var(--wrong)")


def show_flips(_: Facts, statistics: Facts) -> Section | None:
    """What became of answers between two models; no section of a corpus that compares none."""
    summaries = statistics.get("flips") or []
    if not summaries:
        return None
    parts = [part for i, summary in enumerate(summaries) for part in _show_pair(summary, i)]
    leads = " ".join(_describe_pair(summary) for summary in summaries)
    notes = (
        "After MUSCLE (arXiv 2407.09435). Each answer of the new model stands beside one of the old model to the same problem. A negative flip was right and is wrong now; the rate is of all decided pairs, each problem counting once, with the 95 % interval by resampling problems.",
        "Pairs of which either verdict is undecided are counted and are in no share.",
    )
    return Section("flips", "What the new model fixes and breaks", leads, tuple(parts), notes)


def _describe_pair(summary: Facts) -> str:
    totals = _sum_parts(summary["by"])
    decided = sum(totals[part] for part in PARTS)
    wrong = totals["still wrong, same answer"] + totals["still wrong, other answer"]
    counts = (
        f"{format_model(summary['new'])[:80]} against {format_model(summary['old'])[:80]}: of {format_count(decided)} decided pairs "
        f"{format_count(totals['fixed'])} are fixed, {format_count(wrong)} still wrong, {format_count(totals[NEWLY_WRONG])} newly wrong."
    )
    counts += _describe_revisions(summary)
    if summary["negative_flips"] is None:
        return counts
    before, after, flips = (
        _format_interval(summary[name]) for name in ("accuracy_before", "accuracy_after", "negative_flips")
    )
    return f"{counts} Right before {before}, now {after}; negative flips {flips}."


def _describe_revisions(summary: Facts) -> str:
    """The other pairs of models that the figures are of; older releases name none."""
    others = [
        f"{format_count(n)} of {format_model(new)[:80]} against {format_model(old)[:80]}"
        for old, new, n in summary.get("others", [])
    ]
    if left_out := summary.get("left_out"):
        others.append(f"and those of {format_count(left_out)} more")
    return f" Among them are pairs of other revisions: {', '.join(others)}." if others else ""


def _show_pair(summary: Facts, i: int) -> tuple[Plot | PageTable, ...]:
    sets = sorted({of_set for of_set, _, _ in summary["by"]})
    by = {(of_set, flip): n for of_set, flip, n in summary["by"]}
    rows: list[list[str | Cell]] = []
    for of_set in [*sets, *(["all"] if len(sets) > 1 else [])]:
        counts = _sum_parts(summary["by"], None if of_set == "all" and len(sets) > 1 else of_set)
        decided = sum(counts[part] for part in PARTS)
        flips = Cell(
            format_share(counts[NEWLY_WRONG], decided), share=counts[NEWLY_WRONG] / decided if decided else None
        )
        rows.append([of_set, *(format_count(counts[part]) for part in (*PARTS, "undecided")), flips])
    table = PageTable("What became of each answer, by problem set", ("set", *PARTS, "undecided", "newly wrong of decided"), rows)  # fmt: skip
    data = [
        {"name": of_set, "part": part, "n": by.get((of_set, part), 0), "order": order}
        for of_set in sets
        for order, part in enumerate(PARTS)
    ]
    spec = plots.plot_stacked(data, sets, PARTS, TONES, "share of the decided pairs", share=True)
    says = "One bar for each set: from answers that stay right (left) over fixed and still wrong ones to newly wrong ones (right)."
    title = f"From {format_model(summary['old'])} to {format_model(summary['new'])}"[:160]
    plot = Plot(f"flips-{i}", title, says, spec, table)
    return (plot, *_list_examples(summary["examples"]))


def _list_examples(examples: Sequence[Facts]) -> tuple[PageTable, ...]:
    """A few answers that are newly wrong."""
    rows = [
        [example["set"], example["question"], example["answer"], example["old_answer"], example["new_answer"]]
        for example in examples
    ]
    head = ("set", "problem", "gold", "the old answer", "the new answer")
    title = "Newly wrong: a few, drawn by their ids"
    return (PageTable(title, head, rows, left=5),) if rows else ()


def _sum_parts(by: Sequence[Sequence[Any]], wanted: str | None = None) -> Counter[str]:
    """Pairs by what became of them, of one set or of all."""
    totals: Counter[str] = Counter()
    for of_set, flip, n in by:
        if wanted is None or of_set == wanted:
            totals[flip] += n
    return totals


def _format_interval(figure: Facts) -> str:
    low, high = figure["interval"]
    return f"{format_percent(figure['share'])} ({100 * low:.1f}–{100 * high:.1f})"
