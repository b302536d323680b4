"""The bulk of the pairs, decided at once by Polars: plain numbers whose shortest decimal form is the same.

Numbers of any length stay texts, so that nothing is rounded: two decimals are
equal exactly where their shortest forms are.
"""

from __future__ import annotations

from fractions import Fraction

import polars as pl

from tasks.answers.units import RATIOS

_RATIOS = (
    pl.Series([float(ratio) for ratio in RATIOS | {Fraction(1, 100), Fraction(100), Fraction(-1)}])
    .round_sig_figs(9)
    .implode()
)
ROUGHLY = r"\babout how\b|\bapproximat|\bestimat|\broughly\b"
"""A question that asks for a number that may be rounded."""
_DRESS = r"^[\s$*]*(?:\\boxed\{|\\\(|\\\$)?\s*\$?\s*(-?)\s*\$?\s*((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s*\}?\.?(?:\\\))?[\s$*]*(?: ?(?:dollars|units))?\.?$"


def shortest(text: pl.Expr) -> pl.Expr:
    """The shortest decimal form of a plain number as text; null for all else."""
    text = text.str.strip_chars().str.replace("−", "-", literal=True)
    sign, digits = text.str.extract(_DRESS, 1), text.str.extract(_DRESS, 2).str.replace_all(",", "", literal=True)
    digits = digits.str.strip_chars_start("0")
    digits = pl.when(digits.str.contains(".", literal=True)).then(
        digits.str.strip_chars_end("0").str.strip_chars_end(".")
    ).otherwise(digits)  # fmt: skip
    zero = digits == ""
    return pl.when(zero).then(pl.lit("0")).otherwise(sign + digits)


def plainly(pairs: pl.DataFrame) -> pl.Series:
    """True where a pair is plainly right, False where it is plainly wrong, null where it must be looked at.

    Wrong are two plain numbers, gold's a whole one, of which gold's does not
    stand beside the answer and whose ratio is that of no two units; the ratio
    is rounded, but only sets pairs aside to be looked at.
    """
    gold, answer = shortest(pl.col("gold")), shortest(pl.col("answer"))
    ratio = pl.col("found").cast(pl.Float64, strict=False) / pl.col("sought").cast(pl.Float64, strict=False)
    beside = (
        pl.col("context").str.replace_all(",", "").str.contains(pl.col("sought").str.strip_prefix("-"), literal=True)
    )
    # a sentence with several numbers does not say which is the answer
    several = pl.col("context").str.count_matches(r"\d[\d,.]*") > 1
    apart = (
        ~beside
        & ~several
        & ~pl.col("question").str.contains(f"(?i){ROUGHLY}")
        & ~pl.col("sought").str.contains(".", literal=True)
        & (pl.col("gold").str.len_chars() <= 15)
        & (pl.col("answer").str.len_chars() <= 20)
        & ~ratio.round_sig_figs(9).is_in(_RATIOS)
    )
    told = (
        pairs.lazy()
        .select(
            sought=gold,
            found=answer,
            gold="gold",
            answer="answer",
            context="context",
            question="question",
            number=pl.col("kind") == "number",
        )
        .select(
            pl.when(~pl.col("number"))
            .then(None)
            .when(pl.col("sought") == pl.col("found"))
            .then(True)
            .when((pl.col("sought") != pl.col("found")) & apart)
            .then(False)
        )
        .collect()
    )
    return told.to_series()
