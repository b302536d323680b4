"""Evidence about the first wrong steps of some solutions, as arrays: a row each, a place each for steps that the longest has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.columns.gold import GOLD_STEP
from schemas.labels import Label
from tasks.localize.posterior.rates import EVIDENCE, LIKELIHOOD_BOUNDS, LIKELIHOODS, PLAIN_STEPS, STEPS, EvidenceName
from tasks.localize.posterior.step_marks import mark_steps
from tasks.localize.raters import parse_model
from tasks.sources.content_ids import digest

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
NONE = -1
TOGETHER = 400_000
"""Squares of lengths, about, that are worked on at once."""
DEPTHS = 16
"""Shares of the way through a solution that are told apart."""
COUNTS = ("tried", "succeeded")
START = ("start_tried", "start_succeeded")
"""Rollouts from the start of the problem, which nothing wrong precedes."""
MATERIAL = ("question", "steps", "reference", "right_rationale")
"""The columns that marks are made from; a right solution of the model stands in for a missing reference."""
PROVED = ("located_by", "first_error")
LIKELIHOOD_COLUMN = "judge_likelihoods"
PROOF = "proof"
"""The rater that `locate` is."""
FOLDS = 5
"""Folds of problems."""


class Marks(NamedTuple):
    """One of a few signs at each step."""

    signs: Integers
    """The number of each step's sign."""
    rows: NDArray[np.bool_]
    """Which rows have such signs."""


@dataclass
class EvidenceBatch:
    """The evidence about some solutions; behind a solution's steps arrays are 0."""

    lengths: Integers
    verdicts: list[str]
    tried: Floats
    succeeded: Floats
    start: Floats
    """Of each row the rollouts from the start that were tried, and those that succeeded."""
    folds: Integers
    truth: Integers
    """The first wrong step where it is known, the solution's length for none; -1 where it is not known."""
    marks: dict[str, Marks] = field(default_factory=dict)
    """By sort of evidence."""
    votes: dict[str, Floats] = field(default_factory=dict)
    """By rater: how often each step was named, and in the last two places none and nothing."""

    @cached_property
    def places(self) -> Integers:
        """The number of each place."""
        return np.arange(self.tried.shape[1])

    @cached_property
    def steps(self) -> NDArray[np.bool_]:
        """Whether a place is a step of the row's solution."""
        return np.less(self.places[None, :], self.lengths[:, None])

    @cached_property
    def counted(self) -> tuple[Integers, Integers]:
        """Successes, trials and depth of prefixes, each triple once, and which of them each place has."""
        depth = np.rint(DEPTHS * (self.places[None, :] + 1) / self.lengths[:, None]).astype(np.int64)
        counts = [self.succeeded.astype(np.int64), self.tried.astype(np.int64), np.minimum(depth, DEPTHS)]
        unique, at = np.unique(np.stack(counts, axis=2).reshape(-1, 3), axis=0, return_inverse=True)
        return unique, at.reshape(self.tried.shape)

    @cached_property
    def faulty(self) -> NDArray[np.bool_]:
        """Whether a solution's verdict is another than right."""
        return np.array([verdict != "right" for verdict in self.verdicts])

    def __len__(self) -> int:
        return len(self.lengths)

    def select(self, rows: Integers) -> EvidenceBatch:
        """The evidence of some rows, in the order of their numbers; one may come several times."""
        return EvidenceBatch(
            self.lengths[rows], [self.verdicts[row] for row in rows], self.tried[rows], self.succeeded[rows],
            self.start[rows], self.folds[rows], self.truth[rows],
            {name: Marks(marks.signs[rows], marks.rows[rows]) for name, marks in self.marks.items()},
            {rater: counts[rows] for rater, counts in self.votes.items()},
        )  # fmt: skip


def list_columns(labels: Sequence[Label]) -> tuple[str, ...]:
    """The columns that are looked at, where a table has them."""
    votes = [name for label in labels if label.votes for name in (label.votes.raters, label.votes.values)]
    return tuple(
        dict.fromkeys(
            ("problem_id", "verdict", *MATERIAL, *COUNTS, *START, LIKELIHOOD_COLUMN, *votes, *PROVED, GOLD_STEP)
        )
    )


def collect_evidence(
    rows: Sequence[Mapping[str, Any]], labels: Sequence[Label], wanted: Sequence[EvidenceName] = EVIDENCE
) -> EvidenceBatch:
    """The evidence of rows, each with one step or more.

    Args:
        rows: Rows with the columns of `list_columns`, as far as a table has them.
        labels: The labels whose votes are evidence.
        wanted: The evidence that is looked at.

    Returns:
        The arrays; those of evidence that is not looked at are empty.

    """
    rows = [_blind(row, wanted) for row in rows]
    lengths = np.array([len(row["steps"]) for row in rows], dtype=np.int64)
    longest = int(lengths.max(initial=1))
    tried, succeeded = (_pad([_count(row, name) for row in rows], longest) for name in COUNTS)
    folds = fold_problems([row.get("problem_id") or row["question"] for row in rows])
    truth = np.array([_read_truth(row) for row in rows], dtype=np.int64)
    verdicts = [row.get("verdict") or "undecided" for row in rows]
    start = np.array([[float(row.get(name) or 0) for name in START] for row in rows])
    batch = EvidenceBatch(lengths, verdicts, tried, succeeded, start, folds, truth)
    if "steps" in wanted:
        batch.marks |= _mark_numbers(rows, longest)
    if "likelihoods" in wanted:
        batch.marks |= _mark_likelihoods(rows, longest)
    for at, row in enumerate(rows):
        for rater, value in _list_votes(row, labels if "votes" in wanted else ()):
            counts = batch.votes.setdefault(rater, np.zeros((len(rows), longest + 2)))
            length = len(row["steps"])
            if value is None or NONE <= value < length:
                counts[at, -1 if value is None else -2 if value < 0 else value] += 1
    return batch


def _blind(row: Mapping[str, Any], wanted: Sequence[EvidenceName]) -> Mapping[str, Any]:
    """A row without the evidence that is not looked at."""
    hidden = (*((*COUNTS, *START) if "rollouts" not in wanted else ()), *(PROVED if "proofs" not in wanted else ()))
    return {name: value for name, value in row.items() if name not in hidden} if hidden else row


def batch_rows(rows: Iterable[Mapping[str, Any]]) -> list[list[int]]:
    """The numbers of rows that are worked on at once: of like length, so that little is padded."""
    ordered = sorted((len(row["steps"]), at) for at, row in enumerate(rows))
    batches: list[list[int]] = []
    for width, group in groupby(ordered, key=lambda pair: 1 << (max(pair[0], 4) - 1).bit_length()):
        numbers = [at for _, at in group]
        size = max(1, TOGETHER // (width * width))
        batches += [numbers[start : start + size] for start in range(0, len(numbers), size)]
    return batches


def fold_problems(problems: Sequence[str]) -> Integers:
    """The fold of each problem."""
    return np.array([int(digest("fold", problem), 16) % FOLDS for problem in problems], dtype=np.int64)


def _count(row: Mapping[str, Any], name: str) -> Sequence[float]:
    """The rollouts from each prefix but the last, which is the solution itself; none where they were not counted."""
    counts = row.get(name)
    return [float(value or 0) for value in counts[:-1]] if counts and len(counts) == len(row["steps"]) else []


def _pad(values: Sequence[Sequence[float]], longest: int) -> Floats:
    result = np.zeros((len(values), longest))
    for at, row in enumerate(values):
        result[at, : len(row)] = row
    return result


def _mark_numbers(rows: Sequence[Mapping[str, Any]], longest: int) -> dict[str, Marks]:
    """What the numbers of steps show, beside a right solution where one is known."""
    signs = np.zeros((len(rows), longest), dtype=np.int64)
    references = [row.get("reference") or row.get("right_rationale") for row in rows]
    for at, (row, reference) in enumerate(zip(rows, references)):
        signs[at, : len(row["steps"])] = mark_steps(row.get("question") or "", row["steps"], reference)
    beside = np.array([reference is not None for reference in references], dtype=bool)
    return _drop_empty({STEPS: Marks(signs, beside), PLAIN_STEPS: Marks(signs, ~beside)})


def _mark_likelihoods(rows: Sequence[Mapping[str, Any]], longest: int) -> dict[str, Marks]:
    """How probable judges find "right" after each step, in a few classes; the last is that of an unknown one."""
    signs = np.full((len(rows), longest), len(LIKELIHOOD_BOUNDS) + 1, dtype=np.int64)
    given = np.zeros(len(rows), dtype=bool)
    for at, row in enumerate(rows):
        values = row.get(LIKELIHOOD_COLUMN) or ()
        given[at] = len(values) == len(row["steps"]) and any(value is not None for value in values)
        for place, value in enumerate(values if given[at] else ()):
            if value is not None:
                signs[at, place] = int(np.searchsorted(LIKELIHOOD_BOUNDS, value))
    return _drop_empty({LIKELIHOODS: Marks(signs, given)})


def _drop_empty(marks: Mapping[str, Marks]) -> dict[str, Marks]:
    return {name: value for name, value in marks.items() if value.rows.any()}


def _read_truth(row: Mapping[str, Any]) -> int:
    """The outcome that is known to be true; -1 where none is, or where it contradicts the verdict."""
    truth, length = row.get(GOLD_STEP), len(row["steps"])
    if truth is None or truth >= length or (truth < 0 and row.get("verdict") == "wrong"):
        return -1
    return length if truth < 0 else int(truth)


def _list_votes(row: Mapping[str, Any], labels: Sequence[Label]) -> Iterable[tuple[str, int | None]]:
    """Each vote with its rater; a proof is the vote of one that is never undecided aloud."""
    for label in labels:
        if label.votes:
            raters, values = row.get(label.votes.raters) or (), row.get(label.votes.values) or ()
            yield from ((parse_model(rater), value) for rater, value in zip(raters, values))
    if row.get(PROVED[0]) is not None and row.get(PROVED[1]) is not None:
        yield PROOF, row[PROVED[1]]
