"""Measures a checkpoint of Abacus on problems it was not trained on, and prints the table of its model card.

    .venv/bin/python -m infra.abacus.evaluate [--checkpoint DIR] [--problems N] [--levels 3 5]

Every label is the world's truth. Intervals are Wilson's at 95 %.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.recipe.models import Abacus
from schemas.request import Completion, Message, Reply, Request, Sampling
from tasks.engines.abacus.engine import AbacusEngine
from tasks.evaluation.score import wilson
from tasks.split import split_steps
from tasks.synthetic.correction_lessons import RETRY
from tasks.synthetic.lessons import JUDGE, SOLVE
from tasks.synthetic.problems import LEVELS, Problem, make_problem
from tasks.synthetic.truth import Truth, find_truth

_VERDICT = re.compile(r"First error: (none|(\d+), ([a-z ]+))$")
SEED = 77


@dataclass(frozen=True)
class Solved:
    """A solution and its truth."""

    problem: Problem
    text: str
    truth: Truth


def estimate_interval(hits: int, of: int) -> str:
    """A share with its interval, in percent (Wilson 1927)."""
    if not of:
        return "-"
    low, high = wilson(hits, of)
    return f"{100 * hits / of:.1f} % ({100 * low:.1f}-{100 * high:.1f}, n = {of})"


def ask_engine(
    engine: AbacusEngine, prompts: Sequence[tuple[str, str]], temperature: float, samples: int, limit: int
) -> list[Completion | None]:
    """One completion for each prompt (message and prefix) and sample, in order; None where there is none."""
    sampling = Sampling(limit, temperature)
    requests = [
        Request("abacus", "", (Message("user", message),), sampling, sample, prefix)
        for message, prefix in prompts
        for sample in range(samples)
    ]
    replies: dict[str, Reply] = {reply.request: reply for reply in engine.answer(requests)}
    answers = [replies[request.id] for request in requests]
    return [reply if isinstance(reply, Completion) and reply.finish == "stop" else None for reply in answers]


def solve_problems(
    engine: AbacusEngine, problems: Sequence[Problem], temperature: float, samples: int
) -> list[Solved | None]:
    """Solutions with their truth; None for what was cut off."""
    prompts = [(SOLVE.format(question=problem.question), "") for problem in problems]
    texts = ask_engine(engine, prompts, temperature, samples, 600)
    repeated = [problem for problem in problems for _ in range(samples)]
    return [
        Solved(problem, reply.text, find_truth(problem.program, split_steps(reply.text)[0])) if reply else None
        for problem, reply in zip(repeated, texts)
    ]


def judge_solutions(engine: AbacusEngine, solutions: Sequence[Solved]) -> list[tuple[int, str] | None]:
    """The judge's first error (0-based, -1 for none) and kind of each solution; None where it gave none."""
    prompts = [(JUDGE.format(question=solution.problem.question, solution=solution.text), "") for solution in solutions]
    verdicts = []
    for reply in ask_engine(engine, prompts, 0.0, 1, 1200):
        match = _VERDICT.search(reply.text) if reply else None
        verdicts.append(None if match is None else (-1, "") if match[1] == "none" else (int(match[2]) - 1, match[3]))
    return verdicts


def retry_solutions(engine: AbacusEngine, wrong: Sequence[Solved], samples: int) -> list[bool]:
    """Whether each second attempt is right, the first and a word that it is wrong being in its history."""
    sampling = Sampling(600, 1.0)
    requests = []
    for solution in wrong:
        asked = Message("user", SOLVE.format(question=solution.problem.question))
        history = (asked, Message("assistant", solution.text), Message("user", RETRY))
        requests.append([Request("abacus", "", history, sampling, sample) for sample in range(samples)])
    replies = {reply.request: reply for reply in engine.answer([request for group in requests for request in group])}
    return [
        isinstance(reply := replies[request.id], Completion) and reply.text.endswith(f"#### {solution.problem.answer}")
        for solution, group in zip(wrong, requests)
        for request in group
    ]


def run_rollouts(engine: AbacusEngine, wrong: Sequence[Solved], samples: int) -> tuple[list[bool], list[bool]]:
    """Whether each rollout from the last right prefix, and from the prefix through the first error, comes to the answer."""
    successes = []
    for shift in (0, 1):
        prompts = []
        for solution in wrong:
            lines = solution.text.splitlines(keepends=True)
            prefix = "".join(lines[: solution.truth.first_error + shift])
            prompts.append((SOLVE.format(question=solution.problem.question), prefix))
        texts = ask_engine(engine, prompts, 1.0, samples, 600)
        answers = [solution.problem.answer for solution in wrong for _ in range(samples)]
        successes.append(
            [bool(reply and reply.text.endswith(f"#### {answer}")) for reply, answer in zip(texts, answers)]
        )
    return successes[0], successes[1]


def evaluate(engine: AbacusEngine, level: int, count: int) -> None:
    """Print what is measured at one level."""
    problems = [make_problem(SEED, index, level) for index in range(count)]
    began = time.monotonic()
    sampled = solve_problems(engine, problems, 1.0, 4)
    spent = time.monotonic() - began
    greedy = solve_problems(engine, problems, 0.0, 1)
    ours = [solution for solution in sampled if solution]
    wrong = [solution for solution in ours if solution.truth.first_error >= 0][: 2 * count]
    fine = [solution for solution in ours if solution.truth.first_error < 0][:count]
    lengths = [len(problem.program.nodes) for problem in problems]
    print(f"level {level}: {count} problems of {min(lengths)}-{max(lengths)} steps, sampled in {spent:.0f} s")
    print(
        f"  right, T=1            {estimate_interval(len(ours) - sum(solution.truth.first_error >= 0 for solution in ours), len(sampled))}"
    )
    print(
        f"  right, greedy         {estimate_interval(sum(solution is not None and solution.truth.first_error < 0 for solution in greedy), len(greedy))}"
    )
    print(f"  cut off               {estimate_interval(sum(solution is None for solution in sampled), len(sampled))}")
    verdicts = judge_solutions(engine, wrong)
    exact = sum(v is not None and v[0] == solution.truth.first_error for v, solution in zip(verdicts, wrong))
    typed = sum(
        v is not None and v == (solution.truth.first_error, solution.truth.kind) for v, solution in zip(verdicts, wrong)
    )
    print(f"  judge: first error exact, own wrong solutions     {estimate_interval(exact, len(wrong))}")
    print(f"  judge: and its kind                               {estimate_interval(typed, len(wrong))}")
    print(
        f"  judge: wrong solutions called right               {estimate_interval(sum(v == (-1, '') for v in verdicts), len(wrong))}"
    )
    fair = judge_solutions(engine, fine)
    print(
        f"  judge: right solutions called right               {estimate_interval(sum(v == (-1, '') for v in fair), len(fine))}"
    )
    # after an error in the last step nothing is left to roll out: the answer stands there
    continuable = [solution for solution in wrong if solution.truth.first_error < len(solution.text.splitlines()) - 2]
    before, through = run_rollouts(engine, continuable[:200], 8)
    print(f"  rollouts that succeed from the last right prefix  {estimate_interval(sum(before), len(before))}")
    print(f"  rollouts that succeed through the first error     {estimate_interval(sum(through), len(through))}")
    again = retry_solutions(engine, wrong[:200], 4)
    print(f"  right after a wrong attempt in its history        {estimate_interval(sum(again), len(again))}")
    kinds = Counter(solution.truth.kind for solution in wrong)
    print("  kinds: " + ", ".join(f"{kind} {n}" for kind, n in kinds.most_common()))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", help="the folder of the checkpoint (default: the shipped one)")
    parser.add_argument("--problems", type=int, default=500)
    parser.add_argument("--levels", type=int, nargs="*", default=[3], choices=list(LEVELS))
    given = parser.parse_args()
    engine = AbacusEngine(Abacus(engine="abacus", checkpoint=given.checkpoint))
    for level in given.levels:
        evaluate(engine, level, given.problems)


if __name__ == "__main__":
    main()
