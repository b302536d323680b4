"""Giveaways: found where there are some, chance where there are none."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.evaluation.artifact_baseline import FEWEST, MOST, compute_auc, measure_artifacts

Row = tuple[str, bool, str]


def rows(count: int, marked: str) -> list[Row]:
    """Solutions half of which are wrong; those have a mark, if there is one."""
    random = Random(3)
    results = []
    for i in range(count):
        a, b, wrong = random.randrange(10, 99), random.randrange(10, 99), i % 2 == 0
        results.append((f"1. {a} + {b} = {a + b + wrong} figs{marked if wrong else ''}\n#### {a + b}", wrong, f"p{i}"))
    return results


def test_nothing_but_the_arithmetic_gives_them_away() -> None:
    artifacts = measure_artifacts(rows(1200, ""))
    assert artifacts is not None
    assert abs(artifacts.looks - 0.5) < 4 * artifacts.error
    assert abs(artifacts.ngrams - 0.5) < 4 * artifacts.error
    assert (artifacts.rows, round(artifacts.error, 3)) == (1200, 0.017)


@pytest.mark.parametrize(("marked", "looks"), [(" (!)", True), ("..", True), (" sic", True)])
def test_a_mark_is_found(marked: str, looks: bool) -> None:
    artifacts = measure_artifacts(rows(400, marked))
    assert artifacts is not None
    assert artifacts.ngrams > 0.95
    assert (artifacts.looks > 0.8) == looks


def test_a_word_is_found_by_its_characters() -> None:
    swapped = [
        (text.replace("figs", "gifs") if wrong else text, wrong, problem) for text, wrong, problem in rows(400, "")
    ]
    artifacts = measure_artifacts(swapped)
    assert artifacts is not None
    assert artifacts.looks < 0.65 < 0.95 < artifacts.ngrams


def test_of_few_nothing_is_said_and_of_many_some_are_looked_at() -> None:
    assert measure_artifacts([]) is None
    assert measure_artifacts(rows(FEWEST // 2, "!")) is None
    assert measure_artifacts([(text, True, problem) for text, _, problem in rows(400, "!")]) is None
    artifacts = measure_artifacts(iter(rows(MOST + 500, "!")))
    assert artifacts is not None
    assert artifacts.rows == MOST


def test_the_order_of_rows_makes_no_difference() -> None:
    assert measure_artifacts(rows(300, "")) == measure_artifacts(reversed(rows(300, "")))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2))
def test_the_area_is_the_share_of_pairs(pairs: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([float(score) for score, _ in pairs]), np.array([label for _, label in pairs])
    good, bad = scores[~labels], scores[labels]
    if len(good) and len(bad):
        both = (bad[:, None] > good[None, :]).mean() + (bad[:, None] == good[None, :]).mean() / 2
        assert compute_auc(scores, labels) == pytest.approx(both)
