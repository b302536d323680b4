"""`contrast`: a right solution beside each wrong one, the same whatever order the rows come in."""

from __future__ import annotations

from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.columns.problems import SOLUTIONS, VERDICT_COLUMNS
from schemas.contract import Contract
from schemas.frames import check, to_polars_schema
from tasks.contrast import CONTRAST, ContrastParameters
from tasks.sources.content_ids import digest

GIVEN = SOLUTIONS.having(*VERDICT_COLUMNS)


def row(name: str, verdict: str = "wrong", model: str = "m", problem: str = "p", **change: Any) -> dict[str, Any]:
    """A solution with a verdict."""
    return {
        "solution_id": digest(name), "problem_id": digest(problem), "set": "s", "question": "q", "options": None, "answer": "4",
        "reference": None, "model": model, "sampling": "x", "sample": 0, "text": name, "rationale": name, "stated": None,
        "source": "f:1", "verdict": verdict,
    } | change  # fmt: skip


def contrast_rows(*rows: dict[str, Any], **parameters: Any) -> dict[str, tuple[str | None, ...]]:
    """What stands beside each row, by its text."""
    result = ContrastParameters(**parameters)
    part = pl.DataFrame(list(rows), schema=to_polars_schema(GIVEN))
    outcome = CONTRAST.run(part, result)
    check(outcome.kept, CONTRAST.makes(result, GIVEN), "test")
    assert outcome.kept.height == len(rows) and outcome.rejected.height == 0
    assert outcome.kept["solution_id"].to_list() == part["solution_id"].to_list()
    return {
        item["text"]: (item["right_rationale"], item["right_from"], item["right_id"])
        for item in outcome.kept.to_dicts()
    }


def test_the_same_model_comes_first_then_another_then_the_sets_own() -> None:
    own, other = row("own", "right"), row("other", "right", "n")
    assert contrast_rows(row("bad"), own, other)["bad"] == ("own", "same model", digest("own"))
    assert contrast_rows(row("bad", reference="ref"), other)["bad"] == ("other", "other model", digest("other"))
    assert contrast_rows(row("bad", reference="ref"))["bad"] == ("ref", "reference", None)
    assert contrast_rows(row("bad"))["bad"] == (None, None, None)


def test_the_order_of_sources_is_the_recipes() -> None:
    rows = (row("bad", reference="ref"), row("own", "right"), row("other", "right", "n"))
    assert contrast_rows(*rows, prefer=["reference", "same model"])["bad"][1] == "reference"
    assert contrast_rows(*rows, prefer=["other model"])["bad"][0] == "other"
    assert contrast_rows(rows[0], prefer=["other model"])["bad"] == (None, None, None)


def test_those_that_say_the_same_are_one() -> None:
    right = [row(f"good {i}", "right", rationale="good") for i in range(5)]
    result = contrast_rows(*right, *(row(f"bad {i}") for i in range(20)))
    assert {result[f"bad {i}"] for i in range(20)} == {
        ("good", "same model", min(digest(f"good {i}") for i in range(5)))
    }


def test_only_wrong_solutions_have_one_and_only_of_their_own_problem() -> None:
    result = contrast_rows(
        row("bad"), row("right", "right"), row("unsure", "undecided"), row("far", "right", problem="q")
    )
    assert result["bad"][0] == "right"
    assert result["right"] == result["unsure"] == result["far"] == (None, None, None)


def test_the_sets_own_solution_serves_all_rows_of_its_problem() -> None:
    rows = [
        row("bad"),
        row("worse", reference="ref"),
        row("far", problem="q"),
        row("blank", problem="r", reference=" "),
    ]
    assert contrast_rows(*rows)["bad"] == ("ref", "reference", None)
    assert contrast_rows(*rows)["far"] == contrast_rows(*rows)["blank"] == (None, None, None)
    kept = CONTRAST.run(pl.DataFrame(rows, schema=to_polars_schema(GIVEN)), ContrastParameters()).kept
    assert kept["reference"].to_list() == ["ref", "ref", None, " "]


@given(st.lists(st.sampled_from(["right", "wrong", "undecided"]), max_size=20), st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_the_order_of_the_rows_does_not_matter(verdicts: list[str], seed: int) -> None:
    rows = [row(str(i), verdict, "mn"[i % 2], "pq"[i % 3 == 0]) for i, verdict in enumerate(verdicts)]
    mixed = Random(seed).sample(rows, len(rows))
    assert contrast_rows(*rows) == contrast_rows(*mixed)


def test_another_right_solution_changes_few() -> None:
    wrong = [row(f"bad {i}") for i in range(200)]
    right = [row(f"good {i}", "right") for i in range(9)]
    before, after = contrast_rows(*wrong, *right), contrast_rows(*wrong, *right, row("good 9", "right"))
    moved = [name for name, beside in before.items() if after[name] != beside]
    assert 5 <= len(moved) <= 40 and {after[name][0] for name in moved} == {"good 9"}


def test_parameters_that_cannot_be_meant() -> None:
    with pytest.raises(ValidationError, match="names a source twice"):
        ContrastParameters(prefer=["reference", "reference"])
    bare = Contract("bare", "", tuple(column for column in GIVEN.columns if column.name != "reference"), "solution_id")
    assert CONTRAST.check(ContrastParameters(prefer=["reference"]), bare) == [
        "prefer: the table has no column 'reference'; name a model's right solutions too"
    ]
    assert CONTRAST.check(ContrastParameters(), bare) == []
