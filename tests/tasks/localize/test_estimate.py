"""The task `estimate`: its columns, what it asks, what it counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from schemas.columns.labels import JUDGE_COLUMNS
from schemas.columns.problems import ASKED_COLUMNS, SOLUTION_ID, SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.contract import Contract
from schemas.frames import check, to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Failure, Reply, Request, Sampling
from tasks.llm import prompts
from tasks.localize import rollout_rounds
from tasks.localize.estimate import ESTIMATE, HARDLY
from tasks.localize.estimate_parameters import EstimateParameters

NAMED = {"small": ModelId("small", "r1")}
GIVEN = SOLUTIONS.having(*ASKED_COLUMNS, *STEP_COLUMNS, *VERDICT_COLUMNS, *JUDGE_COLUMNS)
STEPS = 5


def solution(number: int, verdict: str = "wrong", **more: Any) -> dict[str, Any]:
    """A solution of five steps; a step of letters other than a is wrong."""
    marks = more.pop("marks", "aaxxx")
    steps = [f"{i + 1}. {mark}" for i, mark in enumerate(marks)]
    steps[-1] += "\n#### " + ("7" if verdict == "right" else "8")
    return {
        "solution_id": f"{number:024x}", "problem_id": f"{number:024x}", "question": f"Q{number}?", "answer": "7",
        "steps": steps, "rationale": "\n".join(steps), "verdict": verdict, "model": "small@r1",
        "sampling": "temperature 1, top_p 1, prompt solve", "judge_first_error": 2, "judge_tokens": 60, "tokens": 40, **more,
    }  # fmt: skip


def table(*rows: Mapping[str, Any]) -> pl.DataFrame:
    schema = to_polars_schema(GIVEN)
    empty: dict[Any, Any] = {pl.String(): "", pl.Int64(): 0, pl.Float64(): 0.0, pl.Boolean(): None}
    filled = [{name: row.get(name, empty.get(kind, [])) for name, kind in schema.items()} for row in rows]
    return pl.DataFrame(filled, schema=schema)


def honest(request: Request) -> Reply:
    """Comes to 7 from a prefix whose steps are all a, else to 8."""
    fine = set(re.findall(r"\. (.)", request.prefix)) <= {"a"}
    answer = "9. z\n#### " + ("7" if fine else "8")
    return Completion(request.id, answer, "stop", 1024, 10, 5, None, "scripted", 0.0)


class Talk:
    """A conversation carried on to its end."""

    def __init__(self, part: pl.DataFrame, say: Callable[[Request], Reply] = honest, **given: Any) -> None:
        self.asked: list[Request] = []
        self.rounds = 0
        rules = EstimateParameters.model_validate({"model": "small", **given})
        conversation = ESTIMATE.ask(part, rules, NAMED)
        try:
            requests: Sequence[Request] = next(conversation)
            while True:
                self.rounds += 1
                self.asked += requests
                requests = conversation.send({request.id: say(request) for request in requests})
        except StopIteration as end:
            self.outcome = end.value
        self.rows = self.outcome.kept.to_dicts()
        added = [column for column in ESTIMATE.makes(rules, GIVEN).columns if column.name not in GIVEN.names()]
        contract = Contract("estimates", "", (SOLUTION_ID, *added), SOLUTION_ID.name)
        check(self.outcome.kept.select(contract.names()), contract, "test")


@pytest.mark.parametrize("method", ["every-step", "sequential", "binary", "witness"])
def test_each_method_labels_and_counts(method: str) -> None:
    talk = Talk(table(solution(0), solution(1)), method=method, rollouts=4)
    assert talk.outcome.rejected.height == 0
    assert len(talk.asked) == len({request.id for request in talk.asked}) == sum(row["rollouts"] for row in talk.rows)
    for row in talk.rows:
        assert (row["estimate_first_error"], row["estimate_undecided"]) == (2, None)
        assert row["hard"][:3] == [1, 1, 0] and row["hard"][-1] == 0
        assert row["succeeded"][:2] in ([1, 1], [0, 1], [4, 4], [4, 0])
        assert (row["tried"][2], row["succeeded"][2]) == (4, 0)
        assert (row["tried"][-1], row["succeeded"][-1]) == (1, 0)  # the solution itself
        assert row["rollout_tokens"] == 5 * row["rollouts"]
        assert row["estimated_by"].startswith(f"{method}, 4 rollouts")


def test_soft_values_have_wilsons_interval() -> None:
    row = Talk(table(solution(0)), method="every-step", label="soft", rollouts=4).rows[0]
    assert row["tried"] == [4, 4, 4, 4, 1]
    assert row["soft"] == [1, 1, 0, 0, 0]
    assert (row["soft_low"][-1], row["soft_high"][-1]) == (0, 0)  # the end has nothing to roll out
    assert row["soft_low"][0] == pytest.approx(0.5101, abs=1e-4)
    assert row["soft_high"][2] == pytest.approx(0.4899, abs=1e-4)


def test_rows_of_a_round_go_to_the_engine_together() -> None:
    talk = Talk(table(*(solution(i) for i in range(30))), method="sequential", rollouts=4)
    assert talk.rounds == 6  # two successes, four failures
    assert len(talk.asked) == 30 * 6


def test_a_round_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_rounds, "WINDOW", 10)
    rows = [solution(i) for i in range(30)]
    sizes: list[int] = []
    conversation = ESTIMATE.ask(table(*rows), EstimateParameters(model="small"), NAMED)
    outcome = None
    requests = next(conversation)
    while outcome is None:
        sizes.append(len(requests))
        try:
            requests = conversation.send({request.id: honest(request) for request in requests})
        except StopIteration as end:
            outcome = end.value
    assert max(sizes) <= 10
    assert outcome.kept["estimate_first_error"].to_list() == [2] * 30


def test_a_right_solution_needs_no_rollout_and_an_undecided_one_gets_no_label() -> None:
    talk = Talk(table(solution(0, "right", marks="aaaaa"), solution(1, "undecided")), method="every-step")
    assert talk.asked == []
    assert [row["estimate_first_error"] for row in talk.rows] == [-1, None]
    assert [row["estimate_undecided"] for row in talk.rows] == [None, "verdict undecided"]
    assert [len(row["hard"]) for row in talk.rows] == [5, 5]


def test_a_right_solution_gets_soft_values_where_they_are_asked_for() -> None:
    talk = Talk(table(solution(0, "right", marks="aaaaa")), method="every-step", label="soft", rollouts=3)
    assert talk.rows[0]["tried"] == [3, 3, 3, 3, 1]
    assert talk.rows[0]["estimate_first_error"] == -1


def test_rollouts_that_are_cut_off_refused_or_empty_are_neither() -> None:
    replies = iter(range(1000))

    def odd(request: Request) -> Reply:
        if request.prefix.count("\n") != 3:
            return honest(request)
        odds: list[Reply] = [
            Failure(request.id, "too long"),
            Completion(request.id, "#### 8", "length", 1024, 1, 1024, None, "scripted", 0.0),
            Completion(request.id, "", "stop", 1024, 1, 0, None, "scripted", 0.0),
        ]
        return odds[next(replies) % 3]

    row = Talk(table(solution(0)), odd, method="sequential", rollouts=3).rows[0]
    assert (row["estimate_first_error"], row["estimate_undecided"]) == (None, "rollouts undecided")
    assert (row["tried"][2], row["unclear"][2], row["hard"][2]) == (0, 6, None)


def test_what_the_judge_says_decides_what_a_witness_is_sought_for() -> None:
    judged = [None, -1, 0, 1, 2, 3, 4]
    talk = Talk(table(*(solution(i, judge_first_error=j) for i, j in enumerate(judged))), method="witness", rollouts=2)
    assert [(row["estimate_first_error"], row["estimate_undecided"]) for row in talk.rows] == [
        (None, "judge undecided"),
        (None, "judge names no step"),
        (None, "a rollout through the judge's step succeeds"),
        (None, "a rollout through the judge's step succeeds"),
        (2, None),
        (None, "no rollout before the judge's step succeeds"),
        (None, "no rollout before the judge's step succeeds"),
    ]


def test_a_rollout_from_the_start_counts_for_the_prefixes_that_it_begins_with() -> None:
    def anew(request: Request) -> Reply:
        if request.prefix:
            return honest(request)
        text = "1. a\n2. a\n3. b\n#### 7"
        return Completion(request.id, text, "stop", 1024, 10, 5, None, "scripted", 0.0)

    row = Talk(table(solution(0)), anew, method="every-step", label="soft", rollouts=3).rows[0]
    assert row["estimate_first_error"] == 2
    assert (row["tried"], row["succeeded"]) == ([3, 3, 3, 3, 1], [3, 3, 0, 0, 0])
    assert (row["start_tried"], row["start_succeeded"], row["reused"], row["rollouts"]) == (3, 3, 6, 9)
    alone = Talk(table(solution(0)), anew, method="every-step", label="soft", rollouts=3, reuse=False).rows[0]
    assert (alone["reused"], alone["rollouts"]) == (0, 15)


def take_steps(request: Request) -> Completion:
    """Four steps, each right (a) with a chance of 0.7 whatever was before; what is wrong stays wrong."""
    chance = Random(request.id)
    steps = request.prefix.splitlines()
    steps += [f"{i + 1}. {'a' if chance.random() < 0.7 else 'x'}" for i in range(len(steps), 4)]
    text = "\n".join(steps) + "\n#### " + ("8" if "x" in "".join(steps) else "7")
    return Completion(request.id, text[len(request.prefix) :], "stop", 1024, 10, 5, None, "scripted", 0.0)


def select_wrong_solutions(problems: int, samples: int) -> list[dict[str, Any]]:
    """The wrong ones of all samples of each problem, as `generate` asked for them."""
    rows = []
    for number in range(problems):
        for sample in range(samples):
            question = prompts.fill(EstimateParameters(model="small").prompt, {"question": f"Q{number}?"})
            request = Request("small", "r1", question, Sampling(1024, 1.0, 1.0), sample)
            lines = take_steps(request).text.splitlines()
            steps = [*lines[:3], "\n".join(lines[3:])]
            if "x" in "".join(steps):
                ids = {"problem_id": f"{number:024x}", "solution_id": f"{number:020x}{sample:04x}"}
                text = "\n".join(lines)
                rows.append({**solution(number), **ids, "steps": steps, "rationale": text, "request_id": request.id})
    return rows


@pytest.mark.parametrize(("problems", "samples"), [(1000, 1), (400, 4)])
def test_shares_are_unbiased_in_a_table_of_wrong_solutions_alone(problems: int, samples: int) -> None:
    """Its other solutions are all failures by construction; counted as rollouts they would pull every share to 0."""
    rows = select_wrong_solutions(problems, samples)
    talk = Talk(table(*rows), take_steps, method="every-step", label="soft", rollouts=8)
    assert {row["start_tried"] for row in talk.rows} == {8}
    for step in range(3):
        shares = [row["soft"][step] for row in talk.rows if "x" not in "".join(row["steps"][: step + 1])]
        assert len(shares) > 60
        assert sum(shares) / len(shares) == pytest.approx(0.7 ** (3 - step), abs=0.05)
    assert sum(row["reused"] for row in talk.rows) > 1000
    # a solution is no rollout of itself: its own request is not among them
    assert not {row["request_id"] for row in rows} & {request.id for request in talk.asked} or samples > 1


def test_what_generate_asked_is_asked_by_the_same_id_so_that_the_ledger_answers_it() -> None:
    rows = select_wrong_solutions(1, 8)
    generated = {row["request_id"] for row in rows}
    talk = Talk(table(*rows[:1]), take_steps, method="every-step", label="soft", rollouts=8)
    assert generated & {request.id for request in talk.asked}
    assert rows[0]["request_id"] not in {request.id for request in talk.asked}


@pytest.mark.parametrize("label", ["hard", "soft"])
@pytest.mark.parametrize("method", ["every-step", "sequential", "binary", "witness"])
@pytest.mark.parametrize("solved", [0, 1, 2])
def test_no_label_is_made_where_the_completer_hardly_ever_succeeds_before_the_step(
    method: str, label: str, solved: int
) -> None:
    """One in eight: eight failures behind the step then say nothing."""
    if (method, label) == ("witness", "soft"):
        return

    def solve_at_times(request: Request) -> Reply:
        right = "x" not in request.prefix and request.sample >= 8 - solved
        return Completion(request.id, f"9. z\n#### {7 if right else 8}", "stop", 1024, 10, 5, None, "scripted", 0.0)

    for step, marks in enumerate(["xxxxx", "axxxx", "aaxxx"]):
        given = solution(0, marks=marks, judge_first_error=step)
        row = Talk(table(given), solve_at_times, method=method, label=label, rollouts=8).rows[0]
        reason = row["estimate_undecided"]
        if solved == 2:
            assert (row["estimate_first_error"], reason) == (step, None)
        else:
            before = "no rollout before the judge's step succeeds"
            assert row["estimate_first_error"] is None
            assert reason == (before if method == "witness" and step == 2 and not solved else HARDLY)
        if step == 0:
            assert (row["start_tried"], row["start_succeeded"]) == (8, solved)


def test_a_stopped_count_is_no_share() -> None:
    for method in ("every-step", "sequential", "binary"):
        row = Talk(table(solution(0)), method=method, rollouts=4).rows[0]
        assert row["estimate_first_error"] == 2
        assert row["soft"] == row["soft_low"] == row["soft_high"] == [None] * STEPS


def test_a_label_needs_the_asked_number_of_decided_rollouts() -> None:
    def often_unclear(request: Request) -> Reply:
        if request.sample % 2:
            return honest(request)
        return Completion(request.id, "#### 8", "length", 1024, 1, 1024, None, "scripted", 0.0)

    row = Talk(table(solution(0)), often_unclear, method="sequential", rollouts=3).rows[0]
    assert (row["estimate_first_error"], row["tried"][2], row["unclear"][2]) == (2, 3, 3)

    def nearly_always_unclear(request: Request) -> Reply:
        return honest(request) if request.sample == 0 else Failure(request.id, "too long")

    row = Talk(table(solution(0)), nearly_always_unclear, method="sequential", rollouts=3).rows[0]
    assert (row["estimate_first_error"], row["estimate_undecided"]) == (None, "rollouts undecided")
    assert (row["tried"][2], row["unclear"][2], row["hard"][2]) == (1, 5, None)


def test_auto_measures_on_a_pilot_and_says_so() -> None:
    rows = [solution(i) for i in range(40)]
    talk = Talk(table(*rows), method="witness", rollouts="auto", pilot=16, precision=0.9)
    assert [row["estimate_first_error"] for row in talk.rows] == [2] * 40
    assert all("pilot of 16: p 0.95, q 0.005" in row["estimated_by"] for row in talk.rows)
    assert {row["rollouts"] for row in talk.rows[:16]} == {16}  # the pilot's own
    assert max(row["rollouts"] for row in talk.rows[16:]) < 6
    # what the pilot asked is asked for again by its id, so that the ledger answers it
    assert len({request.id for request in talk.asked}) == sum(row["rollouts"] for row in talk.rows)


def test_the_same_rows_get_the_same_labels_whatever_is_beside_them() -> None:
    rows = [solution(i, marks=marks) for i, marks in enumerate(["aaxxx", "axxxx", "aaaax", "xxxxx"])]
    together = Talk(table(*rows), method="binary").rows
    assert together == [Talk(table(row), method="binary").rows[0] for row in rows]


def test_the_method_tree_gives_way_to_search() -> None:
    with pytest.raises(ValidationError, match="task `search` grows one tree for each question"):
        EstimateParameters.model_validate({"model": "small", "method": "tree"})


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"method": "witness", "label": "soft"}, "label: witness gives hard labels only"),
        ({"method": "sequential", "rollouts": "auto"}, "rollouts: auto is for the method witness"),
        ({"prompt": "Solve {this}"}, "prompt: has no {question}"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(given: dict[str, Any], fault: str) -> None:
    faults = ESTIMATE.check(EstimateParameters.model_validate({"model": "small", **given}), GIVEN)
    assert len(faults) == 1 and faults[0].startswith(fault)


def test_a_witness_needs_a_judge() -> None:
    without = SOLUTIONS.having(*STEP_COLUMNS, *VERDICT_COLUMNS)
    (fault,) = ESTIMATE.check(EstimateParameters(model="small", method="witness"), without)
    assert "put `judge` before it" in fault


@pytest.mark.parametrize("rollouts", [0, -1, 1001, "many", 2.5])
def test_rollouts_out_of_range_are_refused(rollouts: object) -> None:
    with pytest.raises(ValidationError, match="rollouts"):
        EstimateParameters.model_validate({"model": "small", "rollouts": rollouts})
