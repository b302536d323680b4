"""One table at its gates: what its contract and the recipe's expectations ask of its rows, answered in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from flows.gates.aggregates import MANY, Aggregates, add_number
from flows.gates.great_expectations import ExpectationTally, Suite
from flows.gates.result import EXAMPLES, Result, format_value, make_example, round_number
from flows.gates.thresholds import Threshold
from flows.planning.plan import TableJob
from schemas.recipe.expectations import DISTINCT, EACH, NUMBER, UNIQUE, Arguments, Expected, derive_expectations
from schemas.recipe.gates import Declared, Duplicates


@dataclass(frozen=True)
class _Question:
    """One expectation of a table and who asks it."""

    expected: Expected
    gate: Declared | None = None
    """The recipe's gate; None where the contract asks."""


@dataclass(frozen=True)
class TableQuestion:
    """What is asked of a table, as another process is told."""

    work: TableJob
    gates: tuple[Declared, ...]
    contract: bool


class GatedTable:
    """The expectations of one table; rows are added, then the results read."""

    def __init__(self, work: TableJob, gates: Sequence[Declared], contract: bool) -> None:
        self.work, self.asked = work, TableQuestion(work, tuple(gates), contract)
        self.kinds = {column.name: column.kind for column in work.contract.columns}
        questions = (
            [_Question(expected) for expected in derive_expectations(work.contract.as_released())] if contract else []
        )
        questions += [_Question(self._expected(gate), gate) for gate in gates if isinstance(gate.gate, Arguments)]
        self.each = [question for question in questions if question.expected.type in EACH]
        self.others = [question for question in questions if question.expected.type not in EACH]
        self.suite = Suite([question.expected for question in self.each], work.contract.key)
        self.whole = Aggregates(work.contract.key)
        self.columns = [self._narrow(question.expected) for question in self.others]
        self.repeats = [gate for gate in gates if isinstance(gate.gate, Duplicates) and gate.gate.columns]
        self.digests = [self.whole.digest(gate.gate.named(), nulls=True) for gate in self.repeats]
        self.why: str | None = None
        self.rows = 0

    @staticmethod
    def of(question: TableQuestion) -> GatedTable:
        """The table that a question is about."""
        return GatedTable(question.work, question.gates, question.contract)

    def __enter__(self) -> GatedTable:
        self.whole.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.whole.__exit__()

    def _expected(self, gate: Declared) -> Expected:
        assert isinstance(gate.gate, Arguments)
        only_presence = gate.name.endswith("_be_null")
        return Expected(gate.name, gate.gate.kwargs(), "presence" if only_presence else "value")

    def _narrow(self, expected: Expected) -> str:
        """The column of the narrow table that answers an expectation of the whole table."""
        if expected.type in UNIQUE:
            return self.whole.digest(expected.columns, nulls=False)
        if expected.type in DISTINCT:
            return self.whole.value(expected.columns[0])
        return add_number(self.whole, expected, self.kinds.get(expected.columns[0]) if expected.columns else None)

    def list_columns(self, rows: bool = True, whole: bool = True) -> list[str]:
        """The columns that must be read, in the contract's order.

        Args:
            rows: For what is asked of each row by itself.
            whole: For what is asked of all rows together.

        Returns:
            Their names; none where there is nothing to look at.

        """
        each = self.each if rows else []
        others = whole and (self.others or self.repeats)
        if not (each or others):
            return []
        wanted = {name for question in each for name in question.expected.columns} | {self.work.contract.key}
        wanted |= self.whole.needed if others else set()
        return [name for name in self.work.contract.names() if name in wanted]

    def fault(self, why: str) -> None:
        """Say why the rows cannot be looked at."""
        self.why = why

    def add(self, rows: pl.DataFrame, each: bool = True) -> None:
        """Look at some rows, at each by itself unless another process does."""
        self.rows += rows.height
        if each:
            self.suite.add(rows)
        if self.others or self.repeats:
            self.whole.add(rows)

    def thresholds(self) -> list[Threshold]:
        """What was found, when all rows were added."""
        thresholds = [self._summarize_rows(question, tally) for question, tally in zip(self.each, self.suite.tallies)]
        thresholds += [self._check_aggregate(*pair) for pair in zip(self.others, self.columns)]
        return thresholds + [self._measure_duplicates(*pair) for pair in zip(self.repeats, self.digests)]

    def _check_aggregate(self, question: _Question, column: str) -> Threshold:
        if self.why:
            return Threshold(self._make_result(question, fault=self.why))
        if question.expected.type in UNIQUE:
            rows, sharing, _, examples = self.whole.repeated(column)
            return self._summarize_rows(question, ExpectationTally(self.rows, self.rows - rows, sharing, examples))
        if question.expected.type in NUMBER:
            return self._check_number(question, column)
        return self._check_values(question, column)

    def _check_number(self, question: _Question, column: str) -> Threshold:
        value = round_number(self.whole.number(question.expected.type, column))
        bounds = {name: v for name, v in question.expected.kwargs.items() if name != "column"}
        fault = "there is no value to measure" if value is None else None
        return Threshold(self._make_result(question, observed=value, fault=fault), bounds)

    def _check_values(self, question: _Question, column: str) -> Threshold:
        """The different values against a set."""
        values = self.whole.list_distinct(column)
        wanted = question.expected.kwargs["value_set"]
        if values is None:
            return Threshold(self._make_result(question, fault=f"there are more than {MANY:,} different values"))
        unexpected = [value for value in values if value not in wanted]
        missing = [value for value in wanted if value not in values]
        if question.expected.type.endswith("contain_set"):
            unexpected = []
        elif question.expected.type.endswith("in_set"):
            missing = []
        phrases = [f"{len(values):,} different values"]
        phrases += [f"without {', '.join(format_value(value) for value in missing[:EXAMPLES])}"] if missing else []
        examples = [make_example(value, "is not of the set") for value in unexpected[:EXAMPLES]]
        passed = not missing and not unexpected
        return Threshold(self._make_result(question, observed=" ".join(phrases), passed=passed, examples=examples))

    def _measure_duplicates(self, gate: Declared, digest: str) -> Threshold:
        if self.why or not self.rows:
            return Threshold.of_measure(gate, None, fault=self.why or "there is no row to measure it of")
        _, _, repeating, examples = self.whole.repeated(digest)
        return Threshold.of_measure(gate, repeating / self.rows, self.rows, examples)

    def _summarize_rows(self, question: _Question, tally: ExpectationTally) -> Threshold:
        """What was counted of an expectation of rows."""
        if fault := self.why or tally.fault:
            return Threshold(self._make_result(question, fault=fault))
        passed = tally.passed(question.expected.kwargs.get("mostly", 1.0))
        observed = f"{tally.unexpected:,} of {tally.rows - tally.missing:,} otherwise"
        return Threshold(
            self._make_result(
                question, observed=observed, passed=passed, examples=[] if passed else tally.examples[:EXAMPLES]
            )
        )

    def _make_result(self, question: _Question, **fields: Any) -> Result:
        """What was found at an expectation."""
        expected, gate = question.expected, question.gate
        column = ", ".join(expected.columns) or None
        says = f"{column or self.work.name}: {expected.wanted}."
        defaults: dict[str, Any] = {"passed": False, "observed": None, "examples": [], "fault": None}
        return Result(
            view=self.work.name, expectation=expected.type, column=column, says=says,
            severity=gate.gate.severity if gate else "fail", wanted=expected.wanted, rows=self.rows,
            declared=f"gates[{gate.index}]" if gate else "contract", **{**defaults, **fields},
        )  # fmt: skip
