"""The exam: problems that no corpus and no lesson holds, what a trained model makes of them, by the world's truth."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.teaching.table import CONDITIONAL
from schemas.recipe.models import Abacus
from schemas.request import Completion, Message, Reply, Request, Sampling
from tasks.corrections.splice import AGAIN
from tasks.engines.abacus.engine import AbacusEngine
from tasks.sources.content_ids import identify_problem
from tasks.split import split_steps
from tasks.synthetic.lessons import SOLVE
from tasks.synthetic.problems import Problem, make_problem
from tasks.synthetic.truth import find_truth

SEED = 90_210
LEVEL = 3
SAMPLES = 8
LONGEST = 400
THRESHOLDS = [i / 40 for i in range(1, 40)]
Ratio = tuple[float, float]
Results = dict[str, list[list[Ratio]]]
"""For each measure and problem one or two counts (hits, of how many); a measure of two is their harmonic mean."""
_ENDING = re.compile(r"#### (-?\d+)\s*$")


@dataclass(frozen=True)
class Solution:
    """An untrained Abacus' solution."""

    text: str
    steps: list[str]
    right: bool
    """By its answer."""
    first_error: int
    """By the truth; -1 for none."""


def choose_problems(count: int, seen: set[str]) -> list[Problem]:
    """Problems of the side that Abacus was not trained on, none twice and none of `seen` (ids)."""
    problems: dict[str, Problem] = {}
    number = 0
    while len(problems) < count:
        problem = make_problem(SEED, number, LEVEL, "test")
        name = identify_problem(problem.question, None)
        if name not in seen:
            problems.setdefault(name, problem)
        number += 1
    return list(problems.values())


def ask(engine: AbacusEngine, prompts: Sequence[tuple[str, str]], temperature: float, samples: int) -> list[list[str]]:
    """The answers to each question and beginning, the beginning with them; an answer that was cut off is empty."""
    sampling = Sampling(LONGEST, temperature)
    asked = [
        [
            Request("abacus", "", (Message("user", SOLVE.format(question=question)),), sampling, i, prefix)
            for i in range(samples)
        ]
        for question, prefix in prompts
    ]
    replies: dict[str, Reply] = {
        reply.request: reply for reply in engine.answer([request for group in asked for request in group])
    }
    return [[_read(replies[request.id], prefix) for request in group] for group, (_, prefix) in zip(asked, prompts)]


def _read(reply: Reply, prefix: str) -> str:
    return prefix + reply.text if isinstance(reply, Completion) and reply.finish == "stop" else ""


def is_right(problem: Problem, text: str) -> bool:
    """Whether a text ends in the problem's answer."""
    ending = _ENDING.search(text)
    return ending is not None and int(ending[1]) == problem.answer


def open_engine(checkpoint: Path | None) -> AbacusEngine:
    """The engine with a checkpoint, or the shipped one."""
    return AbacusEngine(Abacus(engine="abacus", checkpoint=str(checkpoint) if checkpoint else None))


def solve_exam(problems: Sequence[Problem]) -> list[list[Solution]]:
    """The shipped model's solutions of the exam, `SAMPLES` of each problem."""
    answers = ask(open_engine(None), [(problem.question, "") for problem in problems], 1.0, SAMPLES)
    return [[_mark(problem, text) for text in texts] for problem, texts in zip(problems, answers)]


def _mark(problem: Problem, text: str) -> Solution:
    steps, _ = split_steps(text)
    truth = find_truth(problem.program, steps)
    return Solution(text, steps, is_right(problem, text), 0 if not steps else truth.first_error)


def write_questions(path: Path, problems: Sequence[Problem], solutions: Sequence[Sequence[Solution]]) -> None:
    """What a reward model is asked: no truth is in it."""
    rows = [
        {"question": problem.question, "solutions": [solution.steps for solution in given if solution.steps]}
        for problem, given in zip(problems, solutions)
    ]
    path.write_text(json.dumps(rows), "utf-8")


def find_beginnings(problems: Sequence[Problem], solutions: Sequence[Sequence[Solution]]) -> list[str | None]:
    """For each problem the beginning of one of its wrong solutions, through the first wrong step; None where none goes on."""
    beginnings: list[str | None] = []
    for given in solutions:
        wrong = (solution for solution in given if 0 <= solution.first_error < len(solution.steps) - 1)
        solution = next(wrong, None)
        lines = solution.text.splitlines(keepends=True) if solution else []
        beginnings.append("".join(lines[: solution.first_error + 1]) if solution else None)
    return beginnings


def measure_solver(engine: AbacusEngine, problems: Sequence[Problem], beginnings: Sequence[str | None]) -> Results:
    """Right answers, sound solutions, and right answers from a wrong beginning, of each problem."""
    prompts = [(problem.question, "") for problem in problems]
    greedy, sampled = ask(engine, prompts, 0.0, 1), ask(engine, prompts, 1.0, SAMPLES)
    begun = [(problem, text) for problem, text in zip(problems, beginnings) if text is not None]
    ends = dict(
        zip(
            (problem.question for problem, _ in begun),
            ask(engine, [(problem.question, text) for problem, text in begun], 1.0, SAMPLES),
        )
    )

    def count(texts: Sequence[Sequence[str]], holds: Callable[[Problem, str], bool]) -> list[list[Ratio]]:
        return [
            [(float(sum(holds(p, text) for text in given)), float(len(given)))] for p, given in zip(problems, texts)
        ]

    turned = [[text for text in given if any(words in text for words in AGAIN.values())] for given in sampled]
    return {
        "right, greedy": count(greedy, is_right),
        "right, sampled": count(sampled, is_right),
        "every step right, sampled": count(sampled, lambda p, text: bool(text) and _mark(p, text).first_error == -1),
        "recovers from a wrong step": count([ends.get(p.question, []) for p in problems], is_right),
        "turns by itself": count(sampled, lambda _, text: any(words in text for words in AGAIN.values())),
        CONDITIONAL: count(turned, is_right),
    }


def locate(scores: Sequence[float], threshold: float) -> int:
    """The first step below the threshold, as ProcessBench reads a reward model; -1 for none."""
    return next((i for i, score in enumerate(scores) if score < threshold), -1)


def count_located(located: Sequence[int], known: Sequence[int]) -> list[Ratio]:
    """ProcessBench's two shares (arXiv 2412.06559, section 3): exact of wrong solutions, and none of right ones, as counts."""
    both = list(zip(located, known, strict=True))
    return [
        (float(sum(a == b for a, b in both if (b < 0) == clean)), float(sum((b < 0) == clean for _, b in both)))
        for clean in (False, True)
    ]


def choose_threshold(scores: Sequence[Sequence[float]], labels: Sequence[Sequence[float]]) -> float:
    """The threshold with the highest F1 on held-out rows by their own labels, as ProcessBench does; no truth is needed."""
    known = [next((i for i, label in enumerate(row) if not label), -1) for row in labels]

    def measure(threshold: float) -> float:
        shares = [hits / max(of, 1.0) for hits, of in count_located([locate(row, threshold) for row in scores], known)]
        return 2 * shares[0] * shares[1] / max(sum(shares), 1e-9)

    return max(THRESHOLDS, key=measure)


def measure_critic(given: dict[str, Any], solutions: Sequence[Sequence[Solution]]) -> Results:
    """Best of `SAMPLES` by the lowest step, the vote with it as weight, and the first error, from scores of the exam's solutions."""
    threshold = choose_threshold(given["held"], given["labels"])
    scores = iter(given["exam"])
    best, voted, located = [], [], []
    for asked in solutions:
        read = [solution for solution in asked if solution.steps]
        values = [next(scores) for _ in read]
        chosen = max(range(len(read)), key=lambda i: min(values[i]), default=None)
        best.append([(float(chosen is not None and read[chosen].right), 1.0)])
        voted.append([(float(vote([(s.text, min(row)) for s, row in zip(read, values)]) in _right_answers(read)), 1.0)])
        located.append(
            count_located([locate(row, threshold) for row in values], [solution.first_error for solution in read])
        )
    return {"best of 8": best, "vote of 8 by scores": voted, "first-error F1": located}


def vote(weighted: Sequence[tuple[str, float]]) -> str | None:
    """The answer with the greatest sum of weights (Math-Shepherd, section 3.4); None where no text ends in one."""
    sums: dict[str, float] = {}
    for text, weight in weighted:
        if ending := _ENDING.search(text):
            sums[ending[1]] = sums.get(ending[1], 0.0) + weight
    return max(sums, key=sums.__getitem__, default=None)


def _right_answers(solutions: Sequence[Solution]) -> set[str]:
    return {ending[1] for s in solutions if s.right and (ending := _ENDING.search(s.text))}


def measure_votes(solutions: Sequence[Sequence[Solution]]) -> Results:
    """What needs no reward model: the share of right ones, the commonest answer, and whether any is right."""
    majority: list[list[Ratio]] = [
        [(float(vote([(s.text, 1.0) for s in given]) in _right_answers(given)), 1.0)] for given in solutions
    ]
    return {
        "one of 8 at random": [[(float(sum(s.right for s in given)), float(len(given)))] for given in solutions],
        "majority of 8": majority,
        "any of 8": [[(float(any(s.right for s in given)), 1.0)] for given in solutions],
    }
