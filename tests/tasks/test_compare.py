"""The task `compare`: pairs of two models' solutions, what became of each answer, and that no row is lost."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.columns.flips import FLIPS, TRANSITIONS
from schemas.frames import check
from schemas.task import Outcome
from tasks.compare import COMPARE, CompareParameters, find_transition


def solution(
    number: int, model: str, verdict: str = "right", extracted: str | None = "4", problem: int = 0, **change: Any
) -> dict[str, Any]:
    return {
        "solution_id": f"{number:024x}", "problem_id": f"{problem:024x}", "set": "s", "question": "What is 2 + 2?", "options": None, "answer": "4",
        "reference": None, "model": model, "sampling": "greedy", "sample": 0, "text": f"It is {extracted}.", "verdict": verdict, "extracted": extracted,
    } | change  # fmt: skip


def compare(*rows: dict[str, Any]) -> Outcome:
    schema: dict[str, pl.DataType] = {
        "options": pl.List(pl.String()),
        "reference": pl.String(),
        "extracted": pl.String(),
    }
    outcome = COMPARE.run(pl.DataFrame(list(rows), schema_overrides=schema), CompareParameters(old="old", new="new"))
    check(outcome.kept, FLIPS, "test")
    assert outcome.kept.height + outcome.rejected.height == len(rows)
    return outcome


@pytest.mark.parametrize(
    ("old", "new", "flip"),
    [
        (("right", "4"), ("right", "4.0"), "kept right"),
        (("wrong", "5"), ("right", "4"), "fixed"),
        (("right", "4"), ("wrong", "5"), "newly wrong"),
        (("wrong", "0.5"), ("wrong", "1/2"), "still wrong, same answer"),
        (("wrong", "5"), ("wrong", "6"), "still wrong, other answer"),
        (("undecided", None), ("right", "4"), "undecided"),
        (("wrong", "5"), ("undecided", None), "undecided"),
    ],
)
def test_what_became_of_an_answer(old: tuple[str, str | None], new: tuple[str, str | None], flip: str) -> None:
    (row,) = compare(solution(1, "old", *old), solution(2, "new", *new)).kept.to_dicts()
    assert (row["flip"], row["old_answer"], row["new_answer"]) == (flip, old[1], new[1])
    assert (row["old_id"], row["new_id"]) == (f"{1:024x}", f"{2:024x}")


def test_the_nth_sample_of_one_meets_the_nth_of_the_other() -> None:
    rows = [solution(10 - n, model, sample=n, text=f"{model} {n}") for model in ("old", "new") for n in range(1, 4)]
    for number, row in enumerate(rows):
        row["solution_id"] = f"{number * 7 % 11:024x}"
    kept = compare(*reversed(rows)).kept
    assert [(a.split()[1], b.split()[1]) for a, b in kept.select("old_text", "new_text").iter_rows()] == [
        ("1", "1"),
        ("2", "2"),
        ("3", "3"),
    ]


def test_solutions_without_a_partner_are_rejected_with_the_reason() -> None:
    outcome = compare(
        solution(1, "old"), solution(2, "new"), solution(3, "new", sample=1), solution(4, "third"), solution(5, "old", problem=1)
    )  # fmt: skip
    reasons = {row["solution_id"][-1]: (row["reason"], row["detail"]) for row in outcome.rejected.to_dicts()}
    assert reasons == {
        "1": ("the old side of a pair", None),
        "3": ("no solution of the other model beside it", "old has 1 of the problem"),
        "4": ("of another model", "third"),
        "5": ("no solution of the other model beside it", "new has 0 of the problem"),
    }


def test_a_name_without_its_revision_will_do_where_there_is_one() -> None:
    (row,) = compare(solution(1, "old@24ab"), solution(2, "new")).kept.to_dicts()
    assert (row["old_model"], row["new_model"]) == ("old@24ab", "new")


def test_two_revisions_are_not_mixed() -> None:
    outcome = compare(solution(1, "old@1"), solution(2, "old@2"), solution(3, "new"))
    reasons = {row["solution_id"][-1]: (row["reason"], row["detail"]) for row in outcome.rejected.to_dicts()}
    two = ("two revisions of the model", "old@1 and old@2; name one")
    assert reasons == {
        "1": two,
        "2": two,
        "3": ("no solution of the other model beside it", "old has 0 of the problem"),
    }


def test_a_model_is_not_compared_with_itself() -> None:
    with pytest.raises(ValidationError, match="old and new are the same model; name two"):
        CompareParameters(old="m", new="m")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["old", "new", "third"]), st.sampled_from(["right", "wrong", "undecided"]), st.integers(0, 2)), min_size=1, max_size=12))  # fmt: skip
def test_every_row_is_a_side_of_a_pair_or_says_why_not(rows: list[tuple[str, str, int]]) -> None:
    table = [
        solution(n, model, verdict, None if verdict == "undecided" else "4", problem)
        for n, (model, verdict, problem) in enumerate(rows)
    ]
    outcome = compare(*table)
    for row in outcome.kept.to_dicts():
        old, new = (next(r for r in table if r["solution_id"] == row[f"{side}_id"]) for side in ("old", "new"))
        assert row["flip"] == find_transition(old, new) and row["flip"] in TRANSITIONS
    assert outcome.rejected["reason"].null_count() == 0
