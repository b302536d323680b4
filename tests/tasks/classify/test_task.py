"""`classify` without any model: who is asked, who decides, and that every row is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from catalog import taxonomies
from schemas.columns.labels import AGREE_COLUMNS, JUDGE_COLUMNS
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS
from schemas.frames import check, to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Reply, Request
from schemas.task import Outcome
from tasks.classify.parameters import ClassifyParameters
from tasks.classify.task import CLASSIFY

NAMES = {"a": ModelId("abacus", "r1"), "b": ModelId("big", "")}
GIVEN = SOLUTIONS.having(*STEP_COLUMNS, *JUDGE_COLUMNS, *AGREE_COLUMNS)
PLAIN = ["3 * 8 = 24", "46 + 24 = 60", "60 - 12 = 48"]
STRANGE = ["3 * 8 = 24", "I take the figs of the neighbour.", "60 - 12 = 48"]


def rows(*given: tuple[list[str], int | None, str | None]) -> pl.DataFrame:
    result: list[dict[str, Any]] = []
    for i, (steps, at, kind) in enumerate(given):
        row: dict[str, Any] = {column.name: [] if column.kind.endswith("s") else None for column in GIVEN.columns}
        row |= {"solution_id": f"{i:024x}", "problem_id": f"{i:024x}", "set": "s", "answer": "58", "options": None}
        row |= {"question": "Ada has 46 figs, buys 3 bags of 8 figs and eats 12.", "model": "m", "sampling": "greedy"}
        row |= {"sample": 0, "source": f"f:{i}", "step_rule": "lines", "text": "t", "rationale": "t", "steps": steps}
        row |= {"first_error": at, "judge_kind": kind, "agreement": 1.0, "confidence": 1.0, "judge_tokens": 0}
        result.append(row)
    return pl.DataFrame(result, schema=to_polars_schema(GIVEN))


def rules(taxonomy: str = "lemma", **given: Any) -> ClassifyParameters:
    return ClassifyParameters.model_validate({"taxonomy": taxonomies.find_shipped(taxonomy), **given})


def answer(type_: str, **more: str) -> str:
    return json.dumps({"cause": "C.", "span": "neighbour", "severity": "minor", "type": type_, **more})


def run(
    part: pl.DataFrame, given: ClassifyParameters, respond: Callable[[Request], str]
) -> tuple[list[Request], list[dict[str, Any]]]:
    conversation = CLASSIFY.ask(part, given, NAMES)
    asked: list[Request] = []
    try:
        asked = list(next(conversation))
        replies: dict[str, Reply] = {
            item.id: Completion(item.id, respond(item), "stop", item.sampling.max_tokens, 20, 9, -1.5, "fake 1", 0.0)
            for item in asked
        }
        conversation.send(replies)
    except StopIteration as end:
        outcome: Outcome = end.value
    contract = CLASSIFY.makes(given, GIVEN)
    if outcome.kept["first_error"].null_count() == 0:
        check(outcome.kept.select(contract.names()), contract, "typed")
    assert outcome.kept["solution_id"].to_list() == part["solution_id"].to_list()
    assert outcome.rejected.height == 0
    return asked, outcome.kept.to_dicts()


def test_what_a_rule_decides_no_model_is_asked() -> None:
    asked, (first, second) = run(
        rows((PLAIN, 1, None), (STRANGE, 1, None)), rules(models=["a"]), lambda _: answer("nonsense")
    )
    assert len(asked) == 1
    assert (first["error_type"], first["typed_by"]) == (
        "calculation",
        "rule: the only change that leads to the right answer",
    )
    assert PLAIN[1][first["error_from"] : first["error_to"]] == "60"
    assert first["error_cause"] == "46 + 24 is 70, not 60."
    assert (second["error_type"], second["typed_by"], second["type_share"]) == ("nonsense", "models", 1.0)
    assert STRANGE[1][second["error_from"] : second["error_to"]] == "neighbour"
    assert (second["error_severity"], second["error_cause"]) == ("minor", "C.")
    assert second["taxonomy"] == "lemma@1.0.0"


def test_votes_are_multiplied_and_more_than_half_of_all_decide() -> None:
    given = rules(models=["a", "b"], votes=2, temperature=1, rules=False)
    texts = ["nonsense", "nonsense", "nonsense", "counting"]
    replies = iter([answer(text) for text in texts] + ["what?", "?", answer("counting"), answer("counting")])
    asked, (first, second) = run(rows((PLAIN, 1, None), (STRANGE, 1, None)), given, lambda _: next(replies))
    assert len({item.id for item in asked}) == 8
    assert first["classifiers"] == ["abacus@r1 #0", "abacus@r1 #1", "big #0", "big #1"]
    assert (first["error_type"], first["type_share"], first["classifier_tokens"]) == ("nonsense", 0.75, 36)
    assert first["classifier_types"] == texts
    assert (second["error_type"], second["type_undecided"]) == (None, "unknown type")
    assert second["classifier_faults"] == ["unknown type", "unknown type", "", ""]


def test_a_judge_decides_where_its_types_are_known_and_nobody_else_does() -> None:
    given = rules("abacus", judged_in="abacus")
    _, result = run(
        rows((PLAIN, 1, "unit"), (STRANGE, 1, "unit"), (STRANGE, 1, "moon"), (STRANGE, 1, None)), given, lambda _: ""
    )
    assert [item["typed_by"] for item in result][1:] == ["judge", None, None]
    assert [item["error_type"] for item in result] == ["calculation", "unit", None, None]
    assert result[2]["type_undecided"] == "not classified"


def test_a_row_without_a_wrong_step_has_no_type() -> None:
    asked, result = run(
        rows((PLAIN, -1, "unit"), (PLAIN, 7, "unit")), rules("abacus", models=["a"], judged_in="abacus"), lambda _: ""
    )
    assert asked == []
    assert {item["type_undecided"] for item in result} == {"no wrong step"}
    assert {item["error_type"] for item in result} == {None}


def test_only_steps_through_the_wrong_one_are_shown_and_the_types_are() -> None:
    asked, _ = run(rows((STRANGE, 1, None)), rules(models=["a"]), lambda _: "")
    text = "\n".join(message.content for message in asked[0].messages)
    assert "I take the figs of the neighbour." in text
    assert STRANGE[2] not in text
    assert "Step 2, the last one, is the first wrong one." in text
    assert all(f"- {name}: " in text for name in taxonomies.find_shipped("lemma").labels())
    assert json.loads(asked[0].sampling.schema)["properties"]["type"]["enum"] == list(
        taxonomies.find_shipped("lemma").labels()
    )


def test_another_taxonomy_asks_anew_and_the_same_one_does_not() -> None:
    part = rows((STRANGE, 1, None))
    (first,), _ = run(part, rules(models=["a"]), lambda _: "")
    (again,), _ = run(part, rules(models=["a"]), lambda _: "")
    (other,), _ = run(part, rules("tigerscore", models=["a"]), lambda _: "")
    assert first.id == again.id != other.id


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rules": False}, "models: nobody classifies"),
        ({"models": ["a"], "prompt": "{question}"}, "prompt: has no {steps}"),
        ({"models": ["a"], "votes": 2}, "votes: temperature 0"),
        ({"models": ["a", "a"]}, "models: names a model twice"),
        ({"judged_in": "rise"}, "judged_in: taxonomy 'lemma' maps no type of 'rise'"),
    ],
)
def test_parameters_that_cannot_be_meant_are_told(given: dict[str, Any], expected: str) -> None:
    assert any(item.startswith(expected) for item in CLASSIFY.check(rules(**given), GIVEN))
    assert CLASSIFY.check(rules(models=["a"]), GIVEN) == []
