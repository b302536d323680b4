"""`release`: rows by split, a problem in one only."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.release import RELEASE, ReleaseParameters, split_of
from tasks.sources.content_ids import digest

SPLITS = {"train": 0.8, "validation": 0.15, "test": 0.05}
PROBLEMS = [digest(str(i)) for i in range(20_000)]


def test_shares_are_met() -> None:
    counts = Counter(split_of(problem, 1, SPLITS) for problem in PROBLEMS)
    for name, share in SPLITS.items():
        assert abs(counts[name] / len(PROBLEMS) - share) < 0.01


def test_a_problem_stays_in_its_split_in_every_build() -> None:
    text = "".join(split_of(problem, 1, SPLITS)[0] for problem in PROBLEMS[:24])
    assert text == "tvttttttttttvttttttttttt"


def test_another_seed_gives_other_splits() -> None:
    moved = sum(split_of(problem, 1, SPLITS) != split_of(problem, 2, SPLITS) for problem in PROBLEMS[:2000])
    assert 0.2 < moved / 2000 < 0.5


def test_a_larger_first_split_only_takes_problems_in() -> None:
    wider = {"train": 0.9, "rest": 0.1}
    held = [problem for problem in PROBLEMS[:2000] if split_of(problem, 1, SPLITS) == "train"]
    assert all(split_of(problem, 1, wider) == "train" for problem in held)


@settings(deadline=None, max_examples=60)
@given(st.text(), st.integers(0), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_any_id_is_in_one_of_the_splits(problem: str, seed: int, weights: list[int]) -> None:
    splits = {f"s{i}": weight / sum(weights) for i, weight in enumerate(weights)}
    parameters = ReleaseParameters(splits=splits)
    assert split_of(problem.encode("utf-8", "replace").decode(), seed, parameters.splits) in splits


def part(problems: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"problem_id": problems, "row": range(len(problems))}, schema={"problem_id": pl.String, "row": pl.Int64}
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(PROBLEMS[:9]), max_size=20), st.integers(0, 5))
def test_each_row_is_in_one_split_in_its_order_and_no_problem_in_two(problems: list[str], seed: int) -> None:
    result = RELEASE.run(part(problems), ReleaseParameters(splits=SPLITS), seed)
    assert list(result) == list(SPLITS)
    rows = [result[name]["row"].to_list() for name in SPLITS]
    assert sorted(row for item in rows for row in item) == list(range(len(problems)))
    assert all(item == sorted(item) for item in rows)
    for name in SPLITS:
        assert all(split_of(problem, seed, SPLITS) == name for problem in result[name]["problem_id"])


def test_the_split_of_a_problem_does_not_depend_on_the_others() -> None:
    parameters = ReleaseParameters(splits=SPLITS)
    together = RELEASE.run(part(PROBLEMS[:50]), parameters, 1)
    for problem in PROBLEMS[:50]:
        alone = RELEASE.run(part([problem]), parameters, 1)
        (name,) = (name for name, rows in alone.items() if rows.height)
        assert problem in together[name]["problem_id"].to_list()


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": 0.9}, "add up to 1, found 0.9 in all"),
        ({"train": 1.2, "test": -0.2}, "above 0"),
        ({"train": 1.0, "test": 0.0}, "above 0"),
        ({"train": float("nan")}, "add up to 1"),
        ({"not a name": 1.0}, "letters, digits and _"),
        ({"../up": 1.0}, "letters, digits and _"),
        ({}, "at least 1"),
    ],
)
def test_splits_that_cannot_be_meant_are_refused(splits: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ReleaseParameters(splits=splits)
