"""Numbers as people write them, read exactly."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.verify.number import Several, find_numbers, normalize_digits, number_of, read_decimals, read_number_list
from tasks.verify.written_numbers import align_decimal_mark, write_figures
from tests.processor_time import bound_time


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", "18"),
        ("18.", "18"),
        ("18.0", "18"),
        ("$18", "18"),
        ("-$18.50", "-18.5"),
        ("$-18.50", "-18.5"),
        ("€ 18", "18"),
        ("18 dollars", "18"),
        ("USD 18", "18"),
        ("1,234,567.5", "1234567.5"),
        (".5", "1/2"),
        ("1/2", "1/2"),
        ("2 1/2", "5/2"),
        ("½", "1/2"),
        ("2½", "5/2"),
        ("−½", "-1/2"),
        ("-18", "-18"),
        ("−18", "-18"),
        ("–18", "-18"),
        ("１８", "18"),
        ("١٨", "18"),
        ("**18**", "18"),
        ("`18`", "18"),
        (r"\boxed{18}", "18"),
        (r"$\boxed{\text{18 eggs}}$", "18"),
        (r"\boxed{\frac{1}{2}}", "1/2"),
        (r"\dfrac{3}{4}", "3/4"),
        (r"\( 18 \)", "18"),
        (r"1{,}000", "1000"),
        ("1e3", "1000"),
        ("1.5E-7", "15/100000000"),
        ("eighteen", "18"),
        ("Twenty.", "20"),
        ("x = 18", "18"),
        ("2 * 9 = 18", "18"),
        ("18 eggs in 2 days", "18"),
        ("18 (6 per day for 3 days)", "18"),
        ("18 and 18 again", "18"),
    ],
)
def test_a_number_is_read_with_its_exact_value(text: str, value: str) -> None:
    assert number_of(text) == (Fraction(value), False)


@pytest.mark.parametrize("text", ["5%", "5 %", "5 percent", r"5\%", "about 5% more"])
def test_a_percent_sign_is_told(text: str) -> None:
    assert number_of(text) == (Fraction(5), True)


@pytest.mark.parametrize(
    "text",
    [
        "", "no number", "x", "1/0", "18:30", "2^5", "5²", "18 cm²", "2 + 3", "5*5", "5 * 5", "2**2", "5 × 5", "5·5", "5 x 5",
        "5 times 5", "3-3", "(5)(5)", "√2", r"\sqrt{2}", "2π", "3x", "x + 2", "1,8", "1,8,00", "1.2.3", "5 million",
        "3 and a half", "5 and a quarter", "1e9999", "9" * 1001, "nan", "inf", "18k",
    ],
)  # fmt: skip
def test_an_expression_or_no_number_is_none(text: str) -> None:
    assert number_of(text) is None


@pytest.mark.parametrize(
    "text",
    ["12 or 14", "12 and 14", "12, 14", "12-14", "2 hours 30 minutes", "5 x 6", "5 times 6", "3 plus 4", "9 by 4"],
)
def test_two_numbers_are_several_and_never_the_first(text: str) -> None:
    try:
        assert number_of(text) is None
    except Several:
        pass


@pytest.mark.parametrize("text", ["12 or 14", "12, 14", "5 feet 3 inches"])
def test_two_numbers_side_by_side_raise(text: str) -> None:
    with pytest.raises(Several):
        number_of(text)


@given(st.integers(-(10**30), 10**30))
def test_any_integer_is_read_with_and_without_separators(value: int) -> None:
    assert number_of(str(value)) == number_of(f"{value:,}") == number_of(f"{value}.00") == (Fraction(value), False)


@given(st.decimals(-(10**12), 10**12, places=9))
def test_no_decimal_is_rounded(value: object) -> None:
    assert number_of(f"{value:f}") == (Fraction(str(value)), False)


@given(st.fractions(max_denominator=10**9))
def test_any_fraction_is_read(value: Fraction) -> None:
    assert number_of(str(value)) == (value, False)


@given(st.text(max_size=60) | st.text("0123456789.,/-+*^%$ ex()", max_size=30))
def test_no_text_is_too_odd(text: str) -> None:
    try:
        number_of(text)
    except Several:
        pass
    assert all(isinstance(value, Fraction) for value in find_numbers(text))
    read_number_list(text)


@pytest.mark.parametrize(
    ("gold", "values"),
    [
        ("['16', '12']", [12, 16]),
        ("[16, 12]", [12, 16]),
        ("16 and 12", [12, 16]),
        ("(1, 2, 3)", [1, 2, 3]),
        ("16; 12", [12, 16]),
        ("16", None),
        ("1,000", None),
        ("[16]", None),
        ("16, many", None),
        ("12 or 14, 3", None),
    ],
)
def test_a_list_of_numbers_is_told_from_one(gold: str, values: list[int] | None) -> None:
    assert read_number_list(gold) == values


def test_every_number_of_a_text_is_found() -> None:
    assert find_numbers("From $48, 6 go; 1/2 of 1,000 and -3.5 stay") == {48, 6, Fraction(1, 2), 1000, Fraction(-7, 2)}
    assert find_numbers("none") == set()


@pytest.mark.parametrize(("text", "digits"), [("18", 0), ("18.", 0), ("3.14", 2), ("$2.50 or 1.125", 2), (".5", 0)])
def test_digits_after_the_point_are_counted(text: str, digits: int) -> None:
    assert read_decimals(text) == digits


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("{" * 100_000, "{" * 100_000), ("$ " * 50_000, ""), ("5 *" * 30_000, ("5 " * 30_000).strip()), (r"\boxed{" * 20_000, r"\boxed{" * 20_000),
        ("½" * 50_000, ("1/2 " * 50_000).strip()), (" " * 100_000, ""),
    ],
    ids=lambda text: text[:5],
)  # fmt: skip
def test_hostile_text_is_made_plain_at_once(text: str, plain: str) -> None:
    with bound_time(2):
        assert normalize_digits(text) == plain
        number_of(text[:1000])


@pytest.mark.parametrize(
    ("text", "language", "figures"),
    [
        ("1.234.567", "", "1234567"), ("three quarters", "", "3/4"), ("one-third", "What part?", "1/3"), ("a half", "", "1/2"), ("three quarters", "How many quarters?", "3 quarters"),
        ("two and a half", "", "2.5"), ("1.234.567.", "", "1234567."), ("1.2.3", "", "1.2.3"),
    ],
)  # fmt: skip
def test_parts_in_words_and_points_between_thousands_are_figures(text: str, language: str, figures: str) -> None:
    assert write_figures(text, language) == figures


def test_a_point_parts_thousands_where_the_language_says_so() -> None:
    assert align_decimal_mark("1.234", "1234", "Wie viele sind es?") == "1234"
    assert align_decimal_mark("1.234", "1234", "How many are there?") == "1.234"
