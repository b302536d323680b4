"""Answers read whole as values of a type, and compared by it; what is left over is never right or wrong."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types import ANSWER_TYPES, compare_answers, read_answer
from tasks.verify.compare import choose_answer_kind, judge_answer
from tasks.verify.extraction import Extraction

READ = {
    "12\\pi\\text{ cm}^2": "value", "3\\sqrt5 \\approx 6.708": "value", "f(x) = 2x": "value", "137 \\frac{1}{2}": "value", "x > 5": "interval",
    "x \\in [0, 1)": "interval", "-1 < x \\le 2": "interval", "x<-1 \\text{ or } x>3": "interval", "(-\\infty, 0)\\cup\\{1\\}": "interval", "\\mathbb{R}": "interval",
    "all real numbers": "interval", "2x+4y-3=0": "equation", "1, 3, 5": "collection", "\\{1\\pm\\sqrt{5},-2\\}": "collection", "(1,2),(3,4)": "collection",
    "x=2, y=3": "collection", "(p,q)=(3,2)": "collection", "\\begin{pmatrix}1\\\\2\\end{pmatrix}": "matrix", "n/2 \\text{ if } n \\text{ is even}": "cases",
    "\\begin{cases} x & x > 0 \\\\ 0 & \\text{otherwise} \\end{cases}": "cases", "\\frac{\\pi}{2} + n\\pi": "family", "2k+1, k \\in \\mathbb{Z}": "family",
    "x^2 + C": "antiderivative", "3:4": "ratio", "3 to 4": "ratio", "3:30 PM": "time of day", "2516_8": "number in a base", "3 \\pmod 7": "residue",
    "23 chickens and 12 rabbits": "named amounts", "\\emptyset": "nothing", "no solution": "nothing", "DNE": "nothing", "\\text{Evelyn}": "text", "ellipse": "text",
    "\\textbf{(B)}\\ 12": "option", "C. 42 cm": "option", "3\\mathbf{i} - 4\\hat{j}": "vector", "\\text{Yes}": "yes or no", "false": "yes or no", "05/01/2021": "date", "May 1, 2021": "date",
}  # fmt: skip


@pytest.mark.parametrize(("answer", "type_"), READ.items())
def test_an_answer_is_read_as_its_type_and_equals_itself(answer: str, type_: str) -> None:
    assert read_answer(answer).type == type_
    assert compare_answers(answer, answer).result == "equal"


def test_every_type_is_read_by_one_of_the_examples() -> None:
    assert set(READ.values()) == set(ANSWER_TYPES)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("x < 1", "-x > -1"), ("x \\in [-2, 3]", "-2 \\leq x \\leq 3"), ("(-\\infty,\\infty)", "\\mathbb{R}"), ("all real numbers", "(-\\infty, \\infty)"),
        ("(0,1)", "0 < x < 1"), ("[1,2]\\cup[2,3]", "[1,3]"), ("x<-1 \\text{ or } x>3", "(-\\infty,-1)\\cup(3,\\infty)"), ("\\left(0, 1\\right]", "(0,1]"),
        ("12\\pi", "A = 12\\pi \\text{ cm}^2"), ("\\frac{5}{2}", "\\frac{5}{2}\\ \\text{m}\\cdot\\text{s}^{-1}"), ("3\\sqrt{5}", "3\\sqrt{5} \\text{ or about } 6.71"),
        ("3\\sqrt{5}", "3\\sqrt{5} (\\approx 6.71)"), ("\\frac13", "\\frac{1}{3} \\approx 0.333"), ("x=\\frac{5\\pi}{6}+k\\pi", "-\\frac{\\pi}{6}+n\\pi"),
        ("\\frac{\\pi}{2}+2\\pi n", "\\frac{\\pi}{2}+2\\pi k"),
        ("\\pm 2", "2, -2"), ("{1,2,3}", "\\{3,2,1\\}"), ("3:4", "6:8"), ("3:4", "\\frac34"), ("3 \\bmod 7", "10 \\pmod{7}"), ("3:30 PM", "15:30"), ("no solution", "\\varnothing"),
              ("2x+4y-3=0", "y = -\\frac12 x + \\frac34"), ("f(x)=2x", "f(n)=2n"), ("(1,2),(3,4)", "(3,4), (1,2)"), ("60^\\circ", "60 degrees"), ("10,\\!080", "10\\,080"),
              ("1000", "1{,}000"), ("15 chickens, 15 rabbits", "15 rabbits and 15 chickens"), ("\\frac{x^2}{2}+C", "\\frac12 x^2 + c"), ("(p,q)=(3,2)", "p=3, q=2"),
        ("a = b", "b = a"), ("x = y + 1", "y = x - 1"), ("p=5,q=2;p=7,q=2", "(5,2),(7,2)"), ("(1,2),(2,1)", "x=2, y=1 \\text{ or } x=1, y=2"), ("(0;0),(0;-2)", "(0,0), (0,-2)"),
        ("(1,2),(3,4)", "(3,4),(1,2),(3,4)"), ("5", "a + b = 5"), ("\\frac35", "\\cos A = \\frac{3}{5}"), ("\\frac{NO}{BO}=\\frac12", "0.5"), ("7:32", "S_1:S_2 = 7:32"),
        ("y_{1}=2, y_{2}=3", "y_1 = 2, y_2 = 3"), ("11", "x \\approx 11"), ("odd", "\\text{odd}"), ("red", "\\text{red}"), ("\\textbf{A}", "A"), ("C. x = 42", "C"),
        ("\\text{AA similarity}", "AA"), ("W(n)=1 \\text{ or } W(n)=-1", "W(x)=1orW(x)=-1"), ("14{,}916", "14 {, }916"), ("\\frac12", "\\\\frac{1}{2}"),
        ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\left[\\begin{array}{cc}1 & 2\\\\3 & 4\\end{array}\\right]"), ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\frac12\\begin{pmatrix}2\\\\4\\end{pmatrix}"),
        ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(1,2)"), ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\langle 1, 2\\rangle"), ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{pmatrix}1&2\\end{pmatrix}^T"),
        ("3\\mathbf{i}+4\\mathbf{j}", "(3,4)"), ("3\\hat{i}-\\hat{k}+2\\hat{j}", "\\begin{pmatrix}3\\\\2\\\\-1\\end{pmatrix}"), ("(-\\infty,-1)\\cup(1,\\infty)", "|x| > 1"), ("[-3,3]", "|x| \\le 3"), ("(-2,2)", "x^2 < 4"), ("(-\\infty,1]\\cup[3,\\infty)", "x^2-4x+3 \\ge 0"),
        ("\\text{all real numbers except } 2", "x \\ne 2"), ("-\\infty", "-\\text{infinity}"), ("\\sin 15^\\circ", "\\frac{\\sqrt6-\\sqrt2}{4}"), ("\\cos 36^\\circ", "\\frac{1+\\sqrt5}{4}"),
        ("\\ln|x+1|+C", "\\ln|1+x|+K"), ("\\frac{\\pi}{6}+k\\pi", "\\frac{\\pi}{6}+n\\pi \\text{ where } n \\text{ is an integer}"), ("20\\pi", "20\\pi\\ \\mathrm{m}^3"),
        ("(a,b)=(1,2)", "b=2, a=1"), ("\\begin{cases} x & x \\ge 0 \\\\ -x & x < 0 \\end{cases}", "\\begin{cases} x & x \\ge 0 \\\\ -x & \\text{otherwise} \\end{cases}"),
        ("n/2 \\text{ if } n \\text{ is even}, (n+1)/2 \\text{ if } n \\text{ is odd}", "\\begin{cases} \\frac{n+1}{2} & n \\equiv 1 \\pmod 2 \\\\ \\frac n2 & \\text{otherwise} \\end{cases}"),
        ("n \\text{ if } 3 \\mid n, 0 \\text{ otherwise}", "n \\text{ if } n \\text{ is divisible by } 3, 0 \\text{ else}"),
        ("\\sum_{k=1}^{n}k^2", "\\frac{n(n+1)(2n+1)}{6}"),
        ("\\sum_{i=0}^n \\binom{n+1}{i} X^i", "(1+X)^{n+1}-X^{n+1}"), ("n!", "\\prod_{k=1}^n k"), ("\\frac13", "\\int_0^1 x^2\\,dx"), ("\\sum_{k=0}^{n-1} F_k F_{n-k-1}", "\\sum_{k=0}^{n-1} F_{n-k-1} F_k"),
    ],
)  # fmt: skip
def test_the_same_in_another_form_is_equal(gold: str, answer: str) -> None:
    finding = compare_answers(gold, answer)
    assert (finding.result, finding.settled) == ("equal", True)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("x > 5", "5"), ("x > 5", "x \\ge 5"), ("x \\le 2", "x \\ge 2"), ("[2,5)", "[2,5]"), ("\\left(0,1\\right)", "\\left[0,1\\right)"), ("0<x<4", "0 \\le x \\le 4"),
        ("2", "2n"), ("-9x", "-9y"), ("6", "3!  + 1"), ("(1,2),(3,4)", "(1,2),(4,3)"), ("2, 3", "2, 4"), ("\\frac{\\pi}{2}+n\\pi", "\\frac{\\pi}{3}+n\\pi"),
        ("x^2 + C", "x^3 + C"), ("3:4", "4:3"), ("2516_8", "2517_8"), ("3 \\pmod 7", "4 \\pmod 7"), ("3:30 PM", "3:30 AM"), ("\\emptyset", "(-\\infty,4)"),
        ("23 chickens and 12 rabbits", "12 chickens and 23 rabbits"), ("\\pm 2021", "2021"), ("a=1 \\text{ or } a=-2", "a = 1"), ("2x+4y-3=0", "2x+4y+3=0"),
        ("1, 2, \\ldots, n", "1, 3, 5, \\ldots, 2n-1"), ("x = y + 1", "y = x + 1"), ("\\sin x + C", "\\cos x + C"), ("(-2,2)", "x^2 \\le 4"), ("(a,b)=(1,2)", "a=2, b=1"), ("[-3,3]", "|x| < 3"),
        ("n/2 \\text{ if } n \\text{ is even}, (n+1)/2 \\text{ if } n \\text{ is odd}", "n/2 \\text{ for odd } n, (n+1)/2 \\text{ for even } n"), ("(1,2),(2,1)", "x=2, y=1 \\text{ or } x=1, y=3"), ("3\\mathbf{i}+4\\mathbf{j}", "4i+3j"),
        ("\\frac{n(n+1)}{2}", "\\sum_{k=1}^{n-1} k"), ("\\frac14", "\\int_0^1 x^2 dx"), ("\\sum_{k=0}^{n-1} F_k", "n F_k"), ("\\text{odd}", "even"), ("(B)\\ 12", "C"),
        ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(2,1)"), ("(0, \\frac83]", "(0, 2.7667]"), ("y=\\frac23x", "y = 0.77x"), ("7:32", "S_1:S_2 = 32:7"),
    ],
)  # fmt: skip
def test_another_answer_is_different(gold: str, answer: str) -> None:
    finding = compare_answers(gold, answer)
    assert (finding.result, finding.settled) == ("different", True)


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        ("\\frac{1}{3}", "0.33", "rounded"), ("\\sqrt{2}", "1.414", "rounded"), ("6.28", "2\\pi", "rounded"), ("\\frac{1}{12}", "0.0833333333333333", "rounded"),
        ("(0, \\frac83]", "(0, 2.667]", "rounded"), ("y = \\frac23 x + 1", "y = 0.67x + 1", "rounded"), ("2x + 3y = \\frac13", "2x + 3y = 0.333", "rounded"), ("x^2 + \\frac{y^2}{3} = 1", "x^2 + 0.333y^2 = 1", "rounded"),
        ("\\begin{pmatrix}\\frac13\\\\1\\end{pmatrix}", "\\begin{pmatrix}0.33\\\\1\\end{pmatrix}", "rounded"), ("\\frac12+\\frac{\\sqrt3}{2}i", "0.5+0.87i", "rounded"), ("11.2", "x \\approx 11", "rounded"),
        ("3:7", "1:2.33", "rounded"), ("5", "2x = 10", "not settled"), ("8k+3", "8n+3", "other letter"), ("(0,1)", "x^3 < x^2", "other type"), ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{pmatrix}1&2\\end{pmatrix}", "not settled"),
        ("60^\\circ", "\\frac{\\pi}{3}", "other unit"), ("\\frac{\\pi}{6}", "30°", "other unit"), ("5 \\text{ km}", "5 \\text{ cm}", "other unit"),
        ("3", "3 \\text{ if } n > 3", "other type"), ("x^2 + C", "x^2", "constant missing"), ("(1,2)", "2, 1", "order unclear"), ("x > 5", "y > 5", "other letter"),
        ("6", "6m", "not fully read"), ("3\\sqrt{5}", "3\\sqrt{5} \\approx 7.2", "not fully read"), ("\\frac{1}{2}", "\\frac{1}{2} = 0.7", "not fully read"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_has_its_reason(gold: str, answer: str, expected: str) -> None:
    assert compare_answers(gold, answer).result == expected


GOLDS = ["x > 5", "\\frac{5}{2}", "12\\pi", "3\\sqrt{2}", "(1,2)", "[0,1)", "1, 2, 3", "\\frac{\\pi}{2}+n\\pi", "x^2+1", "y = 2x+3", "\\{1,2\\}", "2k+2", "18", "0", "3:4", "\\text{(B)}",
         "\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\text{east}", "2516_8", "3\\mathbf{i}+4\\mathbf{j}",
         "\\sum_{k=1}^n k", "n/2 \\text{ if } n \\text{ is even}, 0 \\text{ otherwise}", "\\text{Yes}", "May 1, 2021", "3 \\pmod 7", "x^2 + C", "|x| < 2", "3:30 PM", "\\emptyset", "23 chickens and 12 rabbits"]  # fmt: skip
FOREIGN = st.sampled_from(["\\text{ if } n>3", "\\text{ unless } k = 2", "\\text{ when } x \\ne 0", "\\unknown", "\\star 4", "@@", "_{\\text{foo}}", "\\text{ or something else}",
                           "\\text{ blorp quux}", "\\mho", "\u2603 7", "\\text{ only if } a < b", "\ufffd"])  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(GOLDS), FOREIGN, st.sampled_from(["", " ", "\\,", ", "]))
def test_what_is_added_and_not_understood_is_never_right(gold: str, foreign: str, gap: str) -> None:
    in_words = read_answer(gold).type in (
        "option",
        "yes or no",
        "date",
        "named amounts",
    )  # words may stand behind these
    assume(not (in_words and ("blorp" in foreign or "something" in foreign or "$" in foreign or "foo" in foreign)))
    judged = judge_answer(
        gold, Extraction(gold + gap + foreign, "boxed"), choose_answer_kind(gold, None), (), "", lambda *_: "equal"
    )
    assert judged.verdict == "undecided"


@given(st.text(max_size=40))
def test_no_text_is_too_odd_to_be_read_or_refused(text: str) -> None:
    try:
        assert read_answer(text).type in ANSWER_TYPES
    except UnreadableFormula:
        pass


PIECE = st.sampled_from(["3", "x", "n", "i", "j", "\\pm", "\\frac{1}{2}", "\\sqrt{2}", "(", ")", "[", "]", ",", ";", ":", "|", "<", "\\le ", "=", "\\approx ", "+", "-", "!", "^", "_", "\\sum_{k=1}^{n} ", "\\int_0^1 ",
                         "dx", "\\text{ or }", "\\text{ if }", "\\text{ otherwise}", "\\cup ", "\\infty ", "\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\", "\\%", "\\degree ", "+ C", " mod 3", "\\ldots ", "k\\in\\mathbb{Z}", "\\lbrace ", "\\rbrace "])  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(GOLDS) | st.lists(PIECE, max_size=8).map("".join),
    st.lists(PIECE, min_size=1, max_size=10).map("".join),
)
def test_no_two_answers_are_too_odd_to_be_compared(gold: str, answer: str) -> None:
    assert compare_answers(gold, answer).result != "comparison failed"
    assert compare_answers(answer, gold).result != "comparison failed"
    for context in ("", f"So it is {answer}."):
        judged = judge_answer(
            gold, Extraction(answer, "", context), choose_answer_kind(gold, None), (), "Find x.", lambda *_: "timed out"
        )
        assert judged.verdict in ("right", "wrong", "undecided")
