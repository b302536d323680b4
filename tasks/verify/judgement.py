"""A judgement on one answer, and how formulas come to theirs: exact arithmetic first, a second opinion where it leaves them open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks.verify.answer_types import compare_answers
from tasks.verify.answer_types.base import ALIKE, UNKNOWN

Compare = Callable[[str, str], str]
"""Compares two expressions: `equal`, `different`, or a reason why neither can be said."""


@dataclass(frozen=True)
class Judgement:
    """A verdict on one answer."""

    verdict: str
    """right, wrong or undecided."""
    rule: str
    """One of `tables.COMPARISON_RULES`."""
    undecided: str | None = None
    """Why neither right nor wrong can be said."""
    opinion: str | None = None
    """What math-verify said, where it was asked."""
    proved: bool = False
    """Whether exact arithmetic or certified bounds have settled it."""


def judge_equal(equal: bool, rule: str) -> Judgement:
    """Right or wrong, by a rule."""
    return Judgement("right" if equal else "wrong", rule)


ASKED = ("expression", "set", "tuple", "matrix", "equation", "interval", "relation")
"""Rules of which a second opinion may decide what is not settled."""


def judge_expression(gold: str, answer: str, compare: Compare) -> Judgement:
    """What is proved of two answers read whole; else what is found and math-verify does not contradict."""
    found = compare_answers(gold, answer)
    decided = found.said in ("equal", "different")
    if found.settled and decided:
        return Judgement("right" if found.said == "equal" else "wrong", found.rule, proved=True)
    # what we cannot read math-verify reads as it likes: 31.\overline{6} as 31
    if not decided and (found.said not in (UNKNOWN, ALIKE) or found.rule not in ASKED):
        return Judgement("undecided", found.rule, "not settled" if found.said == ALIKE else found.said)
    reply = compare(gold, answer)
    if reply not in ("equal", "different"):
        return Judgement("undecided", found.rule, reply, reply)
    expected = "equal" if found.said == ALIKE else found.said
    if expected in ("equal", "different") and reply != expected:
        return Judgement("undecided", found.rule, "checkers disagree", reply)
    return Judgement("right" if reply == "equal" else "wrong", found.rule, None, reply)
