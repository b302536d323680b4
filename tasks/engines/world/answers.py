"""What the teacher says of solutions: judgements, critiques, explanations, checklists, and steps written anew."""

from __future__ import annotations

import json
import re
from math import log
from random import Random

from schemas.recipe.models import Skill
from tasks.engines.world.assignment import Assignment
from tasks.llm.judge_reply import NONE
from tasks.synthetic import critiques
from tasks.synthetic.critiques import describe_mistake
from tasks.synthetic.lessons import FIRST_ERROR
from tasks.synthetic.problems import Problem
from tasks.synthetic.solution import ANSWER, make_slip
from tasks.synthetic.truth import KINDS, Kind, Truth, find_truth, parse_number

LEAST = 1e-9
"""The probability of what never happens: its logarithm is a number."""
CHECKS: tuple[tuple[Kind, ...], ...] = (
    ("wrong operand", "misread quantity", "miscopied result"), ("calculation",), ("wrong operation", "unit"),
    ("missing step", "extra step"), ("final answer",),
)  # fmt: skip
"""The kinds of mistakes to which each question of the prompt `checklist` says no."""


def find_perceived_truth(assignment: Assignment, problem: Problem, skill: Skill, random: Random) -> Truth:
    """What the teacher takes for the truth of a solution: of one that is compared with a right one, the truth.

    Args:
        assignment: What is shown.
        problem: The problem.
        skill: How often it errs.
        random: From which the error is drawn.

    Returns:
        The first wrong step, and what is wrong there.

    """
    steps = assignment.steps
    truth = find_truth(problem.program, steps)
    draw, kind = random.random(), random.choice(list(KINDS))
    if assignment.fields.get("reference", "").strip():
        return truth
    if truth.first_error == NONE:
        return Truth(random.randrange(len(steps)), kind) if steps and draw < skill.alarms else truth
    others = [i for i in range(len(steps)) if i != truth.first_error]
    if draw < skill.misses:
        return Truth(NONE)
    return Truth(random.choice(others), kind) if others and draw < skill.misses + skill.elsewhere else truth


def judge(assignment: Assignment, problem: Problem, skill: Skill, random: Random) -> tuple[str, float | None]:
    """A judgement in the form that is asked for, and of one word its log-probability."""
    if assignment.prompt == "judge-likelihood":
        return _judge_last(assignment, problem, skill, random)
    seen = find_perceived_truth(assignment, problem, skill, random)
    number = str(seen.first_error + 1) if seen.first_error >= 0 else "none"
    kind = _name_kind(seen, assignment)
    if assignment.prompt == "abacus-judge":
        return f"{FIRST_ERROR}{number}{f', {kind}' if kind else ''}", None
    if assignment.prompt == "judge-critique":
        return f"{describe_mistake(seen)}\n\\boxed{{{number}}}", None
    if assignment.prompt == "judge":
        return json.dumps({"reason": describe_mistake(seen), "kind": kind or "none", "first_error": number}), None
    named = f"{kind}, " if kind and assignment.fields.get("naming") else ""
    lines = [
        f"{i + 1}. {f'wrong: {named}{describe_mistake(seen)}' if i == seen.first_error else 'right'}"
        for i in range(len(assignment.steps))
    ]
    return "\n".join(lines), None


def _name_kind(truth: Truth, assignment: Assignment) -> str:
    """The kind of mistake, by a name that may be given; empty where none is wrong, or no name fits."""
    allowed = assignment.fields.get("kinds", "") + assignment.fields.get("naming", "")
    if not truth.kind or (":" in allowed and truth.kind not in allowed):
        return ""
    return truth.kind


def _judge_last(assignment: Assignment, problem: Problem, skill: Skill, random: Random) -> tuple[str, float]:
    """Whether the last step that is shown is the first wrong one: rates are of steps here."""
    steps = assignment.steps
    # whether a solution breaks off is no question of its last step but one
    wrong = find_truth(problem.program, [*steps, ""]).first_error == len(steps) - 1
    rate = skill.misses + skill.elsewhere if wrong else skill.alarms
    errs = random.random() < rate
    return "wrong" if wrong != errs else "right", log(max(LEAST, rate if errs else 1 - rate))


def write_critique(assignment: Assignment, problem: Problem, skill: Skill, random: Random) -> str:
    """A critique, up to the first step that it calls wrong."""
    seen, leaks = find_perceived_truth(assignment, problem, skill, random), random.random() < skill.leaks
    return critiques.write_critique(assignment.steps, seen, problem.answer if leaks else None)


def explain(assignment: Assignment, problem: Problem, skill: Skill, random: Random) -> str:
    """What kind of mistake the last step that is shown has, by a name of the list; of another kind by `elsewhere`."""
    steps = assignment.steps
    truth = find_truth(problem.program, steps)
    names = re.findall(r"^- (.+?): ", assignment.fields["types"], re.MULTILINE)
    kind = truth.kind if truth.kind in names else next(iter(names), "")
    if random.random() < skill.elsewhere and len(names) > 1:
        kind = random.choice([name for name in names if name != kind])
    span = steps[-1].strip() if steps else ""
    severity = "minor" if truth.kind == "unit" else "major"
    return json.dumps({"cause": describe_mistake(truth), "span": span, "severity": severity, "type": kind})


def rewrite(assignment: Assignment, skill: Skill, random: Random) -> str:
    """A step with another result; by `misses` as it was."""
    step, result = assignment.fields["step"], assignment.fields["result"]
    value = parse_number(result)
    if value is None or value.denominator != 1 or random.random() < skill.misses:
        return step
    before, _, after = step.rpartition(result)
    return f"{before}{make_slip(int(value), random)}{after}"


def answer_checklist(assignment: Assignment, problem: Problem, skill: Skill, random: Random) -> str:
    """Yes or no to each question of the prompt `checklist`."""
    seen = find_perceived_truth(assignment, problem, skill, random)
    return "\n".join(f"{i}. {'no' if seen.kind in kinds else 'yes'}" for i, kinds in enumerate(CHECKS, 1))


def say_whether_true(assignment: Assignment, problem: Problem, skill: Skill, random: Random) -> tuple[str, float]:
    """A for a right answer and B for a wrong one, with its log-probability; errs by `misses` and `alarms`."""
    stated = parse_number(assignment.fields["answer"].strip().removeprefix(ANSWER.strip()).strip())
    right = stated == problem.answer
    rate = skill.alarms if right else skill.misses
    errs = random.random() < rate
    return "A" if right != errs else "B", log(max(LEAST, rate if errs else 1 - rate))
