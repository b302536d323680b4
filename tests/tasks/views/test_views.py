"""Views: each format has exactly the fields its readers expect, and says what the corpus says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.declarations import find_declarations
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.contract import Column, Contract
from schemas.frames import check, to_polars_schema
from schemas.recipe.document import RecipeError
from schemas.recipe.reader import read_recipe
from schemas.task import Outcome, Record
from tasks import TASKS
from tasks.evaluation.gold import FORMATS as GOLD
from tasks.evaluation.gold import gather, map_gold
from tasks.sources.content_ids import identify_problem, identify_solution
from tasks.views.preference import PREFERENCE, PreferenceParameters
from tasks.views.task import VIEW
from tests.views import take_view

FIRST = Column("first_error", "integer", "The first wrong step.", nullable=True, at_least=-1)
SOFT = Column("soft", "numbers", "Chances.", nullable=True)
LABELLED = SOLUTIONS.having(*STEP_COLUMNS, *VERDICT_COLUMNS, FIRST, SOFT)


def row(question: str = "What is 2 + 2?", **change: Any) -> dict[str, Any]:
    """A labelled solution."""
    values: dict[str, Any] = {
        "set": "gsm8k", "question": question, "options": None, "answer": "4", "reference": "2 + 2 = 4", "model": "m",
        "sampling": "s", "sample": 0, "text": "2 + 2 is 5.\nSo 5.\nDone.", "rationale": "r", "stated": None, "source": "f:1",
        "steps": ["2 + 2 is 5.", "So 5.", "Done."], "step_rule": "lines", "verdict": "wrong", "undecided": None,
        "extracted": "5", "extracted_by": "phrase", "extracted_from": None, "extracted_to": None, "compared_by": "numeric",
        "second_opinion": None, "first_error": 0, "soft": [0.1, 0.0, 0.5],
    } | change  # fmt: skip
    values["problem_id"] = identify_problem(values["question"], values["options"])
    values["solution_id"] = identify_solution(
        values["problem_id"], values["model"], "s", values["sample"], values["text"]
    )
    return values


def make_view(format: str, *rows: dict[str, Any], **parameters: Any) -> Outcome:
    """Rows in a format, checked against the view's contract."""
    result = take_view(format, **parameters)
    outcome = VIEW.run(pl.DataFrame(list(rows), schema=to_polars_schema(LABELLED)), result)
    check(outcome.kept, VIEW.makes(result, LABELLED), "test")
    assert outcome.kept.height + outcome.rejected.height == len(rows)
    return outcome


def only(outcome: Outcome) -> dict[str, Any]:
    (result,) = outcome.kept.drop("solution_id", "problem_id", strict=False).to_dicts()
    return result


def test_language_modelling() -> None:
    assert only(make_view("language-modelling", row())) == {"text": "What is 2 + 2?\n2 + 2 is 5.\nSo 5.\nDone."}
    assert only(make_view("language-modelling", row(), form="conversational")) == {
        "messages": [{"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": row()["text"]}]
    }


def test_text_thinking_or_both_stand_for_the_solution() -> None:
    thought = row(thinking="Hm.\nSo 5.", thinking_finished=True)
    texts = {of: only(make_view("language-modelling", thought, of=of))["text"] for of in ("text", "thinking", "both")}
    assert texts == {
        "text": "What is 2 + 2?\n2 + 2 is 5.\nSo 5.\nDone.",
        "thinking": "What is 2 + 2?\nHm.\nSo 5.",
        "both": "What is 2 + 2?\n<think>\nHm.\nSo 5.\n</think>\n\n2 + 2 is 5.\nSo 5.\nDone.",
    }
    assert make_view("language-modelling", row(), of="both").rejected["reason"].to_list() == ["no thinking"]
    faults = VIEW.check(take_view("language-modelling", of="both"), Contract("", "", (FIRST,), ""))
    assert "of: the table has no column 'thinking'; show the text" in faults


def test_prompt_completion() -> None:
    assert only(make_view("prompt-completion", row())) == {"prompt": "What is 2 + 2?\n", "completion": row()["text"]}
    result = only(make_view("prompt-completion", row(options=["4", "5"]), form="conversational"))
    assert result["prompt"] == [{"role": "user", "content": "What is 2 + 2?\nA) 4\nB) 5"}]
    assert result["completion"] == [{"role": "assistant", "content": row()["text"]}]


def test_unpaired_preference() -> None:
    right, unsure = row(verdict="right", sample=1), row(verdict="undecided", undecided="no answer", sample=2)
    outcome = make_view("unpaired-preference", row(), right, unsure)
    assert outcome.kept["label"].to_list() == [False, True]
    assert set(outcome.kept.columns) == {"prompt", "completion", "label", "solution_id", "problem_id"}
    assert outcome.rejected.select("reason", "detail").rows() == [("undecided", "no answer")]


@pytest.mark.parametrize(
    ("first", "after", "labels"),
    [(-1, "cut", [True, True, True]), (0, "cut", [False]), (1, "cut", [True, False]), (2, "cut", [True, True, False]),
     (1, "wrong", [True, False, False]), (-1, "wrong", [True, True, True])],
)  # fmt: skip
def test_stepwise_supervision(first: int, after: str, labels: list[bool]) -> None:
    result = only(make_view("stepwise", row(first_error=first), after=after))
    assert result == {
        "prompt": "What is 2 + 2?", "completions": row()["steps"][: len(labels)], "labels": labels, "soft": [0.1, 0.0, 0.5][: len(labels)],
    }  # fmt: skip


def test_stepwise_has_soft_labels_only_where_there_are_some() -> None:
    without = Contract("x", "", tuple(column for column in LABELLED.columns if column.name != "soft"), "solution_id")
    parameters = take_view("stepwise")
    assert VIEW.makes(parameters, without).names() == ("prompt", "completions", "labels", "solution_id", "problem_id")
    outcome = VIEW.run(pl.DataFrame([row()], schema=to_polars_schema(LABELLED)).drop("soft"), parameters)
    check(outcome.kept, VIEW.makes(parameters, without), "test")
    assert only(make_view("stepwise", row(soft=None)))["soft"] is None
    assert only(make_view("stepwise", row(soft=[None, None, None])))["soft"] is None


@pytest.mark.parametrize(
    "how", ["sequential, 8 rollouts, hard label", "witness for precision 0.98: 2 before, 5 through"]
)
def test_stepwise_refuses_shares_that_are_counts_stopped_at_a_success(how: str) -> None:
    rows = pl.DataFrame([row()], schema=to_polars_schema(LABELLED)).with_columns(estimated_by=pl.lit(how))
    assert VIEW.run(rows, take_view("stepwise")).kept["soft"].to_list() == [None]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"first_error": None}, "no label of the first wrong step"),
        ({"first_error": 3}, "a first wrong step that the solution does not have"),
        ({"soft": []}, "fewer soft labels than steps"),
    ],
)
def test_rows_without_a_sound_label_are_rejected(change: dict[str, Any], reason: str) -> None:
    outcome = make_view("stepwise", row(**change))
    assert outcome.kept.height == 0 and outcome.rejected["reason"].to_list() == [reason]


def test_math_shepherd() -> None:
    assert only(make_view("math-shepherd", row(first_error=1))) == {
        "input": "What is 2 + 2? 2 + 2 is 5. ки\nSo 5. ки",
        "label": "What is 2 + 2? 2 + 2 is 5. +\nSo 5. -",
        "task": "gsm8k",
    }
    assert make_view("math-shepherd", row(steps=["ки"])).rejected["reason"].to_list() == ["holds the mark of a step"]
    assert "\n" not in only(make_view("math-shepherd", row(steps=["a\nb"])))["input"]


def test_prm800k() -> None:
    result = only(make_view("prm800k", row(first_error=1)))
    assert list(result) == [
        "labeler", "timestamp", "generation", "is_quality_control_question", "is_initial_screening_question", "question", "label",
    ]  # fmt: skip
    assert list(result["question"]) == [
        "problem", "ground_truth_solution", "ground_truth_answer", "pre_generated_steps", "pre_generated_answer",
        "pre_generated_verifier_score",
    ]  # fmt: skip
    assert result["label"] == {
        "steps": [
            {
                "completions": [{"text": "2 + 2 is 5.", "rating": 1, "flagged": False}],
                "human_completion": None,
                "chosen_completion": 0,
            },
            {
                "completions": [{"text": "So 5.", "rating": -1, "flagged": False}],
                "human_completion": None,
                "chosen_completion": None,
            },
        ],
        "total_time": None,
        "finish_reason": "found_error",
    }
    assert only(make_view("prm800k", row(first_error=-1)))["label"]["finish_reason"] == "solution"


def test_processbench() -> None:
    outcome = make_view("processbench", row(first_error=1))
    assert outcome.kept.drop("problem_id").to_dicts() == [
        {"id": row()["solution_id"], "generator": "m", "problem": "What is 2 + 2?", "steps": row()["steps"],
         "final_answer_correct": False, "label": 1},
    ]  # fmt: skip


def test_right_solutions_wrong_ones_and_right_answers_with_a_wrong_step_are_rows_alike() -> None:
    shapes: tuple[dict[str, Any], ...] = (
        {"first_error": -1, "verdict": "right"},
        {"first_error": 1},
        {"first_error": 1, "verdict": "right"},
    )
    given = [row(sample=at, **shape) for at, shape in enumerate(shapes)]
    labels = {
        "stepwise": [[True] * 3, [True, False], [True, False]],
        "math-shepherd": ["+++", "+-", "+-"],
        "prm800k": [[1, 1, 1], [1, -1], [1, -1]],
        "processbench": [(True, -1), (False, 1), (True, 1)],
    }
    for format, expected in labels.items():
        rows = make_view(format, *given).kept.to_dicts()
        read: dict[str, Any] = {
            "stepwise": lambda values: values["labels"],
            "math-shepherd": lambda values: "".join(line[-1] for line in values["label"].split("\n")),
            "prm800k": lambda values: [step["completions"][0]["rating"] for step in values["label"]["steps"]],
            "processbench": lambda values: (values["final_answer_correct"], values["label"]),
        }  # fmt: skip
        assert [read[format](values) for values in rows] == expected


@given(st.lists(st.tuples(st.lists(st.text(min_size=1), min_size=1, max_size=5), st.integers(-1, 6)), max_size=6))
@settings(deadline=None, max_examples=15)
def test_processbench_is_read_back_as_gold(shapes: list[tuple[list[str], int]]) -> None:
    rows = [
        row(steps=steps, first_error=first, sample=i, verdict="right" if first == -1 else "wrong")
        for i, (steps, first) in enumerate(shapes)
    ]
    sound = [item for item in rows if item["first_error"] < len(item["steps"])]
    kept = make_view("processbench", *rows).kept
    result, rejected = gather(
        [Record(f"{i}", json.loads(json.dumps(item))) for i, item in enumerate(kept.to_dicts())],
        map_gold(GOLD["processbench"]),
    )
    assert rejected == []
    assert [item.first_error for item in result] == [item["first_error"] for item in sound]


def pairs(*rows: dict[str, Any], **parameters: Any) -> Outcome:
    result = PreferenceParameters(**parameters)
    outcome = PREFERENCE.run(pl.DataFrame(list(rows), schema=to_polars_schema(LABELLED)), result)
    check(outcome.kept, PREFERENCE.makes(result, LABELLED), "test")
    assert outcome.kept.height + outcome.rejected.height == len(rows)
    return outcome


def test_each_wrong_solution_meets_a_right_one_of_its_problem() -> None:
    wrong = [row(sample=i, text=f"wrong {i}") for i in range(3)]
    right = [row(sample=i, text=f"right {i}", verdict="right") for i in range(2)]
    lonely = row("What is 3 + 3?", text="alone")
    outcome = pairs(*wrong, *right, lonely, row(sample=9, verdict="undecided", text="?"))
    assert sorted(outcome.kept["rejected"]) == ["wrong 0", "wrong 1", "wrong 2"]
    assert set(outcome.kept["chosen"]) == {"right 0", "right 1"}
    assert outcome.kept["prompt"].unique().to_list() == ["What is 2 + 2?\n"]
    assert sorted(outcome.rejected["reason"]) == [
        "right: a chosen side", "right: a chosen side", "undecided", "wrong, and none of the problem is right",
    ]  # fmt: skip


def test_the_sets_own_solution_can_stand_in() -> None:
    outcome = pairs(row(text="alone"), reference=True)
    assert outcome.kept.select("chosen", "chosen_id").rows() == [("2 + 2 = 4", "reference")]
    conversation = pairs(row(text="alone"), reference=True, form="conversational").kept.to_dicts()[0]
    assert conversation["chosen"] == [{"role": "assistant", "content": "2 + 2 = 4"}]


@given(st.permutations(range(6)))
@settings(deadline=None, max_examples=15)
def test_pairs_do_not_depend_on_the_order_of_the_rows(order: list[int]) -> None:
    rows = [row(sample=i, text=f"{i}", verdict="right" if i % 3 == 0 else "wrong") for i in range(6)]
    result = [pairs(*(rows[i] for i in by)).kept.sort("solution_id") for by in (range(6), order)]
    assert result[0].equals(result[1])


RECIPE = """\
corpus: c
version: 0.1.0
title: T
license: MIT
tables:
  problems: {{task: import, files: x.jsonl, set: {{value: s}}, question: q, answer: a, model: m, text: t}}
  seen: {{task: view, from: problems, {0}}}
  release: {{task: release, from: seen}}
"""


def test_both_sides_of_a_pair_are_of_the_channel_that_is_asked_for() -> None:
    wrong = row(thinking="So 5.", thinking_finished=True)
    right = row(verdict="right", text="4", thinking="So 4.", thinking_finished=True)
    silent = row(sample=1, text="6")
    sides = {of: pairs(wrong, right, silent, of=of) for of in ("text", "thinking", "both")}
    shown = {of: set(outcome.kept.select("chosen", "rejected").rows()) for of, outcome in sides.items()}
    assert shown == {
        "text": {("4", wrong["text"]), ("4", "6")},
        "thinking": {("So 4.", "So 5.")},
        "both": {("<think>\nSo 4.\n</think>\n\n4", f"<think>\nSo 5.\n</think>\n\n{wrong['text']}")},
    }
    assert sorted(sides["both"].rejected["reason"]) == ["no thinking", "right: a chosen side"]
    faults = PREFERENCE.check(PreferenceParameters(of="both", reference=True), LABELLED)
    assert [fault.partition(":")[0] for fault in faults] == ["reference"]
    faults = PREFERENCE.check(PreferenceParameters(of="both"), Contract("", "", (FIRST,), ""))
    assert "of: the table has no column 'thinking'; show the text" in faults


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            "format: stepwise",
            "r.yaml:7: tables.seen.format: stepwise needs the column 'steps'; put a task that makes it before",
        ),
        ("format: unpaired-preference", "unpaired-preference needs the column 'verdict'"),
        (
            "format: stepwise, form: conversational",
            "tables.seen.form: stepwise has texts only; leave it out, or take a view that has conversations",
        ),
        (
            "format: prompt-completion, after: wrong",
            "tables.seen.after: prompt-completion leaves no choice; leave it out, or take a view that does, as stepwise",
        ),
        ("format: stepwize", "tables.seen.format: unknown view 'stepwize'; did you mean 'stepwise'?"),
    ],
)
def test_a_view_that_cannot_be_made_is_told(given: str, expected: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_recipe(RECIPE.format(given), "r.yaml", TASKS, find_declarations(Path()))
    assert expected in str(caught.value)
