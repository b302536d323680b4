"""What a solution calculates, read whole, in a form that two ways of writing it share."""

from __future__ import annotations

import gzip
import json
import os
import time
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.arithmetic.calculation_paths import UnreadStatement, resolve_statements, resolve_steps, write_calculations
from tasks.arithmetic.equations import find_equations
from tasks.arithmetic.expressions import make_calculation
from tasks.arithmetic.formulas import compute
from tasks.arithmetic.statements import read_statements


def find(text: str) -> list[str]:
    return [written for written, _ in write_calculations(resolve_statements(text))]


@pytest.mark.parametrize(
    ("text", "calculations"),
    [
        ("3-8=-5", ["(+3-8)=-5"]),
        ("3 - 8 = 5", ["(+3-8)=5"]),
        ("(2+3)*4=20", ["[*(+2+3)*4]=20"]),
        ("2+3*4=20", ["(+2+[*3*4])=20"]),
        (r"3 \times 4=12", ["[*3*4]=12"]),
        ("√16 + 1 = 5", ["(+1+root(2,16))=5"]),
        (r"\sqrt[3]{8} + 1 = 3", ["(+1+root(3,8))=3"]),
        ("5² + 1 = 26", ["(+(5)^(2)+1)=26"]),
        ("52 + 1 = 26", ["(+1+52)=26"]),
        ("3½+1=4.5", ["(+1+7/2)=9/2"]),
        ("4! - 1 = 23", ["(+(4)!-1)=23"]),
        ("-5 + (4 * 8) = 27", ["(+[*4*8]-5)=27"]),
        ("Then 5 x 3 = 15, and 2x = 6", ["[*3*5]=15", "[*2*v0]=6"]),
        ("x = 4. Then 3x = 12", ["[*3*4]=12"]),
        ("x^2 = 25, so x = -5", ["(v0)^(2)=25", "=-5"]),
        ("revenue = 20. revenue - 5 = 15", ["(+20-5)=15"]),
        ("Profit = revenue - cost = 20 - 5 = 15", ["(+20-5)=15"]),
        ("She has 3 apples + 4 apples = 7 apples. Then 7 × 2 = 14.", ["(+3+4)=7", "[*2*7]=14"]),
        ("5 hours * $12/hour = $60", ["[*12*5]=60"]),
        ("30 (my share) + 10 = 40", ["(+10+30)=40"]),
        ("- 5 * 3 = 15\n- 15 - 5 = 10", ["[*3*5]=15", "(+15-5)=10"]),
        ("The total is 3 * 4 =\n12", ["[*3*4]=12"]),
        ("1) 3 + 4 = 7", ["(+3+4)=7"]),
        (r"4 + 3 = 7\n5 * 3 = 15", ["(+3+4)=7", "[*3*5]=15"]),
        ("there are 12 of them", []),
    ],
)
def test_calculations_are_read(text: str, calculations: list[str]) -> None:
    assert find(text) == calculations


@pytest.mark.parametrize(
    "texts",
    [
        (
            "0.5*8=4",
            "half of 8 is 4",
            "50% of 8 = 4",
            r"$\frac{1}{2} \times 8 = 4$",
            "1/2 * 8 = 4 apples",
            "50/100*8=4",
        ),
        ("3*4 = 12", "three times four equals twelve", "4 × 3 is 12", "٣ * ٤ = ١٢", "So **3 * 4 = 12**."),
        ("1,200 + 300 = 1,500", "300 dollars + 1200 dollars = 1500 dollars", "The sum = 1200+300 = 1500"),
    ],
)
def test_ways_of_writing_one_calculation_are_one(texts: tuple[str, ...]) -> None:
    assert {tuple(find(text)) for text in texts} == {tuple(find(texts[0]))} != {()}


@pytest.mark.parametrize(
    "text",
    [
        "sin(30) = 1/2 + 0",
        "12:30 + 5 = 17",
        "|x| + 1 = 7",
        "x = 1, 2, 3",
        "x = 3 or -3",
        "some cost * 3 = 15",
        r"x = \pm 3",
        "3 + 4 = 12 5-dollar bills",
        "x " * 10_001,
    ],
)
def test_what_is_not_read_whole_is_not_read(text: str) -> None:
    with pytest.raises(UnreadStatement):
        resolve_statements(text)


def test_steps_know_their_statements() -> None:
    steps = ["3 + 4 = 7", "So two times that:", "7 * 2 =\n15 and 5² = 25"]
    placed = resolve_steps(steps)
    assert [(step, statement.holds) for step, statement in placed] == [(0, True), (2, False), (2, True)]


@given(st.text(alphabet="12 x+-*/=()^√²½.,\n\\{}$%&!<≈abof", max_size=60))
def test_no_text_breaks_the_reading(text: str) -> None:
    try:
        statements = resolve_statements(text)
    except UnreadStatement:
        return
    assert all(text for text, _ in write_calculations(statements))


def _compare_readers(line: str) -> tuple[int, int]:
    """The equations that both readers read in a line, and those of them that they read differently."""
    equations = find_equations(line)
    try:
        statements = resolve_statements(line)
    except UnreadStatement:
        return 0, 0
    values = [(compute(item.left) if item.left else None, item.right) for item in statements]
    different = 0
    for equation in equations:
        results = [right for left, right in values if left == equation.computed]
        different += not results
    return len(equations), different


@pytest.mark.data
@pytest.mark.skipif("ERRATA_DATA" not in os.environ, reason="ERRATA_DATA is not set")
def test_what_is_strictly_arithmetic_is_read_as_the_proofs_read_it() -> None:
    read = different = 0
    with gzip.open(Path(os.environ["ERRATA_DATA"]) / "zeroeval" / "gsm.jsonl.gz", "rt") as lines:
        texts = [json.loads(line)["output"] for line in islice(lines, 800)]
    for text in texts:
        for line in text.split("\\n"):
            total, other = _compare_readers(line)
            read, different = read + total, different + other
    assert read > 1000
    assert different <= read * 0.002


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3 * 4", 14),
        ("(2 + 3) × 4", 20),
        ("[2 + 3] × 4", 20),
        ("20% of 50", 10),
        ("1/4 of 12", 3),
        ("7 ÷ 2", 3.5),
        ("8 - 3 - 2", 3),
        ("10 - (3 + 2)", 5),
        ("1,200 / 4", 300),
    ],
)
def test_expressions_are_read_as_people_read_them(text: str, value: float) -> None:
    (statement,) = read_statements(f"{text} = 1")
    assert statement.left.tree is not None
    calculation = make_calculation(statement.left.tree)
    assert calculation is not None
    assert float(calculation.value) == value


@pytest.mark.parametrize("text", ["", "+", "2 +", "2 3", "2 / 0", ")", "x + 2", "2^3"])
def test_what_is_no_calculation_is_none(text: str) -> None:
    (statement,) = read_statements(f"{text} = 1")
    assert statement.left.tree is None or make_calculation(statement.left.tree) is None


def test_a_statement_has_sides_with_places_units_and_money() -> None:
    text = "So 3 bags * $4/bag = $12 in all, and the rest - 5 = 3 \\times y or 7"
    bags, rest = read_statements(text)
    assert [text[sign.start : sign.end] for sign in bags.left.signs if sign.kind != "word"] == ["3", "*", "4"]
    assert (bags.left.currency, bags.right.currency, bags.right.unit, bags.left.certain) == ("$", "$", "in", True)
    assert (rest.left.operand, rest.left.certain, rest.right.certain, rest.continues) == ("rest", False, False, False)


def test_a_side_that_is_not_read_says_why() -> None:
    assert [side.fault for side in read_statements("|x| = sin(3)")[0][::2]] == ["|", "sin"]
    assert read_statements("x = 3 or -3")[0].right.fault == "several values"


def test_a_sentence_without_a_calculation_takes_no_time_however_long() -> None:
    started = time.process_time()
    assert read_statements("it is " + "1 " * 3000 + "+ " * 3000) == ()
    assert time.process_time() - started < 5
