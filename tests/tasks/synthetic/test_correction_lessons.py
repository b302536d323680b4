"""Lessons in dealing with mistakes are true, on problems for training, and asked in the words of the tasks that ask."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import polars as pl
import pytest

from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.contract import Column
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId
from schemas.recipe.models import Skill, World
from schemas.request import Completion, Message, Request, Sampling
from schemas.task import Outcome
from tasks.corrections.correct import CORRECT, CorrectParameters
from tasks.corrections.revise import REVISE
from tasks.corrections.revise_parameters import ReviseParameters
from tasks.engines.world.assignment import read_assignment
from tasks.engines.world.engine import WorldEngine
from tasks.llm.critique_reply import read_critique
from tasks.quality.p_true import P_TRUE, PTrueParameters
from tasks.split import split_steps
from tasks.synthetic.correction_lessons import FEEDBACK, JOBS, MARK, write_correction_lesson
from tasks.synthetic.critiques import write_critique
from tasks.synthetic.lessons import SOLVE, Lesson
from tasks.synthetic.problems import choose_side
from tasks.synthetic.reading import read_problem
from tasks.synthetic.truth import find_truth

GIVEN = SOLUTIONS.having(*STEP_COLUMNS, *VERDICT_COLUMNS, Column("first_error", "integer", "", nullable=True))
OWN = [job for job in JOBS if job != "other"]
CRITIQUE = re.compile(r"<critique-\w+>\n(.*)\n</critique-\w+>", re.DOTALL)
NAMED = re.compile(r"These answers were given before and are wrong: (.*)\.")
SIGNS = {"none": "Look over your solution", "verdict": "Your final answer was compared", "critique": "<critique-"}
Messages = tuple[Message, ...]


def write_some(job: str, count: int = 100) -> list[tuple[Lesson, Messages, str]]:
    """Lessons of a job, what each asks, and its answer as text."""
    random = Random(job)
    lessons = [write_correction_lesson(random, job) for _ in range(count)]
    return [
        (lesson, (*lesson.history, Message("user", lesson.prompt)), "".join(text for text, _ in lesson.answer))
        for lesson in lessons
    ]


def read_roles(messages: Messages) -> Any:
    """The assignment that the world's teacher, who knows prompts word by word, reads in a lesson."""
    return read_assignment(Request("teacher", "", messages, Sampling(600)))


def hide_marks(messages: Messages) -> list[tuple[str, str]]:
    return [(message.role, MARK.sub("mark", message.content)) for message in messages]


def make_row(question: str, text: str, answer: str, **more: Any) -> pl.DataFrame:
    """A solution with its verdict."""
    row: dict[str, Any] = {column.name: None for column in GIVEN.columns}
    stated = text.rpartition("#### ")[2]
    row |= {
        "solution_id": "1" * 24, "problem_id": "2" * 24, "set": "s", "question": question, "answer": answer, "model": "m",
        "sampling": "greedy", "sample": 0, "source": "s:1", "text": text, "rationale": text, "steps": split_steps(text)[0],
        "step_rule": "numbered", "verdict": "right" if stated == answer else "wrong", "extracted": stated,
    } | more  # fmt: skip
    return pl.DataFrame([row], schema=to_polars_schema(GIVEN))


def carry_on(conversation: Any, say: Callable[[Request], str]) -> tuple[list[Request], Outcome]:
    """All requests of a conversation, and what comes of it."""
    asked: list[Request] = []
    replies: Any = None
    while True:
        try:
            requests = list(conversation.send(replies))
        except StopIteration as end:
            return asked, end.value
        asked += requests
        replies = {r.id: Completion(r.id, say(r), "stop", 600, 9, 5, None, "scripted", 0.0) for r in requests}


@pytest.mark.parametrize("job", OWN)
def test_lessons_are_on_problems_for_training(job: str) -> None:
    for lesson, messages, _ in write_some(job, 40):
        problem = read_roles(messages).problem
        assert problem is not None and choose_side(problem.question) == "train"
        assert all(weight > 0 for _, weight in lesson.answer)


@pytest.mark.parametrize(("job", "role"), [("retry", "correct"), ("correct", "mend"), ("true", "is true")])
def test_a_teacher_without_errors_gives_the_lessons_answer(job: str, role: str) -> None:
    teacher = WorldEngine(World(engine="world", skill=Skill(guesses=1.0)))
    for _, messages, answer in write_some(job):
        assert read_roles(messages).role == role
        (reply,) = teacher.answer([Request("teacher", "", messages, Sampling(600))])
        assert isinstance(reply, Completion) and reply.text == answer


def list_revisions() -> Iterator[tuple[Messages, list[str], str, str]]:
    """Lessons in revising that show all the attempts they speak of: what they ask, the attempts, the feedback, the answer."""
    for _, messages, answer in write_some("retry", 500):
        attempts = [message.content for message in messages if message.role == "assistant"]
        (kind,) = [kind for kind, sign in SIGNS.items() if sign in messages[-1].content]
        named = NAMED.search(messages[-1].content)
        gold = answer.rpartition("#### ")[2]
        wrong = dict.fromkeys(stated for text in attempts if (stated := text.rpartition("#### ")[2]) != gold)
        if attempts and (named is None or named[1].split("; ") == list(wrong)):
            yield messages, attempts, kind, answer


def test_revise_asks_in_the_words_of_the_lessons() -> None:
    kinds: Counter[tuple[str, int, bool]] = Counter()
    for messages, attempts, kind, answer in list_revisions():
        question, named = messages[0].content.partition("\n")[2], bool(NAMED.search(messages[-1].content))
        rules = ReviseParameters.model_validate({
            "actor": "actor", "critics": ["critic"] if kind == "critique" else [], "feedback": kind, "prompt": "abacus-solve",
            "turns": len(attempts), "stop": "turns", "name_earlier": named,
        })  # fmt: skip
        critiques = iter([match[1] for message in messages if (match := CRITIQUE.search(message.content))])
        written = iter([*attempts[1:], answer])
        row = make_row(question, attempts[0], answer.rpartition("#### ")[2])
        names = {name: ModelId(name, "") for name in ("actor", "critic")}
        asked, _ = carry_on(
            REVISE.ask(row, rules, names), lambda request: next(critiques if request.model == "critic" else written)  # noqa: B023
        )  # fmt: skip
        assert hide_marks(asked[-1].messages) == hide_marks(messages)
        kinds[kind, len(attempts), named] += 1
    assert set(kinds) == {(kind, count, named) for kind in FEEDBACK for count in (1, 2) for named in (False, True)}


def test_a_revision_of_what_is_not_shown_is_asked_for_in_one_turn() -> None:
    kinds = set()
    for _, messages, answer in write_some("retry", 200):
        if len(messages) > 1 or NAMED.search(messages[-1].content):
            continue
        (kind,) = [kind for kind, sign in SIGNS.items() if sign in messages[-1].content]
        gold = answer.rpartition("#### ")[2]
        wrong = "is right" not in messages[-1].content
        given = {
            "actor": "actor",
            "critics": ["critic"] if kind == "critique" else [],
            "feedback": kind,
            "history": "none",
        }
        rules = ReviseParameters.model_validate(given | {"prompt": "abacus-solve", "stop": "turns"})
        found = CRITIQUE.search(messages[-1].content)
        row = make_row(messages[0].content.split("\n")[1], f"1. 1 + 1 = 2\n#### {gold}{1 if wrong else ''}", gold)
        names = {name: ModelId(name, "") for name in ("actor", "critic")}
        asked, _ = carry_on(
            REVISE.ask(row, rules, names), lambda request: found[1] if found and request.model == "critic" else answer  # noqa: B023
        )  # fmt: skip
        assert hide_marks(asked[-1].messages) == hide_marks(messages)
        kinds.add(kind)
    assert kinds == set(FEEDBACK)


def test_attempts_are_mostly_wrong_and_so_they_are_called() -> None:
    wrong = []
    for messages, attempts, kind, answer in list_revisions():
        assert answer.startswith("1. ") and messages[0].content.startswith(SOLVE.split("{")[0])
        for i, attempt in enumerate(attempts):
            wrong.append(attempt.rpartition("#### ")[2] != answer.rpartition("#### ")[2])
            if kind == "verdict":
                said = messages[2 * i + 2].content.splitlines()[0]
                assert said.endswith("wrong." if wrong[-1] else "right.")
    assert 0.75 < sum(wrong) / len(wrong) < 0.95


def test_critiques_are_now_and_then_mistaken() -> None:
    exact = []
    for messages, attempts, kind, _ in list_revisions():
        if kind == "critique":
            problem = read_problem(messages[0].content.partition("\n")[2])
            steps = split_steps(attempts[-1])[0]
            match = CRITIQUE.search(messages[-1].content)
            assert problem is not None and match is not None
            truth = find_truth(problem.program, steps)
            exact.append(read_critique(match[1], len(steps)).first_error == truth.first_error)
            if truth.first_error < 0:
                assert "Wrong" not in write_critique(steps, truth)
    assert 0.6 < sum(exact) / len(exact) < 1


def test_correct_asks_in_the_words_of_the_lessons_and_keeps_their_answers() -> None:
    names = {"teacher": ModelId("teacher", ""), "student": ModelId("student", "")}
    for _, messages, answer in write_some("correct", 40):
        assignment = read_roles(messages)
        steps, problem = assignment.steps, assignment.problem
        row = make_row(problem.question, "\n".join(steps), str(problem.answer), steps=steps, first_error=len(steps) - 1)
        rules = CorrectParameters.model_validate({"teacher": "teacher", "student": "student"})
        asked, outcome = carry_on(CORRECT.ask(row, rules, names), lambda _: answer)  # noqa: B023
        assert [hide_marks(request.messages) for request in asked] == [hide_marks(messages)] * 2
        (kept,) = outcome.kept.to_dicts()
        assert kept["teacher_correction"] == json.loads(answer)["correction"] != steps[-1].split("\n")[0]


def test_p_true_asks_in_the_words_of_the_lessons() -> None:
    counts = set()
    for _, messages, answer in write_some("true", 60):
        assignment = read_roles(messages)
        problem, stated = assignment.problem, assignment.fields["answer"]
        drawn = re.findall(r"^- (.*)$", assignment.fields["samples"], re.MULTILINE)
        row = make_row(problem.question, f"1. 1 + 1 = 2\n#### {stated}", str(problem.answer))
        given = {"model": "solver", "samples": len(drawn), "solve_prompt": "abacus-solve"}
        written = iter([*(f"1. 1 + 1 = 2\n#### {other}" for other in drawn), answer])
        names = {"solver": ModelId("solver", "")}
        asked, outcome = carry_on(
            P_TRUE.ask(row, PTrueParameters.model_validate(given), names), lambda _: next(written)  # noqa: B023
        )  # fmt: skip
        assert asked[-1].messages == messages and len(asked) == len(drawn) + 1
        assert outcome.kept.height == 1
        counts.add(len(drawn))
    assert {0, 5} <= counts


def test_answers_are_more_often_true_than_false() -> None:
    letters = Counter(answer for _, _, answer in write_some("true", 400))
    assert set(letters) == {"A", "B"} and 220 < letters["A"] < 320
