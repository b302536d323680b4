"""Majorities, by hand."""

from __future__ import annotations

import pytest

from tasks.llm.voting import Majority, find_majority


@pytest.mark.parametrize(
    ("labels", "faults", "expected"),
    [
        ([2], [""], Majority(2, None, 1.0)),
        ([-1, -1, 0], ["", "", ""], Majority(-1, None, 2 / 3)),
        ([1, 1, None, None], ["", "", "cut off", "empty"], Majority(None, "cut off", None)),
        ([1, 1, 1, None], ["", "", "", "empty"], Majority(1, None, 0.75)),
        ([1, 2], ["", ""], Majority(None, "no majority", None)),
        ([1, 2, None], ["", "", "empty"], Majority(None, "no majority", None)),
        ([None, None, None], ["unparsable", "empty", "unparsable"], Majority(None, "unparsable", None)),
        ([None, None], ["unparsable", "empty"], Majority(None, "empty", None)),
    ],
)
def test_more_than_half_of_all_judgements(labels: list[int | None], faults: list[str], expected: Majority) -> None:
    assert find_majority(labels, faults) == expected
    assert find_majority(labels[::-1], faults[::-1]) == expected
