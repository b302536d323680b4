"""Finding the final answer in a completion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns.problems import EXTRACTION_RULES
from tasks.verify.compare import judge_answer
from tasks.verify.extract import extract
from tasks.verify.extraction import AnswerKind, Extraction
from tasks.verify.marked_answers import find_boxed, find_json_answer
from tasks.verify.truncation import TAIL
from tests.processor_time import bound_time


def found(text: str, kind: AnswerKind = "number", stated: str | None = None) -> tuple[str, str] | None:
    extraction = extract(text, stated, kind)
    return (extraction.answer, extraction.rule) if extraction else None


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        (r"So \boxed{18}.", "18", "boxed"),
        (r"So \boxed{\frac{1}{2}}.", r"\frac{1}{2}", "boxed"),
        (r"\boxed{3} and then \boxed{4}", "4", "boxed"),
        (r"\boxed{3}. The answer is 4.", "4", "phrase"),
        (r"\boxed{3}. The answer is clear.", "3", "boxed"),
        ("6*3 = 18\n#### 18", "18", "hashes"),
        ("6*3 = 18\n  #### $1,800 ", "$1,800", "hashes"),
        ("**Answer:** 18 eggs.", "18 eggs", "final line"),
        ("A: 18", "18", "final line"),
        ("**Final Answer**: $18", "$18", "final line"),
        ("So the answer is 18.5. That is all.", "18.5", "phrase"),
        ("The answer to the question is 18!", "18", "phrase"),
        ("The answer must be: **18**", "18", "phrase"),
        ("#### 18\nWait, the answer is 20.", "20", "phrase"),
        ("The answer is 20.\n#### 18", "18", "hashes"),
        ("The answer is 18.\nWhat is the answer: how many eggs?", "18", "phrase"),
        ("The answer is not 5. It is 6.", "6", "last number"),
        ("The answer is as follows.\nShe has 18 eggs.", "18", "last number"),
        ("So she has **18** of 20 eggs.", "18", "bold"),
        ("She has **many** eggs, 18.", "18", "last number"),
        ("First 3. So there are 12 eggs and 18 hens.", "18", "last number"),
        ("6 * 3 = 18", "18", "last number"),
        ("6 * 3 = 18 eggs left", "18", "last number"),
        ("So she pays 5%.", "5%", "last number"),
        ("So either 12 or 14.", "12 or 14", "last number"),
        ("So 12 eggs or 14 eggs.", "12 eggs or 14", "last number"),
        (r"So \boxed{255}. Final Answer: The final answer is $10,455$. I hope it is correct.", "$10,455$", "phrase"),
        ("So she pays 5 percent", "5 percent", "last number"),
        (r"That makes 18{,}234", "18{,}234", "last number"),
        (r"Answer \( (9+1) \)", "(9+1)", "span"),
        (
            r"\[ \boxed{-2} \quad \text{and} \quad \boxed{1}. \]",
            r"\boxed{-2} \quad \text{and} \quad \boxed{1}",
            "boxed",
        ),
        (r"\boxed{\boxed{1} and \boxed{2} and \boxed{3}}", r"\boxed{1} and \boxed{2} and \boxed{3}", "boxed"),
        (r"So $y_1 = \boxed{2}$ and $y_2 = \boxed{3}$.", r"y_1 = \boxed{2}$ and $y_2 = \boxed{3}", "boxed"),
    ],
)
def test_a_number_is_found_by_the_most_explicit_rule(text: str, answer: str, rule: str) -> None:
    assert found(text) == (answer, rule)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "I get 18 and then multiply it by",
        "so 5 * 3 = 15. Then we",
        "She has 18 eggs and then she goes to",
        r"So the result is \boxed{18",
        r"The answer is \boxed{1",
        "So she pays $1,2",
        "Is it 18?",
        "Is it 18 eggs?\n",
        "total = 18;",
        "    return 18",
        '"answer": 18',
        "She has 18 eggs.\n" * 3,
        "I cannot say.",
    ],
)
def test_a_text_that_breaks_off_asks_or_repeats_itself_has_no_answer(text: str) -> None:
    assert found(text) is None


def test_a_stated_answer_is_taken_before_any_other() -> None:
    assert found(r"\boxed{3}", stated=" 18 ") == ("18", "stated")
    assert found(r"\boxed{3}", stated="  ") == ("3", "boxed")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So it is (b).", ("b", "choice")),
        ("Not (a). So option C is right.", ("C", "choice")),
        ("(a) is too small, so choice (d) fits.", ("d", "choice")),
        ("It is either (a) or (b).", ("It is either (a) or (b).", "choice")),
        ("So it is **B) 14**.", ("B) 14", "bold")),
        ("The answer is (b) 14.", ("(b) 14", "phrase")),
        ("The answer is not listed. It is close to (a).", ("not listed", "phrase")),
        ("It is a 5% increase.", None),
        ("I go on.", None),
        ("So it is option b and", None),
    ],
)
def test_a_choice_is_a_marked_letter(text: str, answer: tuple[str, str] | None) -> None:
    assert found(text, "choice") == answer


@pytest.mark.parametrize("kind", ["text", "expression"])
def test_of_a_long_sentence_only_marked_answers_are_taken(kind: AnswerKind) -> None:
    assert found("So yes, it comes to 18 by all that we have seen.", kind) is None
    assert found("So the answer is yes.", kind) == ("yes", "phrase")
    assert found("So it is **x + 2**.", kind) == ("x + 2", "bold")


def test_the_sentence_of_an_unmarked_number_goes_with_it() -> None:
    extraction = extract("She works on. That takes 18.8 hours, not 20 days.", None, "number")
    assert extraction is not None and extraction.context == "That takes 18.8 hours, not 20 days."


def test_the_answer_is_sought_at_the_end() -> None:
    assert found(r"\boxed{3}" + " x" * TAIL) is None
    assert found("x " * TAIL + r"\boxed{3}") == ("3", "boxed")


@pytest.mark.parametrize(
    ("text", "inside"),
    [(r"\boxed{a{b}c}", "a{b}c"), (r"\fbox {18}", "18"), (r"\boxed{18", None), (r"\boxed{}", ""), ("boxed{18}", None)],
)
def test_a_box_is_closed_by_its_own_brace(text: str, inside: str | None) -> None:
    assert find_boxed(text) == inside


@given(st.text(), st.sampled_from(["number", "choice", "text", "expression"]))
def test_no_text_is_too_odd(text: str, kind: AnswerKind) -> None:
    extraction = extract(text, None, kind)
    assert extraction is None or (extraction.rule in EXTRACTION_RULES and extraction.answer != "")


@pytest.mark.parametrize(
    "text",
    ["{" * 100_000, "}" * 19_999 + "x", " " * 19_999 + "x", "\n" * 20_000, "1," * 9_000, "1 or " * 4_000, "*" * 20_000,
     "answer:" + " " * 19_000, "answer is " * 2_000, r"\boxed{" * 3_000, "a. " * 6_000, "\n \n" * 6_000 + "A", "\0" * 20_000],
    ids=lambda text: text[:8].replace("\0", "NUL"),
)  # fmt: skip
def test_hostile_text_is_answered_soon(text: str) -> None:
    with bound_time(5):
        extractions = [extract(text, None, "number"), extract(text, None, "choice")]
    assert {extraction and extraction.answer for extraction in extractions} <= {None, "answer is"}


@pytest.mark.parametrize(
    "text",
    ["1" * 10_000 + " " * 10_000 + "é", "1" * 20_000 + "é", r"\boxed{" * 3_000, "!" * 20_000, "( " * 10_000, "a\u0301\u0327" * 6_000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_no_text_makes_a_pattern_run_away(text: str) -> None:
    kinds: tuple[AnswerKind, ...] = ("number", "choice", "text")
    with bound_time(2):
        for kind in kinds:
            extract(text, None, kind)
        judgements = [
            judge_answer(gold, Extraction(answer, "stated"), kind, ["A) 1", "B) 2"], "", lambda *_: "different")
            for kind in kinds
            for gold, answer in (("18", text), (text, "18"))
        ]
    assert {judgement.undecided for judgement in judgements} == {"too long"}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So the pair that solves it is $(7, 6)$. <|im_start|>user", "(7, 6)"), (r"Therefore $x \geq 5$ is the solution.", r"x \geq 5"),
        ("So the equation of the line is y = 2x + 3.", "y = 2x + 3"), ("So the area is 12π cm².", "12π cm²"), ("So $x = 2$ and $y = 3$.", "$x = 2$ and $y = 3$"),
    ],
)  # fmt: skip
def test_a_whole_formula_is_found_where_nothing_marks_it(text: str, answer: str) -> None:
    assert found(text, "expression") == (answer, "span")


@pytest.mark.parametrize("text", ["When x is 5, the value is 3.", "So x is 2 and y is 3.", "The number is blue."])
def test_one_of_several_statements_is_no_answer(text: str) -> None:
    assert found(text, "expression") is None


@pytest.mark.parametrize(
    ("text", "kind", "answer"),
    [
        ("It is a Tuesday.", "text", "It is a Tuesday"), ("The correct option is (C).", "text", "C"), ("C) 15 meters", "text", "C"), ("D", "text", "D"),
        ("D. it can't be A or B", "choice", "D"), ("The statement is false.", "yes or no", "false"), ("उत्तर ४२ है।", "number", "४२"), ("अब 67 कमीजें हैं।", "number", "67"),
        ("总共是42个", "number", "42"),
    ],
)  # fmt: skip
def test_short_texts_and_other_languages_come_to_an_answer(text: str, kind: AnswerKind, answer: str) -> None:
    assert (found(text, kind) or ("", ""))[0] == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('```json\n{"reasoning": "3*6", "answer": {"value": 18, "unit": "apples"}}\n```', "18 apples"), ('{"answer": 18}', "18"), ('{"final_answer": [2, 3]}', "2, 3"),
        ('{"answer": {"a": 1}}', None), ('{"reasoning": "3*6", "answer": ', None), ("The answer is 18.", None), ('{"answer": ""}', None),
    ],
)  # fmt: skip
def test_an_answer_in_json_is_read_with_its_unit(text: str, answer: str | None) -> None:
    assert find_json_answer(text) == answer
