"""What look-ups in the ledger ask of an object store: few requests, whose number follows from the files and not from the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import fsspec
import pyarrow as pa
import pytest

from catalog.ledger import Ledger, segments
from catalog.storage import Store
from schemas.request import Request
from tests.catalog.ledger.rows import answer, request
from tests.objectstore import s3

SEGMENTS, ROWS = 6, 6_000


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """A ledger of several large segments on S3."""
    with s3("shelf") as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        patch.setattr(segments, "GROUP_ROWS", ROWS // 20)  # so that segments have row groups to leave alone
        store = Store("s3://shelf/store")
        for number in range(SEGMENTS):
            asked = [request(number * ROWS + i) for i in range(ROWS)]
            rows = [
                {**segments.make_entry(each, answer(each), "c", "t"), "segment": f"{number:024x}", "row": i}
                for i, each in enumerate(asked)
            ]
            rows.sort(key=lambda row: row["place"])
            segments.write_segment(store, pa.Table.from_pylist(rows, schema=segments.SCHEMA), f"{number:024x}")
        yield store
        fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.fixture
def calls(store: Store, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each method of S3 was called since."""
    counts: Counter[str] = Counter()
    call = type(store.fs)._call_s3

    async def note(self: Any, method: str, *rest: Any, **options: Any) -> Any:
        counts[method] += 1
        return await call(self, method, *rest, **options)

    monkeypatch.setattr(type(store.fs), "_call_s3", note)
    return counts


def list_asked(step: int) -> list[Request]:
    return [request(number) for number in range(0, SEGMENTS * ROWS, step)]


@pytest.mark.build
def test_many_are_found_with_two_files_a_segment(store: Store, calls: Counter[str]) -> None:
    asked = list_asked(3)
    ledger = Ledger(store)
    assert calls.total() <= 4  # two listings, and what the client asks of the bucket once
    calls.clear()
    assert len(ledger.find(asked)) == len(asked)
    # its places, and the file; s3fs asks for the size of each first
    assert calls["get_object"] == calls["head_object"] == 2 * SEGMENTS == calls.total() / 2
    calls.clear()
    assert len(ledger.find(asked)) == len(asked)
    assert calls["get_object"] == calls["head_object"] == SEGMENTS == calls.total() / 2


@pytest.mark.build
def test_few_of_a_large_segment_are_found_without_the_rest(store: Store, calls: Counter[str]) -> None:
    ledger = Ledger(store)
    ledger.find([request(7)])
    calls.clear()
    assert len(ledger.find([request(7)])) == 1
    assert calls.total() <= 5  # its size, its end, and what the row group holds of the columns
