"""Steps as plain arithmetic: what only sets or names things is blotted out, so that all else stays where it is."""

from __future__ import annotations

import re
from functools import lru_cache

_NAMED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname|mbox|boxed)\s?\{([^{}]{0,200})\}")
_SETTING = re.compile(
    r"\\[()\[\]]|\\(?:left|right|displaystyle|quad|qquad)(?![a-z])|(?<![\d)\s*])\*\*(?!\*)|(?<!\*)\*\*(?![\s\d(*])"
)
_POWER = re.compile(r"\*\*")
_PLAIN = r"\d{1,12}(?:\.\d{1,9})?"
_INNER = r"[\d.,+\-*/() ]{1,80}"
_FRACTION_OF_SUM = re.compile(rf"\\[dt]?frac\{{({_INNER})\}}\{{({_PLAIN})\}}")
_FRACTION_BY_SUM = re.compile(rf"\\[dt]?frac\{{({_PLAIN})\}}\{{({_INNER})\}}")
_UNITS = "lbs?|kgs?|mg|g|ml|mL|L|cl|cm|mm|km|m|oz|ft|mi|hrs?|mins?|secs?|cents?|GB|MB|mph"
_GLUED = re.compile(rf"(?<=\d)(?:{_UNITS})(?![\w(^])")
_LONE = re.compile(r"(?<!\d\s)(?<![\w\\/])[mgL](?![\w'])")
"""Letters that stand alone: variables, and no units."""
_REMARK = re.compile(r"(?<=[\w.]\s)\([^\W\d_][^\W\d_ ,'-]{2}[^\W\d_ ,'-]{0,20}(?:[ ,'-]{1,2}[^\W\d_]{1,20}){0,8}\)")
_PER = re.compile(r"/\s?(?=[^\W\d_]{2})")


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
    for _ in range(2):  # \boxed{\text{…}}
        text = _NAMED.sub(lambda m: m[1].rjust(len(m[0]) - 1) + " ", text)
    if "\\" in text:
        text = _FRACTION_OF_SUM.sub(lambda m: f"(({m[1]})/{m[2]})".rjust(len(m[0])), text)
        text = _FRACTION_BY_SUM.sub(lambda m: f"{m[1]}/({m[2]})".rjust(len(m[0])), text)
    text = _SETTING.sub(_blank, text)
    text = _POWER.sub(" ^", text)
    text = _REMARK.sub(_blank, text)
    letters = set(_LONE.findall(text))
    text = _GLUED.sub(lambda match: match[0] if match[0] in letters else " " * len(match[0]), text)
    return _PER.sub(_blank, text)
