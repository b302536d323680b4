"""Batches of lessons, made by a process of their own beside the training."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Full
from random import Random
from typing import Any

import numpy
from tokenizer import ASSISTANT, END, USER, Encoder

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 1536
POOL = 2_000
JOBS = ("solve", "judge")
Sequence = tuple[list[int], list[float], int]


@dataclass(frozen=True)
class Batch:
    """Sequences of like length, padded at the right.

    tokens: (batch, length + 1) numbers; weights: (batch, length), of the loss
    on each next token; jobs: (batch,), places in JOBS; cost: seconds of the
    other core that making it took.
    """

    tokens: numpy.ndarray
    weights: numpy.ndarray
    jobs: numpy.ndarray
    cost: float


def import_lessons() -> Any:
    """The module `tasks.world.lessons`.

    The package `tasks` imports what the application needs (Polars, DuckDB);
    lessons need none of it, so an empty package stands in for it here.

    Returns:
        The module.

    """
    if "tasks" not in sys.modules:
        package = types.ModuleType("tasks")
        package.__path__ = [str(ROOT / "tasks")]
        sys.modules["tasks"] = package
    from tasks.synthetic import lessons

    return lessons


def encode_lesson(lesson: Any, encoder: Encoder, prompting: float) -> Sequence:
    """A lesson's tokens, the weight of the loss on each, and its job's place in JOBS."""
    number = encoder.numbers
    prompt = encoder.encode(lesson.prompt)
    answer, weights = encoder.weighted(lesson.answer)
    asked = prompting if lesson.job == "solve" else 0.0
    tokens = [number[USER], *prompt, number[END], number[ASSISTANT], *answer, number[END]]
    return tokens, [0.0, *[asked] * len(prompt), 0.0, 0.0, *weights, weights[-1]], JOBS.index(lesson.job)


def pad_rows(rows: list[Sequence], padding: int, cost: float) -> Batch:
    """One batch of these rows."""
    longest = max(len(tokens) for tokens, _, _ in rows)
    tokens = numpy.full((len(rows), longest), padding, numpy.int64)
    weights = numpy.zeros((len(rows), longest), numpy.float32)
    for i, (row, weight, _) in enumerate(rows):
        tokens[i, : len(row)] = row
        weights[i, : len(row)] = weight
    return Batch(tokens, weights[:, 1:], numpy.array([job for _, _, job in rows]), cost)


def make_batches(encoder: Encoder, random: Random, size: int, prompting: float) -> Iterator[Batch]:
    """Batches of about `size` tokens with their padding, without end; POOL lessons at a time are sorted by length."""
    lessons = import_lessons()
    padding = encoder.numbers["<pad>"]
    while True:
        begun = time.process_time()
        pool = [encode_lesson(lessons.lesson(random), encoder, prompting) for _ in range(POOL)]
        pool = sorted((row for row in pool if len(row[0]) <= LONGEST), key=lambda row: len(row[0]))
        cuts, rows = [], []
        for row in pool:
            if rows and len(row[0]) * (len(rows) + 1) > size:
                cuts.append(rows)
                rows = []
            rows.append(row)
        cuts.append(rows)
        cost = (time.process_time() - begun) / len(cuts)
        random.shuffle(cuts)
        for rows in cuts:
            yield pad_rows(rows, padding, cost)


def _produce(queue: Queue[Batch], encoder: Encoder, seed: str, size: int, prompting: float) -> None:
    os.nice(5)
    parent = os.getppid()
    for batch in make_batches(encoder, Random(seed), size, prompting):  # noqa: S311 - lessons are no secrets
        while True:
            try:
                queue.put(batch, timeout=10)
                break
            except Full:
                if os.getppid() != parent:  # the training was killed
                    queue.cancel_join_thread()
                    return


def stream(encoder: Encoder, seed: str, size: int, prompting: float) -> Queue[Batch]:
    """A queue of batches that a background process keeps filled."""
    context = multiprocessing.get_context("spawn")
    queue: Queue[Batch] = context.Queue(maxsize=64)
    context.Process(target=_produce, args=(queue, encoder, seed, size, prompting), daemon=True).start()
    return queue
