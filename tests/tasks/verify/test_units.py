"""Amounts that may be the same in another unit."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tasks.verify.units import may_differ_in_unit


@pytest.mark.parametrize(
    ("value", "wanted", "answer", "question", "may"),
    [
        ("18.8", "1128", "18.8 hours", "", True),
        ("1128", "18.8", "1128 minutes", "", True),
        ("18.8", "1128", "18.8 apples", "", False),
        ("18.8", "1129", "18.8 hours", "", False),
        ("2", "24", "2 dozen", "", True),
        ("2", "24", "2 dozens", "", True),
        ("3", "36", "3 feet", "", True),
        ("5", "500", "$5", "", True),
        ("5", "500", "5 dollars", "How many cents?", True),
        ("2", "2000", "2 kg", "", True),
        ("2", "2000", "2 kilograms", "", True),
        ("3", "12", "3 years", "", False),
        ("36", "3", "36 months", "", True),
        # without a unit in the answer: where the question speaks of both and asks for neither, nor for a count
        ("2", "120", "2", "It starts in an hour and runs 90 minutes. How long is that?", True),
        ("2", "120", "2", "It starts in an hour and runs 90 minutes. How many minutes is that?", False),
        ("2", "120", "2", "It starts in an hour and runs 90 minutes. How many films are shown?", False),
        ("2", "120", "2", "It runs 90 minutes. How long is it?", False),
        ("2", "120", "2", "How long is it?", False),
        ("5", "500", "5", "A pen is 50 cents, a book is 4 dollars. What does she pay?", True),
        ("5", "500", "5", "A pen is 50 cents, a book is 4 dollars. How long does she stay?", False),
        ("0", "120", "0 hours", "", False),
        ("2", "0", "2 hours", "", False),
        ("-2", "-120", "-2 hours", "", True),
        ("-2", "120", "-2 hours", "", False),
    ],
)
def test_two_numbers_may_be_one_amount_where_a_unit_and_their_ratio_say_so(
    value: str, wanted: str, answer: str, question: str, may: bool
) -> None:
    assert may_differ_in_unit(Fraction(value), Fraction(wanted), answer, question) is may
