"""Judging an answer against gold: right, wrong, or undecided with the reason."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.columns.problems import COMPARISON_RULES
from tasks.verify.compare import choose_answer_kind, judge_answer
from tasks.verify.extraction import Extraction

OPTIONS = ["A) 12", "B) 14", "C) None of these"]
RISES = ["A) a rise", "B) 5% increase", "C) no change"]


def asked(gold: str, answer: str) -> str:
    """Stands for the workers: what reaches them."""
    return f"asked {gold} and {answer}"


def verdict(gold: str, answer: str, options: list[str] | None = None, question: str = "", context: str = "") -> str:
    """The verdict, or why there is none."""
    extraction = Extraction(answer, "stated", context)
    judged = judge_answer(gold, extraction, choose_answer_kind(gold, options), options or [], question, asked)
    assert judged.rule in COMPARISON_RULES
    assert (judged.verdict == "undecided") == (judged.undecided is not None)
    return judged.undecided or judged.verdict


SAME = [
    "18",
    "18.0",
    "18.",
    "$18",
    "18 dollars",
    r"\boxed{18}",
    "**18**",
    "１８",
    "36/2",
    "eighteen",
    "x = 18",
    "1.8e1",
]


@pytest.mark.parametrize("gold", ["18", "18.0", "$18", "1.8e1"])
@pytest.mark.parametrize("answer", SAME)
def test_the_form_of_a_number_does_not_matter(gold: str, answer: str) -> None:
    assert verdict(gold, answer) == "right"


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        ("1", "11", "wrong"),
        ("11", "1", "wrong"),
        ("18", "-18", "wrong"),
        ("0.0000001", "0.0000002", "wrong"),
        ("0.0000001", r"\boxed{0.0000002}", "wrong"),
        ("10000001", "10000002", "wrong"),
        ("1/2", "0.5", "right"),
        ("2.5", "2½", "right"),
        ("3.33", "10/3", "rounded"),
        ("3", "3.4", "wrong"),
        ("18", "12 or 14", "wrong"),
        ("12", "12 or 14", "several answers"),
        ("25", "5*5", "right"),
        ("25", "5²", "right"),
        ("0", "3-3", "right"),
        ("31", "5*6", "wrong"),
        ("18", "many", "unparsable"),
        ("18", "", "not fully read"),
        ("0.5", "50%", "right"),
        ("50%", "0.5", "right"),
        ("50%", "50", "percent unclear"),
        ("50", "50%", "percent unclear"),
        ("50%", "51", "wrong"),
        ("0.5", "0.5%", "percent unclear"),
        ("210", "12 soccer jerseys would cost $210", "several answers"),
        ("6", "6*sqrt(2)", "wrong"),
        ("1", "1,-1", "several answers"),
        ("2", "2:00 pm", "right"),
        ("2", "3:00 pm", "wrong"),
        ("9500", "$9 500", "right"),
        ("8", "There must be an error in the problem.", "wrong"),
        ("0", "There are no eggs left.", "unparsable"),
    ],
)
def test_numbers_are_compared_exactly(gold: str, answer: str, expected: str) -> None:
    assert verdict(gold, answer) == expected


def test_a_percent_sign_says_nothing_where_the_question_asks_for_percent() -> None:
    assert verdict("50", "50%", question="What percent is left?") == "right"


def test_an_answer_in_another_unit_is_no_mistake() -> None:
    assert verdict("1128", "18.8 hours") == "other unit"
    assert verdict("1128", "18.8", context="It takes 18.8 hours.") == "other unit"
    assert verdict("1128", "18.9 hours") == "wrong"


def test_gold_beside_the_answer_in_its_sentence_is_no_mistake() -> None:
    assert verdict("6", "18", context="She has 6 bags, which is 18 dollars.") == "several answers"
    assert verdict("7", "18", context="She has 6 bags, which is 18 dollars.") == "wrong"


@given(st.decimals(-(10**15), 10**15, places=6))
def test_a_number_equals_itself_in_every_dress(value: Decimal) -> None:
    text = f"{value:f}"
    fullwidth = text.translate({ord(d): ord(d) - ord("0") + 0xFF10 for d in "0123456789"})
    for dress in (text, f"{value:,}", f"{text}0", f"${text}", text.replace("-", "−"), fullwidth, f"**{text}**",
                  rf"\boxed{{{text}}}", f"$\\boxed{{{text}}}$", f"{text} eggs", f"x = {text}"):  # fmt: skip
        assert verdict(text, dress) == "right"


@given(st.integers(1, 10**5), st.integers(1, 10**5))
def test_other_whole_numbers_are_wrong_in_every_dress(number: int, other: int) -> None:
    assume(number != 100 * other)  # which may be dollars in cents
    for dress in (f"{other}", f"{other:,}", f"${other}.00", rf"\boxed{{{other}}}"):
        assert verdict(str(number), dress) == ("right" if number == other else "wrong")


@pytest.mark.parametrize("gold", ["['16', '12']", "16 and 12", "(12, 16)"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("16 m and 12 m", "right"),
        ("12 and 16", "right"),
        ("(12, 16)", "right"),
        ("16 and 13", "wrong"),
        ("16", "unparsable"),
        ("16, 12 and 3", "unparsable"),
        ("4 * 4 and 12", "unparsable"),
    ],
)
def test_several_numbers_are_compared_in_any_order(gold: str, answer: str, expected: str) -> None:
    assert verdict(gold, answer) == expected


@pytest.mark.parametrize("gold", ["B", "b", "(B)", "B.", "B) 14", "14"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("B", "right"), ("b", "right"), ("(b)", "right"), ("B.", "right"), ("**B**", "right"), (r"\boxed{B}", "right"),
        (r"$\boxed{\text{B}}$", "right"), ("B) 14", "right"), ("14", "right"), ("Option B", "right"), ("It is (B)", "right"),
        ("A", "wrong"), ("12", "wrong"), ("None of these", "wrong"), ("choice (c)", "wrong"),
        ("A or B", "several answers"), ("(A) or (B)", "several answers"), ("either a or b", "several answers"),
        ("A, B", "several answers"), ("A and B", "several answers"),
        ("13", "unparsable"), ("D", "unparsable"), ("not (A)", "unparsable"), ("closest to (A)", "unparsable"),
        ("I think so", "unparsable"), ("", "unparsable"),
    ],
)  # fmt: skip
def test_a_choice_is_known_by_its_letter_or_its_text(gold: str, answer: str, expected: str) -> None:
    assert verdict(gold, answer, OPTIONS) == expected


def test_a_letter_may_be_the_text_of_an_option() -> None:
    assert verdict("B", "B) a", ["A) x", "B) a"]) == "right"


def test_an_article_is_no_letter_of_an_option() -> None:
    assert verdict("A", "a 5% increase", RISES) == "unparsable"
    assert verdict("B", "5% increase", RISES) == "right"
    assert verdict("A", "a rise", RISES) == "right"


def test_a_gold_answer_that_is_none_of_the_options_decides_nothing() -> None:
    assert verdict("15", "B", OPTIONS) == "gold unparsable"
    assert verdict("E", "B", OPTIONS) == "gold unparsable"


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        ("yes", "Yes.", "right"), ("yes", "No", "wrong"), ("no", "False", "right"), ("True", "yes", "right"),
        ("yes", "Yes, no eggs are left", "right"), ("no", "No, because it is true", "right"), ("yes", "maybe", "unparsable"),
        ("yes", "yes or no", "several answers"), ("no", "yes and no", "several answers"), ("no", "none", "unparsable"),
        ("Paris", "paris", "right"), ("Paris", "It was in Paris.", "right"), ("Paris", "London", "wrong"),
        ("Paris", "Paris or London", "several answers"), ("New York", "York", "unparsable"), ("Paris", "...", "unparsable"),
        ("Paris", "I really do not know which city it would be", "unparsable"),
    ],
)  # fmt: skip
def test_texts_are_compared_by_their_words(gold: str, answer: str, expected: str) -> None:
    assert verdict(gold, answer) == expected


@pytest.mark.parametrize(
    ("gold", "kind"),
    [("18", "number"), ("$1,800.50", "number"), ("50%", "number"), ("1e-07", "number"), ("['16', '12']", "number"), ("18 cm", "number"),
     ("x^2 + 1", "expression"), (r"\sqrt{2}", "expression"), ("3x", "expression"), ("y", "expression"), ("yes", "yes or no"), ("05/01/2021", "date"), ("x^2 + y = 3", "expression"), ("1112112_3", "expression"), ("New York", "text"),
     ("18 people", "number")],
)  # fmt: skip
def test_the_sort_of_answer_is_told_from_gold(gold: str, kind: str) -> None:
    assert choose_answer_kind(gold, None) == choose_answer_kind(gold, []) == kind
    assert choose_answer_kind(gold, OPTIONS) == "choice"


@pytest.mark.parametrize(
    ("reply", "expected"), [("equal", "right"), ("different", "checkers disagree"), ("timed out", "timed out")]
)
def test_an_expression_is_what_the_workers_say(reply: str, expected: str) -> None:
    judged = judge_answer(
        r"1+\sqrt{3}", Extraction(r"\sqrt{4+2\sqrt{3}}", "boxed"), "expression", [], "", lambda *_: reply
    )
    assert (judged.undecided or judged.verdict, judged.rule) == (expected, "expression")


def test_words_round_an_expression_make_it_no_mistake() -> None:
    judged = judge_answer("30", Extraction("5^2 more eggs", "phrase"), "number", [], "", lambda *_: "different")
    assert (judged.verdict, judged.undecided) == ("undecided", "not fully read")
    assert judge_answer("30", Extraction("5^2", "phrase"), "number", [], "", lambda *_: "different").verdict == "wrong"


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from([None, OPTIONS]))
def test_no_pair_is_too_odd(gold: str, answer: str, options: list[str] | None) -> None:
    assert verdict(gold, answer, options)


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("05/01/2021", "05/02/2021", "wrong"), ("05/01/2021", "05/01/2021", "right"), ("5 million people", "5,000,000", "undecided"),
        ("Tuesday", "3rd", "undecided"), ("Tuesday", "Friday", "wrong"),
    ],
)  # fmt: skip
def test_figures_in_a_text_that_are_written_otherwise_are_no_mistake(gold: str, answer: str, verdict: str) -> None:
    assert judge_answer(gold, Extraction(answer, "phrase"), "text", (), "", lambda *_: "different").verdict == verdict


def test_a_share_where_percent_is_asked_for_is_unclear() -> None:
    judged = judge_answer(
        "50", Extraction("0.5", "phrase"), "number", (), "What percent is it?", lambda *_: "different"
    )
    assert (judged.verdict, judged.undecided) == ("undecided", "percent unclear")


@pytest.mark.parametrize(
    ("gold", "answer", "question", "expected"),
    [
        ("210", "12 jerseys would cost $210", "6 jerseys cost $105, how much would 12 jerseys cost?", "right"),
        ("200", "12 jerseys would cost $210", "6 jerseys cost $105, how much would 12 jerseys cost?", "wrong"),
        ("5", "each gets 5 pencils, with 4 pencils left over", "Share 34 pencils among 6 friends. How many does each get?", "right"),
        ("4", "each gets 5 pencils, with 4 pencils left over", "Share 34 pencils among 6 friends. How many are left?", "several answers"),
        ("-4", "-4, 1", "Which values between 1 and 5 are left?", "several answers"),
        ("128", "86 glasses and 42 plates", "How many glasses and plates does he have now?", "right"),
        ("129", "86 glasses and 42 plates", "How many glasses and plates does he have now?", "several answers"),
        ("128", "86 glasses and 42 plates", "How many glasses and plates are there in all?", "several answers"),
        ("18", "14 points (first game) + 4 points (second game) = 18 points", "How many points?", "right"),
        ("14", "14 points (first game) + 4 points (second game) = 18 points", "How many points?", "wrong"),
        ("78", "82 - 13 + 9 = 78 + 9 = 87", "How many teachers?", "wrong"),
        ("113", "1 hour and 53 minutes", "How much time does she have?", "right"),
        ("34", "2040", "It takes 5 minutes and 2 hours a day. In 4 weeks, how much time does she spend?", "other unit"),
        ("53", "1 hour and 53 minutes", "How much time does she have?", "several answers"),
        ("25", "1 hour and 5 minutes", "How much time does she have?", "wrong"),
        ("34", "2040 minutes or 34 hours", "How much time does she spend?", "right"),
        ("198", "$1.98", "A cone costs 99 cents. How much would 2 cones cost?", "right"),
        ("95", "5700 seconds", "It takes a minute and 5 seconds each. How long will it take?", "other unit"),
        ("1059955", "1,060,000", "About how many children are there?", "rounded"),
        ("1059955", "1,060,000", "How many children are there?", "wrong"),
        ("6", "6.75 kg", "About how much did each box weigh?", "rounded"),
        ("25", "-25", "What is the difference between their scores?", "sign unclear"),
        ("25", "-25", "What is the positive difference?", "wrong"),
        ("25", "-25", "How many points does she have?", "wrong"),
        ("6", "no pencils left", "How many pencils are left?", "wrong"),
        ("0", "no pencils left", "How many pencils are left?", "right"),
        ("6", "no pencils left", "How many pencils did each get?", "unparsable"),
        ("['36', '12']", "The man is 3*12 = 36 years old and the son is 12 years old", "Find their ages.", "right"),
        ("['30', '15']", "15 girls and 15 boys", "How many of each?", "wrong"),
        ("['40', '15']", "x = 15 and y = 5", "How old are they?", "not fully read"),
        ("['40', '30']", "70 km/h and 0 km/h", "What are their speeds?", "wrong"),
    ],
)  # fmt: skip
def test_what_a_sentence_with_several_numbers_is_shown(gold: str, answer: str, question: str, expected: str) -> None:
    assert verdict(gold, answer, question=question) == expected


@pytest.mark.parametrize(
    ("gold", "last", "context", "question", "expected"),
    [
        ("64800", "30", "She makes $64,800 more if it runs for a month with 30 days.", "How much more in a month with 30 days?", "right"),
        ("34", "4", "She spent 2040 minutes on practice in 4 weeks.", "How much time in 4 weeks at 1 hour a day, 5 days a week?", "other unit"),
        ("128", "42", "He now has 86 glasses and 42 plates.", "How many glasses and plates does he have now?", "right"),
        ("60", "5", "She needs 60 / 12 = 5 packs.", "How many bags are that?", "several answers"),
        ("31", "5", "She needs 60 / 12 = 5 packs.", "How many bags are that?", "wrong"),
    ],
)  # fmt: skip
def test_the_last_number_of_a_sentence_need_not_be_the_one_it_is_shown(
    gold: str, last: str, context: str, question: str, expected: str
) -> None:
    assert verdict(gold, last, question=question, context=context) == expected
