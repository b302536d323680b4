"""Batches of lessons, made by a process of their own beside the training."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Full
from random import Random

import numpy

from infra.abacus.tokenizer import ASSISTANT, END, SPECIALS, USER, Encoder
from tasks.synthetic.correction_lessons import MARK, write_correction_lesson
from tasks.synthetic.lessons import PATTERN, Lesson, list_vocabulary, write_lesson

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "tasks/engines/abacus/weights"
LONGEST = 1536
POOL = 2_000
JOBS = ("solve", "judge", "retry", "correct", "true")
COURSES = ("first", "corrections")
"""What lessons are written: those that the shipped weights had, or half of them and half in dealing with mistakes."""
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


def list_words(course: str) -> tuple[str, ...]:
    """The words of a course: those of the first, as the shipped weights number them, then what the other adds."""
    if course == "first":
        return tuple(list_vocabulary())
    known = json.loads((WEIGHTS / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    cut, random = re.compile(PATTERN).findall, Random(0)  # noqa: S311
    words: set[str] = set()
    for _ in range(3_000):
        lesson = choose_writer(course)(random)
        asked = (*(message.content for message in lesson.history), lesson.prompt)
        texts = [*(MARK.sub("", text) for text in asked), "".join(text for text, _ in lesson.answer)]
        words.update(word for text in texts for word in cut(text))
    before = sorted(known.keys() - set(SPECIALS), key=known.__getitem__)
    return (*before, *sorted(words - known.keys()))


def choose_writer(course: str) -> Callable[[Random], Lesson]:
    """What writes the lessons of a course."""
    return write_lesson if course == "first" else write_correction_lesson


def encode_lesson(lesson: Lesson, encoder: Encoder, prompting: float) -> Sequence:
    """A lesson's tokens, the weight of the loss on each, and its job's place in JOBS."""
    number = encoder.numbers
    prompt = encoder.encode(lesson.prompt)
    answer, weights = encoder.weighted(lesson.answer)
    asked = prompting if lesson.job == "solve" else 0.0
    before: list[int] = []
    for message in lesson.history:
        role = ASSISTANT if message.role == "assistant" else USER
        before += [number[role], *encoder.encode(message.content), number[END]]
    tokens = [*before, number[USER], *prompt, number[END], number[ASSISTANT], *answer, number[END]]
    return (
        tokens,
        [*[0.0] * len(before), 0.0, *[asked] * len(prompt), 0.0, 0.0, *weights, weights[-1]],
        JOBS.index(lesson.job),
    )


def pad_rows(rows: list[Sequence], padding: int, cost: float) -> Batch:
    """One batch of these rows."""
    longest = max(len(tokens) for tokens, _, _ in rows)
    tokens = numpy.full((len(rows), longest), padding, numpy.int64)
    weights = numpy.zeros((len(rows), longest), numpy.float32)
    for i, (row, weight, _) in enumerate(rows):
        tokens[i, : len(row)] = row
        weights[i, : len(row)] = weight
    return Batch(tokens, weights[:, 1:], numpy.array([job for _, _, job in rows]), cost)


def make_batches(
    encoder: Encoder, random: Random, size: int, prompting: float, course: str = "first"
) -> Iterator[Batch]:
    """Batches of about `size` tokens with their padding, without end; POOL lessons at a time are sorted by length."""
    write = choose_writer(course)
    padding = encoder.numbers["<pad>"]
    while True:
        begun = time.process_time()
        pool = [encode_lesson(write(random), encoder, prompting) for _ in range(POOL)]
        pool = sorted((row for row in pool if len(row[0]) <= LONGEST), key=lambda row: len(row[0]))
        cuts: list[list[Sequence]] = []
        rows: list[Sequence] = []
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


def _produce(queue: Queue[Batch], encoder: Encoder, seed: str, size: int, prompting: float, course: str) -> None:
    os.nice(5)
    parent = os.getppid()
    for batch in make_batches(encoder, Random(seed), size, prompting, course):  # noqa: S311 - lessons are no secrets
        while True:
            try:
                queue.put(batch, timeout=10)
                break
            except Full:
                if os.getppid() != parent:  # the training was killed
                    queue.cancel_join_thread()
                    return


def stream(encoder: Encoder, seed: str, size: int, prompting: float, course: str) -> Queue[Batch]:
    """A queue of batches that a background process keeps filled."""
    context = multiprocessing.get_context("spawn")
    queue: Queue[Batch] = context.Queue(maxsize=64)
    context.Process(target=_produce, args=(queue, encoder, seed, size, prompting, course), daemon=True).start()
    return queue
