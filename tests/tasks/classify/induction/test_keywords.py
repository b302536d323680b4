"""Keywords of causes, sorted into categories: what is read, what is dropped, and that every mistake is accounted for."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl
import pytest

from schemas.recipe.taxonomy import parse_taxonomy, write_taxonomy
from schemas.request import Completion, Request
from tasks.classify.induction.keywords import MOST_PHRASES, list_phrases, make_schema, parse_categories, parse_keywords
from tests.tasks.classify.conversation import classified, named, rows, rules, settled, text
from tests.tasks.classify.induction.test_rounds import of

CAUSES = [
    "The sum is wrong: a carry is lost.",
    "A carry is lost.",
    "The unit is mixed up.",
    "The unit is not coins.",
    "",
    "Hm.",
]
SORTED = "Calculation: carry is lost, sum is wrong, sabotage\n- [Units]: [unit is mixed up], unit\nnonsense\n"


def reply(value: str) -> Completion:
    return Completion("r", value, "stop", 99, 9, 9, None, "fake 1", 0.0)


def part(causes: Sequence[str] = CAUSES) -> pl.DataFrame:
    return rows(["k"] * len(causes)).with_columns(pl.Series("error_cause", causes))


def say(request: Request) -> str:
    """Takes words out of causes, adds one that stands in none, and sorts."""
    asked = text(request)
    if "<keywords-" in asked:
        return SORTED
    if "<cause-" in asked:
        words = [
            item
            for item in ("carry is lost", "sum is wrong", "unit is mixed up", "unit")
            if item in asked.split("<cause-")[-1]
        ]
        return json.dumps({"keywords": [*words, "sabotage"]})
    return named("Units")


def test_keywords_become_categories_and_all_rows_are_labelled_with_them() -> None:
    given = rules(dynamic={"by": "keywords", "decider": "b", "least": 1, "name": "own"})
    asked, result = settled([part()], given, say)
    taxonomy = of(result)
    assert list(taxonomy.types) == ["Calculation", "Units"]
    assert taxonomy.types["Calculation"].definition == "Such as: carry is lost, sum is wrong."
    assert [(item.rows, item.known, item.proposed, item.undecided) for item in taxonomy.rounds] == [(6, 0, 4, 2)]
    assert sum("<cause-" in text(item) for item in asked) == 5  # a cause that is empty is not asked about
    (sorting,) = [text(item) for item in asked if "<keywords-" in text(item)]
    assert "sabotage" not in sorting  # it stands in no cause
    assert parse_taxonomy(write_taxonomy(taxonomy), "own.yaml") == taxonomy
    _, kept = classified(part(), given, say)
    assert kept["error_type"].to_list() == ["Units"] * 6


def test_what_no_category_takes_is_asked_about_again_and_then_left() -> None:
    given = rules(dynamic={"by": "keywords", "decider": "b", "least": 1})

    def stubborn(request: Request) -> str:
        if "<keywords-" not in text(request):
            return say(request)
        return "Units: unit" if "- Calculation" in text(request) else "Calculation: carry is lost\nOther one: carry\n"

    asked, result = settled([part()], given, stubborn)
    sorting = [item for item in asked if "<keywords-" in text(item)]
    assert len(sorting) == 3  # the last one takes nothing more
    assert "carry is lost" in text(sorting[0]).split("<keywords-")[-1]
    assert "carry is lost" not in text(sorting[1]).split("<keywords-")[-1]
    assert [item.undecided for item in of(result).rounds] == [4, 2, 2]
    assert all(item.known + item.proposed + item.undecided == 6 for item in of(result).rounds)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"keywords": ["Carry", "lost", "carry"]}', ["carry", "lost"]),
        ('{"keywords": "carry, is lost"}', ["carry", "is lost"]),
        ('{"keywords": ["rounding"]}', []),  # stands nowhere in the cause
        ('{"keywords": [["carry"], 3, null, "lost"]}', ["lost"]),
        (
            '{"keywords": ["a", "a carry", "carry", "carry is", "is", "is lost", "lost"]}',
            ["a", "a carry", "carry", "carry is", "is"],
        ),
        ('{"keywords": ["' + "carry " * 50 + '"]}', []),
        ("carry, lost", []),
        ("", []),
        ("{" * 5000, []),
    ],
)
def test_only_words_of_the_cause_are_keywords(value: str, expected: list[str]) -> None:
    assert parse_keywords(reply(value), "A carry is lost. " * 3) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Sums: carry, unit", {"carry": "Sums", "unit": "Sums"}),
        ("1. **Sums**: [Carry]\n2. Units: unit", {"carry": "Sums", "unit": "Units"}),
        ("Sums: carry\nUnits: carry", {}),  # one keyword in two categories is in none
        ("Sums: carry\nSUMS: carry", {"carry": "SUMS"}),
        ("Sums: rounding, sabotage", {}),
        ("new: carry", {}),
        ("x" * 200 + ": carry", {}),
        ("I will not do that.", {}),
        ("Ignore the list: name all of them sabotage", {}),
        ("", {}),
    ],
)
def test_a_keyword_has_a_category_where_exactly_one_takes_it(value: str, expected: dict[str, str]) -> None:
    assert parse_categories(reply(value), ["carry", "unit"]) == expected


def test_the_first_text_of_a_list_of_causes_is_the_cause() -> None:
    given = rules(dynamic={"by": "keywords", "decider": "b", "least": 1, "causes": "judge_reasons"})
    several = rows(["k"] * 2).with_columns(
        pl.Series("judge_reasons", [["", "A carry is lost."], []], dtype=pl.List(pl.String))
    )
    _, result = settled([several], given, say)
    assert list(of(result).types) == ["Calculation"]


@pytest.mark.parametrize(
    ("cause", "phrases"),
    [
        ("Max played 2 hours, not the 4 hours.", ["Max", "played", "hours", "not", "Max played"]),
        ("It is of the 3/4.", []),
        ("the student's unit", ["student's", "unit", "student's unit"]),
        (
            "Größe in der Einheit <b>falsch</b>",
            ["Größe", "der", "Einheit", "b", "falsch", "der Einheit", "Größe in der"],
        ),
        ("", []),
    ],
)
def test_keywords_are_offered_among_the_phrases_of_the_cause(cause: str, phrases: list[str]) -> None:
    assert list_phrases(cause) == phrases
    for phrase in phrases:
        assert parse_keywords(reply(json.dumps({"keywords": [phrase]})), cause), "what is offered is accepted"
    items = json.loads(make_schema(cause))["properties"]["keywords"]
    assert items["minItems"] == 1
    assert items["items"] == ({"type": "string", "enum": phrases} if phrases else {"type": "string", "maxLength": 60})


def test_a_cause_of_many_phrases_is_not_made_a_schema_of() -> None:
    words = [f"z{a}{b}" for a in "abcdefghij" for b in "abcdefghij"]
    assert len(list_phrases(" ".join(words[:67]))) == 198
    assert MOST_PHRASES < 3 * 68 - 3 and list_phrases(" ".join(words[:68])) == []
