"""How far a corpus' labels can be trusted: how many solutions each labeller decides, how often it is right, what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from catalog.storage import Store
from catalog.tables import TableFolder
from flows.metrics.label_certainty import LabelCertainty
from flows.metrics.right_solutions import VERDICT, RightSolutions
from flows.planning.plan import Plan, TableJob
from schemas.columns.gold import GOLD_STEP, GOLD_TYPE
from schemas.labels import Label
from tasks import find_label
from tasks.evaluation.agreement import Agreement, round_interval, summarize_fleiss
from tasks.evaluation.score import NONE, wilson
from tasks.localize.raters import build_frame, count_confirmed, list_rating_columns, split_dependent


@dataclass
class _LabelCounts:
    """What is counted over the parts of one table."""

    counts: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    """How many rows were labelled in which way."""
    agreement: Agreement = field(default_factory=Agreement)
    confirmed: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    """By rater, and the one that tests the steps which it names: how many are named, and how many confirmed."""
    certainty: LabelCertainty = field(default_factory=LabelCertainty)
    right: RightSolutions = field(default_factory=RightSolutions)


def measure_labels(plan: Plan) -> list[dict[str, Any]]:
    """The quality of each table of labels of steps, in the order of the recipe.

    Args:
        plan: A plan whose tables are complete.

    Returns:
        A mapping for each table: the solutions that came in and those labelled,
        exact labels among those that name a step where gold is known, F1 and
        what is said of right solutions, what is expected where labels have probabilities, both by length, depth and
        type, replies and tokens spent, kappas of independent raters, and what
        of one rater's steps another confirmed that tested them alone.
    """
    return [measure_table(plan, work) for work in plan.jobs if find_label(work.task, "step", work.contract.names())]


def measure_table(plan: Plan, work: TableJob) -> dict[str, Any]:
    """The same of one table, whose task decides steps."""
    label = find_label(work.task, "step", work.contract.names())
    assert label is not None
    return _summarize(work, label, _count(plan, work, label))


def _count(plan: Plan, work: TableJob, label: Label) -> _LabelCounts:
    result = _LabelCounts()
    for part in _read_parts(plan, work, label):
        decided = part.get_column(label.column, default=pl.Series([None] * part.height, dtype=pl.Int64))
        result.counts["rows"] += part.height
        result.counts["labelled"] += decided.count()
        if GOLD_STEP in part.columns:
            _compare(result.counts, part[GOLD_STEP], decided)
        if label.replies in part.columns:
            replies = part[label.replies]
            result.counts["replies"] += int((replies.list.len() if replies.dtype == pl.List else replies).sum())
        if label.tokens in part.columns:
            result.counts["tokens"] += int(part[label.tokens].sum())
        if label.method in part.columns:
            result.methods.update(part[label.method].drop_nulls().to_list())
        result.certainty.add(part, label.column, label.probability)
        result.right.add(part, decided, label.probability)
        if label.combines:
            _count_agreement(result, part, label)
    return result


def _count_agreement(result: _LabelCounts, part: pl.DataFrame, label: Label) -> None:
    """Count where independent raters agree, and what those confirm that test another's steps."""
    independent, dependent = split_dependent(part, label.combines)
    result.agreement.add(build_frame(part, independent))
    for tester in dependent:
        for name, (confirmed, named) in count_confirmed(part, independent, tester).items():
            result.confirmed.setdefault((name, tester.rater), Counter()).update(confirmed=confirmed, named=named)


def _read_parts(plan: Plan, work: TableJob, label: Label) -> Iterator[pl.DataFrame]:
    """The rows of a table part by part, those that it rejected too: what these bear of its columns an earlier table gave them."""
    receipt = plan.done[work.name].receipt
    folder = TableFolder(Store(plan.store), work.task, work.fingerprint)
    methods = {part.method for part in label.combines}
    own = {label.column, label.method, label.replies, label.tokens, label.probability}
    wanted = {GOLD_STEP, GOLD_TYPE, VERDICT, "steps", *own, *methods, *list_rating_columns(label.combines)}
    given = [name for name in work.input_contract.names() if name not in own]
    for parts, names in ((receipt.parts, work.contract.names()), (receipt.rejected, given)):
        columns = [name for name in names if name in wanted]
        for part in parts:
            yield folder.read(part, columns)


def _compare(counts: Counter[str], gold: pl.Series, labels: pl.Series) -> None:
    """Count the labels that name a step where gold is known, and those of them that are exact."""
    named = gold.is_not_null() & labels.is_not_null() & (labels != NONE)
    counts["named"] += int(named.sum())
    counts["exact"] += int((named & (labels == gold)).sum())


def _name_methods(methods: Counter[str]) -> str:
    """How labels were made: the commonest ways first, three at most; empty where no row says."""
    ordered = sorted(methods, key=lambda name: (-methods[name], name))
    return "; ".join([*ordered[:3], *([f"{len(ordered) - 3} more"] if len(ordered) > 3 else [])])


def _summarize(work: TableJob, label: Label, result: _LabelCounts) -> dict[str, Any]:
    counts = result.counts
    summary: dict[str, Any] = {
        "table": work.name, "task": work.task, "how": _name_methods(result.methods), "rows": counts["rows"], "labelled": counts["labelled"],
    }  # fmt: skip
    if counts["named"]:
        low, high = wilson(counts["exact"], counts["named"])
        summary |= {"named": counts["named"], "exact": counts["exact"], "interval": [round(low, 4), round(high, 4)]}
    summary |= result.certainty.summarize() | result.right.summarize()
    if label.tokens:
        summary |= {"replies": counts["replies"], "tokens": counts["tokens"]}
    if label.combines:
        kappas = [
            {
                "labellers": list(names),
                "rows": pair.rows,
                "cohen": _round(pair.kappa),
                "interval": round_interval(pair.interval),
            }
            for names, pair in result.agreement.pairs.items()
        ]
        confirmed = [
            {
                "labeller": name,
                "by": by,
                "confirmed": n["confirmed"],
                "of": n["named"],
                "interval": round_interval(wilson(n["confirmed"], n["named"]) if n["named"] else None),
            }
            for (name, by), n in result.confirmed.items()
        ]
        summary |= {"kappa": kappas, **summarize_fleiss(result.agreement), "confirmed": confirmed}
    return summary


def _round(kappa: float | None) -> float | None:
    return None if kappa is None else round(kappa, 4)
