"""The teacher of known truth: declared rates are found again, and what it cannot answer it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import polars as pl
import pytest

from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS
from schemas.frames import to_polars_schema
from schemas.recipe.models import Skill, World
from schemas.request import Completion, EngineError, Failure, Message, Request, Sampling
from tasks.engines.world.engine import NO_PROBLEM, WorldEngine, identify_teacher
from tasks.evaluation.score import wilson
from tasks.llm import prompts
from tasks.llm.critique_reply import parse_critique
from tasks.llm.judge_reply import collect_material
from tasks.llm.prompt_guard import fill_fields
from tasks.localize.judge import JUDGE
from tasks.localize.judge_parameters import FORMS, JudgeParameters
from tasks.split import split_steps
from tasks.synthetic.problems import Problem, make_problem
from tasks.synthetic.solution import solve_right, solve_wrong, write_solution
from tasks.synthetic.truth import find_truth
from tests.conversations import ask_once

GIVEN = SOLUTIONS.having(*STEP_COLUMNS)
SKILL = Skill(misses=0.1, elsewhere=0.05, alarms=0.02)


def make_rows(count: int, wrong: bool) -> tuple[pl.DataFrame, list[int]]:
    """Solutions of the world with their first errors: all wrong, or all right."""
    rows: list[dict[str, Any]] = []
    truths: list[int] = []
    index = 0
    while len(rows) < count:
        problem, random = make_problem(21, index), Random(index)
        index += 1
        text = write_solution(*(solve_wrong(problem.program, random) if wrong else solve_right(problem.program)))
        steps = split_steps(text)[0]
        truth = find_truth(problem.program, steps).first_error
        if (truth >= 0) != wrong or len(steps) < 2:
            continue
        row: dict[str, Any] = {column.name: None for column in GIVEN.columns}
        row |= {
            "solution_id": f"{index:024x}",
            "problem_id": f"{index:024x}",
            "set": "world",
            "question": problem.question,
        }
        row |= {"answer": str(problem.answer), "model": "m", "sampling": "greedy", "sample": 0, "source": f"w:{index}"}
        row |= {"step_rule": "numbered", "text": text, "rationale": text, "steps": steps, "reference": None}
        rows.append(row)
        truths.append(truth)
    return pl.DataFrame(rows, schema=to_polars_schema(GIVEN)), truths


def answer_with(model: World, request: Request) -> Any:
    (reply,) = WorldEngine(model).answer([request])
    return reply


def judge(part: pl.DataFrame, model: World, **given: Any) -> list[int | None]:
    rules = JudgeParameters.model_validate({"models": ["teacher"], **given})
    names = {"teacher": identify_teacher(model)}
    _, outcome = ask_once(JUDGE, part, rules, names, lambda request: answer_with(model, request))
    return outcome.kept["judge_first_error"].to_list()


def holds(count: int, total: int, rate: float) -> bool:
    low, high = wilson(count, total)
    return low <= rate <= high


def count_errors(labels: Sequence[int | None], truths: Sequence[int]) -> tuple[int, int]:
    """How many wrong solutions are missed, and how many have another step named."""
    missed = sum(label == -1 for label in labels)
    return missed, sum(label not in (None, -1, truth) for label, truth in zip(labels, truths, strict=True))


def test_declared_rates_are_found_again_in_three_thousand_judgements() -> None:
    """Of three teachers together, whose errors are drawn apart: nothing is drawn anew, so it holds once and for all."""
    (wrong, truths), (right, _) = make_rows(1000, wrong=True), make_rows(1000, wrong=False)
    counts: Counter[str] = Counter()
    for seed in (1, 2, 3):
        model = World(engine="world", skill=SKILL, seed=seed)
        labels = judge(wrong, model)
        assert None not in labels
        missed, elsewhere = count_errors(labels, truths)
        counts.update(misses=missed, elsewhere=elsewhere, alarms=sum(label != -1 for label in judge(right, model)))
    rates = {name: getattr(SKILL, name) for name in counts}
    assert {name for name, rate in rates.items() if not holds(counts[name], 3000, rate)} == set(), counts


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_judgement_is_answered_in_its_form(form: str) -> None:
    wrong, truths = make_rows(40, wrong=True)
    assert judge(wrong, World(engine="world"), form=form) == truths
    right, _ = make_rows(40, wrong=False)
    assert judge(right, World(engine="world"), form=form) == [-1] * 40


def test_abacus_own_form_is_answered_and_so_are_judges_who_know_the_verdict() -> None:
    wrong, truths = make_rows(40, wrong=True)
    assert judge(wrong, World(engine="world"), prompt="abacus-judge") == truths
    told = wrong.with_columns(verdict=pl.lit("wrong"))
    assert judge(told, World(engine="world"), sees=["verdict"], kinds=["calculation", "unit"]) == truths


def critique_request(row: Mapping[str, Any], sample: int = 0, reference: bool = False) -> Request:
    fields = fill_fields(row, (), reference) | {"count": str(len(row["steps"])), "verdict": ""}
    messages = prompts.fill(prompts.find_template("critique"), fields)
    return Request("world", "", messages, Sampling(2000), sample)


def test_critiques_err_as_judgements_do_and_not_beside_a_reference() -> None:
    model, (wrong, truths) = World(engine="world", skill=SKILL), make_rows(1000, wrong=True)
    rows = wrong.to_dicts()
    labels = [
        parse_critique(answer_with(model, critique_request(row)), len(row["steps"]), collect_material(row)).first_error
        for row in rows
    ]
    missed, elsewhere = count_errors(labels, truths)
    assert holds(missed, 1000, SKILL.misses) and holds(elsewhere, 1000, SKILL.elsewhere)
    rows = [row | {"reference": "worked out elsewhere"} for row in rows[:100]]
    seeing = [
        parse_critique(
            answer_with(model, critique_request(row, reference=True)), len(row["steps"]), collect_material(row)
        )
        for row in rows
    ]
    assert [critique.first_error for critique in seeing] == truths[:100]


def revise_messages(problem: Problem, attempt: str, critique: str) -> tuple[Message, ...]:
    fields = {"critique": critique, "earlier": "", "mark": "0123"}
    asked = prompts.fill(prompts.find_template("solve"), {"question": problem.question})
    return (*asked, Message("assistant", attempt), *prompts.fill(prompts.find_template("revise-critique"), fields))


def share_right(model: World, informed: bool) -> int:
    """Of a thousand revisions of wrong attempts those that are right: told the first wrong step, or told of none."""
    right = 0
    for row, truth in zip(*(part if isinstance(part, list) else part.to_dicts() for part in make_rows(1000, True))):
        step = "Step sentence: x\nCorrectness of the step: {}\nExplanation: y"
        critique = "\n".join([*[step.format("Correct")] * truth, step.format("Wrong")]) if informed else "It looks odd."
        problem = Problem(row["question"], None)  # type: ignore[arg-type]
        request = Request("world", "", revise_messages(problem, row["text"], critique), Sampling(2000))
        right += answer_with(model, request).text.endswith(f"#### {row['answer']}")
    return right


def test_revisions_are_right_as_often_as_declared() -> None:
    model = World(engine="world", skill=Skill(fixes=0.9, guesses=0.3))
    assert holds(share_right(model, informed=True), 1000, 0.9)
    assert holds(share_right(model, informed=False), 1000, 0.3)


@pytest.mark.parametrize("prompt", ["solve", "abacus-solve"])
def test_it_solves_and_goes_on_from_right_and_wrong_beginnings(prompt: str) -> None:
    model = World(engine="world")
    for index in range(40):
        problem = make_problem(31, index)
        messages = prompts.fill(prompts.find_template(prompt), {"question": problem.question})
        right = write_solution(*solve_right(problem.program))
        assert answer_with(model, Request("world", "", messages, Sampling(500))).text == right
        prefix = "".join(right.splitlines(keepends=True)[:2])
        whole = prefix + answer_with(model, Request("world", "", messages, Sampling(500), 0, prefix)).text
        assert whole == right or find_truth(problem.program, split_steps(whole)[0]).first_error == -1
        wrong = "1. 998 + 997 = 1995 nuts\n"
        text = answer_with(model, Request("world", "", messages, Sampling(500), 0, wrong)).text
        assert not text.endswith(f"#### {problem.answer}")


def test_it_says_whether_an_answer_is_true_and_answers_a_checklist() -> None:
    (wrong, _), model = make_rows(30, wrong=True), World(engine="world")
    for row in wrong.to_dicts():
        for answer, letter in ((row["answer"], "A"), ("1234567", "B")):
            for samples in ("", "Answers that came to mind:\n- 12\n- 7\n"):
                fields = {"question": row["question"], "answer": answer, "samples": samples}
                messages = prompts.fill(prompts.find_template("is-true"), fields)
                reply = answer_with(model, Request("world", "", messages, Sampling(1), logprobs=True))
                assert (reply.text, reply.logprob) == (letter, 0.0)
        fields = fill_fields(row, (), False)
        messages = prompts.fill(prompts.find_template("checklist"), fields)
        lines = answer_with(model, Request("world", "", messages, Sampling(100))).text.splitlines()
        assert len(lines) == 5 and sum(line.endswith("no") for line in lines) == 1


def test_what_it_says_with_a_probability_leaves_the_rest_to_the_other_choice() -> None:
    (rows, _), model = make_rows(40, wrong=False), World(engine="world", skill=Skill(alarms=0.25))
    letters = set()
    for row in rows.to_dicts():
        fields = {"question": row["question"], "answer": row["answer"], "samples": ""}
        messages = prompts.fill(prompts.find_template("is-true"), fields)
        request = Request("world", "", messages, Sampling(1), choices=("A", "B"))
        reply = answer_with(model, request)
        assert reply.answers(request)
        assert reply.compute_choice_shares(request)[reply.text] == pytest.approx({"A": 0.75, "B": 0.25}[reply.text])
        letters.add(reply.text)
    assert letters == {"A", "B"}


def test_the_same_request_has_the_same_answer_and_another_seed_other_errors() -> None:
    rows, _ = make_rows(200, wrong=True)
    skill = Skill(misses=0.5)
    first, again, other = (judge(rows, World(engine="world", skill=skill, seed=seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert identify_teacher(World(engine="world", skill=skill)) != identify_teacher(World(engine="world"))


def test_an_answer_ends_at_its_limit_and_at_a_stop_text() -> None:
    problem = make_problem(31, 0)
    messages = prompts.fill(prompts.find_template("solve"), {"question": problem.question})
    cut = answer_with(World(engine="world"), Request("world", "", messages, Sampling(3)))
    assert isinstance(cut, Completion) and (cut.finish, cut.tokens, len(cut.text.split())) == ("length", 3, 3)
    stopped = answer_with(World(engine="world"), Request("world", "", messages, Sampling(300, stop=("####",))))
    assert stopped.finish == "stop" and "####" not in stopped.text


def test_another_question_is_a_failure_and_an_unknown_prompt_an_error_that_says_what_it_knows() -> None:
    messages = prompts.fill(prompts.find_template("solve"), {"question": "What is 2 + 2?"})
    reply = answer_with(World(engine="world"), Request("world", "", messages, Sampling(9)))
    assert isinstance(reply, Failure) and reply.reason == NO_PROBLEM and "What is 2 + 2?" in reply.detail
    unknown = Request("world", "", (Message("user", "Write a poem."),), Sampling(9))
    with pytest.raises(
        EngineError, match=r"follows no prompt that the teacher knows: …'Write a poem.'; use one of abacus-judge,"
    ):
        answer_with(World(engine="world"), unknown)
