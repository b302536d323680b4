"""What a mistake made on purpose must be like: distances against the definition, and each fault by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.inject.filters import LONGEST, distance, find_rejection
from tests.processor_time import bound_time


def by_definition(text: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(text, 1):
        before, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(row[-1] + 1, before[j] + 1, before[j - 1] + (a != b)))
    return row[-1]


@given(st.text("ab1 ", max_size=12), st.text("ab1 ", max_size=12))
def test_the_distance_is_levenshtein_s(text: str, other: str) -> None:
    assert distance(text, other) == by_definition(text, other) == distance(other, text)


RIGHT = ["There are 3 * 8 = 24 figs.", "So 24 - 4 = 20 are left."]


@pytest.mark.parametrize(
    ("after", "at", "expected"),
    [
        (["There are 3 + 8 = 11 figs.", "So 11 - 4 = 7 are left."], 0, ""),
        (["So 3 - 4 = 7 are left."], 0, "changes too much"),
        (RIGHT, 0, "unchanged"),
        ([RIGHT[0], "So 24 - 4 = 21 are left."], 0, "the change is not in the step named"),
        ([RIGHT[0]], 1, "the change is not in the step named"),
        ([], 0, "another number of steps"),
        (["There are 3 + 8 = 11 figs, not 24.", "So 11 - 4 = 8 are left."], 0, "a second mistake"),
        (["There should be 3 + 8 = 11 figs.", "So 11 - 4 = 7 are left."], 0, "words of a mistake"),
        (["There are 3 + 8 = 11 figs (sum).", "So 11 - 4 = 7 are left."], 0, "notes in brackets"),
        (["There are 3 + 8 = 11 figs!", "So 11 - 4 = 7 are left."], 0, "another layout"),
        (["There are\n3 + 8 = 11 figs.", "So 11 - 4 = 7 are left."], 0, "another layout"),
    ],
)
def test_faults(after: list[str], at: int, expected: str) -> None:
    assert find_rejection(RIGHT, after, at, 0.4) == expected


def test_texts_that_are_too_long_are_not_looked_at_for_long() -> None:
    with bound_time(60):
        assert find_rejection(["a" * LONGEST * 50], ["b" * LONGEST * 50], 0, 1.0) == "changes too much"
        assert find_rejection(["(a" * 2_000], ["(b" * 2_000], 0, 1.0) == ""


def test_another_number_in_brackets_is_no_note() -> None:
    before = ["All in all it is \\boxed{24 \\text{ figs}} (the 24 of Tom)."]
    after = ["All in all it is \\boxed{25 \\text{ figs}} (the 25 of Tom)."]
    assert find_rejection(before, after, 0, 0.4) == ""
