"""Changes of gold answers after which their value is another."""

from __future__ import annotations

import random
import re

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters
from tasks.verify.answer_types import read_answer
from tasks.verify.answer_types.formulas import evaluate_exactly
from tests.benchmarks.symbolic_golds import Change, is_closed, is_value, read_list, read_whole


def _negated(text: str, _: random.Random) -> str | None:
    return f"-({text})" if is_value(text) and text not in ("0", "\\infty") else None


def _added(text: str, chance: random.Random) -> str | None:
    return f"({text}) + {chance.randint(1, 9)}" if is_value(text) and "infty" not in text else None


def _coefficient(text: str, chance: random.Random) -> str | None:
    return rf"{chance.randint(2, 9)}({text})" if is_value(text) and text not in ("0", "\\infty") else None


def _exponent(text: str, chance: random.Random) -> str | None:
    number = read_whole(text)
    if not is_value(text) or number in (0, 1, -1) or text in ("1", "\\infty"):
        return None
    return f"({text})^{{{chance.randint(2, 4)}}}"


def _conditioned(text: str, chance: random.Random) -> str:
    return text + chance.choice(
        [
            r"\text{ if } n > 3",
            r"\text{ when } x \ne 0",
            r",\quad n \text{ even}",
            r"\text{ unless } k = 2",
            r"\text{ for } x > 2",
        ]
    )


def _junk(text: str, chance: random.Random) -> str:
    return text + chance.choice(
        [
            r"\text{ blorp quux}",
            r" \unknown{3}",
            " @@ 7",
            r" \star 4",
            r"\text{ or something else}",
            r" \mho",
            " ?! 3",
            r"_{\text{foo}}^{2}",
        ]
    )


def _ends(text: str, chance: random.Random) -> str | None:
    try:
        if read_answer(text).type != "interval" or not re.search(r"[\[(]", text) or "left" in text:
            return None
    except UnreadableFormula:
        return None
    ends = [
        match
        for match in re.finditer(r"[\[\]()]", text)
        if "infty" not in text[max(0, match.start() - 7) : match.end() + 8]
    ]
    if not ends:
        return None
    end = chance.choice(ends)
    return text[: end.start()] + {"[": "(", "(": "[", "]": ")", ")": "]"}[end[0]] + text[end.end() :]


def _relation(text: str, chance: random.Random) -> str | None:
    match = re.search(r"\\(?:geqslant|leqslant|geq|leq|ge|le)(?![a-z])|[<>]", text)
    if match is None:
        return None
    return (
        text[: match.start()]
        + chance.choice([sign for sign in ("<", ">", r"\ge ", r"\le ") if sign.strip()[:3] != match[0][:3]])
        + text[match.end() :]
    )


def _dropped(text: str, chance: random.Random) -> str | None:
    parts = read_list(text)
    if parts is None or len(parts) != len(set(parts)):
        return None
    parts.pop(chance.randrange(len(parts)))
    return ", ".join(parts)


def _element(text: str, chance: random.Random) -> str | None:
    parts = read_list(text)
    if parts is None:
        return None
    at = chance.randrange(len(parts))
    numbers = list(re.finditer(r"\d+", parts[at]))
    if not numbers:
        return None
    digits = numbers[-1]
    parts[at] = parts[at][: digits.start()] + str(int(digits[0]) + 1009) + parts[at][digits.end() :]
    return ", ".join(parts)


def _letter(text: str, chance: random.Random) -> str | None:
    try:
        reading = read_answer(text)
        letters = (
            sorted(list_letters(reading.value.tree))
            if reading.type == "value" and not reading.value.of and not reading.value.name
            else []
        )
    except UnreadableFormula:
        return None
    letters = [letter for letter in letters if re.fullmatch("[a-zA-Z]", letter)]
    if not letters or "text" in text:
        return None
    letter = chance.choice(letters)
    return re.sub(rf"(?<![a-zA-Z\\]){letter}(?![a-zA-Z])", "w", text)


def _with_letter(text: str, chance: random.Random) -> str | None:
    return f"({text}){chance.choice(['x', 'n', 'k', 'y'])}" if is_value(text) and text != "0" else None


def _factorial(text: str, _: random.Random) -> str | None:
    number = read_whole(text)
    return f"{number}!" if number is not None and 3 <= number < 2000 else None


def _digit(text: str, chance: random.Random) -> str | None:
    numbers = list(re.finditer(r"(?<![_^{\d])\d+(?!\d)", text)) if is_closed(text) else []
    if not numbers or re.search(r"frac\s*\d|sqrt\s*\d", text):
        return None
    chosen = chance.choice(numbers)
    changed = text[: chosen.start()] + str(int(chosen[0]) + 3) + text[chosen.end() :]
    try:
        differ = (
            evaluate_exactly(read_answer(changed).value.tree).top != evaluate_exactly(read_answer(text).value.tree).top
        )
    except (UnreadableFormula, ArithmeticError, AttributeError):
        return None
    return changed if differ else None


def _inverted(text: str, _: random.Random) -> str | None:
    match = re.fullmatch(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}", text)
    return rf"\frac{{{match[2]}}}{{{match[1]}}}" if match and match[1] != match[2] else None


def _swapped(text: str, _: random.Random) -> str | None:
    match = re.fullmatch(r"(?:\\left)?\(([^,()]+),([^,()]+?)(?:\\right)?\)", text)
    return (
        f"({match[2].strip()}, {match[1].strip()})"
        if match and match[1].strip() != match[2].strip() and "infty" not in text
        else None
    )


def _cell(text: str, chance: random.Random) -> str | None:
    numbers = list(re.finditer(r"\d+", text)) if "matrix" in text else []
    if not numbers:
        return None
    chosen = chance.choice(numbers)
    return text[: chosen.start()] + str(int(chosen[0]) + 1013) + text[chosen.end() :]


CHANGING: dict[str, Change] = {
    "sign": _negated, "number added": _added, "coefficient": _coefficient, "exponent": _exponent, "condition": _conditioned, "not understood": _junk,
    "interval end": _ends, "relation": _relation, "element dropped": _dropped, "element changed": _element, "other letter": _letter, "letter added": _with_letter,
    "factorial": _factorial, "digit": _digit, "inverted": _inverted, "swapped": _swapped, "cell": _cell,
}  # fmt: skip
OPEN = ("condition", "not understood")
"""Changes of which undecided is as good as wrong: they are not to be understood."""
