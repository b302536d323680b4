"""The tokens of arithmetic in words: numbers, signs, words, and what could mean something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from tasks.arithmetic.plain_text import blank_settings

# words come first because most tokens are words; `*+` gives nothing back
_TOKEN = re.compile(
    r"\s*+(?:(?P<word>[^\W\d_]+(?:&[^\W\d_]+)*+)"
    r"|(?P<odd>\d[\d.,]{0,30}(?:[_^]|:(?=\d)|[^\W\d])|[_^√!]|\d{13,})"
    r"|(?P<percent>(?:\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.\d{1,9})?\s?\\?%|\.\d{1,9}\s?\\?%)"
    r"|(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d{1,12})?(?!\d)|\d{1,12}(?:\.\d{1,12})?|\.\d{1,12})"
    r"|(?P<op>\\times\b|\\cdot\b|\\div\b|[-+*/×÷·−()])"
    r"|(?P<equals>=)"
    r"|(?P<skip>\\?[$€£]|\\[,;! ])"
    r"|(?P<command>\\[^\W\d_]+)"
    r"|(?P<other>\S))"
)  # fmt: skip
_SIGN = {"×": "*", "·": "*", "\\times": "*", "\\cdot": "*", "÷": "/", "\\div": "/", "−": "-"}
_ODD_WORDS = frozenset(
    [
        "percent",
        "plus",
        "minus",
        "times",
        "divided",
        "multiplied",
        "hundred",
        "thousand",
        "million",
        "billion",
        "dozen",
        "squared",
        "cubed",
        "half",
        "remainder",
        "r",
        "mod",
        "modulo",
        "sqrt",
        "frac",
        "log",
        "sin",
        "cos",
        "tan",
        "pi",
        "about",
        "approximately",
        "roughly",
        "around",
        "over",
    ]
)
"""Words that may be part of a calculation wherever they stand."""
_JOINING = frozenset(["of", "to", "and"])
"""Words that are part of one where they stand between numbers."""
_OPERATING = frozenset(["times", "over"])
"""Words that are signs where a number follows."""
_LETTERS = frozenset("lgmsh")
"""Units of one letter, where a number is before them."""
_PARTS = frozenset(
    [
        "half",
        "halves",
        "third",
        "thirds",
        "quarter",
        "quarters",
        "fourth",
        "fourths",
        "fifth",
        "fifths",
        "sixth",
        "sixths",
        "seventh",
        "eighth",
        "tenth",
        "tenths",
        "percent",
    ]
)


class Token(NamedTuple):
    """A token where it stands."""

    kind: str
    """`number`, `op`, `equals`, `word`, `odd` (it could mean something else), or `other`; as a sign of a formula (`read_signs`) `number`,
    `name`, `operator`, `relation`, `open`, `close`, `power`, `factorial`, `root`, `fraction`, `index`, `degree`, `comma`, `word`, `stop`
    (where no formula goes on), or `unread` (it is part of a formula, and its meaning is not known)."""
    value: Fraction | str
    start: int
    end: int
    percent: bool = False
    currency: str = ""
    """The sign of money that stands right before it."""
    breaks: bool = False
    """Whether a new line begins with it."""
    certain: bool = True
    """Whether it can mean nothing else."""


@lru_cache(maxsize=256)  # the steps of a solution are looked at again and again
def tokenize(step: str) -> tuple[Token, ...]:
    """The tokens of a step, in order.

    Args:
        step: A text of any kind.

    Returns:
        Tokens with their places in it.

    """
    tokens = []
    currency = ""
    for match in _TOKEN.finditer(blank_settings(step)):
        kind = match.lastgroup or ""
        text = match[kind]
        value: Fraction | str = text
        if kind in ("word", "command"):
            kind, value = _classify_word(text)
        elif kind == "number":
            value = _parse_fraction(text)
        elif kind == "percent":
            value = _parse_fraction(text.rstrip("\\% ")) / 100
        elif kind == "op":
            value = _SIGN.get(text, text)
        elif kind == "skip":
            currency = text[-1] if text[-1] in "$€£" else ""
            continue
        start, percent = match.start(match.lastindex or 0), kind == "percent"
        tokens.append(Token("number" if percent else kind, value, start, match.end(), percent, currency))
        currency = ""
    return _join_fractions(_read_in_context(tokens))


# the same few numbers and words stand in most steps
@lru_cache(maxsize=4096)
def _parse_fraction(number: str) -> Fraction:
    return Fraction(number.replace(",", ""))


@lru_cache(maxsize=4096)
def _classify_word(word: str) -> tuple[str, str]:
    """The kind of a word, and what it stands for."""
    lower = word.lower()
    if lower in _SIGN:
        return "op", _SIGN[lower]
    if lower == "x":
        return "x", "*"
    odd = (len(word) == 1 and lower not in ("a", "i")) or word.startswith("\\") or lower in _ODD_WORDS
    return ("odd" if odd else "word"), lower


def _read_in_context(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with what only their neighbours tell: x as a sign, `of` between numbers, 3(4) as a product."""
    settled: list[Token] = []
    for i, token in enumerate(tokens):
        if token.kind == "word" and token.end - token.start > 1 and token.value not in _JOINING:
            settled.append(token)
            continue
        before = tokens[i - 1] if i else None
        if token.kind == "number":
            if before is not None and before.end == token.start and before.value == ")":
                settled.append(Token("op", "*", token.start, token.start))
            settled.append(token)
            continue
        after = tokens[i + 1] if i + 1 < len(tokens) else None
        ended = before is not None and _ends_number(before)
        if token.kind == "x":
            times = (
                _ends_amount(tokens[max(0, i - 5) : i])
                and after is not None
                and (after.kind == "number" or after.value == "(")
            )
            token = token._replace(kind="op" if times else "odd")
        elif (ended and token.value in _LETTERS and (after is None or after.value != "(")) or (
            token.value in _OPERATING and not any(other.kind == "number" for other in tokens[i + 1 : i + 2])
        ):
            token = token._replace(kind="word")
        elif token.value in _JOINING and (ended or (before is not None and before.value in _PARTS)):
            if any(other.kind == "number" for other in tokens[i + 1 : i + 4]):
                token = token._replace(kind="odd")
        elif (
            token.value in ("a", "i")
            and after is not None
            and _touches(token, after)
            and after.kind in ("op", "equals")
        ):
            token = token._replace(kind="odd")  # a variable, not an article
        elif token.value == "(" and before is not None and before.end == token.start and ended:
            settled.append(Token("op", "*", token.start, token.start))
        settled.append(token)
    return settled


def _ends_amount(tokens: Sequence[Token]) -> bool:
    """Whether tokens end with a number, or with a number and words behind it."""
    for token in reversed(tokens):
        if token.kind != "word":
            return _ends_number(token)
    return False


def _ends_number(token: Token) -> bool:
    return token.kind == "number" or token.value == ")"


def _touches(token: Token, after: Token) -> bool:
    return token.end == after.start


def _join_fractions(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """The tokens with ((1)/2) from LaTeX and mixed numbers such as 1 1/2 as one number each."""
    joined: list[Token] = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        mixed = token.kind == "number" and i + 1 < len(tokens) and tokens[i + 1].kind == "number"
        if not mixed and (token.kind != "op" or token.value != "("):
            joined.append(token)
            i += 1
            continue
        latex = [] if mixed else [token.value for token in tokens[i : i + 7]]
        number, length = None, 1
        if len(latex) == 7 and (latex[:2], latex[3:5], latex[6]) == (["(", "("], [")", "/"], ")"):
            over, under = tokens[i + 2], tokens[i + 5]
            alone = i + 7 < len(tokens) and tokens[i + 7].kind == "equals" and (not joined or joined[-1].kind != "op")
            if over.kind == under.kind == "number" and under.value and not alone:
                assert isinstance(over.value, Fraction) and isinstance(under.value, Fraction)
                number, length = over.value / under.value, 7
        elif (whole := _read_mixed(tokens[i : i + 4])) is not None:
            number, length = whole, 4
        joined.append(
            token if number is None else token._replace(kind="number", value=number, end=tokens[i + length - 1].end)
        )
        i += length
    return tuple(joined)


def _read_mixed(tokens: Sequence[Token]) -> Fraction | None:
    """The value of a mixed number; None where four tokens are none."""
    if len(tokens) < 4 or [token.kind for token in tokens] != ["number", "number", "op", "number"]:
        return None
    whole, over, stroke, under = tokens
    apart = over.start - whole.end == 1 and over.end == stroke.start and stroke.end == under.start
    assert isinstance(whole.value, Fraction) and isinstance(over.value, Fraction) and isinstance(under.value, Fraction)
    if not apart or stroke.value != "/" or not 0 < over.value < under.value or whole.value.denominator > 1:
        return None
    return whole.value + over.value / under.value
