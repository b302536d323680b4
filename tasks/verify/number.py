"""Numbers as people and models write them, read exactly: no float stands for a value here."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache

WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
"""The numbers from 0 to 20 in words."""
_PLAIN = r"(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,3})?"
_ONE = re.compile(
    rf"(?<![\w.,/:])(?<!,-)(?P<sign>-?)\s*[$€£]?\s*(?P<minus>-?)(?:(?P<whole>\d+)\s+(?P<top>\d+)/(?P<bottom>\d+)"
    rf"|(?P<over>{_PLAIN})\s*/\s*(?P<under>{_PLAIN})|(?P<plain>{_PLAIN}))\s*(?P<percent>%|percent(?:age)?\b|pct\b|\\%)?"
    r"(?![\d/:^]|,\d|\.\d)"
)
_LATEX_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\}")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{([^{}]*)\}")
# NFKC would make 5² the number 52, and 2½ the number 21/2
_RAISED = re.compile("[⁰¹²³⁴-⁹]+")
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_STAR_OF_A_PRODUCT = re.compile(r"(?<=[\d)])( ?)\*{1,2}\1(?=[\d(])")
_FORMULA = re.compile(
    r"(?<![a-z])(?:sqrt|log|ln|sin|cos|tan|pi|p?mod|floor|ceil|choose)(?![a-z])|\^|\\[a-z]|\d\s*\([a-z]\b"
)
_DIGITS_LIMIT = 1000


class Several(ValueError):
    """A text gives more than one number and does not say which is the answer."""


def normalize_digits(text: str) -> str:
    """A text with the plain forms of digits, minus, dollar signs and white space, without LaTeX's and Markdown's dress."""
    text = _RAISED.sub(r"^\g<0>", text.replace(",\\!", ","))
    text = _VULGAR.sub(lambda match: " " + unicodedata.normalize("NFKC", match[0]).replace("\u2044", "/"), text)
    text = unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("\u2013", "-").replace("\\$", "$")
    text = re.sub(r"\\(?:text|mathrm|textbf|mathbf)\s*\{([^{}]*)\}", r" \1 ", text)
    text = _BOX.sub(r" \1 ", _LATEX_FRACTION.sub(r" \1/\2 ", text))
    text = _STAR_OF_A_PRODUCT.sub("×", text)
    text = re.sub(r"\\[,;! ]|\\left|\\right|\$(?!\s*[-\d.])|[*_`]|\\\(|\\\)|\\\[|\\\]|~", " ", text.replace("{,}", ","))
    return re.sub(r"\s+", " ", text).strip()


def _read_value(match: re.Match[str]) -> Fraction | None:
    """The number a match stands for, percent signs apart; None where it is none (x/0)."""

    def number(text: str) -> Fraction:
        return Fraction(text.replace(",", ""))

    if match["top"]:
        if int(match["bottom"]) == 0:
            return None
        value = int(match["whole"]) + Fraction(int(match["top"]), int(match["bottom"]))
    elif match["over"]:
        if number(match["under"]) == 0:
            return None
        value = number(match["over"]) / number(match["under"])
    else:
        value = number(match["plain"])
    return -value if match["sign"] or match["minus"] else value


def number_of(text: str) -> tuple[Fraction, bool] | None:
    """The one number a short text gives, and whether it bears a percent sign.

    Units and words round it do not matter. Of "2 * 9 = 18" it is what follows
    the last equals sign; of "18 eggs in 2 days" the first, which the answer
    begins with. None where there is no number, or an expression stands in its
    place; `Several` where two stand side by side ("12 or 14").

    Returns:
        The number, and True where it bears a percent sign.

    """
    return _read_number(text) if len(text) <= _DIGITS_LIMIT else None


@lru_cache(maxsize=65_536)  # gold answers and frequent ones come again and again
def _read_number(text: str) -> tuple[Fraction, bool] | None:
    text = normalize_digits(text)
    if (len(text) > 120 or re.search(r"[.!?]\s+[A-Z]", text)) and len(find_numbers(text)) > 1:
        raise Several(text)
    text = re.split(r"=|≈", text)[-1].strip()
    word = text.casefold().strip(" .")
    if word in WORDS:
        return Fraction(WORDS.index(word)), False
    matches = list(_ONE.finditer(text))
    values = {(value, bool(match["percent"])) for match in matches if (value := _read_value(match)) is not None}
    if re.search(r"\d", _ONE.sub(" ", text)):
        return None
    if len(values) == 1:
        return None if _is_expression(text) or re.search(r"\d\s*-\s*\d", text) else values.pop()
    if len(values) > 1 and _FORMULA.search(text):
        return None
    if len(values) > 1 and matches[0].start() == 0 and re.match(r"[ ]*(?:[a-zA-Z]+[ ,(]|\()", text[matches[0].end() :]):
        between = text[matches[0].end() : matches[1].start()]
        value = _read_value(matches[0])
        if value is not None and not re.search(
            r"\b(?:or|and|to|hours?|minutes?|feet|foot|x|times|plus|minus|by)\b|,", between, re.IGNORECASE
        ):
            return value, bool(matches[0]["percent"])
    if len(values) > 1 and not _is_expression(text):
        raise Several(text)
    return None


def find_numbers(text: str) -> set[Fraction]:
    """Every number that stands in a text."""
    return set(find_values(normalize_digits(text[:_DIGITS_LIMIT])))


def find_values(text: str) -> list[Fraction]:
    """Every number that stands in a text in plain dress, in its order."""
    return [value for match in _ONE.finditer(text) if (value := _read_value(match)) is not None]


def has_figures(text: str, value: Fraction) -> bool:
    """Whether a whole number's figures stand in a text, be it in a calculation."""
    figures = re.findall(r"\d+(?:\.\d+)?", text[:_DIGITS_LIMIT].replace(",", ""))
    return value.denominator == 1 and str(abs(value)) in figures


def find_number_words(text: str) -> set[Fraction]:
    """The numbers up to twenty that a text gives in words."""
    words = set(re.findall(r"[a-z]+", text.casefold()))
    return {Fraction(value) for value, word in enumerate(WORDS) if word in words}


def has_mention(text: str, values: set[Fraction]) -> bool:
    """Whether one of some values stands anywhere in a text, in figures or as a word up to twenty."""
    words = {WORDS[int(value)] for value in values if value.denominator == 1 and 0 <= value < len(WORDS)}
    if words and re.search(rf"\b(?:{'|'.join(words)})\b", text, re.IGNORECASE):
        return True
    return any(_read_value(match) in values for match in _ONE.finditer(normalize_digits(text)))


@lru_cache(maxsize=65_536)
def read_number_list(gold: str) -> list[Fraction] | None:
    """The numbers of a gold answer that is a list of them (`['16', '12']`, "16 and 12"), sorted; None for others."""
    gold = re.sub(r"\s+", " ", gold[:_DIGITS_LIMIT])
    items = (
        re.split(r"\s*(?:[,;]|\band\b)\s+", gold.strip().strip("[](){}")) if re.search(r"[,;]\s|\band\b", gold) else []
    )
    numbers = []
    for item in items:
        try:
            number = number_of(item.strip("'\" "))
        except Several:
            return None
        if number is None:
            return None
        numbers.append(number[0])
    return sorted(numbers) if len(numbers) > 1 else None


def read_decimals(text: str) -> int:
    """The digits after the point of the first number in a text."""
    match = re.search(r"\d\.(\d+)", text)
    return len(match[1]) if match else 0


def _is_expression(text: str) -> bool:
    """Whether numbers are tied to other terms by operators, letters, LaTeX or words."""
    return bool(
        re.search(
            r"\\[a-zA-Z]+|[√^π]|\d\s*[*×÷·+]|[*×÷·+]\s*[\d(]|\d\s+-\s+\d|\b[a-zA-Z]\s*[-+*/^]\s*\d|\d(?!e[-+]\d)[a-zA-Z]\b(?!\.)"
            r"|\)\s*\(\s*\d|\b(?:x|times|plus|minus|divided by|multiplied by)\s+\$?\d"
            r"|\d\s*(?:hundred|thousand|million|billion|trillion)\b"
            r"|(?<![a-z])(?:sqrt|log|ln|sin|cos|tan|pi|p?mod|floor|ceil|choose)(?![a-z])|\d\s*[-+]\s*[a-zA-Z]\b|\d\s*\([a-z]\b|\b[a-z]\s*[-+]\s*\d"
            r"|\band\s+(?:(?:a|one|two|three)[\s-])?(?:half|thirds?|quarters?)\b",
            text,
            re.IGNORECASE,
        )
    )
