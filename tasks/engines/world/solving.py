"""What the teacher writes of its own: solutions, continuations of beginnings, and revisions of attempts."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

from schemas.recipe.models import Skill
from tasks.engines.world.assignment import Assignment
from tasks.llm.critique_reply import read_critique
from tasks.programs.as_python import fence_program, write_program
from tasks.split import split_steps
from tasks.synthetic.critiques import describe_mistake
from tasks.synthetic.problems import Problem
from tasks.synthetic.solution import ANSWER, list_remaining, make_slip, solve_right, solve_wrong, write_solution
from tasks.synthetic.truth import find_progress, find_truth

TRIES = 50
"""Mistakes that are tried until one leads to a wrong answer."""


def solve(problem: Problem, skill: Skill, random: Random) -> str:
    """A solution."""
    return write_wrong(problem, random) if random.random() < skill.slips else write_right(problem)


def write_right(problem: Problem) -> str:
    """The right solution."""
    return write_solution(*solve_right(problem.program))


def write_wrong(problem: Problem, random: Random) -> str:
    """A solution with a mistake and a wrong answer."""
    for _ in range(TRIES):
        lines, answer = solve_wrong(problem.program, random)
        text = write_solution(lines, answer)
        if answer != problem.answer and find_truth(problem.program, split_steps(text)[0]).first_error >= 0:
            return text
    lines, answer = solve_right(problem.program)
    return write_solution(lines, make_slip(answer, random))


def continue_solution(problem: Problem, prefix: str, skill: Skill, random: Random) -> str:
    """What follows the beginning of a solution: right by `slips` behind a right one, by `guesses` behind a wrong one."""
    steps = split_steps(prefix)[0]
    is_wrong, done = find_progress(problem.program, steps)
    right = random.random() < (skill.guesses if is_wrong else 1 - skill.slips)
    lines, answer = list_remaining(problem.program, done)
    if not right:
        answer = make_slip(answer, random)
        if lines:
            lines[-1] = replace(lines[-1], result=answer)
    numbered = "".join(f"{len(steps) + i}. {line}\n" for i, line in enumerate(lines, 1))
    return f"{'' if not prefix or prefix.endswith(chr(10)) else chr(10)}{numbered}{ANSWER}{answer}"


def mend(assignment: Assignment, problem: Problem, skill: Skill, random: Random) -> str:
    """The last step that is shown, corrected, with what is wrong there and the steps behind it: right by `fixes`."""
    *before, wrong = assignment.steps or [""]
    lines, answer = list_remaining(problem.program, find_progress(problem.program, before)[1])
    if random.random() >= skill.fixes:
        answer = make_slip(answer, random)
        lines[:1] = [replace(line, result=make_slip(line.result, random)) for line in lines[:1]]
    written = [f"{len(before) + i}. {line}" for i, line in enumerate(lines, 1)]
    correction, *rest = [*written, f"{ANSWER}{answer}"]
    analysis = describe_mistake(find_truth(problem.program, [*before, wrong]))
    return json.dumps({"analysis": analysis, "correction": correction, "rest": "\n".join(rest)})


def revise(assignment: Assignment, problem: Problem, skill: Skill, random: Random) -> str:
    """A revision of an attempt, after feedback."""
    if assignment.prompt == "revise-run":
        return _write_program(problem, skill, random)
    fields = assignment.fields
    critique, attempt = fields.get("critique", ""), assignment.attempt
    steps = split_steps(attempt)[0]
    first_error = find_truth(problem.program, steps).first_error if attempt else None
    if first_error == -1 or fields.get("verdict") == "right":
        right = random.random() >= skill.spoils
        return (attempt or write_right(problem)) if right else write_wrong(problem, random)
    informed = first_error is not None and read_critique(critique, len(steps)).first_error == first_error
    gives_away = f"{ANSWER}{problem.answer}" in critique
    if random.random() < (1.0 if gives_away else skill.fixes if informed else skill.guesses):
        return write_right(problem)
    return write_wrong(problem, random)


def _write_program(problem: Problem, skill: Skill, random: Random) -> str:
    """A program in place of one that is wrong: right by `fixes`; a statement a step, the last of which is `answer`."""
    text = write_right(problem) if random.random() < skill.fixes else write_wrong(problem, random)
    return fence_program(write_program(split_steps(text)[0]))
