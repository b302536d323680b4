"""`deduplicate`: one of the rows whose text is the same stays, and the others name it."""

from __future__ import annotations

import random

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.deduplicate import DEDUPLICATE, DeduplicateParameters

PROBLEM = DeduplicateParameters(scope="problem")
ALL = DeduplicateParameters(scope="all")
Row = tuple[str, str, str]


def decided(rows: list[Row], parameters: DeduplicateParameters = PROBLEM) -> dict[str, str]:
    """The keys that are rejected, each with the one it names."""
    part = pl.DataFrame(rows, schema=dict.fromkeys(("solution_id", "problem_id", "rationale"), pl.String), orient="row")
    with duckdb.connect(":memory:") as connection:
        connection.register("narrow", DEDUPLICATE.narrow(part, parameters).to_arrow())
        found = connection.sql(DEDUPLICATE.decide(parameters)).fetchall()
    assert all(reason == "duplicate" for _, reason, _ in found)
    return {key: detail.removeprefix("the same text as ") for key, _, detail in found}


def test_the_smallest_id_stays_and_the_others_name_it() -> None:
    rows = [("b", "p", "same"), ("c", "p", "same"), ("a", "p", "same"), ("d", "p", "other")]
    assert decided(rows) == {"b": "a", "c": "a"}


def test_case_white_space_and_unicode_form_make_no_other_text() -> None:
    texts = ["So 5 cafés.", "so  5\ncafe\u0301s. ", "ＳＯ ５ CAFÉS.", "So 5 cafes.", "So 6 cafés."]
    assert decided([(str(i), "p", text) for i, text in enumerate(texts)]) == {"1": "0", "2": "0"}


def test_solutions_of_two_problems_repeat_each_other_only_where_all_rows_are_in_scope() -> None:
    rows = [("a", "p", "same"), ("b", "q", "same")]
    assert decided(rows) == {}
    assert decided(rows, ALL) == {"b": "a"}


def test_problem_and_text_are_not_mixed_up() -> None:
    assert decided([("a", "p", "qsame"), ("b", "pq", "same")]) == {}


def test_no_rows_give_no_decision() -> None:
    assert decided([]) == {}


ROWS = st.lists(
    st.tuples(st.sampled_from("pq"), st.sampled_from(["same", "SAME ", "other", "third"])), min_size=1, max_size=12
).map(lambda pairs: [(f"{i:02d}", problem, text) for i, (problem, text) in enumerate(pairs)])


@settings(deadline=None, max_examples=25)
@given(ROWS, st.sampled_from([PROBLEM, ALL]), st.randoms(use_true_random=False))
def test_the_decision_is_the_same_in_any_order_and_nothing_is_left_to_decide(
    rows: list[Row], parameters: DeduplicateParameters, chance: random.Random
) -> None:
    found = decided(rows, parameters)
    assert decided(chance.sample(rows, len(rows)), parameters) == found
    stay = [row for row in rows if row[0] not in found]
    assert decided(stay, parameters) == {}
    assert set(found.values()) <= {row[0] for row in stay}
