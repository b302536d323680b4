"""Frames are put together into batches of bounded rows and bytes; no row is lost, and none changes its place."""

from __future__ import annotations

import polars as pl
import pytest

from schemas.frames import batch_frames


@pytest.mark.parametrize(
    ("heights", "rows", "batches"),
    [
        ([], 3, []),
        ([1, 1, 1, 1], 2, [2, 2]),
        ([1, 5, 1], 3, [6, 1]),
        ([0, 0], 3, [0]),
        ([3, 0], 3, [3, 0]),
        ([2], 9, [2]),
    ],
)
def test_frames_are_put_together_by_rows(heights: list[int], rows: int, batches: list[int]) -> None:
    numbers = iter(range(100))
    frames = [pl.DataFrame({"n": [next(numbers) for _ in range(height)]}, schema={"n": pl.Int64}) for height in heights]
    result = list(batch_frames(iter(frames), rows))
    assert [batch.height for batch in result] == batches
    assert [n for batch in result for n in batch["n"]] == list(range(sum(heights)))


def test_frames_are_put_together_by_bytes() -> None:
    frames = [pl.DataFrame({"text": ["x" * 1000]}) for _ in range(10)]
    assert [batch.height for batch in batch_frames(frames, 100, size=2500)] == [3, 3, 3, 1]
    assert [batch.height for batch in batch_frames(frames, 100)] == [10]
