"""One pair of gold and completion, checked by hand: what was read on both sides, by which rule, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types import read_answer
from tasks.verify.judgement import Compare
from tasks.verify.math_verify.pool import compared
from tasks.verify.task import NEEDED, judge_rows

_COLUMNS: dict[str, Any] = {**dict.fromkeys(NEEDED, pl.String), "options": pl.List(pl.String)}


@dataclass(frozen=True)
class Check:
    """The verifier's judgement on a pair."""

    verdict: str
    """right, wrong or undecided."""
    undecided: str | None
    """Why it is neither right nor wrong."""
    extracted: str | None
    """The answer found in the completion, to the letter."""
    extracted_by: str | None
    """The rule that found it."""
    rule: str | None
    """The rule that compared it with gold."""
    second_opinion: str | None
    """The verdict of math-verify, where it was asked."""
    gold_reading: str
    """The type and value that gold was read as, or what of it could not be read."""
    answer_reading: str
    """The same of the answer."""


def check_answer(
    gold: str,
    completion: str,
    question: str = "",
    options: Sequence[str] | None = None,
    stated: str | None = None,
    compare: Compare = compared,
) -> Check:
    r"""Check a completion against a gold answer, as the task `verify` does.

    Args:
        gold: The gold answer, plain or LaTeX.
        completion: What a model wrote, from which the final answer is taken.
        question: The problem, by which units and percent are recognised.
        options: The options of a multiple choice, in order; None where there are none.
        stated: The answer itself, where it need not be found in the completion.
        compare: The second opinion; by default math-verify in a process of its own.

    Returns:
        The verdict with all that led to it.

    Examples:
        >>> check_answer("1/2", "The answer is 0.5.").verdict
        'right'
        >>> check_answer("x > 5", r"So \boxed{x \ge 5}.").verdict
        'wrong'
        >>> check_answer(r"\frac{1}{3}", r"So \boxed{0.33}.").undecided
        'rounded'
    """
    row = {
        "answer": gold,
        "options": options,
        "rationale": completion,
        "stated": stated,
        "text": completion,
        "question": question,
    }
    result = judge_rows(pl.DataFrame([row], schema=_COLUMNS), "auto", compare).row(0, named=True)
    return Check(
        result["verdict"], result["undecided"], result["extracted"], result["extracted_by"], result["compared_by"], result["second_opinion"],
        describe_reading(gold), describe_reading(result["extracted"]) if result["extracted"] else "none",
    )  # fmt: skip


def describe_reading(answer: str) -> str:
    """The type and value of an answer in a line; of one that cannot be read whole, what is left over."""
    try:
        reading = read_answer(answer)
    except UnreadableFormula as error:
        return f"not fully read: {error}"
    return f"{reading.type}: {_format_value(reading.value)}"


def _format_value(value: object) -> str:
    if isinstance(value, tuple):
        if value and isinstance(value[0], str) and value[0] in _SIGNS:
            return _SIGNS[value[0]].format(*(_format_value(part) for part in value[1:]))
        if value and value[0] in ("number", "letter", "constant", "digits"):
            return str(value[1])
        if value and value[0] == "apply":
            return f"{value[1]}({', '.join(_format_value(part) for part in value[2:])})"
        return f"({', '.join(_format_value(part) for part in value)})"
    fields = getattr(value, "__dataclass_fields__", None)
    if not fields:
        return str(value)
    shown = {name: getattr(value, name) for name in fields}
    if set(fields) >= {"tree", "name", "unit"}:
        name, unit = (f"{shown['name']} = " if shown["name"] else ""), (f" {shown['unit']}" if shown["unit"] else "")
        return f"{name}{_format_value(shown['tree'])}{unit}"
    return ", ".join(f"{name} {_format_value(part)}" for name, part in shown.items() if part not in ("", -1))


_SIGNS = {
    "sum": "({0} + {1})", "minus": "-{0}", "times": "{0}*{1}", "over": "{0}/{1}", "power": "{0}^{1}", "factorial": "{0}!", "degrees": "{0}°",
    "either": "({0} or {1})", "dots": "…",
}  # fmt: skip
