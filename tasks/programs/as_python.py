"""`as-python`: rewrites solutions whose steps are equations as programs, a statement a step, with the mistakes that they have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import polars as pl

from schemas.contract import DETAIL, REASON, Contract
from schemas.task import Outcome, Parameters, PerRow
from tasks.arithmetic.expressions import APPLY
from tasks.arithmetic.statements import read_statements
from tasks.sources.content_ids import identify_solution

_NUMBER = r"-?\d[\d,]*(?:\.\d+)?"
_ANSWER = re.compile(rf"####\s*({_NUMBER})\s*$")
LONGEST = 2_000
"""Characters of a step; a longer one is no equation."""


class AsPythonParameters(Parameters):
    """Parameters of `as-python`; there are none."""


class NoProgram(ValueError):
    """A solution that is no sequence of equations; the message says where."""


def write_program(steps: Sequence[str]) -> list[str]:
    """The statements of a solution, one a step.

    An operand that an earlier step came to is that step's variable. A result
    that is not what its calculation comes to is reached by adding what is
    missing, so that the mistake stays where it is.

    Args:
        steps: The steps, the last of which states the answer behind `####`.

    Returns:
        As many statements as there are steps.

    Raises:
        NoProgram: A step is not one equation of two numbers, or no answer is stated.

    """
    values: dict[Fraction, str] = {}
    statements: list[str] = []
    answer = _ANSWER.search(steps[-1][-LONGEST:]) if steps else None
    if answer is None:
        raise NoProgram("no answer behind ####")
    for number, step in enumerate(steps, 1):
        equation = _read_equation(step.partition("####")[0])
        if equation is None:
            raise NoProgram(f"step {number} is not one equation of two numbers")
        first, sign, second, stated = equation
        name = f"v{number}"
        calculation = _write_calculation(first, sign, second, stated, values)
        values[stated] = name
        if number < len(steps):
            statements.append(f"{name} = {calculation}")
        elif _read_number(answer[1]) == stated:
            statements.append(f"{name} = answer = {calculation}")
        else:
            statements.append(
                f"{name}, answer = {calculation}, {values.get(_read_number(answer[1]), _write_number(_read_number(answer[1])))}"
            )
    return statements


def _read_equation(step: str) -> tuple[Fraction, str, Fraction, Fraction] | None:
    """Two numbers, the sign between them and the result that a step states; None where it is no such equation alone."""
    statements = read_statements(step) if len(step) <= LONGEST else ()
    if len(statements) != 1 or statements[0].relation.value != "=":
        return None
    if not (statements[0].left.certain and statements[0].right.certain):
        return None
    left = [sign.value for sign in statements[0].left.signs if sign.kind != "word"]
    result = statements[0].right.tree
    if len(left) != 3 or not isinstance(left[0], Fraction) or not isinstance(left[2], Fraction):
        return None
    return (left[0], str(left[1]), left[2], result[1]) if result is not None and result[0] == "number" else None


def _write_calculation(
    first: Fraction, sign: str, second: Fraction, stated: Fraction, values: dict[Fraction, str]
) -> str:
    if sign == "/" and not second:
        return _write_number(stated)
    exact = APPLY[sign](first, second)
    whole = sign == "/" and exact.denominator == first.denominator == second.denominator == 1
    operands = [values.get(number, _write_number(number)) for number in (first, second)]
    calculation = f"{operands[0]} {'//' if whole else sign} {operands[1]}"
    if exact == stated:
        return calculation
    return (
        f"{calculation} + {_write_number(stated - exact)}"
        if (stated - exact).denominator == 1
        else _write_number(stated)
    )


def _read_number(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))


def _write_number(number: Fraction) -> str:
    try:
        text = str(number.numerator) if number.denominator == 1 else repr(float(number))
    except (OverflowError, ValueError):  # beyond what floats hold, or digits that Python writes
        raise NoProgram("a number is too large") from None
    return f"({text})" if number < 0 else text


def rewrite_solutions(part: pl.DataFrame, _: AsPythonParameters) -> Outcome:
    """Solutions as programs; those that are no sequence of equations are rejected.

    Args:
        part: Solutions in steps.
        _: Nothing.

    Returns:
        The rows with the program, fenced, as text, and its statements as steps; what is known of step i holds for statement i.

    """
    kept: list[dict[str, Any]] = []
    faults: list[tuple[int, str]] = []
    for at, row in enumerate(part.iter_rows(named=True)):
        try:
            kept.append(_rewrite(row))
        except NoProgram as fault:
            faults.append((at, str(fault)))
    rejected = part[[at for at, _ in faults]].with_columns(
        pl.lit("no equations").alias(REASON.name),
        pl.Series(DETAIL.name, [detail for _, detail in faults], dtype=pl.String),
    )
    return Outcome(pl.DataFrame(kept, schema=part.schema), rejected)


def _rewrite(row: dict[str, Any]) -> dict[str, Any]:
    steps = write_program(row["steps"])
    text = fence_program(steps)
    sampling = f"{row['sampling']}, as Python"
    key = identify_solution(row["problem_id"], row["model"], sampling, row["sample"], text)
    own = {
        "solution_id": key,
        "sampling": sampling,
        "text": text,
        "rationale": text,
        "stated": None,
        "steps": steps,
        "step_rule": "given",
    }
    return (
        row
        | own
        | {
            "reference": _rewrite_reference(row["reference"]),
            "thinking": None,
            "thinking_tokens": None,
            "thinking_finished": None,
        }
    )


def _rewrite_reference(reference: str | None) -> str | None:
    lines = [line for line in re.split(r"\n(?!####)", reference or "") if line.strip()]
    try:
        return "\n".join(write_program(lines)) if lines else None
    except NoProgram:
        return None


def fence_program(statements: Sequence[str]) -> str:
    """A program as a completion has it."""
    return "\n".join(["```python", *statements, "```"])


def _keep(_: AsPythonParameters, contract: Contract) -> Contract:
    return contract


AS_PYTHON = PerRow(
    name="as-python",
    summary="Rewrites solutions in equations as programs, a statement a step, mistakes and all.",
    version="4",
    parameters=AsPythonParameters,
    needs=("solution_id", "problem_id", "steps", "step_rule", "text", "rationale", "stated", "sampling", "sample", "model", "reference", "thinking", "thinking_tokens", "thinking_finished"),
    makes=_keep,
    run=rewrite_solutions,
)  # fmt: skip
