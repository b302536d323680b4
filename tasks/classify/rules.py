"""What rules can say of a mistake without a model: its kind, where it stands, and why; nothing where they are not sure.

The kinds are those of the taxonomy `abacus`. Given the first wrong step, what
stands before it is taken to be right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from tasks.arithmetic import context_numbers
from tasks.arithmetic.equations import LONGEST, Equation, PlacedNumber, find_equations, find_numbers
from tasks.classify import repair
from tasks.classify.reference_plan import ReferencePlan, find_replaced_operand, plan, skips_calculation

RULE_TAXONOMY = "abacus"
"""The taxonomy whose types the rules name."""
UNVOUCHED = "an equation that does not hold"
"""The rule by which nothing vouches for the steps before."""
Severity = Literal["minor", "major"]
_LABEL = re.compile(r"^\s*(?:\*\*)?(?:step\s*)?\d{1,3}[.):](?=\s)", re.IGNORECASE)
_ANSWER = re.compile(r"(?:####|\banswer(?: is)?\b[\s:=]{1,4})\s*\\?\$?(-?\d[\d,]{0,20}(?:\.\d{1,9})?)", re.IGNORECASE)


@dataclass(frozen=True)
class RuleFinding:
    """The finding of a rule about a mistake."""

    kind: str
    rule: str
    """The rule, in few words."""
    start: int
    end: int
    """The wrong characters of the step."""
    cause: str
    severity: Severity = "major"


@dataclass(frozen=True)
class _Case:
    """The wrong step and what was there before it."""

    text: str
    equations: tuple[Equation, ...]
    answer: PlacedNumber | None
    """The final answer, where the step states one."""
    last: bool
    given: set[Fraction]
    stated: set[Fraction]
    """Those of the given numbers that the problem says itself."""
    before: set[Fraction]
    """What earlier steps came to, and the other numbers in them."""
    earlier: tuple[Equation, ...]
    later: tuple[Equation, ...]
    opaque: bool
    """Whether the step has an equals sign that no equation was read at."""
    gold: Fraction | None
    plan: ReferencePlan | None


def apply_rules(row: Mapping[str, Any], at: int) -> RuleFinding | None:
    """What rules say of a solution whose first wrong step is known (from 0); None where they say nothing.

    Args:
        row: `question`, `steps`, `answer` (the right one) and `reference` (a right solution), the last two where there are any.
        at: The first wrong step, counted from 0.

    Returns:
        A type and what speaks for it.

    """
    case = _read_case(row, at)
    if case.plan is not None:  # what stays open beside a right solution is open: of two kinds the repair would name one
        return _compare_with_plan(case, case.plan)
    return _check_alone(case)


def _read_case(row: Mapping[str, Any], at: int) -> _Case:
    steps = [blank_step_number(step) for step in row["steps"]]
    given, stated = (
        context_numbers.find_given_numbers(row["question"]),
        context_numbers.find_stated_numbers(row["question"]),
    )
    first = next((number.value for number in find_numbers(row["question"])), None)
    gold = parse_number(row.get("answer") or "")
    earlier = tuple(equation for step in steps[:at] for equation in find_equations(step))
    text = steps[at][:LONGEST]
    match = _ANSWER.search(text)
    working = text[: match.start()] if match else text
    value = parse_number(match[1]) if match else None
    answer = PlacedNumber(value, match.start(1), match.end(1)) if match and value is not None else None
    reference = None
    if row.get("reference") and gold is not None:
        reference = plan(row["reference"], gold, given, stated, first)
    if reference is not None and not all(reference.follow(equation) for equation in earlier if equation.holds):
        reference = None  # it goes another way than the right solution we know
    own = find_equations(working)
    later = tuple(equation for step in steps[at + 1 :] for equation in find_equations(step))
    return _Case(
        text, own, answer, at == len(steps) - 1, given, stated, context_numbers.find_derived_numbers(steps[:at]), earlier, later,
        working.count("=") > len(own), gold, reference,
    )  # fmt: skip


def blank_step_number(step: str) -> str:
    """A step with its number blotted out, so that all else stays where it is."""
    match = _LABEL.match(step)
    return " " * match.end() + step[match.end() :] if match else step


def parse_number(text: str) -> Fraction | None:
    """The value of a plain number; None where a text is none."""
    text = text.replace(",", "").strip().rstrip(".")
    return Fraction(text) if re.fullmatch(r"-?\d{1,15}(?:\.\d{1,9})?", text) else None


def _compare_with_plan(case: _Case, plan: ReferencePlan) -> RuleFinding | None:
    """The finding from comparing the step with a right solution."""
    for equation in case.equations:
        at = plan.find_open_node(equation)
        if at is None:
            return _explain_unplanned(equation, plan)
        if equation.holds is False:
            return _report_miscalculation(equation, "another result than the operands have")
        if equation.holds is None:
            return None
        node = plan.nodes[at]
        if node.unit and equation.unit and node.unit != equation.unit:
            start = case.text.lower().find(equation.unit, equation.result.end)
            cause = f"The {format_fraction(equation.result.value)} are {node.unit}, not {equation.unit}."
            return RuleFinding("unit", "unit of the right solution", start, start + len(equation.unit), cause, "minor")
        plan.finish(at)
    return _check_end(case, plan)


def _check_end(case: _Case, plan: ReferencePlan) -> RuleFinding | None:
    """What is wrong with a step whose calculations are all right: the answer, or what it does not do."""
    if case.opaque or (not case.last and case.answer is None):
        return None
    place = (case.answer.start, case.answer.end) if case.answer else _span_body(case.text)
    if not plan.final():
        missing = plan.nodes[plan.open()[0]]
        cause = f"{_format_calculation(missing.operator, missing.operands)} is left out."
        return RuleFinding("missing step", "the right solution goes on", *place, cause)
    if case.answer is not None and case.answer.value != case.gold:
        cause = f"The last result is {format_fraction(plan.nodes[-1].value)}, the answer says {format_fraction(case.answer.value)}."
        return RuleFinding("final answer", "answer is not the last result", *place, cause)
    return None


def _explain_unplanned(equation: Equation, plan: ReferencePlan) -> RuleFinding | None:
    """What is wrong with a calculation that is none of those open."""
    if equation.operator is None:
        return None
    opened = [plan.nodes[i] for i in plan.open()]
    place = (equation.start, equation.end)
    calculation = _format_calculation(equation.operator, equation.operands)
    for node in opened:
        if set(node.operands) == set(equation.operands):
            right = _format_calculation(node.operator, node.operands)
            return RuleFinding("wrong operation", "the operands of a right calculation", *place, f"{right} is asked for, not {calculation}.")  # fmt: skip
    if not opened or any(plan.nodes[i].matches(equation.operator, equation.operands) for i in plan.done):
        return RuleFinding("extra step", "done already", *place, f"{calculation} is done already, or not asked for.")
    if skips_calculation(plan, equation.operator, equation.operands):
        left = opened[0]
        missing = _format_calculation(left.operator, left.operands)
        return RuleFinding(
            "missing step", "a calculation is skipped", *place, f"{missing} has to come before {calculation}."
        )
    return _explain_operand(equation, plan)


def _explain_operand(equation: Equation, plan: ReferencePlan) -> RuleFinding | None:
    """The operand that stands for another, where that is clear."""
    assert equation.operator is not None
    for node, theirs, ours in find_replaced_operand(plan, equation.operator, equation.operands):
        number = equation.leaves[ours]
        right = format_fraction(node.operands[theirs])
        if number.value in plan.known():
            cause = f"{format_fraction(number.value)} stands where {right} belongs."
            return RuleFinding("wrong operand", "another known number", number.start, number.end, cause)
        origin = node.origins[theirs]
        if origin == "either":
            return None
        kind = "miscopied result" if origin == "earlier" else "misread quantity"
        source = "the earlier result" if origin == "earlier" else "the given number"
        cause = f"{format_fraction(number.value)} is neither given nor worked out; {source} {right} belongs there."
        return RuleFinding(kind, "neither given nor derived", number.start, number.end, cause)
    strange = [number for number in equation.leaves if number.value not in plan.known()]
    if not strange:
        calculation = _format_calculation(equation.operator, equation.operands)
        return RuleFinding(
            "wrong operand", "no right calculation", equation.start, equation.end, f"Nothing asks for {calculation}."
        )
    cause = f"{format_fraction(strange[0].value)} is neither given nor worked out before."
    return RuleFinding("misread quantity", "neither given nor derived", strange[0].start, strange[0].end, cause)


def _check_alone(case: _Case) -> RuleFinding | None:
    """The finding from the step itself and, where the right answer is known, from what leads to it."""
    known = case.given | case.before | context_numbers.COMMON_NUMBERS
    for i, equation in enumerate(case.equations):
        strange = [number for number in equation.leaves if number.value not in known]
        if strange or equation.holds is False:
            finding = None
            if case.gold is not None:
                finding = _explain_by_repair(equation, (*case.equations[i + 1 :], *case.later), case)
            if finding is None and strange:
                finding = _explain_unknown_number(strange, case)
            # the step is known to be wrong: what is false in it needs no further proof
            if finding is None and equation.holds is False and not strange:
                return _report_miscalculation(equation, UNVOUCHED)
            return finding
        if equation.holds is None:
            return None
        known = known | {equation.result.value}
    return _check_answer(case)


def _explain_by_repair(equation: Equation, following: Sequence[Equation], case: _Case) -> RuleFinding | None:
    """The one kind of change after which the rest leads to the right answer."""
    assert case.gold is not None
    results = {other.result.value for other in case.earlier} - case.stated
    change = repair.find_unique_repair(equation, case.given, results, following, case.gold)
    if change is None or change.kind == "wrong operand":
        return None  # a known number in another's place may as well be a step too many, or one left out
    rule = "the only change that leads to the right answer"
    if change.kind == "calculation":
        return _report_miscalculation(equation, rule)
    if change.place is None:
        assert equation.operator is not None
        cause = (
            f"{_format_calculation(equation.operator, equation.operands)} should be another operation ({change.right})."
        )
        return RuleFinding(change.kind, rule, equation.start, equation.end, cause)
    assert isinstance(change.right, Fraction)
    cause = f"{format_fraction(change.place.value)} stands where {format_fraction(change.right)} belongs."
    return RuleFinding(change.kind, rule, change.place.start, change.place.end, cause)


def _explain_unknown_number(strange: Sequence[PlacedNumber], case: _Case) -> RuleFinding | None:
    """A number that is neither given nor derived, where it is clear which number it should be."""
    if len(strange) != 1:
        return None
    results = {equation.result.value for equation in case.earlier} - case.stated
    near = [value for value in case.given | results if is_digit_slip(strange[0].value, value)]
    if len(near) != 1:
        return None
    (meant,) = near
    earlier = meant in results
    source = "earlier result" if earlier else "given number"
    cause = f"{format_fraction(strange[0].value)} is neither given nor worked out before; it is like the {source} {format_fraction(meant)}."
    kind = "miscopied result" if earlier else "misread quantity"
    return RuleFinding(kind, "neither given nor derived", strange[0].start, strange[0].end, cause)


def is_digit_slip(value: Fraction, other: Fraction) -> bool:
    """Whether a number of two digits or more is another one with two digits changed round or one digit another."""
    a, b = str(value), str(other)
    if value == other or len(a) != len(b) or len(a) < 2:
        return False
    apart = [i for i in range(len(a)) if a[i] != b[i]]
    swapped = len(apart) == 2 and apart[1] == apart[0] + 1 and a[apart[0]] == b[apart[1]] and a[apart[1]] == b[apart[0]]
    return swapped or (len(apart) == 1 and len(a) > 2)


def _check_answer(case: _Case) -> RuleFinding | None:
    """An answer that is not what the last calculation came to, where that was right."""
    equations = [*case.earlier, *case.equations]
    if case.opaque or not equations or case.answer is None or case.gold is None or case.answer.value == case.gold:
        return None
    if equations[-1].result.value != case.gold:
        return None
    cause = f"The last result is {format_fraction(case.gold)}, the answer says {format_fraction(case.answer.value)}."
    return RuleFinding("final answer", "answer is not the last result", case.answer.start, case.answer.end, cause)


def _report_miscalculation(equation: Equation, rule: str) -> RuleFinding:
    cause = (
        f"The left side comes to {format_fraction(equation.computed)}, not {format_fraction(equation.result.value)}."
    )
    if equation.operator:
        cause = f"{_format_calculation(equation.operator, equation.operands)} is {format_fraction(equation.computed)}, not {format_fraction(equation.result.value)}."
    return RuleFinding("calculation", rule, equation.result.start, equation.result.end, cause)


def _span_body(text: str) -> tuple[int, int]:
    """The step without the blanks round it."""
    return len(text) - len(text.lstrip()), max(1, len(text.rstrip()))


def _format_calculation(operator: str, operands: tuple[Fraction, Fraction]) -> str:
    return f"{format_fraction(operands[0])} {operator} {format_fraction(operands[1])}"


def format_fraction(value: Fraction) -> str:
    """A number as people write it: whole, with few decimals, or as a fraction."""
    for places in range(5):
        scaled = value * 10**places
        if scaled.denominator == 1:
            return f"{Decimal(scaled.numerator).scaleb(-places):f}"
    return str(value)
