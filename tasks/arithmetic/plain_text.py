"""Steps as plain arithmetic: what only sets or names things is blotted out, so that all else stays where it is."""

from __future__ import annotations

import re
from functools import lru_cache

_NAMED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname|mbox|boxed)\s?\{([^{}]{0,200})\}")
_SETTING = re.compile(
    r"\\[()\[\]]|\\(?:left|right|displaystyle|quad|qquad)(?![a-z])|(?<![\d)\s*])\*\*(?!\*)|(?<!\*)\*\*(?![\s\d(*])"
)
_PLAIN = r"\d{1,12}(?:\.\d{1,9})?"
_INNER = r"[\d.,+\-*/() ]{1,80}"
_FRACTION_OF_SUM = re.compile(rf"\\[dt]?frac\{{({_INNER})\}}\{{({_PLAIN})\}}")
_FRACTION_BY_SUM = re.compile(rf"\\[dt]?frac\{{({_PLAIN})\}}\{{({_INNER})\}}")
_UNITS = "lbs?|kgs?|mg|g|ml|mL|L|cl|cm|mm|km|m|oz|ft|mi|hrs?|mins?|secs?|cents?|GB|MB|mph"
_GLUED = re.compile(rf"(?<=\d)(?:{_UNITS})(?![\w(^])")
_LONE = re.compile(r"(?<!\d\s)(?<![\w\\/'])[ghmsL](?![\w'])")
"""Letters that stand alone: variables, and no units."""
_SPACED = re.compile(r"(?<=\d\s)[ghmsL](?![\w(^'])")
_RESULT_UNIT = re.compile(r"(?:=\s?[\d.,]{1,20}\s|[^\W\d_]{2}/\s?)([ghmsL])(?![\w(^'])")
"""Letters that a result is in (`= 15 g`), or that an amount is said to be for (`km/h`)."""
_BARE_TERM = re.compile(r"\d\s?[-+]\s?\.?\d|[-+]\s?[\d.,]{1,20}(?![\w.,])(?!\s?[\w%/*×])")
"""A term without a unit: beside one a letter is a variable (`3m + 4 = 6m`)."""
_ESCAPED_LINE = re.compile(r"\\n(?![a-z])")
_REMARK = re.compile(r"(?<=[\w.]\s)\([^\W\d_][^\W\d_ ,'-]{2}[^\W\d_ ,'-]{0,20}(?:[ ,'-]{1,2}[^\W\d_]{1,20}){0,8}\)")
_PER = re.compile(r"/\s?(?=[^\W\d_]{2})|(?<=[^\W\d_]{2})/\s?[gshmL](?![\w(^'])")


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


@lru_cache(maxsize=256)
def blank_settings(text: str) -> str:
    """A step without LaTeX's settings, remarks in brackets, units glued to numbers, and the stroke of `/pound` behind them.

    Args:
        text: A step, or a part of one.

    Returns:
        A text of the same length, with blanks in place of what was blotted out.

    """
    if "\\" in text:
        text = _ESCAPED_LINE.sub(" \n", text)
        for _ in range(2):  # \boxed{\text{…}}
            text = _NAMED.sub(lambda m: m[1].rjust(len(m[0]) - 1) + " ", text)
        text = _FRACTION_OF_SUM.sub(lambda m: f"(({m[1]})/{m[2]})".rjust(len(m[0])), text)
        text = _FRACTION_BY_SUM.sub(lambda m: f"{m[1]}/({m[2]})".rjust(len(m[0])), text)
    if "\\" in text or "**" in text:
        text = _SETTING.sub(_blank, text).replace("**", " ^")
    if "(" in text:
        text = _REMARK.sub(_blank, text)
    if _GLUED.search(text) or _SPACED.search(text):
        letters = set("ghmsL" if _BARE_TERM.search(text) else _LONE.findall(text))
        text = _GLUED.sub(lambda match: match[0] if match[0] in letters else _blank(match), text)
        units = set(_RESULT_UNIT.findall(text)) - letters
        text = _SPACED.sub(lambda match: _blank(match) if match[0] in units else match[0], text)
    return _PER.sub(_blank, text) if "/" in text else text
