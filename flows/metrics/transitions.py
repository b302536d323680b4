"""Verdicts before and after: of turns of a revision, of two models, or of any two columns of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.metrics.evaluate import RowsAt
from schemas.columns.problems import VERDICTS
from schemas.task import Record
from tasks.evaluation.fields import EvaluationError, make_unknown_error
from tasks.evaluation.self_correction import Transitions, count_transitions
from tasks.verify.answer_keys import is_same_answer

RIGHT, WRONG, UNDECIDED = VERDICTS
TURNS = ("turn", "verdict_before", "verdict", "problem_id")
FLIPS = ("old_verdict", "new_verdict", "flip", "problem_id")
_WORDS: Mapping[Any, str] = {True: RIGHT, False: WRONG, None: UNDECIDED, **{name: name for name in VERDICTS}}


@dataclass(frozen=True)
class VerdictPair:
    """What was said of an attempt, and of what came after it."""

    group: str
    """What it is counted with: a turn, a set."""
    problem: str
    before: str
    after: str
    same: bool = False
    """Whether both are wrong with the same answer."""


@dataclass(frozen=True)
class GroupTransitions:
    """The transitions of a group, and the pairs of which a verdict is undecided, which are in no figure."""

    decided: Transitions | None
    counts: Mapping[tuple[str, str], int]
    """How many pairs there are by verdict before and after."""
    same: int
    """Pairs that are wrong with the same answer."""

    @property
    def undecided(self) -> int:
        """Pairs of which a verdict is undecided."""
        return sum(n for pair, n in self.counts.items() if UNDECIDED in pair)


@dataclass(frozen=True)
class TransitionTable:
    """All groups of some rows."""

    name: str
    """Where the rows lie."""
    kind: str
    """What the rows are: turns, flips, or pairs."""
    groups: Mapping[str, GroupTransitions]


def has_transitions(columns: Sequence[str]) -> bool:
    """Whether rows with these columns are turns of a revision, or flips between two models."""
    return set(TURNS) <= set(columns) or set(FLIPS) <= set(columns)


def evaluate_transitions(places: Sequence[RowsAt], before: str | None, after: str | None) -> TransitionTable:
    """The transitions in the rows of some places, all of which have the same columns.

    Args:
        places: Where the rows lie.
        before: The column of earlier verdicts; None where the rows are turns or flips.
        after: The column of later ones.

    Returns:
        The transitions by group: of turns by number, kind of feedback and critic, of others by problem set.

    Raises:
        EvaluationError: A column is missing, a verdict is none, or no row holds a pair.

    """
    pairs: list[VerdictPair] = []
    kind = ""
    for place in places:
        kind, read = _choose_reader(place, before, after)
        pairs += read(place.records())
    name = ", ".join(place.name for place in places)
    if not pairs:
        raise EvaluationError(f"{name}: no row holds a verdict before and one after; turns need one behind the first")
    return TransitionTable(name, kind, group_pairs(pairs))


def group_pairs(pairs: Iterable[VerdictPair]) -> dict[str, GroupTransitions]:
    """The transitions by group, in the order of their names."""
    by_group: dict[str, list[VerdictPair]] = {}
    for pair in pairs:
        by_group.setdefault(pair.group, []).append(pair)
    return {group: _count_group(by_group[group]) for group in sorted(by_group)}


def _count_group(pairs: Sequence[VerdictPair]) -> GroupTransitions:
    decided = [pair for pair in pairs if UNDECIDED not in (pair.before, pair.after)]
    return GroupTransitions(
        count_transitions((pair.problem, pair.before == RIGHT, pair.after == RIGHT) for pair in decided),
        Counter((pair.before, pair.after) for pair in pairs),
        sum(pair.same for pair in pairs),
    )


def _choose_reader(
    place: RowsAt, before: str | None, after: str | None
) -> tuple[str, Callable[[Iterator[Record]], list[VerdictPair]]]:
    columns = place.columns()
    if before is not None or after is not None:
        if before is None or after is None:
            raise EvaluationError(f"{place.name}: name both columns of verdicts, --before and --after")
        for column in (before, after):
            if column not in columns:
                raise make_unknown_error(place.name, "column", column, columns)
        return "pairs", lambda records: _read_columns(records, before, after)
    if set(FLIPS) <= set(columns):
        return "flips", lambda records: _read_columns(records, "old_verdict", "new_verdict")
    return "turns", _read_turns


def _read_columns(records: Iterator[Record], before: str, after: str) -> list[VerdictPair]:
    return [
        VerdictPair(
            str(row.get("set") or row.get("dataset") or "all"),
            str(row.get("problem_id") or row.get("question") or source),
            _read_verdict(row, before, source),
            _read_verdict(row, after, source),
            row.get("flip") == "still wrong, same answer",
        )
        for source, row in _list_rows(records)
    ]


def _read_turns(records: Iterator[Record]) -> list[VerdictPair]:
    """Each revision beside the attempt that it revises."""
    return [
        VerdictPair(
            _name_turn(row),
            str(row["problem_id"]),
            _read_verdict(row, "verdict_before", source),
            _read_verdict(row, "verdict", source),
            _is_same_mistake(row),
        )
        for source, row in _list_turns(records)
        if row["turn"]
    ]


def _list_turns(records: Iterator[Record]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for source, row in _list_rows(records):
        missing = [name for name in TURNS if name not in row]
        if missing:
            raise EvaluationError(f"{source}: has no {missing[0]}, expected {', '.join(TURNS)} in each row of turns")
        yield source, row


def _is_same_mistake(row: Mapping[str, Any]) -> bool:
    """Whether a wrong answer was revised into the same."""
    before, after = row.get("answer_before"), row.get("extracted")
    both = row["verdict_before"] == row["verdict"] == WRONG
    return both and isinstance(before, str) and isinstance(after, str) and is_same_answer(before, after)


def _name_turn(row: Mapping[str, Any]) -> str:
    feedback = ", ".join(str(row[name]) for name in ("feedback_kind", "critic") if row.get(name))
    return f"turn {row['turn']}" + (f": {feedback}" if feedback else "")


def _list_rows(records: Iterator[Record]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((record.source, record.value) for record in records if record.value is not None)


def _read_verdict(row: Mapping[str, Any], column: str, source: str) -> str:
    """A verdict as this column says it: right, wrong, undecided, or true, false, null."""
    value = row.get(column)
    if not isinstance(value, str | bool | None) or value not in _WORDS:
        raise EvaluationError(
            f"{source}: {column} is {str(value)[:40]!r}, expected right, wrong, undecided, true, false or null"
        )
    return _WORDS[value]
