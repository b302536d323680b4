"""What statistics of tokens cost an engine, in pairs, and what they are worth: `python -m tests.benchmarks.token_statistics`.

Abacus solves problems of level 3, plainly and with each kind of statistics, one
kind after the other in each round; what is told is the median over rounds of
the time beside the plain one's of that round: the processor's of Abacus, which
says more than the clock where the machine is busy. With `--vllm PYTHON` vLLM
does the same with Abacus' weights. Then each number is set beside the verdict
on the solutions, and Min-K% of the side that Abacus was taught on beside the
other. It exits non-zero where self-certainty's area under the ROC curve is
below 0.6.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from math import isfinite
from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.engine import Engine
from schemas.recipe.models import VLLM, Abacus
from schemas.request import Completion, Message, Request, Sampling
from tasks.engines.abacus.engine import SHIPPED, AbacusEngine
from tasks.engines.vllm.engine import VLLMEngine
from tasks.evaluation.discrimination import Discrimination, measure_discrimination
from tasks.synthetic.lessons import SOLVE
from tasks.synthetic.problems import Problem, make_problem

LEVEL = 3
LIMIT = 600
LEAST = 0.6
"""The least area under the ROC curve of self-certainty against the verdict."""
ASKED: Mapping[str, Mapping[str, Any]] = {
    "nothing": {},
    "log-probability": {"logprobs": True},
    "min_k20, zlib_ratio": {"logprobs": True, "statistics": ("min_k20", "zlib_ratio")},
    "and the list": {"logprobs": True, "statistics": ("min_k20", "zlib_ratio", "token_logprobs")},
    "self_certainty": {"logprobs": True, "statistics": ("self_certainty",)},
}
"""What is asked for beside the answers."""


def make_requests(problems: Sequence[Problem], samples: int) -> list[Request]:
    """Solutions of problems at temperature 1."""
    messages = [(Message("user", SOLVE.format(question=problem.question)),) for problem in problems]
    return [Request("abacus", "", turns, Sampling(LIMIT), sample) for turns in messages for sample in range(samples)]


def time_pairs(
    engine: Engine, requests: Sequence[Request], rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """By what is asked for the seconds of each round; every round asks for everything, from another kind on."""
    seconds: dict[str, list[float]] = {name: [] for name in ASKED}
    names = list(ASKED)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            asked = [replace(request, **ASKED[name]) for request in requests]
            began = clock()
            answered = sum(isinstance(reply, Completion) for reply in engine.answer(asked))
            seconds[name].append(clock() - began)
            assert answered == len(asked)
    return seconds


def show_costs(title: str, seconds: Mapping[str, Sequence[float]]) -> Table:
    """Times beside those of the plain answers of the same round."""
    table = Table("asked for", "seconds, median", "times the plain", "lowest", "highest", title=title)
    for name, values in seconds.items():
        ratios = [value / plain for value, plain in zip(values, seconds["nothing"])]
        figures = (statistics.median(values), statistics.median(ratios), min(ratios), max(ratios))
        table.add_row(name, *(f"{figure:.2f}" for figure in figures))
    return table


def measure_worth(engine: Engine, problems: Sequence[Problem], samples: int) -> dict[str, Discrimination]:
    """By number how well it tells right answers from wrong ones."""
    requests = [
        replace(request, logprobs=True, statistics=("self_certainty", "min_k20", "zlib_ratio"))
        for request in make_requests(problems, samples)
    ]
    answers = {
        request.id: str(problem.answer)
        for request, problem in zip(requests, (p for p in problems for _ in range(samples)))
    }
    pairs: dict[str, list[tuple[float, bool]]] = {}
    for reply in engine.answer(requests):
        if isinstance(reply, Completion) and reply.finish == "stop" and reply.tokens:
            right = reply.text.endswith(f"#### {answers[reply.request]}")
            values = {
                "mean log-probability": (reply.logprob or 0.0) / reply.tokens,
                "self_certainty": reply.self_certainty,
            }
            values |= {"min_k20": reply.min_k20, "zlib_ratio, negated": -(reply.zlib_ratio or 0.0)}
            for name, value in values.items():
                if value is not None and isfinite(value):
                    pairs.setdefault(name, []).append((value, right))
    return {name: measure_discrimination(values) for name, values in pairs.items()}


def compare_sides(engine: Engine, count: int) -> Discrimination:
    """How well Min-K% of its own solutions tells problems of the side that Abacus was taught on from the others."""
    pairs = []
    for side in ("train", "test"):
        problems = [make_problem(78, index, LEVEL, side) for index in range(count)]
        asked = [replace(request, statistics=("min_k20",)) for request in make_requests(problems, 1)]
        replies = [reply for reply in engine.answer(asked) if isinstance(reply, Completion)]
        pairs += [
            (reply.min_k20, side == "train")
            for reply in replies
            if reply.min_k20 is not None and isfinite(reply.min_k20)
        ]
    return measure_discrimination(pairs)


def show_worth(results: Mapping[str, Discrimination]) -> Table:
    """Areas with their intervals."""
    table = Table("number", "right", "wrong", "AUROC", "95 %", title=f"Abacus at level {LEVEL}, temperature 1")
    for name, result in results.items():
        low, high = result.interval or (0.0, 1.0)
        table.add_row(name, str(result.right), str(result.wrong), f"{result.auroc or 0:.3f}", f"{low:.3f}-{high:.3f}")
    return table


def main() -> int:
    """Measure and print; 1 where self-certainty tells too little."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--problems", type=int, default=300)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vllm", metavar="PYTHON", help="a Python that has vLLM")
    options = parser.parse_args()
    problems = [make_problem(77, index, LEVEL) for index in range(options.problems)]
    timed, console = make_requests(problems[: max(1, options.problems // 5)], options.samples), Console()
    with closing(AbacusEngine(Abacus(engine="abacus"))) as engine:
        console.print(
            show_costs(f"Abacus, {len(timed)} answers", time_pairs(engine, timed, options.rounds, time.process_time))
        )
        worth = measure_worth(engine, problems, options.samples)
        console.print(show_worth(worth))
        sides = {"min_k20, train side (right) beside test (wrong)": compare_sides(engine, options.problems)}
        console.print(show_worth(sides))
    if options.vllm:
        os.environ["ERRATA_VLLM_PYTHON"] = options.vllm
        model = VLLM(engine="vllm", model=str(SHIPPED), dtype="float32", context=1024, batch=32)
        with closing(VLLMEngine(model)) as engine:
            engine.load(timed)
            plain = time_pairs_without_recorder(engine, timed, options.rounds)
            engine.load([replace(request, **ASKED["self_certainty"]) for request in timed])
            seconds = time_pairs(engine, timed, options.rounds, time.perf_counter)
            console.print(show_costs(f"vLLM, {len(timed)} answers, in the worker that records", seconds))
            console.print(f"plain answers, median: {statistics.median(plain):.2f} s in a worker that does not record")
    area = worth["self_certainty"].auroc or 0.0
    console.print(f"self-certainty {area:.3f}, at least {LEAST}: {'met' if area >= LEAST else 'MISSED'}")
    return int(area < LEAST)


def time_pairs_without_recorder(engine: Engine, requests: Sequence[Request], rounds: int) -> list[float]:
    """Seconds of plain answers, of as many rounds, the first of which warms up."""
    seconds = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        assert len(list(engine.answer(requests))) == len(requests)
        seconds.append(time.perf_counter() - began)
    return seconds[1:]


if __name__ == "__main__":
    sys.exit(main())
