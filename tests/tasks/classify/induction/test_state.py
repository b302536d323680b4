"""Names that are joined: no answer is lost, no ring is made, and what decided is written down."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.recipe.taxonomy import parse_taxonomy, write_taxonomy
from schemas.request import Request
from tasks.classify.induction.merge import fold_rare_names, merge_names
from tasks.classify.induction.name_similarity import dice, is_misspelling, split_trigrams
from tasks.classify.induction.open_reply import Proposal
from tasks.classify.induction.state import Growth
from tests.tasks.classify.conversation import NAMES, talked, text

Answers = dict[tuple[str, str], Proposal]


def answers(*names: str, first: int = 0) -> Answers:
    return {(f"row {i}", "m"): Proposal(name=name) for i, name in enumerate(names, first)}


def of(*names: str, least: int = 2) -> Growth:
    growth = Growth(None, least)
    growth.count_answers(answers(*names), len(names))
    return growth


def _always(value: str, _: Request) -> str:
    return value


def test_one_slip_makes_no_other_name_and_two_words_are_two() -> None:
    assert is_misspelling("calculation", "calcualtion")
    assert is_misspelling("missing step", "missing steps")
    assert is_misspelling("unit", "Unit")
    assert not is_misspelling("wrong operand", "wrong operation")
    assert not is_misspelling("missing step", "extra step")
    assert not is_misspelling("sum", "sun")
    assert not is_misspelling("correct", "incorrect")
    assert (
        dice(split_trigrams("wrong operand"), split_trigrams("wrong operation")) > 0.3
    )  # so they are proposed, and the rule parts them


@given(st.text("abcde ", min_size=5, max_size=9), st.text("abcde ", min_size=5, max_size=9))
def test_slip_says_the_same_in_both_directions(value: str, other: str) -> None:
    assert is_misspelling(value, other) == is_misspelling(other, value)


def test_without_a_model_slips_are_merged_by_the_rule_and_nothing_else_is() -> None:
    growth = of(*["wrong operand"] * 3, *["wrong operation"] * 2, "wrong operatoin", "Wrong Operand")
    asked, _ = talked(merge_names(growth, None), lambda _: "")
    growth.promote()
    assert asked == []
    assert growth.types == ["wrong operand", "wrong operation"]
    assert dict(growth.sizes()) == {"wrong operand": 4, "wrong operation": 3}
    assert [(item.type, item.into, item.by) for item in growth.history if item.change == "merge"] == [
        ("Wrong Operand", "wrong operand", "rule: the same letters"),
        ("wrong operatoin", "wrong operation", "rule: one slip tells the names apart"),
    ]


def test_a_model_decides_on_what_likeness_proposes_and_unclear_answers_join_nothing() -> None:
    def growth() -> Growth:
        return of(*["unit error"] * 3, *["units in error"] * 2, *["moon"] * 2)

    for item, types in [
        ('{"same": true}', ["unit error", "moon"]),
        ('{"same": false}', ["unit error", "moon", "units in error"]),
        ('{"same": "true"}', ["unit error", "moon", "units in error"]),
        ('{"same": true} {"same": false}', ["unit error", "moon", "units in error"]),
        ("yes", ["unit error", "moon", "units in error"]),
    ]:
        result = growth()
        asked, _ = talked(merge_names(result, NAMES["b"]), partial(_always, item))
        result.promote()
        assert result.types == types
        assert len(asked) == 1  # the moon is like neither
    (request,) = asked
    assert "unit error: What classifiers call unit error." in text(request)


def test_the_same_pair_is_the_same_request_whichever_came_first() -> None:
    def asked(*names: str) -> list[Request]:
        return talked(merge_names(of(*names), NAMES["b"]), lambda _: "")[0]

    first, second = (
        asked("unit error", "unit error", "units in error"),
        asked("units in error", "units in error", "unit error"),
    )
    assert [item.id for item in first] == [item.id for item in second]


def test_a_later_answer_of_one_voice_stands_for_the_earlier() -> None:
    growth = of("a", "a", "b")
    growth.count_answers(answers("b", "b"), 2)
    assert dict(growth.sizes()) == {"b": 3}
    assert growth.candidates() == ["b", "a"]


def test_a_type_never_goes_under_another() -> None:
    growth = of("a", "a", "b", "b")
    growth.promote()
    growth.join("a", "b", "merge", "somebody")
    assert growth.types == ["a", "b"]
    assert [item for item in growth.history if item.change == "merge"] == []


def test_what_is_rare_goes_where_a_model_says_or_to_other() -> None:
    growth = of(*["unit"] * 3, *["copying"] * 3, "unit muddle", "moon", "sun")
    growth.promote()

    def say(request: Request) -> str:
        rare = text(request).rpartition("\n<kind-")[2]
        return '{"type": "copying"}' if "moon" in rare else '{"type": "none"}' if "sun" in rare else "unit, or copying"

    talked(fold_rare_names(growth, NAMES["b"]), say)
    assert {item.type: (item.into, item.by) for item in growth.history if item.change == "fold"} == {
        "moon": ("copying", "model big"), "sun": ("other", "model big"), "unit muddle": ("other", "model big"),
    }  # fmt: skip


def test_without_a_model_what_is_rare_goes_to_the_likest_type() -> None:
    growth = of(*["unit"] * 3, *["copying"] * 3, "unit muddle", "moon")
    talked(fold_rare_names(growth, None), lambda _: "")
    assert {item.type: (item.into, item.by) for item in growth.history if item.change == "fold"} == {
        "unit muddle": ("unit", "rule: the likest name"), "moon": ("other", "rule: like none"),
    }  # fmt: skip


NAMES_OF = st.text("abc é", min_size=1, max_size=4).filter(lambda text: text.strip() != "")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 6), NAMES_OF), max_size=8), max_size=4),
    st.lists(st.tuples(NAMES_OF, NAMES_OF), max_size=12),
    st.integers(1, 3),
)
def test_joining_names_loses_no_answer_and_ends_in_types_alone(
    rounds: list[list[tuple[int, str]]], joins: list[tuple[str, str]], least: int
) -> None:
    growth = Growth(None, least)
    voices: dict[tuple[str, str], Proposal] = {}
    for some in rounds:
        heard: Answers = {(f"row {row}", "m"): Proposal(name=name.strip()) for row, name in some}
        voices |= heard
        growth.count_answers(heard, len(heard))
        known = set(growth.candidates()) | set(growth.types)
        for item, other in joins:  # anybody may join anything to anything, in a ring as well
            if item.strip() in known and other.strip() in known:
                growth.join(item.strip(), other.strip(), "merge", "somebody")
        growth.promote()
        assert growth.sizes().total() == len(voices)
    talked(fold_rare_names(growth, None), lambda _: "")
    taxonomy = growth.freeze("t", "", {})
    sizes = growth.sizes()
    assert sizes.total() == len(voices)
    assert set(sizes) <= set(growth.types)
    assert all(taxonomy.named(voice.name) in taxonomy.labels() for voice in voices.values())
    assert parse_taxonomy(write_taxonomy(taxonomy), "t.yaml") == taxonomy


@pytest.mark.parametrize("least", [1, 5])
def test_two_taxonomies_that_differ_have_two_names_and_equal_ones_have_one(least: int) -> None:
    result, same, other = (
        of(*names, least=least).freeze("t", "", {}) for names in (("a", "b"), ("a", "b"), ("a", "c"))
    )
    assert result == same
    assert (result.taxonomy != other.taxonomy) == (result.types != other.types)
