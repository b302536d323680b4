"""How many tokens the embedded engine makes in a second: `python -m tests.benchmarks.abacus_engine`.

Prompts of about 80 tokens, answers of at most 60; the medians of some rounds,
and the processor's time beside, which says more where the machine is busy.
Where transformers can be imported, it is asked the same in the same rounds.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.recipe.models import Abacus
from schemas.request import Completion, Message, Request, Sampling
from tasks.engines.abacus.checkpoint import open_checkpoint
from tasks.engines.abacus.engine import AbacusEngine
from tests.tasks.engines.abacus.tiny_checkpoint import SHAPE, write

LIMIT = 60
Timed = tuple[float, float]
"""Tokens made in a second, and microseconds of processor time for each."""


def asked(pieces: list[str], prompts: int, samples: int, temperature: float, seed: int) -> list[Request]:
    """Requests with prompts of random words."""
    random = Random(seed)
    requests = []
    for _ in range(prompts):
        words = "".join(random.choices(pieces, k=random.randint(62, 92)))
        sampling = Sampling(LIMIT, temperature)
        requests += [Request("abacus", "", (Message("user", words),), sampling, sample) for sample in range(samples)]
    return requests


def timed(work: Callable[[], int]) -> Timed:
    """Run what tells how many tokens it made."""
    clock, processor = time.perf_counter(), time.process_time()
    tokens = work()
    return tokens / (time.perf_counter() - clock), 1e6 * (time.process_time() - processor) / tokens


def ours(engine: AbacusEngine, requests: list[Request]) -> int:
    """Tokens that the engine made."""
    return sum(reply.tokens for reply in engine.answer(requests) if isinstance(reply, Completion))


def transformers_of(folder: Path) -> Callable[[list[Request]], int]:
    """The same work by transformers, 64 rows at a time."""
    import torch  # type: ignore[import-not-found, unused-ignore]
    from transformers import AutoModelForCausalLM  # type: ignore[import-not-found, unused-ignore]

    model: Any = AutoModelForCausalLM.from_pretrained(folder).eval()
    checkpoint = open_checkpoint(folder)

    def work(requests: list[Request]) -> int:
        number, rows = 0, [checkpoint.encode(request.messages, "") for request in requests]
        for at in range(0, len(rows), 64):
            batch = rows[at : at + 64]
            longest = max(map(len, batch))
            tokens = torch.tensor([[1] * (longest - len(row)) + row for row in batch])
            mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in batch])
            with torch.no_grad():
                out = model.generate(tokens, attention_mask=mask, max_new_tokens=LIMIT, do_sample=True, top_k=0)
            number += int((out[:, longest:] != 1).sum())
        return number

    return work


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="else random weights of the shipped checkpoint's sizes")
    parser.add_argument("--requests", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        measured(options.checkpoint or write(Path(temporary), SHAPE), options.requests, options.rounds)


def measured(folder: Path, requests: int, rounds: int) -> None:
    """Every case once in each round, so that all see the same neighbours."""
    pieces = [piece for piece in open_checkpoint(folder).pieces if len(piece) > 2 and piece.startswith(" ")]
    model = Abacus(engine="abacus", checkpoint=str(folder))
    engines = {threads: AbacusEngine(model, threads) for threads in (1, 2)}
    peers = [transformers_of(folder)] if all(map(importlib.util.find_spec, ("transformers", "torch"))) else []
    cases: dict[tuple[str, ...], Callable[[int], int]] = {}
    for samples, temperature in ((8, 1.0), (1, 1.0), (1, 0.0)):
        shown = (str(samples), "sampled" if temperature else "greedy")
        these = partial(asked, pieces, max(1, requests // samples), samples, temperature)
        for threads, engine in engines.items():
            cases["abacus", str(threads), *shown] = partial(_on, partial(ours, engine), these, requests)
        for peer in peers if temperature else []:
            cases["transformers", "its own", *shown] = partial(_on, peer, these, 64)
    results: dict[tuple[str, ...], list[Timed]] = {case: [] for case in cases}
    for seed in range(rounds):
        for case, work in cases.items():
            results[case].append(timed(partial(work, seed)))
    _print(results)


def _on(work: Callable[[list[Request]], int], these: Callable[[int], list[Request]], most: int, seed: int) -> int:
    return work(these(seed)[:most])


def _print(results: dict[tuple[str, ...], list[Timed]]) -> None:
    table = Table("engine", "threads", "samples of a prompt", "how", "tokens/s", "processor µs/token")
    for case, times in results.items():
        table.add_row(*case, *(f"{statistics.median(column):,.0f}" for column in zip(*times)))
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
