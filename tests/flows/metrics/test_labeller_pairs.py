"""Labels say what they were made from: only labellers that have nobody in common agree, the others confirm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from errata.cli.exit_codes import DONE

from flows.metrics.labeller_pairs import compare_labellers, find_origin, format_pairs
from schemas.columns.labels import AGREE_LABEL, ESTIMATE_LABEL, JUDGE_LABEL
from schemas.columns.pairs import LOCATE_LABEL
from tests.command import run_here


def write_labels(method: str, model: str = "small") -> Path:
    """Labels of a judge, of an estimation by a method, and of what is made of both; of another judge in a column of his own."""
    judged, estimated, combined = (0, 1, 2, 3, -1, 1), (0, 1, 2, 1, None, None), (0, 1, 2, 3, None, 1)
    rows = [
        {
            "id": str(i), "label": (0, 1, 2, 1, -1, 1)[i], "steps": ["a"] * 4, "judges": [f"{model}@r #0"], "judge_first_error": judged[i],
            "estimated_by": f"{method}, 8 rollouts", "estimate_first_error": estimated[i], "first_error": combined[i],
            "labellers": [f"{model}@r", "estimation"], "people_first_error": (0, 1, 2, 1, -1, 0)[i],
        }
        for i in range(6)
    ]  # fmt: skip
    path = Path("labels.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    result = run_here(
        capsys, "evaluate", "labels.jsonl", "--gold", "labels.jsonl", "--format", "processbench", "--json", *arguments
    )
    assert result.code == DONE, result.err
    agreement: dict[str, Any] = json.loads(result.out)["agreement"]
    return agreement


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_rollouts_that_test_a_judges_steps_confirm_them(capsys: pytest.CaptureFixture[str]) -> None:
    write_labels("witness")
    agreement = evaluate(capsys)
    assert {tuple(pair["labellers"]) for pair in agreement["pairs"]} == {
        ("judge_first_error", "people_first_error"),
        ("estimate_first_error", "people_first_error"),
        ("first_error", "people_first_error"),
    }
    assert all(len(pair["interval"]) == 2 for pair in agreement["pairs"] if pair["cohens_kappa"] is not None)
    confirmed = {(each["labeller"], each["by"]): each for each in agreement["dependent"]}
    tested = confirmed["judge_first_error", "estimate_first_error"]
    assert (tested["how"], tested["confirmed"], tested["of"]) == ("looked at", 3, 5)
    assert confirmed["judge_first_error", "first_error"]["confirmed"] == 5
    assert confirmed["estimate_first_error", "first_error"]["of"] == 4
    assert agreement["all"]["labellers"] == ["judge_first_error", "people_first_error"]


def test_rollouts_that_know_nothing_of_the_judge_agree_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    write_labels("every-step")
    agreement = evaluate(capsys)
    independent = {tuple(pair["labellers"]): pair for pair in agreement["pairs"]}
    assert independent["judge_first_error", "estimate_first_error"]["rows"] == 4
    assert {each["by"] for each in agreement["dependent"]} == {"first_error"}


def test_the_screen_tells_kappas_and_confirmations_apart(capsys: pytest.CaptureFixture[str]) -> None:
    write_labels("witness")
    shown = run_here(capsys, "evaluate", "labels.jsonl", "--gold", "labels.jsonl", "--format", "processbench").out
    table = shown[shown.index("labellers ") :].split("\n\n")[0]
    assert "judge_f" in table and table.count("people_first_error") == 3 and "estimate" not in table.splitlines()[2]
    assert "3 of 5" in shown and "labeller | by" in shown
    assert max(map(len, shown.splitlines()[2:])) <= 80


def test_labels_of_one_evidence_are_no_agreement_of_each_other() -> None:
    row = {"labellers": ["m@r", "estimation"], "first_error": 1, "judges": ["m@r #0"], "estimated_by": "binary"}
    origin = find_origin([row], AGREE_LABEL)
    pairs = compare_labellers(["a", "b"], {"x": {"a": 1, "b": 0}, "y": {"a": 1, "b": 2}}, {"x": origin, "y": origin})
    assert pairs is not None and not pairs.independent and pairs.names == ("x",)
    (each,) = pairs.dependent
    assert (each.how, each.confirmed.hits, each.confirmed.of) == ("same evidence", 1, 2)
    assert "kappa" not in format_pairs(pairs) and "1 of 2" in format_pairs(pairs)


def test_who_stands_behind_a_label() -> None:
    judged = {"judges": ["a@r #0", "a@r #1", "b@r #0"], "judge_first_error": 1}
    tested = judged | {"estimated_by": "active until 0.95", "estimate_first_error": 1}
    assert find_origin([judged], JUDGE_LABEL).raters == {"a@r", "b@r"}
    assert find_origin([tested], ESTIMATE_LABEL).raters == {"a@r", "b@r", "estimation"}
    assert find_origin([tested | {"estimated_by": "binary"}], ESTIMATE_LABEL).raters == {"estimation"}
    unknown = {name: value for name, value in tested.items() if name != "estimated_by"}
    assert find_origin([unknown], ESTIMATE_LABEL).raters == {"a@r", "b@r", "estimation"}  # it may be any method
    combined = judged | {"first_error": 1, "labellers": ["a@r"], "located_by": "a false equation"}
    assert find_origin([combined], AGREE_LABEL).raters == {"a@r", "b@r", "arithmetic"}
    assert find_origin([{"first_error": 1}], AGREE_LABEL).raters == {"first_error"}
    assert find_origin([{"first_error": 1, "located_by": "x"}], LOCATE_LABEL).raters == {"arithmetic"}
