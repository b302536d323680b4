"""Batches of lessons, as the training of Abacus makes them; PyTorch is not needed for it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random

import pytest

from infra.abacus import data
from infra.abacus.tokenizer import Encoder, build
from tasks.synthetic.correction_lessons import write_correction_lesson
from tasks.synthetic.lessons import PATTERN


@pytest.mark.parametrize("course", ["first", "corrections"])
def test_a_course_has_batches_of_known_words(monkeypatch: pytest.MonkeyPatch, course: str) -> None:
    monkeypatch.setattr(data, "POOL", 60)
    words = data.list_words(course)
    encoder = Encoder(words, PATTERN)
    batch = next(data.make_batches(encoder, Random(1), 3_000, 0.1, course))
    assert batch.tokens.shape[1] == batch.weights.shape[1] + 1
    assert batch.tokens.size <= 3_000 or len(batch.tokens) == 1
    assert (batch.weights.sum(1) > 0).all() and batch.tokens.max() < len(words) + 5


def test_the_shipped_weights_know_the_words_of_both_courses_as_they_are_numbered() -> None:
    known = json.loads((data.WEIGHTS / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    encoder = Encoder(data.list_words("corrections"), PATTERN)
    assert encoder.numbers == known
    assert {" wrong", "{", "B"} <= known.keys() > set(data.list_words("first"))


def test_a_course_adds_its_words_behind_those_of_the_weights_that_it_begins_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped = data.list_words("corrections")
    build(first := data.list_words("first"), PATTERN).save(str(tmp_path / "tokenizer.json"))
    monkeypatch.setattr(data, "WEIGHTS", tmp_path)
    words = data.list_words("corrections")
    assert words[: len(first)] == first
    assert set(words) == set(shipped) and words[len(first) :] == tuple(sorted(words[len(first) :]))


def test_a_word_that_it_does_not_know_is_unknown_to_encoder_and_tokenizer_alike() -> None:
    words = data.list_words("corrections")
    encoder, tokenizer = Encoder(words, PATTERN), build(words, PATTERN)
    text = "<critique-0123456789abcdef> The zebra"
    assert encoder.encode(text) == tokenizer.encode(text).ids
    assert 0 in encoder.encode(text)
    with pytest.raises(KeyError, match="zebra"):
        encoder.weighted((("The zebra", 1.0),))


def test_a_wrong_attempt_is_context() -> None:
    encoder = Encoder(data.list_words("corrections"), PATTERN)
    lesson = write_correction_lesson(Random(1), "retry")
    tokens, weights, job = data.encode_lesson(lesson, encoder, 0.1)
    names = {number: word for word, number in encoder.numbers.items()}
    text = "".join(names[token] for token in tokens)
    assert re.findall("<[|](user|assistant)[|]>", text) == ["user", "assistant", "user", "assistant"]
    learned = "".join(names[token] for token, weight in zip(tokens, weights, strict=True) if weight)
    assert learned == "".join(piece for piece, _ in lesson.answer) + "<|end|>"
    assert data.JOBS[job] == "retry"
