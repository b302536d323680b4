"""The words of test items that say which item it is: neither function words, nor words of all problem statements.

What two texts share that both have of their kind ("Which of the following
statements is true?") is no sign that one is the other.
"""

from __future__ import annotations

import polars as pl

from tasks.dedup.masking import MASKS

WORD = r"[a-z0-9\u{80}-\u{7ff}]+|[-+*/=<>%^|]|[\u{800}-\u{10ffff}]"
"""A word as `hash_words` cuts texts in plain form."""
_FUNCTION = (
    "the of and to in is that it for was on are as with be at by this have from or had an but not what all were when we there "
    "can you if then than so has she he they his her their how many much each which will them him its our your who whom whose "
    "where why while these those some any other another more most less fewer least only also into out over under per up down "
    "about after before during until between both every same such one do does did would could should may might must shall very "
    "just now again too own"
)
_OF_STATEMENTS = (
    "find compute determine calculate evaluate solve simplify express write give show prove consider suppose assume let denote "
    "define defined given following true false correct statement statements answer answers question questions option options "
    "choose best describes describe figure shown below above passage author refers information read according based form forms "
    "common fraction terms interval notation exact exactly value values number numbers integer integers positive negative real "
    "nonnegative whole smallest largest greatest minimum maximum possible sum product difference total function functions "
    "equation equations satisfy satisfies satisfying solution solutions root roots nearest round rounded decimal percent "
    "percentage place places unit units point points line length such divided multiplied times equal equals frac sqrt cdot text "
    "left right begin end array leq geq circ sin cos tan log ldots cdots asy draw label dot step final please problem boxed"
)
USUAL = [*_FUNCTION.split(), *_OF_STATEMENTS.split()]
"""Words that do not say which item it is."""
PHRASES = (
    "express your answer as a common fraction",
    "express your answer in interval notation",
    "express your answer in simplest radical form",
    "enter your answer in the form",
    "round your answer to the nearest",
    "enter all the solutions separated by commas",
    "this question refers to the following information",
    "read the following passage and answer the question",
    "which of the following statements is true",
    "which of the following statements is not true",
    "which one of the following",
    "according to the passage",
    "choose the best answer from the options below",
    "select the correct option from the following",
)
"""Stock phrases that no test set is known by."""


def read_item_words(items: pl.Series) -> pl.DataFrame:
    """The words of items in plain (or masked) form, which of them say which item it is.

    Args:
        items: The texts.

    Returns:
        `item` (its number), `place` of the word in it, `content`: whether it is a word that says something and stands
        there for the first time, `specific`: whether it is that or a number that stands there for the first time.

    """
    frame = pl.DataFrame({"item": pl.int_range(len(items), eager=True), "word": items.str.extract_all(WORD)})
    words = frame.explode("word").drop_nulls().with_columns(place=pl.int_range(pl.len()).over("item"))
    word = pl.col("word")
    usual = word.is_in([*USUAL, *MASKS.values()])
    letters = word.str.contains(r"^\p{L}{3,}$|^[\u{2e80}-\u{10ffff}]$") & ~usual
    first = pl.struct("item", "word").is_first_distinct()
    return words.select("item", "place", content=letters & first, specific=(letters | word.str.contains(r"\d")) & first)
