"""`inject`: what it makes is wrong where and as it says, differs in little, and gives nothing away; all else is rejected."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import taxonomies
from schemas.columns.problems import PROGRAM, SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.frames import check, to_polars_schema
from schemas.model_id import ModelId
from schemas.recipe.taxonomy import Taxonomy
from schemas.request import Completion, Reply, Request
from schemas.task import Outcome
from tasks.evaluation.artifact_baseline import measure_artifacts
from tasks.inject.filters import distance
from tasks.inject.parameters import InjectParameters, list_edit_types
from tasks.inject.task import INJECT
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
    results = []
    for number in range(count):
        problem = make_problem(11, number, 3)
        text = write_solution(*solve_right(problem.program))
        results.append(solution(number, text, problem.question, str(problem.answer), program=problem.program.dump()))
    kept = VERIFY.run(pl.DataFrame(results, schema=to_polars_schema(GIVEN)), VerifyParameters.model_validate({})).kept
    assert set(kept["verdict"]) == {"right"}
    return kept


def rules(taxonomy: str | Taxonomy = "abacus", **more: Any) -> InjectParameters:
    shipped = taxonomies.find_shipped(taxonomy) if isinstance(taxonomy, str) else taxonomy
    return InjectParameters.model_validate({"taxonomy": shipped, **more})


def run(
    part: pl.DataFrame, given: InjectParameters, respond: Callable[[Request], Reply | str] | None = None
) -> tuple[Outcome, list[Request]]:
    conversation = INJECT.ask(part, given, NAMES)
    asked: list[Request] = []
    replies: dict[str, Reply] | None = None
    try:
        while True:
            wanted = conversation.send(replies) if replies is not None else next(conversation)
            asked += wanted
            assert respond is not None
            replies = {item.id: reply(item, respond(item)) for item in wanted}
    except StopIteration as end:
        outcome: Outcome = end.value
    assert outcome.kept.height + outcome.rejected.height == part.height
    contract = INJECT.makes(given, GIVEN)
    check(outcome.kept.select(contract.names()), contract, "injected")
    return outcome, asked


def reply(request: Request, value: Reply | str) -> Reply:
    return value if not isinstance(value, str) else Completion(request.id, value, "stop", 9, 20, 9, -1.5, "fake 1", 0.0)


def test_what_rules_make_is_wrong_where_and_as_it_says() -> None:
    kept = run(solutions(600), rules())[0].kept
    truths = [find_truth(load_program(row["program"]), row["steps"]) for row in kept.to_dicts()]
    same = [(truth.first_error, truth.kind) for truth in truths]
    values = list(zip(kept["injected_at"], kept["injected_type"]))
    assert kept.height >= 480
    assert all(truth.first_error >= 0 for truth in truths)
    assert sum(a == b for a, b in zip(same, values)) / kept.height >= 0.99
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
    artifacts = measure_artifacts(zip(kept["text"], wrong, kept["problem_id"]))
    assert artifacts is not None
    assert artifacts.looks <= 0.58, f"lengths and characters give the wrong ones away: AUC {artifacts.looks:.3f}"
    assert artifacts.ngrams <= 0.58, f"character n-grams give the wrong ones away: AUC {artifacts.ngrams:.3f}"


def test_each_type_of_a_taxonomy_that_rules_make_is_told() -> None:
    assert set(list_edit_types(rules()).values()) == set(BY_RULE)
    assert set(list_edit_types(rules("rise")).values()) == set(taxonomies.find_shipped("rise").labels())
    assert {"calculation", "operator", "missing step"} <= set(list_edit_types(rules("lemma")).values())
    kept = run(solutions(60), rules("rise", kinds=["change multiple values"]))[0].kept
    assert set(kept["injected_type"]) == {"change multiple values"}
    assert set(kept["injected_taxonomy"]) == {"rise@1.1.0"}


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
WRONG = {1: "1. In the bags are 3 + 8 = 11 figs.", 2: "2. With those she has 46 - 24 = 22 figs."}
"""Either step with one mistake."""
REST = {
    1: ["2. With those she has 46 + 11 = 57 figs.", "3. After eating, 57 - 12 = 45 figs are left.\n#### 45"],
    2: ["3. After eating, 22 - 12 = 10 figs are left.\n#### 10"],
}
"""What follows from it."""
LONG = "x" * 1_000_000


def one_row() -> pl.DataFrame:
    row = solution(1, "\n".join(STEPS), QUESTION, "58", steps=STEPS)
    part = pl.DataFrame([row], schema=to_polars_schema(GIVEN))
    return VERIFY.run(part, VerifyParameters.model_validate({})).kept


def number_of(request: Request) -> int:
    """The step that a request is about."""
    return next(i for i, step in enumerate(STEPS, 1) if f">\n{step}\n<" in request.messages[-1].content)


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "<step-0123456789abcdef>\n{}\n</step-0123456789abcdef>",
        "<step-{n}>\n{}\n</step-{n}>",
        "Here is step {n}:\n\n{}",
        "30 becomes 31:\n{}",
        "```\n{}\n```",
        '"{}"',
        '{{"step": "{}"}}',
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_a_model_writes_one_step_and_rules_the_rest(form: str, seed: int) -> None:
    given = rules("lemma", kinds=["operator"], models=["a"], seed=seed)
    outcome, (asked,) = run(
        one_row(),
        given,
        lambda value: form.format(WRONG[number_of(value)], n=number_of(value), next=number_of(value) + 1),
    )
    (row,) = outcome.kept.to_dicts()
    number = number_of(asked)
    assert row["steps"] == [*STEPS[: number - 1], WRONG[number], *REST[number]]
    assert row["text"] == row["rationale"] == "\n".join(row["steps"])
    assert (row["injected_at"], row["injected_type"], row["injected_by"]) == (number - 1, "operator", "big@r1")
    assert row["injected_edit"] == {1: "* 8 = 24 → + 8 = 11", 2: "+ 24 = 70 → - 24 = 22"}[number]
    assert (row["verdict"], row["injected_cause"], row["injected_taxonomy"]) == ("wrong", None, "lemma@1.0.0")
    content = asked.messages[-1].content
    assert "mistake is operator: The numbers belong together" in content and QUESTION in content
    assert "counting: " not in content
    assert f"so that {[24, 70][number - 1]} becomes another number" in content
    assert asked.sampling.schema == ""
    assert "mistake is operator: The numbers belong together" in asked.messages[1].content
    assert asked.messages[2].content == "35 becomes 41:\n1. He gains 8 pens and loses 3: 30 + 8 + 3 = 41 pens.", (
        "another sign"
    )


def test_both_steps_from_which_it_goes_on_are_asked_about() -> None:
    asked = [
        run(one_row(), rules("lemma", models=["a"], seed=seed, attempts=1), lambda _: "")[1][0] for seed in range(9)
    ]
    assert {number_of(item) for item in asked} == {1, 2}
    again = run(one_row(), rules("lemma", models=["a"], attempts=2), lambda _: "")[1]
    assert {number_of(item) for item in again} == {1, 2}


@pytest.mark.parametrize(("first", "second"), [(24, 70), (17, 21)])
def test_where_the_operands_are_others_the_result_is_worked_out(first: int, second: int) -> None:
    given = rules("lemma", kinds=["operator"], models=["a"])
    wrong = {1: f"1. In the bags are 2 * 8 = {first} figs.", 2: f"2. With those she has 46 - 24 = {second} figs."}
    (row,) = run(one_row(), given, lambda value: wrong[number_of(value)])[0].kept.to_dicts()
    assert row["verdict"] == "wrong" and any(text in row["text"] for text in ("2 * 8 = 16 figs", "46 - 24 = 22 figs"))


NO_PLACES = ["Ada has 46 figs in all.", "Of those 12 are gone, and 24 came.", "So 58 are left.\n#### 58"]


def test_a_solution_from_which_nothing_follows_by_rules_costs_no_token() -> None:
    row = solution(1, "\n".join(NO_PLACES), QUESTION, "58", steps=NO_PLACES)
    part = VERIFY.run(pl.DataFrame([row], schema=to_polars_schema(GIVEN)), VerifyParameters.model_validate({})).kept
    outcome, asked = run(part, rules("lemma", models=["a"]), lambda _: "")
    assert outcome.rejected["reason"].to_list() == ["no step from which rules are certain what follows"] and not asked
    given = rules("lemma", models=["a"], rest="either", attempts=1)
    wrong = "Ada has 47 figs, more or less."

    def answer(request: Request) -> str:
        if request.prefix:
            assert request.prefix.endswith("\n") and request.messages[-1].content.startswith(QUESTION)
            return "So she has 59 left.\n#### 59"
        return wrong

    (result,) = run(part, given, answer)[0].kept.to_dicts()
    at = result["injected_at"]
    assert result["steps"] == [*NO_PLACES[:at], wrong, "So she has 59 left.\n#### 59"]
    assert result["text"] == "\n".join(result["steps"]) and result["verdict"] == "wrong"


def test_a_model_that_rights_its_mistake_is_not_kept() -> None:
    given = rules("lemma", models=["a"], rest="continuation", attempts=1)
    wrong = WRONG | {2: "2. With those she has 46 - 24 = 22 figs."}
    back = lambda value: "Wait, that is wrong: 58.\n#### 58" if value.prefix else wrong[number_of(value)]  # noqa: E731
    assert run(one_row(), given, back)[0].rejected["reason"].to_list() == ["words of a mistake"]
    still = lambda value: "All in all 58.\n#### 58" if value.prefix else wrong[number_of(value)]  # noqa: E731
    assert run(one_row(), given, still)[0].rejected["reason"].to_list() == ["still right"]
    second = lambda value: "Then 11 - 1 = 11.\n#### 11" if value.prefix else wrong[number_of(value)]  # noqa: E731
    assert run(one_row(), given, second)[0].rejected["reason"].to_list() == ["a second mistake"]


def test_what_may_be_right_is_not_gone_on_from() -> None:
    given = rules("lemma", kinds=["confusing concept"], models=["a"], rest="continuation", attempts=1)
    turned = {1: "1. In the bags are 8 * 3 = 24 figs.", 2: "2. With those she has 58 + 12 = 70 figs."}
    outcome, asked = run(one_row(), given, lambda value: turned[number_of(value)])
    assert outcome.rejected["reason"].to_list() == ["whether it is wrong is not certain"] and len(asked) == 1


@pytest.mark.parametrize(
    ("kind", "sample"),
    [
        ("change result", "30 + 8 - 3 = 45"),
        ("substitution", "30 + 6 - 3 = 33"),
        ("change symbol", "30 + 8 + 3 = 41"),
        ("change multiple values", "30 + 6 - 2 = 34"),
    ],
)
def test_a_model_is_shown_the_very_type_and_what_it_makes_instead_gets_its_own(kind: str, sample: str) -> None:
    (asked,) = run(one_row(), rules("rise", kinds=[kind], models=["a"], attempts=1), lambda _: "")[1]
    assert sample in asked.messages[2].content and f"mistake is {kind}: " in asked.messages[1].content
    given = rules("rise", kinds=sorted({kind, "change result"}), models=["a"], attempts=1)
    false = {1: "1. In the bags are 3 * 8 = 27 figs.", 2: "2. With those she has 46 + 24 = 72 figs."}
    (row,) = run(one_row(), given, lambda value: false[number_of(value)])[0].kept.to_dicts()
    assert (row["injected_type"], row["verdict"]) == ("change result", "wrong")


def one_more(step: str, form: str) -> str:
    """A step whose result is one more, in a form."""
    return re.sub(r"= (\d+)", lambda match: "= " + form.format(int(match[1]) + 1), step)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda step: step, "unchanged"),
        (lambda step: step.replace("=", "is, by mistake,"), "words of a mistake"),
        (lambda step: "Oops: " + step, "words of a mistake"),
        (lambda step: step.replace("figs", "figs, more or less"), "what follows is not certain"),
        (lambda step: step.replace(" = ", " is "), "what follows is not certain"),
        (lambda step: step + " And 1 + 1 = 3.", "what follows is not certain"),
        (lambda step: re.sub(r"= \d+", "= 9000", step), "what follows is not certain"),
        (lambda step: one_more(step, "{} (times)"), "notes in brackets"),
        (lambda step: one_more(step, "**{}**"), "another layout"),
        (lambda step: one_more(step, "{}") + "\n" + STEPS[2], "the change is not in the step named"),
        (lambda step: f"<step-7>{step}</step-7>", "the change is not in the step named"),
        (lambda step: json.dumps({"steps": [step]}), "unparsable"),
        (lambda step: LONG, "too long"),
        (lambda step: "", "empty"),
        (lambda step: "<think>Which step", "cut off"),
    ],
)
def test_a_reply_that_cannot_be_used_is_a_rejected_row_with_its_reason(
    change: Callable[[str], str], reason: str
) -> None:
    given = rules("lemma", kinds=["calculation"], models=["a"], attempts=1)
    outcome, _ = run(one_row(), given, lambda value: change(STEPS[number_of(value) - 1]))
    assert outcome.rejected["reason"].to_list() == [reason]
    assert outcome.rejected["text"].to_list() == one_row()["text"].to_list()


def test_a_model_is_asked_again_about_what_was_not_kept_and_no_more() -> None:
    given = rules("lemma", kinds=LEMMA, models=["a", "b"], attempts=3)
    outcome, asked = run(one_row(), given, lambda value: WRONG[number_of(value)] if value.sample else "")
    assert outcome.kept.height == 1
    assert [item.sample for item in asked] == [0, 1]


def test_models_and_kinds_are_each_as_often_and_in_any_order() -> None:
    given = rules("lemma", kinds=LEMMA, models=["a", "b"], attempts=1)
    part = solutions(300)
    outcome, asked = run(part, given, lambda _: "")
    again = run(part.sort("solution_id", descending=True), given, lambda _: "")[1]
    assert {item.id for item in asked} == {item.id for item in again}
    assert 120 < sum(item.model == "big" for item in asked) < 180
    kinds = [next(kind for kind in LEMMA if f"mistake is {kind}: " in item.messages[-1].content) for item in asked]
    # no step here has a term that could be left out
    assert kinds.count("missing step") == 0 and min(kinds.count(kind) for kind in LEMMA if kind != "missing step") > 30
    assert set(outcome.rejected["reason"]) <= {"empty", "no step from which rules are certain what follows"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"kinds": ["moon"]}, "kinds: taxonomy 'lemma' has no type 'moon'"),
        ({"kinds": ["counting", "counting"], "models": ["a"]}, "kinds: names a type twice"),
        ({"kinds": ["counting"]}, "kinds: rules make no 'counting'"),
        ({"taxonomy": STRANGE}, "models: rules make no type of taxonomy 'strange'"),
        ({"models": ["a", "a"]}, "models: names a model twice"),
        ({"models": ["a"], "temperature": 0}, "attempts: temperature 0"),
        ({"models": ["a"], "prompt": "{question} {steps} {step}"}, "prompt: has no {type}"),
        ({"models": ["a"], "prompt": "{question} {steps} {type}"}, "prompt: has no {step}"),
    ],
)
def test_parameters_that_cannot_be_meant_are_told(given: dict[str, Any], expected: str) -> None:
    faults = INJECT.check(rules(**{"taxonomy": "lemma", **given}), GIVEN)
    assert any(fault.startswith(expected) for fault in faults), faults
    assert INJECT.check(rules("lemma", kinds=LEMMA, models=["a"]), GIVEN) == []
    assert INJECT.check(rules(), GIVEN) == []
