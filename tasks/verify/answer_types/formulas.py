"""Formulas as parts of answers: read whole, with the unit behind them and the approximation beside them, and compared."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from tasks.verify.algebra.bounds import bound_rationally, is_equal_within_bounds, is_surely_different
from tasks.verify.algebra.exact import evaluate_tree, subtract
from tasks.verify.algebra.formula import Tree, parse_formula
from tasks.verify.algebra.rounding import may_be_rounded
from tasks.verify.algebra.sums import TooLarge, Undefined, is_independent
from tasks.verify.algebra.tokens import FUNCTIONS, GREEK, UnreadableFormula
from tasks.verify.algebra.trees import list_bound_letters, list_letters, replace_letter
from tasks.verify.algebra.values import Value
from tasks.verify.answer_types.base import ALIKE, UNKNOWN, split_outside
from tasks.verify.answer_types.unit_names import without_unit

DOTS: Tree = ("dots",)
INFINITY: Tree = ("constant", "infinity")
LETTER = r"(?:[a-zA-Z]|\\(?:" + "|".join(sorted(GREEK)) + r"))"
_INDEX = r"(?:_\s*(?:\{[^{}]*\}|[\w\\]+))?(?:\s*'+)?"
NAME = re.compile(
    rf"^(?:{LETTER}\s*{_INDEX}(?:\s*\(\s*(?P<of>{LETTER}(?:\s*,\s*{LETTER})*)\s*\))?"
    rf"|\\(?:angle|triangle|measuredangle)\s*[A-Za-z0-9_{{}} ]+|\|?[A-Z]{{2,3}}\|?|\[[A-Z]{{3,6}}\]|\\frac\s*\{{\s*[A-Z]{{2}}\s*\}}\s*\{{\s*[A-Z]{{2}}\s*\}}|[A-Z]{{2}}\s*[/:]\s*[A-Z]{{2}}|\u27e8[^\u27e9]*\u27e9|[A-Za-z][A-Za-z' ]{{2,60}}"
    rf"|\(\s*{LETTER}{_INDEX}(?:\s*,\s*{LETTER}{_INDEX})+\s*\))$"
)
"""What may stand before an equals sign to say whose value follows: `x`, `f(x)`, `m_{\\max}`, `\\angle ABC`, `(p, q)`, words."""
_ABOUT = re.compile(
    r"^(?:\u27e8\s*)?(?:about|approximately|approx\.?|roughly|around|nearly|exactly|only|a total of|total:?)\s+(?:\u27e9)?",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    r"\s*\(\s*(?:\\approx|=)\s*(?P<a>[^()]+)\)$|\s*,?\s*\u27e8\s*,?\s*(?:or|which is)?\s*(?:about|approximately|approx\.?|roughly)\s*\u27e9\s*(?P<b>[^\u27e8\u27e9]+)$"
    r"|\s*\u27e8\s*\(\s*(?:about|approximately|approx\.?|roughly|or about|or)\s*\u27e9\s*(?P<c>[^\u27e8\u27e9()]+)\)$"
    r"|\s*\(\s*\u27e8\s*(?:about|approximately|approx\.?|roughly|or about)\s*\u27e9\s*(?P<d>[^\u27e8\u27e9()]+)\)$"
    r"|\s*\(\s*(?:about|approximately|approx\.?|roughly)\s+(?P<e>[^()]+)\)$|,?\s+(?:or|which is)\s+(?:about|approximately|roughly)\s+(?P<f>\S.*)$"
)
_DECIMAL = re.compile(r"^-?\s*\d*\.\d+$|^-?\s*\d[\d,]*(?:\.\d*)?$")
_MAYBE_UNIT = re.compile(r"(?<=[\d)}])(?:\s*([mgslhdt])|\s+([CNJWVKATHF]))(?:\s*\^\s*\{?\s*[23]\s*\}?)?$")
_FUSED = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{2,3}(?![a-zA-Z])")


@dataclass(frozen=True)
class Formula:
    """A formula read whole."""

    tree: Tree
    name: str = ""
    """The name whose value it is."""
    of: str = ""
    """The letter of the function whose value it is: the x of f(x)."""
    unit: str = ""
    """The unit behind it."""
    digits: int = -1
    """Digits behind the point, where it is a decimal number as it stands; −1 otherwise."""
    about: bool = False
    """Whether it is said to be an approximation."""
    doubtful: frozenset[str] = frozenset()
    """Letters that came from runs of several: "ox" may be a word."""


@lru_cache(maxsize=65_536)
def evaluate_exactly(tree: Tree) -> Value:
    """The exact value of a tree."""
    return evaluate_tree(tree)


def find_infinity(tree: Tree) -> int:
    """1 and -1 of the infinities, 0 of all else."""
    if tree == INFINITY:
        return 1
    if tree[0] == "minus" and len(tree) == 2:
        return -find_infinity(tree[1])
    return 0


@lru_cache(maxsize=65_536)
def compare_trees(a: Tree, b: Tree) -> str:
    """equal, different, too large, alike, or not settled."""
    if a == b:
        return "equal"
    if counted := list_bound_letters(a) | list_bound_letters(b):
        return _compare_at_numbers(a, b, sorted(counted))
    endless = [find_infinity(tree) for tree in (a, b)]
    if any(endless):
        return "equal" if endless[0] == endless[1] else "different"
    if DOTS in (a, b):
        return UNKNOWN
    try:
        apart = subtract(evaluate_exactly(a), evaluate_exactly(b))
    except TooLarge:
        return "different" if is_surely_different(a, b) else "too large"
    except (Undefined, RecursionError, ZeroDivisionError):
        return "different" if is_surely_different(a, b) else UNKNOWN
    if not apart:
        return "equal"
    if is_independent(apart) or is_surely_different(a, b):
        return "different"
    return ALIKE if is_equal_within_bounds(a, b) else UNKNOWN


def _compare_at_numbers(a: Tree, b: Tree, counted: list[str]) -> str:
    """Formulas with letters that stand for whole numbers, at a dozen values of each: what agrees at all of them is taken for equal."""
    for start in range(1, 13):
        trees = [a, b]
        for offset, letter in enumerate(counted):
            number: Tree = ("number", Fraction(start + offset))
            try:
                trees = [replace_letter(tree, letter, number) for tree in trees]
            except Undefined:
                return UNKNOWN
        reply = compare_trees(trees[0], trees[1])
        if reply != "equal":
            return reply
    return "equal"


def list_alternatives(tree: Tree) -> list[Tree]:
    """The trees that one with ± stands for."""
    upper, lower = _choose_sign(tree, False), _choose_sign(tree, True)
    return [upper] if upper == lower else [upper, lower]


def _choose_sign(tree: Tree, lower: bool) -> Tree:
    if tree[0] == "either":
        return _choose_sign(tree[2 if lower else 1], lower)
    return tuple(_choose_sign(part, lower) if isinstance(part, tuple) else part for part in tree)


def read_formula(text: str) -> Formula:
    """One formula with what may stand beside it; raises `Unreadable` with what is left over."""
    text = _ABOUT.sub("", text.strip(), count=1).strip()
    approximations = []
    if (match := _BESIDE.search(text)) is not None:
        approximations.append(next(part for part in match.groups() if part))
        text = text[: match.start()]
    sides = [side.strip() for side in re.split(r"\\approx(?![a-z])", text)]
    approximations += sides[1:]
    named = NAME.match(sides[0]) if approximations and not _is_numeric_name(sides[0]) else None
    read = _read_chain(sides[0]) if sides[0] and not named else None
    about = [_read_side(side) for side in approximations]
    if read is None:  # "≈ 6.7", "x ≈ 6.7"
        if len(about) != 1:
            raise UnreadableFormula(text)
        name = tidy_name(sides[0])
        return replace(about[0], about=True, name=name, of=(named["of"] or "") if named else "")
    for beside in about:
        if compare_trees(read.tree, beside.tree) == "equal":
            continue
        if not is_rounding_of(read.tree, beside):
            raise UnreadableFormula(f"{text}: approximations differ")
    unit = read.unit or next((beside.unit for beside in about if beside.unit), "")
    return replace(read, unit=unit)


def _read_chain(text: str) -> Formula:
    """`a = b = c`: the name it begins with, and what its sides agree in, or come to."""
    sides = [side.strip() for side in _split_at_equals(text)]
    name, of = "", ""
    if len(sides) > 1 and (match := NAME.match(sides[0])) and not _is_numeric_name(sides[0]):
        name, of = tidy_name(sides[0]), match["of"] or ""
        sides = sides[1:]
    parts = [_read_side(side) for side in sides]
    read = parts[0]
    for part in parts[1:]:
        reply = compare_trees(read.tree, part.tree)
        if reply != "equal" and not is_rounding_of(read.tree, part):
            raise UnreadableFormula(f"{text}: sides differ")
    last = next((part for part in reversed(parts) if compare_trees(read.tree, part.tree) == "equal"), read)
    doubtful = frozenset().union(*(part.doubtful for part in parts))
    return replace(last, name=name, of=of, doubtful=doubtful)


def tidy_name(text: str) -> str:
    """A name without what changes nothing in it: `y_{1}` is `y_1`."""
    return re.sub(r"\{(\w+)\}", r"\1", re.sub(r"\s+", "", text))


def _split_at_equals(text: str) -> list[str]:
    """A text cut at its equals signs; `:` after a name counts as one."""
    return split_outside(text, "=") if "=" in text else [text]


def _is_numeric_name(name: str) -> bool:
    """Whether what looks like a name is a constant."""
    return name in ("e", "i", "\\pi", "\\infty")


def _read_side(text: str) -> Formula:
    text, unit = without_unit(_ABOUT.sub("", text.strip(), count=1).strip())
    if not text:
        raise UnreadableFormula("empty")
    if text == "\\dots":
        return Formula(DOTS)
    tree = parse_formula(text)
    runs = [
        run
        for run in _FUSED.findall(re.sub(r"\\[a-zA-Z]+", " ", text))
        if not ("\\int" in text and run[0] == "d") and run.casefold() not in FUNCTIONS | {"pi", "inf"}
    ]
    decimal = _DECIMAL.match(text)
    digits = len(text.partition(".")[2]) if decimal else -1
    if (match := _MAYBE_UNIT.search(text)) is not None:
        runs.append(match[1] or match[2])
    return Formula(tree, unit=unit, digits=digits, doubtful=frozenset("".join(runs)))


def is_rounding_of(exact: Tree, beside: Formula) -> bool:
    """Whether a decimal number beside an exact value is that value rounded, or cut, to its digits (two of them at least)."""
    try:
        number = evaluate_exactly(beside.tree).rational()
        if number is None or beside.digits < 0:
            return False
        low, high = bound_rationally(exact)
    except (ArithmeticError, ValueError, TypeError, NotImplementedError, AttributeError, RecursionError):
        return False
    step = Fraction(1, 10**beside.digits)
    if beside.digits == 0:
        return abs(number) >= 10 and low - Fraction(1, 2) <= number <= high + Fraction(1, 2)
    return low - step < number < high + step and abs(number) >= 10 * step


def compare_formulas(gold: Formula, answer: Formula) -> str:
    """equal, different, or why it is neither."""
    tree = answer.tree
    if gold.of and answer.of and gold.of != answer.of and "," not in gold.of + answer.of:
        tree = replace_letter(tree, answer.of, ("letter", gold.of))
    reply = compare_trees(gold.tree, tree)
    if reply == "equal":
        return _compare_units(gold, answer)
    if reply not in ("different", ALIKE):
        return reply
    if _is_rounded(gold, answer):
        return "rounded"
    if reply == "different" and _is_in_degrees(gold.tree, tree):
        return "other unit"
    if reply == "different":
        unsure = (answer.doubtful - list_letters(gold.tree)) | (gold.doubtful - list_letters(tree))
        if unsure or (gold.unit and answer.unit and gold.unit != answer.unit):
            return "other unit" if not unsure else "not fully read"
    return reply


def _compare_units(gold: Formula, answer: Formula) -> str:
    if gold.unit and answer.unit and gold.unit != answer.unit:
        return "other unit"
    return "equal"


def _is_rounded(gold: Formula, answer: Formula) -> bool:
    """Whether one of two values is a decimal number that the other rounds to, or has such numbers in it."""
    if answer.digits >= (0 if answer.about else 1) and is_rounding_of(gold.tree, answer):
        return True
    if gold.digits > 0 and is_rounding_of(answer.tree, gold):
        return True
    return may_be_rounded(gold.tree, answer.tree)


def _is_in_degrees(gold: Tree, answer: Tree) -> bool:
    """Whether one is the other's angle in degrees."""
    try:
        gold_value, answer_value = evaluate_exactly(gold), evaluate_exactly(answer)
        if not gold_value.top or _has_pi(gold_value) == _has_pi(answer_value):
            return False
        pi = Value({(("pi", Fraction(1)),): Fraction(1, 180)})
        return not subtract(gold_value * pi, answer_value) or not subtract(gold_value, answer_value * pi)
    except (ArithmeticError, RecursionError):
        return False


def _has_pi(value: Value) -> bool:
    return any(name == "pi" for monomial in value.top for name, _ in monomial)
