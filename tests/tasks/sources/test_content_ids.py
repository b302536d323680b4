"""Ids: stable, distinct, and the same for what differs only in form."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns.problems import ID
from tasks.sources.content_ids import digest, identify_problem, identify_solution, normalize_text

QUESTION = "Mira has 3 pears and buys 4. How many?"
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


def test_ids_are_the_same_in_every_build() -> None:
    problem = identify_problem(QUESTION, None)
    assert problem == "621c7cd22ee2c4737b708f9b"
    assert identify_solution(problem, "finch-7b", "greedy", 0, "3 + 4 = 7") == "52470b351d9745e16fc03ab8"


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_an_id_has_the_form_that_the_contract_asks_for(question: str, options: list[str]) -> None:
    assert re.fullmatch(ID, identify_problem(question, options))


@given(st.lists(TEXTS, max_size=4), st.lists(TEXTS, max_size=4))
def test_lists_of_texts_have_one_digest_only_where_they_are_equal(texts: list[str], other: list[str]) -> None:
    assert (digest(*texts) == digest(*other)) == (texts == other)


def test_a_digest_keeps_its_texts_apart() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("abc", ""), digest("", "abc")}) == 5


@given(st.text())
def test_a_normal_text_is_its_own_normal_form(text: str) -> None:
    once = normalize_text(text)
    assert normalize_text(once) == once


@pytest.mark.parametrize(
    "other",
    [
        "mira has 3 pears and buys 4. how many?",
        "  Mira  has 3 pears\nand buys\u00a04. How many? ",
        "Mira has 3 pears, and buys 4! How many",
        "Ｍira has ３ pears and buys 4. How many?",
    ],
)
def test_case_white_space_and_punctuation_make_no_other_problem(other: str) -> None:
    assert identify_problem(other, None) == identify_problem(QUESTION, None)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("What is 3 + 4?", "What is 3 - 4?"),
        ("What is 3 × 4?", "What is 3 ÷ 4?"),
        ("What is 3 · 4?", "What is 3 ± 4?"),
        ("Is x ≤ 5?", "Is x ≥ 5?"),
        ("Is 2 < 5?", "Is 2 > 5?"),
        ("What is 1.5?", "What is 15?"),
        ("What is -5?", "What is 5?"),
        ("What is √9?", "What is 9?"),
        ("What is |-9|?", "What is -9?"),
        ("What is 2^3?", "What is 23?"),
        ("Pay 5%?", "Pay 5?"),
        ("梨は何個?", "柿は何個?"),
    ],
)
def test_other_numbers_operators_or_words_make_another_problem(value: str, other: str) -> None:
    assert identify_problem(value, None) != identify_problem(other, None)


def test_a_minus_sign_is_a_hyphen() -> None:
    assert identify_problem("What is −5?", None) == identify_problem("What is -5?", None)


def test_options_and_their_order_belong_to_a_problem() -> None:
    values = [identify_problem(QUESTION, options) for options in (None, ["A) 7"], ["A) 7", "B) 8"], ["B) 8", "A) 7"])]
    assert len(set(values)) == 4
    assert identify_problem(QUESTION, []) == identify_problem(QUESTION, None)


def test_each_thing_told_of_a_solution_changes_its_id() -> None:
    given = ("p", "model", "greedy", 0, "text")
    changed = [
        ("q", *given[1:]),
        ("p", "other", "greedy", 0, "text"),
        ("p", "model", "sampled", 0, "text"),
        ("p", "model", "greedy", 1, "text"),
        ("p", "model", "greedy", 0, "text "),
    ]
    assert len({identify_solution(*item) for item in (given, *changed)}) == 6
