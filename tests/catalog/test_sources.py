import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.records.read import read_batches
from catalog.sources import Source, SourceError, find_sources
from schemas.reading import FileReading
from schemas.task import Record
from tests import golden

HERE = Path(__file__).parent


def read(path: Path, name: str | None = None) -> list[Record]:
    (source,) = find_sources(str(path), name or path.name)
    return [record for batch, _ in read_batches(source) for record in batch]


def faults(records: list[Record]) -> list[tuple[str, str | None]]:
    return [(record.source, record.fault[0] if record.fault else None) for record in records]


def test_json_lines_are_read_with_their_lines_as_names(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\n\n{"a": "\xc3\xa9"}\r\n{"a": 0.10}')
    rows = read(path)
    assert [record.source for record in rows] == ["a.jsonl:1", "a.jsonl:3", "a.jsonl:4"]
    assert [str(record.value and record.value["a"]) for record in rows] == ["1", "é", "0.10"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{broken", "not JSON"), (b'{"a": 1, "a": 2}', "duplicate key"), (b'{"a": "\xff"}', "not UTF-8"), (b"[1]", "not a mapping"),
        (b'{"a": "\\ud800"}', "not JSON"), (b"[" * 100_000, "not JSON"), (b"\x00", "not JSON"), (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)  # fmt: skip
def test_a_bad_line_is_a_fault_and_hinders_no_other(line: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line + b'\n{"a": 2}\n')
    assert faults(read(path)) == [("a.jsonl:1", None), ("a.jsonl:2", reason), ("a.jsonl:3", None)]


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    reading = FileReading(record_limit=1000)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": "' + b"x" * 100_000_000 + b'"}\n{"a": 2}\n')
    (source,) = find_sources(str(path), path.name, reading=reading)
    tracemalloc.start()
    records = [record for batch, _ in read_batches(source) for record in batch]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert faults(records) == [("a.jsonl:1", "record too large"), ("a.jsonl:2", None)]
    assert peak < 10_000_000


def test_csv_rows_are_faulty_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'q,a\n"two\nlines",1\nshort\nbad \xff,2\nlast,3\n')
    rows = read(path)
    assert faults(rows) == [
        ("a.csv:2", None), ("a.csv:3", "wrong number of fields"), ("a.csv:4", "not UTF-8"), ("a.csv:5", None),
    ]  # fmt: skip
    assert rows[0].value == {"q": "two\nlines", "a": "1"}


@pytest.mark.parametrize("packed", [False, True])
def test_every_format_gives_the_same_records(packed: bool, tmp_path: Path) -> None:
    rows = [{"q": "é, 1", "a": "x"}, {"q": "2", "a": "y\tz"}]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    table = 'q,a\n"é, 1",x\n2,"y\tz"\n'.encode()
    tabbed = 'q\ta\né, 1\tx\n2\t"y\tz"\n'.encode()
    for name, data in (("a.jsonl", lines), ("b.csv", table), ("c.tsv", tabbed)):
        path = tmp_path / (name + ".gz" if packed else name)
        path.write_bytes(gzip.compress(data) if packed else data)
        assert [record.value for record in read(path)] == rows
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "d.parquet")
    assert [record.value for record in read(tmp_path / "d.parquet")] == rows


def test_a_folder_of_the_hub_s_form_is_read_by_datasets(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"q": ["1", "2"]}), tmp_path / "data" / "test-00000.parquet")
    url = f"hf://{tmp_path}?split=test"
    (source,) = find_sources(url, "local")
    assert [record.value for batch, _ in read_batches(source) for record in batch] == [{"q": "1"}, {"q": "2"}]
    pq.write_table(pa.table({"q": ["1", "3"]}), tmp_path / "data" / "test-00000.parquet")
    assert find_sources(url, "local")[0].digest != source.digest


def test_a_pattern_names_files_in_order_and_digests_are_of_bytes(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl"):
        (tmp_path / name).write_text('{"a": 1}\n')
    result = find_sources(f"{tmp_path}/*.jsonl", "sub/*.jsonl")
    assert [source.name for source in result] == ["sub/a.jsonl", "sub/b.jsonl"]
    assert result[0].digest == result[1].digest


def test_the_share_read_grows_to_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(b'{"a": %d}\n' % i for i in range(20_000))))
    (source,) = find_sources(str(path), path.name)
    shares = [share for _, share in read_batches(source)]
    assert len(shares) == 5
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def bad_sources(place: Path) -> dict[str, Any]:
    sound = gzip.compress(b'{"a": 1}\n' * 50_000)
    files = {
        "empty.jsonl": b"", "blank.jsonl": b"\n\n", "empty.csv": b"", "truncated.jsonl.gz": sound[: len(sound) // 2],
        "notgzip.jsonl.gz": b'{"a": 1}\n', "damaged.jsonl.gz": sound[:40] + b"XXXXXXXX" + sound[48:],
        "utf16.jsonl": '{"a": 1}\n'.encode("utf-16"), "utf16.csv": "q,a\n1,2\n".encode("utf-16"), "twice.csv": b"q,q\n1,2\n",
        "broken.parquet": b"PAR1 not really", "a.xlsx": b"x", "a.parquet.gz": b"x",
    }  # fmt: skip
    for name, data in files.items():
        (place / name).write_bytes(data)
    return files


def test_a_bad_source_is_one_clear_line(tmp_path: Path) -> None:
    names = [*bad_sources(tmp_path), "missing/a.jsonl", "*.nothing"]
    texts = []
    for name in names:
        with pytest.raises(SourceError) as error:
            read(tmp_path / name, name)
        texts.append(str(error.value).replace(str(tmp_path), "DIR"))
    for url in ("hf://owner/name", "hf://owner/name@main?spilt=x", "hf:///nowhere/at/all"):
        with pytest.raises(SourceError) as error:
            find_sources(url, url)
        texts.append(str(error.value))
    assert all("\n" not in line for line in texts)
    golden.check(HERE / "bad-sources.txt", "\n".join(texts) + "\n")


def test_a_data_set_that_cannot_be_loaded_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"nothing")
    source = Source(f"hf://{tmp_path}?split=nosuch", "local", "")
    with pytest.raises(SourceError, match="local: `datasets` cannot load it"):
        list(read_batches(source))


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(SourceError, match="holds a password") as error:
        find_sources("https://me:hunter2@host/a.jsonl", "https://me:hunter2@host/a.jsonl")
    assert "hunter2" not in str(error.value)
