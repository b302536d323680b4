"""Unicode's many forms as one, where that makes no other number."""

from __future__ import annotations

import pytest

from tasks.plain_unicode import normalize_unicode
from tasks.sources.content_ids import identify_problem
from tasks.verify.answer_types.options import strip_signs


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("5² + 3½", "5^2 + 3 1/2"),
        ("2¹⁰ and 2ⁿ⁺¹", "2^10 and 2^(n+1)"),
        ("x₁ + x₂", "x_1 + x_2"),
        ("½3 and 3⁄4", "1/2 3 and 3/4"),
        ("①5 apples", " 1 5 apples"),
        ("٣ + ４ = 𝟕", "3 + 4 = 7"),
        ("ﬁve ﬂowers", "five flowers"),
        ("plain text", "plain text"),
    ],
)
def test_a_number_stays_the_number_it_is(text: str, plain: str) -> None:
    assert normalize_unicode(text) == plain


def test_what_is_made_of_texts_does_not_take_a_power_for_digits() -> None:
    assert identify_problem("What is 5²?", None) != identify_problem("What is 52?", None)
    assert identify_problem("What is 5²?", None) == identify_problem("what is 5^2?", None)
    assert strip_signs("5² cm") != strip_signs("52 cm")
