"""The search: rounds in which rollouts and votes are asked for where a token is expected to decide most rows.

What is asked next depends on what was answered, and a row is left once it is
sure. Such counts are no unbiased shares, but their likelihood is that of any
counts: where to stop was decided by what is in it (likelihood principle; Berger
and Wolpert 1988, chapter 4.2), and whom nobody asked is missing at random given
what is known (Rubin 1976, Biometrika 63), so that rates may be fitted to it. Gain is
measured as Lindley (1956, Annals of Mathematical Statistics 27) measures what
an experiment tells: by the entropy that it takes away.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.model_id import ModelId
from schemas.request import Reply, Request
from tasks.llm.read_channels import show_channel
from tasks.localize.active.cases import Case, Costs, find_vote_cost, open_case
from tasks.localize.active.groups import LEAST_CHANCE, CaseGroup, Question
from tasks.localize.active.outcome import SearchOutcome, State
from tasks.localize.estimate_parameters import EstimateParameters
from tasks.localize.judge import JudgeRequest, read_votes
from tasks.localize.posterior.evidence import NONE, Integers, batch_rows
from tasks.localize.posterior.fit import SAMPLE, fit_unknown
from tasks.localize.posterior.rates import Rates
from tasks.localize.rollout_rounds import WINDOW, Asker, Row, count_rollouts, request_next
from tasks.sources.content_ids import digest

AT_ONCE = ((0, 1), (4, 2), (16, 4))
"""Rollouts of a row in a round, from which round on: what is open for long must not take a round for each."""
AUDITED, MOST_AUDITED, EACH = 16, 500, 2
"""Rows that are tested throughout (and one in a hundred more, up to so many), by so many rollouts from each prefix."""
AUDIT_SHARE = 0.25
"""The part of a budget that this may cost."""
_DIGITS = 4


@dataclass
class _Asked:
    """A question that was put: its requests."""

    question: Question
    rollouts: list[tuple[Row, str, Request]]
    vote: JudgeRequest | None = None

    @property
    def requests(self) -> Sequence[Request]:
        return self.vote.requests if self.vote else [request for *_, request in self.rollouts]


def _sample_cases(groups: Sequence[CaseGroup], most: int, seed: str, right: bool) -> list[Integers]:
    """So many rows of the groups, right ones among them or not: always the same ones, however many there are."""
    hashes = sorted(
        (digest(seed, case.row.values["solution_id"]), number, at)
        for number, group in enumerate(groups)
        for at, case in enumerate(group.cases)
        if right or not case.row.tally.right
    )[:most]
    return [
        np.array([at for _, group, at in hashes if group == number], dtype=np.int64) for number in range(len(groups))
    ]


class Search:
    """What is asked about some solutions, in rounds.

    Args:
        rows: The solutions.
        rules: Until when, and how much at most.
        names: How requests name each model of the recipe.
        asker: How the completer is asked.

    """

    def __init__(
        self, rows: Sequence[Row], rules: EstimateParameters, names: Mapping[str, ModelId], asker: Asker
    ) -> None:
        assert isinstance(rules.rollouts, int)
        self.rows, self.rules, self.asker = rows, rules, asker
        models = rules.judge.models if rules.judge else ()
        judges = [names[name].describe() for name in models]
        self.cases = [open_case(row, rules.rollouts, rules.judge, names) for row in rows]
        self.groups = [
            CaseGroup([self.cases[at] for at in numbers], judges)
            for numbers in batch_rows([row.values for row in rows])
        ]
        self.costs = Costs(len(judges), find_vote_cost(rows, rules.judge.max_tokens if rules.judge else 0))
        wrong = sum(not case.row.tally.right for case in self.cases)
        self.samples = _sample_cases(self.groups, 2 * SAMPLE, "sample", right=True)
        """Rows of each group that rates are fitted to,"""
        most = min(MOST_AUDITED, AUDITED + wrong // 100)
        self.audited = _sample_cases(self.groups, most, "audit", right=False)
        """and those that are tested throughout, sure or not."""
        self.rates = Rates()
        self.rounds, self.spent = 0, 0

    def ask(self) -> Generator[Sequence[Request], Mapping[str, Reply], None]:
        """Ask round after round, until each row is sure or given up, or the budget is spent."""
        while asked := self._audit():
            replies = yield [request for each in asked for request in each.requests]
            self._count(asked, replies)
        ended = False
        while True:
            # rates are fitted anew when twice as much is known, and at the end, which may open rows again
            fits = ended or self.rounds & (self.rounds - 1) == 0
            if fits:
                self._fit()
            for group in self.groups:
                group.assess(self.rates, self.rules.certainty)
            asked = self._choose()
            if asked:
                replies = yield [request for each in asked for request in each.requests]
                self._count(asked, replies)
                self.rounds, ended = self.rounds + 1, False
            elif fits:
                return
            else:
                ended = True

    def _fit(self) -> None:
        """Rates that fit what is known so far; the truth is not asked."""
        batches = [group.batch.select(rows) for group, rows in zip(self.groups, self.samples) if len(rows)]
        self.rates = fit_unknown(batches) if batches else self.rates
        for group in self.groups:
            group.stale[:] = True

    def _audit(self) -> list[_Asked]:
        """The rollouts that rows which are tested throughout still lack, as many as fit into a round and a part of the budget."""
        questions = [
            Question(1.0, group, int(at), prefix, None)
            for group, rows in zip(self.groups, self.audited)
            for at in rows
            for prefix, left in enumerate(group.cases[at].left)
            for _ in range(min(EACH, group.cases[at].most) - group.cases[at].most + left)
        ]
        share = None if self.rules.budget is None else int(AUDIT_SHARE * self.rules.budget)
        return self._put_all(questions, share, 1)

    def _choose(self) -> list[_Asked]:
        """The questions of a round: those of most gain, as many as fit into a round and into the budget."""
        until = self.rules.certainty
        questions = [
            question for group in self.groups for question in group.list_questions(self.rates, until, self.costs)
        ]
        questions.sort(key=lambda question: -question.gain)
        return self._put_all(
            questions, self.rules.budget, max(number for since, number in AT_ONCE if self.rounds >= since)
        )

    def _put_all(self, questions: Sequence[Question], budget: int | None, at_once: int) -> list[_Asked]:
        """Ask questions, the first first, as long as what they may cost fits into a budget whatever comes."""
        room, tokens = WINDOW, sys.maxsize if budget is None else budget - self.spent
        asked: list[_Asked] = []
        for question in questions:
            most = self._find_limit(question)
            number = min(room, tokens // most, at_once)
            if number < 1:
                continue
            asked.append(self._put(question, number))
            room -= len(asked[-1].requests)
            tokens -= most * len(asked[-1].requests)
        return asked

    def _find_limit(self, question: Question) -> int:
        """Tokens that a reply may have."""
        return (
            self.rules.max_tokens if self.rules.judge is None or question.judge is None else self.rules.judge.max_tokens
        )

    def _put(self, question: Question, number: int) -> _Asked:
        """Ask a question: some rollouts of a prefix at most, or one vote."""
        case: Case = question.group.cases[question.at]
        if question.judge is not None:
            vote = case.votes[question.judge][case.asked[question.judge]]
            case.asked[question.judge] += 1
            return _Asked(question, [], vote)
        assert question.prefix is not None
        prefix, number = case.prefixes[question.prefix], min(number, case.left[question.prefix])
        case.left[question.prefix] -= number
        return _Asked(question, [(case.row, prefix, request_next(case.row, prefix, self.asker)) for _ in range(number)])

    def _count(self, asked: Sequence[_Asked], replies: Mapping[str, Reply]) -> None:
        """Take over a round's replies."""
        rollouts = [rollout for each in asked for rollout in each.rollouts]
        count_rollouts(rollouts, replies, self.asker)
        for row, prefix, request in rollouts:
            tokens = row.spent[request.id]
            self.spent += tokens
            self.costs.add_rollout(len(row.tally.prefixes[-1]) - len(prefix), tokens)
        for each in asked:
            if each.vote is not None:
                self._count_vote(each.question, each.vote, replies)
        for group in self.groups:
            group.recount([each.question.at for each in asked if each.question.group is group])

    def _count_vote(self, question: Question, vote: JudgeRequest, replies: Mapping[str, Reply]) -> None:
        assert self.rules.judge is not None and question.judge is not None
        values = show_channel(question.group.cases[question.at].row.values, self.rules.judge.of)
        (cast,) = read_votes(values, [vote], replies, self.rules.judge)
        question.group.count_vote(question.at, cast)
        self.spent += cast.tokens
        self.costs.add_vote(question.judge, cast.tokens)

    def list_outcomes(self) -> Iterator[tuple[Case, SearchOutcome]]:
        """What the search came to for each row."""
        for group in self.groups:
            sure = group.find_sure(self.rules.certainty)
            for at, case in enumerate(group.cases):
                chances = np.exp(group.logs[at, : len(case.left) + 1])
                step = int(chances.argmax())
                yield (
                    case,
                    SearchOutcome(
                        state="sure" if sure[at] else _find_state(case, float(group.chance[at])),
                        first_error=NONE if step == len(case.left) else step,
                        probability=round(float(chances[step]), _DIGITS),
                        rollouts=tuple(case.most - left for left in case.left),
                        votes=tuple(case.asked),
                    ),
                )


def _find_state(case: Case, chance: float) -> State:
    """Why nothing more was asked about a row that is not sure."""
    if case.is_exhausted():
        return "asked all"
    return "given up" if chance < LEAST_CHANCE else "budget spent"
