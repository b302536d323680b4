"""`corpus://`: releases as a file system, as the libraries of training code read it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import errata
import fsspec
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from errata import ErrataError, NotFound, Unreadable
from errata.release.filesystem import CorpusFileSystem

from catalog.publish import shards
from tests.client import counted
from tests.client.conftest import MALFORMED, put, row

ROOT = Path(__file__).parents[3]
ROWS = {"train": [row(n, f"train{n}") for n in range(7)], "test": [row(n, f"test{n}") for n in range(2)]}
URL = "corpus://tiny@^1/mistakes/train-*.parquet"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store in which the splits of `tiny` 1.0.0 are several files."""
    monkeypatch.setattr(shards, "SHARD_ROWS", 2)
    monkeypatch.setattr(shards, "GROUP_ROWS", 1)
    put(str(tmp_path / "shelf"), "tiny", "1.0.0", ROWS)
    monkeypatch.setenv(counted.LOG, str(tmp_path / "log"))
    return str(tmp_path / "shelf")


@pytest.fixture(params=["disk", "far"])
def store(request: pytest.FixtureRequest, shelf: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """That store on this disk, and elsewhere."""
    url = shelf if request.param == "disk" else f"counted://{shelf}"
    monkeypatch.setenv("ERRATA_STORE", url)
    CorpusFileSystem.clear_instance_cache()
    yield url
    CorpusFileSystem.clear_instance_cache()


def test_fsspec_knows_the_protocol_from_the_entry_point() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert '[project.entry-points."fsspec.specs"]\ncorpus = "errata.release.filesystem:CorpusFileSystem"\n' in text


def files(pattern: str = URL) -> list[str]:
    """The files of a pattern, as the file system names them."""
    result: list[str] = fsspec.filesystem("corpus").glob(pattern)
    return result


def test_a_split_is_its_shards(store: str) -> None:
    assert files() == [f"tiny@^1/mistakes/train-{n:05d}.parquet" for n in range(4)]
    for n, path in enumerate(files()):
        with fsspec.open(f"corpus://{path}", "rb") as file:
            result = pq.ParquetFile(file)
            assert result.read().to_pylist() == ROWS["train"][2 * n : 2 * n + 2]
            assert result.schema_arrow.field("answer").metadata == {b"meaning": b"The gold answer."}


def test_a_split_of_one_shard_has_a_plain_name_too(store: str) -> None:
    assert len(errata.open_release("tiny").files("mistakes", "test")) == 1
    assert pd.read_parquet("corpus://tiny@^1/mistakes/test.parquet")["problem_id"].tolist() == ["test0-0", "test1-1"]
    assert fsspec.filesystem("corpus").isfile("corpus://tiny@^1/mistakes/test.parquet")


@pytest.mark.parametrize(
    "read",
    [
        lambda url: fsspec.open(url).open(),
        pd.read_parquet,
        lambda url: pq.read_table(url.removeprefix("corpus://"), filesystem=fsspec.filesystem("corpus")),
    ],
    ids=["fsspec", "pandas", "pyarrow"],
)
def test_a_split_of_several_shards_is_no_file_and_says_how_to_read_it(store: str, read: Callable[[str], Any]) -> None:
    text = (
        "corpus://tiny@^1/mistakes/train.parquet: the split is 4 files; read corpus://tiny@^1/mistakes/train-*.parquet"
    )
    with pytest.raises(NotFound) as error:
        read("corpus://tiny@^1/mistakes/train.parquet")
    assert str(error.value) == text
    assert not fsspec.filesystem("corpus").exists("corpus://tiny@^1/mistakes/train.parquet")


def test_pyarrow_reads_it(store: str) -> None:
    fs = fsspec.filesystem("corpus")
    assert pq.read_table(files(), filesystem=fs).to_pylist() == ROWS["train"]
    result = ds.dataset(files(), filesystem=fs, format="parquet").to_table(
        filter=ds.field("model") == "llama", columns=["answer"]
    )
    assert result.to_pylist() == [{"answer": item["answer"]} for item in ROWS["train"] if item["model"] == "llama"]


def test_pandas_reads_it(store: str) -> None:
    result = pd.concat(pd.read_parquet(f"corpus://{path}") for path in files())
    assert result["problem_id"].tolist() == [item["problem_id"] for item in ROWS["train"]]


def test_polars_reads_it_by_file_objects(store: str) -> None:
    assert pl.read_parquet([file.open() for file in fsspec.open_files(URL)]).to_dicts() == ROWS["train"]


def test_polars_scans_it_as_a_data_set_of_pyarrow(store: str) -> None:
    result = pl.scan_pyarrow_dataset(ds.dataset(files(), filesystem=fsspec.filesystem("corpus"), format="parquet"))
    assert result.filter(pl.col("model") == "llama").select("problem_id").collect()["problem_id"].to_list() == [
        item["problem_id"] for item in ROWS["train"] if item["model"] == "llama"
    ]


def test_duckdb_reads_it(store: str) -> None:
    with duckdb.connect() as database:
        database.register_filesystem(fsspec.filesystem("corpus"))
        result = database.sql(f"SELECT model, count(*) FROM read_parquet('{URL}') GROUP BY ALL ORDER BY ALL").fetchall()
        patterned = database.sql("SELECT count(*) FROM read_parquet('corpus://tiny@^1/mistakes/*.parquet')").fetchall()
    assert result == [("gpt-4", 4), ("llama", 3)]
    assert patterned == [(9,)]


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_reads_it(store: str, tmp_path: Path, streaming: bool) -> None:
    code = f"""
import datasets, json, os
if {store!r}.startswith("counted"): import tests.client.counted
import errata.release.filesystem
files = {{"train": {URL!r}, "test": "corpus://tiny@^1/mistakes/test-*.parquet"}}
found = datasets.load_dataset("parquet", data_files=files, streaming={streaming})
print(json.dumps({{split: list(rows) for split, rows in found.items()}}), flush=True)
os._exit(0)  # of Arrow's threads one may outlive a stream and abort the interpreter's exit (apache/arrow#34314)
"""
    path = os.pathsep.join((str(ROOT), str(ROOT / "catalog")))
    environment = {**os.environ, "PYTHONPATH": path, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ROWS


def test_folders_are_listed(store: str) -> None:
    fs = fsspec.filesystem("corpus")
    assert fs.ls("corpus://", detail=False) == ["tiny@1.0.0"]
    assert fs.ls("corpus://tiny@^1", detail=False) == ["tiny@^1/mistakes", "tiny@^1/questions", "tiny@^1/README.md"]
    assert fs.ls("corpus://tiny@^1/mistakes", detail=False) == [
        *(f"tiny@^1/mistakes/train-{n:05d}.parquet" for n in range(4)), "tiny@^1/mistakes/test-00000.parquet",
    ]  # fmt: skip
    assert fs.glob("corpus://tiny@1.0.0/*/test-*.parquet") == [
        "tiny@1.0.0/mistakes/test-00000.parquet",
        "tiny@1.0.0/questions/test-00000.parquet",
    ]
    assert (
        fs.isdir("corpus://tiny@^1")
        and fs.isfile(f"corpus://{files()[0]}")
        and not fs.exists("corpus://tiny@^1/mistakes/dev.parquet")
    )
    assert fs.cat_file("corpus://tiny@^1/README.md").startswith(b"---\npretty_name")


def test_a_stored_file_has_its_own_name_too(store: str) -> None:
    fs = fsspec.filesystem("corpus")
    with fs.open("tiny@1.0.0/mistakes/train-00001.parquet") as file:
        assert pq.read_table(io.BytesIO(file.read())).to_pylist() == ROWS["train"][2:4]


def test_the_etag_is_that_of_the_bytes(store: str) -> None:
    fs = fsspec.filesystem("corpus")
    release = errata.open_release("tiny")
    assert fs.info("tiny@^1/mistakes/train-00000.parquet")["ETag"] == release.files("mistakes", "train")[0]["sha256"]
    assert len({fs.info(path)["ETag"] for path in files("corpus://tiny@^1/mistakes/*.parquet")}) == 5


def test_the_files_size_is_that_of_its_bytes(store: str) -> None:
    fs = fsspec.filesystem("corpus")
    for path in files():
        with fs.open(path) as file:
            assert len(file.read()) == fs.size(path)


def test_nothing_is_downloaded(shelf: str) -> None:
    fs = CorpusFileSystem(store=f"counted://{shelf}")
    assert pq.read_table(fs.glob("tiny/mistakes/train-*.parquet"), filesystem=fs).num_rows == 7
    assert not Path(os.environ["ERRATA_CACHE"], "files").exists()


def test_what_the_cache_holds_is_read_from_there(shelf: str) -> None:
    errata.load("tiny", split="train", store=f"counted://{shelf}")
    before = counted.opened(Path(os.environ[counted.LOG]))
    fs = CorpusFileSystem(store=f"counted://{shelf}")
    assert pq.read_table(fs.glob("tiny/mistakes/train-*.parquet"), filesystem=fs).num_rows == 7
    assert counted.opened(Path(os.environ[counted.LOG])) == before


def test_releases_cannot_be_changed(store: str) -> None:
    fs = fsspec.filesystem("corpus")
    for mode in ("wb", "ab", "r+b", "xb"):
        with pytest.raises((PermissionError, ValueError, NotImplementedError)):
            fs.open(files()[0], mode)
    with pytest.raises(NotImplementedError):
        fs.rm_file(files()[0])


@pytest.mark.parametrize(
    "name", [name for name in MALFORMED if "/" not in name and name.rstrip("/")], ids=lambda n: ascii(n[:16])
)
def test_a_malformed_name_is_told(shelf: str, name: str) -> None:
    fs = CorpusFileSystem(store=shelf)
    with pytest.raises(ErrataError, match="names no"):
        fs.open(f"corpus://{name}/mistakes/train.parquet")


@pytest.mark.parametrize(
    "path",
    ["tiny/../../other", "tiny/mistakes/../../../x", "tiny/mistakes/train", "tiny/nothing/train.parquet", "tiny/manifest.json",
     "tiny//mistakes/train.parquet", "tiny/mistakes/train.parquet/x", "tiny/\0", "tiny/" + "x" * 10_000],
)  # fmt: skip
def test_a_path_that_names_no_file_is_not_found(shelf: str, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        CorpusFileSystem(store=shelf).open(f"corpus://{path}")


def test_an_unknown_corpus_is_guessed(shelf: str) -> None:
    with pytest.raises(NotFound, match="did you mean 'tiny'"):
        CorpusFileSystem(store=shelf).open("corpus://tinny/mistakes/train.parquet")


@pytest.mark.parametrize("left", [0, 3, 200])
def test_a_truncated_file_is_told(shelf: str, left: int) -> None:
    (file,) = Path(shelf).rglob("mistakes/train-00002.parquet")
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(Unreadable, match=r"train-00002.parquet.*(ends too early|changed since)"):
        CorpusFileSystem(store=f"counted://{shelf}").open("corpus://tiny/mistakes/train-00002.parquet").read()


@pytest.mark.parametrize("form", ["arrow", "polars", "datasets", "paths"])
def test_every_form_streams(store: str, form: Any) -> None:
    document = errata.load("tiny", split="train", form=form, stream=True)
    readers: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "arrow": lambda: document.read_all().to_pylist(),
        "polars": lambda: document.collect().to_dicts(),
        "datasets": lambda: list(document),
        "paths": lambda: [row for url in document for row in pd.read_parquet(url).to_dict("records")],
    }
    rows = readers[form]()
    assert [item["problem_id"] for item in rows] == [item["problem_id"] for item in ROWS["train"]]
    assert not Path(os.environ["ERRATA_CACHE"], "files").exists()


def test_a_streamed_split_is_shared_out_among_ranks(shelf: str) -> None:
    document = errata.load("tiny", split="train", store=shelf, form="datasets", stream=True)
    assert document.num_shards > 4  # several of each file
