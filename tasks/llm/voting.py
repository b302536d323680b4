"""The majority of judgements: the step that more than half of all of them name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

NO_MAJORITY = "no majority"


@dataclass(frozen=True)
class Majority:
    """What a number of judgements say together."""

    label: int | None
    """The step, counted from 0, -1 where none is wrong, or None where it is undecided."""
    undecided: str | None
    """Why it is undecided."""
    share: float | None
    """The share of all judgements that say so."""


def find_majority(labels: Sequence[int | None], faults: Sequence[str]) -> Majority:
    """The label that more than half of ALL judgements give.

    Where only those that are undecided are in the way, it is undecided for
    the commonest of their faults (the first by the alphabet of several).

    Args:
        labels: A label of each judgement; None where it is undecided.
        faults: The fault of each judgement, empty where it is decided; as long as `labels`.

    Returns:
        The label with its share of all judgements, or the reason why there is none.

    """
    counts = Counter(label for label in labels if label is not None)
    label, most = max(counts.items(), key=lambda pair: (pair[1], pair[0]), default=(None, 0))
    if 2 * most > len(labels):
        return Majority(label, None, most / len(labels))
    if 2 * most > counts.total() or not counts:
        return Majority(None, find_most_frequent([fault for fault in faults if fault]) or NO_MAJORITY, None)
    return Majority(None, NO_MAJORITY, None)


def find_most_frequent(texts: Sequence[str]) -> str | None:
    """The text that occurs most often, the first by the alphabet of several; None of none."""
    return min(Counter(texts).items(), key=lambda pair: (-pair[1], pair[0]), default=(None, 0))[0]
