"""The reading of labels and gold from wherever they lie: files, tables of a build, releases."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import errata
from pydantic import ValidationError

from catalog import sources, tables
from catalog.records.read import read_batches
from catalog.sources import Source
from catalog.tables import Manifest
from flows.metrics.combinations import name_combination
from flows.metrics.labeller_pairs import SHOWN, LabelOrigin, find_origin
from flows.metrics.row_names import TableName, ViewName, check_files, find_complete_table, parse_rows_name
from flows.metrics.scores import Evaluation
from flows.metrics.type_confusion import TYPE, compare_types
from flows.planning.plan import TableJob
from schemas.columns.gold import GOLD_STEP
from schemas.columns.human import HUMAN_STEP
from schemas.labels import Label
from schemas.recipe.document import Document
from schemas.task import Record
from tasks import TASKS, find_label, list_labels
from tasks.evaluation import gold as golds
from tasks.evaluation import labels as labelled
from tasks.evaluation.artifact_baseline import ArtifactBaseline, measure_artifacts
from tasks.evaluation.fields import EvaluationError, Rejected, abbreviate_names, make_unknown_error
from tasks.evaluation.gold import FORMATS, HUMAN, TRUTH, GoldRules
from tasks.evaluation.labels import Columns
from tasks.evaluation.score import Gold
from tasks.sources.truth import NEEDED, read_program


@dataclass(frozen=True)
class RowsAt:
    """Where rows lie."""

    name: str
    """What messages call it."""
    records: Callable[[], Iterator[Record]]
    """Its rows, from the first, each time it is called."""
    table: TableJob | None = None
    """The table of a build that it is."""
    spent: Callable[[], Mapping[str, Mapping[str, int]]] = dict
    """By column of labels the tokens that were spent on them, by key; of a table's rejected rows too."""
    rejects: Callable[[], Iterator[Record]] = lambda: iter(())
    """The rows that a table's task rejected, with reason and detail; none of files."""

    def columns(self) -> list[str]:
        """The names that its first sound row has; `EvaluationError` where there is none."""
        for record in self.records():
            if record.value is not None:
                return list(record.value)
        raise EvaluationError(f"{self.name}: holds no row that can be read")


def find_rows(name: str, data: str | None, store: str, trust: bool = False) -> RowsAt:
    """What a name stands for: a file, RECIPE.yaml:TABLE of a build, or a release (corpus@1.2.3, a view after a colon)."""
    where = parse_rows_name(name)
    if isinstance(where, TableName):
        return read_table(*find_complete_table(where, data, store, trust), name)
    if isinstance(where, ViewName) and not os.path.isdir(name):
        return _find_release(name, where, store)
    check_files(name)
    return read_files(name, sources.find_sources(name, name))


def read_files(name: str, files: Sequence[Source]) -> RowsAt:
    """Files that were found already."""
    return RowsAt(name, lambda: chain.from_iterable(read_records(source) for source in files))


def read_records(source: Source) -> Iterator[Record]:
    """A file's records, one after the other."""
    for batch, _ in read_batches(source):
        yield from batch


def read_table(work: TableJob, manifest: Manifest, name: str = "") -> RowsAt:
    """A complete table of a build."""
    name = name or work.name
    return RowsAt(
        name,
        lambda: _iterate_rows(name, tables.read_rows(work.folder(), work.contract, manifest)),
        work,
        lambda: count_tokens(work, manifest),
        lambda: _iterate_rows(name, (work.folder().read(part) for part in manifest.receipt.rejected)),
    )


def _find_release(name: str, where: ViewName, store: str) -> RowsAt:
    try:
        rows = errata.load(where.release, view=where.view, store=store)
    except errata.NotFound as error:
        raise errata.NotFound(f"{name}: no such file, and no release either: {error}") from None
    return RowsAt(name, lambda: _iterate_rows(name, rows.to_batches(1000)))


def _iterate_rows(name: str, frames: Iterable[Any]) -> Iterator[Record]:
    """The rows of frames (of Polars or Arrow) as records."""
    number = 0
    for frame in frames:
        for row in frame.to_dicts() if hasattr(frame, "to_dicts") else frame.to_pylist():
            number += 1
            yield Record(f"{name}:{number}", row)


def read_rules(format: str) -> GoldRules:
    """The mapping that a format's name, or a YAML file, gives."""
    if format in FORMATS:
        return FORMATS[format]
    if not format.endswith((".yaml", ".yml")):
        raise make_unknown_error("--format", "format", format, [*FORMATS, "MAPPING.yaml"])
    try:
        document = Document(Path(format).read_text("utf-8"), format)
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{format}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    faults = document.faults
    try:
        if not faults:
            return GoldRules.model_validate(document.value)
    except ValidationError as error:
        faults = [document.fault(detail["loc"], detail["msg"]) for detail in error.errors()]
    lines = "\n".join(str(fault) for fault in sorted(set(faults)))
    raise EvaluationError(f"{lines}\n{format}: a mapping of gold has {', '.join(GoldRules.model_fields)}")


def read_gold(places: Sequence[RowsAt], format: str, rules: GoldRules) -> tuple[list[Gold], list[Rejected]]:
    """The gold that places hold together, and their rows that hold none; `EvaluationError` where not one does."""
    checked = [_check_gold(place, format, rules) for place in places]
    gold, rejected = golds.gather(chain.from_iterable(place.records() for place in checked), golds.map_gold(rules))
    if not gold:
        first = rejected[0]
        name = ", ".join(place.name for place in places)
        raise EvaluationError(f"{name}: no row holds gold; {first.source}: {first.reason} ({first.detail})")
    return gold, rejected


def _check_gold(where: RowsAt, format: str, rules: GoldRules) -> RowsAt:
    """A place whose rows have the columns of gold, worked out of their programs if need be."""
    columns = where.columns()
    if format == TRUTH and GOLD_STEP not in columns and set(NEEDED["program"]) <= set(columns):
        where = RowsAt(where.name, lambda records=where.records: map(read_program, records()))  # type: ignore[misc]
        columns = [*columns, GOLD_STEP]
    for column in sorted(golds.list_fields(rules)):
        if column not in columns and format == TRUTH and not golds.list_fitting_formats(columns):
            raise EvaluationError(f"{where.name}: no column '{column}'; {_advise(format, columns)}")
        if column not in columns:
            raise EvaluationError(
                f"{make_unknown_error(where.name, 'column', column, columns)}; {_advise(format, columns)}"
            )
    return where


def _advise(format: str, columns: Sequence[str]) -> str:
    """What to do about gold that has not the columns of its format."""
    if fits := [name for name in golds.list_fitting_formats(columns) if name != format]:
        return f"its columns are those of --format {fits[0]}"
    if format == TRUTH:
        return "task truth makes it, or it follows from program and steps; other gold needs --gold and --format"
    return f"format {format} needs it"


def evaluate(
    labels: Sequence[RowsAt],
    golden: Sequence[RowsAt],
    format: str,
    wanted: Columns,
    base: int | None = None,
    by: str = "set",
) -> Evaluation:
    """Compare the labels of some places, taken together, with the gold of others (or of some of them)."""
    if format == TRUTH and _has_only_human_labels(golden):
        format = HUMAN
    rules = read_rules(format)
    gold, rejected = read_gold(golden, format, rules)
    if format == HUMAN:
        for place in labels:
            _refuse_circle(place)
    columns = _name_labellers(labels, [_choose_columns(place, golden, rules, wanted) for place in labels])
    table = labelled.join_labels(
        [(place.name, labelled.read_labels(place.records(), c)) for place, c in zip(labels, columns)]
    )
    name, of = (", ".join(place.name for place in places) for places in (labels, golden))
    labelled.check_ids(name, table, gold, of)
    checked = labelled.check_labels(table, gold, base)
    return Evaluation(
        name, of, format, by, gold, checked, rejected,
        compare_types(gold, [(record, c) for place, c in zip(labels, columns) if TYPE in place.columns() for record in place.records()]),
        _measure_artifacts(golden) if format == golds.INJECTED else None,
        {who: _list_probabilities(given) for who, given in table.items()},
        _list_tokens(labels, columns, {row.id for row in gold}),
        {who: origin for place, c in zip(labels, columns) for who, origin in _list_origins(place, c).items()},
        {who: names for place, c in zip(labels, columns) for who, names in _list_combinations(place, c).items()},
        {who: {id: label.explained for id, label in given.items() if label.explained is not None} for who, given in table.items()},
        {who: labelled.read_every_step(given, checked[who], gold) for who, given in table.items()},
    )  # fmt: skip


def _has_only_human_labels(golden: Sequence[RowsAt]) -> bool:
    """Whether the labels that came in with solutions are all the gold that places hold."""
    columns = [set(place.columns()) for place in golden]
    return all(HUMAN_STEP in names and not names & {GOLD_STEP, "program"} for names in columns)


def _refuse_circle(labels: RowsAt) -> None:
    """Raise `EvaluationError` where labels were made with the votes of the people that they are to be held against."""
    for record in islice(labels.records(), SHOWN):
        row = record.value or {}
        voters = set(row.get("labellers") or ()) & set(row.get("humans") or ())
        if voters:
            raise EvaluationError(
                f"{labels.name}: {abbreviate_names(sorted(voters))} voted for these labels and are the gold; put task truth with "
                "`source: human` before agree, so that they are gold alone"
            )


def _find_declared(place: RowsAt, columns: Columns) -> dict[str, Label]:
    """The labels that the columns of a place are, by its task's declarations or, elsewhere, by their names."""
    own = TASKS[place.table.task].labels if place.table else ()
    declared = {label.column: label for label in (*list_labels("step"), *own)}
    return {name: declared[name] for name in columns.labels if name in declared and not columns.labeller}


def _list_origins(place: RowsAt, columns: Columns) -> dict[str, LabelOrigin]:
    """Who stands behind each labeller of a place."""
    wanted = _find_declared(place, columns)
    rows = [record.value for record in islice(place.records(), SHOWN) if record.value] if wanted else []
    return {columns.names.get(column, column): find_origin(rows, label) for column, label in wanted.items()}


def _list_combinations(place: RowsAt, columns: Columns) -> dict[str, dict[str, str]]:
    """By labeller of a place and id what speaks for the label, where it says so."""
    wanted = _find_declared(place, columns)
    names: dict[str, dict[str, str]] = {column: {} for column in wanted}
    for record in place.records() if wanted else ():
        id = labelled.take_id(record, columns.id)
        for column, label in wanted.items():
            if name := name_combination(record.value or {}, label):
                names[column][id] = name
    return {columns.names.get(column, column): given for column, given in names.items() if given}


def _choose_columns(labels: RowsAt, golden: Sequence[RowsAt], rules: GoldRules, wanted: Columns) -> Columns:
    """Where a place's labels stand, and by which ids."""
    is_gold = any(labels is place for place in golden)
    own = {GOLD_STEP, *([rules.first_error.path] if is_gold else [])}
    ids = tuple(rule.path for rule in rules.id if rule.path)
    names = [name for name in labels.columns() if name not in own]
    columns = labelled.choose_columns(labels.name, names, wanted, ids)
    return replace(columns, id=()) if is_gold and not ids and not wanted.id else columns


def _name_labellers(places: Sequence[RowsAt], columns: Sequence[Columns]) -> list[Columns]:
    """Columns in which the labels of several tables, each of its own task, bear the tables' names."""
    own = [
        find_label(place.table.task, "step", place.table.contract.names()) if place.table else None for place in places
    ]
    shared = Counter(label.column for label in own if label)
    return [
        replace(given, names={label.column: place.table.name})
        if label and place.table and shared[label.column] > 1
        else given
        for place, label, given in zip(places, own, columns)
    ]


def _list_probabilities(labels: Mapping[str, labelled.SourcedLabel]) -> dict[str, float]:
    return {id: label.probability for id, label in labels.items() if label.probability is not None}


def count_tokens(work: TableJob, manifest: Manifest) -> dict[str, dict[str, int]]:
    """By column of labels of a table the tokens that were spent on them, by key; what was spent on rejected rows was spent."""
    columns = {label.column: _list_token_columns(label) for label in list_labels("step")}
    names = {*work.contract.names(), *work.input_contract.names()}
    columns = {name: kept for name, given in columns.items() if (kept := [own for own in given if own in names])}
    key = work.contract.key
    counts: dict[str, dict[str, int]] = {name: {} for name in columns}
    for parts, available in (
        (manifest.receipt.parts, work.contract.names()),
        (manifest.receipt.rejected, work.input_contract.names()),
    ):
        wanted = [name for name in dict.fromkeys(chain.from_iterable(columns.values())) if name in available]
        for part in parts if wanted and key in available else []:
            for row in work.folder().read(part, [key, *wanted]).iter_rows(named=True):
                for name, given in columns.items():
                    counts[name][row[key]] = sum(row.get(own) or 0 for own in given)
    return counts


def _list_token_columns(label: Label) -> list[str]:
    return [part.tokens for part in (label, *label.combines) if part.tokens]


def _list_tokens(places: Sequence[RowsAt], columns: Sequence[Columns], ids: Set[str]) -> dict[str, dict[str, int]]:
    """By labeller and id the tokens that its labels of these solutions cost, where that is known."""
    tokens = {}
    for place, given in zip(places, columns):
        for column, spent in place.spent().items():
            if column in given.labels and any(spent.values()):
                tokens[given.names.get(column, column)] = {id: n for id, n in spent.items() if id in ids}
    return tokens


def _measure_artifacts(golden: Sequence[RowsAt]) -> ArtifactBaseline | None:
    """How far the looks of solutions tell which were made wrong."""
    records = chain.from_iterable(place.records() for place in golden)
    rows = (record.value for record in records if record.value is not None)
    return measure_artifacts(
        (str(row["text"]), row["injected_at"] != -1, str(row.get("problem_id") or row["text"])) for row in rows if row.get("text")
    )  # fmt: skip
