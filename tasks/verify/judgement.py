"""A judgement on one answer, and how formulas come to theirs: exact arithmetic first, a second opinion where it leaves them open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks.verify.answer_types import compare_answers
from tasks.verify.answer_types.base import ALIKE, UNKNOWN, Finding

Compare = Callable[[str, str], str]
"""Compares two expressions: `equal`, `different`, or a reason why it is neither."""


@dataclass(frozen=True)
class Judgement:
    """A verdict on one answer."""

    verdict: str
    """right, wrong or undecided."""
    rule: str
    """One of `tables.COMPARISON_RULES`."""
    undecided: str | None = None
    """Why it is neither right nor wrong."""
    opinion: str | None = None
    """The verdict of math-verify, where it was asked."""
    proved: bool = False
    """Whether exact arithmetic or certified bounds have settled it."""


def judge_equal(equal: bool, rule: str) -> Judgement:
    """Right or wrong, by a rule."""
    return Judgement("right" if equal else "wrong", rule)


def judge_finding(finding: Finding) -> Judgement:
    """What a comparison alone comes to."""
    if finding.result in ("equal", "different"):
        return judge_equal(finding.result == "equal", finding.rule)
    return Judgement("undecided", finding.rule, "unparsable" if finding.result == UNKNOWN else finding.result)


ASKED = ("expression", "set", "tuple", "matrix", "equation", "interval", "relation")
"""Rules of which a second opinion may decide what is not settled."""


def judge_expression(gold: str, answer: str, compare: Compare) -> Judgement:
    """What is proved of two answers read whole; else what is found and math-verify does not contradict."""
    finding = compare_answers(gold, answer)
    decided = finding.result in ("equal", "different")
    if finding.settled and decided:
        return Judgement("right" if finding.result == "equal" else "wrong", finding.rule, proved=True)
    # what we cannot read math-verify reads as it likes: 31.\overline{6} as 31
    if not decided and (finding.result not in (UNKNOWN, ALIKE) or finding.rule not in ASKED):
        return Judgement("undecided", finding.rule, "not settled" if finding.result == ALIKE else finding.result)
    reply = compare(gold, answer)
    if reply not in ("equal", "different"):
        return Judgement("undecided", finding.rule, reply, reply)
    expected = "equal" if finding.result == ALIKE else finding.result
    if expected in ("equal", "different") and reply != expected:
        return Judgement("undecided", finding.rule, "checkers disagree", reply)
    return Judgement("right" if reply == "equal" else "wrong", finding.rule, None, reply)
