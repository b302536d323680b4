"""How completions end."""

from __future__ import annotations

import pytest

from tasks.verify.truncation import cut_off, find_last_sentence, is_broken_off
from tests.processor_time import bound_time


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("First. Then 18.", "Then 18."),
        ("Dr. Lee and Mrs. Hilt have 18.", "Dr. Lee and Mrs. Hilt have 18."),
        ("She makes 18 more vs. the other.", "She makes 18 more vs. the other."),
        ("So it is 18</s></s>", "So it is 18"),
        ("It is 18!", "It is 18!"),
        ("That is **18**", "That is **18**"),
        ("It goes on with the", None),
        ("Is it 18?", None),
        ("It is 40 * 3 + 38 *", None),
        ("We get 5 * 38", None),
        ("## Step 60", None),
        ("It costs $12,00", None),
        ("x" * 2000 + ".", None),
    ],
)
def test_the_last_sentence(text: str, last: str | None) -> None:
    assert find_last_sentence(text) == last


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ('{"reasoning": "so 18", "answer": "18"}', False),
        ('```json\n{"reasoning": "so 18"\n}\n```', False),
        ('{"reasoning": "so 18"\n}\nLet me know.', False),
        ('{"reasoning": "so it is \\frac{1}{2', True),
        ('{"reasoning": "so it is \\frac{1}{2}', True),
        ('Here: {"reasoning": "so it', True),
        ("It is 18.", False),
    ],
)
def test_a_json_answer_that_is_never_closed_is_cut_off(text: str, cut: bool) -> None:
    assert cut_off(text) is cut


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("It goes on with the", True),
        ("So 4 + 4 + 4 +", True),
        ("The same again. " * 9, True),
        ("I do not know.", False),
        ("", False),
        ("What would you say?", False),
    ],
)
def test_what_comes_to_no_end_breaks_off(text: str, broken: bool) -> None:
    assert is_broken_off(text) is broken


@pytest.mark.parametrize(
    ("text", "broken"),
    [(" " * 3_000_000, False), ("\n" * 3_000_000, False), ("</s>" * 50_000, False), ('{"' * 500_000, True), ("Question:\n" * 200_000, False)],
    ids=["spaces", "lines", "ends", "json", "questions"],
)  # fmt: skip
def test_hostile_ends_take_no_time(text: str, broken: bool) -> None:
    with bound_time(10):
        assert is_broken_off(text) is broken
