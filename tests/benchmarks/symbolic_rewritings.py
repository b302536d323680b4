"""Rewritings of gold answers that keep their value."""

from __future__ import annotations

import random
import re

from tasks.verify.algebra.trees import list_letters
from tasks.verify.answer_types import read_answer
from tests.benchmarks.symbolic_golds import Change, is_closed, is_value, read_list, read_whole


def _spaces(text: str, chance: random.Random) -> str:
    space = chance.choice([" ", "\\,", "\\ ", "\\;", "~"])
    return (
        re.sub(r"(?<=[\d}])\s*([+=])\s*(?=[\d\\])", lambda match: f"{space}{match[1]}{space}", text)
        if "text" not in text
        else f" {text} "
    )


def _fractions(text: str, chance: random.Random) -> str | None:
    return (
        re.sub(r"\\[dt]?frac(?=\{)", lambda _: chance.choice([r"\dfrac", r"\tfrac", r"\frac"]), text)
        if "frac" in text
        else None
    )


def _slash(text: str, _: random.Random) -> str | None:
    changed = re.sub(r"\\[dt]?frac\{(-?\d+)\}\{(\d+)\}", r"(\1/\2)", text)
    return changed if changed != text and not re.search(r"\d\s*\(", changed) else None


def _sized(text: str, _: random.Random) -> str | None:
    if "left" in text or "lfloor" in text or "\\(" in text:
        return text.replace("\\left", "").replace("\\right", "") if "lfloor" not in text else None
    return (
        re.sub(r"[)\]]", r"\\right\g<0>", re.sub(r"(?<!\\)[(\[]", r"\\left\g<0>", text))
        if re.search(r"[(\[]", text) and "sqrt[" not in text
        else None
    )


def _dressed(text: str, chance: random.Random) -> str:
    return chance.choice(["${}$", r"\boxed{{{}}}", r"$\displaystyle {}$", r"\( {} \)", r"$$ {} $$", "{}."]).format(text)


def _in_words(text: str, chance: random.Random) -> str | None:
    return chance.choice(["the answer is {}", r"\text{{The answer is }} {}"]).format(text) if is_value(text) else None


def _unit(text: str, chance: random.Random) -> str | None:
    return (
        text + chance.choice([r"\text{ cm}", r"\text{ cm}^2", r"\ \mathrm{km/h}", r"\text{ units}", r"\,\text{m}"])
        if is_closed(text)
        else None
    )


def _zero(text: str, chance: random.Random) -> str | None:
    number = chance.randint(2, 30)
    return (
        chance.choice([f"({text}) + 0", f"({text}) + {number} - {number}", f"{number} + ({text}) - {number}"])
        if is_value(text)
        else None
    )


def _times_one(text: str, chance: random.Random) -> str | None:
    number = chance.randint(2, 9)
    return (
        chance.choice(
            [rf"\frac{{{number} \cdot ({text})}}{{{number}}}", rf"({text}) \cdot 1", rf"\frac{{{text}}}{{1}}"]
        )
        if is_value(text)
        else None
    )


def _root(text: str, chance: random.Random) -> str | None:
    number = read_whole(text)
    return rf"\sqrt{{{number * number}}}" if number is not None and 0 < number < 10**5 else None


def _unreduced(text: str, chance: random.Random) -> str | None:
    factor = chance.randint(2, 12)
    changed = re.sub(
        r"\\[dt]?frac\{(-?\d+)\}\{(\d+)\}", lambda m: rf"\frac{{{int(m[1]) * factor}}}{{{int(m[2]) * factor}}}", text
    )
    return changed if changed != text else None


def _unicode(text: str, _: random.Random) -> str | None:
    changed = re.sub(
        r"\\sqrt\{(\d+)\}", r"√\1", text.replace("\\pi", "π").replace("\\infty", "∞").replace("\\cup", "∪")
    ).replace("-", "−")
    return changed if changed != text else None


def _thousands(text: str, chance: random.Random) -> str | None:
    number = read_whole(text)
    return (
        f"{number:,}".replace(",", chance.choice([",", "\\,", "{,}", ",\\!"]))
        if number is not None and abs(number) > 999
        else None
    )


def _reordered(text: str, chance: random.Random) -> str | None:
    parts = read_list(text)
    if parts is None or any("=" in part for part in parts):
        return None
    chance.shuffle(parts)
    alike = all(re.fullmatch(r"-?\d{1,3}", part) for part in parts)  # "8,221" is a number
    return chance.choice([", ", ", " if alike else ",", r" \text{ and } "]).join(parts)


def _named(text: str, chance: random.Random) -> str | None:
    return f"{chance.choice(['x', 'y', 'S', 'A'])} = {text}" if is_closed(text) else None


def _commuted(text: str, _: random.Random) -> str | None:
    match = re.fullmatch(
        r"([^+()\[\]{},=<>\\-]*(?:\\sqrt\{\d+\}|\\pi)?[^+()\[\]{},=<>\\-]*)\+([^+()\[\]{},=<>-]*(?:\{\d+\})?)", text
    )
    return (
        f"{match[2].strip()}+{match[1].strip()}"
        if match and is_value(text) and match[1].strip() and match[2].strip()
        else None
    )


def _expanded(text: str, chance: random.Random) -> str | None:
    """By sympy, from what math-verify reads."""
    if not is_value(text):
        return None
    import sympy  # type: ignore[import-untyped]
    from math_verify import parse

    try:
        expressions = [
            expression for expression in parse(f"${text}$", parsing_timeout=None) if isinstance(expression, sympy.Expr)
        ]
        if not expressions or expressions[0].has(sympy.zoo, sympy.nan):
            return None
        changed = chance.choice([sympy.expand, sympy.factor, sympy.together, sympy.nsimplify])(expressions[0])
        # math-verify reads R as r
        same_letters = {str(symbol) for symbol in changed.free_symbols} == list_letters(read_answer(text).value.tree)
        return str(sympy.latex(changed)) if same_letters else None
    except Exception:
        return None


KEEPING: dict[str, Change] = {
    "spaces": _spaces, "fraction signs": _fractions, "slash": _slash, "sized brackets": _sized, "dress": _dressed, "words": _in_words, "unit": _unit,
    "plus zero": _zero, "times one": _times_one, "root of a square": _root, "not reduced": _unreduced, "Unicode": _unicode, "thousands": _thousands, "order": _reordered,
    "name": _named, "commuted": _commuted, "sympy": _expanded,
}  # fmt: skip
