"""`commonest`: a model's commonest types on a set, counted on other problems than the row's own."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns.pairs import COMMONEST_COLUMNS
from schemas.contract import Contract
from schemas.frames import check
from tasks.frequent_errors import COMMONEST, CommonestParameters

Row = tuple[str, str, str, str, str | None, str | None]
NAMES = ("solution_id", "problem_id", "model", "set", "error_type", "error_definition")


def count_types(rows: list[Row], most: int = 3, size: int = 3) -> dict[str, Any]:
    """The commonest types of each row."""
    table = pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.String), orient="row")
    with tempfile.TemporaryDirectory() as folder:
        parts = [table[at : at + size] for at in range(0, table.height, size)]
        result = pl.concat(COMMONEST.run(parts, [], CommonestParameters(most=most), Path(folder)))
    check(result.drop("key"), Contract("c", "", COMMONEST_COLUMNS, "none"), "test")
    assert sorted(result["key"]) == sorted(row[0] for row in rows)
    return {row[0]: row[1:] for row in result.iter_rows()}


ROWS: list[Row] = [
    ("a", "p", "m", "s", "sum", "Adds wrongly."), ("b", "q", "m", "s", "sum", "Adds wrongly."), ("c", "q", "m", "s", "unit", None),
    ("d", "r", "m", "s", "copy", "Copies wrongly."), ("e", "r", "m", "s", None, None), ("f", "p", "n", "s", "unit", None),
    ("g", "p", "m", "t", "copy", "Copies wrongly."),
]  # fmt: skip


def test_the_types_of_the_same_model_and_set_on_other_problems() -> None:
    types = count_types(ROWS)
    assert types["a"] == (["copy", "sum", "unit"], [1, 1, 1], ["Copies wrongly.", "Adds wrongly.", ""])
    assert types["b"] == types["c"] == (["copy", "sum"], [1, 1], ["Copies wrongly.", "Adds wrongly."])
    assert types["d"] == types["e"] == (["sum", "unit"], [2, 1], ["Adds wrongly.", ""])
    # alone with its model and set: nothing is known but its own mistake, which must not be told
    assert types["f"] == types["g"] == ([], [], [])


def test_so_many_at_most() -> None:
    assert count_types(ROWS, most=1)["a"][0] == ["copy"]
    assert count_types(ROWS, most=1)["d"][0] == ["sum"]


@given(
    st.lists(st.tuples(*map(st.sampled_from, ("pqr", "mn", "st", [None, "x", "y", "z"]))), max_size=30),
    st.integers(1, 30),
)
@settings(deadline=None, max_examples=25)
def test_order_and_parts_do_not_matter_and_counts_are_those_of_a_plain_count(
    shapes: list[tuple[str, str, str, str | None]], size: int
) -> None:
    rows: list[Row] = [(str(i), *shape, None) for i, shape in enumerate(shapes)]
    if not rows:
        return
    types = count_types(rows, size=size)
    assert types == count_types(Random(size).sample(rows, len(rows)))
    for key, problem, model, of, _, _ in rows:
        others = Counter(
            kind for _, p, m, s, kind, _ in rows if kind is not None and (m, s) == (model, of) and p != problem
        )
        wanted = sorted(others.items(), key=lambda value: (-value[1], value[0]))[:3]
        assert list(zip(*types[key][:2])) == wanted


def test_without_definitions_there_are_none() -> None:
    part = pl.DataFrame([row[:5] for row in ROWS], schema=dict.fromkeys(NAMES[:5], pl.String), orient="row")
    with tempfile.TemporaryDirectory() as folder:
        (result,) = COMMONEST.run([part], [], CommonestParameters(), Path(folder))
    assert set(result["common_definitions"].explode().drop_nulls()) == {""}
