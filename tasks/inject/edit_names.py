"""Which edits a step allows, and which edit it was that made another of it: models call any change what they were asked for.

Of eleven steps that a model of 1.5 billion parameters made wrong, six were
wrong in another way than it was told to make them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from tasks.arithmetic.equations import Equation, find_equations
from tasks.classify.requests import Row
from tasks.inject.carry_on import blank_formatting, leads_on, read_numbers
from tasks.inject.edits import OPPOSED_WORD, Name, list_term_edits, put_spans
from tasks.inject.parameters import InjectParameters, list_edit_types

ANOTHER_KIND = "another kind of mistake"
_WORD = re.compile(r"\\?[^\W\d_]+|[$€£]")
_TIMES = ("x", r"\times", r"\cdot")
ANOTHER_OPERAND: tuple[Name, ...] = ("another given number", "another earlier result", "another known number")
Left = tuple[str | Fraction, ...]


def list_fitting_edits(row: Row, at: int, rules: InjectParameters) -> dict[str, tuple[Name, ...]]:
    """The types of mistakes that can be made in a step, each with the edits that make it there; a type that rules do not know has none, and fits everywhere."""
    types = list_edit_types(rules)
    possible = _list_possible_edits(row, at, rules)
    edits = {kind: tuple(name for name in possible if types.get(name) == kind) for kind in rules.list_kinds()}
    return {kind: names for kind, names in edits.items() if names or kind not in types.values()}


def find_kind(old: str, new: str, asked: str, rules: InjectParameters) -> str | None:
    """The type of the mistake that is in a rewritten step.

    Args:
        old: The step as it was.
        new: The step as a model wrote it.
        asked: The type that was asked for.
        rules: The taxonomy, and the types to make.

    Returns:
        What was asked for, where that is what was done, or where it is a type of which rules know nothing; else the type of what
        was done, None where that is not clear, or the taxonomy has none for it, or several.

    """
    types = list_edit_types(rules)
    names = name_edits(old, new)
    kinds = {types[name] for name in names if name in types}
    if asked in kinds:
        return asked
    if asked not in types.values() and not (names == ("another result",) and kinds):
        return asked  # a false result is one in every taxonomy that has it
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
    names = _name_edits_of_left(*changed[0]) if len({*changed}) == 1 else ()
    return ("another word",) if names == ("another sign",) and _list_words(old) != _list_words(new) else names


def is_surely_wrong(old: str, new: str) -> bool:
    """Whether a rewritten step is wrong whatever follows: it calculates falsely, or a known edit makes it say something else."""
    before, after = find_equations(blank_formatting(old)), find_equations(blank_formatting(new))
    if any(equation.holds is False for equation in after):
        return True
    same = [equation.result.value for equation in before] == [equation.result.value for equation in after]
    return bool(name_edits(old, new)) and not (after and same)


def _list_words(step: str) -> list[str]:
    return [word.lower() for word in OPPOSED_WORD.findall(step)]


def _name_edits_of_left(old: Left, new: Left) -> tuple[Name, ...]:
    numbers, others = _list_numbers(old), _list_numbers(new)
    same_signs = _list_signs(old) == _list_signs(new)
    if numbers == others:
        return ("another sign",)
    if Counter(numbers) == Counter(others):
        return ("swapped terms",) if same_signs else ()
    if len(others) < len(numbers):
        return ("term left out",) if Counter(others) <= Counter(numbers) else ()
    if len(others) > len(numbers) or not same_signs:
        return ()
    return ANOTHER_OPERAND if sum(a != b for a, b in zip(numbers, others)) == 1 else ("several numbers",)


def _name_edits_of_words(old: str, new: str) -> tuple[Name, ...]:
    before, after = ([number.value for number in read_numbers(step)] for step in (old, new))
    if before == after:
        return ("another word",) if _list_words(old) != _list_words(new) else ()
    single = len(before) == len(after) and sum(a != b for a, b in zip(before, after)) == 1
    return ("another number told",) if single else ()


def _list_possible_edits(row: Row, at: int, rules: InjectParameters) -> list[Name]:
    step = row["steps"][at]
    equations = find_equations(blank_formatting(step))
    if not equations:
        return ["another number told" if read_numbers(step) else "another word"]
    names: list[Name] = ["another result", *ANOTHER_OPERAND]
    if len(equations[-1].leaves) > 1:
        names.append("several numbers")
    if OPPOSED_WORD.search(step):
        names.append("another word")
    follows = rules.rest != "rules"
    for name, values in _list_other_results(blank_formatting(step), equations[-1]).items():
        if any(follows or leads_on(row["question"], row["steps"], at, value) for value in values):
            names.append(name)
    return names


def _list_other_results(text: str, equation: Equation) -> dict[Name, set[Fraction]]:
    """What a calculation comes to with two terms swapped, another sign, or a term left out; where it is another result."""
    results: dict[Name, set[Fraction]] = {}
    bare = _WORD.sub(lambda match: ("*" if match[0] in _TIMES else "").ljust(len(match[0])), text[: equation.end])
    for name, spans in list_term_edits(bare, equation):
        edited, _ = put_spans(bare, spans)
        computed = {other.computed for other in find_equations(edited[equation.start :])} - {equation.result.value}
        results.setdefault(name, set()).update(computed)
    return results


def _list_numbers(left: Left) -> Sequence[Fraction]:
    return [part for part in left if isinstance(part, Fraction)]


def _list_signs(left: Left) -> Sequence[str]:
    return [part for part in left if isinstance(part, str)]
