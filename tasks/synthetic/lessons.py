"""Lessons: what Abacus is taught, as conversations with a weight for each piece of the answer.

Three jobs: to solve step by step, to go on from a given beginning (a wrong
one too), and to judge; and drills in mere calculating, without which sums stay
wrong long after everything else is learned. A judge that answers at once, or that derives each
step and then says whether the given one is right, does not learn to compare;
it does when each number it derives is followed by the one given and by a word
that says whether they are the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Literal

from schemas.request import Message
from tasks.synthetic.problems import Problem, choose_side, draw
from tasks.synthetic.program import Program
from tasks.synthetic.solution import ANSWER, WrittenStep, list_steps, solve_right, solve_wrong, write_solution
from tasks.synthetic.truth import KINDS, Truth, find_truth
from tasks.synthetic.vocabulary import BOXES, BOYS, COINS, DAYS, GIRLS, THINGS

SOLVE = "Solve step by step.\n{question}"
JUDGE = "Judge step by step.\n{question}\n{solution}"
FIRST_ERROR = "First error: "
LEVELS = {1: 5, 2: 15, 3: 58, 4: 9, 5: 10, 6: 3}
"""How often lessons are of each level."""
VERDICT_WEIGHT = 6.0
DIFFERENT_WEIGHT = 4.0
"""Of a given word that is not the derived one: nearly always they are the same, and to repeat is easier than to look."""
JOBS = {"solve": 32, "judge": 48, "compare": 10, "drill": 10}
"""How often lessons are of each job."""
RESULT_WEIGHT = 3.0
"""Of the digits of a result: all else in a line is soon learned."""
DRILL = 12
"""Calculations of a lesson in nothing but calculating."""
Piece = tuple[str, float]


@dataclass(frozen=True)
class Lesson:
    """One conversation to learn from."""

    job: Literal["solve", "judge", "retry", "correct", "true"]
    prompt: str
    """The user's message."""
    answer: tuple[Piece, ...]
    """The assistant's answer in pieces, each with the weight of its loss."""
    history: tuple[Message, ...] = ()
    """The turns before it: context."""


def write_lesson(random: Random, job: str | None = None) -> Lesson:
    """A lesson on a problem that is for training: of one of `JOBS`, else of any, as often as it says there."""
    job = job or random.choices(list(JOBS), list(JOBS.values()))[0]
    if job == "drill":
        return write_drilling_lesson(random)
    problem = draw_problem(random)
    if job == "compare":
        return write_comparing_lesson(problem, random)
    return write_judging_lesson(problem, random) if job == "judge" else write_solving_lesson(problem, random)


def draw_problem(random: Random) -> Problem:
    """A problem that is for training, of a level of `LEVELS`."""
    level = random.choices(list(LEVELS), list(LEVELS.values()))[0]
    problem = draw(random, level)
    while choose_side(problem.question) != "train":
        problem = draw(random, level)
    return problem


def write_drilling_lesson(random: Random) -> Lesson:
    """Calculations of the kinds that solutions need, one below the other, about nothing."""
    lines: list[WrittenStep] = []
    for _ in range(DRILL):
        calculation = make_calculation(random, lines[-1].result if lines and random.random() < 0.5 else None)
        lines.append(calculation)
    pieces = [piece for i, line in enumerate(lines, 1) for piece in list_line(i, line, 0.05)]
    return Lesson("solve", SOLVE.format(question=""), tuple(pieces))


def make_calculation(random: Random, left: int | None) -> WrittenStep:
    """A right calculation, with a given number on its left if there is one that fits."""
    operator = random.choices("+-*/", (45, 25, 20, 10))[0]
    if operator == "*":
        small = random.randint(2, 12)
        left = left if left and left <= 60 else random.randint(2, random.choice((9, 12, 60)))
        return WrittenStep(left, "*", small, left * small, random.choice(THINGS))
    if operator == "/":
        part, result = random.randint(2, 9), random.randint(2, 60)
        return WrittenStep(part * result, "/", part, result, random.choice(THINGS))
    left = left if left and left <= 400 else random.randint(2, random.choice((40, 200, 400)))
    if operator == "-" and left > 3:
        second = random.randint(2, min(left - 1, random.choice((20, 60, 200))))
        return WrittenStep(left, "-", second, left - second, random.choice(THINGS))
    second = random.randint(2, random.choice((20, 60, 200)))
    return WrittenStep(left, "+", second, left + second, random.choice(THINGS))


def list_line(number: int, line: WrittenStep, weight: float = 1.0) -> list[Piece]:
    """A line of a solution, with the weights of its parts."""
    begin = f"{number}. {line.left} {line.operator} {line.right} ="
    return [(begin, weight), (f" {line.result}", RESULT_WEIGHT), (f" {line.unit}\n", weight)]


def write_solving_lesson(problem: Problem, random: Random) -> Lesson:
    """To solve a problem, or now and then to go on after a mistake as if it were none."""
    prompt = SOLVE.format(question=problem.question)
    if random.random() < 0.9:
        lines, answer = solve_right(problem.program)
        pieces = [piece for i, line in enumerate(lines, 1) for piece in list_line(i, line)]
        return Lesson("solve", prompt, (*pieces, (f"{ANSWER}{answer}", 1.0)))
    text = write_solution(*solve_wrong(problem.program, random))
    truth = find_truth(problem.program, text.split("\n"))
    parts = text.splitlines(keepends=True)
    cut = min(truth.first_error + 1, len(parts) - 1)
    return Lesson("solve", prompt, (("".join(parts[:cut]), 0.0), ("".join(parts[cut:]), 1.0)))


def write_judging_lesson(problem: Problem, random: Random) -> Lesson:
    """To judge a solution, more often a wrong one."""
    while True:
        lines, answer = solve_right(problem.program) if random.random() < 0.3 else solve_wrong(problem.program, random)
        pieces = write_judgement(problem.program, lines, answer)
        if pieces:
            return Lesson(
                "judge", JUDGE.format(question=problem.question, solution=write_solution(lines, answer)), pieces
            )


def write_judgement(program: Program, lines: list[WrittenStep], answer: int) -> tuple[Piece, ...] | None:
    """The judgement of a solution, or None where it is not wrong step for step (another order, other words)."""
    truth = find_truth(program, list_steps(lines, answer))
    expected, last = solve_right(program)
    pieces: list[Piece] = []
    for i in range(max(len(expected), len(lines)) + 1):
        pieces.append((f"{i + 1}.", 1.0))
        want = _words(expected, i, last)
        have = _words(lines, i, answer)
        same = True
        for j, (derived, given) in enumerate(zip(want, have)):
            if j == 3 and not same:
                break
            same &= derived == given
            pieces += [(f" {derived}", RESULT_WEIGHT if j == 3 else 1.0), *_compared(derived, given)]
            if derived != given and "####" in (derived, given):
                break
        pieces.append(("\n", 1.0))
        if not same:
            return _end(pieces, truth, i, len(lines))
        if i >= len(lines):
            break
    return _end(pieces, truth, None, len(lines))


def _compared(derived: str, given: str) -> tuple[Piece, Piece]:
    """The given word after a derived one, and whether they are the same."""
    if derived == given:
        return (f" {given}", 1.0), (" same", VERDICT_WEIGHT)
    return (f" {given}", DIFFERENT_WEIGHT), (" differ", VERDICT_WEIGHT)


def write_comparing_lesson(problem: Problem, random: Random) -> Lesson:
    """To copy a solution's words beside others and to compare, where many of the others are made up and not learned."""
    lines, answer = solve_right(problem.program) if random.random() < 0.3 else solve_wrong(problem.program, random)
    pieces: list[Piece] = []
    for i in range(len(lines) + 1):
        pieces.append((f"{i + 1}.", 0.0))
        for given in _words(lines, i, answer):
            derived = given if random.random() < 0.5 else _other(given, random)
            pieces += [(f" {derived}", 0.0), *_compared(derived, given)]
        pieces.append(("\n", 0.0))
    return Lesson(
        "judge", JUDGE.format(question=problem.question, solution=write_solution(lines, answer)), tuple(pieces)
    )


def _other(word: str, random: Random) -> str:
    """A word of the same kind, or nearly."""
    if word in "+-*/":
        return random.choice("+-*/")
    if word.isdigit() and random.random() < 0.9:
        return str(max(0, int(word) + random.randint(-9, 9)) if random.random() < 0.5 else random.randint(2, 200))
    return random.choice(("####", str(random.randint(2, 100)), random.choice(THINGS), random.choice(THINGS)))


def _words(lines: list[WrittenStep], i: int, answer: int) -> list[str]:
    """What is compared of a line, in this order; of the end, its mark and the answer."""
    if i >= len(lines):
        return ["####", str(answer)]
    line = lines[i]
    return [str(line.left), line.operator, str(line.right), str(line.result), line.unit]


def _end(pieces: list[Piece], truth: Truth, first_wrong: int | None, steps: int) -> tuple[Piece, ...] | None:
    """The judgement with its conclusion, where it agrees with the truth."""
    at = -1 if first_wrong is None else min(first_wrong, max(0, steps - 1))
    if truth.first_error != at:
        return None
    if truth.kind is None:
        return (*pieces, (f"{FIRST_ERROR}none", 3.0))
    return (*pieces, (f"{FIRST_ERROR}{at + 1}, ", 3.0), (truth.kind, VERDICT_WEIGHT))


def list_vocabulary() -> list[str]:
    """All words and signs of the world, as tokens: with the space before them where they have one."""
    random = Random(0)  # noqa: S311
    pattern = re.compile(PATTERN)
    names, things = GIRLS + BOYS, (*THINGS, *BOXES, COINS, DAYS)
    words = {
        *names,
        *(f" {word}" for word in (*names, *things)),
        *(f" {n}" for n in range(1000)),
        *map(str, range(100)),
    }
    for _ in range(30_000):
        lesson = write_lesson(random)
        words.update(pattern.findall(lesson.prompt), *(pattern.findall(text) for text, _ in lesson.answer))
    for kind in KINDS:
        words.update(pattern.findall(f" {kind}"))
    return sorted(words)


_WHOLE = r"(?: (?:0|[1-9][0-9]{0,2})|(?<![0-9])(?:0|[1-9][0-9]?))(?![0-9])"
PATTERN = rf" ?[A-Za-z]+| ?####|{_WHOLE}| ?[0-9]|\n| ?[^\sA-Za-z0-9]| +"
"""How texts are cut into tokens. A number below a thousand is one token, a larger one is cut into its digits."""
