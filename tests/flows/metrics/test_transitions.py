"""`errata evaluate` of verdicts before and after: turns of a revision, flips between models, and any two columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from errata.cli.exit_codes import DONE, WRONG

from tests.command import Run, run_here
from tests.golden import check

HERE = Path(__file__).parent
VERDICTS = [("right", "right"), ("right", "wrong"), ("wrong", "right"), ("wrong", "wrong"), ("wrong", "undecided")]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ERRATA_STORE", raising=False)
    return lambda *arguments: run_here(capsys, "evaluate", *arguments)


def write(rows: list[dict[str, Any]], name: str = "rows.jsonl") -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def list_turns() -> list[dict[str, Any]]:
    """Thirty chains of two turns, and in a third of them a third."""
    rows: list[dict[str, Any]] = []
    for chain in range(30):
        before, after = VERDICTS[chain % 5]
        common: dict[str, Any] = {
            "problem_id": f"p{chain % 15}",
            "chain_id": f"c{chain}",
            "critic": None,
            "feedback_kind": None,
        }
        rows.append(
            common | {"turn": 0, "verdict": before, "verdict_before": None, "answer_before": None, "extracted": "5"}
        )
        second = common | {"critic": "teacher", "feedback_kind": "critique"}
        rows.append(
            second | {"turn": 1, "verdict": after, "verdict_before": before, "answer_before": "5", "extracted": "5.0"}
        )
        if chain % 3 == 0:
            rows.append(
                second
                | {"turn": 2, "verdict": "right", "verdict_before": after, "answer_before": "5", "extracted": "4"}
            )
    return rows


def test_the_screen_of_turns(run: Run) -> None:
    write(list_turns())
    result = run("rows.jsonl")
    assert (result.code, result.err) == (DONE, "")
    assert max(map(len, result.out.splitlines())) <= 80
    check(HERE / "evaluate-turns.txt", result.out)


def test_each_attempt_stands_beside_the_one_it_revises(run: Run) -> None:
    write(list_turns())
    groups = json.loads(run("rows.jsonl", "--json").out)["groups"]
    assert list(groups) == ["turn 1: critique, teacher", "turn 2: critique, teacher"]
    first = groups["turn 1: critique, teacher"]
    assert (first["pairs"], first["undecided"], first["problems"]) == (30, 6, 12)
    assert first["counts"] == {
        "right to right": 6,
        "right to wrong": 6,
        "wrong to right": 6,
        "wrong to undecided": 6,
        "wrong to wrong": 6,
    }
    assert first["wrong_with_same_answer"] == 6
    assert (first["figures"]["acc1"], first["figures"]["cl"], first["figures"]["cs"]) == (0.5, 0.5, 0.5)


def test_flips_are_read_without_being_named(run: Run) -> None:
    write([
        {"problem_id": "a", "set": "sums", "old_verdict": "wrong", "new_verdict": "wrong", "flip": "still wrong, same answer"},
        {"problem_id": "b", "set": "sums", "old_verdict": "right", "new_verdict": "wrong", "flip": "newly wrong"},
        {"problem_id": "c", "set": "times", "old_verdict": "wrong", "new_verdict": "right", "flip": "fixed"},
    ])  # fmt: skip
    document = json.loads(run("rows.jsonl", "--json").out)
    assert document["kind"] == "flips"
    assert document["groups"]["sums"]["figures"] | {"rss": 0} == {
        "acc1": 0.5, "acc2": 0.0, "cl": 0.0, "cs": 0.0, "rss": 0, "nfr": 0.5, "correction": -1.0,
    }  # fmt: skip
    assert document["groups"]["sums"]["wrong_with_same_answer"] == 1
    assert document["groups"]["times"]["figures"]["cl"] is None


def test_any_two_columns_of_a_file(run: Run) -> None:
    write(
        [{"question": f"q{i}", "previous_score": i % 2 == 0, "score": i % 3 == 0} for i in range(12)]
        + [{"question": "q", "previous_score": None, "score": True}]
    )
    (group,) = json.loads(run("rows.jsonl", "--before", "previous_score", "--after", "score", "--json").out)[
        "groups"
    ].values()
    assert group["counts"] == {
        "right to right": 2,
        "right to wrong": 4,
        "undecided to right": 1,
        "wrong to right": 2,
        "wrong to wrong": 4,
    }


@pytest.mark.parametrize(
    ("rows", "arguments", "message"),
    [
        ([{"a": True, "b": True}], ["--before", "a"], "rows.jsonl: name both columns of verdicts, --before and --after"),
        ([{"a": True, "bee": True}], ["--before", "a", "--after", "be"], "rows.jsonl: no column 'be'; did you mean 'bee'?"),
        ([{"a": True, "b": "yes"}], ["--before", "a", "--after", "b"], "rows.jsonl:1: b is 'yes', expected right, wrong, undecided, true, false or null"),
        ([{"a": True, "b": [1]}], ["--before", "a", "--after", "b"], "rows.jsonl:1: b is '[1]', expected right, wrong, undecided, true, false or null"),
        (
            [{"turn": 0, "verdict": "right", "verdict_before": None, "problem_id": "p"}, {"problem_id": "p"}], [],
            "rows.jsonl:2: has no turn, expected turn, verdict_before, verdict, problem_id in each row of turns",
        ),
        (
            [{"turn": 0, "verdict": "right", "verdict_before": None, "problem_id": "p"}], [],
            "rows.jsonl: no row holds a verdict before and one after; turns need one behind the first",
        ),
    ],
)  # fmt: skip
def test_rows_that_hold_no_pairs(run: Run, rows: list[dict[str, Any]], arguments: list[str], message: str) -> None:
    write(rows)
    result = run("rows.jsonl", *arguments)
    assert (result.code, result.out) == (WRONG, "")
    assert result.err.strip() == message
