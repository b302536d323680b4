"""What kinds of mistakes a corpus has: how many of each, who said so, and, where the truth is known, how often that is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from flows.planning.plan import Plan, TableJob
from flows.running.fit import read_fitted
from schemas.recipe.taxonomy import Taxonomy
from tasks.classify.parameters import ClassifyParameters
from tasks.classify.raters import JUDGE, RULES, said, votes
from tasks.classify.requests import called
from tasks.classify.rules import SPOKEN
from tasks.evaluation.agreement import Agreement
from tasks.evaluation.clustering import cramer, rand
from tasks.evaluation.types import UNDECIDED, Confusion
from tasks.synthetic.program import load
from tasks.synthetic.truth import judge

WIDE = (
    "error_type", "typed_by", "type_undecided", "type_share", "first_error", "model", "set", "program", "steps", "judge_kind",
    "classifiers", "classifier_types", "injected_type", "injected_taxonomy",
)  # fmt: skip
LATEST = 5
"""Step positions from this one on are counted together."""
SHIFTS = ("model", "set", "step")


@dataclass
class _Counted:
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


def types(plan: Plan) -> list[dict[str, Any]]:
    """One mapping for each table that `classify` made.

    Types in all and by model, set and step with how strongly they shift
    (Cramér's V), who decided, the mean share of votes, kappas; how the
    taxonomy was found, where it was; against the truth (of Abacus' world, or of
    mistakes made on purpose) accuracy, macro-F1, what rules decide and how
    often rightly, the confusion and the adjusted Rand index.
    """
    return [_told(work, plan) for work in plan.jobs if work.task == "classify"]


def _told(work: TableJob, plan: Plan) -> dict[str, Any]:
    parameters = read_fitted(work)
    if not isinstance(parameters, ClassifyParameters):  # a table without rows settles nothing
        return {"table": work.name, "taxonomy": "", "rows": 0, "typed": 0, "by": {}, "undecided": {}, "types": {}, "share": None} | {f"types_by_{name}": {} for name in SHIFTS}  # fmt: skip
    taxonomy, found = parameters.types, _Counted()
    is_found = bool(taxonomy.rounds)
    for part in _parts(work, plan):
        rows = part.to_dicts()
        for row in rows:
            _count(found.counts, row)
            found.shares += [row["type_share"]] if row["type_share"] is not None else []
            if truth := _truth(row, taxonomy, is_found):
                found.confusion.add(truth, row["error_type"])
                found.ruled.add(truth, row["error_type"] if (row["typed_by"] or "").startswith("rule") else None)
        _agreed(found, rows, work, parameters)
    counted = found.counts
    told: dict[str, Any] = {
        "table": work.name, "taxonomy": taxonomy.id, "rows": counted["type"].total(),
        "typed": counted["by"].total(), "by": _ordered(counted["by"]), "undecided": _ordered(counted["why"]),
        "types": _ordered(counted["type"]), "share": _mean(found.shares),
    }  # fmt: skip
    for name in SHIFTS:
        told[f"types_by_{name}"] = _nested(counted[name])
    told["shift"] = {name: _rounded(cramer(counted[name])) for name in SHIFTS}
    told |= _kappas(found)
    if is_found:
        told["found"] = _found(taxonomy)
    if found.confusion.rows:
        told["truth"] = _against(found, is_found)
    return told


def _parts(work: TableJob, plan: Plan) -> Iterator[pl.DataFrame]:
    columns = [name for name in work.contract.names() if name in WIDE]
    for part in plan.done[work.name].receipt.parts:
        yield work.folder().read(part, columns)


def _count(counted: dict[str, Counter[Any]], row: dict[str, Any]) -> None:
    name = row["error_type"] or UNDECIDED
    counted["type"][name] += 1
    if row["error_type"]:
        by, _, rule = row["typed_by"].partition(": ")
        counted["by"][f"{by}: {rule}" if rule else by] += 1
    else:
        counted["why"][row["type_undecided"]] += 1
    for column in ("model", "set"):
        if column in row:
            counted[column][row[column], name] += 1
    at = row["first_error"]
    if at is not None and at >= 0:
        counted["step"][str(at) if at < LATEST else f"{LATEST} and later", name] += 1


def _truth(row: dict[str, Any], taxonomy: Taxonomy, is_found: bool) -> str | None:
    """The true type of a row of Abacus' world, or of one that was made wrong on purpose.

    In the table's taxonomy, or in its own words where that was found.
    """
    if row.get("injected_type"):
        kind, spoken = row["injected_type"], row["injected_taxonomy"].partition("@")[0]
        return str(kind) if is_found else taxonomy.translated(spoken, kind)
    if "program" not in row or "steps" not in row:
        return None
    found = judge(load(row["program"]), row["steps"]).kind
    if is_found or not found:
        return found or None
    return taxonomy.translated(SPOKEN, found)


def _agreed(found: _Counted, rows: list[dict[str, Any]], work: TableJob, parameters: ClassifyParameters) -> None:
    """Count what rules, each model and the judge say, and the votes of each model, of some rows."""
    models = [called(asked.named) for asked in work.models if asked.name in parameters.models]
    names = [*([RULES] if parameters.rules else []), *models, *([JUDGE] if parameters.judged_in else [])]
    each = [said(row, parameters.types, parameters.judged_in) for row in rows]
    found.all_.add(_frame(names, each))
    found.models.add(_frame(models, each))
    if parameters.votes > 1:
        several = [votes(row, parameters.types) for row in rows]
        for model in models:
            numbered = [{str(i): vote for i, vote in enumerate(one.get(model, ()))} for one in several]
            found.votes.setdefault(model, Agreement()).add(_frame(list(map(str, range(parameters.votes))), numbered))


def _frame(names: list[str], rows: list[Any]) -> pl.DataFrame:
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names}, schema=dict.fromkeys(names, pl.Int64)
    )


def _kappas(found: _Counted) -> dict[str, Any]:
    """Cohen's kappa of each pair that decides some mistakes both, Fleiss' of the models, and of each model's votes."""
    pairs = [
        {"labellers": list(names), "rows": pair.rows, "cohen": _rounded(pair.kappa)}
        for names, pair in found.all_.pairs.items() if pair.rows
    ]  # fmt: skip
    own = [
        {"model": model, "rows": one.rows, "fleiss": _rounded(one.fleiss)}
        for model, one in found.votes.items() if one.rows
    ]  # fmt: skip
    return {"kappa": pairs, "fleiss": _rounded(found.models.fleiss), "votes": own}


def _found(taxonomy: Taxonomy) -> dict[str, Any]:
    """How a taxonomy was found: its rounds, and how many names were proposed, joined and folded."""
    changes = Counter(one.change for one in taxonomy.history)
    return {
        "source": taxonomy.source,
        "rounds": [one.model_dump() for one in taxonomy.rounds],
        **{name: changes[name] for name in ("candidate", "new", "merge", "fold")},
    }


def _against(found: _Counted, is_found: bool) -> dict[str, Any]:
    """How types compare with the true ones; those that were found only as a partition, for their names are their own."""
    index = {"rand": _rounded(rand(found.confusion.counts))}
    if is_found:
        whole = found.confusion.told()
        return {name: whole[name] for name in ("rows", "decided", "confusion")} | index
    return {**found.confusion.told(), **index, "rules": found.ruled.told(brief=True)}


def _mean(shares: list[float]) -> float | None:
    return round(sum(shares) / len(shares), 4) if shares else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _nested(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (outer, inner), n in sorted(counts.items()):
        found.setdefault(outer, {})[inner] = n
    return found
