"""`balance`: as many of one side as of the other, of each length, whatever the parts; the rest with the reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.contract import Column, Contract
from schemas.task import TaskError
from tasks.balance import BALANCE, BalanceParameters

CONTRACT = Contract(
    "s", "", (Column("solution_id", "string", ""), Column("steps", "strings", ""), Column("first_error", "integer", "")), "solution_id"
)  # fmt: skip


def make_rows(*groups: tuple[int, int, int | None]) -> pl.DataFrame:
    """So many solutions of a length with a label."""
    rows: list[dict[str, Any]] = []
    for count, length, label in groups:
        verdict = "undecided" if label is None else "right" if label < 0 else "wrong"
        rows += [
            {"solution_id": f"{len(rows) + n:04}", "steps": ["so"] * length, "first_error": label, "verdict": verdict}
            for n in range(count)
        ]
    return pl.DataFrame(rows, schema_overrides={"first_error": pl.Int64})


def run(parts: list[pl.DataFrame], folder: Path, **given: Any) -> pl.DataFrame:
    """The rows that are rejected."""
    folder.mkdir()
    parameters = BalanceParameters.model_validate(given)
    columns = ["solution_id", *BALANCE.reads(parameters, CONTRACT)]
    frames = list(BALANCE.run([part.select(columns) for part in parts], [], parameters, folder))
    return pl.concat(frames).sort("key") if frames else pl.DataFrame(schema={"key": pl.String})


def test_of_each_length_there_are_as_many_of_both_sides(tmp_path: Path) -> None:
    rows = make_rows((9, 2, -1), (4, 2, 1), (3, 5, -1), (8, 5, 0), (6, 7, -1))
    rejected = run([rows], tmp_path / "a")
    left = rows.join(rejected, left_on="solution_id", right_on="key", how="anti")
    sides = Counter((len(steps), label < 0) for steps, label in left.select("steps", "first_error").rows())
    assert sides == {(2, True): 4, (2, False): 4, (5, True): 3, (5, False): 3}
    assert Counter(rejected["reason"]) == {"more without a wrong step than with one": 11, "more with a wrong step than without": 5}  # fmt: skip
    assert set(rejected["detail"]) == {
        "of 2 steps: 9 without a wrong step, 4 with a wrong step",
        "of 5 steps: 3 without a wrong step, 8 with a wrong step",
        "of 7 steps: 6 without a wrong step, 0 with a wrong step",
    }


def test_all_together_and_by_verdict(tmp_path: Path) -> None:
    rows = make_rows((9, 2, -1), (4, 2, 1), (3, 5, -1), (2, 5, 0), (2, 5, None))
    whole = run([rows], tmp_path / "a", per="all")
    assert Counter(whole["reason"]) == {
        "more without a wrong step than with one": 6,
        "no label of the first wrong step": 2,
    }
    assert set(whole["detail"].drop_nulls()) == {"12 without a wrong step, 6 with a wrong step"}
    verdicts = run([rows], tmp_path / "b", per="all", by="verdict")
    assert Counter(verdicts["reason"]) == {"more right than wrong": 6, "verdict undecided": 2}


def test_the_same_rows_stay_in_whatever_parts_and_most_of_them_when_there_are_more(tmp_path: Path) -> None:
    rows = make_rows((40, 3, -1), (20, 3, 1))
    whole = run([rows], tmp_path / "a")
    assert run([rows[50:], rows[:7], rows[7:50]], tmp_path / "b").equals(whole)
    fewer = run([rows[1:]], tmp_path / "c")
    assert len(set(whole["key"]) ^ set(fewer["key"])) <= 1


@pytest.mark.parametrize(
    ("by", "label", "message"),
    [
        (
            "steps",
            1,
            "by: the table has 5 solutions with a wrong step and none without a wrong step, so nothing can be balanced",
        ),
        ("verdict", -1, "by: the table has 5 solutions that are right and none that are wrong"),
    ],
)
def test_one_side_alone_is_an_error(by: str, label: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=message):
        run([make_rows((5, 3, label))], tmp_path / "a", by=by)
    assert run([make_rows((1, 3, label))[:0]], tmp_path / "b", by=by).height == 0


def test_a_table_without_labels_is_a_fault_before_anything_runs() -> None:
    bare = Contract("s", "", CONTRACT.columns[:2], "solution_id")
    assert BALANCE.check(BalanceParameters(), bare) == ["by: steps needs the column 'first_error'; put `agree` before"]
    assert "put `verify` before" in BALANCE.check(BalanceParameters(by="verdict"), CONTRACT)[0]
    assert BALANCE.check(BalanceParameters(), CONTRACT) == []
