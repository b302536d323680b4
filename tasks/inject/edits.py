"""Edits: the ways in which one step of a right solution is made wrong by rules, and nothing else yet.

Numbers, signs and terms of a calculation, as RISE edits them (arXiv 2410.06638);
the number or the word of a step that calculates nothing; and whole steps, left
out or in each other's place. What follows from an edit is `injection`'s to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from random import Random
from typing import Literal, get_args

from tasks.arithmetic import context_numbers
from tasks.arithmetic.equations import Equation, PlacedNumber, find_equations, find_numbers
from tasks.classify.rules import blank_step_number

Name = Literal[
    "another result", "another given number", "another earlier result", "another known number", "another sign",
    "several numbers", "swapped terms", "term left out", "another number told", "another word", "step left out",
    "steps swapped",
]  # fmt: skip
NAMES: tuple[Name, ...] = get_args(Name)
TYPES_OF_EDITS: Mapping[Name, Mapping[str, str]] = {
    "another result": {"abacus": "calculation", "rise": "change result"},
    "another given number": {"abacus": "misread quantity", "rise": "substitution"},
    "another earlier result": {"abacus": "miscopied result", "rise": "substitution"},
    "another known number": {"abacus": "wrong operand", "rise": "substitution"},
    "another sign": {"abacus": "wrong operation", "rise": "change symbol"},
    "several numbers": {"abacus": "misread quantity", "rise": "change multiple values"},
    "swapped terms": {"abacus": "wrong operand", "rise": "swap"},
    "term left out": {"abacus": "missing step", "rise": "delete term"},
    "another number told": {"abacus": "misread quantity", "rise": "change value"},
    "another word": {"abacus": "wrong operation", "rise": "change wording"},
    "step left out": {"abacus": "missing step"},
    "steps swapped": {"abacus": "missing step"},
}
"""The type of what an edit makes, by taxonomies that have a name of their own for it."""
_OPPOSITE = {
    "add": "subtract", "adding": "subtracting", "added": "subtracted", "plus": "minus", "sum": "difference",
    "more": "fewer", "increase": "decrease", "increases": "decreases", "gains": "loses", "gain": "lose",
    "multiply": "divide", "multiplying": "dividing", "multiplied": "divided", "product": "quotient",
}  # fmt: skip
_TURNED = _OPPOSITE | {other: word for word, other in _OPPOSITE.items()} | {"less": "more"}
_SUMS = _TURNED.keys() - {
    "multiply",
    "multiplying",
    "multiplied",
    "product",
    "divide",
    "dividing",
    "divided",
    "quotient",
}
OPPOSED_WORD = re.compile(rf"\b(?:{'|'.join(sorted(_TURNED, key=len, reverse=True))})\b", re.IGNORECASE)
_SIGNED = re.compile(r"\s*(?:[-+*/×÷·−]|x)\s*")
_WRITTEN = {"*": ("×", "x", "·"), "/": ("÷",), "-": ("−",)}


@dataclass(frozen=True)
class Edit:
    """A solution with one edit, in which the results that follow from it are still the old ones."""

    name: Name
    steps: tuple[str, ...]
    at: int
    """The first wrong step, from 0."""
    through: int
    """How many characters of that step stay as they are now."""
    before: str
    """What was replaced,"""
    after: str
    """and what stands there now."""
    changed: Mapping[Fraction, Fraction]
    """Numbers that change from there on, besides the results of calculations."""


@dataclass(frozen=True)
class SolutionReading:
    """A right solution as rules read it."""

    steps: tuple[str, ...]
    equations: tuple[tuple[Equation, ...], ...]
    given: frozenset[Fraction]
    """The numbers that the problem gives, in figures, in words and by what everybody knows."""
    stated: frozenset[Fraction]
    first: frozenset[Fraction]
    """The number that all begins with."""

    def before(self, at: int) -> set[Fraction]:
        """The results of the steps before one."""
        return {equation.result.value for equations in self.equations[:at] for equation in equations}


@lru_cache(maxsize=64)  # several edits are tried of one solution, one after the other
def read_solution(question: str, steps: tuple[str, ...]) -> SolutionReading | None:
    """The solution as rules read it; None where it is not certain what follows from what."""
    read = tuple(find_equations(blank_step_number(step)) for step in steps)
    every = [equation for equations in read for equation in equations]
    results = [equation.result.value for equation in every]
    if not every or len(set(results)) < len(results):
        return None  # which of two equal numbers a later step means would be a guess
    if not all(equation.holds and equation.computed == equation.result.value for equation in every):
        return None
    given = frozenset(context_numbers.find_given_numbers(question) | context_numbers.COMMON_NUMBERS)
    first = frozenset(number.value for number in find_numbers(question)[:1])
    return SolutionReading(steps, read, given, frozenset(context_numbers.find_stated_numbers(question)), first)


def list_edits(solution: SolutionReading, names: Sequence[Name], random: Random) -> Iterator[Edit]:
    """All edits of these names; in which numbers they put, chance decides."""
    for at, equations in enumerate(solution.equations):
        for equation in equations:
            for name, spans in _list_replacements(solution, at, equation, random):
                if name in names and (edit := _replace_spans(solution, at, equation, name, spans)):
                    yield edit
        if not equations and "another number told" in names:
            yield from _misread_number(solution, at, random)
        if not equations and "another word" in names and (edit := _reverse_word(solution, at)):
            yield edit
        if "step left out" in names and (edit := _leave_out_step(solution, at)):
            yield edit
        if "steps swapped" in names and (edit := _swap_steps(solution, at)):
            yield edit


Span = tuple[int, int, str]


def _list_replacements(
    solution: SolutionReading, at: int, equation: Equation, random: Random
) -> Iterator[tuple[Name, list[Span]]]:
    """What may be replaced in one calculation."""
    step = solution.steps[at]
    results = solution.before(at) | {
        other.result.value for other in solution.equations[at] if other.end <= equation.start
    }
    for value in list_digit_slips(equation.result.value, random):
        yield "another result", [_make_span(step, equation.result, value)]
    misread = []
    for number in equation.leaves:
        earlier = number.value in results
        if earlier == (number.value in solution.stated):
            continue  # it may come from either, or from neither
        for value in list_digit_slips(number.value, random):
            if value not in solution.given | results:
                yield "another earlier result" if earlier else "another given number", [_make_span(step, number, value)]
                misread += [] if earlier else [(number, value)]
        for value in sorted(solution.stated - {leaf.value for leaf in equation.leaves}):
            if not earlier and value.denominator == 1 and not _resembles_another(solution, equation, number, value):
                yield "another known number", [_make_span(step, number, value)]
    for (first, a), (second, b) in combinations(misread, 2):
        if first != second:
            yield "several numbers", [_make_span(step, first, a), _make_span(step, second, b)]
    yield from list_term_edits(step, equation)


def _resembles_another(solution: SolutionReading, equation: Equation, number: PlacedNumber, value: Fraction) -> bool:
    """Whether with another number a calculation looks like another one of the solution, or like one done too early."""
    if value in solution.first:
        return True
    operands = {value, *(leaf.value for leaf in equation.leaves if leaf is not number)}
    others = (other for equations in solution.equations for other in equations if other is not equation)
    return any((o.operator == equation.operator and value in o.values) or operands == {*o.values} for o in others)


def list_term_edits(step: str, equation: Equation) -> Iterator[tuple[Name, list[Span]]]:
    """Signs exchanged, terms swapped, terms left out."""
    for first, second in combinations(equation.leaves, 2):
        swap = [(first.start, first.end, _get_text(step, second)), (second.start, second.end, _get_text(step, first))]
        if first.value != second.value:
            yield "swapped terms", swap
    for i, (first, second) in enumerate(zip(equation.leaves, equation.leaves[1:])):
        between = step[first.end : second.start]
        if not _SIGNED.fullmatch(between):
            continue
        for sign in "+-*/":
            yield "another sign", [(first.end, second.start, _write_sign_like(between, sign))]
        if len(equation.leaves) > 2 and not (i == 0 and step[equation.start] == "("):
            yield "term left out", [(first.end, second.end, "")]


def _get_text(step: str, number: PlacedNumber) -> str:
    return step[number.start : number.end]


def _make_span(step: str, number: PlacedNumber, value: Fraction) -> Span:
    return number.start, number.end, format_number(value, _get_text(step, number))


def format_number(value: Fraction, like: str) -> str:
    """A whole number as another one is written: with commas and decimals where that has them."""
    text = f"{value.numerator:,}" if "," in like else str(value.numerator)
    return text + "." + "0" * len(like.partition(".")[2]) if "." in like else text


def _write_sign_like(between: str, sign: str) -> str:
    """A sign with the blanks of another, and in its manner: `×` where a solution multiplies so."""
    old = between.strip()
    manner = next((others[0] for s, others in _WRITTEN.items() if s == sign and old in ("×", "÷", "·", "−")), sign)
    return between.replace(old, manner)


def _replace_spans(
    solution: SolutionReading, at: int, equation: Equation, name: Name, spans: Sequence[Span]
) -> Edit | None:
    """The edit that puts texts in their places in a calculation; None where they are the same."""
    old = solution.steps[at]
    new, end = put_spans(old, spans)
    if new == old:
        return None
    before, after = (" and ".join(texts) for texts in zip(*((old[a:b].strip(), text.strip()) for a, b, text in spans)))
    value = Fraction(after.replace(",", "")) if name == "another result" else equation.result.value
    changed = {equation.result.value: value} if name == "another result" else {}
    return Edit(name, _put_steps(solution.steps, at, new), at, end, before, after, changed)


def put_spans(text: str, spans: Sequence[Span]) -> tuple[str, int]:
    """A text with others in their places, and where the last of them ends."""
    end, shift = 0, 0
    for start, stop, new in sorted(spans):
        text = text[: start + shift] + new + text[stop + shift :]
        end = start + shift + len(new)
        shift += len(new) - (stop - start)
    return text, end


def _put_steps(steps: Sequence[str], at: int, *new: str) -> tuple[str, ...]:
    return (*steps[:at], *new, *steps[at + len(new) :])


def _misread_number(solution: SolutionReading, at: int, random: Random) -> Iterator[Edit]:
    """The one number of a step that calculates nothing, misread."""
    step = solution.steps[at]
    numbers = find_numbers(blank_step_number(step))
    earlier = {number.value for other in solution.steps[:at] for number in find_numbers(blank_step_number(other))}
    if "=" in step or len(numbers) != 1 or numbers[0].value not in solution.stated or numbers[0].value in earlier:
        return
    for value in list_digit_slips(numbers[0].value, random):
        if value not in solution.given:
            span = _make_span(step, numbers[0], value)
            new, end = put_spans(step, [span])
            texts = step[span[0] : span[1]], span[2]
            yield Edit(
                "another number told", _put_steps(solution.steps, at, new), at, end, *texts, {numbers[0].value: value}
            )


def _reverse_word(solution: SolutionReading, at: int) -> Edit | None:
    """A step of words alone that says the opposite, and the next calculation with the opposite sign."""
    step = solution.steps[at]
    words = OPPOSED_WORD.findall(blank_step_number(step))
    later = next((i for i in range(at + 1, len(solution.steps)) if solution.equations[i]), None)
    if len(words) != 1 or re.search(r"[\d=]", blank_step_number(step)) or later is None:
        return None
    equation, word = solution.equations[later][0], words[0]
    if equation.operator is None or (equation.operator in "+-") != (word.lower() in _SUMS):
        return None
    first, second = equation.leaves
    between = solution.steps[later][first.end : second.start]
    if not _SIGNED.fullmatch(between):
        return None
    sign = _write_sign_like(between, {"+": "-", "-": "+", "*": "/", "/": "*"}[equation.operator])
    other = _TURNED[word.lower()]
    other = other.capitalize() if word[0].isupper() else other
    new, _ = put_spans(step, [(step.index(word), step.index(word) + len(word), other)])
    turned, _ = put_spans(solution.steps[later], [(first.end, second.start, sign)])
    steps = _put_steps(_put_steps(solution.steps, at, new), later, turned)
    return Edit("another word", steps, at, len(new), word, other, {})


def _find_carried_number(solution: SolutionReading, at: int) -> tuple[Equation, PlacedNumber] | None:
    """The one calculation of a step, and the number that it changes: an earlier result, or what all begins with."""
    equations = solution.equations[at] if at < len(solution.steps) else ()
    if len(equations) != 1 or len(equations[0].leaves) != 2:
        return None
    context_numbers = solution.before(at) or solution.first
    stands = [leaf for leaf in equations[0].leaves if leaf.value in context_numbers]
    return (equations[0], stands[0]) if len(stands) == 1 else None


def _leave_out_step(solution: SolutionReading, at: int) -> Edit | None:
    """A step left out: the next one goes on with the number that it would have changed."""
    carried = _find_carried_number(solution, at)
    following = solution.equations[at + 1][:1] if at + 1 < len(solution.steps) else ()
    if carried is None or not any(carried[0].result.value in other.values for other in following):
        return None
    equation, stands = carried
    if any(stands.value in other.values for other in following):
        return None
    later = (_renumber_step(solution.steps, i, i - 1, solution.steps[i]) for i in range(at + 1, len(solution.steps)))
    text = solution.steps[at].strip()
    return Edit("step left out", (*solution.steps[:at], *later), at, 0, text, "", {equation.result.value: stands.value})


def _swap_steps(solution: SolutionReading, at: int) -> Edit | None:
    """Two steps in each other's place: the second does to the first's number what it should do to its result."""
    if at + 2 >= len(solution.steps):
        return None  # the last step says the answer
    carried, following = _find_carried_number(solution, at), _find_carried_number(solution, at + 1)
    if carried is None or following is None or following[1].value != carried[0].result.value:
        return None
    (equation, stands), (other, carries) = carried, following
    now, after = solution.steps[at], solution.steps[at + 1]
    # results stay where they stood: each is worked out anew from the numbers before it
    first, _ = put_spans(
        after, [_make_span(after, carries, stands.value), _make_span(after, other.result, equation.result.value)]
    )
    second, _ = put_spans(
        now, [_make_span(now, stands, equation.result.value), _make_span(now, equation.result, other.result.value)]
    )
    pair = _renumber_step(solution.steps, at + 1, at, first), _renumber_step(solution.steps, at, at + 1, second)
    return Edit("steps swapped", _put_steps(solution.steps, at, *pair), at, 0, now.strip(), after.strip(), {})


def _renumber_step(steps: Sequence[str], own: int, other: int, text: str) -> str:
    """The text of a step with the number (`2.`) of another, where steps are numbered."""
    ours, theirs = (len(steps[i]) - len(blank_step_number(steps[i]).lstrip()) for i in (own, other))
    return steps[other][:theirs] + text[ours:]


def list_digit_slips(value: Fraction, random: Random) -> list[Fraction]:
    """Other whole numbers with as many digits: digits changed round, or one digit another."""
    if value.denominator != 1 or value <= 0:
        return []
    digits = str(value.numerator)
    texts = {digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :] for i in range(len(digits) - 1)}
    for i in range(len(digits)):
        texts.add(digits[:i] + random.choice("123456789") + digits[i + 1 :])
    return sorted(Fraction(int(text)) for text in texts if text != digits and text[0] != "0")
