"""The task `correct`: what is sent back, who inspects, why mistakes have no row, and pairs of both corrections by the world's truth."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.columns.corrections import CORRECTIONS, STEP_PAIRS
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS
from schemas.contract import Column
from schemas.frames import check, to_polars_schema
from schemas.model_id import ModelId
from schemas.recipe.models import Skill, World
from schemas.request import Completion, Failure, Reply, Request
from schemas.task import Outcome
from tasks.corrections.correct import CORRECT, CorrectParameters
from tasks.corrections.inspection import WRONG_ANSWER
from tasks.corrections.step_pairs import PAIRS, PairsParameters
from tasks.engines.world.engine import WorldEngine, identify_teacher
from tasks.split import split_steps
from tasks.synthetic.problems import make_problem
from tasks.synthetic.truth import find_truth
from tests.building import build
from tests.tasks.engines.world.test_engine import make_rows

GIVEN = SOLUTIONS.having(*STEP_COLUMNS, Column("first_error", "integer", "", nullable=True))
NAMES = {"teacher": ModelId("teacher", "1"), "student": ModelId("student", "1"), "inspector": ModelId("inspector", "1")}
FALSE = ("It adds up to more.", "2. 4 + 3 = 8", "#### 8")
RIGHT = ("It adds up to seven.", "2. 4 + 3 = 7", "#### 7")
OTHER = ("It takes another number.", "2. 4 + 4 = 8", "#### 8")


def carry_on(
    part: pl.DataFrame, names: dict[str, ModelId], answer: Callable[[Request], Reply], **given: Any
) -> tuple[list[list[Request]], Outcome]:
    """The requests of each round, and the outcome, which loses no row."""
    rules = CorrectParameters.model_validate({"teacher": "teacher", "student": "student", **given})
    assert CORRECT.check(rules, GIVEN) == []
    conversation, rounds = CORRECT.ask(part, rules, names), []
    try:
        rounds.append(list(next(conversation)))
        while True:
            rounds.append(list(conversation.send({request.id: answer(request) for request in rounds[-1]})))
    except StopIteration as end:
        outcome: Outcome = end.value
    check(outcome.kept, CORRECT.makes(rules, GIVEN), "test")
    assert outcome.kept.height + outcome.rejected.height == part.height
    return rounds, outcome


def complete(request: Request, text: str) -> Completion:
    return Completion(request.id, text, "stop", 1024, 10, 5, None, "scripted", 0.0)


def script(**texts: list[Any]) -> Callable[[Request], Reply]:
    """Each model says its texts in their order; three of them are an object, and None is a failure."""

    def answer(request: Request) -> Reply:
        value = texts[request.model].pop(0)
        if value is None:
            return Failure(request.id, "no answer came", "", 1024, engine="scripted", at=0.0)
        whole = value if isinstance(value, str) else json.dumps(dict(zip(("analysis", "correction", "rest"), value)))
        return complete(request, whole)

    return answer


def mistake(**change: Any) -> pl.DataFrame:
    row: dict[str, Any] = {column.name: None for column in GIVEN.columns}
    row |= {
        "solution_id": "1" * 24, "problem_id": "2" * 24, "set": "s", "question": "What is 2 + 2 + 3?", "answer": "7", "model": "m",
        "sampling": "greedy", "sample": 0, "source": "s:1", "text": "1. 2 + 2 = 4\n2. 4 + 3 = 9\n#### 9", "rationale": "",
        "steps": ["1. 2 + 2 = 4", "2. 4 + 3 = 9\n#### 9"], "step_rule": "numbered", "first_error": 1,
    } | change  # fmt: skip
    return pl.DataFrame([row], schema=to_polars_schema(GIVEN))


def test_a_correction_that_does_not_hold_is_sent_back_with_the_reason() -> None:
    answer = script(teacher=[FALSE, OTHER, RIGHT], student=[FALSE])
    rounds, outcome = carry_on(mistake(), NAMES, answer)
    (row,) = outcome.kept.to_dicts()
    assert [len(requests) for requests in rounds] == [2, 1, 1]
    checks = [re.findall(r"<check-\w+>\n(.*)\n<", requests[0].messages[-1].content) for requests in rounds[1:]]
    assert checks == [["This calculation does not hold: 4 + 3 = 8"], [WRONG_ANSWER]]
    assert (row["teacher_correction"], row["rounds"], row["teacher_whole"]) == ("2. 4 + 3 = 7", 3, "1. 2 + 2 = 4\n2. 4 + 3 = 7\n#### 7")  # fmt: skip
    assert (row["student_verdict"], row["student_first_error"], row["inspector"]) == ("wrong", 1, None)


def test_neither_sees_more_than_the_steps_through_the_wrong_one() -> None:
    rounds, _ = carry_on(mistake(reference="So it is 7."), NAMES, script(teacher=[RIGHT], student=[FALSE]))
    shown = [message.content for request in rounds[0] for message in request.messages]
    assert any("4 + 3 = 9" in text for text in shown) and not any("So it is 7." in text for text in shown)


@pytest.mark.parametrize(
    ("change", "teacher", "student", "reason", "detail"),
    [
        ({}, [FALSE, FALSE, FALSE], [FALSE], "no correction that holds", "3 written, the last one wrong"),
        ({}, ["no object"], [FALSE], "no correction by the teacher", "unparsable"),
        ({}, [RIGHT], [None], "no correction by the student", "no answer came"),
        ({}, [("a", "2. 4 + 3 = 7\n3. So 7", "#### 7")], [FALSE], "no correction by the teacher", "several steps in one"),
        ({"first_error": None}, [], [], "no located mistake", None),
        ({"first_error": 2}, [], [], "a first wrong step that the solution does not have", "step 2 of 2"),
    ],
)  # fmt: skip
def test_mistakes_without_a_row(
    change: dict[str, Any], teacher: list[Any], student: list[Any], reason: str, detail: str | None
) -> None:
    _, outcome = carry_on(mistake(**change), NAMES, script(teacher=teacher, student=student))
    assert outcome.rejected.select("reason", "detail").row(0) == (reason, detail)


def pair(corrections: pl.DataFrame, **given: Any) -> Outcome:
    outcome = PAIRS.run(corrections, PairsParameters.model_validate({"by": "judged", **given}))
    check(outcome.kept, STEP_PAIRS, "test")
    assert outcome.kept.height + outcome.rejected.height == corrections.height
    return outcome


def test_a_judged_pair_is_the_teachers_correction_beside_the_students() -> None:
    _, outcome = carry_on(mistake(), NAMES, script(teacher=[RIGHT], student=[OTHER]))
    (row,) = pair(outcome.kept).kept.to_dicts()
    assert (row["chosen"], row["rejected"]) == (
        "It adds up to seven.\n2. 4 + 3 = 7",
        "It takes another number.\n2. 4 + 4 = 8",
    )
    assert (row["chosen_by"], row["rejected_by"], row["number"], row["rejected_id"]) == (
        "teacher@1",
        "student@1",
        1,
        "1" * 24,
    )


@pytest.mark.parametrize(
    ("student", "teacher", "reason"),
    [
        (("It is seven.", "2. 4 + 3 = 7", "#### 7"), RIGHT, "the student's step is not known to be wrong"),
        (("It is seven.", "2. 4 + 3 = 7", "3. 7 + 1 = 9\n#### 9"), RIGHT, "the student's step is not known to be wrong"),
        (("It is seven.", "2. Four and three are seven.", "#### 8"), RIGHT, "the student's step is not known to be wrong"),
        (FALSE, ("The reference says 7.", *RIGHT[1:]), "gives the mistake away"),
    ],
)  # fmt: skip
def test_corrections_without_a_pair(student: Any, teacher: Any, reason: str) -> None:
    _, outcome = carry_on(mistake(), NAMES, script(teacher=[teacher], student=[student]))
    assert pair(outcome.kept).rejected["reason"].to_list() == [reason]


def write_critique(wrong: int, steps: int = 2) -> str:
    lines = [
        f"Step sentence: s\nCorrectness of the step: {'Wrong' if i == wrong else 'Correct'}\nExplanation: e"
        for i in range(steps)
    ]
    return "\n".join(
        [*lines, f"Correctness of the final answer: {'Wrong' if wrong >= 0 else 'Correct'}\nExplanation: e"]
    )


def test_an_inspector_reads_what_verification_finds_nothing_in() -> None:
    lucky = ("It is seven.", "2. 5 + 2 = 7", "#### 7")
    answer = script(teacher=[lucky, RIGHT], student=[OTHER], inspector=[write_critique(1), write_critique(1), write_critique(-1)])  # fmt: skip
    rounds, outcome = carry_on(mistake(reference="2 + 2 + 3 = 7"), NAMES, answer, inspector="inspector")
    (row,) = outcome.kept.to_dicts()
    assert [[request.model for request in requests] for requests in rounds] == [
        ["teacher", "student"], ["inspector", "inspector"], ["teacher"], ["inspector"],
    ]  # fmt: skip
    assert "2 + 2 + 3 = 7" in rounds[1][0].messages[-1].content
    assert (row["rounds"], row["student_first_error"], row["inspector"]) == (2, 1, "inspector")


def test_an_inspector_that_gives_the_answer_away_is_not_passed_on() -> None:
    telling = write_critique(1) + "\nIt should be 7."
    answer = script(teacher=[OTHER, RIGHT], student=[FALSE], inspector=[telling, write_critique(-1)])
    rounds, _ = carry_on(mistake(), NAMES, answer, inspector="inspector")
    said = rounds[2][0].messages[-1].content
    assert WRONG_ANSWER in said and "should be 7" not in said


def test_an_inspector_that_cannot_be_read_finds_nothing_right() -> None:
    answer = script(teacher=[RIGHT], student=[FALSE], inspector=["I like it."])
    _, outcome = carry_on(mistake(), NAMES, answer, inspector="inspector", rounds=1)
    assert outcome.rejected["detail"].to_list() == ["1 written, the last one undecided"]


@pytest.mark.parametrize("inspector", [None, "inspector"])
def test_both_sides_are_true_with_a_teacher_of_declared_truth(inspector: str | None) -> None:
    part, truths = make_rows(300, wrong=True)
    part = part.with_columns(pl.Series("first_error", truths))
    skills = {"teacher": Skill(fixes=0.7), "student": Skill(fixes=0.3), "inspector": Skill(misses=0.1, alarms=0.05)}
    models = {name: World(engine="world", skill=skill) for name, skill in skills.items()}
    names = {name: identify_teacher(model) for name, model in models.items()}
    engines = {str(names[name]): WorldEngine(model) for name, model in models.items()}

    def answer(request: Request) -> Reply:
        (reply,) = engines[str(ModelId(request.model, request.revision))].answer([request])
        return reply

    _, outcome = carry_on(part, names, answer, inspector=inspector)
    assert outcome.kept.height >= 0.9 * part.height  # 1 - 0.3³, and what the inspector takes for wrong
    pairs = pair(outcome.kept, alike=None).kept
    true = 0
    for row in pairs.to_dicts():
        program = make_problem(21, int(row["problem_id"], 16) - 1).program
        right, wrong = (
            find_truth(program, split_steps(row[f"{side}_whole"])[0]).first_error for side in ("chosen", "rejected")
        )
        true += (right == -1 or (right is not None and right > row["number"])) and wrong == row["number"]
    assert pairs.height >= 0.5 * part.height and true >= 0.95 * pairs.height, (pairs.height, true)


RECIPE = """\
corpus: opposed
version: 0.1.0
title: T
license: Apache-2.0
models:
  pupil: {engine: world, skill: {slips: 0.9, fixes: 0.3}}
  teacher: {engine: world, skill: {fixes: 0.8}, seed: 1}
  inspector: {engine: world}
tables:
  problems: {task: world, count: 12}
  solutions: {task: generate, from: problems, models: [pupil], prompt: abacus-solve}
  steps: {task: split, from: solutions}
  judged: {task: judge, from: steps, models: [inspector]}
  agreed: {task: agree, from: judged, rule: k of n, k: 1}
  corrected: {task: correct, from: agreed, teacher: teacher, student: pupil, inspector: inspector}
  opposed: {task: step-pairs, from: corrected, by: judged}
  supercorrect: {task: view, from: opposed, format: supercorrect}
  release: {task: release, from: supercorrect, splits: {all: 1}}
"""


def test_a_recipe_of_judged_pairs_is_built_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "opposed.yaml").write_text(RECIPE, "utf-8")
    tables = []
    for name in ("first", "second"):
        build(tmp_path / "opposed.yaml", tmp_path / name)
        tables.append(pl.read_parquet(next((tmp_path / name / "releases/opposed/0.1.0").rglob("*.parquet"))))
    assert tables[0].height >= 3 and tables[0].equals(tables[1])
    row = tables[0].row(0, named=True)
    assert row["prompt"].endswith(row["prefix"]) and row["chosen"] != row["rejected"]


def test_parameters_that_cannot_be_meant() -> None:
    rules = CorrectParameters(teacher="a", student="a", inspector="a", prompt="{question}")
    assert [fault.split(";")[0] for fault in CORRECT.check(rules, CORRECTIONS)] == [
        "prompt: has no {steps}", "prompt: has no {number}",
        "student: is the teacher, beside whose corrections it would have the same",
        "inspector: is the teacher, who would inspect its own corrections",
    ]  # fmt: skip
