"""Types of mistakes as a classifier's table says them, beside those of gold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catalog import taxonomies
from schemas.task import Record
from tasks.evaluation import labels as labelled
from tasks.evaluation.labels import Columns
from tasks.evaluation.score import Gold
from tasks.evaluation.types import Confusion
from tasks.sources.values import is_missing

TYPE, TAXONOMY = "error_type", "taxonomy"
"""The columns of `classify` in which types stand."""


@dataclass(frozen=True)
class TypeComparison:
    """What was said of the types of gold's mistakes."""

    confusion: Confusion
    """All mistakes whose type gold knows and the classifier's taxonomy has a name for."""
    taxonomy: str
    """The classifier's, by name; empty where its table does not say."""
    nameless: int
    """Mistakes whose type has no name in it."""


def compare_types(gold: Sequence[Gold], records: Iterable[tuple[Record, Columns]]) -> TypeComparison | None:
    """The types that records say, beside gold's; None where either knows none."""
    predictions: dict[str, str | None] = {}
    taxonomy = ""
    for record, columns in records:
        value = record.value or {}
        kind = value.get(TYPE)
        predictions[labelled.take_id(record, columns.id)] = None if is_missing(kind) else str(kind)
        taxonomy = taxonomy or str(value.get(TAXONOMY) or "").partition("@")[0]
    mistakes = [row for row in gold if row.type is not None]
    if not predictions or not mistakes:
        return None
    confusion, nameless = Confusion(), 0
    for row in mistakes:
        truth = _translate(str(row.type), row.taxonomy, taxonomy)
        nameless += truth is None
        if truth is not None:
            confusion.add(truth, predictions.get(row.id))
    return TypeComparison(confusion, taxonomy, nameless)


def _translate(kind: str, taxonomy: str, other: str) -> str | None:
    """What a type of one taxonomy is in another, as far as those that ship with Errata say; None where they do not."""
    if other in ("", taxonomy) or not taxonomy:
        return kind
    return taxonomies.find_shipped(other).translated(taxonomy, kind) if other in taxonomies.list_taxonomies() else None
