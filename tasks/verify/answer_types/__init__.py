"""What answers are, by type: how each is read, whole, and when two are the same. A new type is one file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters
from tasks.verify.answer_types.amounts import AMOUNTS
from tasks.verify.answer_types.antiderivatives import (
    ANTIDERIVATIVE,
    Antiderivative,
    compare_antiderivatives,
    read_constant,
)
from tasks.verify.answer_types.base import NOT_READ, UNKNOWN, AnswerType, Finding, Reading, combine_findings
from tasks.verify.answer_types.based import BASED, compare_based_to_formula
from tasks.verify.answer_types.cases import CASES
from tasks.verify.answer_types.collection import COLLECTION, Collection
from tasks.verify.answer_types.dates import DATE
from tasks.verify.answer_types.equations import EQUATION, compare_equation_to_formula, compare_formula_to_equation
from tasks.verify.answer_types.families import FAMILY
from tasks.verify.answer_types.formulas import Formula, compare_formulas
from tasks.verify.answer_types.intervals import REGION
from tasks.verify.answer_types.matrix import MATRIX, compare_matrix_to_tuple
from tasks.verify.answer_types.nothing import NOTHING
from tasks.verify.answer_types.options import OPTION, compare_option_to_value
from tasks.verify.answer_types.ratio import RATIO, compare_ratios
from tasks.verify.answer_types.regions import Region, as_region, compare_regions
from tasks.verify.answer_types.residue import RESIDUE
from tasks.verify.answer_types.text import WORDS
from tasks.verify.answer_types.time_of_day import TIME, Clock
from tasks.verify.answer_types.values import VALUE
from tasks.verify.answer_types.vectors import VECTOR, compare_vector_to_matrix, compare_vector_to_tuple
from tasks.verify.answer_types.yes_or_no import YES_OR_NO
from tasks.verify.plain_text import normalize_answer

ANSWER_TYPES: dict[str, AnswerType] = {
    answer_type.name: answer_type
    for answer_type in (
        NOTHING, YES_OR_NO, OPTION, DATE, BASED, RESIDUE, TIME, MATRIX, VECTOR, CASES, ANTIDERIVATIVE, FAMILY, REGION, RATIO, EQUATION, COLLECTION, AMOUNTS, VALUE, WORDS,
    )
}  # fmt: skip
"""In the order in which an answer is tried to be read as them."""


@lru_cache(maxsize=65_536)
def read_answer(answer: str) -> Reading:
    """The reading of an answer.

    Args:
        answer: The answer as it stands in a text, LaTeX or plain.

    Returns:
        Its type and its value as that type; nothing of it is left over.

    Raises:
        Unreadable: where it cannot be read whole as an answer of any type, with what is left over.
    """
    text = normalize_answer(answer)
    if not text:
        raise UnreadableFormula("empty")
    rest = ""
    for answer_type in ANSWER_TYPES.values():
        try:
            value = answer_type.read(text)
        except (UnreadableFormula, RecursionError, ValueError, TypeError, ArithmeticError, LookupError) as error:
            rest = rest or str(error)
            continue
        if value is not None:
            return Reading(answer_type.name, value)
    raise UnreadableFormula(rest or text)


def compare_answers(gold: str, answer: str) -> Finding:
    """Whether two answers are the same: both read whole, compared as values of a type."""
    try:
        gold_reading = read_answer(gold)
    except UnreadableFormula:
        return Finding("gold unparsable", "expression")
    try:
        answer_reading = read_answer(answer)
    except UnreadableFormula:
        return Finding(NOT_READ, ANSWER_TYPES[gold_reading.type].rule)
    try:
        return compare_readings(gold_reading, answer_reading)
    except (ArithmeticError, ValueError, TypeError, LookupError, RecursionError):  # no answer may end a build
        return Finding("comparison failed", ANSWER_TYPES[gold_reading.type].rule)


def compare_readings(gold: Reading, answer: Reading) -> Finding:
    """Whether two readings are the same."""
    if gold.type == answer.type:
        return ANSWER_TYPES[gold.type].compare(gold.value, answer.value)
    if across := _ACROSS.get((gold.type, answer.type)):
        return across(gold.value, answer.value)
    if turned := _ACROSS.get((answer.type, gold.type)):
        return turned(answer.value, gold.value)
    return Finding("other type", ANSWER_TYPES[gold.type].rule)


def _compare_value_and_collection(value: Formula, collection: Collection) -> Finding:
    """A set with gold among its members does not say which is meant."""
    if len(collection.parts) == 1:
        return combine_findings(
            [compare_formulas(value, part) if isinstance(part, Formula) else "different" for part in collection.parts],
            "set",
        )
    replies = {compare_formulas(value, part) if isinstance(part, Formula) else "different" for part in collection.parts}
    if replies == {"different"}:
        return Finding("different", "set", True)
    return Finding("several answers" if "equal" in replies else UNKNOWN, "set")


def _compare_collection_and_value(collection: Collection, value: Formula) -> Finding:
    if len(collection.parts) == 1:
        return _compare_value_and_collection(value, collection)
    different = len(collection.parts) > 1
    return Finding("different" if different else UNKNOWN, "set", different)


def _compare_region_and_collection(region: Any, collection: Collection) -> Finding:
    """A pair in brackets beside intervals is one."""
    pair = [part.tree for part in collection.parts if isinstance(part, Formula)]
    if not isinstance(region, Region):
        return Finding("other type", "relation")
    if collection.form in ("()", "[]") and len(pair) == len(collection.parts) == 2:
        return compare_regions(region, as_region(collection.form, pair[0], pair[1]))
    return Finding("different", "interval", False)


def _compare_region_and_value(region: Any, value: Formula) -> Finding:
    if isinstance(region, Region) and region.pieces and not list_letters(value.tree):
        return Finding("different", "relation", True)
    return Finding("different", "relation", False)


def _compare_ratio_and_value(ratio: tuple[Formula, ...], value: Formula) -> Finding:
    if len(ratio) != 2:
        return Finding(UNKNOWN, "ratio")
    return combine_findings([compare_formulas(Formula(("over", ratio[0].tree, ratio[1].tree)), value)], "ratio")


def _compare_ratio_and_time(ratio: tuple[Formula, ...], clock: Clock) -> Finding:
    if clock.half or len(ratio) != 2:
        return Finding(UNKNOWN, "ratio")
    parts = tuple(Formula(("number", Fraction(number))) for number in (clock.hour, clock.minute))
    return compare_ratios(ratio, parts)


def _compare_residue_and_value(residue: tuple[Formula, Formula], value: Formula) -> Finding:
    return (
        combine_findings([compare_formulas(residue[0], value)], "congruence")
        if compare_formulas(residue[0], value) == "equal"
        else Finding(UNKNOWN, "congruence")
    )


def _compare_nothing_and_other(_: str, __: Any) -> Finding:
    return Finding("different", "set", True)


def _compare_words_and_value(words: tuple[str, ...], value: Formula) -> Finding:
    letters = _spell(value.tree)
    if len(words) == 1 and letters == words[0]:
        return Finding("equal", "text", True)
    both_letters = len(words) == 1 and len(words[0]) == 1 and value.tree[0] == "letter"
    return Finding("different", "text", True) if both_letters else Finding(UNKNOWN, "text")


def _spell(tree: Tree) -> str:
    """The word that a product of letters may be; empty for all else."""
    if tree[0] == "letter" or tree in (("constant", "e"), ("constant", "i")):
        return str(tree[1]).casefold()
    if tree[0] == "times":
        parts = [_spell(part) for part in tree[1:]]
        return "".join(parts) if all(parts) else ""
    return ""


def _compare_antiderivative_and_value(gold: Antiderivative, answer: Formula) -> Finding:
    if other := read_constant(answer, gold.body):
        return compare_antiderivatives(gold, other)
    reply = compare_formulas(gold.whole(), answer)
    return Finding(
        "constant missing" if compare_formulas(gold.body, answer) == "equal" else reply,
        "antiderivative",
        reply == "different",
    )


def _compare_value_and_antiderivative(gold: Formula, answer: Antiderivative) -> Finding:
    return combine_findings([compare_formulas(gold, answer.whole())], "expression")


_ACROSS: dict[tuple[str, str], Callable[[Any, Any], Finding]] = {
    ("value", "collection"): _compare_value_and_collection,
    ("collection", "value"): _compare_collection_and_value,
    ("matrix", "collection"): compare_matrix_to_tuple,
    ("vector", "collection"): compare_vector_to_tuple,
    ("vector", "matrix"): compare_vector_to_matrix,
    ("interval", "collection"): _compare_region_and_collection,
    ("interval", "value"): _compare_region_and_value,
    ("ratio", "value"): _compare_ratio_and_value,
    ("ratio", "time of day"): _compare_ratio_and_time,
    ("residue", "value"): _compare_residue_and_value,
    ("equation", "value"): compare_equation_to_formula,
    ("value", "equation"): compare_formula_to_equation,
    ("number in a base", "value"): compare_based_to_formula,
    ("antiderivative", "value"): _compare_antiderivative_and_value,
    ("value", "antiderivative"): _compare_value_and_antiderivative,
    ("nothing", "value"): _compare_nothing_and_other,
    ("nothing", "collection"): _compare_nothing_and_other,
    ("nothing", "interval"): _compare_nothing_and_other,
    ("text", "value"): _compare_words_and_value,
    ("option", "value"): compare_option_to_value,
}
"""Of two different types: how values of the first are compared with those of the second."""
