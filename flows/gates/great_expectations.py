"""Great Expectations on rows that come part by part: what it counts in each is summed, so memory is that of a part."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any

import polars as pl

from flows.gates.result import EXAMPLES, format_value, make_example
from schemas.recipe.expectations import Expected, Of

_STARTING = Lock()


@dataclass
class ExpectationTally:
    """What was counted of one expectation."""

    rows: int = 0
    missing: int = 0
    """Rows that it says nothing of, because they are null."""
    unexpected: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)
    fault: str | None = None
    """Why it could not be checked."""

    def passed(self, mostly: float) -> bool:
        """Whether enough of the rows that it speaks of do as expected."""
        spoken = self.rows - self.missing
        return self.fault is None and (spoken - self.unexpected) / max(spoken, 1) >= (mostly if spoken else 0)


class Suite:
    """Expectations about the rows of a table."""

    def __init__(self, expected: Sequence[Expected], key: str) -> None:
        self.expected, self.key = expected, key
        self.tallies = [ExpectationTally() for _ in expected]
        self._suite: Any = None

    def add(self, rows: pl.DataFrame) -> None:
        """Look at some rows of the table; none at all are not looked at."""
        if not self.expected or not rows.height:
            return
        library, batches = load_library()
        if self._suite is None:
            self._suite = _build_suite(library, self.expected)
        format_ = {"result_format": "SUMMARY", "partial_unexpected_count": EXAMPLES}
        if self.key in rows.columns:
            format_["unexpected_index_column_names"] = [self.key]
        batch = batches.get_batch({"dataframe": self._seen(rows)})
        with warnings.catch_warnings(action="ignore"):
            validation = batch.validate(self._suite, result_format=format_)
        for entry in validation.results:
            result = entry.to_json_dict()
            self._count(result["expectation_config"]["meta"]["place"], result, rows.height)

    def sum_up(self, tallies: Sequence[ExpectationTally]) -> None:
        """Add what was counted elsewhere, of rows that follow those looked at so far."""
        for tally, other in zip(self.tallies, tallies, strict=True):
            tally.fault = tally.fault or other.fault
            tally.rows += other.rows
            tally.missing += other.missing
            tally.unexpected += other.unexpected
            tally.examples = [*tally.examples, *other.examples][:EXAMPLES]

    def _seen(self, rows: pl.DataFrame) -> Any:
        """What Great Expectations sees of the rows, in pandas."""
        values = {
            make_alias(name, expected.of): _select_aspect(name, expected.of)
            for expected in self.expected
            for name in expected.columns
        }
        key = {self.key: pl.col(self.key)} if self.key in rows.columns else {}
        return rows.select(**{**values, **key}).to_pandas(use_pyarrow_extension_array=True)

    def _count(self, i: int, validation: Mapping[str, Any], rows: int) -> None:
        tally, result = self.tallies[i], validation["result"]
        if (fault := _find_fault(validation["exception_info"])) or "unexpected_count" not in result:
            tally.fault = tally.fault or fault or "Great Expectations counted nothing"
            return
        tally.rows += result.get("element_count", rows)
        tally.missing += result.get("missing_count") or 0
        tally.unexpected += result["unexpected_count"]
        for row in result.get("partial_unexpected_index_list") or ():
            if isinstance(row, Mapping) and len(tally.examples) < EXAMPLES:  # without a key there are numbers of rows
                values = [value for name, value in row.items() if name != self.key] or [row[self.key]]
                value = values[0] if len(values) == 1 else ", ".join(map(str, values))
                tally.examples.append(make_example(row[self.key], value))


def make_alias(column: str, of: Of) -> str:
    """What Great Expectations knows a column by."""
    return column if of == "value" else f"{column} ({of})"


def _select_aspect(column: str, of: Of) -> pl.Expr:
    """What of a column's values is looked at: pandas gets no lists, and no texts where only their presence counts."""
    value = pl.col(column)
    if of == "presence":
        return pl.when(value.is_not_null()).then(pl.lit(1, pl.Int8))
    if of == "length":
        return value.list.len().cast(pl.Int64)
    if of == "smallest":
        return value.list.min()
    if of == "largest":
        return value.list.max()
    if of == "nulls":
        return (value.list.len() - value.list.drop_nulls().list.len()).cast(pl.Int64)
    return value


def _build_suite(library: Any, expected: Sequence[Expected]) -> Any:
    """The suite as Great Expectations has it; each expectation knows its place in ours."""
    expectations = []
    for i, item in enumerate(expected):
        name = "".join(word.capitalize() for word in item.type.split("_"))
        # how many must do so is for all parts together to say
        arguments = {key: value for key, value in item.kwargs.items() if key != "mostly"}
        for key in ("column", "column_A", "column_B"):
            if key in arguments:
                arguments[key] = make_alias(arguments[key], item.of)
        expectations.append(getattr(library.expectations, name)(**arguments, meta={"place": i}))
    return library.ExpectationSuite("gates", expectations=expectations)


def _find_fault(validation: Mapping[str, Any]) -> str | None:
    """What was raised inside an expectation, in a line; None if nothing was."""
    infos = (
        [validation]
        if "raised_exception" in validation
        else [info for info in validation.values() if isinstance(info, Mapping)]
    )
    for info in infos:
        if info.get("raised_exception"):
            return format_value(str(info.get("exception_message") or "no message").strip())
    return None


@lru_cache(maxsize=1)
def _started() -> tuple[Any, Any]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # it tells its makers of each validation otherwise
    with warnings.catch_warnings(action="ignore"):
        import great_expectations as library
        import great_expectations.expectations
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        # in memory altogether: its default makes a folder for pages that it leaves behind
        config = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults())
        context = library.get_context(mode="ephemeral", project_config=config)
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("tables").add_dataframe_asset("table")
        return library, asset.add_batch_definition_whole_dataframe("part")


def load_library() -> tuple[Any, Any]:
    """Great Expectations and what makes batches of frames; the first call takes more than ten seconds."""
    with _STARTING:
        return _started()
