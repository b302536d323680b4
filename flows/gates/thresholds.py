"""Numbers held within bounds: they are the columns of a frame of one row, of which Great Expectations is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from flows.gates.great_expectations import Suite
from flows.gates.result import Result, round_number
from schemas.recipe.expectations import Expected
from schemas.recipe.gates import Bounded, Declared, format_bounds

BETWEEN = "expect_column_values_to_be_between"


@dataclass(frozen=True)
class Threshold:
    """What was found at a gate; where there are bounds, they are yet to be looked at."""

    result: Result
    bounds: Mapping[str, Any] = field(default_factory=dict)
    """What the observed number must be between, in the words of Great Expectations; empty: it is known whether it passed."""

    @staticmethod
    def of_measure(
        gate: Declared,
        value: Any,
        rows: int = 0,
        examples: Sequence[dict[str, Any]] = (),
        note: str = "",
        fault: str | None = None,
    ) -> Threshold:
        """The value of a measure; None without a fault where there is nothing to measure it against."""
        assert isinstance(gate.gate, Bounded)
        limits = gate.gate
        wanted = format_bounds(limits.at_least, limits.at_most)
        columns = ", ".join(gate.gate.named()) or None
        about = f"{gate.table} ({columns})" if columns else gate.table
        says = f"{gate.name} of {about}: {wanted}{f' ({note})' if note else ''}."
        result = Result(
            gate.table, gate.name, columns, says, gate.gate.severity, None if value is None and fault is None else False, round_number(value), wanted, list(examples), rows,
            f"gates[{gate.index}]", fault,
        )  # fmt: skip
        bounds = {"min_value": limits.at_least, "max_value": limits.at_most}
        return Threshold(result, {name: value for name, value in bounds.items() if value is not None})


def compare_thresholds(thresholds: Sequence[Threshold]) -> list[Result]:
    """What was found, with the numbers compared."""
    waiting = {
        f"n{i}": threshold
        for i, threshold in enumerate(thresholds)
        if threshold.bounds and threshold.result.fault is None and isinstance(threshold.result.observed, int | float)
    }
    expected = [Expected(BETWEEN, {"column": name, **threshold.bounds}) for name, threshold in waiting.items()]
    suite = Suite(expected, key="")
    if waiting:
        suite.add(pl.DataFrame({name: [threshold.result.observed] for name, threshold in waiting.items()}))
    tallies = dict(zip(waiting, suite.tallies))
    return [_with_tally(threshold.result, tallies.get(f"n{i}")) for i, threshold in enumerate(thresholds)]


def _with_tally(result: Result, tally: Any) -> Result:
    if tally is None:
        return result
    passed = tally.passed(1.0)
    return replace(result, passed=passed, fault=tally.fault, examples=[] if passed else result.examples)
