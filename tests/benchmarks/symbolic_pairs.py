"""Symbolic pairs of known truth: gold answers rewritten, so that their value stays, and changed, so that it does not."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types import read_answer
from tasks.verify.answer_types.formulas import evaluate_exactly, list_letters

Change = Callable[[str, random.Random], str | None]


@dataclass(frozen=True)
class Pair:
    """A gold answer and another, of which it is known whether they are the same."""

    gold: str
    answer: str
    same: bool
    change: str
    """The name of what was done to gold."""
    type: str
    """The type gold was read as."""


def bare(gold: str) -> str:
    """A gold answer without the signs round it."""
    return re.sub(r"\s+", " ", gold.replace("\\quad", " ").strip().rstrip(".").replace("$", "")).strip()


def _value_type(text: str) -> bool:
    try:
        return (
            read_answer(text).type == "value"
            and "=" not in text
            and "text" not in text
            and "mbox" not in text
            and "circ" not in text
        )
    except UnreadableFormula:
        return False


def _read_whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?\d{1,15}", text) else None


def _closed(text: str) -> bool:
    try:
        return _value_type(text) and not list_letters(read_answer(text).value.tree)
    except UnreadableFormula:
        return False


def _split(text: str) -> list[str]:
    parts, depth, begun = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            parts.append(text[begun:at])
            begun = at + 1
    return [part.strip() for part in [*parts, text[begun:]]]


def _list(text: str) -> list[str] | None:
    try:
        if read_answer(text).type != "collection" or "\\pm" in text or "dots" in text or "angle" in text:
            return None
    except UnreadableFormula:
        return None
    parts = _split(text)
    return parts if len(parts) > 1 and all(parts) else None


# what keeps the value


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
    return (
        chance.choice(["the answer is {}", r"\text{{The answer is }} {}"]).format(text) if _value_type(text) else None
    )


def _unit(text: str, chance: random.Random) -> str | None:
    return (
        text + chance.choice([r"\text{ cm}", r"\text{ cm}^2", r"\ \mathrm{km/h}", r"\text{ units}", r"\,\text{m}"])
        if _closed(text)
        else None
    )


def _zero(text: str, chance: random.Random) -> str | None:
    number = chance.randint(2, 30)
    return (
        chance.choice([f"({text}) + 0", f"({text}) + {number} - {number}", f"{number} + ({text}) - {number}"])
        if _value_type(text)
        else None
    )


def _times_one(text: str, chance: random.Random) -> str | None:
    number = chance.randint(2, 9)
    return (
        chance.choice(
            [rf"\frac{{{number} \cdot ({text})}}{{{number}}}", rf"({text}) \cdot 1", rf"\frac{{{text}}}{{1}}"]
        )
        if _value_type(text)
        else None
    )


def _root(text: str, chance: random.Random) -> str | None:
    number = _read_whole(text)
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
    number = _read_whole(text)
    return (
        f"{number:,}".replace(",", chance.choice([",", "\\,", "{,}", ",\\!"]))
        if number is not None and abs(number) > 999
        else None
    )


def _reordered(text: str, chance: random.Random) -> str | None:
    parts = _list(text)
    if parts is None or any("=" in part for part in parts):
        return None
    chance.shuffle(parts)
    alike = all(re.fullmatch(r"-?\d{1,3}", part) for part in parts)  # "8,221" is a number
    return chance.choice([", ", ", " if alike else ",", r" \text{ and } "]).join(parts)


def _named(text: str, chance: random.Random) -> str | None:
    return f"{chance.choice(['x', 'y', 'S', 'A'])} = {text}" if _closed(text) else None


def _commuted(text: str, _: random.Random) -> str | None:
    match = re.fullmatch(
        r"([^+()\[\]{},=<>\\-]*(?:\\sqrt\{\d+\}|\\pi)?[^+()\[\]{},=<>\\-]*)\+([^+()\[\]{},=<>-]*(?:\{\d+\})?)", text
    )
    return (
        f"{match[2].strip()}+{match[1].strip()}"
        if match and _value_type(text) and match[1].strip() and match[2].strip()
        else None
    )


def _expanded(text: str, chance: random.Random) -> str | None:
    """By sympy, from what math-verify reads."""
    if not _value_type(text):
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

# what changes it


def _negated(text: str, _: random.Random) -> str | None:
    return f"-({text})" if _value_type(text) and text not in ("0", "\\infty") else None


def _added(text: str, chance: random.Random) -> str | None:
    return f"({text}) + {chance.randint(1, 9)}" if _value_type(text) and "infty" not in text else None


def _coefficient(text: str, chance: random.Random) -> str | None:
    return rf"{chance.randint(2, 9)}({text})" if _value_type(text) and text not in ("0", "\\infty") else None


def _exponent(text: str, chance: random.Random) -> str | None:
    number = _read_whole(text)
    if not _value_type(text) or number in (0, 1, -1) or text in ("1", "\\infty"):
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
    parts = _list(text)
    if parts is None or len(parts) != len(set(parts)):
        return None
    parts.pop(chance.randrange(len(parts)))
    return ", ".join(parts)


def _element(text: str, chance: random.Random) -> str | None:
    parts = _list(text)
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
    return f"({text}){chance.choice(['x', 'n', 'k', 'y'])}" if _value_type(text) and text != "0" else None


def _factorial(text: str, _: random.Random) -> str | None:
    number = _read_whole(text)
    return f"{number}!" if number is not None and 3 <= number < 2000 else None


def _digit(text: str, chance: random.Random) -> str | None:
    numbers = list(re.finditer(r"(?<![_^{\d])\d+(?!\d)", text)) if _closed(text) else []
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


def pairs_of(gold: str, each: int, chance: random.Random) -> Iterator[Pair]:
    """Pairs of a gold answer: with itself, rewritten (once or twice), and changed (and then dressed otherwise)."""
    try:
        type_ = read_answer(gold).type
    except UnreadableFormula:
        type_ = "not read"
    text = bare(gold)
    yield Pair(gold, gold, True, "itself", type_)
    for same, changes in ((True, KEEPING), (False, CHANGING)):
        lettered = re.fullmatch(
            r"\\text\{\([A-J]\)\}", text
        )  # behind an option's letter stands its text, whatever it is
        names = [
            name
            for name in changes
            if not (lettered and name in OPEN) and changes[name](text, random.Random(0)) is not None
        ]
        for at in range(each if names else 0):
            name = names[at % len(names)]
            answer = changes[name](text, chance)
            if answer is None:
                continue
            if chance.random() < 0.3 and name != "not understood" and (also := KEEPING["dress"](answer, chance)):
                answer = also
            yield Pair(gold, answer, same, name, type_)
