"""`inject`: what it makes is wrong where and as it says, differs in little, and gives nothing away; all else is rejected."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import taxonomies
from schemas.columns.problems import PROGRAM, SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.frames import check, to_polars_schema
from schemas.recipe.taxonomy import Taxonomy
from schemas.request import Completion, Reply, Request
from schemas.task import ModelId, Outcome
from tasks.evaluation.artifact_baseline import measure_artifacts
from tasks.inject.filters import distance
from tasks.inject.task import INJECT, InjectParameters, list_edit_types
from tasks.synthetic.problems import make_problem
from tasks.synthetic.program import load_program
from tasks.synthetic.solution import solve_right, write_solution
from tasks.synthetic.truth import find_truth
from tasks.verify.task import VERIFY, VerifyParameters

GIVEN = SOLUTIONS.having(PROGRAM, *STEP_COLUMNS, *VERDICT_COLUMNS)
NAMES = {"a": ModelId("big", "r1"), "b": ModelId("other", "")}
LEMMA = [
    "calculation",
    "missing step",
    "confusing concept",
    "question misinterpretation",
    "confusing formula",
    "counting",
]
"""The six that LEMMA injects."""
BY_RULE = ["calculation", "wrong operand", "misread quantity", "miscopied result", "wrong operation", "missing step"]

STRANGE = taxonomies.find_shipped("lemma").model_copy(update={"taxonomy": "strange", "from_": {}})


def solution(i: int, text: str, question: str, answer: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {column.name: None for column in GIVEN.columns}
    row |= {"solution_id": f"{i:024x}", "problem_id": f"{i:024x}", "set": "s", "question": question, "answer": answer}
    row |= {"model": "m", "sampling": "greedy", "sample": 0, "source": f"f:{i}", "step_rule": "lines", "program": ""}
    lines = text.split("\n")
    row |= {"text": text, "rationale": text, "steps": [*lines[:-2], "\n".join(lines[-2:])], "verdict": "right"}
    return row | {"extracted_by": "#### line"} | more


@lru_cache
def solutions(count: int) -> pl.DataFrame:
    made = []
    for number in range(count):
        one = make_problem(11, number, 3)
        text = write_solution(*solve_right(one.program))
        made.append(solution(number, text, one.question, str(one.answer), program=one.program.dump()))
    found = VERIFY.run(pl.DataFrame(made, schema=to_polars_schema(GIVEN)), VerifyParameters.model_validate({})).kept
    assert set(found["verdict"]) == {"right"}
    return found


def rules(taxonomy: str | Taxonomy = "abacus", **more: Any) -> InjectParameters:
    found = taxonomies.find_shipped(taxonomy) if isinstance(taxonomy, str) else taxonomy
    return InjectParameters.model_validate({"taxonomy": found, **more})


def run(
    part: pl.DataFrame, given: InjectParameters, said: Callable[[Request], Reply | str] | None = None
) -> tuple[Outcome, list[Request]]:
    conversation = INJECT.ask(part, given, NAMES)
    asked: list[Request] = []
    replies: dict[str, Reply] | None = None
    try:
        while True:
            wanted = conversation.send(replies) if replies is not None else next(conversation)
            asked += wanted
            assert said is not None
            replies = {one.id: reply(one, said(one)) for one in wanted}
    except StopIteration as end:
        outcome: Outcome = end.value
    assert outcome.kept.height + outcome.rejected.height == part.height
    contract = INJECT.makes(given, GIVEN)
    check(outcome.kept.select(contract.names()), contract, "injected")
    return outcome, asked


def reply(one: Request, said: Reply | str) -> Reply:
    return said if not isinstance(said, str) else Completion(one.id, said, "stop", 9, 20, 9, -1.5, "fake 1", 0.0)


def test_what_rules_make_is_wrong_where_and_as_it_says() -> None:
    kept = run(solutions(600), rules())[0].kept
    truths = [find_truth(load_program(row["program"]), row["steps"]) for row in kept.to_dicts()]
    same = [(one.first_error, one.kind) for one in truths]
    said = list(zip(kept["injected_at"], kept["injected_type"]))
    assert kept.height >= 480
    assert all(one.first_error >= 0 for one in truths)
    assert sum(a == b for a, b in zip(same, said)) / kept.height >= 0.99
    assert min(kept["injected_type"].value_counts()["count"]) >= 40
    assert set(kept["injected_type"]) == set(BY_RULE)


@settings(max_examples=25, deadline=None)
@given(
    picked=st.lists(st.integers(0, 79), min_size=1, max_size=12, unique=True),
    kinds=st.lists(st.sampled_from(BY_RULE), unique=True),
    seed=st.integers(0, 5),
    share=st.sampled_from([0.3, 1.0]),
    most=st.sampled_from([0.1, 0.4]),
)
def test_what_holds_of_everything_that_is_made(
    picked: list[int], kinds: list[str], seed: int, share: float, most: float
) -> None:
    part, given = solutions(80)[picked], rules(kinds=kinds, seed=seed, share=share, most_changed=most)
    outcome, _ = run(part, given)
    assert outcome.rejected["reason"].is_not_null().all()
    again = run(part.sort("solution_id", descending=True), given)[0].kept
    assert outcome.kept.sort("injected_from").equals(again.sort("injected_from"))
    fresh = VERIFY.run(outcome.kept, VerifyParameters.model_validate({})).kept
    before = {row["solution_id"]: row for row in part.to_dicts()}
    for row, verdict in zip(outcome.kept.to_dicts(), fresh["verdict"]):
        origin, at = before[row["injected_from"]], row["injected_at"]
        assert row["verdict"] == verdict == ("right" if at < 0 else "wrong")
        if at < 0:
            assert {name: row[name] for name in origin} == origin
            continue
        assert row["steps"][:at] == origin["steps"][:at]
        assert row["steps"][at] != origin["steps"][at]
        assert row["injected_type"] in (kinds or BY_RULE)
        assert row["text"] == row["rationale"] == "\n".join(row["steps"])
        assert distance(origin["text"], row["text"]) <= most * max(len(origin["text"]), len(row["text"]))
        assert set(re.findall(r"[^\d\s+*/-]", row["text"])) <= set(re.findall(r"[^\d\s+*/-]", origin["text"]))
        assert row["solution_id"] != origin["solution_id"]
        assert [step.split(".")[0] for step in row["steps"]] == [str(i + 1) for i in range(len(row["steps"]))]


def test_a_simple_classifier_cannot_tell_them_from_right_ones() -> None:
    kept = run(solutions(1000), rules(share=0.5))[0].kept
    wrong = (kept["injected_at"] >= 0).to_list()
    assert 0.4 < sum(wrong) / len(wrong) < 0.6
    found = measure_artifacts(zip(kept["text"], wrong, kept["problem_id"]))
    assert found is not None
    assert found.looks <= 0.58, f"lengths and characters give the wrong ones away: AUC {found.looks:.3f}"
    assert found.ngrams <= 0.58, f"character n-grams give the wrong ones away: AUC {found.ngrams:.3f}"


def test_each_type_of_a_taxonomy_that_rules_make_is_told() -> None:
    assert set(list_edit_types(rules()).values()) == set(BY_RULE)
    assert set(list_edit_types(rules("rise")).values()) == set(taxonomies.find_shipped("rise").labels())
    assert {"calculation", "operator", "missing step"} <= set(list_edit_types(rules("lemma")).values())
    kept = run(solutions(60), rules("rise", kinds=["change multiple values"]))[0].kept
    assert set(kept["injected_type"]) == {"change multiple values"}
    assert set(kept["injected_taxonomy"]) == {"rise@1.0.0"}


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("1. 3 * 8 = 24 figs\n#### 24", {"verdict": "undecided"}, "not a right solution"),
        ("1. No wait, 3 * 8 = 24 figs\n#### 24", {}, "words of a mistake"),
        ("All in the head.\n#### 24", {}, "no edit makes it wrong"),
        ("1. 3 * 8 = 25 figs\n#### 24", {}, "no edit makes it wrong"),
        ("1. 3 * 8 = 24 figs\nThen x = 24\n#### 24", {}, "no edit makes it wrong"),
        ("1. 3 * 8 = 24 figs\n#### 24", {"answer": "x"}, "no edit makes it wrong"),
        ("1. 3 * 8 = 24 figs\n#### 24", {"rationale": "else"}, "steps are not the text"),
        ("1. 3 * 8 = 24 figs\n#### 24", {"steps": ["what?"]}, "steps are not the text"),
        ("1. 3 * 8 = 24 figs\n#### 24", {"steps": []}, "steps are not the text"),
    ],
)
def test_what_cannot_be_made_wrong_is_rejected_with_the_reason(text: str, more: dict[str, Any], reason: str) -> None:
    row = solution(1, text, "Ada buys 3 bags of 8 figs.", "24") | more
    outcome, _ = run(pl.DataFrame([row], schema=to_polars_schema(GIVEN)), rules())
    assert outcome.rejected["reason"].to_list() == [reason]


QUESTION = "Ada has 46 figs, buys 3 bags of 8 figs and eats 12. How many are left?"
STEPS = ["1. In the bags are 3 * 8 = 24 figs.", "2. With those she has 46 + 24 = 70 figs.", "3. After eating, 70 - 12 = 58 figs are left.\n#### 58"]  # fmt: skip
SIGN = ["In the bags are 3 + 8 = 11 figs.", "2. With those she has 46 + 11 = 57 figs.", "3. After eating, 57 - 12 = 45 figs are left.\n#### 45"]  # fmt: skip
LONG = "x" * 1_000_000


def one_row() -> pl.DataFrame:
    row = solution(1, "\n".join(STEPS), QUESTION, "58", steps=STEPS)
    part = pl.DataFrame([row], schema=to_polars_schema(GIVEN))
    return VERIFY.run(part, VerifyParameters.model_validate({})).kept


def json_of(steps: Sequence[str], at: object = 1, **more: Any) -> str:
    return json.dumps({"cause": "They are multiplied.", "first_error": at, "steps": steps, **more})


def test_a_model_s_rewriting_is_kept_with_who_made_it_and_why() -> None:
    given = rules("lemma", kinds=["operator"], models=["a"])
    outcome, (asked,) = run(one_row(), given, lambda _: f"Here it is:\n```json\n{json_of(SIGN)}\n```")
    (row,) = outcome.kept.to_dicts()
    assert row["steps"] == ["1. " + SIGN[0], *SIGN[1:]]
    assert row["text"] == row["rationale"] == "\n".join(row["steps"])
    assert (row["injected_at"], row["injected_type"], row["injected_by"]) == (0, "operator", "big@r1")
    assert (row["injected_edit"], row["injected_cause"]) == ("* 8 = 24 → + 8 = 11", "They are multiplied.")
    assert (row["verdict"], row["extracted"], row["injected_taxonomy"]) == ("wrong", "45", "lemma@1.0.0")
    told = asked.messages[0].content + asked.messages[1].content
    assert "- operator: The numbers belong together" in told
    assert "- counting" not in told
    assert all(step in told for step in STEPS)
    assert json.loads(asked.sampling.schema)["required"] == ["cause", "first_error", "steps"]


def test_a_step_may_be_left_out_and_the_rest_is_numbered_anew() -> None:
    steps = ["2. With those she has 46 + 3 = 49 figs.", "3. After eating, 49 - 12 = 37 figs are left.\n#### 37"]
    given = rules("lemma", kinds=["missing step"], models=["a"], most_changed=0.6)
    (row,) = run(one_row(), given, lambda _: json_of(steps))[0].kept.to_dicts()
    assert row["steps"] == ["1. " + steps[0][3:], "2. " + steps[1][3:]]
    assert row["text"] == "\n".join(row["steps"])


def changed(at: int, text: str, steps: Sequence[str] = SIGN) -> list[str]:
    return [text if i == at else step for i, step in enumerate(steps)]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (json_of(STEPS), "unchanged"),
        (json_of(changed(0, "1. In the bags are 8 * 3 = 24 figs.", STEPS)), "still right"),
        (json_of(changed(0, "1. In the bags are 3 + 8 = 11 figs, a mistake.")), "words of a mistake"),
        (json_of(changed(2, "3. Oops: 57 - 12 = 45 figs are left.\n#### 45")), "words of a mistake"),
        (json_of(changed(1, "2. It should be 46 + 11 = 57 figs.")), "words of a mistake"),
        (json_of(changed(0, "1. In the bags are 3 + 8 = 11 figs (times).")), "notes in brackets"),
        (json_of(changed(0, "1. In the bags are **3 + 8 = 11** figs.")), "another layout"),
        (json_of(changed(2, "3. After eating, 57 - 12 = 45 figs are left.")), "another layout"),
        (json_of(changed(1, "2. With those she has 46 + 11 = 58 figs.")), "a second mistake"),
        (json_of([f"{i}. I take {i} plus {i} pears from my tree" for i in (1, 2, 3)]), "changes too much"),
        (json_of(SIGN, 2), "the change is not in the step named"),
        (json_of(SIGN, 0), "the change is not in the step named"),
        (json_of(SIGN, -10**9), "the change is not in the step named"),
        (json_of(SIGN[:1]), "another number of steps"),
        (json_of([*SIGN, "4. Done.", "5. Done."]), "another number of steps"),
        (json_of(changed(2, "3. After eating, 57 - 12 = 45 figs are left.\n45")), "gives the answer otherwise"),
        (json_of(SIGN, "one"), "unparsable"),
        (json_of(SIGN, True), "unparsable"),
        (json_of([]), "unparsable"),
        (json_of(["", *SIGN[1:]]), "unparsable"),
        (json.dumps({"first_error": 1, "steps": "1. 2. 3."}), "unparsable"),
        (json.dumps({"first_error": 1, "steps": [1, None, {}]}), "unparsable"),
        (json_of(SIGN) + json_of(STEPS), "contradictory"),
        ('{"steps": [[[[', "unparsable"),
        ("[" * 5000, "unparsable"),
        ("I would rather not.", "unparsable"),
        (LONG, "too long"),
        (json_of([LONG, *SIGN[1:]]), "too long"),
        ("", "empty"),
        ("<think>Which step", "cut off"),
    ],
)  # fmt: skip
def test_a_reply_that_cannot_be_used_is_a_rejected_row_with_its_reason(said: str, reason: str) -> None:
    given = rules("lemma", kinds=["operator"], models=["a"], attempts=1)
    outcome, _ = run(one_row(), given, lambda _: said)
    assert outcome.rejected["reason"].to_list() == [reason]
    assert outcome.rejected["text"].to_list() == one_row()["text"].to_list()


def test_a_model_is_asked_again_about_what_was_not_kept_and_no_more() -> None:
    given = rules("lemma", kinds=LEMMA, models=["a", "b"], attempts=3)
    said = iter([json_of(STEPS), json_of(SIGN)])
    outcome, asked = run(one_row(), given, lambda _: next(said))
    assert outcome.kept.height == 1
    assert [one.sample for one in asked] == [0, 1]
    assert len({one.messages for one in asked}) == 1


def test_models_and_kinds_are_each_as_often_and_in_any_order() -> None:
    given = rules("lemma", kinds=LEMMA, models=["a", "b"], attempts=1)
    part = solutions(300)
    outcome, asked = run(part, given, lambda _: "")
    again = run(part.sort("solution_id", descending=True), given, lambda _: "")[1]
    assert {one.id for one in asked} == {one.id for one in again}
    assert 120 < sum(one.model == "big" for one in asked) < 180
    kinds = [next(kind for kind in LEMMA if f"- {kind}: " in one.messages[0].content) for one in asked]
    assert min(kinds.count(kind) for kind in LEMMA) > 30
    assert set(outcome.rejected["reason"]) == {"empty"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kinds": ["moon"]}, "kinds: taxonomy 'lemma' has no type 'moon'"),
        ({"kinds": ["counting", "counting"], "models": ["a"]}, "kinds: names a type twice"),
        ({"kinds": ["counting"]}, "kinds: rules make no 'counting'"),
        ({"taxonomy": STRANGE}, "models: rules make no type of taxonomy 'strange'"),
        ({"models": ["a", "a"]}, "models: names a model twice"),
        ({"models": ["a"], "temperature": 0}, "attempts: temperature 0"),
        ({"models": ["a"], "prompt": "{question} {steps}"}, "prompt: has no {type}"),
    ],
)
def test_parameters_that_cannot_be_meant_are_told(given: dict[str, Any], told: str) -> None:
    faults = INJECT.check(rules(**{"taxonomy": "lemma", **given}), GIVEN)
    assert any(one.startswith(told) for one in faults), faults
    assert INJECT.check(rules("lemma", kinds=LEMMA, models=["a"]), GIVEN) == []
    assert INJECT.check(rules(), GIVEN) == []
