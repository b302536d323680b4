"""Labels that come in: mapped, checked, and counted as what their labellers say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.task import Outcome, Record
from tasks.sources.import_ import IMPORT, ImportParameters
from tasks.sources.step_labels import LabelRules

STEPS = ["2 + 2 = 4.", "4 + 1 = 6.", "So 6."]


def imported(record: dict[str, Any], labels: dict[str, Any], **changed: Any) -> Outcome:
    given = {"files": "a", "question": "q", "steps": "steps", "labels": labels, "set": {"value": "s"}, **changed}
    value = {"q": "How many?", "steps": STEPS, **record}
    return IMPORT.run([Record("a:1", value)], ImportParameters.model_validate(given))


@pytest.mark.parametrize(
    ("record", "labels", "first"),
    [
        ({"at": 1}, {"first_error": "at"}, 1), ({"at": "2"}, {"first_error": "at", "base": 1}, 1), ({"at": -1}, {"first_error": "at"}, -1),
        ({"at": None}, {"first_error": "at", "none": None}, -1), ({"at": "N/A"}, {"first_error": "at", "none": ["N/A"]}, -1),
        ({"r": [1, -1, None]}, {"ratings": "r"}, 1), ({"r": ["good", "neutral", "right"]}, {"ratings": "r"}, -1), ({"r": [1, 1]}, {"ratings": "r"}, None),
        ({"r": [True, False, True]}, {"ratings": "r"}, 1), ({"r": "+-+"}, {"ratings": {"path": "r", "every": "([+-])"}}, 1),
        ({"at": 1, "r": [1, -1, -1]}, {"first_error": "at", "ratings": "r"}, 1), ({"ok": "incorrect"}, {"verdict": "ok"}, None),
    ],
)  # fmt: skip
def test_where_a_solution_first_goes_wrong_is_read(
    record: dict[str, Any], labels: dict[str, Any], first: int | None
) -> None:
    (row,) = imported(record, labels).kept.to_dicts()
    assert (row["human_first_error"], row["human_labels"], row["humans"]) == (first, [first], ["human"])
    assert (row["human_undecided"] is None) == (first is not None)
    assert (row["steps"], row["step_rule"], row["text"]) == (STEPS, "given", "\n\n".join(STEPS))


@pytest.mark.parametrize(
    ("record", "labels", "reason", "detail"),
    [
        ({"at": 3}, {"first_error": "at"}, "out of range", "'at' is 3, expected 0 to 2"), ({"at": 0}, {"first_error": "at", "base": 1}, "out of range", "'at' is 0, expected 1 to 3"),
        ({"at": None}, {"first_error": "at"}, "missing field", "'at'"), ({"at": "x"}, {"first_error": "at"}, "not a step number", "'at' is 'x', expected a whole number"),
        ({"r": [1, 1, 1, 1]}, {"ratings": "r"}, "out of range", "there are 4 ratings of 3 steps"), ({"r": ["meh"]}, {"ratings": "r"}, "unknown rating", "'meh'; translate it by `names` to good, neutral or bad"),
        ({"at": 0, "r": [1, -1]}, {"first_error": "at", "ratings": "r"}, "contradictory", "the first wrong step is 0, but by the ratings 1 (from 0; -1 none)"),
        ({"at": -1, "ok": False}, {"first_error": "at", "verdict": "ok"}, "contradictory", "no step is wrong, but the labeller calls the solution wrong"),
        ({"at": 1, "ok": "perhaps"}, {"first_error": "at", "verdict": "ok"}, "unknown verdict", "'perhaps'; translate it by `names` to right or wrong"),
        ({"all": [1]}, {"each": "all", "first_error": "at"}, "wrong type", "'all' is no list of labels"),
    ],
)  # fmt: skip
def test_a_label_that_cannot_be_meant_rejects_its_row(
    record: dict[str, Any], labels: dict[str, Any], reason: str, detail: str
) -> None:
    result = imported(record, labels)
    assert result.rejected.select("reason", "detail").rows() == [(reason, detail)]


def test_several_labellers_are_votes_and_what_most_say_is_the_label() -> None:
    all_ = [
        {"who": "ada", "at": 1, "kind": "sum", "why": "4 + 1 is 5.", "r": [1, -1, -1]}, {"who": "bo", "at": 1, "kind": "sum", "why": "", "r": [1, -1, 0]},
        {"who": "cy", "at": -1, "kind": "", "why": "", "r": [1, 1, 1]},
    ]  # fmt: skip
    rules = {
        "each": "all",
        "labeller": "who",
        "first_error": "at",
        "type": "kind",
        "cause": "why",
        "ratings": "r",
        "taxonomy": {"value": "own"},
    }
    (row,) = imported({"all": all_}, rules).kept.to_dicts()
    assert (row["humans"], row["human_labels"], row["human_first_error"]) == (["ada", "bo", "cy"], [1, 1, -1], 1)
    assert (row["human_error_type"], row["human_taxonomy"], row["human_cause"]) == ("sum", "own", "4 + 1 is 5.")
    assert row["human_ratings"] == [1, -1, None]


@pytest.mark.parametrize("given", [{}, {"labeller": "x"}, {"first_error": "x", "base": 2}])
def test_rules_that_say_nothing_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LabelRules.model_validate(given)


@pytest.mark.parametrize(
    ("steps", "changed", "reason"),
    [([], {}, "empty field"), (["a", " "], {}, "empty step"), (["a"] * 9, {"most_steps": 8}, "too many steps"), ("a", {}, "wrong type"), (["a" * 9], {"longest": 8}, "too long")],
)  # fmt: skip
def test_steps_are_bounded_and_the_limit_says_what_to_raise(steps: Any, changed: dict[str, Any], reason: str) -> None:
    result = imported({"steps": steps, "at": 0}, {"first_error": "at"}, **changed)
    assert result.rejected["reason"].to_list() == [reason]
    assert reason not in ("too many steps", "too long") or "raise `" in result.rejected["detail"][0]


def test_a_trace_of_five_thousand_steps_and_of_a_hundred_and_fifty_thousand_characters_comes_in() -> None:
    steps = [f"Wait, {at} + {at} = {2 * at}. So we go on." for at in range(5_000)]
    (row,) = imported({"steps": steps, "at": 4_999}, {"first_error": "at"}).kept.to_dicts()
    assert len(row["text"]) > 150_000
    assert (len(row["steps"]), row["human_first_error"]) == (5_000, 4_999)
