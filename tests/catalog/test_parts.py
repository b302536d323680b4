"""Parts that share columns, and files of which some row groups are read."""

import uuid
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import parts
from catalog.parts import ROW, ParquetFile, PartWriter, share_columns
from catalog.storage import Store, StoreError
from catalog.tables import PartitionCommit, TableFolder, format_canonical_json

COUNT = 9
INPUT = pl.DataFrame(
    {
        "id": [f"r{i}" for i in range(COUNT)],
        "text": [f"text {i}" if i % 3 else None for i in range(COUNT)],
        "steps": [[f"{i}"] * (i % 3) for i in range(COUNT)],
        "share": [float("nan") if i % 2 else i / 2 for i in range(COUNT)],
    }
)


def open_folders() -> tuple[TableFolder, TableFolder, TableFolder]:
    store = Store(f"memory://{uuid.uuid4().hex}")
    first, second, third = (TableFolder(store, name, str(i) * 24) for i, name in enumerate("abc"))
    return first, second, third


def write_made(folder: TableFolder, base: ParquetFile, of: TableFolder, made: pl.DataFrame) -> ParquetFile:
    own, shared = share_columns(base, of.path.removeprefix("tables/"), of.read(base), "id", made)
    return folder.write("parts/x.parquet", own, shared)


ROWS = st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=COUNT)


@given(ROWS, ROWS, st.data())
def test_rows_of_stages_are_read_as_they_were_made(rows: list[int], again: list[int], data: st.DataObject) -> None:
    """Whatever rows go on, in whatever order, repeated or changed, and made from a part that shares columns itself."""
    first, second, third = open_folders()
    base = first.write("parts/x.parquet", INPUT)
    made = INPUT[rows].with_columns(verdict=pl.lit("wrong"))
    changed = made.with_columns(share=pl.when(pl.col("id") == "r1").then(7.0).otherwise(pl.col("share")))
    for frame in (made, changed):
        part = write_made(second, base, first, frame)
        assert second.read(part).equals(frame, null_equal=True)
        if len(set(rows)) < len(rows):
            continue  # a key that is there twice is none for those that come after
        later = frame[[i % len(rows) for i in again]].drop("steps").with_columns(n=pl.int_range(len(again)))
        last = write_made(third, part, second, later)
        assert third.read(last).equals(later, null_equal=True)
        columns = data.draw(st.permutations(later.columns))[:2]
        assert third.read(last, columns).equals(later.select(columns), null_equal=True)
        start = data.draw(st.integers(0, len(again)))
        assert third.read(last.slice(start, 2)).equals(later.slice(start, 2), null_equal=True)


def test_what_a_stage_writes_is_its_key_and_its_own_columns() -> None:
    first, second, _ = open_folders()
    base = first.write("parts/x.parquet", INPUT)
    part = write_made(second, base, first, INPUT.with_columns(verdict=pl.lit("wrong")))
    held = second._read_file(part, None)
    assert held.columns == ["id", "verdict"], "all rows, in their order: nothing says which"
    some = write_made(second, base, first, INPUT.filter(pl.col("text").is_null()).with_columns(verdict=pl.lit("wrong")))
    assert second._read_file(some, None).to_dict(as_series=False) == {
        "id": ["r0", "r3", "r6"], "verdict": ["wrong"] * 3, ROW: [0, 3, 6],
    }  # fmt: skip
    strangers = INPUT.with_columns(id=pl.lit("s") + pl.col("id"))
    assert write_made(second, base, first, strangers).base is None, "rows that are none of the part's share nothing"


def test_only_files_with_a_column_that_is_asked_for_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = open_folders()
    base = first.write("parts/x.parquet", INPUT)
    middle = write_made(second, base, first, INPUT.with_columns(verdict=pl.lit("wrong")))
    last = write_made(third, middle, second, second.read(middle).with_columns(kind=pl.lit("slip")))
    reads: list[str] = []
    read = Store.read

    def count(self: Store, path: str) -> bytes:
        reads.append(path.split("/")[1][0])
        return read(self, path)

    monkeypatch.setattr(Store, "read", count)
    for columns, folders in (
        (["kind"], "c"),
        (["id"], "c"),
        (["verdict"], "b"),
        (["text"], "a"),
        (["text", "id"], "ac"),
    ):
        reads.clear()
        third.read(last, columns)
        assert "".join(sorted(reads)) == folders, columns


@pytest.fixture
def grouped(monkeypatch: pytest.MonkeyPatch) -> tuple[TableFolder, ParquetFile, pl.DataFrame]:
    monkeypatch.setattr(parts, "WHOLE_BYTES", 100)
    monkeypatch.setattr(parts, "GROUP_ROWS", 100)
    rows = pl.DataFrame({"id": [f"r{i}" for i in range(1050)], "text": [f"{i * i:b}" * 20 for i in range(1050)]})
    writer = PartWriter()
    for some in rows.iter_slices(250):
        writer.add(some)
    folder, _, _ = open_folders()
    return folder, folder.write_part("parts/x.parquet", writer), rows


Grouped = tuple[TableFolder, ParquetFile, pl.DataFrame]


@pytest.mark.parametrize("most", [1, 100, 260, 5000])
def test_pieces_of_a_large_file_are_whole_row_groups_and_all_of_them(grouped: Grouped, most: int) -> None:
    folder, part, rows = grouped
    pieces = part.cut(most)
    assert [piece.rows for piece in pieces] and max(piece.rows for piece in pieces) <= max(most, 100)
    assert pl.concat([folder.read(piece) for piece in pieces]).equals(rows)
    again = [inner for piece in pieces for inner in piece.cut(100)]
    assert pl.concat([folder.read(piece, ["text"]) for piece in again]).equals(rows.select("text"))


def test_pieces_are_cut_by_the_bytes_that_they_have(grouped: Grouped, monkeypatch: pytest.MonkeyPatch) -> None:
    _, part, _ = grouped
    stops = [group.stop for group in part.groups]
    monkeypatch.setattr(parts, "PIECE_BYTES", 2 * max(after - before for before, after in zip([0, *stops], stops)))
    for first in (0, 500, 700):
        assert part.slice(first, 300).cut(10_000)[0].rows >= 150, "two row groups at least, wherever they begin"


def test_of_a_large_file_a_piece_is_read_and_no_other(grouped: Grouped, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, part, rows = grouped
    ranges: list[tuple[int, int]] = []
    read = Store.read_range

    def count(self: Store, path: str, start: int, stop: int) -> bytes:
        ranges.append((start, stop))
        return read(self, path, start, stop)

    monkeypatch.setattr(Store, "read_range", count)
    assert folder.read(part.slice(300, 150)).equals(rows[300:450])
    assert len(ranges) == 2 and sum(stop - start for start, stop in ranges) < part.groups[-1].stop * 0.4


@pytest.mark.parametrize(("group", "read"), [(4, True), (3, False), (-1, True)])
def test_bytes_that_changed_are_noticed_where_they_are_read(grouped: Grouped, group: int, read: bool) -> None:
    folder, part, _ = grouped
    path = f"{folder.path}/{part.path}"
    data = bytearray(folder.store.read(path))
    data[part.groups[group].stop - 20] ^= 1
    folder.store.write(path, bytes(data))
    piece = part.slice(350, 50)
    if not read:
        assert folder.read(piece).height == 50
        return
    with pytest.raises(StoreError, match=r"x.parquet: its bytes have changed since it was written"):
        folder.read(piece)


def test_a_part_is_the_same_as_json(grouped: Grouped) -> None:
    folder, part, rows = grouped
    own, base = share_columns(part.slice(100, 50), "a-0", rows[100:150], "id", rows[110:120].with_columns(n=1))
    made = folder.write("parts/y.parquet", own, base)
    value: dict[str, Any] = made.as_json()
    assert ParquetFile.of(value) == made and made.base is not None and made.base.part.first == 100


@pytest.mark.parametrize(
    "change",
    [
        {"columns": ("steps", "share")}, {"order": ("id", "text", "never")}, {"table": "nodash"}, {"table": "a-0/../x-1"},
        {"part": ParquetFile("parts/x.parquet", COUNT, "0" * 64)},
    ],
)  # fmt: skip
def test_a_part_that_is_other_than_its_manifest_says_is_an_error_that_names_it(change: dict[str, Any]) -> None:
    """As in a store that a stranger wrote."""
    first, second, _ = open_folders()
    base = first.write("parts/x.parquet", INPUT)
    part = write_made(second, base, first, INPUT[[1, 3, 4]].with_columns(verdict=pl.lit("wrong")))
    assert part.base is not None
    wrong = replace(part, base=replace(part.base, **change))
    with pytest.raises(StoreError, match=r"x.parquet: .*; remove the table's folder and build again"):
        second.read(wrong)


def test_a_receipt_of_another_shape_is_none() -> None:
    first, *_ = open_folders()
    part = first.write("parts/x.parquet", INPUT)
    receipt = PartitionCommit(COUNT, [part]).as_json()
    receipt["parts"][0]["base"] = ["no base"]
    first.store.write(f"{first.path}/receipts/00000.json", format_canonical_json(receipt))
    with pytest.raises(
        StoreError, match=r"00000.json: no receipt \(its `parts.0.base` is .*; remove the table's folder"
    ):
        first.read_commit("00000")
