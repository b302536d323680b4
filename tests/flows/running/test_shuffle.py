"""Shares of a table's problems: nothing is lost, no problem is in two, and the order of rows stays."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from catalog.storage import Store
from catalog.tables import TableFolder
from flows.running import shuffle
from flows.running.shuffle import shuffle_by_problem
from tasks.sources.content_ids import digest


def make_rows(rows: int, problems: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "problem_id": [digest("problem", str(i % problems)) for i in range(rows)],
            "row": range(rows),
            "steps": [[str(i), "é"] for i in range(rows)],
        }
    )


@pytest.mark.parametrize("waiting", [7, 100, 100_000])
def test_rows_are_laid_out_by_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waiting: int) -> None:
    monkeypatch.setattr(shuffle, "WAITING", waiting)
    table, folder = make_rows(500, 90), TableFolder(Store(str(tmp_path)), "any", "1")
    parts = [
        folder.read(part) for part in shuffle_by_problem((table[at : at + 33] for at in range(0, 500, 33)), 5, folder)
    ]
    assert 1 < len(parts) <= 5
    assert pl.concat(parts).sort("row").equals(table)
    assert all(part["row"].is_sorted() for part in parts)
    assert sum(part["problem_id"].n_unique() for part in parts) == 90


def test_a_share_without_rows_has_no_file(tmp_path: Path) -> None:
    folder = TableFolder(Store(str(tmp_path)), "any", "1")
    (part,) = shuffle_by_problem([make_rows(10, 1)], 50, folder)
    assert part.rows == 10
    assert list(shuffle_by_problem([], 3, folder)) == []
