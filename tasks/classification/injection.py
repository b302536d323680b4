"""A right solution made wrong in one place: one number or sign of one calculation, and what follows from it.

After the edited step every number that came from it is worked out anew, so that
the solution goes on as if nothing were wrong. Words, layout and all other
numbers stay as they are: nothing but the arithmetic tells it from a right one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Literal, get_args

from tasks.classification import known
from tasks.classification.equations import Equation, Number, equations, numbers
from tasks.classification.repair import worked
from tasks.classification.rules import unlabelled

Kind = Literal["calculation", "misread quantity", "miscopied result", "wrong operation"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds, of the taxonomy `abacus`, that rules can make."""


FACTOR = 4
"""A result is at most so many times as large or as small as the one it replaces: larger numbers give mistakes away."""


@dataclass(frozen=True)
class Injected:
    """A solution with a mistake made on purpose."""

    steps: tuple[str, ...]
    at: int
    """The first wrong step, from 0."""
    kind: str
    before: str
    """The characters that were replaced,"""
    after: str
    """and those that stand there now."""


@dataclass(frozen=True)
class _Edit:
    kind: str
    at: int
    number: int
    """Which equation of the step."""
    start: int
    end: int
    text: str
    value: Fraction
    """What the calculation is then said to come to."""


def injected(
    question: str, steps: Sequence[str], answer: Fraction, kinds: Sequence[str], random: Random
) -> Injected | None:
    """A wrong solution from a right one; None where no edit leads to another answer and stays plausible."""
    read = [equations(unlabelled(step)) for step in steps]
    if not any(read) or not all(one.holds and one.operator for some in read for one in some):
        return None
    results = [one.result.value for some in read for one in some]
    if len(set(results)) < len(results):
        return None  # which of two equal numbers a later step means would be a guess
    edits = list(_edits(question, read, kinds, random))
    random.shuffle(edits)
    for kind in random.sample(list(kinds), len(kinds)):  # each kind as often, however many its edits
        for edit in edits:
            if edit.kind == kind and (made := _made(question, steps, read, edit, answer)):
                return made
    return None


def _edits(question: str, read: Sequence[Sequence[Equation]], kinds: Sequence[str], random: Random) -> Iterator[_Edit]:
    """Edits of single calculations whose results look like those of the calculation before."""
    there, stated = known.given(question) | known.EVERYBODY_KNOWS, known.stated(question)
    results: set[Fraction] = set()
    for at, some in enumerate(read):
        for i, one in enumerate(some):
            assert one.operator is not None
            left, right = one.operands
            for value in _slips(one.result.value, random):
                yield _Edit("calculation", at, i, one.result.start, one.result.end, str(value), value)
            for k, number in enumerate(one.leaves):
                earlier = number.value in results
                kind = "miscopied result" if earlier else "misread quantity"
                if earlier == (number.value in stated):
                    continue  # it may come from either, or from neither
                for value in _slips(number.value, random):
                    found = worked(one.operator, *((value, right) if k == 0 else (left, value)))
                    if value not in there | results and _fits(found, one) and found is not None:
                        yield _Edit(kind, at, i, number.start, number.end, str(value), found)
            sign = one.leaves[0].end, one.leaves[1].start
            for operator in "+-*/":
                found = worked(operator, left, right)
                if operator != one.operator and left != right and _fits(found, one) and found is not None:
                    yield _Edit("wrong operation", at, i, *sign, f"\0{operator}", found)
            results.add(one.result.value)


def _fits(value: Fraction | None, one: Equation) -> bool:
    """Whether a result looks like the one that it replaces: another number, whole, above 0, not out of all proportion."""
    if value is None or value.denominator != 1 or value <= 0 or value == one.result.value:
        return False
    return one.result.value <= FACTOR * value <= FACTOR**2 * one.result.value


def _slips(value: Fraction, random: Random) -> list[Fraction]:
    """Other whole numbers with as many digits: digits changed round, or one digit another."""
    if value.denominator != 1 or value <= 0:
        return []
    digits = str(value.numerator)
    found = {digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :] for i in range(len(digits) - 1)}
    for i in range(len(digits)):
        found.add(digits[:i] + random.choice("123456789") + digits[i + 1 :])
    return sorted(Fraction(int(one)) for one in found if one != digits and one[0] != "0")


def _made(
    question: str, steps: Sequence[str], read: Sequence[Sequence[Equation]], edit: _Edit, answer: Fraction
) -> Injected | None:
    """The solution with an edit and all that follows from it; None where that is not certain or changes no answer."""
    wrong = read[edit.at][edit.number]
    if edit.kind == "calculation" and edit.value == wrong.result.value:
        return None
    changed = {wrong.result.value: edit.value}
    kept = {one.value for step in (question, *steps[: edit.at]) for one in numbers(unlabelled(step))}
    rest = [(edit.at, one) for one in read[edit.at][edit.number + 1 :]]
    rest += [(at, one) for at in range(edit.at + 1, len(steps)) for one in read[at]]
    for _, one in rest:
        assert one.operator is not None
        found = worked(one.operator, *(changed.get(operand, operand) for operand in one.operands))
        if found is None or (found != one.result.value and not _fits(found, one)):
            return None
        if found != one.result.value:
            changed[one.result.value] = found
    if answer not in changed or changed[answer] == answer or kept & set(changed):
        return None
    text = steps[edit.at]
    first, before, after = _edited(text, wrong, edit, changed)
    new = [*steps[: edit.at], first, *(_renewed(step, 0, changed) for step in steps[edit.at + 1 :])]
    return Injected(tuple(new), edit.at, edit.kind, before, after)


def _edited(text: str, wrong: Equation, edit: _Edit, changed: dict[Fraction, Fraction]) -> tuple[str, str, str]:
    """The edited step, what was replaced in it, and by what; results after the edit are renewed."""
    before, after = text[edit.start : edit.end], edit.text
    if after.startswith("\0"):
        sign = next(char for char in before if not char.isspace())
        written = {"*": before.strip() if sign in "x×" else "*"}
        after = before.replace(before.strip(), written.get(after[1], after[1]))
    end = max(edit.end, wrong.leaves[-1].end) if edit.kind != "calculation" else edit.end
    middle = text[edit.end : end]
    return text[: edit.start] + after + middle + _renewed(text[end:], 0, changed), before, after


def _renewed(text: str, start: int, changed: dict[Fraction, Fraction]) -> str:
    """A text whose numbers from a place on are worked out anew; the number of the step stays."""
    found = text[:start]
    at = start
    for one in _plain(text):
        if one.start >= start and one.value in changed:
            found += text[at : one.start] + str(changed[one.value])
            at = one.end
    return found + text[at:]


def _plain(text: str) -> list[Number]:
    return numbers(unlabelled(text))
