"""Which edit made another step of one, whatever it is called by who made it; and which a step allows."""

from __future__ import annotations

import pytest

from catalog import taxonomies
from tasks.inject.edit_names import find_kind, is_surely_wrong, list_fitting_edits, name_edits
from tasks.inject.parameters import InjectParameters

OPERAND = ("another given number", "another earlier result", "another known number")


def rules(taxonomy: str, *kinds: str) -> InjectParameters:
    given = {"taxonomy": taxonomies.find_shipped(taxonomy), "kinds": list(kinds), "models": ["m"]}
    return InjectParameters.model_validate(given)


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("2. 2 * 3 = 6 figs", "2. 2 * 3 = 7 figs", ("another result",)),
        ("2. 2 * 3 = 6 figs", "2. 2 * 4 = 8 figs", OPERAND),
        ("2. 2 * 3 = 6 figs", "2. 5 * 4 = 20 figs", ("several numbers",)),
        ("2. 9 - 3 = 6 figs", "2. 9 + 3 = 12 figs", ("another sign",)),
        ("2. With 9 more, 3 + 9 = 12 figs", "2. With 9 less, 3 - 9 = 12 figs", ("another word",)),
        ("2. 9 / 3 = 3 figs", "2. 3 / 9 = 3 figs", ("swapped terms",)),
        ("2. 1 + 2 + 4 = 7 figs", "2. 1 + 4 = 5 figs", ("term left out",)),
        ("2. 2 * 3 = 6 figs", "2. 2 * 3 = 6 nuts", ()),
        ("2. 2 * 3 = 6 figs", "2. That is 6 figs", ()),
        ("2. 2 * 3 = 6 figs", "2. 2 + 4 = 6 figs", ()),
        ("2. 2 * 3 = 6, and 6 + 1 = 7", "2. 2 * 4 = 8, and 9 + 1 = 10", ()),
        ("A week has 7 days.", "A week has 8 days.", ("another number told",)),
        ("A week has 7 days.", "A week has many days.", ()),
        ("Ada has more figs.", "Ada has fewer figs.", ("another word",)),
        ("Ada has more figs.", "Ada has more nuts.", ()),
    ],
)
def test_edits_are_known_by_what_changed(old: str, new: str, names: tuple[str, ...]) -> None:
    assert name_edits(old, new) == names


@pytest.mark.parametrize(
    ("taxonomy", "kinds", "asked", "new", "kind"),
    [
        ("rise", [], "substitution", "2 * 4 = 8", "substitution"),
        ("rise", [], "change symbol", "2 * 4 = 8", "substitution"),
        ("rise", ["change symbol"], "change symbol", "2 * 4 = 8", None),
        ("rise", [], "change symbol", "2 * 3 = 7", "change result"),
        ("rise", ["change symbol"], "change symbol", "2 * 3 = 7", None),
        ("rise", [], "swap", "two times three is seven", None),
        ("rise", [], "change symbol", "2 * 3 + 3 = 9", None),
        ("lemma", [], "confusing concept", "two times three is seven", "confusing concept"),
        ("lemma", [], "operator", "2 * 3 = 7", "calculation"),
        ("lemma", [], "counting", "2 * 3 = 7", "calculation"),
        ("lemma", [], "counting", "2 * 4 = 8", "counting"),
    ],
)
def test_a_mistake_is_called_what_it_is_or_what_was_asked_for_where_rules_cannot_tell(
    taxonomy: str, kinds: list[str], asked: str, new: str, kind: str | None
) -> None:
    assert find_kind("2 * 3 = 6", new, asked, rules(taxonomy, *kinds)) == kind


EVERY = {"change result", "change value", "change multiple values", "substitution", "delete term", "change symbol", "swap", "change wording"}  # fmt: skip


@pytest.mark.parametrize(
    ("step", "last", "allowed"),
    [
        ("2 * 3 = 6 figs", "6 - 1 = 5 figs", {"change result", "substitution", "change multiple values", "change symbol"}),
        # 3 - 9 is below nothing, and 3 / 9 no number that a solution would go on with
        ("9 - 3 = 6 figs", "6 - 1 = 5 figs", {"change result", "substitution", "change multiple values", "change symbol"}),
        ("28 figs / 2 = 14 figs", "14 - 1 = 13 figs", {"change result", "substitution", "change multiple values", "change symbol"}),
        ("8 \\times 3 = 24 figs", "24 - 1 = 23 figs", {"change result", "substitution", "change multiple values", "change symbol"}),
        ("1 + 2 + 4 = 7 figs", "7 - 1 = 6 figs", EVERY - {"change value", "swap", "change wording"}),
        ("19 + 6 - 4 = 21 figs", "21 - 3 = 18 figs", EVERY - {"change value", "change wording"}),
        ("With 4 more, 1 + 4 = 5 figs", "5 - 1 = 4 figs", EVERY - {"change value", "delete term", "swap"}),
        ("A week has 7 days.", "7 - 1 = 6 figs", {"change value"}),
        ("Now the rest.", "7 - 1 = 6 figs", {"change wording"}),
    ],
)  # fmt: skip
def test_only_what_a_step_allows_is_asked_for(step: str, last: str, allowed: set[str]) -> None:
    row = {"question": "How many figs?", "steps": [step, last]}
    assert set(list_fitting_edits(row, 0, rules("rise"))) == allowed
    assert set(list_fitting_edits(row, 0, rules("lemma", "counting", "operator"))) >= {"counting"}


@pytest.mark.parametrize(
    ("old", "new", "sure"),
    [
        ("2 * 3 = 6 figs", "2 * 3 = 7 figs", True),
        ("2 * 3 = 6 figs", "2 * 4 = 8 figs", True),
        ("2 * 3 = 6 figs", "3 * 2 = 6 figs", False),
        ("2 * 3 = 6 figs", "9 - 5 = 4 figs", False),
        ("2 * 3 = 6 figs", "It is 2 * 3 = 6 figs", False),
        ("A week has 7 days.", "A week has 8 days.", True),
        ("A week has 7 days.", "The days of a week are 7.", False),
    ],
)
def test_a_step_is_surely_wrong_where_it_calculates_falsely_or_says_something_else(
    old: str, new: str, sure: bool
) -> None:
    assert is_surely_wrong(old, new) is sure
