"""`estimate: {method: active}`: where it asks, when it stops, and what it says of rows that it gives up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import polars as pl
import pytest

from schemas.columns.gold import GOLD_STEP
from schemas.frames import to_polars_schema
from schemas.request import Completion, Failure, Reply, Request
from tasks.localize.active.outcome import REASONS
from tasks.localize.active.search import AT_ONCE, AUDITED, EACH
from tasks.localize.agree import AGREE
from tasks.localize.estimate import ESTIMATE
from tests.tasks.localize.test_estimate import GIVEN, NAMED, solution, table

SAY = Callable[[Request], Reply]
MARKS = ("axxxx", "aaxxx", "aaaxx", "aaaax")


def judged(number: int, label: int | None, **more: Any) -> dict[str, Any]:
    """A wrong solution that a judge has looked at."""
    votes: dict[str, Any] = {
        "judges": ["other@r1 #0"], "judge_labels": [label], "judge_faults": ["" if label is not None else "unparsable"],
        "judge_kinds": [""], "judge_reasons": [""], "judge_replies": ["so"], "judge_requests": [f"{number:x}"],
    }  # fmt: skip
    return solution(number, judge_first_error=label, **votes, **more)


def mistakes(number: int, hit: float = 0.7, seed: int = 0) -> list[dict[str, Any]]:
    """Wrong solutions; the judge names the first wrong step so often, else any."""
    random = Random(seed)
    rows = []
    for at in range(number):
        marks = MARKS[at % len(MARKS)]
        truth = marks.index("x")
        row = judged(at, truth if random.random() < hit else random.randrange(5), marks=marks)
        steps = [f"{step.splitlines()[0]} makes {20 * at + place}" for place, step in enumerate(row["steps"])]
        steps[-1] += "\n#### 8"
        rows.append({**row, "steps": steps, "rationale": "\n".join(steps)})
    return rows


def go_on(request: Request) -> Reply:
    """Comes to 7 four times of five from a prefix whose steps are all a, hardly ever else."""
    fine = set(re.findall(r"\. (.)", request.prefix)) <= {"a"}
    right = Random(request.id).random() < (0.8 if fine else 0.02)
    text = "9. z\n#### " + ("7" if right else "8")
    return Completion(request.id, text, "stop", 1024, 10, 5, None, "scripted", 0.0)


def find_error(steps: Sequence[str]) -> int:
    """The first wrong step."""
    return next(at for at, step in enumerate(steps) if "x" in step)


class Active:
    """The search all over a table, and then its parts; `paid` is what a ledger would have had to ask."""

    def __init__(
        self, parts: Sequence[pl.DataFrame], say: SAY = go_on, paid: dict[str, Reply] | None = None, **given: Any
    ) -> None:
        self.say, self.paid = say, {} if paid is None else paid
        self.rounds: list[int] = []
        self.bought: list[Request] = []
        rules = ESTIMATE.parameters.model_validate({"model": "small", "method": "active", **given})
        fit = ESTIMATE.fit(rules)
        assert fit is not None and fit.record is not None
        names = [name for name in parts[0].columns if name in fit.columns]
        fitted = self.carry(fit.ask([part.select(names) for part in parts], rules, NAMED))
        self.fitted: Any = fit.record.model_validate(fitted.model_dump(mode="json"), strict=False)
        searched, self.rounds_of_search = set(self.paid), len(self.rounds)
        outcomes = [self.carry(ESTIMATE.ask(part, self.fitted, NAMED)) for part in parts]
        assert set(self.paid) == searched, "a part asks what its table's search has not"
        self.frame = pl.concat([outcome.kept for outcome in outcomes])
        self.rows = self.frame.to_dicts()
        contract = ESTIMATE.makes(rules, GIVEN)
        assert self.frame.schema == to_polars_schema(contract)

    def carry(self, conversation: Any) -> Any:
        try:
            requests = next(conversation)
            while True:
                assert requests and len({request.id for request in requests}) == len(requests)
                self.rounds.append(len(requests))
                new = [request for request in requests if request.id not in self.paid]
                self.bought += new
                self.paid |= {request.id: self.say(request) for request in new}
                requests = conversation.send({request.id: self.paid[request.id] for request in requests})
        except StopIteration as end:
            return end.value


@pytest.fixture(scope="module")
def whole() -> Active:
    """Of some wrong solutions the search, and its rows."""
    return Active([table(*mistakes(40))])


def test_rows_are_decided_with_few_rollouts_and_rightly(whole: Active) -> None:
    talk = whole
    sure = [row for row in talk.rows if row["estimate_first_error"] is not None]
    assert len(sure) >= 28
    assert sum(row["estimate_first_error"] == find_error(row["steps"]) for row in sure) >= 0.97 * len(sure)
    assert all(row["estimate_probability"] >= 0.95 and row["estimate_undecided"] is None for row in sure)
    assert (
        sum(row["rollouts"] for row in talk.rows) == len(talk.bought) < 40 * 4 * 8 * 2 / 3
    )  # every-step asks so many but for the fraction
    assert {value for row in talk.rows for value in row["soft"]} == {None}
    assert talk.rows[0]["estimated_by"].startswith("active until 0.95, at most 8 rollouts a prefix; ")


def test_parts_are_one_table(whole: Active) -> None:
    rows = mistakes(40)
    parts = Active([table(*rows[:10]), table(*rows[10:])])
    assert parts.rows == whole.rows
    assert parts.fitted.outcomes == whole.fitted.outcomes


def test_what_was_answered_before_a_kill_is_not_asked_again(whole: Active) -> None:
    rows, killed = mistakes(40), len(whole.bought) // 2
    paid: dict[str, Reply] = {}
    answered = iter(range(10_000))

    def say(request: Request) -> Reply:
        if next(answered) == killed:
            raise KeyboardInterrupt
        paid[request.id] = go_on(request)
        return paid[request.id]

    with pytest.raises(KeyboardInterrupt):
        Active([table(*rows)], say)
    before = len(paid)
    again = Active([table(*rows)], paid=dict(paid))
    assert len(again.bought) == len(whole.bought) - before
    assert again.rows == whole.rows


def test_the_truth_is_not_looked_at() -> None:
    rules = ESTIMATE.parameters.model_validate({"model": "small", "method": "active"})
    fit = ESTIMATE.fit(rules)
    assert fit is not None and GOLD_STEP not in fit.columns
    frames = [table(*mistakes(30)).with_columns(pl.lit(gold, pl.Int64).alias(GOLD_STEP)) for gold in (0, 4)]
    first, other = (ESTIMATE.ask(frame, rules, NAMED) for frame in frames)  # a part alone sees all of its columns
    asked, also = next(first), next(other)
    for _ in range(6):
        assert [request.id for request in asked] == [request.id for request in also]
        replies = {request.id: go_on(request) for request in asked}
        asked, also = first.send(replies), other.send(replies)


@pytest.mark.parametrize(("tokens", "limit", "budget"), [(1024, 1024, 10 * 1024 + 5), (30, 50, 3_000)])
def test_a_budget_is_never_passed_whatever_comes(tokens: int, limit: int, budget: int) -> None:
    def say(request: Request) -> Reply:
        reply = go_on(request)
        assert isinstance(reply, Completion)
        return Completion(request.id, reply.text, "stop", 1024, 10, tokens, None, "scripted", 0.0)

    talk = Active([table(*mistakes(30, hit=0.5))], say, budget=budget, max_tokens=limit)
    spent = sum(row["rollout_tokens"] for row in talk.rows)
    assert spent <= budget
    assert spent >= budget - limit - tokens  # and it is used
    left = [row for row in talk.rows if row["estimate_undecided"] == REASONS["budget spent"]]
    assert left and all(row["estimate_first_error"] is None for row in left)
    assert f"a budget of {budget:,} tokens" in talk.rows[0]["estimated_by"]


def test_more_budget_decides_more_rows(whole: Active) -> None:
    sure = []
    for budget in (1, 1_500):
        talk = Active([table(*mistakes(40))], budget=budget, max_tokens=50)
        sure.append(sum(row["estimate_first_error"] is not None for row in talk.rows))
    assert sure[0] < sure[1] <= sum(row["estimate_first_error"] is not None for row in whole.rows)


def test_hopeless_rows_are_given_up_early_and_said_to_be() -> None:
    def fail(request: Request) -> Reply:
        return Completion(request.id, "9. z\n#### 8", "stop", 1024, 10, 5, None, "scripted", 0.0)

    rows = mistakes(30, hit=0.2)
    talk = Active([table(*rows)], fail)
    assert {row["estimate_undecided"] for row in talk.rows} == {REASONS["given up"]}
    assert {row["estimate_first_error"] for row in talk.rows} == {None}
    assert all(0 < row["estimate_probability"] < 0.95 for row in talk.rows)
    assert len(talk.bought) < 30 * 5 * 8 / 4  # of all that might be asked


def test_what_nobody_can_be_sure_of_was_asked_all() -> None:
    talk = Active([table(*mistakes(40, hit=0.4))], rollouts=1, until=0.999)
    reasons = [row["estimate_undecided"] for row in talk.rows]
    assert set(reasons) <= {REASONS["given up"], REASONS["asked all"], None}
    assert all(max(row["tried"][:-1]) <= 1 for row in talk.rows)


def test_right_solutions_need_no_rollout_and_undecided_ones_get_no_label() -> None:
    more = [solution(900, "right", marks="aaaaa"), solution(901, "undecided")]
    talk = Active([table(*mistakes(30), *more)])
    right, undecided = talk.rows[-2:]
    assert (right["estimate_first_error"], right["rollouts"], right["estimate_probability"]) == (-1, 0, None)
    assert (undecided["estimate_first_error"], undecided["estimate_undecided"]) == (None, "verdict undecided")
    assert undecided["estimate_probability"] is None


def test_replies_that_cannot_be_read_are_no_evidence_and_end_all_the_same() -> None:
    odd: dict[int, Callable[[Request], Reply]] = {
        0: lambda request: Failure(request.id, "too long"),
        1: lambda request: Completion(request.id, "#### 8", "length", 1024, 1, 1024, None, "scripted", 0.0),
    }
    talk = Active([table(*mistakes(30, hit=0.3))], lambda request: odd[int(request.id, 16) % 2](request))
    assert all(sum(row["tried"][:-1]) == 0 for row in talk.rows)
    assert sum(sum(row["unclear"]) for row in talk.rows) == len([r for r in talk.bought if r.prefix]) > 0


def test_a_row_gets_few_rollouts_at_once() -> None:
    talk = Active([table(*mistakes(40, hit=0.3))])
    most = max(number for _, number in AT_ONCE)
    assert talk.rounds[0] == AUDITED * EACH * 5  # some are tested throughout, from the start and from four prefixes
    assert max(talk.rounds[1 : talk.rounds_of_search]) <= 40 * most


def judge_honestly(request: Request) -> Reply:
    """Rollouts as `go_on`; judges name the first step that has another letter than a."""
    if request.prefix or "Judge" not in request.messages[-1].content:
        return go_on(request)
    steps = request.messages[-1].content.splitlines()
    wrong = next(line.split(".")[0] for line in steps if line[:1].isdigit() and "x" in line)
    return Completion(request.id, f"Step {wrong} is wrong.", "stop", 1024, 10, 3, None, "scripted", 0.0)


VOTES: Mapping[str, Any] = {
    "models": ["small"], "votes": 3, "temperature": 1.0, "max_tokens": 64, "prompt": "Judge {question}\n{solution}",
}  # fmt: skip


def test_further_votes_are_asked_for_where_they_tell_more_and_stand_beside_those_before() -> None:
    rows = [{**row, "text": row["rationale"]} for row in mistakes(24, hit=0.5)]
    talk = Active([table(*rows)], judge_honestly, judge=VOTES)
    votes = [request for request in talk.bought if "Judge" in request.messages[-1].content]
    assert votes and len(votes) == sum(len(row["judges"]) - 1 for row in talk.rows)
    for row in talk.rows:
        further = len(row["judges"]) - 1
        assert row["judges"] == ["other@r1 #0", *(f"small@r1 #{n}" for n in range(further))]
        assert len(row["judge_requests"]) == len(row["judge_labels"]) == further + 1 <= 4
        assert row["judge_tokens"] == 60 + 3 * further
    assert len([row for row in talk.rows if row["estimate_first_error"] is not None]) >= 12
    again = Active([talk.frame.select(GIVEN.names())], judge_honestly, judge=VOTES)
    known = {id_ for row in talk.rows for id_ in row["judge_requests"]}
    assert not known & {request.id for request in again.bought}  # what the table has is no further vote


def test_counts_of_a_search_are_evidence_for_the_posterior(whole: Active) -> None:
    rules = AGREE.parameters.model_validate({"rule": "posterior", "at_least": 0.9})
    kept = AGREE.run(whole.frame, rules).kept
    truth = [find_error(steps) for steps in kept["steps"].to_list()]
    assert kept.height >= 24
    assert sum(label == step for label, step in zip(kept["first_error"], truth)) >= 0.97 * kept.height
