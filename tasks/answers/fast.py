"""The bulk of the pairs, decided at once by Polars: plain numbers whose shortest decimal form is the same.

Numbers of any length stay texts, so that nothing is rounded: two decimals are
equal exactly where their shortest forms are.
"""

from __future__ import annotations

import polars as pl

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


def equal_numbers(gold: pl.Expr, answer: pl.Expr) -> pl.Expr:
    """Whether two texts are plain numbers of one value; null where one of them is no plain number."""
    return shortest(gold) == shortest(answer)
