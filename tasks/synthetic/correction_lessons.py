"""Lessons in dealing with mistakes: to try again after a wrong attempt, to correct a given step, to say whether one is true.

They make a course of their own, mixed with the other lessons so that solving
and judging are not forgotten. The shipped checkpoint has not had it.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tasks.synthetic.lessons import SOLVE, Lesson, Piece, compare_line, draw_problem, list_line, write_lesson
from tasks.synthetic.problems import Problem
from tasks.synthetic.solution import ANSWER, WrittenStep, solve_right, solve_wrong, write_solution
from tasks.synthetic.truth import find_truth

RETRY = "That is wrong. Try again."
CORRECT = "Correct step {number}.\n{question}\n{solution}"
TRUE = "True or false: is step {number} right?\n{question}\n{solution}"
JOBS = {"retry": 20, "correct": 15, "true": 15, "other": 50}
"""How often lessons of the course are of each job; the others are those of `tasks.synthetic.lessons`."""
VERDICT_WEIGHT = 6.0


def write_correction_lesson(random: Random, job: str | None = None) -> Lesson:
    """A lesson of the course, on a problem that is for training."""
    job = job or random.choices(list(JOBS), list(JOBS.values()))[0]
    if job == "other":
        return write_lesson(random)
    problem, lines, answer, first = draw_mistake(random)
    if job == "retry":
        return write_retry(problem, lines, answer)
    return write_correction(problem, lines, answer, first) if job == "correct" else write_truth(problem, lines, answer, first, random)  # fmt: skip


def draw_mistake(random: Random) -> tuple[Problem, list[WrittenStep], int, int]:
    """A problem and a wrong solution of it, which is the right one up to its first wrong step: lines, answer, that step."""
    while True:
        problem = draw_problem(random)
        lines, answer = solve_wrong(problem.program, random)
        right, _ = solve_right(problem.program)
        first = find_truth(problem.program, write_solution(lines, answer).split("\n")).first_error
        if 0 <= first < min(len(lines), len(right)) and lines[:first] == right[:first] and lines[first] != right[first]:
            return problem, lines, answer, first


def write_end(problem: Problem, begin: int) -> tuple[Piece, ...]:
    """The right solution from a step on."""
    lines, answer = solve_right(problem.program)
    pieces = [piece for i, line in enumerate(lines[begin:], begin + 1) for piece in list_line(i, line)]
    return (*pieces, (f"{ANSWER}{answer}", 1.0))


def write_retry(problem: Problem, lines: list[WrittenStep], answer: int) -> Lesson:
    """After a wrong attempt and a word that it is wrong: the right solution, from the start."""
    attempt = write_solution(lines, answer)
    lesson = Lesson("retry", RETRY, write_end(problem, 0))
    return replace(lesson, history=((SOLVE.format(question=problem.question), attempt),))


def write_correction(problem: Problem, lines: list[WrittenStep], answer: int, first: int) -> Lesson:
    """The step that is named as wrong, and what follows, rightly."""
    prompt = CORRECT.format(number=first + 1, question=problem.question, solution=write_solution(lines, answer))
    return Lesson("correct", prompt, write_end(problem, first))


def write_truth(problem: Problem, lines: list[WrittenStep], answer: int, first: int, random: Random) -> Lesson:
    """Whether a step is right, behind right ones: derived, compared word by word, then said."""
    right, _ = solve_right(problem.program)
    step = random.randrange(first) if first and random.random() < 0.5 else first
    prompt = TRUE.format(number=step + 1, question=problem.question, solution=write_solution(lines, answer))
    verdict = "False" if step == first else "True"
    return Lesson("true", prompt, (*compare_line(right[step], lines[step]), (f"\n{verdict}", VERDICT_WEIGHT)))
