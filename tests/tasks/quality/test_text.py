"""`quality`: columns that can be told of a text alone, right on texts small enough to count by hand."""

from __future__ import annotations

from math import exp
from typing import Any

import polars as pl
import pytest

from schemas.columns.quality import QUALITY_COLUMNS
from schemas.contract import Contract
from schemas.frames import check
from tasks.quality.text import QUALITY, QualityParameters


def measure_text(text: str, **columns: Any) -> dict[str, Any]:
    part = pl.DataFrame(
        {"question": ["How many?"], "rationale": [text], **{name: [value] for name, value in columns.items()}}
    )
    kept = QUALITY.run(part, QualityParameters()).kept
    check(
        kept.select(column.name for column in QUALITY_COLUMNS), Contract("q", "", QUALITY_COLUMNS, "characters"), "test"
    )
    return kept.row(0, named=True)


def test_lengths() -> None:
    row = measure_text("She has 3 + 4 = 7.\nSo 7.", steps=["She has 3 + 4 = 7.", "So 7."])
    assert (row["characters"], row["words"], row["question_words"], row["step_count"]) == (24, 9, 2, 2)
    assert measure_text("x")["step_count"] is None


def test_a_text_that_repeats_itself_packs_small_and_repeats_its_runs() -> None:
    loop, prose = (
        measure_text("I am so sure of it. " * 50),
        measure_text("Each of the five boxes holds seven red marbles and one blue ball."),
    )
    assert loop["compression"] < 0.1 < 0.5 < prose["compression"]
    assert loop["repeated"] > 0.97
    assert prose["repeated"] == 0
    assert measure_text("a b c d a b c d")["repeated"] == pytest.approx(1 / 5)
    assert measure_text("a b c d a b c d")["distinct_words"] == 0.5


@pytest.mark.parametrize(
    ("text", "column", "share"),
    [
        ("ab\x07\u200b\ufffd1\n\t", "odd_characters", 3 / 8),
        ("ab Ωм", "foreign_letters", 2 / 4),
        ("é ü", "foreign_letters", 0),
        ("12 a", "digits", 2 / 4),
        ("the cat and dog", "english", 2 / 4),
        ("小明有三个苹果", "english", 0),
    ],
)
def test_shares(text: str, column: str, share: float) -> None:
    assert measure_text(text)[column] == pytest.approx(share)


def test_nothing_is_said_of_nothing() -> None:
    row = measure_text("")
    assert (row["characters"], row["words"]) == (0, 0)
    names = ("compression", "repeated", "distinct_words", "odd_characters", "foreign_letters", "english", "digits")
    assert [row[name] for name in names] == [None] * 7
    assert measure_text("?!")["foreign_letters"] is None


def test_likelihood_is_that_of_a_token_and_null_where_the_model_gave_none() -> None:
    row = measure_text("x", logprob=-6.0, tokens=4)
    assert (row["mean_logprob"], row["perplexity"]) == (-1.5, pytest.approx(exp(1.5)))
    assert measure_text("x", logprob=0.0005, tokens=1)["mean_logprob"] == 0
    part = pl.DataFrame(
        {"question": "q", "rationale": "x", "logprob": pl.Series([None], dtype=pl.Float64), "tokens": 3}
    )
    assert QUALITY.run(part, QualityParameters()).kept.select("mean_logprob", "perplexity").row(0) == (None, None)
    assert measure_text("x", logprob=-1.0, tokens=0)["mean_logprob"] is None


def test_each_row_is_looked_at_by_itself() -> None:
    texts = ["a b c d a b c d", "", "Ω 12", "the cat"]
    part = pl.DataFrame({"question": ["q"] * 4, "rationale": texts})
    whole = QUALITY.run(part, QualityParameters()).kept
    single = pl.concat([QUALITY.run(part[i : i + 1], QualityParameters()).kept for i in range(4)])
    assert whole.equals(single)
