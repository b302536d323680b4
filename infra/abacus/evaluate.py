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

from infra.abacus.corrections import Solved, answer_requests, mend_steps, rate_answers, revise_solutions
from schemas.recipe.models import Abacus
from schemas.request import Completion, Message, Request, Sampling
from tasks.engines.abacus.engine import AbacusEngine
from tasks.evaluation.discrimination import measure_discrimination
from tasks.evaluation.score import wilson
from tasks.split import split_steps
from tasks.synthetic.correction_lessons import FEEDBACK
from tasks.synthetic.lessons import JUDGE, SOLVE
from tasks.synthetic.problems import LEVELS, Problem, make_problem
from tasks.synthetic.truth import find_truth

_VERDICT = re.compile(r"First error: (none|(\d+), ([a-z ]+))$")
SEED = 77


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
    replies = answer_requests(engine, requests)
    return [reply if isinstance(reply, Completion) and reply.finish == "stop" else None for reply in replies]


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
    evaluate_corrections(engine, ours, count)
    kinds = Counter(solution.truth.kind for solution in wrong)
    print("  kinds: " + ", ".join(f"{kind} {n}" for kind, n in kinds.most_common()))


def evaluate_corrections(engine: AbacusEngine, solutions: Sequence[Solved], count: int) -> None:
    """Print what it makes of its own mistakes: half as many wrong and right answers as there are problems, at most."""
    wrong = [solution for solution in solutions if not solution.is_right and solution.truth.first_error >= 0][
        : count // 2
    ]
    right = [solution for solution in solutions if solution.is_right][: count // 2]
    for kind in FEEDBACK:
        again = revise_solutions(engine, wrong, kind, 4)
        kept = revise_solutions(engine, right, kind, 1)
        print(f"  right after a wrong attempt, feedback {kind:<11} {estimate_interval(sum(again), len(again))}")
        print(f"  right after a right attempt, feedback {kind:<11} {estimate_interval(sum(kept), len(kept))}")
    unseen = revise_solutions(engine, wrong, "verdict", 4, whole=False)
    print(f"  right after a verdict, the attempt not shown      {estimate_interval(sum(unseen), len(unseen))}")
    readable, corrected = mend_steps(engine, wrong)
    print(f"  corrections of the first wrong step: readable     {estimate_interval(sum(readable), len(readable))}")
    print(f"  corrections: the whole solution is right          {estimate_interval(sum(corrected), len(corrected))}")
    for drawn in (0, 5):
        rated = [(p, side is right) for side in (right, wrong) for p in rate_answers(engine, side, drawn)]
        sides = sum((p > 0.5) == true for p, true in rated)
        measured = measure_discrimination(rated)
        low, high = measured.interval or (0.0, 1.0)
        print(f"  P(True) beside {drawn} answers: on the right side     {estimate_interval(sides, len(rated))}")
        print(
            f"  P(True) beside {drawn} answers: AUROC                 {100 * (measured.auroc or 0):.1f} % ({100 * low:.1f}-{100 * high:.1f})"
        )


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
