"""Departures from a right solution: the first calculation that it has not, and what belongs in its place.

A departure is proved where what belongs there leads to the right answer: the
result of the right calculation, or an operand of its own, where the calculation
is one too many. An operand that came in before the calculation is traced back to the
step that brought it in; where more than one step may be blamed, nothing is proved.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tasks.arithmetic.context_numbers import find_given_numbers
from tasks.classify.rules import format_fraction
from tasks.localize.proofs.calculations import (
    StatedCalculation,
    compute_outcome,
    find_units,
    has_unread,
    list_results,
    list_terms,
    list_values,
)
from tasks.localize.proofs.proof import AMBIGUOUS, IN_WORDS, NO_REPAIR, NOT_READ, NOTHING, Proof

_PLAN = re.compile(r"divid|multipl|subtract|add|sum|total|times|doubl|tripl|half|twice|differen", re.IGNORECASE)
"""Words by which a step in words says what is to be calculated."""


@dataclass(frozen=True)
class Departure:
    """The first calculation that the right solution has not, between what was there before and what follows."""

    calculations: Sequence[StatedCalculation]
    at: int
    matched: Sequence[int | None]
    """Which calculation of the right solution each is."""
    reference: Sequence[StatedCalculation]
    """The calculations of the right solution."""
    given: Set[Fraction]
    """The numbers of the question."""
    gold: Fraction
    steps: Sequence[str]

    @property
    def wrong(self) -> StatedCalculation:
        """The calculation itself."""
        return self.calculations[self.at]

    @property
    def before(self) -> Sequence[StatedCalculation]:
        """The calculations before it."""
        return self.calculations[: self.at]

    @property
    def left(self) -> list[StatedCalculation]:
        """The calculations of the right solution that the solution has not."""
        return [calculation for i, calculation in enumerate(self.reference) if i not in self.matched]

    @property
    def opened(self) -> list[StatedCalculation]:
        """Those that the solution has not before it."""
        return [calculation for i, calculation in enumerate(self.reference) if i not in self.matched[: self.at]]

    @property
    def user(self) -> StatedCalculation | None:
        """The first calculation that goes on from its result."""
        return next((c for c in self.calculations[self.at + 1 :] if self.wrong.value in c.leaves), None)

    @property
    def ends(self) -> bool:
        """Whether it is the last calculation."""
        return self.at == len(self.calculations) - 1

    def leads(self, value: Fraction) -> bool:
        """Whether the rest comes to the right answer with another result in its place."""
        return compute_outcome(self.calculations, self.at, value) == self.gold

    def skips(self, right: StatedCalculation) -> list[StatedCalculation]:
        """The calculations that the right solution goes on from in another, and the solution has not done."""
        # a number that is in both came in otherwise, unless the solution works it out only later
        there = {other.value for other in self.left} & self.wrong.leaves
        return [other for other in self.opened if other.value in right.leaves - there and other is not right]

    def adds_again(self, right: StatedCalculation) -> bool:
        """Whether what a sum adds beyond the right one is also in a part of it that was added up before: either may be too much."""
        terms = list_terms(self.wrong, self.before)
        others = list_terms(right, self.reference[: self.reference.index(right)])
        if terms is None or others is None:
            return False
        parts = [c for c, i in zip(self.before, self.matched) if i is None and c.value in self.wrong.leaves]
        return any((terms - others) & (list_terms(part, self.before) or Counter()) for part in parts)


def prove_departure(
    calculations: Sequence[StatedCalculation], matched: Sequence[int | None], reference: Sequence[StatedCalculation],
    gold: Fraction, row: Mapping[str, Any],
) -> Proof | str:  # fmt: skip
    """Prove the first calculation that the right solution has not to be the first wrong one.

    Args:
        calculations: Those of the solution, which all hold.
        matched: Which calculation of the right solution each is.
        reference: The calculations of the right solution.
        gold: The right answer.
        row: `question`, `steps` and `reference`.

    Returns:
        The proof, or why there is none.

    """
    steps = row["steps"]
    at = _find_departing(calculations, matched, reference, row["reference"], steps)
    if at is None:
        return NOTHING
    if has_unread(steps[: calculations[at].step + 1]) or any(c.doubtful for c in calculations[: at + 1]):
        return NOT_READ
    given = find_given_numbers(row["question"]) | {Fraction(1)}
    departure = Departure(calculations, at, matched, reference, given, gold, steps)
    weak = any(
        i is not None and calculation.compares != reference[i].compares and calculation.matches(reference[i]) == 1
        for calculation, i in zip(calculations[:at], matched[:at], strict=True)
    )
    # a result that is one of its own numbers cannot be followed by its value
    if weak or (departure.wrong.value in departure.wrong.leaves and not departure.ends):
        return AMBIGUOUS
    if departure.user is None and not departure.ends:
        return NO_REPAIR  # the result is not used: where it goes wrong is open
    for prove in (_prove_replaced, _prove_operation, _prove_skipped, _prove_extra):
        proof = prove(departure)
        if proof is not None:
            return proof
    return NO_REPAIR


def _find_departing(
    calculations: Sequence[StatedCalculation], matched: Sequence[int | None], reference: Sequence[StatedCalculation],
    text: str, steps: Sequence[str],
) -> int | None:  # fmt: skip
    """The first calculation that is not the right solution's, nor a part of a sum of it, nor without a use."""
    left = [calculation for i, calculation in enumerate(reference) if i not in matched]
    results = list_results(text) - {calculation.value for calculation in reference}
    sums = [terms for i, c in enumerate(reference) if (terms := list_terms(c, reference[:i])) is not None]
    for at, calculation in enumerate(calculations):
        if matched[at] is not None or calculation.value in results:
            continue
        if at == len(calculations) - 1:
            return at
        terms = list_terms(calculation, calculations[:at])
        partial = terms is not None and any(terms <= other for other in sums)
        # a fraction may be written in another way where it is used
        used = calculation.value.denominator > 1 or any(
            calculation.value in list_values(step) for step in steps[calculation.step + 1 :]
        )
        if not partial and (used or any(calculation.leaves & other.leaves for other in left)):
            return at
    return None


def _prove_replaced(departure: Departure) -> Proof | str | None:
    """A result of the right solution in its place leads to the answer."""
    wrong = departure.wrong
    right = next((c for c in departure.left if departure.leads(c.value)), None)
    if right is None or not right.leaves & wrong.leaves:
        return None
    if departure.skips(right):
        return None
    if departure.user is not None and wrong.contains(right):
        return AMBIGUOUS  # it may be right, and a later step leave out what leads back from it
    if departure.adds_again(right):
        return AMBIGUOUS
    traced = _trace_operands(departure, right.leaves)
    if isinstance(traced, str):
        return traced
    leads = "that is" if departure.user is None else "with it the rest comes to"
    return Proof(
        traced, "departs from the right solution",
        f"`{wrong.text}`: the right solution has `{right.text}` here; {leads} the right answer, {format_fraction(departure.gold)}.",
    )  # fmt: skip


def _prove_operation(departure: Departure) -> Proof | str | None:
    """Another operation on the operands of a right calculation, whose turn it is."""
    wrong = departure.wrong
    right = next(
        (c for c in departure.left if sorted(c.operands) == sorted(wrong.operands) and not departure.skips(c)), None
    )
    if right is None or len(wrong.leaves) < 2:
        return None
    traced = _trace_operands(departure, right.leaves)
    if isinstance(traced, str):
        return traced
    return Proof(
        traced, "another operation than the right solution",
        f"`{wrong.text}`: the right solution has `{right.text}` here, of the same numbers.",
    )  # fmt: skip


def _prove_skipped(departure: Departure) -> Proof | str | None:
    """An operand in whose place a result belongs that was never worked out from it."""
    wrong = departure.wrong
    if list_terms(wrong, ()) is not None:
        return None  # a part of a sum is right as far as it goes
    for right in departure.left:
        skipped = departure.skips(right)
        if len(skipped) != 1 or right.calculation.operator != wrong.calculation.operator:
            continue
        (missing,) = skipped
        ours, theirs = _subtract(wrong.operands, right.operands), _subtract(right.operands, wrong.operands)
        if departure.skips(missing):
            continue  # more is left out than one calculation: where is open
        if (
            theirs != [missing.value]
            or len(ours) != 1
            or ours[0] not in missing.leaves
            or not departure.leads(right.value)
        ):
            continue
        traced = _trace_operands(departure, right.leaves | missing.leaves)
        if isinstance(traced, str):
            return traced
        return Proof(
            traced, "a calculation is left out before",
            f"`{wrong.text}`: the right solution has `{missing.text}` before, and `{right.text}` here; with it the rest comes to "
            f"the right answer, {format_fraction(departure.gold)}.",
        )  # fmt: skip
    return None


def _prove_extra(departure: Departure) -> Proof | str | None:
    """A calculation too many: with one of its operands in the place of its result the rest comes to the answer."""
    # where the right solution does something else with the other operand, or the result is in the question, it may be right
    wrong = departure.wrong
    if departure.user is None or len(wrong.operands) != 2 or wrong.value in departure.given:
        return None
    for operand, other in (wrong.operands, wrong.operands[::-1]):
        if not departure.leads(operand) or any(other in right.leaves for right in departure.opened):
            continue
        traced = _trace_operands(departure, wrong.leaves)
        if isinstance(traced, str):
            return traced
        return Proof(
            traced, "a calculation too many",
            f"`{wrong.text}` is not in the right solution; with {format_fraction(operand)} in the place of "
            f"{format_fraction(wrong.value)} the rest comes to the right answer, {format_fraction(departure.gold)}.",
        )  # fmt: skip
    return None


def _subtract(values: Sequence[Fraction], others: Sequence[Fraction]) -> list[Fraction]:
    """Values without others, each of which takes one away."""
    left = list(values)
    for value in others:
        if value in left:
            left.remove(value)
    return left


def _trace_operands(departure: Departure, belonging: Set[Fraction]) -> int | str:
    """The step to blame: the calculation's, or one in words before it that brought in its operands; why none is proved.

    Args:
        departure: The calculation.
        belonging: The numbers that belong into it.

    Returns:
        The step, counted from 0, or the reason.

    """
    calculating = {calculation.step for calculation in departure.calculations}
    wrong, steps = departure.wrong, departure.steps
    strange = wrong.leaves - belonging
    known = departure.given | {c.value for c in departure.before}
    for at in range(wrong.step):
        if at in calculating:
            continue
        values = list_values(steps[at])
        if values & strange - known or (
            len(wrong.leaves) > 1 and wrong.leaves <= values and not values & belonging - wrong.leaves
        ):
            return at if len(strange) == 1 else IN_WORDS
        directly = at == wrong.step - 1 and values & strange
        if (directly and _PLAN.search(steps[at])) or _renames(steps[at], departure.before):
            return IN_WORDS
    used = departure.user.step if departure.user else len(steps)
    after = (at for at in range(wrong.step + 1, used) if at not in calculating and used < len(steps))
    return IN_WORDS if any(wrong.value in list_values(steps[at]) for at in after) else wrong.step


def _renames(step: str, before: Sequence[StatedCalculation]) -> bool:
    """Whether a step takes a result for something else than it was worked out as (26 girls, then 26 boys)."""
    units = {calculation.value: calculation.unit for calculation in before if calculation.unit}
    return any(units.get(value, unit).rstrip("s") != unit.rstrip("s") for value, unit in find_units(step))
