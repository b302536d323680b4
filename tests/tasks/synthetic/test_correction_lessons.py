"""Lessons in dealing with mistakes are true, and on problems for training."""

from random import Random

import pytest

from tasks.synthetic.correction_lessons import JOBS, RETRY, write_correction_lesson
from tasks.synthetic.lessons import Lesson
from tasks.synthetic.problems import choose_side


def write_some(job: str, count: int = 100) -> list[tuple[Lesson, str]]:
    """Lessons of a job, and their answers as text."""
    random = Random(job)
    lessons = [write_correction_lesson(random, job) for _ in range(count)]
    return [(lesson, "".join(text for text, _ in lesson.answer)) for lesson in lessons]


@pytest.mark.parametrize("job", [job for job in JOBS if job != "other"])
def test_lessons_are_on_problems_for_training(job: str) -> None:
    for lesson, _ in write_some(job, 40):
        asked = lesson.history[0][0] if lesson.history else lesson.prompt
        assert choose_side(asked.split("\n")[1]) == "train"
        assert all(weight > 0 for _, weight in lesson.answer)


def test_a_second_attempt_is_another_and_begins_anew() -> None:
    for lesson, answer in write_some("retry"):
        ((_, attempt),) = lesson.history
        assert lesson.prompt == RETRY and answer != attempt and answer.startswith("1. ") and "\n#### " in answer


def test_a_correction_begins_with_the_step_that_was_named_and_changes_it() -> None:
    for lesson, answer in write_some("correct"):
        named, _, *attempt = lesson.prompt.split("\n")
        number = int(named.removeprefix("Correct step ").removesuffix("."))
        first = answer.split("\n")[0]
        assert first.startswith(f"{number}. ") and attempt[number - 1].startswith(f"{number}. ")
        assert first != attempt[number - 1]


def test_a_step_is_called_true_where_nothing_differs() -> None:
    verdicts = []
    for _, answer in write_some("true"):
        compared, verdict = answer.split("\n")
        assert (" differ" in compared) == (verdict == "False")
        verdicts.append(verdict)
    assert set(verdicts) == {"True", "False"}
