"""The task `values`: what each step is worth, and which labels follow from it."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.columns.values import VALUE_TREES
from schemas.contract import Contract
from schemas.frames import check, to_polars_schema
from schemas.task import Outcome
from tasks.localize.estimate import ESTIMATE
from tasks.localize.estimate_parameters import EstimateParameters
from tasks.localize.step_values import compute_rest_values, label_sorm
from tasks.localize.values import VALUES, ValuesParameters
from tasks.search.tree import DEEPEST

GIVEN = SOLUTIONS.having(*STEP_COLUMNS, *VERDICT_COLUMNS)
SCHEMA: dict[str, Any] = {
    **to_polars_schema(Contract("", "", VALUE_TREES.columns[:6], "")), "solution_id": pl.String, "text": pl.String, "verdict": pl.String,
    "steps": pl.List(pl.String), "soft": pl.List(pl.Float64), "start_tried": pl.Int64, "start_succeeded": pl.Int64,
}  # fmt: skip
STEPS = ["2 + 2 = 4", "4 + 3 = 7", "7 + 1 = 9"]


def row(number: int = 0, problem: int = 0, **change: Any) -> dict[str, Any]:
    return {
        "problem_id": f"{problem:024x}", "set": "s", "question": "What is 2 + 2 + 3 + 1?", "options": None, "answer": "8", "reference": None,
        "solution_id": f"{number:024x}", "text": "\n".join(STEPS), "verdict": "wrong", "steps": STEPS, "soft": [0.75, 0.5, 0.0],
        "start_tried": 8, "start_succeeded": 4, **change,
    }  # fmt: skip


def value(*rows: dict[str, Any], **parameters: Any) -> Outcome:
    """The outcome, in which each row is accounted for."""
    outcome = VALUES.run(pl.DataFrame(list(rows), schema=SCHEMA), ValuesParameters(**parameters))
    assert outcome.kept.height + outcome.rejected.height == len(rows)
    return outcome


def test_advantages_are_what_each_step_gains_or_loses() -> None:
    (result,) = value(row()).kept.to_dicts()
    assert result["q_before"] == [0.5, 0.75, 0.5] and result["advantage"] == [0.25, -0.25, -0.5]
    assert (result["outcome"], result["ovm"], result["right_rate"]) == (-1, [0, 0, 0], 0.0)


def test_the_first_step_has_no_advantage_where_nobody_began_at_the_problem() -> None:
    (result,) = value(row(start_tried=0, start_succeeded=0)).kept.to_dicts()
    assert result["q_before"] == [None, 0.75, 0.5] and result["advantage"][0] is None


def test_the_rate_of_a_problem_is_that_of_all_its_solutions() -> None:
    right = row(1, verdict="right", steps=STEPS[:2], soft=[1.0, 1.0])
    kept = value(row(), right, row(2, 1)).kept
    assert kept.sort("solution_id")["right_rate"].to_list() == [0.5, 0.5, 0.0]


@pytest.mark.parametrize(
    ("steps", "q", "labels"),
    [
        (STEPS, [0.75, 0.5, 0.0], [1, 1, 0]),
        (STEPS, [0.0, 0.5, 0.0], [1, 1, 0]),  # a success behind the second step is one behind the first
        (STEPS, [0.0, 0.0, 1.0], [1, 1, 1]),
        (["2 + 2 = 5", "3 + 1 = 4", "So 8."], [0.5, 0.25, 1.0], [None, None, 1]),  # what is stated is used nowhere
        (["Add.", "So 8."], [0.5, 1.0], [1, 1]),
    ],
)
def test_sorm_labels_say_whether_a_step_can_be_gone_on_from(
    steps: list[str], q: list[float], labels: list[int | None]
) -> None:
    assert label_sorm(steps, q) == labels


def test_rest_values_rise_to_one_and_fall_behind_a_wrong_step() -> None:
    assert compute_rest_values([0.9, 0.5, 0.2, 1.0]) == [0.25, 0.5, 0.75, 1.0]
    assert compute_rest_values([0.5, 0.5, 0.0, 0.0]) == pytest.approx(
        [0.25, 0.5, 0.5 - 0.5 / 3, 0.5 - 0.5 / 3 - (0.5 + 0.5 / 3) / 3]
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_rest_values_are_shares(q: list[float]) -> None:
    values = compute_rest_values(q)
    assert len(values) == len(q) and all(0 <= share <= 1 for share in values)
    assert values == pytest.approx([(i + 1) / len(q) for i in range(len(q))]) or min(q) == 0


def test_a_problem_is_a_row_with_its_tree() -> None:
    other = row(1, verdict="right", steps=[STEPS[0], "4 + 4 = 8"], soft=[0.25, 1.0], start_succeeded=2, text="t")
    outcome = value(row(), other, row(2, 1), per="problem")
    check(outcome.kept, VALUE_TREES, "made")
    result = outcome.kept.filter(pl.col("responses").list.len() == 2).to_dicts()[0]
    assert (result["correct"], result["right_rate"], result["responses"][1]) == ([False, True], 0.5, "t")
    tree = json.loads(result["tree"])
    assert (tree["text"], tree["mc_value"]) == ("What is 2 + 2 + 3 + 1?", 6 / 16)
    (first,) = tree["children"]
    assert (first["text"], first["mc_value"]) == (STEPS[0], 0.5)
    assert [(node["text"], node["mc_value"]) for node in first["children"]] == [(STEPS[1], 0.5), ("4 + 4 = 8", 1.0)]
    assert outcome.rejected["reason"].to_list() == ["in the row of its problem"]


@pytest.mark.parametrize(
    ("change", "parameters", "reason"),
    [
        ({"verdict": "undecided"}, {}, "verdict undecided"),
        ({"soft": None}, {}, "no share for each step"),
        ({"soft": [0.5, None, 0.0]}, {}, "no share for each step"),
        ({"soft": [0.5]}, {}, "no share for each step"),
        ({"steps": ["x"] * 5_000, "soft": [0.5] * 5_000}, {"per": "problem"}, "more steps than a tree has levels"),
    ],
)
def test_what_cannot_be_valued_is_rejected(change: dict[str, Any], parameters: dict[str, Any], reason: str) -> None:
    assert value(row(**change), **parameters).rejected["reason"].to_list() == [reason]


def test_the_deepest_tree_can_be_written_and_read() -> None:
    steps = [f"{i}" for i in range(DEEPEST)]
    (result,) = value(row(steps=steps, soft=[0.5] * DEEPEST), per="problem").kept.to_dicts()
    assert json.loads(result["tree"])["children"][0]["text"] == "0"


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"method": "every-step", "label": "hard"}, True),
        ({"method": "binary", "label": "soft"}, True),
        ({"method": "every-step", "label": "soft"}, False),
    ],
)
def test_hard_labels_are_a_fault_before_anything_runs(settings: dict[str, str], fault: bool) -> None:
    made = ESTIMATE.makes(EstimateParameters.model_validate({"model": "m", **settings}), GIVEN)
    faults = VALUES.check(ValuesParameters(), made)
    assert bool(faults) == fault and all("label: soft" in text for text in faults)
    assert VALUES.check(ValuesParameters(), GIVEN) == [
        "values need the column 'soft'; put estimate with `label: soft` and `method: every-step` before"
    ]
