"""Proofs of the first wrong step: a calculation, what it should be, and that the rest then leads to the right answer.

A solution's calculations are read in order, and where a right solution is
known each is matched with one of its calculations that comes to the same. The
first that is false, or that the right solution has not, is the first wrong one
if all before it are matched and, put right and the rest worked out anew, the
solution comes to the right answer. A repair of the last calculation proves
nothing by itself; it counts where all before it is matched. Where the answer is
reached as the right solution reaches it, nothing departs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from tasks.classify.rules import format_fraction, parse_number
from tasks.localize.proofs.calculations import (
    StatedCalculation,
    compute_outcome,
    find_false,
    has_unread,
    list_calculations,
    list_reference,
    list_values,
    match_calculations,
)
from tasks.localize.proofs.departures import prove_departure
from tasks.localize.proofs.proof import AMBIGUOUS, IN_WORDS, NO_EQUATION, NO_FALSE_EQUATION, NOT_ENOUGH, NOTHING, Proof


def prove_first_error(row: Mapping[str, Any]) -> Proof | str:
    """Prove which step of a wrong solution is the first wrong one.

    Args:
        row: `question`, `steps`, `answer` (the right one), and `reference`, a right solution, where there is one.

    Returns:
        The proof, or why there is none.

    """
    gold = parse_number(row["answer"].replace("$", ""))
    calculations = list_calculations(row["steps"])
    if gold is None or not calculations:
        return NO_EQUATION if not calculations else NOT_ENOUGH if find_false(calculations) is not None else NO_EQUATION
    reference = list_reference(row.get("reference") or "", gold)
    matched = match_calculations(calculations, reference)
    false = find_false(calculations)
    if false is not None:
        return _prove_false(calculations, false, matched, gold, row["steps"])
    if not reference:
        return NO_FALSE_EQUATION
    at = next((i for i, calculation in enumerate(calculations) if calculation.value == gold), None)
    if at is not None and matched[at] is not None:  # the same number, come by in another way, is an accident
        return _prove_past_answer(calculations, at, matched, reference, row["steps"])
    return prove_departure(calculations, matched, reference, gold, row)


def _prove_false(
    calculations: Sequence[StatedCalculation],
    at: int,
    matched: Sequence[int | None],
    gold: Fraction,
    steps: Sequence[str],
) -> Proof | str:
    """A calculation that does not hold: vouched for by what it leads to once put right, or by a right solution before it."""
    false = calculations[at]
    right = false.calculation.value
    fault = f"`{false.text}` does not hold: the left side comes to {format_fraction(right)}"
    if compute_outcome(calculations, at, right) == gold:
        return Proof(
            false.step, "a false equation, whose repair leads to the answer",
            f"{fault}, and with that the rest comes to the right answer, {format_fraction(gold)}.",
        )  # fmt: skip
    followed = bool(matched[:at]) and None not in matched[:at]
    if followed and not has_unread(steps[: false.step]):
        return Proof(
            false.step, "a false equation, and the right solution before it",
            f"{fault}, and all {at} calculations before it are those of the right solution.",
        )  # fmt: skip
    return NOT_ENOUGH


def _prove_past_answer(
    calculations: Sequence[StatedCalculation], at: int, matched: Sequence[int | None],
    reference: Sequence[StatedCalculation], steps: Sequence[str],
) -> Proof | str:  # fmt: skip
    """A solution that came to the right answer as the right solution does, and went on from it."""
    reached = calculations[at]
    last = len(reference) - 1
    whole = None not in matched[: at + 1] and matched[at] == last and reached.matches(reference[last]) == 2
    further = next(
        (c for c in calculations[at + 1 :] if c.step > reached.step and reached.value in c.leaves and c.value != reached.value),
        None,
    )  # fmt: skip
    if not whole or further is None:
        return NOTHING
    # one of those before done once more (`102 * 2`, then `204 * 2`): it may as well be one before that is too many
    if any(_repeats(further, earlier) for earlier in calculations[: at + 1]):
        return AMBIGUOUS
    if has_unread(steps[: further.step]) or any(list_values(step) for step in steps[reached.step + 1 : further.step]):
        return IN_WORDS
    return Proof(
        further.step, "goes on from the right answer",
        f"step {reached.step + 1} comes to the right answer, {format_fraction(reached.value)}, as the right solution does; "
        f"`{further.text}` goes on from it.",
    )  # fmt: skip


def _repeats(calculation: StatedCalculation, earlier: StatedCalculation) -> bool:
    """Whether a calculation does with another number what an earlier one does."""
    same = calculation.calculation.operator == earlier.calculation.operator
    return same and calculation.operands[1:] == earlier.operands[1:]
