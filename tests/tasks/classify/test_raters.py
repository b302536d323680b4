"""Who says what of a mistake: rules, each model by the majority of its votes, the judge."""

from __future__ import annotations

from typing import Any

from catalog import taxonomies
from tasks.classify.raters import list_ratings, list_votes

LEMMA = taxonomies.find_shipped("abacus")
LABELS = LEMMA.labels()


def row(**given: Any) -> dict[str, Any]:
    return {
        "error_type": None,
        "typed_by": None,
        "judge_kind": None,
        "classifiers": [],
        "classifier_types": [],
        **given,
    }


def test_a_rule_speaks_where_it_decided_and_a_judge_where_its_words_are_known() -> None:
    ratings = list_ratings(row(error_type="unit", typed_by="rule: x", judge_kind="calculation"), LEMMA, "abacus")
    assert ratings == {"rules": LABELS.index("unit"), "judge": LABELS.index("calculation")}
    ratings = list_ratings(row(error_type="unit", typed_by="judge", judge_kind="moon"), LEMMA, "abacus")
    assert ratings == {"rules": None, "judge": None}
    assert list_ratings(row(), LEMMA, "") == {"rules": None}


def test_a_model_speaks_by_the_majority_of_its_votes() -> None:
    voted = row(
        classifiers=["a@r #0", "a@r #1", "a@r #2", "b #0"], classifier_types=["unit", "unit", "calculation", ""],
    )  # fmt: skip
    assert list_ratings(voted, LEMMA, "") == {"rules": None, "a@r": LABELS.index("unit"), "b": None}
    assert list_votes(voted, LEMMA) == {
        "a@r": [LABELS.index("unit"), LABELS.index("unit"), LABELS.index("calculation")]
    }
