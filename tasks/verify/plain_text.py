r"""Answers in one plain form that keeps all they say: Unicode's and LaTeX's signs, thousands, words as words.

Nothing is left out here but what has no meaning: spaces, fonts, sizes, delimiters of mathematics. Words in `\text{…}`
stand in ⟨…⟩, so that no formula takes them for letters.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tasks.verify.algebra.tokens import FUNCTIONS
from tasks.verify.normalize import (
    LONGEST,
    NAMES,
    NOISE,
    REPEATING,
    ROW,
    STARS,
    replace_unicode,
    strip_box,
    write_repeating_decimal,
)

OPEN, CLOSE = "\u27e8", "\u27e9"
"""Round words that no formula may take for letters."""
_ESCAPED_SPACE = re.compile(r"(?<=\d)\\(?:u(?:00a0|2002|2003|2009|200a|202f|3000)|xa0)(?=\d)", re.IGNORECASE)
_COMMA = re.compile(r"(?<=\d)(?:\s*\{\s*,\s*\}|,\\!)\s*(?=\d{3}(?!\d))")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:(?:\\[,;: ]|~|['’]|\s|\\!)\d{3})+(?!\d)(?![ ]?\\?/)")
_SEPARATOR = re.compile(r"\\[,;: !]|~|['’]|\s")
_FONT = re.compile(r"\\(?:mathrm|mathbf|mathit|mathsf|mathcal|boldsymbol|operatorname\*?|rm|bf|it)\b\s*\{([^{}]*)\}")
_REALS = re.compile(r"\\(?:mathbb|mathbf|mathrm|Bbb)\s*\{?\s*(R|Z|N|Q|C)\s*\}?(?![a-zA-Z])|([ℝℤℕℚℂ])")
_SETS = {"R": "\\reals ", "Z": "\\integers ", "N": "\\naturals ", "Q": "\\rationals ", "C": "\\complexes ",
         "ℝ": "\\reals ", "ℤ": "\\integers ", "ℕ": "\\naturals ", "ℚ": "\\rationals ", "ℂ": "\\complexes "}  # fmt: skip
_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|textsf|texttt|textnormal|mbox|hbox)\s*\{([^{}]*)\}")
_TEMPERATURE = re.compile(rf"\\degree\s*{OPEN}?\s*([CF])\s*{CLOSE}?(?![a-zA-Z])")
_SCALES = {"C": "celsius", "F": "fahrenheit"}
_HAT = re.compile(
    r"\\(?:hat|vec|overrightarrow|bm|mathbf|boldsymbol|widehat)\s*\{?\s*(?:\\mathbf\s*\{?\s*|\\boldsymbol\s*\{?\s*)?\\?([ijk])(?:math)?\s*\}{0,2}(?![a-zA-Z])"
)
"""Axes of a vector: `\\hat{i}`, `\\mathbf{j}`."""
_DOUBLED = re.compile(
    r"(?<!\\)\\\\(?=(?:[dtc]?frac|sqrt|left|right|text|mathrm|mathbb|mathbf|pi|cdot|times|infty|cup|cap|in|leq?|geq?|neq?|begin|end|pm|circ|binom|boxed|log|ln|"
    r"sin|cos|tan|theta|alpha|beta|approx|emptyset|overline)(?![a-zA-Z]))"
)
"""Two backslashes before a command: a text whose backslashes were escaped once more."""
_LETTER_UNIT = re.compile(
    r"(?:(?<=[\d})])|(?<=\\pi))(?:\\[,;: ]|~|\s|\\cdot)*\\(?:mathrm|mathsf|rm)\s*\{\s*([mgslhLNJWVKCA])\s*\}"
)
"""A unit of one letter, which upright letters behind a number are."""
_INFINITY = re.compile(
    rf"{OPEN}\s*(?:(positive|plus|negative|minus)\s+)?infinity\s*{CLOSE}|(?<![a-zA-Z])(positive|negative|minus)\s+infinity(?![a-zA-Z])",
    re.IGNORECASE,
)
_GLUED_OR = re.compile(r"(?<=[\d)}])or(?=[A-Za-z(\d\\-])")
_IMPLIES = re.compile(r"=>|⇒|⟹|\\(?:Rightarrow|implies|Longrightarrow)(?![a-zA-Z])")
_ENDS = re.compile(
    r"(?:\\(?:blacksquare|square|qed|checkmark)(?![a-zA-Z])|[■□∎✓✅☑\U0001F300-\U0001FAFF\u2600-\u27BF])\s*$"
)


def _close_up(match: re.Match[str]) -> str:
    return _SEPARATOR.sub("", match[0])


def _replace_font(match: re.Match[str]) -> str:
    inside = match[1].strip()
    if re.fullmatch(r"[A-Za-z]?|[^A-Za-z]*", inside) or inside.casefold() in FUNCTIONS:
        return f" {inside} "
    return f" {OPEN}{inside}{CLOSE} "


def _replace_words(match: re.Match[str]) -> str:
    inside = match[1].strip()
    if not re.search(r"[^\W\d_]", inside):
        return f" {inside} "
    return f" {OPEN}{inside}{CLOSE} "


def read_last_implication(answer: str) -> str:
    """What an answer comes to at last: of `2N = 20 => N = 10` what stands behind the last arrow."""
    parts = [part for part in _IMPLIES.split(answer) if part.strip()]
    return parts[-1].strip() if len(parts) > 1 else answer


@lru_cache(maxsize=65_536)
def normalize_answer(answer: str) -> str:
    """An answer of at most `LONGEST` characters in plain form; of a longer one nothing."""
    if len(answer) > LONGEST:
        return ""
    if answer.startswith("{{") and answer.endswith("}}"):  # a template's calculation
        answer = answer[2:-2].replace("//", "/")
    answer = _GLUED_OR.sub(" or ", _DOUBLED.sub(r"\\", read_last_implication(answer)))
    answer = _HAT.sub(r" \1 ", answer)
    text = _REALS.sub(lambda match: _SETS[match[1] or match[2]], answer.replace("\0", "\ufffd").replace("\\$", "$"))
    text = _THOUSANDS.sub(_close_up, _COMMA.sub(",", _ESCAPED_SPACE.sub(" ", text)))
    text = text.replace("≈", " \\approx ").replace("≃", " \\approx ").replace("≅", " \\approx ")
    text = text.replace("≡", " \\equiv ")
    while (shorter := _ENDS.sub("", text.rstrip())) != text:
        text = shorter
    text = strip_box(replace_unicode(text))
    text = _COMMA.sub(",", _THOUSANDS.sub(_close_up, text))
    text = STARS.sub(r"\1", text).replace("\\\\", ROW)
    text = _LETTER_UNIT.sub(rf" {OPEN}\1{CLOSE}", REPEATING.sub(write_repeating_decimal, text))
    for _ in range(2):
        text = _TEXT.sub(_replace_words, _FONT.sub(_replace_font, text))
    text = re.sub(rf"{CLOSE}\s*{OPEN}", " ", text)
    text = _INFINITY.sub(
        lambda match: " -\\infty " if (match[1] or match[2] or "").casefold() in ("negative", "minus") else " \\infty ",
        text,
    )
    text = text.replace("\\{", "\\lbrace ").replace("\\}", "\\rbrace ")
    text = re.sub(r"\\approxeq|\\simeq", r"\\approx ", text)
    for pattern, name in NAMES:
        if "approx" not in pattern.pattern:
            text = pattern.sub(name, text)
    text = NOISE.sub(" ", text)
    text = _TEMPERATURE.sub(lambda match: f" {OPEN}{_SCALES[match[1]]}{CLOSE}", text)
    return re.sub(r"\s+", " ", text).strip().strip("\"'").rstrip(".;, ").strip()
