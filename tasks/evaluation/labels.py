"""Labels of the first wrong step as tables hold them: one row a solution, one column a labeller, or one row each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from schemas.task import Record
from tasks.evaluation.fields import EvaluationError, abbreviate_names, make_unknown_error
from tasks.evaluation.gold import make_line_id, read_wrong_steps
from tasks.evaluation.score import NONE, Gold
from tasks.sources.values import FieldError, is_missing, read_number

UNDECIDED = ("", "null", "undecided")
"""Texts that stand for a label that is not there."""
ID_COLUMNS = ("id", "solution_id", "source")
LABEL_COLUMNS = ("first_error", "prediction")
PROBABILITIES = ("probability", "confidence", "share")
"""What a column is called that says how sure labels are."""
EXPLAINED = ("explained",)
"""What a column is called that says which share of judges finds the explanation of a label right."""
RATINGS = ("ratings",)
"""What a column is called that has a list of ratings, good, neutral or bad: the labeller's of every step."""
LABELLER = "labeller"
ENOUGH = 20
"""Labels that show whether they were counted from 0 or from 1."""


@dataclass(frozen=True)
class Columns:
    """Which columns hold what."""

    id: tuple[str, ...]
    """The id; several are joined by /. `source` (file and line) is taken without folders; so is the row's own, of none."""
    labels: tuple[str, ...]
    """The labels, a column for each labeller."""
    labeller: str | None = None
    """Who made the row's labels, where a table has a row for each labeller."""
    probabilities: Mapping[str, str] = field(default_factory=dict)
    """By column of labels the one of the probabilities that they are right, where there is one."""
    explained: Mapping[str, str] = field(default_factory=dict)
    """By column of labels the one of the share of judges who find its explanation right, where there is one."""
    ratings: Mapping[str, str] = field(default_factory=dict)
    """By column of labels the one of the ratings of every step, where there is one."""
    names: Mapping[str, str] = field(default_factory=dict)
    """By column of labels another name for their labeller, where several places have the column."""


@dataclass(frozen=True)
class SourcedLabel:
    """The label that a labeller gives a solution."""

    first_error: int | None
    """The index of the first wrong step as it stands there, NONE, or None where it is undecided."""
    source: str
    """File and line (or row) it was read from."""
    probability: float | None = None
    """The probability that it is right, where the labeller says it."""
    explained: float | tuple[float, ...] | None = None
    """The share of judges who find its explanation right, or of each step's, where any judged it."""
    ratings: Sequence[object] | None = None
    """The labeller's ratings of every step, as they stand there; None where there are none."""


Table = Mapping[str, Mapping[str, SourcedLabel]]
"""By labeller, then by the solution's id."""


def choose_columns(place: str, available: Sequence[str], wanted: Columns, gold_id: Sequence[str]) -> Columns:
    """The columns to read: those wanted, the rest by their names.

    Ids are looked for under gold's own names, `gold_id`, and those of ID_COLUMNS;
    where gold has no ids either, the row's file and line is its id. Labels are
    `first_error`, `prediction`, and all that end in `_first_error`.

    Args:
        place: Where the labels lie, for errors.
        available: The columns of the table.
        wanted: The columns that were asked for; empty where none was.
        gold_id: The columns of gold's ids.

    Returns:
        The columns to read.

    Raises:
        EvaluationError: A column is not there, or nothing holds ids or labels.

    """
    for name in (*wanted.id, *wanted.labels, *filter(None, [wanted.labeller])):
        if name not in available:
            raise make_unknown_error(place, "column", name, available)
    id = wanted.id or (tuple(gold_id) if gold_id and set(gold_id) <= set(available) else ())
    id = id or tuple(name for name in ID_COLUMNS if name in available)[:1]
    labels = wanted.labels or tuple(
        name for name in available if name in LABEL_COLUMNS or name.endswith("_first_error")
    )
    if gold_id and not id:
        raise EvaluationError(
            f"{place}: no column with ids; name it by --id: there are {abbreviate_names(available, 12)}"
        )
    if not labels:
        raise EvaluationError(
            f"{place}: no column first_error, nor one that ends so; name that of the labels by --label: "
            f"there are {abbreviate_names(available, 12)}"
        )
    probabilities, explained, ratings = (
        {name: column for name in labels if (column := _find_column(name, available, names))}
        for names in (PROBABILITIES, EXPLAINED, RATINGS)
    )
    return Columns(
        id, labels, wanted.labeller or (LABELLER if LABELLER in available else None), probabilities, explained, ratings
    )


def _find_column(label: str, available: Sequence[str], names: Sequence[str]) -> str | None:
    """The column that belongs to one of labels: of one of these names, with the words before first_error."""
    prefix = label.removesuffix("first_error") if label.endswith("first_error") else ""
    return next((prefix + name for name in names if prefix + name in available), None)


def read_labels(records: Iterable[Record], given: Columns) -> Table:
    """The labels of records; `EvaluationError` about the first row that is not as it should be."""
    table: dict[str, dict[str, SourcedLabel]] = {}
    for record in records:
        if record.value is None:
            reason, detail = record.fault or ("unreadable", "")
            raise EvaluationError(f"{record.source}: {reason} ({detail}); mend or remove the line")
        id, who = take_id(record, given.id), _read_labeller(record, given.labeller)
        for column in given.labels:
            called = given.names.get(column, column)
            name = called if who is None else who if len(given.labels) == 1 else f"{who}, {called}"
            before = table.setdefault(name, {})
            if id in before:
                raise EvaluationError(_describe_conflict(record, id, name, before[id], given))
            ratings = record.value.get(given.ratings.get(column, ""))
            before[id] = SourcedLabel(
                _read_label(record, column), record.source, read_share(record, given.probabilities.get(column)),
                _read_explained(record, given.explained.get(column)), ratings if isinstance(ratings, list) else None,
            )  # fmt: skip
    return table


def _describe_conflict(record: Record, id: str, labeller: str, before: SourcedLabel, given: Columns) -> str:
    more = "" if given.labeller else ", or name the column that tells labellers apart (--labeller)"
    return (
        f"{record.source}: '{id[:80]}' has a label of '{labeller[:40]}' already at {before.source}; "
        f"keep one of the two{more}"
    )


def join_labels(places: Sequence[tuple[str, Table]]) -> Table:
    """The labels of several places together; `EvaluationError` where a labeller gives one solution two labels."""
    joined: dict[str, dict[str, SourcedLabel]] = {}
    for _, table in places:
        for name, labels in table.items():
            before = joined.setdefault(name, {})
            for id, label in labels.items():
                other = before.setdefault(id, label)
                if other.first_error != label.first_error:
                    raise EvaluationError(
                        f"{label.source}: '{name[:40]}' says {_format_label(label)} of '{id[:80]}', but {_format_label(other)} at "
                        f"{other.source}; name only one of the two places"
                    )
    return joined


def _format_label(label: SourcedLabel) -> str:
    return "undecided" if label.first_error is None else str(label.first_error)


def take_id(record: Record, names: Sequence[str]) -> str:
    """The id of a record's solution, from the columns of these names; file and line where there are none."""
    value = record.value or {}
    for name in names:
        if is_missing(value.get(name)):
            raise EvaluationError(f"{record.source}: '{name}' is null or missing; each row needs its id")
    if not names:
        return make_line_id(record.source)
    return "/".join(make_line_id(str(value[name])) if name == "source" else str(value[name]) for name in names)


def _read_labeller(record: Record, name: str | None) -> str | None:
    if name is None:
        return None
    labeller = (record.value or {}).get(name)
    if is_missing(labeller):
        raise EvaluationError(f"{record.source}: '{name}' is null or missing; each row needs its labeller")
    return str(labeller)


def _read_label(record: Record, column: str) -> int | None:
    value = record.value or {}
    if column not in value:
        raise make_unknown_error(record.source, "column", column, list(value))
    label = value[column]
    if is_missing(label) or str(label).strip().lower() in UNDECIDED:
        return None
    try:
        return read_number(label, f"'{column}'")
    except FieldError as error:
        raise EvaluationError(
            f"{record.source}: {error.detail}, -1 where no step is wrong, or null where it is undecided"
        ) from None


def _read_explained(record: Record, column: str | None) -> float | tuple[float, ...] | None:
    """The share of judges who find an explanation right, or a list of them, a share each step: 0 where none was judged."""
    value = (record.value or {}).get(column) if column else None
    if not isinstance(value, list):
        return _read_number(value)
    shares = [_read_number(item) for item in value]
    return None if set(shares) <= {None} else tuple(share or 0.0 for share in shares)


def read_share(record: Record, column: str | None) -> float | None:
    """A share or probability from 0 to 1; anything else says nothing."""
    return _read_number((record.value or {}).get(column) if column else None)


def _read_number(value: object) -> float | None:
    try:
        probability = float(value) if isinstance(value, int | float | Decimal | str) else None
    except ValueError:
        return None
    return probability if probability is not None and 0 <= probability <= 1 else None


def check_labels(table: Table, gold: Sequence[Gold], base: int | None) -> dict[str, dict[str, int | None]]:
    """Labels counted from 0.

    Args:
        table: The labels.
        gold: The solutions with gold.
        base: The number of the first step; None takes 0 and looks whether it can be so.

    Returns:
        By labeller and id the first wrong step, counted from 0; None where it is undecided.

    Raises:
        EvaluationError: Labels do not fit the solutions, or look counted otherwise.

    """
    known = {row.id: row for row in gold}
    checked: dict[str, dict[str, int | None]] = {}
    for name, labels in table.items():
        _check_range(name, labels, known, base or 0)
        checked[name] = {id: _count_from_zero(label.first_error, base or 0) for id, label in labels.items()}
        if base is None:
            _check_base(name, checked[name], known)
    return checked


def read_every_step(
    labels: Mapping[str, SourcedLabel], checked: Mapping[str, int | None], gold: Sequence[Gold]
) -> dict[str, tuple[bool | None, ...]]:
    """What a labeller calls every step of the solutions whose gold speaks of every step.

    Args:
        labels: The labels, by id.
        checked: The same, counted from 0.
        gold: The solutions with gold.

    Returns:
        By id of every step whether it is called wrong; of rows without ratings, or with those that name another first wrong step
        than the label, nothing.

    Raises:
        EvaluationError: A label's ratings are none.

    """
    wrong_steps = {}
    for row in gold:
        label = labels.get(row.id)
        if row.wrong and label is not None and label.ratings is not None:
            try:
                wrong_steps[row.id] = read_wrong_steps(label.ratings, checked[row.id], row.steps)
            except FieldError as error:
                raise EvaluationError(f"{label.source}: {error.reason} ({error.detail})") from None
    return {id: wrong for id, wrong in wrong_steps.items() if wrong}


def _count_from_zero(label: int | None, base: int) -> int | None:
    return label if label is None else max(label - base, NONE)


def _check_range(name: str, labels: Mapping[str, SourcedLabel], known: Mapping[str, Gold], base: int) -> None:
    """Every label is one of the solution's steps, or none (-1; counted from 1, 0 too)."""
    outside = []
    past = True
    for id, label in labels.items():
        steps = known[id].steps if id in known else None
        step = label.first_error
        if step is not None and (step < NONE or (steps is not None and step >= steps + base)):
            outside.append((id, label, steps))
            past = past and step == steps
    if not outside:
        return
    id, label, steps = outside[0]
    span = "" if steps is None else f" (it has {steps} steps: {base} to {steps - 1 + base}, or -1 for none)"
    rows = "1 label" if len(outside) == 1 else f"{len(outside):,} labels"
    hint = "; all are one past the last step: were they counted from 1? then say --base 1" if past else ""
    raise EvaluationError(
        f"{label.source}: '{name[:40]}' names step {label.first_error} of '{id[:80]}'{span}; "
        f"{rows} out of range{hint or '; mend them, or give null where it is undecided'}"
    )


def _check_base(name: str, labels: Mapping[str, int | None], known: Mapping[str, Gold]) -> None:
    """Refuse labels most of which lie just one after gold: counted from 1 they would be exact."""
    both = [
        label - known[id].first_error
        for id, label in labels.items()
        if label is not None and label != NONE and id in known and known[id].first_error != NONE
    ]
    after, exact = both.count(1), both.count(0)
    if len(both) >= ENOUGH and after > len(both) / 2 and after > 2 * exact:
        raise EvaluationError(
            f"the labels of '{name[:40]}' look counted from 1: of {len(both):,} that name a step of a wrong solution "
            f"{after:,} lie one after gold's, {exact:,} on it; say --base 1, or --base 0 if they are meant so"
        )


def check_ids(place: str, table: Table, gold: Sequence[Gold], gold_place: str) -> None:
    """Raise `EvaluationError` where no labelled solution is in gold."""
    ids = list(dict.fromkeys(id for labels in table.values() for id in labels))
    known = {row.id for row in gold}
    if not known.intersection(ids):
        raise EvaluationError(
            f"{place} and {gold_place} have no id in common: {abbreviate_names(ids)} there, {abbreviate_names(row.id for row in gold)} in gold; "
            f"name the column of the labels that holds gold's ids (--id)"
        )
