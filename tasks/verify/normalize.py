r"""Answers in one plain dress: Unicode's digits and signs, LaTeX's spaces and fonts, units and words round a formula."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 1000
"""Characters of an answer; a longer one is none, and would cost time."""

ROW = "\u240a"
"""Stands for the end of a matrix' row while single backslashes are looked at."""
_RAISED = re.compile("([⁻⁺]?[⁰¹²³⁴-⁹ⁿ]+)")
_LOWERED = re.compile("([₀-₉]+)")
_ROOT = re.compile(r"√\s*(\d+(?:\.\d+)?|[a-z])")
REPEATING = re.compile(r"(?<![\d.])(\d*)\.(\d*)\\(?:overline|bar|dot)\s*\{?\s*(\d+)\s*\}?")
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_SIGNS = {
    "−": "-", "–": "-", "—": "-", "‑": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "⁄": "/", "∞": "\\infty ",
    "π": "\\pi ", "√": "\\sqrt ", "∛": "\\sqrt[3]", "±": "\\pm ", "∓": "\\mp ", "≤": "\\le ", "≥": "\\ge ", "⩽": "\\le ", "⩾": "\\ge ",
    "≠": "\\ne ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ", "∅": "\\emptyset ", "°": "\\degree ", "…": "\\dots ", "⋯": "\\dots ",
    "⌊": "\\lfloor ", "⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ", "≈": "=", "θ": "\\theta ", "α": "\\alpha ", "β": "\\beta ",
    "λ": "\\lambda ", "ω": "\\omega ", "φ": "\\phi ", "，": ",", "∗": "*", "￥": "¥",
}  # fmt: skip
_ONE_BY_ONE = str.maketrans(_SIGNS)
_FONTS = re.compile(r"\\(?:mathrm|mathbf|mathit|mathsf|mathbb|operatorname|rm|bf|it)\b\s*\{([^{}]*)\}")
_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mbox|hbox)\s*\{([^{}]*)\}")
NOISE = re.compile(
    r"\\(?:left|right|big|Big|bigg|Bigg|bigl|bigr|Bigl|Bigr|displaystyle|textstyle|limits|nolimits|quad|qquad|medspace|thinspace)(?![a-zA-Z])"
    r"|\\q?quad(?=[a-zA-Z])|\\[,;:! ]|\\\(|\\\)|\\\[|\\\]|~|\$|`"
)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
NAMES = (
    (re.compile(r"\b(\d{1,4})\s+choose\s+(\d{1,4})\b"), r"\\binom{\1}{\2}"),
    (re.compile(r"\\[dtc]frac(?![a-zA-Z])"), r"\\frac"), (re.compile(r"\\[dt]binom(?![a-zA-Z])"), r"\\binom"),
    (re.compile(r"\\(?:leq|leqslant)(?![a-zA-Z])"), r"\\le "), (re.compile(r"\\(?:geq|geqslant)(?![a-zA-Z])"), r"\\ge "),
    (re.compile(r"\\(?:ldots|cdots|dotsc|dotsb)(?![a-zA-Z])|\.\.\.+"), r"\\dots "), (re.compile(r"\\(?:lvert|rvert|vert|mid)(?![a-zA-Z])"), "|"),
    (re.compile(r"\\(?:varnothing)(?![a-zA-Z])"), r"\\emptyset "), (re.compile(r"\\approx(?![a-zA-Z])"), "="),
    (re.compile(r"\^\s*\{?\s*\\(?:circ|degree)\s*\}?"), r"\\degree "), (re.compile(r"\\%"), "%"), (re.compile(r"\\#|\\&"), " "),
    (re.compile(r"(?<![a-zA-Z\\])(?:percent(?:age)?|pct)\b"), "%"), (re.compile(r"<="), r"\\le "), (re.compile(r">="), r"\\ge "), (re.compile(r"!="), r"\\ne "),
    (re.compile(r"\\(?:lt)(?![a-zA-Z])"), "<"), (re.compile(r"\\(?:gt)(?![a-zA-Z])"), ">"),
)  # fmt: skip
STARS = re.compile(r"\*\*(?=\S)([^*]+?)(?<=\S)\*\*")
_UNITS = (
    r"dollars?|cents?|euros?|pounds?|usd|eur|units?|square|cubic|sq|cu|degrees?|radians?|rad|inches|inch|in|feet|foot|ft|yards?|miles?|mi|mph|"
    r"km/h|m/s|mm|cm|dm|km|m|mg|kg|g|ml|l|meters?|metres?|centimeters?|kilometers?|millimeters?|grams?|kilograms?|lbs?|ounces?|oz|tons?|liters?|"
    r"litres?|gallons?|seconds?|secs?|s|minutes?|mins?|hours?|hrs?|h|days?|weeks?|months?|years?|people|persons?|students?|ways|times|"
    r"pm|am|p\.m\.?|a\.m\.?|points?|bucks|each"
)
_UNIT = re.compile(
    rf"(?<=[\d)}}%])\s*(?:(?:{_UNITS})(?:\s*\^\s*\{{?[23]\}}?)?\.?(?=$|[\s/,;)\]])(?:\s*/\s*[a-z]+)?\s*)+$",
    re.IGNORECASE,
)
_RATE = re.compile(r"(?<=[\d)}])\s*(?:/|per)\s*[a-z]{2,}(?:\s[a-z]+)?$", re.IGNORECASE)
_MONEY = re.compile(r"[$€£¥]|\b(?:usd|eur|rs\.?)(?=\s*\d)", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:(?:therefore|thus|hence|so|and),?\s+)?(?:the\s+)?(?:final\s+|correct\s+)?(?:answer|result|value|solution|solutions|number)?\s*(?:is|are|be|equals|:)\s*",
    re.IGNORECASE,
)
_WHERE = re.compile(r",?\s+(?:where|for all|for any|for some|such that|when|if|with)\b.*$", re.IGNORECASE | re.DOTALL)
_ABOUT = re.compile(r"^(?:about|approximately|roughly|around|nearly|exactly|only|a total of|total:?)\s+", re.IGNORECASE)


def _replace_superscripts(match: re.Match[str]) -> str:
    return "^{" + unicodedata.normalize("NFKC", match[1]).translate(_ONE_BY_ONE) + "}"


def replace_unicode(text: str) -> str:
    """A text with plain digits, signs and letters instead of Unicode's many."""
    if text.isascii():
        return text
    text = _RAISED.sub(_replace_superscripts, text)
    text = _LOWERED.sub(lambda match: "_" + unicodedata.normalize("NFKC", match[1]), text)
    text = _VULGAR.sub(lambda match: " " + unicodedata.normalize("NFKC", match[0]).replace("⁄", "/"), text)
    text = _ROOT.sub(r"\\sqrt{\1}", text).translate(_ONE_BY_ONE)
    text = "".join(
        str(unicodedata.digit(c)) if c.isdigit() and unicodedata.digit(c, None) is not None else c for c in text
    )
    return unicodedata.normalize("NFKC", text).translate(_ONE_BY_ONE)


def write_repeating_decimal(match: re.Match[str]) -> str:
    """A decimal with digits that repeat for ever, as a fraction."""
    whole, fixed, again = match.groups()
    bottom = (10 ** len(again) - 1) * 10 ** len(fixed)
    return f"(({int(whole + fixed + again)}-{int((whole + fixed) or '0')})/{bottom})"


def strip_box(text: str) -> str:
    """A text without the box round all or part of it."""
    while (match := _BOX.search(text)) is not None:
        depth = 1
        for i in range(match.end(), len(text)):
            depth += (text[i] == "{") - (text[i] == "}")
            if depth == 0:
                text = f"{text[: match.start()]} {text[match.end() : i]} {text[i + 1 :]}"
                break
        else:
            return text[: match.start()] + text[match.end() :]
    return text


def tidy(text: str) -> str:
    """An answer of at most `LONGEST` characters in plain dress, as `formula` and `shape` read it."""
    text = strip_box(replace_unicode(text[:LONGEST]).replace("\0", " ").replace("\\$", "$"))
    text = STARS.sub(r"\1", text).replace("\\\\", ROW)
    text = _FONTS.sub(r" \1 ", REPEATING.sub(write_repeating_decimal, text))
    text = (
        text.replace("{,}", ",")
        .replace(",\\!", ",")
        .replace("\\!", "")
        .replace("\\{", "\\lbrace ")
        .replace("\\}", "\\rbrace ")
    )
    text = _MONEY.sub(" ", text)
    if text.startswith("{{") and text.endswith("}}"):  # a template's calculation
        text = text[2:-2].replace("//", "/")
    for pattern, name in NAMES:
        text = pattern.sub(name, text)
    text = NOISE.sub(" ", text)
    return re.sub(r"\s+", " ", text).strip().strip("\"'").strip()


def strip_words(text: str) -> str:
    """A tidy text without the words that lead to a formula and the units and conditions behind it."""
    text = _TEXT.sub(r" \1 ", text)
    text = re.sub(r"\s+", " ", text).strip()
    text = _ABOUT.sub("", _LEAD.sub("", text, count=1), count=1)
    text = _WHERE.sub("", text, count=1)
    text = text.rstrip(" .;")
    text = _RATE.sub("", text)
    return _UNIT.sub("", text).strip()
