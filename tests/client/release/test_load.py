"""What `load` gives: slices of splits, the form pandas, streams for several workers, and what it says of itself."""

from __future__ import annotations

import logging
import sys
from typing import Any

import errata
import polars as pl
import pytest
from errata.release.load import SplitSlice, parse_split

from tests.client.conftest import put, splits

ROWS = splits("0.10.0")


@pytest.fixture
def shelf(tmp_path: Any) -> str:
    put(str(tmp_path), "tiny", "0.10.0", ROWS)
    return str(tmp_path)


def load(shelf: str, **options: Any) -> Any:
    return errata.load("tiny", store=shelf, view="mistakes", **options)


def test_splits_that_are_joined_are_named(shelf: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "errata"):
        assert load(shelf).num_rows == sum(map(len, ROWS.values()))
        load(shelf, split="train")
    (record,) = caplog.records
    assert record.getMessage() == f"tiny@0.10.0: splits {', '.join(ROWS)} are joined; name one (split=…)"


@pytest.mark.parametrize(
    ("text", "rows", "expected"),
    [
        ("train[:3]", 10, range(0, 3)),
        ("train[7:]", 10, range(7, 10)),
        ("train[-2:]", 10, range(8, 10)),
        ("train[10%:30%]", 50, range(5, 15)),
        ("train[:-50%]", 10, range(0, 5)),
        ("train[:999]", 10, range(0, 10)),
        ("train[8:2]", 10, range(8, 8)),
    ],
)
def test_a_slice_is_of_rows_or_of_percent(text: str, rows: int, expected: range) -> None:
    split, cut = parse_split(text)
    assert split == "train" and isinstance(cut, SplitSlice)
    assert list(cut.locate(rows)) == list(expected)


@pytest.mark.parametrize("text", ["train[]", "train[3]", "train[a:b]", "train[1:2:3]", "[1:2]", "train[1:2"])
def test_what_is_no_slice_is_refused(text: str, shelf: str) -> None:
    with pytest.raises(errata.ErrataError, match=r"expected a slice such as|has no split"):
        load(shelf, split=text)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("form", ["arrow", "polars", "pandas", "datasets"])
def test_every_form_has_the_rows_of_a_slice(
    form: str, stream: bool, shelf: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERRATA_CACHE", str(tmp_path / "cache"))
    rows = load(shelf, split="train[1:3]", form=form, stream=stream)
    if form == "arrow":
        questions = (rows.read_all() if stream else rows)["question"].to_pylist()
    elif form == "polars":
        questions = (rows.collect() if stream else rows)["question"].to_list()
    elif form == "pandas":
        frames = list(rows) if stream else [rows]
        questions = [question for frame in frames for question in frame["question"]]
    else:
        questions = [row["question"] for row in rows]
    assert questions == [row["question"] for row in ROWS["train"][1:3]]


def test_two_workers_get_rows_each(tmp_path: Any) -> None:
    rows = [{**ROWS["train"][0], "problem_id": f"{n:024x}"} for n in range(10)]
    put(str(tmp_path), "tiny", "0.10.0", {"train": rows})
    stream = errata.load("tiny", store=str(tmp_path), view="mistakes", split="train", form="datasets", stream=True)
    assert stream.n_shards > 1
    workers = [[row["problem_id"] for row in stream.shard(2, at)] for at in (0, 1)]
    assert all(workers)
    assert sorted([*workers[0], *workers[1]]) == sorted(row["problem_id"] for row in rows)


def test_files_are_never_cut(shelf: str) -> None:
    with pytest.raises(errata.ErrataError, match="files hold whole splits"):
        load(shelf, split="train[:2]", form="paths")


@pytest.mark.parametrize(
    ("form", "install"), [("polars", "errata[polars]"), ("datasets", "errata[datasets]"), ("pandas", "pandas")]
)
def test_a_library_that_is_missing_is_named(
    form: str, install: str, shelf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, form, None)
    with pytest.raises(errata.ErrataError) as error:
        load(shelf, split="train", form=form)
    assert str(error.value) == f"form='{form}' needs {form}, which is not installed: pip install '{install}'"


def test_a_data_frame_is_that_of_polars(shelf: str) -> None:
    frame = load(shelf, split="train", form="pandas")
    assert frame["question"].tolist() == pl.DataFrame(ROWS["train"])["question"].to_list()
