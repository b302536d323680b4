"""`consistency`: how far the solutions of a problem agree."""

from __future__ import annotations

import tempfile
from math import log
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.columns.problems import SOLUTION_ID
from schemas.columns.quality import CONSISTENCY_COLUMNS
from schemas.contract import Contract
from schemas.frames import check
from tasks.quality.consistency import CONSISTENCY, ConsistencyParameters

ROWS: list[tuple[Any, ...]] = [
    ("a", "p", "one", "18", log(0.2) * 2, 2), ("b", "p", "two", "18.00", log(0.1), 1), ("c", "p", "three", "$20", log(0.1), 1),
    ("d", "p", "four", None, log(0.9), 1), ("e", "p", "one", "18", log(0.2) * 2, 2), ("f", "q", "x", "Tuesday", None, 3),
    ("g", "q", "y", " tuesday", -1.0, 3), ("h", "r", "z", None, -1.0, 3),
]  # fmt: skip


def measure_rows(rows: list[tuple[Any, ...]], size: int = 3) -> dict[str, tuple[Any, ...]]:
    names = ("solution_id", "problem_id", "rationale", "extracted")
    schema: dict[str, Any] = {**dict.fromkeys(names, pl.String), "logprob": pl.Float64, "tokens": pl.Int64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    with tempfile.TemporaryDirectory() as folder:
        parts = [table[at : at + size] for at in range(0, table.height, size)]
        result = pl.concat(CONSISTENCY.run(parts, [], ConsistencyParameters(), Path(folder)))
    check(result.drop("key"), Contract("c", "", CONSISTENCY_COLUMNS, "none"), "test")
    return {row[0]: row[1:] for row in result.iter_rows()}


def test_shares_and_majority() -> None:
    result = measure_rows(ROWS)
    assert result["a"][:4] == (4, 0.75, "18", 0.75)
    assert result["b"][:4] == (4, 0.75, "18", 0.75)
    assert result["c"][:4] == (4, 0.25, "18", 0.75)
    assert result["d"][:4] == (4, None, "18", 0.75)
    assert result["f"][:4] == (2, 1.0, " tuesday", 1.0)
    assert result["h"] == (0, None, None, None, None)


def test_perplexity_consistency_counts_each_text_once() -> None:
    result = measure_rows(ROWS)
    assert result["a"][4] == result["b"][4] == result["e"][4] == pytest.approx((0.2 + 0.1) / 0.4)
    assert result["c"][4] == pytest.approx(0.1 / 0.4)
    assert result["d"][4] is None
    assert result["f"][4] is None
    assert result["g"][4] is None


def test_order_and_parts_do_not_matter() -> None:
    assert measure_rows(ROWS[::-1], 2) == measure_rows(ROWS, 8)


def test_every_column_is_made_of_a_table_without_log_probabilities() -> None:
    part = pl.DataFrame({"solution_id": ["a"], "problem_id": ["p"], "rationale": ["x"], "extracted": ["3"]})
    with tempfile.TemporaryDirectory() as folder:
        (result,) = CONSISTENCY.run([part], [], ConsistencyParameters(), Path(folder))
    assert result.row(0) == ("a", 1, 1.0, "3", 1.0, None)
    contract = Contract("s", "", (SOLUTION_ID,), "solution_id")
    assert "perplexity_consistency" in CONSISTENCY.makes(ConsistencyParameters(), contract).names()
