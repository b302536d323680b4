"""Solutions of like length with the evidence about them as arrays, and the best question about each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from schemas.columns.labels import AGREE_LABEL
from tasks.localize.active.cases import Case, Costs
from tasks.localize.active.gains import DRAWS, forecast_decisions, measure_entropy, measure_information
from tasks.localize.judge import JudgeVote
from tasks.localize.posterior.evidence import NONE, TOGETHER, EvidenceBatch, Floats, Integers, collect_evidence
from tasks.localize.posterior.fit import distribute
from tasks.localize.posterior.predictions import RolloutPredictions, count_votes
from tasks.localize.posterior.rates import EVIDENCE, ROLLOUTS, Rates, VoteRates
from tasks.localize.raters import parse_model
from tasks.localize.rollout_counts import START

LEAST_CHANCE = 0.2
"""A row that all further evidence would decide less often than this is given up."""
QUESTIONS = 16
"""Prefixes of a row that are compared: those of which it is least known whether they are right."""
_NEAR = 0.05
"""Nats that are still to be told of a row, at least."""


class Question(NamedTuple):
    """What may be asked about a row."""

    gain: float
    """Rows that are expected to be decided for a token."""
    group: CaseGroup
    at: int
    """The row, in its group."""
    prefix: int | None
    """Rollouts from the start (0), or through a step (1, 2, …); or"""
    judge: int | None
    """a vote of this judge."""


class CaseGroup:
    """Solutions that are asked about side by side.

    Args:
        cases: The solutions.
        judges: The rater that each judge is.

    """

    def __init__(self, cases: Sequence[Case], judges: Sequence[str]) -> None:
        self.cases, self.judges = cases, judges
        seen = tuple(
            name for name in EVIDENCE if name != ROLLOUTS
        )  # those that a table before counted are not this search's
        self.batch = collect_evidence([case.row.values for case in cases], AGREE_LABEL.combines, seen)
        for rater in judges:
            self.batch.votes.setdefault(rater, np.zeros((len(cases), len(self.batch.places) + 2)))
        self.logs: Floats = np.zeros((len(cases), len(self.batch.places) + 1))
        """The log-posterior of each row."""
        self.chance = np.zeros(len(cases))
        """The chance of each row that is not sure to be so once all was asked."""
        self.stale = np.ones(len(cases), dtype=bool)
        """The rows of which more is known than was reckoned with."""

    def count_vote(self, at: int, vote: JudgeVote) -> None:
        """Take over what a judge says of a row."""
        self.cases[at].cast.append(vote)
        label, counts = vote.judgement.label, self.batch.votes[parse_model(vote.judge)]
        counts[at, -1 if label is None else -2 if label == NONE else label] += 1

    def recount(self, rows: Sequence[int]) -> None:
        """Take over what rollouts of some rows have come to."""
        batch: EvidenceBatch = self.batch
        tried, succeeded, start = batch.tried.copy(), batch.succeeded.copy(), batch.start.copy()
        for at in rows:
            case = self.cases[at]
            tally, prefixes = case.row.tally, case.prefixes[1:]
            start[at] = tally.count_decided(START), tally.count(START, True)
            tried[at, : len(prefixes)] = [tally.count_decided(prefix) for prefix in prefixes]
            succeeded[at, : len(prefixes)] = [tally.count(prefix, True) for prefix in prefixes]
            self.stale[at] = True
        self.batch = replace(batch, tried=tried, succeeded=succeeded, start=start)

    def assess(self, rates: Rates, until: float) -> None:
        """Work out how sure the rows are of which more is known now, and whether more would help."""
        rows = np.flatnonzero(self.stale)
        if len(rows):
            self.logs[rows] = distribute(self.batch.select(rows), rates)[0]
            for some in _cut(rows[~self.find_sure(until)[rows]], DRAWS * len(self.batch.places) ** 2):
                self.chance[some] = self._forecast(some, rates, until)
            self.stale[:] = False

    def find_sure(self, until: float) -> np.ndarray:
        """Which rows are sure."""
        return np.asarray(np.exp(self.logs).max(axis=1) >= until)

    def list_questions(self, rates: Rates, until: float, costs: Costs) -> Iterator[Question]:
        """The best question about each row that is neither sure nor given up."""
        open_ = np.flatnonzero(~self.find_sure(until) & (self.chance >= LEAST_CHANCE))
        for rows in _cut(open_, len(self.batch.places) ** 2):
            yield from self._compare(rows, rates, costs)

    def _forecast(self, rows: Integers, rates: Rates, until: float) -> Floats:
        votes = {
            rater: np.array([self.cases[at].count_votes_left(judge) for at in rows])
            for judge, rater in enumerate(self.judges)
        }
        rollouts = self._gather([self.cases[at].left for at in rows]).astype(np.int64)
        return forecast_decisions(self.batch.select(rows), rates, self.logs[rows], rollouts, votes, until)

    def _compare(self, rows: Integers, rates: Rates, costs: Costs) -> Iterator[Question]:
        """The best question about each of some rows: nats that it is expected to tell, for a token."""
        part, logs = self.batch.select(rows), self.logs[rows]
        prefixes, rollouts = self._weigh_rollouts(rows, part, logs, rates, costs)
        votes = self._weigh_votes(rows, part, logs, rates, costs)
        worth = np.hstack([rollouts, votes])
        best = worth.argmax(axis=1)
        untold = np.maximum(measure_entropy(logs), _NEAR)
        for number, at in enumerate(rows):
            choice, asked = int(best[number]), rollouts.shape[1]
            if worth[number, choice] > 0:
                gain = float(self.chance[at] * worth[number, choice] / untold[number])
                prefix = int(prefixes[number, choice]) if choice < asked else None
                yield Question(gain, self, int(at), prefix, choice - asked if prefix is None else None)

    def _weigh_rollouts(
        self, rows: Integers, part: EvidenceBatch, logs: Floats, rates: Rates, costs: Costs
    ) -> tuple[Integers, Floats]:
        """The prefixes that are compared, and what a rollout from each is worth."""
        left = self._gather([self.cases[at].left for at in rows])
        right = np.cumsum(np.exp(logs)[:, ::-1], axis=1)[:, ::-1]
        prefixes = np.argsort(np.abs(right - 0.5) + (left == 0), axis=1, kind="stable")[:, :QUESTIONS]
        success = RolloutPredictions(part, rates.rollouts).predict(prefixes)
        told = measure_information(logs, np.stack([success, 1 - success], axis=-1), rates.weigh(ROLLOUTS))
        behind = self._gather([_measure_rest(self.cases[at]) for at in rows])
        cost = costs.estimate_rollout(np.take_along_axis(behind, prefixes, axis=1))
        return prefixes, np.where(np.take_along_axis(left, prefixes, axis=1) > 0, told / cost, 0.0)

    def _weigh_votes(self, rows: Integers, part: EvidenceBatch, logs: Floats, rates: Rates, costs: Costs) -> Floats:
        """What a vote of each judge is worth."""
        result = np.zeros((len(rows), len(self.judges)))
        for judge, rater in enumerate(self.judges):
            counts = count_votes(part, rater, rates.votes.get(rater, VoteRates()))
            replies = (counts / counts.sum(axis=2, keepdims=True))[:, :, None, :]
            left = np.array([self.cases[at].count_votes_left(judge) for at in rows])
            told = measure_information(logs, replies, rates.weigh(rater))[:, 0]
            result[:, judge] = np.where(left > 0, told / costs.estimate_vote(judge), 0.0)
        return result

    def _gather(self, values: Sequence[Sequence[int]]) -> Floats:
        """A number for the start and each place, by row; 0 behind the last step."""
        result = np.zeros((len(values), len(self.batch.places) + 1))
        for number, row in enumerate(values):
            result[number, : len(row)] = row
        return result


def _measure_rest(case: Case) -> list[int]:
    """Characters of the solution behind each prefix."""
    whole = len(case.row.tally.prefixes[-1])
    return [whole - len(prefix) for prefix in case.prefixes]


def _cut(rows: Integers, size: int) -> Iterator[Integers]:
    """Rows in portions that are worked on at once; each takes so many numbers."""
    portion = max(1, TOGETHER // size)
    for start in range(0, len(rows), portion):
        yield rows[start : start + portion]
