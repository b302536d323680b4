"""Lessons in dealing with mistakes: to revise an attempt, to correct a given step, to say whether an answer is true.

They ask in the words of the tasks that ask: `revise` after each kind of
feedback, `correct` and `p-true`. A course of their own, they are
mixed with the other lessons so that solving and judging are not forgotten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from schemas.request import Message
from tasks.llm import prompts
from tasks.llm.prompt_guard import fill_fields
from tasks.quality.p_true import FALSE, TRUE, list_samples
from tasks.synthetic.critiques import describe_mistake, write_critique
from tasks.synthetic.lessons import SOLVE, Lesson, Piece, draw_problem, list_line, write_lesson
from tasks.synthetic.problems import Problem
from tasks.synthetic.solution import ANSWER, WrittenStep, list_steps, solve_right, solve_wrong, write_solution
from tasks.synthetic.truth import KINDS, Truth, find_truth

JOBS = {"retry": 24, "correct": 10, "true": 8, "other": 58}
"""How often lessons of the course are of each job; the others are those of `tasks.synthetic.lessons`."""
Feedback = Literal["none", "verdict", "critique"]
FEEDBACK: dict[Feedback, int] = {"verdict": 45, "none": 30, "critique": 25}
"""How often an attempt is revised after each feedback of `revise`."""
RIGHT, AGAIN, UNSEEN, NAMED, LEAKS = 0.15, 0.2, 0.1, 0.3, 0.05
"""Shares: of attempts that are right, of lessons with a second attempt, of those that show none, of those that name wrong answers, and of
critiques that give the answer away."""
MISTAKEN = 0.25
"""Of critiques that name another step than the first wrong one."""
ALONE, DRAWN = 0.2, (2, 3, 4, 5, 5, 5, 5, 8)
"""The share of answers that are rated beside no others, and how many others there are elsewhere."""
VERDICT_WEIGHT = 6.0
MARK = re.compile(r"(?<=-)[0-9a-f]{16}\b")
"""The mark of a fence, which no vocabulary has."""


@dataclass(frozen=True)
class Attempt:
    """A solution that a lesson is about."""

    lines: list[WrittenStep]
    answer: int
    truth: Truth

    @property
    def text(self) -> str:
        """As it was written."""
        return write_solution(self.lines, self.answer)


def write_correction_lesson(random: Random, job: str | None = None) -> Lesson:
    """A lesson of the course, on a problem that is for training."""
    job = job or random.choices(list(JOBS), list(JOBS.values()))[0]
    if job == "other":
        return write_lesson(random)
    problem = draw_problem(random)
    if job == "retry":
        return write_revision(problem, random)
    return write_truth(problem, random) if job == "true" else write_correction(random)


def draw_attempt(problem: Problem, right: bool, random: Random) -> Attempt:
    """The right solution, or one that comes to a wrong answer."""
    lines, answer = solve_right(problem.program)
    while not right and answer == problem.answer:
        lines, answer = solve_wrong(problem.program, random)
    return Attempt(lines, answer, find_truth(problem.program, list_steps(lines, answer)))


def write_revision(problem: Problem, random: Random) -> Lesson:
    """After one attempt, or two, and what is said of each: the right solution, from its beginning."""
    kind = random.choices(list(FEEDBACK), list(FEEDBACK.values()))[0]
    asked, named = SOLVE.format(question=problem.question), random.random() < NAMED
    before = [draw_attempt(problem, False, random) for _ in range(random.random() < AGAIN)]
    attempts = [*before, draw_attempt(problem, random.random() < RIGHT, random)]
    # some wrong answers are of attempts that are not shown
    hidden = random.randint(1, 3) if named and random.random() < 0.5 else 0
    earlier = [str(draw_attempt(problem, False, random).answer) for _ in range(hidden)]
    messages = [Message("user", asked)]
    for attempt in attempts:
        right = attempt.answer == problem.answer
        earlier += [] if right else [str(attempt.answer)]
        critique = draw_critique(problem, attempt, random) if kind == "critique" else ""
        sign = f"{random.getrandbits(64):016x}"
        messages += [
            Message("assistant", attempt.text), ask_revision(kind, right, critique, earlier if named else [], sign)
        ]  # fmt: skip
    if random.random() < UNSEEN:
        return Lesson("retry", f"{asked}\n\n{messages[-1].content}", write_end(problem, 0))
    return Lesson("retry", messages[-1].content, write_end(problem, 0), tuple(messages[:-1]))


def draw_critique(problem: Problem, attempt: Attempt, random: Random) -> str:
    """What a critic says of an attempt, who is mistaken now and then, or gives the answer away."""
    seen = attempt.truth
    if random.random() < MISTAKEN:
        seen = Truth(random.randrange(len(attempt.lines)), random.choice(list(KINDS)))
    reveals = problem.answer if random.random() < LEAKS else None
    return write_critique(list_steps(attempt.lines, attempt.answer), seen, reveals)


def ask_revision(kind: Feedback, right: bool, critique: str, earlier: Sequence[str], sign: str) -> Message:
    """The turn in which `revise` gives feedback and asks to solve the problem again.

    Args:
        kind: The feedback.
        right: Whether the attempt's answer is right; `verdict` says so.
        critique: What a critic says of it.
        earlier: Wrong answers that are named; none where they are not.
        sign: The mark of the critique's fence.

    Returns:
        The user's message.

    """
    named = f"These answers were given before and are wrong: {'; '.join(dict.fromkeys(earlier))}." if earlier else ""
    fields = {"verdict": "right" if right else "wrong", "earlier": named, "critique": critique, "mark": sign}
    (message,) = prompts.fill(prompts.find_template(f"revise-{kind}"), fields)
    return message


def write_end(problem: Problem, begin: int) -> tuple[Piece, ...]:
    """The right solution from a step on."""
    lines, answer = solve_right(problem.program)
    pieces = [piece for i, line in enumerate(lines[begin:], begin + 1) for piece in list_line(i, line)]
    return (*pieces, (f"{ANSWER}{answer}", 1.0))


def draw_mistake(random: Random) -> tuple[Problem, Attempt]:
    """A problem and a wrong solution of it, which is the right one up to its first wrong step."""
    while True:
        problem = draw_problem(random)
        lines, answer = solve_wrong(problem.program, random)
        right, _ = solve_right(problem.program)
        truth = find_truth(problem.program, list_steps(lines, answer))
        first = truth.first_error
        if 0 <= first < min(len(lines), len(right)) and lines[:first] == right[:first] and lines[first] != right[first]:
            return problem, Attempt(lines, answer, truth)


def write_correction(random: Random) -> Lesson:
    """What is wrong in a step that is named as the first wrong one, the step in its place, and what follows, as `correct` asks for them."""
    problem, attempt = draw_mistake(random)
    first = attempt.truth.first_error
    *before, message = ask_correction(problem.question, list_steps(attempt.lines, attempt.answer), first)
    lines, _ = solve_right(problem.program)
    own = [(text.rstrip("\n"), weight) for text, weight in list_line(first + 1, lines[first])]
    rest = [(text.replace("\n", "\\n"), weight) for text, weight in write_end(problem, first + 1)]
    analysis = json.dumps(describe_mistake(attempt.truth))
    pieces = ((f'{{"analysis": {analysis}, "correction": "', 1.0), *own, ('", "rest": "', 1.0), *rest, ('"}', 1.0))
    return Lesson("correct", message.content, pieces, tuple(before))


def ask_correction(question: str, steps: Sequence[str], first: int) -> tuple[Message, ...]:
    """What `correct` asks of a solution whose first wrong step this is."""
    shown = {"question": question, "options": None, "steps": steps[: first + 1], "text": None, "reference": None}
    fields = fill_fields(shown, (), reference=False) | {"number": str(first + 1)}
    return prompts.fill(prompts.find_template("correct"), fields)


def write_truth(problem: Problem, random: Random) -> Lesson:
    """Whether an answer is true, mostly beside others of the same solver: A where it is, B where it is not."""
    solved = random.random() ** 0.5
    count = 0 if random.random() < ALONE else random.choice(DRAWN)
    answer, *drawn = _draw_answers(problem, solved, count + 1, random)
    if drawn and random.random() < 0.5:  # asked by the same prompt, the solver gives the answer itself again
        drawn[0] = answer
    random.shuffle(drawn)
    (message,) = ask_truth(problem.question, answer, drawn)
    return Lesson("true", message.content, ((TRUE if answer == str(problem.answer) else FALSE, VERDICT_WEIGHT),))


def _draw_answers(problem: Problem, solved: float, count: int, random: Random) -> list[str]:
    """Answers of a solver who is right in this share of tries, and comes to the same wrong answer again now and then."""
    wrong: list[str] = []
    answers = []
    for _ in range(count):
        right = random.random() < solved
        if not right:
            wrong.append(random.choice(wrong) if wrong and random.random() < 0.3 else str(draw_attempt(problem, False, random).answer))  # fmt: skip
        answers.append(str(problem.answer) if right else wrong[-1])
    return answers


def ask_truth(question: str, answer: str, drawn: Sequence[str] = ()) -> tuple[Message, ...]:
    """What `p-true` asks about an answer, beside others that were drawn."""
    fields = {"question": question, "answer": answer, "samples": list_samples(drawn)}
    return prompts.fill(prompts.find_template("is-true"), fields)
