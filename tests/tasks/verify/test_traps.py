"""Pairs that fool checkers, and texts that attack them: each must come out right, within the limits, with nothing run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.verify.answer_types import compare_answers as same
from tasks.verify.compare import choose_answer_kind, judge_answer
from tasks.verify.extract import extract
from tasks.verify.extraction import Extraction
from tests.processor_time import bound_time


def never(gold: str, answer: str) -> str:
    raise AssertionError(f"{gold} and {answer} are settled without a second opinion")


def said(gold: str, answer: str, question: str = "") -> str:
    judged = judge_answer(gold, Extraction(answer, "stated"), choose_answer_kind(gold, None), (), question, never)
    return judged.undecided or judged.verdict


DIFFERENT = [
    (r"1-1/\mathrm{e}", r"1+1/\mathrm{e}"), ("2^{-99}", "2^{-98}"), ("1/2004!", "1/2006!"), ("0.0000001", "0.0000002"),
    (r"1,2,\ldots,n", r"1,3,5,\ldots,2n-1"), ("1,2,…,n", "1,3,5,…,2n-1"), ("1", "11"), ("(1,2)", "(2,1)"), ("[0,1)", "[0,1]"), ("(0,1)", "[0,1)"),
    ("x=3", "x=4"), ("1e-7", "2e-7"), ("10^{100}", "10^{100}+1"), (r"\frac{22}{7}", r"\pi"),
    ("x^2", "x^3"), ("2x+1", "2x-1"), (r"\{1,2\}", r"\{1,2,3\}"), (r"e^{\pi}", r"\pi^{e}"), ("n!", "3") , (r"\cos 1", r"\sin 1"),
    (r"31", r"31.\overline{6}"), ("-221_3", "10304_3"), (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\4&3\end{pmatrix}"), (r"\infty", r"-\infty"),
    (r"1\pm\sqrt{2}", r"1\pm\sqrt{3}"), (r"\emptyset", "0"),
]  # fmt: skip
EQUAL = [
    ("5", "sqrt(25)"), ("83", "{{ (5000 - 3755) // 15 }}"),
    ("18", "18.0"), ("18", "$18"), ("18", "18 dollars"), ("18", r"\boxed{18}"), (r"\frac{1}{2}", "0.5"), (r"\frac{1}{2}", r"50\%"), ("0.05", "5%"),
    (r"\{1,2\}", r"\{2,1\}"), ("x=3", "3"), ("3", "x = 3"), (r"\frac12", r"\dfrac{2}{4}"), (r"\sqrt{8}", "2√2"), (r"\frac{1}{\sqrt2}", r"\frac{\sqrt{2}}{2}"),
    ("(x+1)^2", "x^2+2x+1"), (r"\frac{x^2-1}{x-1}", "x+1"), (r"\sin 30^\circ", "1/2"), ("2^{n+1}", r"2\cdot 2^n"), (r"\log_2 8", "3"), ("3½", "7/2"),
    ("10!", "3,628,800"), (r"\binom{5}{2}", "10"), (r"[0,\infty)", r"x \ge 0"), (r"(-\infty,3)\cup(5,\infty)", "(-∞,3)U(5,∞)"), (r"1\pm\sqrt{2}", r"1+\sqrt{2}, 1-\sqrt{2}"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}"), ("y=2x+1", "2x-y+1=0"), ("y=2x+1", "2x+1"), ("1112112_3", "1112112₃"),
    (r"30^\circ", "30 degrees"), (r"12\text{ cm}^2", "12"), (r"i^2", "-1"), ("２５", "25"), ("−5", "-5"), ("1.5e3", "1500"), (r"10,\!000", "10000"), ("16 and 12", "12, 16"),
    (r"\sqrt[3]{-8}", "-2"), (r"\frac{1}{1+\sqrt2}", r"\sqrt{2}-1"), (r"0.\overline{3}", "1/3"), ("f(x) = x^2", "x*x"), ("11", r"\text{11}"), (r"2\pi r", r"r \cdot 2\pi"),
]  # fmt: skip


@pytest.mark.parametrize(("gold", "answer"), DIFFERENT)
def test_what_differs_is_proved_to_differ(gold: str, answer: str) -> None:
    for item, other in ((gold, answer), (answer, gold)):
        finding = same(item, other)
        if "!" in gold and "n" in gold:
            assert finding.result != "equal"
        else:
            assert (finding.result, finding.settled) == ("different", True)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [(r"\sqrt{2}", "1.41421356237309504880168872420969807857"), ("95/3", "31.6"), ("1/12", "0.0833333333333333")],
)
def test_a_rounded_number_is_neither_equal_nor_different(gold: str, answer: str) -> None:
    assert same(gold, answer).result == same(answer, gold).result == "rounded"


@pytest.mark.parametrize(("gold", "answer"), EQUAL)
def test_what_is_equal_in_other_dress_is_right(gold: str, answer: str) -> None:
    assert said(gold, answer) == said(answer, gold) == "right"


def test_words_of_a_calculation_are_read() -> None:
    assert said("28", "8 choose 2") == "right"
    assert said("8", "8 choose 2") == "wrong"


def test_percent_is_a_hundredth_unless_the_question_asks_for_it() -> None:
    assert said("0.05", "5%") == said("0.05", "5 %") == "right"
    for percent in ("5%", "5 %", r"5\%", "5 pct", "5 percentage"):
        assert said("5", percent, question="How many eggs are left?") == "wrong"
        assert said("5", percent) == "percent unclear"
    assert said("5", "5%", question="What percent is left?") == "right"
    assert said("5", "0.05", question="What percent is left?") == "percent unclear"
    assert said("5", "6%") == "wrong"


@pytest.mark.parametrize(
    "question",
    [
        "What is the school's pass rate?",
        "What is the probability?",
        "What interest does he pay?",
        "How much of the discount is left?",
    ],
)
def test_where_percent_may_be_meant_it_is_unclear(question: str) -> None:
    assert said("70", "70%", question=question) == "percent unclear"
    assert said("70", "71%", question=question) == "wrong"
    assert said("0.7", "70%", question=question) == "right"


def test_two_values_given_for_good_are_not_one_of_them() -> None:
    assert (
        said("3", r"3 \text{ or } 4", question="Find a.")
        == said(r"\sqrt2", r"\pm\sqrt2", question="What is x?")
        == "wrong"
    )
    assert said("18", r"18 \text{ or } 20", question="How many?") == "several answers"
    assert (
        said("18", r"19 \text{ or } 20", question="How many?") == said("36", "4, 8, 12", question="Find k.") == "wrong"
    )
    assert said("18", "14, 4", question="How many points?") == "several answers"
    assert said("18", "18, 20", question="What is the number of eggs?") == said("3", "3 or 4") == "several answers"
    assert said(r"\sqrt2", r"\sqrt2 \text{ or } 2^{1/2}", question="Find x.") == "several answers"
    assert said("25", "1/4 or 25%", question="What is the chance in percent?") != "wrong"
    assert said("['30', '120']", "x, 4 * x", question="Find the angles.") == "not fully read"


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("18", r"18\text{ not}"), ("18", r"18\text{ maybe}"), ("18", "18 ?"), ("18", "18, +"), ("18", "18 x"), ("1, 2, 3", r"1, 2, 3, \ldots"), ("1, 2, 3", "1, 2, 3 ?"),
        ("May 1, 2021", "May 1, 2021 or later"), ("May 1, 2021", "May 1, 2021 + 3"), ("23 chickens and 12 rabbits", "23 chickens and 12 rabbits, maybe"), ("Yes", "Yes, if n > 3"), ("Yes", "Yes is false"),
        (r"\emptyset", r"\emptyset \text{ not}"), (r"\text{(B)}", "(B) is false"), (r"\text{(B)}", "(B) ?"), (r"\text{east}", "east ?"), (r"n \text{ if } n > 0, 0 \text{ otherwise}", r"n \text{ if } n > 0, 0 \text{ otherwise } x"),
        (r"3\mathbf{i}+4\mathbf{j}", "3i+4j, -1"), ("3:4", r"3:4 \pm 1"), ("|x| < 2", "|x| < 2!"),
    ],
)  # fmt: skip
def test_what_takes_an_answer_back_makes_it_undecided(gold: str, answer: str) -> None:
    judged = judge_answer(gold, Extraction(answer, "boxed"), choose_answer_kind(gold, None), (), "", lambda *_: "equal")
    assert judged.verdict != "right"


def test_a_comma_is_a_decimal_mark_where_the_other_number_has_a_point() -> None:
    assert (
        said("1000.99", "1000,99") == said("1,22", "1.22") == said("0,111", "0.111") == said("2.74", "2,74") == "right"
    )
    assert said("1000.99", "1000,98") == "wrong"


def test_an_answer_that_corrects_itself_is_what_it_ends_with() -> None:
    for text in ("The answer is 18. Wait, it is 20.", r"So \boxed{18}. Hold on: that makes 20."):
        result = extract(text, None, "number")
        assert result is not None and (result.answer, result.rule) == ("20", "corrected")
    result = extract("The answer is 18. Wait for me.", None, "number")
    assert result is not None and result.answer == "18"


HOSTILE = [
    "9^9^9^9", "{" * 100_000, "(" * 100_000, "-" * 100_000, "x" * 10_000_000, "9" * 10_000_000, "\0" * 1000, "18\0", "__import__('os')", r"\input{/etc/passwd}", r"\write18{id}",
    r"\frac{" * 3_000, "^".join("9" * 400), "!" * 900, "99999999999!", "10^{10^{10}}", r"\sqrt{" * 300 + "}" * 300, "(x+y+z+1)^{999}", "(x+1)^{64}" * 9, "1/0", "0^0",
    "e^" * 300 + "1", "|" * 900, "1,2," * 240, r"\binom{5000}{2500}^{9999}", "x^{99999999}", "sin(" * 200, "±" * 300, "1±" * 200 + "1", "2^{1/3}" * 100, "100000000000000000039^{1/2}",
    r"\begin{pmatrix}" + "1&" * 400 + r"1\end{pmatrix}", "cos(10^{99})", "e^{e^{e^{e^{9}}}}",
    r"\sum_{k=1}^{10^9} k", r"\sum_{i=1}^{99}" * 30 + "1", r"\prod_{k=1}^{200} (x+y+k)^{64}", r"\int_0^1 " * 30 + "x dx" * 30, r"\sum_{k=1}^{n} k^{n^{n^n}}", r"\sum_{k=1}^{200} 5000!^k",
    r"\boxed{1}" + " " * 19_000 + r"\boxed{2}", r"\boxed{1} and " * 1500, "answer is " * 9_000, "|x|<" * 200, "x^2<" * 200, r"\begin{cases}" + r"x & x>1 \\" * 90 + r"\end{cases}",
    "1,2;" * 200, "(" + "1;2;" * 200 + "1)", r"\langle " * 90 + r"\rangle" * 90, "if " * 300, "even n " * 90, "\u200b1\u200b8\u202e", "１８\u0660\u0967", "1" + "\u0300" * 900, "i+j+k" * 80,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: f"{text[:12]} {len(text)}".replace("\0", "NUL"))
def test_hostile_answers_are_answered_within_the_limits(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with bound_time(20):
        for kind in ("number", "expression"):
            for gold, answer in (("18", text), (text, "18"), (text, text)):
                judged = judge_answer(gold, Extraction(answer, "stated"), kind, (), "", lambda *_: "timed out")
                assert judged.verdict != "right" or gold == answer or text.startswith("18")
            extract(text, None, kind)
    assert list(tmp_path.iterdir()) == []


PIECES = st.recursive(
    st.integers(0, 40).map(str) | st.sampled_from(["x", "y", r"\pi", "e", r"\sqrt{2}", r"\sqrt{3}", "0.25"]),
    lambda some: st.builds("({}+{})".format, some, some) | st.builds("({}-{})".format, some, some) | st.builds(r"{} \cdot {}".format, some, some)
    | st.builds(r"\frac{{{}}}{{{}}}".format, some, some) | st.builds("({})^{{2}}".format, some) | st.builds(r"\sqrt{{{}}}".format, some),
    max_leaves=6,
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(PIECES)
def test_a_formula_equals_itself_in_every_dress(formula: str) -> None:
    dresses = (
        f"${formula}$",
        rf"\boxed{{{formula}}}",
        formula.replace(r"\frac", r"\dfrac"),
        f" {formula} ",
        formula.replace(r"\cdot", "*"),
    )
    for dress in dresses:
        assert same(formula, dress).result in ("equal", "not settled", "too large")
        if same(formula, formula).settled:
            assert same(formula, dress).result == "equal"


@settings(deadline=None, max_examples=150)
@given(PIECES, PIECES)
def test_comparing_is_symmetric(text: str, other: str) -> None:
    assert same(text, other).result == same(other, text).result


@settings(deadline=None, max_examples=100)
@given(PIECES, st.integers(1, 50))
def test_adding_something_makes_a_difference_and_taking_it_away_makes_none(formula: str, number: int) -> None:
    assert same(formula, f"({formula})+{number}").result != "equal"
    assert same(formula, f"({formula})+{number}-{number}").result != "different"


@settings(deadline=None, max_examples=100)
@given(st.fractions(max_denominator=10**6), st.fractions(max_denominator=10**6))
def test_equal_means_of_equal_value(value: object, other: object) -> None:
    assert (same(str(value), str(other)).result == "equal") == (value == other)
