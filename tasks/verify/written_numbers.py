"""Numbers as people write them: with all sorts of thousands, a decimal comma, in words, in Chinese figures, with units raised to powers."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from tasks.verify.number import WORDS

_ESCAPED_SPACE = re.compile(r"(?<=\d)\\(?:u(?:00a0|2002|2003|2009|200a|202f|3000)|xa0)(?=\d)", re.IGNORECASE)
_COMMA = re.compile(r"(?<=\d)(?:\s*\{\s*,\s*\}|,\\!)\s*(?=\d{3}(?!\d))")
_THOUSANDS = re.compile(
    r"(?<![\d.,])\d{1,3}(?:(?:\\[,;: ]|\\!|~|['’]|[\u00a0\u2002\u2003\u2009\u200a\u202f ])\d{3})+(?![\d/]|\s*/\s*\d)"
)
_SEPARATOR = re.compile(r"\\[,;: !]|[~'’\s]")
_INDIAN = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d{2})+,\d{3}(?![\d,])")
_DOTTED = re.compile(r"(?<![\d.,])(-?\d{1,3}(?:\.\d{3})+),(\d+)(?![\d,])")
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(-?\d+),(\d+)(?![\d,]|\.\d)")
_COMMA_ALONE = re.compile(r"[-−]?[$€£]?\s*(?:\d+,(?:\d{1,2}|\d{4,})|0,\d+)\s*[$€£%]?\.?")
_POINT_THOUSANDS = re.compile(r"-?\d{1,3}\.\d{3}")
_POINTED = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3}){2,}(?![\d.]*\d)")
"""With two points or more, which no decimal number has."""
_POINT_ALONE = re.compile(r"[-−]?[$€£]?\s*\d*\.\d+\s*[$€£%]?\.?")
_CONTINENTAL = re.compile(
    r"[а-яА-Я]|\b(?:der|die|das|ist|und|wie|viel|viele|ein|eine|antwort|also|beträgt|el|los|las|una|cuánt\w+|respuesta|es|les|des|une|combien|réponse|est|"
    r"quant\w+|resposta|são|il|che|risposta|het|een|hoeveel|jest|ile|kolik)\b",
    re.IGNORECASE,
)
"""Signs of a language that writes decimals with a comma."""
UNIT_POWER = re.compile(
    r"(\b(?:cm|mm|dm|km|m|ft|in|inches|feet|yards?|meters?|metres?|centimeters?|units?)\}?)\s*(?:\^\s*\{?\s*[23]\s*\}?|[²³]|(?<=m)[23](?!\d)|(?<=ft)[23](?!\d))"
)
MOST_WORDS = 6
"""Of an answer whose words are read as numbers."""
_RATE = re.compile(
    r"(?<=\d)\s*(?:/\s*|per\s+)(?:year|month|week|day|hour|minute|second|mile|kg|pound|item|person|unit|piece|dozen|gallon|km)s?\.?$",
    re.IGNORECASE,
)
_SCALES = {
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
    "lakh": 10**5,
    "crore": 10**7,
}
_TENS = {
    name: 10 * at
    for at, name in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_VALUES = {name: at for at, name in enumerate(WORDS)} | _TENS
_WORD = "|".join([*_VALUES, *_SCALES])
_PHRASE = re.compile(
    rf"(?<![\w-])(?:a\s+(?=dozen|hundred|thousand|million|billion|half\b))?(?:(?:{_WORD})(?:[\s-]+(?:and\s+)?(?=(?:{_WORD})\b(?![\s-]quarters)))?)+(?:\s+and\s+(?:a\s+)?(?P<part>half|(?:one|a)[\s-](?:half|third|quarter)|three[\s-]quarters))?(?![\w-])",
    re.IGNORECASE,
)
_SCALED = re.compile(
    r"(?<![\d.,/])(-?\d[\d,]*(?:\.\d+)?)\s*(million|billion|trillion|thousand|hundred|lakh|crore)s?\b", re.IGNORECASE
)
_MIXED = re.compile(r"(?<![\w.,/])(\d+)\s+and\s+(?:a|one|1)[\s-]+(half|third|quarter)\b", re.IGNORECASE)
_PARTS = {"half": Fraction(1, 2), "third": Fraction(1, 3), "quarter": Fraction(1, 4), "quarters": Fraction(3, 4)}
_DENOMINATORS = {
    "half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "twelfth": 12,
    "hundredth": 100,
}  # fmt: skip
_PARTED = re.compile(
    rf"(?<![\w-])(?<!and )({'|'.join(['an?', *WORDS[1:]])})[\s-]+((?:{'|'.join(_DENOMINATORS)})s?|halves)(?![\w-])",
    re.IGNORECASE,
)
CHINESE_COUNT = re.compile("[零〇一二两三四五六七八九十百千万]+(?=[个個只只元块岁人天小时分钟米本颗名张枚条辆]|$)")
_CHINESE_DIGITS = {sign: at for at, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_CHINESE_SCALES = {"十": 10, "百": 100, "千": 1000}


def _close_up(match: re.Match[str]) -> str:
    return _SEPARATOR.sub("", match[0])


@lru_cache(maxsize=65_536)
def write_figures(text: str, language: str = "") -> str:
    """A text with plain figures for the numbers it writes otherwise.

    Args:
        text: An answer.
        language: A text by whose language a comma between digits is read, such as the question.

    Returns:
        The text, with the numbers rewritten and all else as it was.
    """
    if "\\" in text or "{" in text:
        text = _COMMA.sub(",", _ESCAPED_SPACE.sub(" ", text))
    text = _THOUSANDS.sub(_close_up, text)
    text = _POINTED.sub(lambda match: match[0].replace(".", ""), text)
    if "," in text:
        text = _INDIAN.sub(lambda match: match[0].replace(",", ""), text)
        text = _DOTTED.sub(lambda match: match[1].replace(".", "") + "." + match[2], text)
        if _DECIMAL_COMMA.search(text) and _CONTINENTAL.search(f"{language} {text}"):
            text = _DECIMAL_COMMA.sub(_replace_commas, text)
    text = _RATE.sub("", UNIT_POWER.sub(r"\1", text))
    if re.search(r"[a-zA-Z]{3}", text):
        text = _SCALED.sub(
            lambda match: _format_number(Fraction(match[1].replace(",", "")) * _SCALES[match[2].casefold()]), text
        )
        text = _MIXED.sub(lambda match: _format_number(int(match[1]) + _PARTS[match[2].casefold()]), text)
        if len(text.split()) <= MOST_WORDS and not re.search(r"\d", text):
            text = _PARTED.sub(lambda match: _write_part(match, language), text)
        if len(text.split()) <= MOST_WORDS and not re.search(r"\d", text) and "dozen" not in language.casefold():
            text = _PHRASE.sub(_replace_words, text)
    if not text.isascii():
        text = CHINESE_COUNT.sub(lambda match: str(read_chinese_number(match[0])), text)
    return text


def write_number_words(text: str) -> str:
    """A text with figures for its numbers in words; "one" alone mostly stands for a thing and stays, as does 4 dozen."""
    return _PHRASE.sub(_replace_number_words, text)


def _replace_number_words(match: re.Match[str]) -> str:
    counted = match.string[max(0, match.start() - 2) : match.start()].rstrip()[-1:].isdigit()
    return match[0] if counted or match[0].casefold() == "one" else _replace_words(match)


def align_decimal_mark(text: str, other: str, language: str = "") -> str:
    """A number with a comma that stands for a point, where another answer is one with a point: `2,74` beside `2.74`.

    Args:
        text: A number, or another answer.
        other: What it is compared with.
        language: A text by whose language a point may part thousands: `1.234` beside `1234`.

    Returns:
        The number with a point for its decimals; any other text as it is.
    """
    if _POINT_THOUSANDS.fullmatch(text) and text.replace(".", "") == other and _CONTINENTAL.search(language):
        return other
    if _COMMA_ALONE.fullmatch(text) and _POINT_ALONE.fullmatch(other):
        return text.replace(",", ".")
    return text


def _replace_commas(match: re.Match[str]) -> str:
    """A decimal comma as a point; three digits behind it may as well be thousands."""
    return match[0] if len(match[2]) == 3 and match[1].lstrip("-") != "0" else f"{match[1]}.{match[2]}"


def _write_part(match: re.Match[str], language: str) -> str:
    """A part in words as a fraction: three quarters; coins, where the question speaks of them, stay what they are."""
    part = match[2].casefold()
    if part.rstrip("s") in language.casefold():
        return match[0]
    count = 1 if match[1].casefold() in ("a", "an") else WORDS.index(match[1].casefold())
    return f"{count}/{_DENOMINATORS[part.rstrip('s') if part != 'halves' else 'half']}"


def _format_number(number: Fraction) -> str:
    return str(number) if number.denominator in (1, 3) else f"{float(number)!r}"


def _replace_words(match: re.Match[str]) -> str:
    whole = match[0][: match.start("part") - match.start()] if match["part"] else match[0]
    words = re.findall("[a-z]+", whole.casefold())
    total, part = Fraction(0), Fraction(0)
    current = Fraction(0)
    for word in words:
        if word in _VALUES:
            current += _VALUES[word]
        elif word == "dozen" or word == "hundred":
            current = (current or Fraction(1)) * _SCALES[word]
        elif word in _SCALES:
            total += (current or Fraction(1)) * _SCALES[word]
            current = Fraction(0)
    if match["part"]:
        part = _PARTS[re.findall("[a-z]+", match["part"].casefold())[-1]]
    return _format_number(total + current + part)


def read_chinese_number(signs: str) -> int:
    """A number in Chinese figures."""
    total, section, digit = 0, 0, 0
    for sign in signs:
        if sign in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[sign]
        elif sign == "万":
            total, section, digit = (section + digit) * 10**4, 0, 0
        else:
            section += (digit or 1) * _CHINESE_SCALES[sign]
            digit = 0
    return total + section + digit
