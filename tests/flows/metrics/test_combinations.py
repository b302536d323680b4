"""What carried labels: precision and tokens by the combination of evidence, or of labellers, that speaks for the step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from errata.cli.exit_codes import DONE

from flows.metrics.combinations import LISTED, NOTHING, format_combinations, group_combinations, name_combination
from schemas.columns.labels import AGREE_LABEL, JUDGE_LABEL
from tasks.evaluation.score import Gold
from tests.command import run_here


def make_row(number: int, names: list[str], strength: list[float], label: int, gold: int) -> dict[str, Any]:
    return {
        "id": str(number), "label": gold, "steps": ["a"] * 4, "first_error": label, "probability": 0.9,
        "carried_by": names, "carried": strength, "labellers": ["small@r", "estimation"], "labels": [label, None],
    }  # fmt: skip


ROWS = [
    *(make_row(n, ["rollouts", "small@r", "reference"], [3.0, 1.0, 0.2], 1, 1) for n in range(6)),
    *(make_row(n, ["small@r", "rollouts"], [2.0, -1.0], 2, 2 if n < 8 else 0) for n in range(6, 10)),
    make_row(10, ["rollouts"], [0.1], 3, 3),
]


def test_evaluate_tells_precision_by_what_carried_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    arguments = ("evaluate", "labels.jsonl", "--gold", "labels.jsonl", "--format", "processbench")
    result = run_here(capsys, *arguments, "--json")
    assert result.code == DONE, result.err
    groups = json.loads(result.out)["labellers"]["first_error"]["combinations"]
    assert [(each["carried_by"], each["labels"], each["exact"]) for each in groups] == [
        (["rollouts", "small"], 6, 6), (["small"], 4, 2), ([], 1, 1),
    ]  # fmt: skip
    assert groups[1]["precision"] == 0.5 and groups[1]["interval"][0] == pytest.approx(0.15, abs=0.01)
    assert all(each["tokens"] is None and each["per_right_row"] is None for each in groups)
    shown = run_here(capsys, *arguments).out
    assert "rollouts + small" in shown and NOTHING in shown and "50.0 (15.0-85.0)" in shown
    assert max(map(len, shown.splitlines()[2:])) <= 80


def test_where_no_evidence_is_weighed_the_labellers_who_name_the_step_carry_it() -> None:
    row = {"first_error": 1, "labellers": ["a@r", "b@r", "estimation"], "labels": [1, 2, 1]}
    assert name_combination(row, AGREE_LABEL) == "a + estimation"
    judged = {"judge_first_error": 1, "judges": ["a@r #0", "a@r #1", "b@r #0"], "judge_labels": [1, 0, 1]}
    assert name_combination(judged, JUDGE_LABEL) == "a + b"
    assert name_combination({"first_error": 1}, AGREE_LABEL) is None


def test_tokens_are_those_of_the_labels_of_a_combination() -> None:
    gold = [Gold(str(n), 0, 3, "", "") for n in range(6)]
    labels = {"0": 0, "1": 0, "2": 1, "3": 0, "4": -1, "5": None}
    names = {str(n): "x" if n < 3 else "y" for n in range(6)}
    first, other = group_combinations(gold, labels, names, {str(n): 10 * n for n in range(6)})
    assert (first.name, first.exact.hits, first.exact.of, first.tokens) == ("x", 2, 3, 30)
    cost = first.cost()
    assert cost is not None and cost[0] == 15 and cost[1] < 15 < cost[2]
    assert (other.name, other.tokens) == ("y", 30)
    assert group_combinations(gold, labels, dict.fromkeys(names, "x"), {}) == []  # one alone says nothing more


def test_many_combinations_are_taken_together_at_the_end() -> None:
    gold = [Gold(str(n), 0, 3, "", "") for n in range(LISTED + 5)]
    names = {row.id: f"evidence {row.id}" for row in gold}
    groups = group_combinations(gold, {row.id: 0 for row in gold}, names, {})
    shown = format_combinations({"first_error": groups})
    assert shown.count("evidence ") == LISTED and "5 others" in shown
