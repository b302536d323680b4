"""`revise` without a runner: what is asked in which turn, what is kept, and what is undecided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log
from typing import Any

import polars as pl
import pytest

from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.columns.programs import RUN_COLUMNS
from schemas.contract import Column
from schemas.frames import check, to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Failure, Reply, Request
from schemas.task import Outcome
from tasks.corrections.feedback import DISAGREEING, merge_critiques
from tasks.corrections.revise import REVISE, find_reward
from tasks.corrections.revise_parameters import ReviseParameters
from tasks.engines.python.sandbox import find_fault as find_sandbox_fault
from tasks.llm.critique_reply import Critique, read_critique
from tasks.programs.run_programs import RunParameters
from tasks.views.task import view
from tests.running_programs import run_table
from tests.views import take_view

GIVEN = SOLUTIONS.having(*STEP_COLUMNS, *VERDICT_COLUMNS)
RUN = GIVEN.having(Column("error_type", "string", "E."), Column("traceback", "string", "T."))
NAMES = {name: ModelId(name, "") for name in ("actor", "one", "two", "three")}
STEP = "Step sentence: x\nCorrectness of the step: {}\nExplanation: {}"
Say = Callable[[Request], str | Reply]


def make_rows(*answers: str, **more: Any) -> pl.DataFrame:
    """Solutions that say so, of a problem whose answer is 7."""
    rows: list[dict[str, Any]] = []
    for i, answer in enumerate(answers):
        row: dict[str, Any] = {column.name: None for column in GIVEN.columns}
        row |= {"solution_id": f"{i:024x}", "problem_id": f"{i:024x}", "set": "s", "question": f"How many, {i}?"}
        row |= {
            "answer": "7",
            "model": "m",
            "sampling": "greedy",
            "sample": 0,
            "source": f"f:{i}",
            "step_rule": "lines",
        }
        text = f"1. a = 3\n2. b = {answer}\n#### {answer}" if answer else "1. a = 3\n2. I give up"
        row |= {"text": text, "rationale": text, "steps": text.split("\n", 1), "reference": "3 + 4 = 7"}
        verdict = "right" if answer == "7" else "wrong" if answer else "undecided"
        row |= {"verdict": verdict, "undecided": None if answer else "no answer", "extracted": answer or None}
        rows.append(row | more)
    return pl.DataFrame(rows, schema={**to_polars_schema(GIVEN), **dict.fromkeys(more, pl.String)})


def rules(**given: Any) -> ReviseParameters:
    return ReviseParameters.model_validate({"actor": "actor", "feedback": "none", **given})


def complete(request: Request, text: str | Reply) -> Reply:
    return (
        text
        if not isinstance(text, str)
        else Completion(request.id, text, "stop", request.sampling.max_tokens, 9, 5, None, "f 1", 0.0)
    )


def run(part: pl.DataFrame, given: ReviseParameters, say: Say) -> tuple[list[list[Request]], Outcome]:
    """The requests of each round, and what came of them; in = kept + rejected."""
    conversation = REVISE.ask(part, given, NAMES)
    rounds: list[list[Request]] = []
    replies: Any = None
    while True:
        try:
            asked = list(conversation.send(replies))
        except StopIteration as end:
            outcome: Outcome = end.value
            break
        assert len({request.id for request in asked}) == len(asked), "a request stands twice in a round"
        rounds.append(asked)
        replies = {request.id: complete(request, say(request)) for request in asked}
    ids = [request.id for asked in rounds for request in asked]
    assert len(set(ids)) == len(ids), "a request was asked in two rounds"
    contract = REVISE.makes(given, GIVEN)
    check(outcome.kept.select(contract.names()), contract, "turns")
    assert outcome.kept.height + outcome.rejected.height == part.height * (given.turns + 1)
    return rounds, outcome


def count_up(request: Request) -> str:
    """Each attempt says one more than the last: 4, then 5, …"""
    shown = sum(message.role == "assistant" for message in request.messages)
    return f"1. a = 3\n2. b = {3 + shown}\n#### {3 + shown}"


def list_turns(outcome: Outcome) -> list[tuple[int, str]]:
    return list(outcome.kept.sort("chain_id", "turn").select("turn", "verdict").iter_rows())


def list_reasons(outcome: Outcome) -> dict[str, int]:
    return dict(outcome.rejected["reason"].value_counts().iter_rows())


def test_a_chain_goes_on_until_it_is_right_and_each_turn_sees_what_was_before() -> None:
    rounds, outcome = run(make_rows("3", "7"), rules(turns=6), count_up)
    assert sorted(list_turns(outcome)) == [(0, "right"), *((turn, "wrong") for turn in range(4)), (4, "right")]
    assert [len(asked) for asked in rounds] == [1, 1, 1, 1]
    assert [len(asked[0].messages) for asked in rounds] == [4, 6, 8, 10]
    assert list_reasons(outcome) == {"the attempt before is right": 8}
    chain = outcome.kept.filter(pl.col("problem_id") == f"{0:024x}").sort("turn").to_dicts()
    assert [row["parent_id"] for row in chain] == [None, *(row["turn_id"] for row in chain[:-1])]
    assert [row["answer_before"] for row in chain] == [None, "3", "4", "5", "6"]
    assert [row["reward"] for row in chain] == [0, 0, 0, 0, 1]
    last = chain[-1]["segments"]
    assert "".join(piece["text"] for piece in last if piece["role"] == "assistant").count("####") == 5
    assert [piece["kind"] for piece in last if piece["role"] == "assistant"] == ["wrong"] * 4 + ["revision"]
    assert [piece["learn"] for piece in last] == [False] * (len(last) - 1) + [True]


def test_history_is_whole_the_last_attempt_or_none() -> None:
    lengths = {}
    for history in ("whole", "last", "none"):
        rounds, _ = run(
            make_rows("3"),
            rules(turns=3, history=history, stop="turns"),
            lambda r: f"#### {len(r.messages[-1].content)}",
        )
        lengths[history] = [[message.role for message in asked[0].messages] for asked in rounds]
    assert [len(roles) for roles in lengths["whole"]] == [4, 6, 8]
    assert [len(roles) for roles in lengths["last"]] == [4, 4, 4]
    assert lengths["none"][0] == ["system", "user"]


KEPT = {"all": [0, 1, 2, 3], "better": [0, 2], "best": [0], "success": [0, 2]}


@pytest.mark.parametrize("keep", KEPT)
def test_attempts_are_kept_by_their_reward(keep: str) -> None:
    """Right, wrong, right, and a revision that says no answer."""
    answers = iter(["#### 3", "#### 7", "Let me see."])
    _, outcome = run(make_rows("7"), rules(turns=3, stop="turns", keep=keep), lambda _: next(answers))
    assert outcome.kept.sort("turn")["turn"].to_list() == KEPT[keep]
    if keep == "all":
        assert outcome.kept.sort("turn")["reward"].to_list() == [1, 0, 1, -1]


@pytest.mark.parametrize(
    ("verdict", "undecided", "reward"),
    [("right", None, 1), ("wrong", None, 0), ("undecided", "no answer", -1), ("undecided", "timed out", None), ("undecided", "checkers disagree", None)],
)  # fmt: skip
def test_only_where_no_answer_is_found_the_reward_is_negative(
    verdict: str, undecided: str | None, reward: float | None
) -> None:
    assert find_reward(verdict, undecided) == reward


def test_critiques_are_kept_by_how_often_they_help() -> None:
    def say(request: Request) -> str:
        if request.model == "one":
            return "\n".join([STEP.format("Correct", "x"), STEP.format("Wrong", "It is 7.")])
        return "#### 7" if request.sample < (3 if "How many, 0?" in request.messages[1].content else 1) else "#### 8"

    part = make_rows("3", "4")
    given = rules(feedback="critique", critics=["one"], samples=4, helps=0.5)
    rounds, outcome = run(part, given, say)
    assert [[request.model for request in asked] for asked in rounds] == [["one"] * 2, ["actor"] * 8]
    (kept,) = outcome.kept.filter(pl.col("turn") == 1).to_dicts()
    assert (kept["helped"], kept["helped_of"], kept["critique_first_error"], kept["critic"]) == (3, 4, 1, "one")
    assert (kept["critique_leaks"], kept["verdict"], kept["other_text"], kept["other_reward"]) == (
        True,
        "right",
        "#### 8",
        0,
    )
    assert list_reasons(outcome) == {"the feedback helps too seldom": 1}
    assert "1 of 4 revisions are right" in outcome.rejected["detail"][0]


def test_who_sees_the_reference_is_shown_it_and_without_one_there_is_no_revision() -> None:
    given = rules(feedback="reference", critics=["one"])
    critique = "\n".join([STEP.format("Correct", "x"), STEP.format("Wrong", "y")])
    rounds, _ = run(make_rows("3"), given, lambda request: critique if request.model == "one" else "#### 7")
    assert "3 + 4 = 7" in rounds[0][0].messages[-1].content and "3 + 4 = 7" not in rounds[1][0].messages[-1].content
    rounds, outcome = run(make_rows("3", reference=None), given, lambda _: critique)
    assert rounds == [] and list_reasons(outcome) == {"no reference": 1}


def test_of_several_critics_only_what_two_say_is_told_with_who_says_it() -> None:
    def say(request: Request) -> str:
        if request.model == "actor":
            return "#### 7"
        if request.model == "three":
            return STEP.format("Wrong", "the first")
        return "\n".join([STEP.format("Correct", "x"), STEP.format("Wrong", f"{request.model} says so")])

    given = rules(feedback="merged", critics=["one", "two", "three"])
    rounds, outcome = run(make_rows("3"), given, say)
    told = rounds[1][0].messages[-1].content
    assert "one: one says so; two: two says so" in told and "the first" not in told
    row = outcome.kept.filter(pl.col("turn") == 1).to_dicts()[0]
    assert (row["critique_first_error"], row["critic"]) == (1, "one, two, three")
    assert read_critique(row["critique"], 2).first_error == 1
    _, outcome = run(make_rows("3"), rules(feedback="merged", critics=["one", "three"]), say)
    assert list_reasons(outcome) == {"no critique": 1} and DISAGREEING in outcome.rejected["detail"][0]


def test_a_tie_of_critics_is_no_agreement() -> None:
    votes = [("a", Critique("x", 0)), ("b", Critique("x", 0)), ("c", Critique("x", 1)), ("d", Critique("x", 1))]
    assert merge_critiques(votes, ["s", "t"]).fault == DISAGREEING
    assert merge_critiques(votes[:3], ["s", "t"]).first_error == 0
    later = [("a", Critique("x", 0)), ("b", Critique("x", 0)), *((name, Critique("x", 1)) for name in "cde")]
    assert merge_critiques(later, ["s", "t"]).first_error == 1, "three against two"
    three = [*later, *((name, Critique("x", 2)) for name in "fgh")]
    assert merge_critiques(three, ["s", "t", "u"]).fault == DISAGREEING, "three against three, and two"
    pairs = [("a", Critique("x", 0)), ("b", Critique("x", 0)), ("i", Critique("x", 1)), ("j", Critique("x", 1))]
    most = [*pairs, *((name, Critique("x", 2)) for name in "fgh")]
    assert merge_critiques(most, ["s", "t", "u"]).first_error == 2, "three against two and two"
    assert merge_critiques([("a", Critique("x", -1)), ("b", Critique("x", -1))], ["s"]).first_error == -1


def test_a_critic_that_finds_nothing_ends_the_chain_where_it_is_to() -> None:
    content = "\n".join([STEP.format("Correct", "x")] * 2 + ["Correctness of the final answer: Correct"])
    given = rules(feedback="critique", critics=["one"], stop="content", turns=2)
    rounds, outcome = run(make_rows("3"), given, lambda request: content if request.model == "one" else "#### 7")
    assert len(rounds) == 1 and list_reasons(outcome) == {"critics find nothing wrong": 2}


def test_each_turn_is_warmer_and_names_the_answers_that_were_wrong() -> None:
    given = rules(turns=3, temperature=0.7, warmer=0.1, name_earlier=True, history="last", feedback="verdict")
    rounds, _ = run(
        make_rows("3"), given, lambda request: f"#### {4 + round(10 * (request.sampling.temperature - 0.7))}"
    )
    assert [round(asked[0].sampling.temperature, 6) for asked in rounds] == [0.7, 0.8, 0.9]
    named = [asked[0].messages[-1].content.partition("are wrong: ")[2].partition(".")[0] for asked in rounds]
    assert named == ["3", "3; 4", "3; 4; 5"]


def test_only_what_meets_the_condition_is_revised() -> None:
    rounds, outcome = run(make_rows("3", "4"), rules(when="extracted = '4'"), count_up)
    assert len(rounds[0]) == 1 and list_reasons(outcome) == {"not revised: the condition is not met": 1}


def test_what_running_a_program_said_is_told() -> None:
    part = make_rows("3", error_type="ZeroDivisionError", traceback="line 2: 1 / 0")
    conversation = REVISE.ask(part, rules(feedback="run"), NAMES)
    (request,) = next(conversation)
    assert "ZeroDivisionError\nline 2: 1 / 0" in request.messages[-1].content


@pytest.mark.parametrize(
    ("answer", "ran", "told"), [("8", "true", True), ("8", None, False), ("", "true", False), ("7", "true", False)]
)
def test_a_wrong_value_is_told_where_a_program_ended_by_itself(answer: str, ran: str | None, told: bool) -> None:
    part = make_rows(answer, error_type=None, traceback=None, ran=ran)
    rounds, outcome = run(part, rules(feedback="run", stop="turns"), lambda _: "```python\nanswer = 7\n```")
    shown = [request.messages[-1].content for asked in rounds for request in asked]
    assert ["and came to what is wrong:\n8\n" in text for text in shown] == [True] * told
    assert list_reasons(outcome) == ({} if told else {"running it said nothing": 1})


def test_revisions_of_programs_are_undecided_until_they_are_run() -> None:
    part = make_rows("3", error_type="AssertionError", traceback="line 1")
    program = "```python\nanswer = 3 + 4\n```"
    _, outcome = run(part, rules(feedback="run"), lambda _: program)
    (first, revision) = outcome.kept.sort("turn").to_dicts()
    assert (first["verdict"], first["reward"]) == ("wrong", 0)
    assert (revision["verdict"], revision["undecided"]) == ("undecided", "its program was not run")
    assert (revision["reward"], revision["helped_of"], revision["critique"]) == (None, 0, "AssertionError\nline 1")
    assert not any(piece["learn"] for piece in revision["segments"])


@pytest.mark.skipif(bool(find_sandbox_fault()), reason=find_sandbox_fault() or "")
def test_what_is_run_again_makes_rows_of_self_debugging() -> None:
    part = make_rows("3", error_type="AssertionError", traceback="line 1")
    _, outcome = run(part, rules(feedback="run"), lambda _: "```python\nanswer = 3 + 4\n```")
    again = run_table(outcome.kept, RunParameters(model="sandbox", by="value"))
    contract = REVISE.makes(rules(feedback="run"), GIVEN).having(*VERDICT_COLUMNS, *RUN_COLUMNS)
    check(again.select(contract.names()), contract, "again")
    outcome = view(again, take_view("self-debug"))
    (row,) = outcome.kept.to_dicts()
    assert row["success"] and row["language_feedback"] == "AssertionError\nline 1"
    assert (row["previous_solution"], row["generated_solution"]) == (part["text"][0], "```python\nanswer = 3 + 4\n```")
    assert outcome.rejected["turn"].to_list() == [0]


def test_a_revision_that_fails_or_is_cut_off_ends_its_chain_and_is_no_mistake() -> None:
    failing: Sequence[Say] = (
        lambda request: Failure(request.id, "too long"),
        lambda request: Completion(
            request.id, "1. a", "length", request.sampling.max_tokens, 9, 1024, None, "f 1", 0.0
        ),
    )
    for say, reason in zip(failing, ("too long", "truncated completion"), strict=True):
        _, outcome = run(make_rows("3"), rules(turns=2), say)
        assert list_reasons(outcome) == {reason: 2} and outcome.kept["turn"].to_list() == [0]


def test_a_critique_that_cannot_be_read_says_nothing_of_steps() -> None:
    lines = "It looks odd to me."
    _, outcome = run(
        make_rows("3"),
        rules(feedback="critique", critics=["one"]),
        lambda request: lines if request.model == "one" else "#### 7",
    )
    row = outcome.kept.filter(pl.col("turn") == 1).to_dicts()[0]
    assert (row["critique"], row["critique_first_error"], row["critique_fault"]) == (lines, None, "unparsable")


def test_critic_and_reviser_see_what_a_scorer_says_of_each_step_turn_by_turn() -> None:
    """MAgICoRe: scores in tenths beside the steps, and those of a revision in the next turn."""

    def say(request: Request) -> str | Reply:
        if request.model == "two":
            wrong = "b = " in request.messages[-1].content
            return Completion(request.id, "wrong" if wrong else "right", "stop", 1, 9, 1, log(0.8), "f 1", 0.0)
        if request.model == "one":
            return "\n".join([STEP.format("Correct", "x"), STEP.format("Wrong", "y")])
        return count_up(request)

    given = rules(feedback="critique", critics=["one"], scorer="two", turns=2, history="last")
    rounds, outcome = run(make_rows("3"), given, say)
    assert [[request.model for request in asked] for asked in rounds] == [["two"] * 2, ["one"], ["actor"]] * 2
    assert all(request.logprobs and request.sampling.max_tokens == 1 for request in rounds[0])
    scores = "A model gives each step a score, 10/10 where it is surely right: step 1: 8/10, step 2: 2/10."
    for critic, actor in (rounds[1:3], rounds[4:6]):
        assert scores in critic[0].messages[-1].content and scores in actor[0].messages[-1].content
    assert "b = 3" in rounds[1][0].messages[-1].content and "b = 4" in rounds[4][0].messages[-1].content
    rows = outcome.kept.sort("turn").to_dicts()
    assert [row["step_scores"] for row in rows] == [[], *[[pytest.approx(0.8), pytest.approx(0.2)]] * 2]


def test_where_no_step_has_a_score_there_is_no_revision() -> None:
    given = rules(scorer="two")
    _, outcome = run(make_rows("3"), given, lambda request: "right" if request.model == "two" else "#### 7")
    assert list_reasons(outcome) == {"no scores of steps": 1} and outcome.kept["turn"].to_list() == [0]


def test_a_scorer_that_is_not_asked_leaves_ids_and_columns_as_they_are() -> None:
    _, outcome = run(make_rows("3"), rules(), lambda _: "#### 7")
    assert "step_scores" not in REVISE.makes(rules(), GIVEN).names()
    assert "step_scores" in REVISE.makes(rules(scorer="two"), GIVEN).names()
    assert outcome.kept["chain_id"][0] == "fcc4791c121ae35fd5bfc085"  # as it was before there were scorers


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"feedback": "critique"}, "critics: feedback critique takes 1, found 0"),
        ({"feedback": "merged", "critics": ["one"]}, "critics: feedback merged takes 2 to 20, found 1"),
        ({"critics": ["one"]}, "critics: feedback none takes none, found 1"),
        ({"feedback": "merged", "critics": ["one", "one"]}, "critics: names a model twice"),
        ({"feedback": "run"}, "feedback: run needs the column 'error_type'"),
        ({"feedback": "run", "samples": 2}, "samples: no revision has a verdict until `run`"),
        ({"feedback": "run", "keep": "success"}, "keep: no revision has a verdict until `run`"),
        ({"feedback": "run", "scorer": "two"}, "scorer: steps of programs are not scored"),
        (
            {"feedback": "critique", "critics": ["one"], "scorer": "two", "critique_prompt": "{question} {steps}"},
            "critique_prompt: has no {verdict}",
        ),
        ({"stop": "content"}, "stop: content is of critics"),
        ({"samples": 3, "temperature": 0.0}, "samples: temperature 0"),
        ({"prompt": "{steps}"}, "prompt: has no {question}"),
        (
            {"feedback": "critique", "critics": ["one"], "critique_prompt": "{question}"},
            "critique_prompt: has no {steps}",
        ),
        ({"when": "agreement < 0.5"}, "when: the table has no column"),
        ({"when": "random() < 0.5"}, "when: 'random' is none of the functions of one row"),
    ],
)
def test_parameters_that_cannot_be_meant(given: dict[str, Any], fault: str) -> None:
    faults = REVISE.check(rules(**given), GIVEN)
    assert any(each.startswith(fault) for each in faults), faults


def test_revisions_of_run_programs_have_one_turn() -> None:
    assert REVISE.check(rules(feedback="run"), RUN) == []
    assert any(each.startswith("turns: ") for each in REVISE.check(rules(feedback="run", turns=2), RUN))
