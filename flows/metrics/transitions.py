"""Verdicts before and after: of turns of a revision, of two models, or of any two columns of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.metrics.critics import Critic, Critiques
from flows.metrics.evaluate import RowsAt
from schemas.columns.problems import VERDICTS
from schemas.task import Record
from tasks.evaluation.fields import EvaluationError, Rejected, make_unknown_error
from tasks.evaluation.score import Share
from tasks.evaluation.self_correction import Transitions, count_transitions
from tasks.verify.answer_keys import is_same_answer

RIGHT, WRONG, UNDECIDED = VERDICTS
TURNS = ("turn", "verdict_before", "verdict", "problem_id")
FLIPS = ("old_verdict", "new_verdict", "flip", "problem_id")
SELF, CROSS, ITERATIVE = "self", "cross", "iterative"
"""RealCritic's scenarios: who revises an attempt of its own, or another's, and who revises a revision."""
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
    scenario: str = ""
    """Which of RealCritic's scenarios it is; empty where that is not known."""


@dataclass(frozen=True)
class GroupTransitions:
    """The transitions of a group, and the pairs of which a verdict is undecided, which are in no figure."""

    decided: Transitions | None
    counts: Mapping[tuple[str, str], int]
    """How many pairs there are by verdict before and after."""
    same: int
    """Pairs that are wrong with the same answer."""

    @property
    def kept(self) -> Share:
        """Right answers that are still right, among those whose verdict after is decided, pair by pair, as RealCritic counts."""
        return self._share(RIGHT)

    @property
    def fixed(self) -> Share:
        """Wrong answers that are right now, likewise."""
        return self._share(WRONG)

    def _share(self, before: str) -> Share:
        right = self.counts.get((before, RIGHT), 0)
        return Share(right, right + self.counts.get((before, WRONG), 0))

    @property
    def undecided(self) -> int:
        """Pairs of which a verdict is undecided."""
        return sum(n for pair, n in self.counts.items() if UNDECIDED in pair)


@dataclass(frozen=True)
class TransitionTable:
    """All groups of some rows; rows in are pairs, first attempts, and rejected ones."""

    name: str
    """Where the rows lie."""
    kind: str
    """What the rows are: turns, flips, or pairs."""
    groups: Mapping[str, GroupTransitions]
    scenarios: Mapping[str, GroupTransitions]
    """The same pairs by RealCritic's scenario, where it is known."""
    first_attempts: int
    """Rows of turns before which there is nothing."""
    rejected: Sequence[Rejected]
    """Rows that cannot be read."""
    critics: Mapping[str, Critic]
    """By name who criticized attempts, beside their verdicts."""

    @property
    def pairs(self) -> int:
        """Pairs of verdicts, undecided ones too."""
        return sum(sum(group.counts.values()) for group in self.groups.values())

    @property
    def rows_in(self) -> int:
        """All rows that were looked at."""
        return self.pairs + self.first_attempts + len(self.rejected)


@dataclass
class _PairReader:
    """What was read of the rows so far."""

    pairs: list[VerdictPair] = field(default_factory=list)
    first_attempts: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    critiques: Critiques = field(default_factory=Critiques)

    def list_rows(self, records: Iterable[Record]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The rows of records; those that cannot be read are rejected."""
        for record in records:
            if record.value is None:
                self.rejected.append(Rejected(record.source, *(record.fault or ("unreadable", ""))))
            else:
                yield record.source, record.value


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
    reading = _PairReader()
    kind = ""
    for place in places:
        kind = _read_place(place, before, after, reading)
    name = ", ".join(place.name for place in places)
    if not reading.pairs:
        raise EvaluationError(f"{name}: no row holds a verdict before and one after; turns need one behind the first")
    scenarios = group_pairs((pair for pair in reading.pairs if pair.scenario), lambda pair: pair.scenario)
    return TransitionTable(
        name, kind, group_pairs(reading.pairs), {name: scenarios[name] for name in (SELF, CROSS, ITERATIVE) if name in scenarios},
        reading.first_attempts, reading.rejected, reading.critiques.summarize(),
    )  # fmt: skip


def group_pairs(
    pairs: Iterable[VerdictPair], name: Callable[[VerdictPair], str] = lambda pair: pair.group
) -> dict[str, GroupTransitions]:
    """The transitions by group, in the order of their names."""
    by_group: dict[str, list[VerdictPair]] = {}
    for pair in pairs:
        by_group.setdefault(name(pair), []).append(pair)
    return {group: _count_group(by_group[group]) for group in sorted(by_group)}


def _count_group(pairs: Sequence[VerdictPair]) -> GroupTransitions:
    decided = [pair for pair in pairs if UNDECIDED not in (pair.before, pair.after)]
    return GroupTransitions(
        count_transitions((pair.problem, pair.before == RIGHT, pair.after == RIGHT) for pair in decided),
        Counter((pair.before, pair.after) for pair in pairs),
        sum(pair.same for pair in pairs),
    )


def _read_place(place: RowsAt, before: str | None, after: str | None, reading: _PairReader) -> str:
    """Adds the rows of a place; what they are."""
    columns = place.columns()
    if before is not None or after is not None:
        if before is None or after is None:
            raise EvaluationError(f"{place.name}: name both columns of verdicts, --before and --after")
        for column in (before, after):
            if column not in columns:
                raise make_unknown_error(place.name, "column", column, columns)
        _read_columns(place, before, after, reading)
        return "pairs"
    if set(FLIPS) <= set(columns):
        _read_columns(place, "old_verdict", "new_verdict", reading)
        return "flips"
    _read_turns(place, columns, reading)
    return "turns"


def _read_columns(place: RowsAt, before: str, after: str, reading: _PairReader) -> None:
    reading.pairs += [
        VerdictPair(
            str(row.get("set") or row.get("dataset") or "all"),
            str(row.get("problem_id") or row.get("question") or source),
            read_verdict(row, before, source),
            read_verdict(row, after, source),
            row.get("flip") == "still wrong, same answer",
        )
        for source, row in reading.list_rows(place.records())
    ]


def _read_turns(place: RowsAt, columns: Sequence[str], reading: _PairReader) -> None:
    """Each revision beside the attempt that it revises, and each critique beside the verdict of what it criticizes."""
    models = _list_models(place) if {"turn_id", "model"} <= set(columns) else {}
    for source, row in _list_turns(reading.list_rows(place.records())):
        if not row["turn"]:
            reading.first_attempts += 1
            continue
        before, after = read_verdict(row, "verdict_before", source), read_verdict(row, "verdict", source)
        scenario = _find_scenario(row, models)
        reading.pairs.append(VerdictPair(_name_turn(row), str(row["problem_id"]), before, after, _is_same_mistake(row), scenario))  # fmt: skip
        reading.critiques.add(source, row, None if before == UNDECIDED else before == WRONG)
    reading.critiques.add_unread(place)


def _list_models(place: RowsAt) -> dict[str, str]:
    """By turn the model whose attempt it is."""
    rows = (record.value for record in place.records() if record.value is not None)
    return {str(row["turn_id"]): str(row["model"]) for row in rows if row.get("turn_id") and row.get("model")}


def _find_scenario(row: Mapping[str, Any], models: Mapping[str, str]) -> str:
    """Which of RealCritic's scenarios a revision is: whoever criticizes, else whoever revises, is held against the attempt's model."""
    if row["turn"] > 1:
        return ITERATIVE
    whose = models.get(str(row.get("parent_id")))
    return "" if whose is None else SELF if (row.get("critic") or row.get("model")) == whose else CROSS


def _list_turns(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for source, row in rows:
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


def read_verdict(row: Mapping[str, Any], column: str, source: str) -> str:
    """A verdict as this column says it: right, wrong, undecided, or true, false, null."""
    value = row.get(column)
    if not isinstance(value, str | bool | None) or value not in _WORDS:
        raise EvaluationError(
            f"{source}: {column} is {str(value)[:40]!r}, expected right, wrong, undecided, true, false or null"
        )
    return _WORDS[value]
