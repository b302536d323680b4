"""Texts with what is easily changed in a problem put behind masks: its numbers, the names in it, its units.

A problem with other names and numbers is the same problem to whoever trains on
it. Masked texts are compared as any others, by their words. Everything is done
on whole columns by regular expressions that take linear time.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from tasks.dedup.token_hashes import normalize_texts

Mask = Literal["numbers", "names", "units"]
MASKS: dict[Mask, str] = {"numbers": "qnumberq", "names": "qnameq", "units": "qunitq"}
"""The word in place of each."""
_NUMBER, _NAME, _UNIT = MASKS["numbers"], MASKS["names"], MASKS["units"]
_ORDINARY = (
    "A An The If How What When Where Which Who Whose Why While There Here Then Than This That These Those Each Every All Both "
    "He She It They We You His Her Hers Its Their My Our Your In On At For From To With Without Within Of Off By As Up Down "
    "After Before During Since Until Once And But Or So Not No Yes Find Calculate Compute Determine Given Let Suppose Assume "
    "Solve Evaluate Simplify Express Write Answer Question Problem Is Are Was Were Do Does Did Has Have Had Can Could Should "
    "Would Some Many Much Most Several Another Other Only Also However Because Although Today Yesterday Tomorrow Last Next "
    "Finally Later Now Out Over Under Between Among"
)
"""Words with a capital letter that are no names, wherever they stand; numbers neither."""
_NO_NAME = "\x01"
_COUNTED = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundreds? thousands? millions? billions? dozens? half halves "
    "first second thirds? quarters? fourths? fifths? sixths? sevenths? eighths? ninths? tenths? twice thrice double doubled "
    "triple tripled"
)
_MEASURED = (
    "dollars? cents? euros? pounds? pence penny pennies miles? kilometers? kilometres? meters? metres? centimeters? centimetres? "
    "millimeters? millimetres? inch inches foot feet yards? acres? km cm mm mph kph kg kilograms? grams? milligrams? mg ounces? oz "
    "lbs? tons? liters? litres? milliliters? ml gallons? quarts? pints? cups? teaspoons? tablespoons? seconds minutes? mins? hours? "
    "hrs? days? weeks? months? years?"
)


def mask_texts(texts: pl.Series, masks: tuple[Mask, ...]) -> pl.Series:
    """The texts in plain form, with masks in place of what is masked; several in a row are one.

    Args:
        texts: As they were written: names are known by their capital letters.
        masks: What is masked.

    Returns:
        As many texts; without masks those of `join_compounds`.

    """
    if "names" in masks:
        texts = _mask_names(texts)
    texts = join_compounds(normalize_texts(texts))
    if "numbers" in masks:
        texts = _mask_numbers(texts)
    if "units" in masks:
        texts = texts.str.replace_all(rf"[$€£]\s*{_NUMBER}", f"{_NUMBER} {_UNIT}")
        texts = texts.str.replace_all(rf"\b(?:{_MEASURED.replace(' ', '|')})\b", _UNIT)
    return texts


def join_compounds(texts: pl.Series) -> pl.Series:
    """Texts in plain form without what is punctuation in them and a sign of arithmetic elsewhere: hyphens of words, bold type."""
    return texts.str.replace_all(r"([a-z]{2})[-/]([a-z]{2})", "${1} ${2}").str.replace_all("**", " ", literal=True)


def _mask_names(texts: pl.Series) -> pl.Series:
    """Words that begin with a capital letter and go on in small ones, but for those that begin sentences."""
    usual = f"{_ORDINARY} {_COUNTED.title()}".replace(" ", "|")
    texts = texts.str.replace_all(rf"\b({usual})\b", _NO_NAME + "${1}")
    texts = texts.str.replace_all(rf"([^{_NO_NAME}\p{{L}}\p{{N}}\\]|^)\p{{Lu}}\p{{Ll}}\p{{L}}*", f"${{1}}{_NAME}")
    return texts.str.replace_all(rf"{_NAME}(?:[ .-]+{_NAME})+", _NAME).str.replace_all(_NO_NAME, "", literal=True)


def _mask_numbers(texts: pl.Series) -> pl.Series:
    """Numbers in digits and in words, with their signs; the comma behind a number is none of its own."""
    texts = texts.str.replace_all(r"(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:(?:st|nd|rd|th)\b)?", f" {_NUMBER} ")
    texts = texts.str.replace_all(rf"\b(?:{_COUNTED.replace(' ', '|')})\b", _NUMBER)
    texts = texts.str.replace_all(r"\s*(?:%|\bper ?cent\b)", " % ")
    texts = texts.str.replace_all(rf"(^|[\s(\[=:,$])[-+]\s*{_NUMBER}", f"${{1}}{_NUMBER}")
    return texts.str.replace_all(rf"{_NUMBER}(?:(?:\s*[-/]\s*|\s+(?:and\s+(?:a\s+)?)?){_NUMBER})+", _NUMBER)
