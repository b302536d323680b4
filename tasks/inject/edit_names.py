"""Which edits a step allows, and which edit it was that made another of it: models call any change what they were asked for.

Of eleven steps that a model of 1.5 billion parameters made wrong, six were
wrong in another way than it was told to make them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from tasks.arithmetic.equations import Equation, find_equations
from tasks.inject.carry_on import blank_formatting, read_numbers
from tasks.inject.edits import OPPOSED_WORD, Name
from tasks.inject.parameters import InjectParameters, list_edit_types

ANOTHER_KIND = "another kind of mistake"
ANOTHER_OPERAND: tuple[Name, ...] = ("another given number", "another earlier result", "another known number")
Left = tuple[str | Fraction, ...]


def list_fitting_kinds(step: str, rules: InjectParameters) -> list[str]:
    """The types of mistakes that can be made in a step; all where none can. One that rules do not know fits everywhere."""
    kinds, types = rules.list_kinds(), list_edit_types(rules)
    able = {types[name] for name in _list_possible_edits(step) if name in types}
    return [kind for kind in kinds if kind in able or kind not in types.values()] or kinds


def find_kind(old: str, new: str, asked: str, rules: InjectParameters) -> str | None:
    """The type of the mistake that is in a rewritten step.

    Args:
        old: The step as it was.
        new: The step as a model wrote it.
        asked: The type that was asked for.
        rules: The taxonomy, and the types to make.

    Returns:
        What was asked for, where that is what was done, or where rules cannot tell; else the type of what was done,
        None where the taxonomy has none for it, or several.

    """
    types = list_edit_types(rules)
    names = name_edits(old, new)
    kinds = {types[name] for name in names if name in types}
    if not names or asked in kinds:
        return asked
    if asked not in types.values() and not (names == ("another result",) and kinds):
        return asked  # of what it means rules know nothing; but a false result is one in every taxonomy that has it
    return kinds.pop() if len(kinds) == 1 else None


def name_edits(old: str, new: str) -> tuple[Name, ...]:
    """The edits by which one step may have become another, as `tasks.inject.edits` names them; none where that is not clear."""
    before, after = find_equations(blank_formatting(old)), find_equations(blank_formatting(new))
    if not before and not after:
        return _name_edits_of_words(old, new)
    if len(before) != len(after):
        return ()
    changed = [(a.left, b.left) for a, b in zip(before, after) if a.left != b.left]
    if not changed:
        same = [a.result.value for a in before] == [b.result.value for b in after]
        return () if same else ("another result",)
    # the same change again, where a calculation is written twice, is one change
    return _name_edits_of_left(*changed[0]) if len({*changed}) == 1 else ()


def _name_edits_of_left(old: Left, new: Left) -> tuple[Name, ...]:
    numbers, others = _list_numbers(old), _list_numbers(new)
    same_signs = _list_signs(old) == _list_signs(new)
    if numbers == others:
        return ("another sign", "another word")
    if Counter(numbers) == Counter(others):
        return ("swapped terms",) if same_signs else ()
    if len(others) < len(numbers):
        return ("term left out",) if Counter(others) <= Counter(numbers) else ()
    if len(others) > len(numbers) or not same_signs:
        return ()
    return ANOTHER_OPERAND if sum(a != b for a, b in zip(numbers, others)) == 1 else ("several numbers",)


def _name_edits_of_words(old: str, new: str) -> tuple[Name, ...]:
    before, after = ([number.value for number in read_numbers(step)] for step in (old, new))
    single = len(before) == len(after) and sum(a != b for a, b in zip(before, after)) == 1
    return ("another number told",) if single else ()


def _list_possible_edits(step: str) -> set[Name]:
    equations = find_equations(blank_formatting(step))
    if not equations:
        return {"another number told"} if read_numbers(step) else set()
    names: set[Name] = {"another result", *ANOTHER_OPERAND, "another sign"}
    if any(len(equation.leaves) > 1 for equation in equations):
        names.add("several numbers")
    if any(len(equation.leaves) > 2 for equation in equations):
        names.add("term left out")
    if any(_is_changed_by_order(equation) for equation in equations):
        names.add("swapped terms")
    if OPPOSED_WORD.search(step):
        names.add("another word")
    return names


def _is_changed_by_order(equation: Equation) -> bool:
    return equation.operator in ("-", "/") and len({number.value for number in equation.leaves}) > 1


def _list_numbers(left: Left) -> Sequence[Fraction]:
    return [part for part in left if isinstance(part, Fraction)]


def _list_signs(left: Left) -> Sequence[str]:
    return [part for part in left if isinstance(part, str)]
