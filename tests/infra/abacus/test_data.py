"""Batches of lessons, as the training of Abacus makes them; PyTorch is not needed for it."""

import importlib
import json
import re
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[3] / "infra/abacus"


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, which the training imports from its own folder."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("data")


@pytest.mark.parametrize("course", ["first", "corrections"])
def test_a_course_has_batches_of_known_words(data: ModuleType, monkeypatch: pytest.MonkeyPatch, course: str) -> None:
    monkeypatch.setattr(data, "POOL", 60)
    words = data.list_words(course)
    encoder = data.Encoder(words, data.import_lessons().PATTERN)
    batch = next(data.make_batches(encoder, Random(1), 3_000, 0.1, course))
    assert batch.tokens.shape[1] == batch.weights.shape[1] + 1
    assert batch.tokens.size <= 3_000 or len(batch.tokens) == 1
    assert (batch.weights.sum(1) > 0).all() and batch.tokens.max() < len(words) + 5


def test_another_course_adds_words_behind_those_of_the_shipped_weights(data: ModuleType) -> None:
    known = json.loads((data.WEIGHTS / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    encoder = data.Encoder(data.list_words("corrections"), data.import_lessons().PATTERN)
    assert known.items() <= encoder.numbers.items()
    assert "Try" in {word.strip() for word in encoder.numbers.keys() - known.keys()}


def test_a_wrong_attempt_is_context(data: ModuleType) -> None:
    write = data.choose_writer("corrections")
    encoder = data.Encoder(data.list_words("corrections"), data.import_lessons().PATTERN)
    lesson = write(Random(1), "retry")
    tokens, weights, job = data.encode_lesson(lesson, encoder, 0.1)
    names = {number: word for word, number in encoder.numbers.items()}
    text = "".join(names[token] for token in tokens)
    assert re.findall("<[|](user|assistant)[|]>", text) == ["user", "assistant", "user", "assistant"]
    learned = "".join(names[token] for token, weight in zip(tokens, weights, strict=True) if weight)
    assert learned == "".join(piece for piece, _ in lesson.answer) + "<|end|>"
    assert data.JOBS[job] == "retry"
