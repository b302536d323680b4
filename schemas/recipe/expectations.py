"""Expectations of Great Expectations: those that a recipe may name, and those that follow from a contract.

Of Great Expectations' own, only those are here that evaluate nothing (no
queries, no conditions in code) and whose results over parts are those over the
whole table. Nothing of it is imported here: that takes more than ten seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field, model_validator

from schemas.contract import Column, Contract
from schemas.frames import WHOLE
from schemas.patterns import compile_pattern
from schemas.recipe.gates import Faults, Gate, Tables, format_bounds

Value = str | int | float | bool
PLAIN = ("string", "integer", "number", "boolean")
NUMBERS = ("integer", "number")
ANY: tuple[str, ...] = ()
Of = Literal["value", "presence", "length", "smallest", "largest", "nulls"]


class Arguments(Gate):
    """The arguments of an expectation: they are named as there."""

    KINDS: ClassVar[tuple[str, ...]] = PLAIN
    """The types of the columns it can be asked of; empty: all."""

    def kwargs(self) -> dict[str, Any]:
        """What the expectation is given."""
        own = set(Gate.model_fields)
        return {name: value for name, value in self.model_dump(exclude_none=True).items() if name not in own}

    def named(self) -> tuple[str, ...]:
        """The columns it names."""
        arguments = self.kwargs()
        columns = [arguments[name] for name in ("column", "column_A", "column_B") if name in arguments]
        return (*columns, *arguments.get("column_list", ()))

    def faults(self, name: str, tables: Tables, views: Sequence[str]) -> Faults:
        """What is wrong with it, given the table that it is about."""
        kinds = {column.name: column.kind for column in tables[name].contract.columns}
        for column in self.named():
            if self.KINDS and column in kinds and kinds[column] not in self.KINDS:
                yield "", f"column '{column}' is of type {kinds[column]}; expected {' or '.join(self.KINDS)}"


class OfColumn(Arguments):
    """About one column."""

    column: str = Field(description="The column.")


class Mostly(OfColumn):
    """About each value of a column."""

    mostly: float = Field(1.0, ge=0, le=1, description="The share of the values that must do so.")


class Nulls(Mostly):
    """Null, or not."""

    KINDS = ANY


B = TypeVar("B", "_Range", "Lengths", "TableRows")


def _require_bound(arguments: B) -> B:
    if arguments.min_value is None and arguments.max_value is None:
        raise ValueError("has no bound; give `min_value`, `max_value` or both")
    return arguments


class _Range(OfColumn):
    KINDS: ClassVar[tuple[str, ...]] = NUMBERS
    min_value: float | None = Field(None, description="The smallest allowed.")
    max_value: float | None = Field(None, description="The largest allowed.")

    _bounded = model_validator(mode="after")(_require_bound)


class Between(_Range, Mostly):
    """Each value within bounds."""

    strict_min: bool = Field(False, description="Whether min_value itself is out.")
    strict_max: bool = Field(False, description="Whether max_value itself is out.")


class AggregateExpectation(_Range):
    """A number made of all values, within bounds."""

    strict_min: bool = Field(False, description="Whether min_value itself is out.")
    strict_max: bool = Field(False, description="Whether max_value itself is out.")


class Count(_Range):
    """A count, or a share, made of all values of any plain type, within bounds."""

    KINDS = PLAIN


class Presence(_Range):
    """The share of values that are there, within bounds."""

    KINDS = ANY


class InSet(Mostly):
    """Each value of a set, or not."""

    value_set: list[Value] = Field(min_length=1, max_length=100_000, description="The values.")


class Distinct(OfColumn):
    """The different values against a set."""

    value_set: list[Value] = Field(min_length=1, max_length=100_000, description="The values.")


class Regex(Mostly):
    """Each text against a regular expression, which must match from its first character."""

    KINDS = ("string",)
    regex: str = Field(max_length=10_000, description="The regular expression, of RE2.")

    @model_validator(mode="after")
    def _sound(self) -> Regex:
        _compile_pattern(self.regex)
        return self


class RegexList(Mostly):
    """Each text against several regular expressions."""

    KINDS = ("string",)
    regex_list: list[str] = Field(min_length=1, max_length=100, description="Regular expressions, of RE2.")

    @model_validator(mode="after")
    def _sound(self) -> RegexList:
        for pattern in self.regex_list:
            _compile_pattern(pattern)
        return self


def _compile_pattern(regex: str) -> None:
    try:
        compile_pattern(regex)  # of pandas, RE2 evaluates those that it has
    except ValueError as error:
        raise ValueError(f"{regex[:60]!r} is no regular expression of RE2: {error}") from None


class RegexListOn(RegexList):
    """Each text against several regular expressions, one or all."""

    match_on: Literal["any", "all"] = Field("any", description="Whether one must match, or all.")


class Lengths(Mostly):
    """The length of each text, in characters."""

    KINDS = ("string",)
    min_value: int | None = Field(None, ge=0, description="The fewest characters.")
    max_value: int | None = Field(None, ge=0, description="The most characters.")

    _bounded = model_validator(mode="after")(_require_bound)


class Length(Mostly):
    """The length of each text, in characters."""

    KINDS = ("string",)
    value: int = Field(ge=0, description="The characters.")


class Text(Mostly):
    """Each text in a form."""

    KINDS = ("string",)


class Strftime(Mostly):
    """Each text a time in a form."""

    KINDS = ("string",)
    strftime_format: str = Field(description="The form, as strftime has it.")


class Pair(Arguments):
    """Two columns of a row."""

    column_A: str = Field(description="One column.")
    column_B: str = Field(description="The other.")
    ignore_row_if: Literal["either_value_is_missing"] = Field(
        "either_value_is_missing", description="Rows without both values do not count."
    )
    mostly: float = Field(
        1.0, ge=0, le=1, description="The share of the rows, of those with both values, that must do so."
    )


class PairGreater(Pair):
    """Two numbers of a row."""

    KINDS = NUMBERS
    or_equal: bool = Field(False, description="Whether they may be equal.")


class Together(Arguments):
    """Several columns of a row."""

    column_list: list[str] = Field(min_length=2, max_length=100, description="The columns.")
    ignore_row_if: Literal["any_value_is_missing"] = Field(
        "any_value_is_missing", description="Rows without all values do not count."
    )
    mostly: float = Field(
        1.0, ge=0, le=1, description="The share of the rows, of those with all values, that must do so."
    )


class TableRows(Arguments):
    """The rows of a table."""

    min_value: int | None = Field(None, ge=0, description="The fewest allowed.")
    max_value: int | None = Field(None, ge=0, description="The most allowed.")

    _bounded = model_validator(mode="after")(_require_bound)


EACH: Mapping[str, type[Arguments]] = {
    "expect_column_values_to_not_be_null": Nulls,
    "expect_column_values_to_be_null": Nulls,
    "expect_column_values_to_be_between": Between,
    "expect_column_values_to_be_in_set": InSet,
    "expect_column_values_to_not_be_in_set": InSet,
    "expect_column_values_to_match_regex": Regex,
    "expect_column_values_to_not_match_regex": Regex,
    "expect_column_values_to_match_regex_list": RegexListOn,
    "expect_column_values_to_not_match_regex_list": RegexList,
    "expect_column_value_lengths_to_be_between": Lengths,
    "expect_column_value_lengths_to_equal": Length,
    "expect_column_values_to_be_json_parseable": Text,
    "expect_column_values_to_match_strftime_format": Strftime,
    "expect_column_pair_values_a_to_be_greater_than_b": PairGreater,
    "expect_column_pair_values_to_be_equal": Pair,
    "expect_select_column_values_to_be_unique_within_record": Together,
}
"""Expectations of each row: Great Expectations looks at part after part, and what it counts is summed."""
UNIQUE: Mapping[str, type[Arguments]] = {
    "expect_column_values_to_be_unique": Mostly,
    "expect_compound_columns_to_be_unique": Together,
}
"""Expectations that no two rows are the same, in whatever part they are."""
NUMBER: Mapping[str, type[Arguments]] = {
    "expect_column_min_to_be_between": AggregateExpectation,
    "expect_column_max_to_be_between": AggregateExpectation,
    "expect_column_sum_to_be_between": AggregateExpectation,
    "expect_column_mean_to_be_between": AggregateExpectation,
    "expect_column_median_to_be_between": AggregateExpectation,
    "expect_column_stdev_to_be_between": AggregateExpectation,
    "expect_column_unique_value_count_to_be_between": Count,
    "expect_column_proportion_of_unique_values_to_be_between": Count,
    "expect_column_proportion_of_non_null_values_to_be_between": Presence,
    "expect_table_row_count_to_be_between": TableRows,
}
"""Expectations of one number that all rows make."""
DISTINCT: Mapping[str, type[Arguments]] = {
    "expect_column_distinct_values_to_be_in_set": Distinct,
    "expect_column_distinct_values_to_contain_set": Distinct,
    "expect_column_distinct_values_to_equal_set": Distinct,
}
"""Expectations of the different values that a column has."""
EXPECTATIONS: Mapping[str, type[Arguments]] = {**EACH, **UNIQUE, **NUMBER, **DISTINCT}


@dataclass(frozen=True)
class Expected:
    """One expectation about a table."""

    type: str
    """What Great Expectations calls it."""
    kwargs: Mapping[str, Any] = field(hash=False)
    """What it is given."""
    of: Of = "value"
    """What of a column's values it is about: of lists the length, the smallest or largest item, the nulls in them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The table's columns that it is about."""
        names = [self.kwargs[name] for name in ("column", "column_A", "column_B") if name in self.kwargs]
        return (*names, *self.kwargs.get("column_list", ()))

    @property
    def wanted(self) -> str:
        """What it wants, in few words: its name and arguments."""
        words = re.sub("^expect_(column|table)?_?", "", self.type).replace("_", " ")
        arguments = dict(self.kwargs)
        for name in ("column", "column_A", "column_B", "column_list", "ignore_row_if"):
            arguments.pop(name, None)
        mostly = arguments.pop("mostly", 1.0)
        bounds = [arguments.pop(name, None) for name in ("min_value", "max_value", "strict_min", "strict_max")]
        phrases = [format_bounds(bounds[0], bounds[1], bool(bounds[2]), bool(bounds[3]))]
        phrases += [_format_value(value) for value in arguments.values() if value is not False]
        phrases += [f"in {100 * mostly:.10g} % or more"] if mostly < 1 else []
        subject = "" if self.of in ("value", "presence") else f" ({self.of})"
        return ": ".join(filter(None, [f"{words}{subject}", ", ".join(filter(None, phrases))]))


def _format_value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:119]}…"


def derive_expectations(contract: Contract) -> list[Expected]:
    """The expectations that say what a contract says: nulls, ranges, allowed values, patterns, the key unique.

    Returns:
        They are named as Great Expectations names them.

    """
    expectations = [expectation for column in contract.columns for expectation in _derive_from_column(column)]
    return [*expectations, Expected("expect_column_values_to_be_unique", {"column": contract.key})]


def _derive_from_column(column: Column) -> Iterator[Expected]:
    name = {"column": column.name}
    if not column.nullable:
        yield Expected("expect_column_values_to_not_be_null", name, "presence")
    if column.one_of:
        yield Expected("expect_column_values_to_be_in_set", {**name, "value_set": list(column.one_of)})
    if column.pattern:
        yield Expected("expect_column_values_to_match_regex", {**name, "regex": rf"^(?:{column.pattern})\Z"})
    low, high = column.at_least, column.at_most
    if column.kind in NUMBERS and (low, high) != (None, None):
        yield Expected("expect_column_values_to_be_between", {**name, **_bounds(low, high)})
    if column.kind in ("integers", "numbers"):
        if low is not None:
            yield Expected("expect_column_values_to_be_between", {**name, **_bounds(low, None)}, "smallest")
        if high is not None:
            yield Expected("expect_column_values_to_be_between", {**name, **_bounds(None, high)}, "largest")
    if column.kind in WHOLE:
        yield Expected("expect_column_values_to_be_between", {**name, **_bounds(None, 0)}, "nulls")
        if low:
            yield Expected("expect_column_values_to_be_between", {**name, **_bounds(low, None)}, "length")


def _bounds(low: float | None, high: float | None) -> dict[str, float]:
    return {name: value for name, value in (("min_value", low), ("max_value", high)) if value is not None}
