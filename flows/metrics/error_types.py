"""What kinds of mistakes a corpus has: how many of each, who said so, and, where gold is known, how often that is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from flows.planning.plan import Plan, TableJob
from flows.running.fit import read_fitted
from schemas.columns.gold import GOLD_TAXONOMY, GOLD_TYPE
from schemas.labels import Label
from schemas.recipe.taxonomy import Taxonomy
from tasks import find_label, list_labels
from tasks.classify.parameters import ClassifyParameters
from tasks.classify.raters import JUDGE, RULES, list_ratings, list_votes
from tasks.classify.requests import name_model
from tasks.evaluation.agreement import Agreement, round_interval, summarize_fleiss
from tasks.evaluation.clustering import compute_adjusted_rand, cramer
from tasks.evaluation.types import UNDECIDED, Confusion

LATEST = 5
"""Step positions from this one on are counted together."""
SHIFTS = ("model", "set", "step")


@dataclass
class _TypeCounts:
    """What is counted over the parts of one table."""

    counts: dict[str, Counter[Any]] = field(
        default_factory=lambda: {name: Counter() for name in ("type", "by", "why", *SHIFTS)}
    )
    shares: list[float] = field(default_factory=list)
    confusion: Confusion = field(default_factory=Confusion)
    ruled: Confusion = field(default_factory=Confusion)
    all_: Agreement = field(default_factory=Agreement)
    models: Agreement = field(default_factory=Agreement)
    votes: dict[str, Agreement] = field(default_factory=dict)


def measure_types(plan: Plan) -> list[dict[str, Any]]:
    """The types of mistakes of each table whose task decides types, in the order of the recipe.

    Args:
        plan: A plan whose tables are complete.

    Returns:
        A mapping for each table: types in all and by model, set and step with
        how strongly they shift (Cramér's V), who decided, the mean share of
        votes, kappas; how the taxonomy was found, where it was; against gold
        accuracy, macro-F1, what rules decide and how often rightly, the
        confusion and the adjusted Rand index.
    """
    labels = [(work, find_label(work.task, "type", work.contract.names())) for work in plan.jobs]
    return [_measure_table(work, label, plan) for work, label in labels if label]


def _measure_table(work: TableJob, label: Label, plan: Plan) -> dict[str, Any]:
    parameters = read_fitted(work)
    if parameters is None:  # a table without rows settles nothing
        return {"table": work.name, "taxonomy": "", "rows": 0, "typed": 0, "by": {}, "undecided": {}, "types": {}, "share": None} | {f"types_by_{name}": {} for name in SHIFTS}  # fmt: skip
    taxonomy = parameters.types if isinstance(parameters, ClassifyParameters) else None
    result = _TypeCounts()
    for part in _read_parts(work, label, plan):
        rows = part.to_dicts()
        for row in rows:
            _count(result, row, label)
            if truth := _read_gold(row, taxonomy):
                ruled = str(row.get(label.method or "") or "").startswith("rule")
                result.confusion.add(truth, row[label.column])
                result.ruled.add(truth, row[label.column] if ruled else None)
        if isinstance(parameters, ClassifyParameters):
            _count_agreement(result, rows, work, parameters)
    return _summarize(work, result, taxonomy)


def _summarize(work: TableJob, result: _TypeCounts, taxonomy: Taxonomy | None) -> dict[str, Any]:
    counts, is_found = result.counts, _is_induced(taxonomy)
    summary: dict[str, Any] = {
        "table": work.name, "taxonomy": taxonomy.id if taxonomy else "", "rows": counts["type"].total(),
        "typed": counts["by"].total(), "by": _sort_counts(counts["by"]), "undecided": _sort_counts(counts["why"]),
        "types": _sort_counts(counts["type"]), "share": _mean(result.shares),
    }  # fmt: skip
    for name in SHIFTS:
        summary[f"types_by_{name}"] = _nest_counts(counts[name])
    summary["shift"] = {name: _round(cramer(counts[name])) for name in SHIFTS}
    summary |= _summarize_agreement(result)
    if taxonomy and is_found:
        summary["found"] = _summarize_induction(taxonomy)
    if result.confusion.rows:
        summary["truth"] = _summarize_truth(result, is_found)
    return summary


def _is_induced(taxonomy: Taxonomy | None) -> bool:
    """Whether a taxonomy was found in the mistakes themselves."""
    return taxonomy is not None and bool(taxonomy.rounds)


def _read_parts(work: TableJob, label: Label, plan: Plan) -> Iterator[pl.DataFrame]:
    steps = list_labels("step")
    wanted = {
        *label.columns(),
        *(step.column for step in steps),
        *(step.error for step in steps),
        GOLD_TYPE,
        GOLD_TAXONOMY,
    }
    columns = [name for name in work.contract.names() if name in {*wanted, "model", "set"}]
    for part in plan.done[work.name].receipt.parts:
        yield work.folder().read(part, columns)


def _count(result: _TypeCounts, row: dict[str, Any], label: Label) -> None:
    counted, decided = result.counts, row[label.column]
    name = decided or UNDECIDED
    counted["type"][name] += 1
    if decided:
        by, _, rule = str(row.get(label.method or "") or label.rater or label.column).partition(": ")
        counted["by"][f"{by}: {rule}" if rule else by] += 1
    else:
        counted["why"][row.get(label.undecided or "") or UNDECIDED] += 1
    for column in ("model", "set"):
        if column in row:
            counted[column][row[column], name] += 1
    at = next((row[step_label.column] for step_label in list_labels("step") if step_label.column in row), None)
    if at is not None and at >= 0:
        counted["step"][str(at) if at < LATEST else f"{LATEST} and later", name] += 1
    share = row.get(label.share or "")
    result.shares += [share] if share is not None else []


def _read_gold(row: dict[str, Any], taxonomy: Taxonomy | None) -> str | None:
    """The true type of a row, where it is known: in the table's taxonomy, or in its own words where that was found."""
    kind, spoken = row.get(GOLD_TYPE), row.get(GOLD_TAXONOMY) or ""
    if not kind or taxonomy is None or _is_induced(taxonomy):
        return kind or None
    return taxonomy.translated(spoken.partition("@")[0], kind)


def _count_agreement(
    result: _TypeCounts, rows: list[dict[str, Any]], work: TableJob, parameters: ClassifyParameters
) -> None:
    """Count what rules, each model and the judge say, and the votes of each model, of some rows."""
    models = [name_model(asked.named) for asked in work.models if asked.name in parameters.models]
    names = [*([RULES] if parameters.rules else []), *models, *([JUDGE] if parameters.judged_in else [])]
    each = [list_ratings(row, parameters.types, parameters.judged_in) for row in rows]
    result.all_.add(_make_frame(names, each))
    result.models.add(_make_frame(models, each))
    if parameters.votes > 1:
        several = [list_votes(row, parameters.types) for row in rows]
        for model in models:
            numbered = [{str(i): vote for i, vote in enumerate(row_votes.get(model, ()))} for row_votes in several]
            result.votes.setdefault(model, Agreement()).add(
                _make_frame(list(map(str, range(parameters.votes))), numbered)
            )


def _make_frame(names: list[str], rows: list[Any]) -> pl.DataFrame:
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names}, schema=dict.fromkeys(names, pl.Int64)
    )


def _summarize_agreement(result: _TypeCounts) -> dict[str, Any]:
    """Cohen's kappa of each pair that decides some mistakes both, Fleiss' of the models, and of each model's votes."""
    pairs = [
        {"labellers": list(names), "rows": pair.rows, "cohen": _round(pair.kappa), "interval": round_interval(pair.interval)}
        for names, pair in result.all_.pairs.items() if pair.rows
    ]  # fmt: skip
    own = [
        {"model": model, "rows": agreement.rows, "fleiss": _round(agreement.fleiss)}
        for model, agreement in result.votes.items() if agreement.rows
    ]  # fmt: skip
    return {"kappa": pairs, **summarize_fleiss(result.models), "votes": own}


def _summarize_induction(taxonomy: Taxonomy) -> dict[str, Any]:
    """How a taxonomy was found: its rounds, and how many names were proposed, joined and folded."""
    changes = Counter(entry.change for entry in taxonomy.history)
    return {
        "source": taxonomy.source,
        "rounds": [entry.model_dump() for entry in taxonomy.rounds],
        **{name: changes[name] for name in ("candidate", "new", "merge", "fold")},
    }


def _summarize_truth(result: _TypeCounts, is_found: bool) -> dict[str, Any]:
    """How types compare with the true ones; those that were found only as a partition, for their names are their own."""
    index = {"rand": _round(compute_adjusted_rand(result.confusion.counts))}
    if is_found:
        whole = result.confusion.summarize()
        return {name: whole[name] for name in ("rows", "decided", "confusion")} | index
    return {**result.confusion.summarize(), **index, "rules": result.ruled.summarize(brief=True)}


def _mean(shares: list[float]) -> float | None:
    return round(sum(shares) / len(shares), 4) if shares else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _sort_counts(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _nest_counts(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (outer, inner), n in sorted(counts.items()):
        nested.setdefault(outer, {})[inner] = n
    return nested
