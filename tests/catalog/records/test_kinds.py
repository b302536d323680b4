"""Files of every kind: the same records, whatever they are packed in; what cannot be read is at fault by itself."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from catalog.records.read import read_batches
from catalog.sources import SourceError, find_sources
from schemas.reading import Companion, CsvOptions, FileReading
from schemas.task import Record, UnreadableValue

ROWS = [{"q": "é, 1", "a": "x"}, {"q": "2", "a": "y"}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def read(path: Path, name: str | None = None, **reading: Any) -> list[Record]:
    sources = find_sources(str(path), name or path.name, reading=FileReading(**reading))
    return [record for source in sources for batch, _ in read_batches(source) for record in batch]


def values(records: list[Record]) -> list[dict[str, Any] | None]:
    return [record.value for record in records]


def reasons(records: list[Record]) -> list[str | None]:
    return [record.fault[0] if record.fault else None for record in records]


def zipped(compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("__MACOSX/._a.jsonl", b"x")
        archive.writestr("read.me", b"not read")
        archive.writestr("in/a.jsonl", LINES)
    return buffer.getvalue()


def tarred(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo("a.jsonl")
        info.size = len(LINES)
        archive.addfile(info, io.BytesIO(LINES))
    return buffer.getvalue()


def zstandard(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


def arrow(kind: str) -> bytes:
    table, buffer = pa.Table.from_pylist(ROWS), io.BytesIO()
    if kind == "feather":
        feather.write_feather(table, buffer)
    else:
        make = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with make(buffer, table.schema) as writer:
            writer.write_table(table)
    return buffer.getvalue()


FILES: dict[str, bytes] = {
    "a.jsonl.bz2": bz2.compress(LINES), "a.jsonl.xz": lzma.compress(LINES), "a.jsonl.zst": zstandard(LINES),
    "a.json": json.dumps(ROWS).encode(), "lines.json": LINES, "pretty.jsonl": "\n".join(json.dumps(row, indent=1) for row in ROWS).encode(),
    "a.json.gz": gzip.compress(json.dumps(ROWS).encode()), "bom.json": b"\xef\xbb\xbf" + json.dumps(ROWS).encode(),
    "a.zip": zipped(), "b.zip": zipped(zipfile.ZIP_BZIP2), "c.zip": zipped(zipfile.ZIP_LZMA), "d.zip": zipped(zipfile.ZIP_DEFLATED),
    "a.tar": tarred("w"), "a.tar.gz": tarred("w:gz"), "a.tgz": tarred("w:gz"), "a.tar.xz": tarred("w:xz"), "a.tar.zst": zstandard(tarred("w")),
    "a.arrow": arrow("stream"), "b.arrow": arrow("file"), "a.feather": arrow("feather"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_gives_the_same_records_whatever_it_is_packed_in(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    assert values(read(tmp_path / name)) == ROWS


def test_the_members_of_an_archive_bear_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(FILES["a.zip"])
    records = read(tmp_path / "a.zip")
    assert [record.source for record in records] == ["a.zip/in/a.jsonl:1", "a.zip/in/a.jsonl:2"]
    assert records[0].context["@file"] == "a.zip/in/a.jsonl"


def test_a_zip_file_whose_members_are_zstandard_is_read(tmp_path: Path) -> None:
    packed = zstandard(LINES)
    name = b"a.jsonl"
    head = struct.pack("<HHHHHIIIHH", 63, 0, 93, 0, 33, _crc(), len(packed), len(LINES), len(name), 0)
    local = b"PK\x03\x04" + head + name + packed
    central = b"PK\x01\x02" + struct.pack("<H", 63) + head + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    (tmp_path / "a.zip").write_bytes(local + central + end)
    assert values(read(tmp_path / "a.zip")) == ROWS


def _crc() -> int:
    import zlib

    return zlib.crc32(LINES)


def test_a_path_leads_to_the_rows_of_a_document(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"run": {"model": "m"}, "data": {"rows": ROWS}, "other": [[1]]}))
    records = read(path, rows="data.rows")
    assert values(records) == ROWS
    assert records[0].context["@header"]["run"] == {"model": "m"}
    with pytest.raises(
        SourceError, match=r"a.json: is one object, .* lists are at data.rows, other; say which by `rows: data.rows`"
    ):
        read(path)
    with pytest.raises(SourceError, match="has no list at 'rows'"):
        read(path, rows="rows")


def test_a_table_of_columns_and_lists_gives_mappings(tmp_path: Path) -> None:
    path = tmp_path / "a.table.json"
    path.write_text(json.dumps({"columns": ["q", "a"], "data": [["é, 1", "x"], ["2"]]}))
    records = read(path, rows="data", columns="columns")
    assert values(records) == [ROWS[0], None]
    assert reasons(records) == [None, "wrong number of fields"]


def test_nan_is_no_fault_of_the_line_and_a_key_that_is_there_twice_is(tmp_path: Path) -> None:
    text = '{"a": NaN, "b": 1}\n{"a": 1, "a": 2}\n{"a": {"b": -Infinity}}\n'
    (tmp_path / "a.jsonl").write_text(text)
    records = read(tmp_path / "a.jsonl")
    assert reasons(records) == [None, "duplicate key", None]
    assert str((records[0].value or {})["a"]) == "NaN"
    (tmp_path / "a.json").write_text("[" + ",".join(text.splitlines()) + "]")
    assert reasons(read(tmp_path / "a.json")) == [None, "duplicate key", None]
    (tmp_path / "b.json").write_text('{"rows": [{"a": 1}], "rows": [{"a": 2}]}')
    with pytest.raises(SourceError, match="the key 'rows' is there twice"):
        read(tmp_path / "b.json", rows="rows")


def test_a_delimiter_a_header_and_a_decimal_comma_are_options_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("q;a\nWhat?;72,5\nAll?;1.234,5\nSo, what;1.234\n")
    options = CsvOptions(delimiter=";", decimal=",")
    assert [row and row["a"] for row in values(read(path, csv=options))] == ["72.5", "1234.5", "1234"]
    with pytest.raises(
        SourceError,
        match=r"a.csv:1: the first line is one column 'q;a'; is it parted by ';'\? say `csv: \{delimiter: ';'\}`",
    ):
        read(path)
    path.write_text("1,2\n3,4\n")
    assert values(read(path, csv=CsvOptions(header=False))) == [
        {"column_1": "1", "column_2": "2"},
        {"column_1": "3", "column_2": "4"},
    ]
    assert values(read(path, csv=CsvOptions(header=["x", "y"]))) == [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]
    path.write_text(",q\n0,1\n")
    assert values(read(path)) == [{"column_1": "0", "q": "1"}]


def test_a_cell_is_bounded_as_a_line_is(tmp_path: Path) -> None:
    big = "x" * 5_000
    (tmp_path / "a.csv").write_text(f"q,a\n1,{big}\n2,y\n")
    pq.write_table(pa.table({"q": ["1", "2"], "a": [big, "y"]}), tmp_path / "a.parquet")
    (tmp_path / "a.json").write_text(json.dumps([{"q": "1", "a": big}, {"q": "2", "a": "y"}]))
    for name in ("a.csv", "a.parquet", "a.json"):
        records = read(tmp_path / name, record_limit=1_000)
        assert reasons(records)[0] == "record too large"
        assert "raise `record_limit`" in str(records[0].fault)
        assert records[-1].value == {"q": "2", "a": "y"}
    csv.field_size_limit(131_072)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: pa.array([0, 2**62], pa.int64()).cast(pa.timestamp("us"), safe=False), "unreadable value"),
        (lambda: pa.array([0, 1], pa.int64()).cast(pa.timestamp("us", tz="Mars/Olympus")), "unreadable value"),
        (lambda: pa.Array.from_buffers(pa.string(), 2, [None, pa.array([0, 1, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff")]), "not UTF-8"),
    ],
)  # fmt: skip
def test_an_odd_cell_of_parquet_is_at_fault_by_itself(
    make: Callable[[], pa.Array], reason: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"odd": make(), "q": ["1", "2"]}), tmp_path / "a.parquet")
    records = read(tmp_path / "a.parquet")
    assert [record.value and record.value["q"] for record in records] == ["1", "2"]
    odd = (records[1].value or {})["odd"]
    assert isinstance(odd, UnreadableValue)
    assert odd.reason == reason


def test_columns_of_one_name_are_refused_in_parquet_and_arrow(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    for name in ("a.parquet", "a.arrow"):
        with pytest.raises(SourceError, match="the columns need names that differ, found a twice"):
            read(tmp_path / name)


def test_maps_decimals_and_lists_of_parquet_are_python_values(tmp_path: Path) -> None:
    fields = {"m": pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string())), "d": pa.array([Decimal("1.50")])}
    pq.write_table(pa.table({**fields, "l": pa.array([["x"]], pa.large_list(pa.string()))}), tmp_path / "a.parquet")
    assert values(read(tmp_path / "a.parquet")) == [{"m": {"k": "v"}, "d": Decimal("1.50"), "l": ["x"]}]


def test_a_folder_gives_the_files_that_hold_records_and_a_saved_data_set_its_rows(tmp_path: Path) -> None:
    import datasets

    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.jsonl", "deep/a.jsonl", ".hidden.jsonl", "notes.txt"):
        (folder / name).write_bytes(LINES)
    assert [record.source for record in read(folder, "in/")][::2] == ["in/b.jsonl:1", "in/deep/a.jsonl:1"]
    assert [record.source for record in read(folder, "in", members=["a.*"])] == [
        "in/deep/a.jsonl:1",
        "in/deep/a.jsonl:2",
    ]
    data = datasets.Dataset.from_list(ROWS)
    data.save_to_disk(str(tmp_path / "saved"))
    assert values(read(tmp_path / "saved", "saved")) == ROWS
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "x.txt").write_text("x")
    with pytest.raises(SourceError, match="the folder holds no file that is read"):
        read(tmp_path / "empty", "empty")


def test_an_encoding_is_an_option_and_what_it_has_not_is_one_row(tmp_path: Path) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    for encoding in ("latin-1", "utf-16", "cp1252"):
        (tmp_path / "a.jsonl").write_bytes(text.encode(encoding))
        assert values(read(tmp_path / "a.jsonl", encoding=encoding)) == ROWS
    with pytest.raises(SourceError, match="unknown encoding 'utf-99'"):
        read(tmp_path / "a.jsonl", encoding="utf-99")


def test_the_file_that_belongs_to_another_is_read_with_it_and_counts_as_its_content(tmp_path: Path) -> None:
    (tmp_path / "samples_x_1.jsonl").write_bytes(LINES)
    (tmp_path / "results_1.json").write_text('{"model": "m"}')
    declared = Companion(pattern=r"_(\d+)\.jsonl$", file="results_{1}.json")
    reading = FileReading(companion=declared)
    (source,) = find_sources(str(tmp_path / "samples_x_1.jsonl"), "samples_x_1.jsonl", reading=reading)
    records = [record for batch, _ in read_batches(source) for record in batch]
    assert records[0].context["@companion"] == {"model": "m"}
    (tmp_path / "results_1.json").write_text('{"model": "n"}')
    (changed,) = find_sources(str(tmp_path / "samples_x_1.jsonl"), "samples_x_1.jsonl", reading=reading)
    assert changed.digest == source.digest
    assert changed.identity != source.identity


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.zip", b"PK nothing", "not a sound archive"), ("a.tar", b"x" * 600, "not a sound archive"), ("a.jsonl.zst", b"x" * 99, "not a sound Zstandard file"),
        ("a.jsonl.xz", b"x" * 99, "not a sound xz file"), ("a.jsonl.bz2", b"x" * 99, "not a sound bzip2 file"), ("a.arrow", b"x" * 99, "not a sound Arrow file"),
        ("a.json", b"[1,", "a.json:1: not JSON"), ("a.json", b'"x"', "holds a str"), ("a.json", b"\xff\xfe", "is UTF-16"), ("a.json", b'[{"a": "\xe9"}]', "not UTF-8"),
        ("a.feather", b"FEA1xxxx", "is Feather of version 1"), ("a.jsonl.bz2", bz2.compress(LINES * 999)[:-20], "ends early"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_line_that_says_what_is_wrong(name: str, data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=message) as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)


def test_an_arrow_file_whose_offsets_lead_out_of_its_memory_is_refused_and_bad_text_is_one_cell(tmp_path: Path) -> None:
    offsets = pa.array([0, 1, 2], pa.int32()).buffers()[1]
    text = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"a\xff")])
    batch, sink = pa.record_batch([text, pa.array(["1", "2"])], names=["odd", "q"]), io.BytesIO()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    (tmp_path / "text.arrow").write_bytes(sink.getvalue())
    sound, broken = (struct.pack("<3i", 0, 1, last) for last in (2, 99_999_999))
    (tmp_path / "out.arrow").write_bytes(sink.getvalue().replace(sound, broken))
    with pytest.raises(SourceError, match=r"out\.arrow: not a sound Arrow file"):
        read(tmp_path / "out.arrow")
    first, second = read(tmp_path / "text.arrow")
    assert first.value == {"odd": "a", "q": "1"}
    assert isinstance((second.value or {})["odd"], UnreadableValue)
