"""Which edit made another step of one, whatever it is called by who made it; and which a step allows."""

from __future__ import annotations

import pytest

from catalog import taxonomies
from tasks.inject.edit_names import find_kind, list_fitting_kinds, name_edits
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
        ("2. 9 - 3 = 6 figs", "2. 9 + 3 = 12 figs", ("another sign", "another word")),
        ("2. 9 / 3 = 3 figs", "2. 3 / 9 = 3 figs", ("swapped terms",)),
        ("2. 1 + 2 + 4 = 7 figs", "2. 1 + 4 = 5 figs", ("term left out",)),
        ("2. 2 * 3 = 6 figs", "2. 2 * 3 = 6 nuts", ()),
        ("2. 2 * 3 = 6 figs", "2. That is 6 figs", ()),
        ("2. 2 * 3 = 6 figs", "2. 2 + 4 = 6 figs", ()),
        ("2. 2 * 3 = 6, and 6 + 1 = 7", "2. 2 * 4 = 8, and 9 + 1 = 10", ()),
        ("A week has 7 days.", "A week has 8 days.", ("another number told",)),
        ("A week has 7 days.", "A week has many days.", ()),
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
        ("rise", [], "change symbol", "2 * 3 = 7", None),
        ("rise", [], "swap", "two times three is seven", "swap"),
        ("lemma", [], "operator", "2 * 3 = 7", "calculation"),
        ("lemma", [], "counting", "2 * 3 = 7", "calculation"),
        ("lemma", [], "counting", "2 * 4 = 8", "counting"),
    ],
)
def test_a_mistake_is_called_what_it_is_or_what_was_asked_for_where_rules_cannot_tell(
    taxonomy: str, kinds: list[str], asked: str, new: str, kind: str | None
) -> None:
    assert find_kind("2 * 3 = 6", new, asked, rules(taxonomy, *kinds)) == kind


@pytest.mark.parametrize(
    ("step", "absent"),
    [
        ("2 * 3 = 6 figs", {"change value", "delete term", "swap", "change wording"}),
        ("9 - 3 = 6 figs", {"change value", "delete term", "change wording"}),
        ("1 + 2 + 4 = 7 figs", {"change value", "swap", "change wording"}),
        ("There are 4 more, 1 + 4 = 5 figs", {"change value", "swap", "delete term"}),
        ("A week has 7 days.", {"change symbol", "swap", "delete term", "change wording", "substitution", "change multiple values"}),
        ("Now the rest.", set()),
    ],
)  # fmt: skip
def test_only_what_a_step_allows_is_asked_for(step: str, absent: set[str]) -> None:
    given = rules("rise")
    assert list_fitting_kinds(step, given) == [kind for kind in given.list_kinds() if kind not in absent]
