"""`errata evaluate --score`: columns of scores beside verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from errata.cli.exit_codes import DONE, WRONG

from tests.command import Run, run_here
from tests.golden import check

HERE = Path(__file__).parent


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ERRATA_STORE", raising=False)
    return lambda *arguments: run_here(capsys, "evaluate", *arguments)


def write(rows: list[dict[str, Any]], more: str = "") -> None:
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + more)


def list_answers() -> list[dict[str, Any]]:
    """Ten answers of two sets, the surer the oftener right; one undecided, one without a score, one with a word for it."""
    said = [0.95, 0.9, 0.9, 0.8, 0.6, 0.6, 0.4, 0.3, 0.2, 0.1]
    right = [True, True, True, True, True, False, True, False, False, False]
    rows = [
        {
            "set": "sums" if i % 2 else "times",
            "verdict": "right" if is_right else "wrong",
            "p_true": said[i],
            "logprob": -3.0 * i,
        }
        for i, is_right in enumerate(right)
    ]
    return [
        *rows,
        {"verdict": "undecided", "p_true": 0.5, "logprob": -1.0},
        {"verdict": "right", "p_true": None, "logprob": -2.0},
        {"verdict": "wrong", "p_true": "sure", "logprob": -40.0},
    ]


def test_the_screen(run: Run) -> None:
    write(list_answers(), "[]\n")
    result = run("rows.jsonl", "--score", "p_true", "--score", "logprob")
    assert (result.code, result.err) == (DONE, "")
    assert max(map(len, result.out.splitlines())) <= 80
    check(HERE / "evaluate-scores.txt", result.out)


def test_the_figures_by_hand_and_what_became_of_each_row(run: Run) -> None:
    write(list_answers(), "[]\n")
    column = json.loads(run("rows.jsonl", "--score", "p_true", "--json").out)["scores"]["p_true"]
    assert (column["rows_in"], column["evaluated"], column["undecided"], column["missing"]) == (14, 10, 1, 1)
    assert [(row["source"], row["reason"]) for row in column["rejected"]] == [
        ("rows.jsonl:13", "no score"),
        ("rows.jsonl:14", "not a mapping"),
    ]
    # six right, four wrong: of 24 pairs .95 .9 .9 .8 win 16, .6 ties once and wins three, .4 wins three
    assert column["all"]["auroc"] == pytest.approx((16 + 3.5 + 3) / 24)
    assert column["all"]["brier"] == pytest.approx((0.05**2 + 3 * 0 + 2 * 0.1**2 + 0.2**2 + 0.4**2 + 0.6**2 + 0.6**2 + 0.3**2 + 0.2**2 + 0.1**2) / 10)  # fmt: skip
    assert set(column["groups"]) == {"sums", "times"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--score", "p_tru"], "rows.jsonl: no column 'p_tru'; did you mean 'p_true'?"),
        (["--score", "p_true", "--verdict", "verdit"], "rows.jsonl: no column 'verdit'; did you mean 'verdict'?"),
        (
            ["--score", "p_true", "--verdict", "p_true"],
            "rows.jsonl:1: p_true is '0.5', expected right, wrong, undecided, true, false or null",
        ),
        (
            ["--score", "p_true"],
            "rows.jsonl: no row has both a score and a verdict that is decided; look at p_true and verdict",
        ),
    ],
)
def test_columns_that_hold_nothing(run: Run, arguments: list[str], message: str) -> None:
    write([{"verdict": "undecided", "p_true": 0.5}])
    result = run("rows.jsonl", *arguments)
    assert (result.code, result.out, result.err.strip()) == (WRONG, "", message)
