"""The statistics of a release: from the tables of a build when it is published, or later from its own rows.

Each source is gone through once, part by part, so memory is that of a part and
of the counts. What could not be measured is null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from errata.compare.row_fingerprints import find_key
from errata.release.find import Release

from flows.planning.plan import Plan, TableJob
from flows.report.statistics.agreement import RaterAgreement, RolloutValues
from flows.report.statistics.certainty import SIGNALS, AnswerCertainty
from flows.report.statistics.examples import Examples
from flows.report.statistics.exploration import Exploration
from flows.report.statistics.flips import FlipCounts
from flows.report.statistics.mistakes import Positions, StepPrecision, Types
from flows.report.statistics.rows import RowSource, measure, read_table, read_view
from flows.report.statistics.spending import Tokens, find_token_column, sum_spending
from flows.report.statistics.verdicts import Difficulty, Verdicts
from flows.report.statistics.verifier_soundness import Soundness
from schemas.labels import LabelKind
from tasks import find_label, list_labels
from tasks.compare import COMPARE

FORMAT = 1
NAMES = 200
"""Models and sets whose rows are counted one by one."""


def collect_from_plan(plan: Plan, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The statistics of what a plan publishes; its tables are complete, the manifest holds counts and files."""
    summary = _collect_head(manifest, "tables")
    verified = next(
        (work for work in reversed(plan.jobs) if find_label(work.task, "verdict", work.contract.names())), None
    )
    levels = _fill_verdicts(summary, read_table(plan, verified)) if verified else None
    subject = _find_subject(plan)
    _fill_mistakes(summary, read_table(plan, subject), subject.contract.key, levels)
    _fill_certainty(summary, plan)
    for work in plan.jobs:
        _fill_labels(summary, plan, work)
        if work.task == COMPARE.name:
            flips = FlipCounts()
            measure(read_table(plan, work), [flips])
            summary["flips"] += [counts] if (counts := flips.summarize(work.name)) else []
    tokens = {work.name: _sum_tokens(plan, work) for work in plan.jobs if _asks_models(work)}
    summary["spending"] = sum_spending(plan, tokens)
    return summary


def collect_from_release(release: Release) -> dict[str, Any]:
    """What a release that was published without statistics can still tell: that of its own rows."""
    summary = _collect_head({**release.manifest, "counts": release.manifest.get("counts", {})}, "rows")
    views = {view: [str(column["name"]) for column in release.manifest["columns"][view]] for view in release.views}
    view = max(views, key=lambda name: (_count_telling(views[name]), -release.views.index(name)))
    key = find_key(release, view)
    if key is not None:
        _fill_mistakes(summary, read_view(release, view), key, None)
    return summary


def _collect_head(manifest: Mapping[str, Any], source: str) -> dict[str, Any]:
    """What every report begins with."""
    nothing = dict.fromkeys(
        (
            "verdicts",
            "difficulty",
            "exploration",
            "soundness",
            "positions",
            "precision",
            "types",
            "labellers",
            "spending",
            "certainty",
        )
    )
    head = {"format": FORMAT, "corpus": manifest["corpus"], "version": manifest["version"], "from": source}
    return {**head, "rows": _count_rows(manifest), **nothing, "rollouts": [], "flips": [], "examples": []}


def _count_rows(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Rows and what they are of; the first view speaks for the corpus."""
    views: dict[str, Counter[str]] = {}
    for file in manifest["files"]:
        if "view" in file:
            views.setdefault(file["view"], Counter())[file["split"]] += file["rows"]
    first = next(iter(manifest.get("views") or views))
    counts = manifest["counts"].get(first, [])
    by: dict[str, Counter[str]] = {"model": Counter(), "set": Counter()}
    for entry in counts:
        for name, counter in by.items():
            counter[str(entry[name])] += entry["rows"]
    summary: dict[str, Any] = {
        "view": first, "views": {name: dict(splits) for name, splits in views.items()}, "rows": views[first].total(),
        "bytes": sum(file["bytes"] for file in manifest["files"] if "view" in file), "by_split": dict(views[first]),
    }  # fmt: skip
    for name, counter in by.items():
        summary[f"{name}s"] = len(counter) or None
        summary[f"by_{name}"] = dict(counter.most_common(NAMES))
    return summary


def _fill_verdicts(summary: dict[str, Any], source: RowSource) -> pl.DataFrame | None:
    """Fill in what verdicts tell; the level of difficulty of each problem."""
    verdicts, difficulty = Verdicts(), Difficulty()
    exploration, soundness = Exploration(source.rows), Soundness()
    measure(source, [verdicts, difficulty, exploration, soundness])
    summary["verdicts"], summary["difficulty"] = verdicts.summarize(source.name), difficulty.summarize()
    summary["exploration"], summary["soundness"] = exploration.summarize(), soundness.summarize()
    return difficulty.levels()


def _fill_mistakes(summary: dict[str, Any], source: RowSource, key: str, levels: pl.DataFrame | None) -> None:
    """Fill in what the mistakes themselves tell."""
    steps = [label.column for label in list_labels("step")]
    label = next((name for name in steps if name in source.columns), steps[0])
    positions, precision, types = Positions(label), StepPrecision(label), Types(levels)
    examples, problems = Examples(key), ProblemCount()
    measure(source, [positions, precision, types, examples, problems])
    summary["precision"] = precision.summarize(source.name)
    summary["positions"], summary["types"] = positions.summarize(source.name), types.summarize(source.name)
    summary["examples"] = examples.choose()
    summary["rows"]["problems"] = problems.count


def _fill_certainty(summary: dict[str, Any], plan: Plan) -> None:
    """Fill in how well the numbers that say how sure a model was tell right answers, of the table that has most of them."""
    verified = [work for work in plan.jobs if "verdict" in work.contract.names()]
    # the first of several: nothing was left out of it yet
    fullest = max(verified, key=lambda work: len(SIGNALS.keys() & set(work.contract.names())), default=None)
    if fullest is not None:
        certainty = AnswerCertainty()
        measure(read_table(plan, fullest), [certainty])
        summary["certainty"] = certainty.summarize(fullest.name)


class ProblemCount:
    """Counts different problems."""

    wants = ("problem_id",)

    def __init__(self) -> None:
        self._seen = pl.Series("problem_id", [], dtype=pl.UInt64)
        self._there = False

    def add(self, part: pl.DataFrame) -> None:
        """Count a part."""
        if "problem_id" in part.columns:
            self._there = True
            self._seen = pl.concat([self._seen, part["problem_id"].unique().hash()]).unique()

    @property
    def count(self) -> int | None:
        """How many; None where nobody can say."""
        return len(self._seen) if self._there else None


def _fill_labels(summary: dict[str, Any], plan: Plan, work: TableJob) -> None:
    """Fill in what a table of labels tells; of agreement the last one that there is."""
    label = find_label(work.task, "step", work.contract.names())
    if label and label.combines:
        source = read_table(plan, work, dropped=True)
        labellers = RaterAgreement(source.rows, label.combines)
        measure(source, [labellers])
        summary["labellers"] = labellers.summarize(work.name) or summary["labellers"]
    if label and label.values:
        rollouts = RolloutValues(label)
        measure(read_table(plan, work), [rollouts])
        summary["rollouts"] += [values] if (values := rollouts.summarize(work.name)) else []


def _asks_models(work: TableJob) -> bool:
    return bool(work.models) and find_token_column(work) is not None


def _sum_tokens(plan: Plan, work: TableJob) -> int:
    """Tokens of the completions that a table asked for."""
    tokens = Tokens(find_token_column(work) or "")
    measure(read_table(plan, work), [tokens])
    return tokens.sum


def _find_subject(plan: Plan) -> TableJob:
    """The table that speaks for the released mistakes: the last above the views that says most of each."""
    inputs = {table.name: table.inputs for table in plan.recipe.tables}
    above, waiting = set[str](), list(plan.recipe.tables[-1].inputs)
    while waiting:
        name = waiting.pop()
        above.add(name)
        waiting += [other for other in inputs[name] if other not in above]
    works = [work for work in plan.jobs[:-1] if work.name in above]
    return max(reversed(works), key=lambda work: _count_telling(work.contract.names()))


def _count_telling(columns: Sequence[str]) -> int:
    """How much of a mistake columns tell."""
    solution = "solution_id" in columns and "model" in columns
    return solution * (1 + _has("verdict", columns) + 2 * _has("step", columns) + 4 * _has("type", columns))


def _has(kind: LabelKind, columns: Sequence[str]) -> bool:
    return any(label.column in columns for label in list_labels(kind))
