"""The measures of a build that gates hold within bounds: each a number, the rows it is of, and some that speak against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import errata
import polars as pl
from errata.compare import row_fingerprints

from catalog.parts import ParquetFile
from flows.gates.result import EXAMPLES, make_example
from flows.metrics import evaluate, label_quality
from flows.planning.plan import DATA, Plan, TableJob
from flows.planning.versioning import find_latest_release
from schemas.columns.gold import GOLD_STEP
from schemas.recipe.gates import Declared, Drift, Precision, Retention, Undecided
from tasks import TASKS, list_labels
from tasks.evaluation.calibration import measure_gap
from tasks.evaluation.labels import Columns
from tasks.evaluation.score import NONE, Share, wilson

MANY = 10_000
"""Different values of a distribution, at most."""


class Unmeasurable(ValueError):
    """A measure has no value here; the message says why."""


@dataclass(frozen=True)
class Measurement:
    """A number and what it is of."""

    value: float | int | None
    """None where there is nothing yet to measure it against."""
    rows: int
    """Rows it is made from."""
    examples: list[dict[str, Any]] = field(default_factory=list)
    note: str = ""
    """What else there is to know of it."""


def measure_gate(gate: Declared, plan: Plan) -> Measurement:
    """The value of a gate's measure; `Unmeasurable` where it has none."""
    (work,) = (work for work in plan.jobs if work.name == gate.table)
    return _MEASURES[gate.name](gate, work, plan)


def _divide(part: int, of: int, unit: str) -> float:
    if not of:
        raise Unmeasurable(f"there is no {unit} to measure it of")
    return part / of


def _measure_rows(gate: Declared, work: TableJob, plan: Plan) -> Measurement:
    kept = plan.done[work.name].receipt.rows_kept()
    return Measurement(kept, kept)


def _measure_undecided(gate: Declared, work: TableJob, plan: Plan) -> Measurement:
    assert isinstance(gate.gate, Undecided)
    receipt = plan.done[work.name].receipt
    own = gate.gate.column is None
    column = gate.gate.column or TASKS[work.task].labels[0].column
    undecided, examples = 0, list[dict[str, Any]]()
    for part in _read_kept(work, plan, [work.contract.key, column]):
        open_ = part.filter(pl.col(column).is_null() | (pl.col(column).cast(pl.String) == "undecided"))
        undecided += open_.height
        examples += [make_example(*row) for row in open_.head(EXAMPLES - len(examples)).iter_rows()]
    if own:
        examples += _list_rejected(work, plan, EXAMPLES - len(examples))
        undecided += receipt.rows_rejected()
    came = receipt.rows_in if own else receipt.rows_kept()
    return Measurement(_divide(undecided, came, "row"), came, examples)


def _measure_retention(gate: Declared, work: TableJob, plan: Plan) -> Measurement:
    assert isinstance(gate.gate, Retention)
    receipt, of = plan.done[work.name].receipt, gate.gate.of
    came = plan.done[of].receipt.rows_kept() if of else receipt.rows_in
    return Measurement(_divide(receipt.rows_kept(), came, "row"), came, _list_rejected(work, plan, EXAMPLES))


def _measure_rejected(gate: Declared, work: TableJob, plan: Plan) -> Measurement:
    """The share that a task rejected."""
    receipt = plan.done[work.name].receipt
    share = _divide(receipt.rows_rejected(), receipt.rows_in, "row")
    return Measurement(share, receipt.rows_in, _list_rejected(work, plan, EXAMPLES))


def _measure_kappa(gate: Declared, work: TableJob, plan: Plan) -> Measurement:
    quality = label_quality.measure_table(plan, work)
    pairs = [pair for pair in quality["kappa"] if pair["cohen"] is not None]
    if not pairs and quality["confirmed"]:
        tested = quality["confirmed"][0]
        raise Unmeasurable(
            f"{tested['by']} tested the very steps that {tested['labeller']} named, which is no agreement of independent "
            "labellers; ask for `confirmed`, or estimate by another method"
        )
    if not pairs:
        raise Unmeasurable("no two labellers have decided the same solutions, or both always say one thing")
    lowest = min(pairs, key=lambda pair: pair["cohen"])
    low, high = lowest["interval"]
    note = f"of {' and '.join(lowest['labellers'])}, 95 %: {low:.2f} to {high:.2f}"
    return Measurement(lowest["cohen"], lowest["rows"], _list_rejected(work, plan, EXAMPLES), note)


def _measure_confirmed(gate: Declared, work: TableJob, plan: Plan) -> Measurement:
    tested = [entry for entry in label_quality.measure_table(plan, work)["confirmed"] if entry["of"]]
    if not tested:
        raise Unmeasurable("no labeller tested what another named; ask for `kappa`")
    lowest = min(tested, key=lambda entry: entry["confirmed"] / entry["of"])
    low, high = lowest["interval"]
    note = f"{lowest['by']} confirmed {lowest['confirmed']:,} of {lowest['of']:,} of {lowest['labeller']}, 95 %: {100 * low:.1f}-{100 * high:.1f} %"
    return Measurement(lowest["confirmed"] / lowest["of"], lowest["of"], _list_rejected(work, plan, EXAMPLES), note)


def _measure_calibration(gate: Declared, work: TableJob, plan: Plan) -> Measurement:
    quality = label_quality.measure_table(plan, work)
    if "expected" not in quality or not quality.get("named"):
        raise Unmeasurable("no label that names a step has a probability and known truth")
    exact = Share(quality["exact"], quality["named"])
    low, high = quality["interval"]
    note = f"expected {100 * quality['expected']:.1f} %, measured {100 * exact.hits / exact.of:.1f} % (95 %: {100 * low:.1f}-{100 * high:.1f}), error {100 * quality['ece']:.1f} %"
    return Measurement(measure_gap(quality["expected"], exact), exact.of, note=note)


def _measure_precision(gate: Declared, work: TableJob, plan: Plan) -> Measurement:
    assert isinstance(gate.gate, Precision)
    column = gate.gate.column or _label_column(work)
    pairs = _pair_with_file(gate.gate, column, work, plan) if gate.gate.gold else _pair_with_columns(column, work, plan)
    named, exact, examples = 0, 0, list[dict[str, Any]]()
    for key, label, truth in pairs:
        if label is None or label == NONE:
            continue
        named, exact = named + 1, exact + (label == truth)
        if label != truth and len(examples) < EXAMPLES:
            examples.append(make_example(key, f"{name_step(label)}, truly {name_step(truth)}"))
    share = _divide(exact, named, "label that names a step")
    low, high = wilson(exact, named)
    return Measurement(share, named, examples, f"95 %: {100 * low:.1f}-{100 * high:.1f} % (Wilson)")


def name_step(label: int) -> str:
    """A label of a first wrong step for people, who count from 1."""
    return f"step {label + 1}" if label >= 0 else "no step"


def _measure_f1(gate: Declared, work: TableJob, plan: Plan) -> Measurement:
    """As ProcessBench has it, of the rows that came into the table: what it rejects is not exact."""
    quality = label_quality.measure_table(plan, work)
    if "f1" not in quality:
        raise Unmeasurable(
            "F1 needs solutions with a wrong step and solutions without, by the known truth, and one of the two is missing; "
            "label right solutions, too"
        )
    f1 = quality["f1"]
    (right, of_right), (wrong, of_wrong) = f1["right"], f1["wrong"]
    note = f"exact {wrong:,} of {of_wrong:,} with a wrong step, {right:,} of {of_right:,} without"
    return Measurement(f1["f1"], of_right + of_wrong, _list_rejected(work, plan, EXAMPLES), note)


def _label_column(work: TableJob) -> str:
    """The label of a step that is meant: the one that the table's task decides, else the one to be believed most."""
    labels = [*(label for label in TASKS[work.task].labels if label.kind == "step"), *list_labels("step")]
    return next(label.column for label in labels if label.column in work.contract.names())


def _pair_with_columns(column: str, work: TableJob, plan: Plan) -> Iterator[tuple[str, int | None, int]]:
    """Key, label and true step of each row whose gold is known."""
    for part in _read_kept(work, plan, [work.contract.key, column, GOLD_STEP]):
        yield from part.drop_nulls(GOLD_STEP).iter_rows()


def _pair_with_file(gate: Precision, column: str, work: TableJob, plan: Plan) -> Iterator[tuple[str, int | None, int]]:
    """Id, label and true step of each row that gold has."""
    own = evaluate.read_table(work, plan.done[work.name])
    name = str(gate.gold).removeprefix(f"{DATA}/")
    gold = evaluate.read_files(name, [source for source in plan.release.sources if source.name == name])
    try:
        evaluation = evaluate.evaluate([own], [gold], gate.format, Columns((), (column,), None))
    except (errata.ErrataError, ValueError) as error:
        raise Unmeasurable(str(error)) from None
    (labels,) = evaluation.labellers.values()
    for row in evaluation.rows:
        yield str(row.id), labels.get(row.id), row.first_error


def _measure_drift(gate: Declared, work: TableJob, plan: Plan) -> Measurement:
    """Total variation from the newest release before this one, as `errata diff` tells of it; none where there is no such release."""
    assert isinstance(gate.gate, Drift)
    column, kept = gate.gate.column, plan.done[work.name].receipt.rows_kept()
    before = find_latest_release(plan, below=plan.recipe.version)
    if before is None:
        return Measurement(None, kept, note="nothing was released before")
    release = errata.open_release(f"{plan.recipe.corpus}@{before}", plan.store)
    if work.name not in release.views or column not in [
        entry["name"] for entry in release.manifest["columns"][work.name]
    ]:
        return Measurement(None, kept, note=f"{before} has no column {column} in {work.name}")
    new = _count_values(_read_kept(work, plan, [column]), column)
    old = _count_values((frame for _, frame in row_fingerprints.read_frames(release, work.name)), column)
    moved = {
        value: new[value] / max(1, new.total()) - old[value] / max(1, old.total()) for value in new.keys() | old.keys()
    }
    most = sorted(moved.items(), key=lambda item: (-abs(item[1]), str(item[0])))[:EXAMPLES]
    examples = [make_example(value, f"{100 * by:+.1f} points") for value, by in most if by]
    return Measurement(sum(map(abs, moved.values())) / 2, kept, examples, f"since {before}")


def _count_values(frames: Iterator[pl.DataFrame], column: str) -> Counter[object]:
    counts: Counter[object] = Counter()
    for frame in frames:
        counts.update(dict(frame[column].value_counts().iter_rows()))
        if len(counts) > MANY:
            raise Unmeasurable(f"'{column}' has more than {MANY:,} different values; name a column of labels")
    return counts


def _read_kept(work: TableJob, plan: Plan, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Some columns of the rows that a table keeps, part by part, in the order named."""
    for part in plan.done[work.name].receipt.parts:
        yield work.folder().read(part, list(dict.fromkeys(columns))).select(columns)


def _list_rejected(work: TableJob, plan: Plan, wanted: int) -> list[dict[str, Any]]:
    """Some rows that a table rejected, each with the reason."""
    examples = list[dict[str, Any]]()
    key = work.input_contract.key if work.inputs else "source"
    parts: list[ParquetFile] = plan.done[work.name].receipt.rejected
    for part in parts:
        if len(examples) >= wanted:
            break
        frame = work.folder().read(part, [key, "reason"]).head(wanted - len(examples))
        examples += [make_example(*row) for row in frame.select(key, "reason").iter_rows()]
    return examples


Measure = Callable[[Declared, TableJob, Plan], Measurement]
_MEASURES: Mapping[str, Measure] = {
    "rows": _measure_rows, "undecided": _measure_undecided, "retention": _measure_retention, "kappa": _measure_kappa, "confirmed": _measure_confirmed, "precision": _measure_precision,
    "calibration": _measure_calibration, "f1": _measure_f1,
    "drift": _measure_drift, "duplicates": _measure_rejected, "contamination": _measure_rejected,
}  # fmt: skip
