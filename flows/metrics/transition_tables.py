"""Transitions of verdicts, for people and for machines."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from errata.cli import text

from flows.metrics.certainty import describe_share, format_share
from flows.metrics.critics import describe_critic, format_critics
from flows.metrics.narrow_table import WIDTH, format_narrow_table
from flows.metrics.rejected_rows import format_rejected
from flows.metrics.transitions import RIGHT, WRONG, GroupTransitions, TransitionTable
from tasks.evaluation.score import Share
from tasks.evaluation.self_correction import Transitions

NOTES = """\
answers    right and still right, mended, no longer right, still wrong (and of
           these with the same answer); undecided ones are in no figure
before     mean share of right answers by problem (Acc1), and after (Acc2), of
           so many problems
CL         confidence level: right answers that are still right
CS         critique score: wrong answers that are right now
RSS        how far the answers after lie between the worst and the best that a
           model of this accuracy can do (arXiv 2412.19513)
broken     negative flips: right before, wrong now, of all
( )        95 % intervals, by resampling problems"""
SCENARIO_NOTES = """\
self       who criticizes, or else revises, made the attempt; cross: another
           did; iterative: it is a revision (RealCritic, arXiv 2501.14492)
kept       of right answers, fixed of wrong ones, pair by pair; 95 % intervals
           are Wilson's"""
_FIGURES = {"acc1": "accuracy_before", "acc2": "accuracy_after", "cl": "confidence_level", "cs": "critique_score", "rss": "relative_score", "nfr": "negative_flips", "correction": "correction_score"}  # fmt: skip

Intervals = Mapping[str, tuple[float, float] | None]


def describe_transitions(table: TransitionTable) -> dict[str, Any]:
    """Everything, for machines; shares are 0 to 1, null of nothing."""
    return {
        "rows": table.name,
        "kind": table.kind,
        "rows_in": table.rows_in,
        "pairs": table.pairs,
        "first_attempts": table.first_attempts,
        "rejected": [asdict(row) for row in table.rejected],
        "scenarios": {name: _describe_prior(group) for name, group in table.scenarios.items()},
        "critics": {name: describe_critic(critic) for name, critic in table.critics.items()},
        "groups": {name: _describe_group(group) for name, group in table.groups.items()},
    }


def _describe_group(group: GroupTransitions) -> dict[str, Any]:
    counts = {f"{before} to {after}": n for (before, after), n in sorted(group.counts.items())}
    described = {
        "pairs": sum(group.counts.values()),
        "undecided": group.undecided,
        "counts": counts,
        "wrong_with_same_answer": group.same,
        "by_prior": _describe_prior(group),
    }
    if group.decided is None:
        return described
    figures = {name: getattr(group.decided, attribute) for name, attribute in _FIGURES.items()}
    intervals = {name.lower(): interval for name, interval in group.decided.measure_intervals().items()}
    return described | {"problems": len(group.decided.shares), "figures": figures, "intervals": intervals}


def _describe_prior(group: GroupTransitions) -> dict[str, Any]:
    """RealCritic's four transitions by what the answer was before: what is not kept is broken, what is not fixed is left wrong."""
    kept, fixed = group.kept, group.fixed
    return {
        "right_to_right": describe_share(kept),
        "right_to_wrong": describe_share(Share(kept.of - kept.hits, kept.of)),
        "wrong_to_right": describe_share(fixed),
        "wrong_to_wrong": describe_share(Share(fixed.of - fixed.hits, fixed.of)),
    }


def format_transitions(table: TransitionTable) -> str:
    """The tables, 80 columns wide, and what they mean."""
    firsts = f", {table.first_attempts:,} first attempts" if table.first_attempts else ""
    counts = f"{table.rows_in:,} rows are {table.pairs:,} pairs of verdicts{firsts}, {len(table.rejected):,} rejected"
    head = text.strip_controls(f"{table.kind:6}  {table.name}: {counts}")
    head = textwrap.fill(head, WIDTH, subsequent_indent="        ", break_long_words=False, break_on_hyphens=False)
    decided = {
        name: (group.decided, group.decided.measure_intervals())
        for name, group in table.groups.items()
        if group.decided is not None
    }
    parts = [
        head, _format_counts(table.groups), _format_accuracies(decided), _format_figures(decided), NOTES,
        _format_scenarios(table.scenarios), format_critics(table.critics), format_rejected("rows", table.rejected),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _format_counts(groups: Mapping[str, GroupTransitions]) -> str:
    head = ["answers", "kept", "fixed", "broken", "wrong", "same", "undecided"]
    rows: list[list[object]] = [
        [
            name, group.counts.get((RIGHT, RIGHT), 0), group.counts.get((WRONG, RIGHT), 0), group.counts.get((RIGHT, WRONG), 0),
            group.counts.get((WRONG, WRONG), 0), group.same, group.undecided,
        ]
        for name, group in groups.items()
    ]  # fmt: skip
    return format_narrow_table(head, rows)


def _format_accuracies(groups: Mapping[str, tuple[Transitions, Intervals]]) -> str:
    if not groups:
        return ""
    rows: list[list[object]] = []
    for name, (counted, intervals) in groups.items():
        keys = ("Acc1", "Acc2", "NFR")
        figures = (_format(getattr(counted, _FIGURES[key.lower()]), intervals[key]) for key in keys)
        rows.append([name, len(counted.shares), *figures])
    return format_narrow_table(["accuracy, %", "of", "before", "after", "broken"], rows)


def _format_figures(groups: Mapping[str, tuple[Transitions, Intervals]]) -> str:
    if not groups:
        return ""
    rows: list[list[object]] = []
    for name, (counted, intervals) in groups.items():
        keys = ("CL", "CS", "RSS")
        rows.append([name, *(_format(getattr(counted, _FIGURES[key.lower()]), intervals[key]) for key in keys)])
    return format_narrow_table(["revision, %", "CL", "CS", "RSS"], rows)


def _format_scenarios(scenarios: Mapping[str, GroupTransitions]) -> str:
    """RealCritic's scenarios, with what became of right and of wrong answers."""
    if not scenarios:
        return ""
    rows: list[list[object]] = [
        [name, group.kept.of, format_share(group.kept), group.fixed.of, format_share(group.fixed)]
        for name, group in scenarios.items()
    ]
    table = format_narrow_table(["critiques", "right", "kept, %", "wrong", "fixed, %"], rows)
    return f"{table}\n\n{SCENARIO_NOTES}"


def _format(figure: float | None, interval: tuple[float, float] | None) -> str:
    if figure is None:
        return "–"
    return f"{100 * figure:.1f}" + ("" if interval is None else f" ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})")
