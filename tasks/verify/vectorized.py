"""The bulk of the pairs, decided at once by Polars: plain numbers whose shortest decimal form is the same.

Numbers of any length stay texts, so that nothing is rounded: two decimals are
equal exactly where their shortest forms are.
"""

from __future__ import annotations

from fractions import Fraction

import polars as pl

from tasks.verify.units import RATIOS, may_differ_in_unit

_BY_UNIT = pl.Series([float(ratio) for ratio in RATIOS]).round_sig_figs(9).implode()
_BY_SIGN = pl.Series([0.01, 100.0, -1.0]).implode()
"""Ratios of percents to shares, and of a number to the one below zero."""
ROUGHLY = r"\babout how\b|\bapproximat|\bestimat|\broughly\b"
"""A question that asks for a number that may be rounded."""
_DRESS = r"^[\s$*]*(?:\\boxed\{|\\\(|\\\$)?\s*\$?\s*(-?)\s*\$?\s*((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s*\}?\.?(?:\\\))?[\s$*]*(?: ?(?:dollars|units))?\.?$"


def shorten_numbers(texts: pl.Series) -> pl.Series:
    """The shortest decimal form of plain numbers as texts; null for all else."""
    # step by step: as one expression Polars searches each text several times
    parts = texts.str.strip_chars().str.replace("−", "-", literal=True).str.extract_groups(_DRESS).struct.unnest()
    parts = parts.select(sign="1", digits=pl.col("2").str.replace_all(",", "", literal=True).str.strip_chars_start("0"))
    pointed = pl.col("digits").str.contains(".", literal=True)
    ended = pl.col("digits").str.strip_chars_end("0").str.strip_chars_end(".")
    parts = parts.with_columns(digits=pl.when(pointed).then(ended).otherwise("digits"))
    zero = pl.col("digits") == ""
    return parts.select(pl.when(zero).then(pl.lit("0")).otherwise(pl.col("sign") + pl.col("digits"))).to_series()


def judge_plain_pairs(pairs: pl.DataFrame) -> pl.Series:
    """True where a pair is plainly right, False where it is plainly wrong, null where it must be looked at.

    Wrong are two plain numbers, gold's a whole one, of which gold's does not
    stand beside the answer and which are not the same amount in two units; the
    ratio is rounded, but only sets pairs aside to be looked at.

    Args:
        pairs: Gold, answers and what they stand in, a pair a row.

    Returns:
        A value for each pair.

    """
    ratio = pl.col("answer_number").cast(pl.Float64, strict=False) / pl.col("gold_number").cast(
        pl.Float64, strict=False
    )
    beside = (
        pl.col("context")
        .str.replace_all(",", "")
        .str.contains(pl.col("gold_number").str.strip_prefix("-"), literal=True)
    )
    # a sentence with several numbers does not say which is the answer
    several = pl.col("context").str.count_matches(r"\d[\d,.]*") > 1
    apart = (
        ~beside
        & ~several
        & ~pl.col("question").str.contains(f"(?i){ROUGHLY}")
        & ~pl.col("gold_number").str.contains(".", literal=True)
        & (pl.col("gold").str.len_chars() <= 15)
        & (pl.col("answer").str.len_chars() <= 20)
        & ~ratio.round_sig_figs(9).is_in(_BY_SIGN)
    )
    numbers = (
        pairs.lazy()
        .select("gold", "answer", "context", "question", number=pl.col("kind") == "number")
        .with_columns(gold_number=shorten_numbers(pairs["gold"]), answer_number=shorten_numbers(pairs["answer"]))
        .with_columns(equal=pl.col("gold_number") == pl.col("answer_number"))
        .with_columns(apart=~pl.col("equal") & apart, by_unit=ratio.round_sig_figs(9).is_in(_BY_UNIT))
        .collect()
    )
    verdicts = numbers.select(
        pl.when(~pl.col("number"))
        .then(None)
        .when("equal")
        .then(True)
        .when(pl.col("apart") & ~pl.col("by_unit"))
        .then(False)
    ).to_series()
    return _judge_other_units(numbers, verdicts)


def _judge_other_units(numbers: pl.DataFrame, verdicts: pl.Series) -> pl.Series:
    """Verdicts with False, too, for pairs whose ratio is that of two units which question and answer do not name."""
    suspects = (
        numbers.select("number", "apart", "by_unit", "answer_number", "gold_number", "context", "answer", "question")
        .with_row_index("index")
        .filter(pl.col("number") & pl.col("apart") & pl.col("by_unit"))
        .select("index", "answer_number", "gold_number", "context", "answer", "question")
    )
    wrong = [
        index
        for index, value, wanted, context, answer, question in suspects.iter_rows()
        if not may_differ_in_unit(Fraction(value), Fraction(wanted), context or answer, question)
    ]
    return verdicts.scatter(wrong, False)
