"""The task `continue`: what it asks, what it keeps, and that `estimate` paid for it before."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

import polars as pl
import pytest

from schemas.columns.problems import ASKED_COLUMNS, SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.contract import Column, Contract
from schemas.frames import check, to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Reply, Request
from schemas.task import Outcome
from tasks.corrections import continuations
from tasks.corrections.continuations import CONTINUE, ContinueParameters
from tasks.localize.estimate import ESTIMATE
from tasks.localize.estimate_parameters import EstimateParameters

NAMED = {"small": ModelId("small", "r1")}
FIRST = Column("first_error", "integer", "The first wrong step.", nullable=True, at_least=-1)
GIVEN = SOLUTIONS.having(*ASKED_COLUMNS, *STEP_COLUMNS, *VERDICT_COLUMNS, FIRST)


def solution(number: int, first: int | None = 1, **more: Any) -> dict[str, Any]:
    """A solution of three steps, of which the second is wrong."""
    steps = ["1. a", "2. x", "3. x\n#### 8"]
    key = f"{number:024x}"
    return {
        "solution_id": key, "problem_id": key, "set": "s", "question": f"Q{number}?", "answer": "7", "steps": steps, "text": "\n".join(steps),
        "rationale": "\n".join(steps), "verdict": "wrong", "model": "small@r1", "sampling": "t", "step_rule": "numbered",
        "source": "f:1", "request_id": "0" * 32, "first_error": first, **more,
    }  # fmt: skip


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=to_polars_schema(GIVEN))


def reply(request: Request, text: str, finish: Literal["stop", "length"] = "stop") -> Reply:
    return Completion(request.id, text, finish, 1024, 10, 5, None, "scripted", 0.0)


def honest(request: Request) -> Reply:
    """Right where all steps before are a: the even samples say the same, the odd ones a step of their own."""
    fine = set(re.findall(r"\. (.)", request.prefix)) <= {"a"}
    own = "a" if request.sample % 2 == 0 else f"a{request.sample}"
    return reply(request, f"2. {own}\n3. b\n#### {7 if fine else 8}")


def converse(
    part: pl.DataFrame, say: Callable[[Request], Reply] = honest, **given: Any
) -> tuple[list[Request], Outcome]:
    """All requests of a conversation, and its outcome, which keeps the contract and accounts for every row."""
    rules = ContinueParameters.model_validate({"model": "small", **given})
    assert CONTINUE.check(rules, GIVEN) == []
    conversation = CONTINUE.ask(part, rules, NAMED)
    asked: list[Request] = []
    try:
        requests = next(conversation)
        while True:
            asked += requests
            requests = conversation.send({request.id: say(request) for request in requests})
    except StopIteration as end:
        outcome: Outcome = end.value
    check(outcome.kept, CONTINUE.makes(rules, GIVEN), "test")
    assert outcome.kept.height + outcome.rejected.height == part.height * CONTINUE.rows_per_row(rules)
    return asked, outcome


def test_a_right_continuation_is_a_solution_with_the_step_that_was_wrong_beside_it() -> None:
    asked, outcome = converse(table(solution(0)))
    (row,) = outcome.kept.to_dicts()
    assert [request.prefix for request in asked] == ["1. a\n"]
    assert row["text"] == "1. a\n2. a\n3. b\n#### 7"
    assert (row["steps_before"], row["wrong_step"], row["next_step"]) == (["1. a"], "2. x", "2. a")
    assert row["steps"] == ["1. a", "2. a", "3. b", "#### 7"] or row["steps"] == ["1. a", "2. a", "3. b\n#### 7"]
    assert (row["verdict"], row["continued"], row["from_id"]) == ("right", "before error", f"{0:024x}")
    assert (row["tries"], row["tries_right"], row["tokens"]) == (1, 1, 5)


def test_places_that_have_enough_are_asked_no_more() -> None:
    asked, outcome = converse(table(solution(0), solution(1, verdict="wrong")), most=3, samples=8)
    assert len(asked) == 2 * 6  # of the first three two begin alike, so three more are asked for
    assert outcome.kept.group_by("from_id").len()["len"].to_list() == [3, 3]
    assert outcome.kept["next_step"].n_unique() == 3
    same, kept = converse(table(solution(0)), most=3, samples=8, distinct=False)
    assert (len(same), kept.kept.height) == (3, 3)


def test_a_round_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuations, "WINDOW", 3)
    asked, outcome = converse(table(*(solution(number) for number in range(9))))
    assert len(asked) == outcome.kept.height == 9


def test_what_came_is_told_where_too_little_is_right() -> None:
    asked, outcome = converse(table(solution(0)), at="through error", samples=5)
    assert [request.prefix for request in asked] == ["1. a\n2. x\n"] * 5
    assert outcome.rejected.select("reason", "detail").rows() == [
        ("fewer right continuations than wanted", "through error: 5 asked for, 0 kept; 5 wrong")
    ]
    _, both = converse(table(solution(0)), at=["before error", "through error"], keep="all", samples=2)
    assert both.kept.select("continued", "verdict").rows() == [("before error", "right"), ("through error", "wrong")]


@pytest.mark.parametrize(
    ("text", "finish", "reason"),
    [
        ("2. x\n3. b\n#### 7", "stop", "the wrong step again"),
        ("2. a", "length", "truncated completion"),
        ("  ", "stop", "empty completion"),
        ("2. a\nPerhaps.", "stop", "undecided"),
        ("2. a\n5. b\n#### 7", "stop", "several steps in one"),  # a number is left out, and two steps are one
    ],
)
def test_continuations_that_are_none(text: str, finish: Literal["stop", "length"], reason: str) -> None:
    _, outcome = converse(table(solution(0)), lambda request: reply(request, text, finish), samples=2)
    assert outcome.rejected["detail"].to_list() == [f"before error: 2 asked for, 0 kept; 2 {reason}"]


def test_solutions_without_a_located_mistake_are_rejected_for_each_row_they_stand_for() -> None:
    part = table(solution(0, None), solution(1, -1), solution(2, 7), solution(3, thinking="a", thinking_finished=False))
    asked, outcome = converse(part, most=2)
    assert asked == [] and outcome.kept.height == 0
    assert outcome.rejected["reason"].to_list() == [
        *["no located mistake"] * 4, *["a first wrong step that the solution does not have"] * 2, *["unfinished thought"] * 2,
    ]  # fmt: skip


def test_a_mistake_in_the_first_step_is_gone_on_from_at_the_start_and_never_by_its_own_request() -> None:
    start = solution(0, 0)
    asked, _ = converse(table(start), samples=1)
    again, _ = converse(table(start | {"request_id": asked[0].id}), samples=1)
    assert [request.prefix for request in asked + again] == ["", ""]
    assert (asked[0].sample, again[0].sample) == (0, 1)


def test_what_goes_on_from_a_solution_of_one_step_is_cut_into_its_own() -> None:
    only = solution(0, 0, steps=["1. x\n#### 8"], text="1. x\n#### 8", rationale="1. x\n#### 8", step_rule="whole")
    _, outcome = converse(table(only), lambda request: reply(request, "1. a\n2. b\n#### 7"))
    (row,) = outcome.kept.to_dicts()
    assert (row["next_step"], row["step_rule"]) == ("1. a", "numbered")


def test_what_estimate_paid_for_is_not_asked_again() -> None:
    rows = [solution(number) for number in range(4)]
    rules = EstimateParameters(model="small", method="every-step", label="soft", rollouts=6)
    paid: dict[str, Reply] = {}
    conversation = ESTIMATE.ask(table(*rows), rules, NAMED)
    try:
        requests = next(conversation)
        while True:
            paid |= {request.id: honest(request) for request in requests}
            requests = conversation.send(paid)
    except StopIteration:
        pass
    asked, outcome = converse(table(*rows), most=5, samples=8)
    missing = [request for request in asked if request.id not in paid]
    assert outcome.kept.height == 20 and len(asked) == 4 * 8
    assert len(missing) == 4 * (8 - 6)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"prompt": "categories"}, "prompt: has no {question}; put it where the problem belongs"),
        ({"at": ["before error", "before error"]}, "at: names a place twice; keep one"),
        ({"most": 3, "samples": 2}, "most: 3 of 2 samples cannot be kept; raise `samples`, or lower `most`"),
    ],
)
def test_parameters_that_do_not_go_together(given: dict[str, Any], fault: str) -> None:
    rules = ContinueParameters.model_validate({"model": "small", **given})
    assert CONTINUE.check(rules, Contract("", "", (), "")) == [fault]
