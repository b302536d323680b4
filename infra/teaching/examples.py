"""Rows of releases as token numbers with the weight of each: what a training job makes of a view, without torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from tokenizers import Tokenizer

SOLVE = "Solve step by step.\n"
"""Abacus' prompt, before a problem (`tasks/synthetic/lessons.py`)."""
USER, ASSISTANT, END = "<|user|>", "<|assistant|>", "<|end|>"
Row = Mapping[str, Any]
Weighted = tuple[int, int, float]
"""Characters from, to, and the weight of their loss."""
T = TypeVar("T")


@dataclass(frozen=True)
class Example:
    """A conversation to learn from.

    tokens: its numbers; weights: as many, of the loss on each token; labels:
    places of tokens that end a step, with 1 for a right step and 0 for a wrong one.
    """

    tokens: tuple[int, ...]
    weights: tuple[float, ...]
    labels: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Pair:
    """A preferred answer and another, behind the same beginning."""

    chosen: Example
    rejected: Example


def add_words(text: str, texts: Sequence[str]) -> str:
    """A tokenizer of whole words (its JSON) with the words of some texts that it lacks, numbered after its own."""
    tokenizer, content = Tokenizer.from_str(text), json.loads(text)
    words = {word for line in texts for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(line)}
    vocabulary = content["model"]["vocab"]
    lacking = sorted(words - vocabulary.keys())
    vocabulary |= {word: len(vocabulary) + i for i, word in enumerate(lacking)}
    return json.dumps(content, ensure_ascii=False)


def encode_weighted(tokenizer: Tokenizer, text: str, ranges: Sequence[Weighted]) -> Example:
    """The tokens of a text; each has the weight of the range in which its last character is, else 0."""
    encoding = tokenizer.encode(text, add_special_tokens=False)
    weights = [
        next((weight for begin, end, weight in ranges if begin < last <= end), 0.0) for _, last in encoding.offsets
    ]
    return Example(tuple(encoding.ids), tuple(weights))


def encode_answer(
    tokenizer: Tokenizer, question: str, answer: str, ranges: Sequence[Weighted], ended: bool = True
) -> Example:
    """A problem and an answer, ranges counted in the answer's characters; its end is learnt as its last character is."""
    before = f"{USER}{SOLVE}{question}{END}{ASSISTANT}"
    at, length = len(before), len(answer)
    moved = [
        (begin + at, end + at + (len(END) if ended and end == length else 0), weight) for begin, end, weight in ranges
    ]
    return encode_weighted(tokenizer, before + answer + (END if ended else ""), moved)


def read_completion(tokenizer: Tokenizer, row: Row) -> Example:
    """A row of `prompt-completion`: the whole completion is learnt."""
    answer = row["completion"][0]["content"]
    return encode_answer(tokenizer, row["prompt"][0]["content"], answer, [(0, len(answer), 1.0)])


def read_correction(tokenizer: Tokenizer, row: Row) -> Example:
    """A row of `self-correction`: what its ranges say is learnt, and no more."""
    question, answer = (message["content"] for message in row["messages"])
    ranges = [(part["from"], part["to"], part["weight"]) for part in row["learn"] if part["message"] == 1]
    return encode_answer(tokenizer, question, answer, ranges)


def read_preference(tokenizer: Tokenizer, row: Row) -> Pair:
    """A row of `preference` or `step-preference`: of the latter the steps so far are context, and a step is no end."""
    question, _, begun = row["prompt"].partition("\n")
    sides = []
    for side in ("chosen", "rejected"):
        answer = begun + row[side]
        sides.append(encode_answer(tokenizer, question, answer, [(len(begun), len(answer), 1.0)], "pair_id" not in row))
    return Pair(*sides)


def encode_steps(tokenizer: Tokenizer, question: str, steps: Sequence[str], labels: Sequence[bool]) -> Example:
    """A solution, labelled at the last token of each step."""
    text = f"{USER}{SOLVE}{question}{END}{ASSISTANT}"
    ends = []
    for step in steps:
        text += step + "\n"
        ends.append(len(text))
    encoding = tokenizer.encode(text, add_special_tokens=False)
    places = {last: place for place, (_, last) in enumerate(encoding.offsets)}
    marked = tuple((places[end], float(label)) for end, label in zip(ends, labels, strict=True))
    return Example(tuple(encoding.ids), (0.0,) * len(encoding.ids), marked)


def read_stepwise(tokenizer: Tokenizer, row: Row) -> Example:
    """A row of `stepwise`."""
    return encode_steps(tokenizer, row["prompt"], row["completions"], row["labels"])


def draw_endlessly(rows: Sequence[T], random: Random) -> Iterator[T]:
    """All rows in an order drawn anew each time they are through."""
    if not rows:
        raise ValueError("a view without a row: nothing can be trained on it; ask for more --problems")
    while True:
        yield from random.sample(rows, len(rows))


def make_batches(sources: Sequence[Sequence[Example]], tokens: int, random: Random) -> Iterator[list[Example]]:
    """Batches of at most so many tokens (a longer example stands alone), from all sources in turn."""
    streams = [draw_endlessly(source, random) for source in sources]
    batch: list[Example] = []
    while True:
        for stream in streams:
            example = next(stream)
            if batch and len(example.tokens) + sum(len(other.tokens) for other in batch) > tokens:
                yield batch
                batch = []
            batch.append(example)
