"""Shares of a table's problems: nothing is lost, no problem is in two, and the order of rows stays."""

from __future__ import annotations

import uuid
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


def deal_out_at_once(parts: list[pl.DataFrame], count: int) -> dict[int, pl.DataFrame]:
    """What each share is to hold: all shares looked for in all rows."""
    rows = pl.concat(parts)
    shares = {share: rows.filter(shuffle.shuffle_key(count) == share) for share in range(count)}
    return {share: held for share, held in shares.items() if held.height}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 40), st.integers(1, 60), st.integers(2, 4),
    st.integers(1, 50),
)  # fmt: skip
def test_shares_are_the_same_however_many_files_are_written_at_a_time(
    tmp_path: Path, heights: list[int], problems: int, count: int, wide: int, waiting: int
) -> None:
    table = make_rows(sum(heights), problems)
    ends = [sum(heights[: i + 1]) for i in range(len(heights))]
    parts = [table[end - height : end] for end, height in zip(ends, heights)]
    folder = TableFolder(Store(str(tmp_path)), "any", uuid.uuid4().hex)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle, "WIDE", wide)
        patch.setattr(shuffle, "WAITING", waiting)
        files = shuffle_by_problem(parts, count, folder)
    expected = deal_out_at_once(parts, count)
    assert [file.path for file in files] == [f"shares/{share:05d}.parquet" for share in expected]
    assert all(folder.read(file).equals(held) for file, held in zip(files, expected.values()))


def test_pieces_grow_with_the_rows_and_not_with_their_square(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffle, "WAITING", 1000)
    monkeypatch.setattr(shuffle, "WIDE", 64)
    pieces: list[int] = []
    append = shuffle._append_rows

    def count_pieces(rows: pl.DataFrame, file_of: pl.Expr, place: Path) -> None:
        pieces.append(rows.select(file_of.n_unique()).item())
        append(rows, file_of, place)

    monkeypatch.setattr(shuffle, "_append_rows", count_pieces)
    of_size = {}
    for rows in (4_000, 32_000):
        pieces.clear()
        folder, table = TableFolder(Store(str(tmp_path)), "any", str(rows)), make_rows(rows, rows)
        files = shuffle_by_problem((table[at : at + 1000] for at in range(0, rows, 1000)), rows // 40, folder)
        assert sum(file.rows for file in files) == rows
        of_size[rows] = sum(pieces)
    assert of_size[32_000] < 2 * 8 * of_size[4_000]


def test_a_share_without_rows_has_no_file(tmp_path: Path) -> None:
    folder = TableFolder(Store(str(tmp_path)), "any", "1")
    (part,) = shuffle_by_problem([make_rows(10, 1)], 50, folder)
    assert part.rows == 10
    assert list(shuffle_by_problem([], 3, folder)) == []
