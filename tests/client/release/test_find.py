"""Finding, checking and loading releases from Python."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import errata
import fsspec
import pyarrow.parquet as pq
import pytest
from errata import ErrataError, NotFound

from tests.client.conftest import MALFORMED, PUBLIC, flip, splits

ALL = [row for rows in splits("0.10.0").values() for row in rows]

heard: list[str] | None = None


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    if heard is not None and event in ("open", "os.listdir", "os.scandir"):
        heard.append(f"{event} {arguments[0]}")


sys.addaudithook(_listen)


@contextmanager
def listening() -> Iterator[list[str]]:
    """The files opened and folders listed meanwhile, as Python's audit events tell them."""
    global heard
    heard = []
    try:
        yield heard
    finally:
        heard = None


def test_the_public_surface() -> None:
    assert errata.__all__ == PUBLIC
    assert errata.__all__ == sorted(errata.__all__)
    assert all(getattr(errata, name).__doc__ for name in errata.__all__)


def test_releases_are_listed_by_name_and_number(store: str) -> None:
    assert errata.releases(store) == [("other", "1.0.0"), ("tiny", "0.9.0"), ("tiny", "0.10.0")]


def test_the_newest_version_is_by_number(store: str) -> None:
    assert errata.open_release("tiny", store).name == "tiny@0.10.0"
    assert errata.load("tiny", store=store).to_pylist() == ALL


def test_a_version_is_exact(store: str) -> None:
    assert errata.open_release("tiny@0.9.0", store).name == "tiny@0.9.0"
    assert errata.load("tiny@0.9.0", split="train", store=store).to_pylist() == splits("0.9.0")["train"]


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_has_its_rows_only(store: str, split: str) -> None:
    assert errata.load("tiny", split=split, store=store).to_pylist() == splits("0.10.0")[split]


def test_a_view_has_its_columns_only(store: str) -> None:
    document = errata.load("tiny", "questions", store=store)
    assert document.to_pylist() == [{name: row[name] for name in ("problem_id", "question")} for row in ALL]


def test_all_forms_have_the_same_rows(store: str) -> None:
    def read(url: str) -> list[dict[str, Any]]:
        with fsspec.open(url, "rb") as file:
            rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(file.read())).to_pylist()
        return rows

    paths = errata.load("tiny", store=store, form="paths")
    assert len(paths) == 2
    assert [row for url in paths for row in read(url)] == ALL
    assert errata.load("tiny", store=store, form="arrow").to_pylist() == ALL
    assert errata.load("tiny", store=store, form="polars").to_dicts() == ALL
    assert errata.load("tiny", store=store, form="datasets").to_list() == ALL


def test_columns_keep_their_meaning(store: str) -> None:
    schema = errata.load("tiny", store=store).schema
    assert schema.field("answer").metadata == {b"meaning": b"The gold answer."}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"name": "tinny"}, "no corpus 'tinny'; did you mean 'tiny'\\?"),
        ({"name": "zzz"}, "no corpus 'zzz'; there are other, tiny"),
        ({"name": "tiny@0.11.0"}, "'tiny' has no version 0.11.0; there are 0.9.0, 0.10.0"),
        ({"name": "tiny", "view": "../test"}, "no view '../test'; there are mistakes, questions"),
        ({"name": "tiny", "split": "dev"}, "no split 'dev'; there are test, train"),
        ({"name": "tiny", "split": ""}, "no split ''; there are test, train"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(disk: str, asked: dict[str, Any], expected: str) -> None:
    with pytest.raises(NotFound, match=expected):
        errata.load(**asked, store=disk)


def test_an_empty_store_has_no_corpus(tmp_path: Path) -> None:
    assert errata.releases(str(tmp_path)) == []
    with pytest.raises(NotFound, match="nothing was released there"):
        errata.open_release("tiny", str(tmp_path))


@pytest.mark.parametrize("name", MALFORMED, ids=lambda name: ascii(name[:16]))
def test_a_malformed_name_is_refused_before_any_file_is_touched(disk: str, newest: Path, name: str) -> None:
    with listening() as touched, pytest.raises(ErrataError) as caught:
        errata.load(name, store=disk)
    assert touched == []
    assert not isinstance(caught.value, NotFound)
    assert len(str(caught.value)) < 300


def test_listening_hears_what_a_load_touches(disk: str, newest: Path) -> None:
    with listening() as touched:
        errata.load("tiny", store=disk)
    assert f"open {newest}/manifest.json" in touched


def test_a_form_nobody_knows_is_refused_before_rows_are_read(disk: str, newest: Path) -> None:
    for file in newest.rglob("*.parquet"):
        file.unlink()
    with pytest.raises(ErrataError, match="unknown form 'csv'; there are arrow, polars, pandas, datasets, paths"):
        errata.load("tiny", store=disk, form="csv")  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["nosuch://bucket", "nosuch://"])
def test_a_store_of_an_unknown_kind_is_told(url: str) -> None:
    with pytest.raises(ErrataError, match="nosuch"):
        errata.releases(url)


def test_the_store_is_that_of_the_environment(disk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ERRATA_STORE", raising=False)
    assert errata.releases() == []
    monkeypatch.setenv("ERRATA_STORE", disk)
    assert errata.load("tiny").num_rows == len(ALL)
    assert errata.releases(str(tmp_path / "elsewhere")) == []


def test_the_store_is_the_folder_store_by_default(disk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(disk).rename(tmp_path / "store")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ERRATA_STORE", raising=False)
    assert errata.load("tiny").num_rows == len(ALL)
    assert errata.open_release("tiny").faults() == []


@pytest.mark.parametrize("ending", ["/", "//"])
def test_a_store_may_end_with_slashes(disk: str, ending: str) -> None:
    assert errata.load("tiny", store=disk + ending).num_rows == len(ALL)


@pytest.mark.parametrize("place", ["My copy/1.0.0", "tiny/1.0.0-draft", "tiny/.errata-tmp-1", "tiny/latest"])
def test_a_folder_that_bears_no_release_name_is_none(disk: str, newest: Path, place: str) -> None:
    known = errata.releases(disk)
    stray = Path(disk, "releases", place)
    stray.mkdir(parents=True)
    (stray / "manifest.json").write_bytes((newest / "manifest.json").read_bytes())
    assert errata.releases(disk) == known


def test_a_folder_without_manifest_is_no_release(disk: str, newest: Path) -> None:
    (newest / "manifest.json").unlink()
    assert errata.open_release("tiny", disk).name == "tiny@0.9.0"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (json.dumps({"format": 2}).encode(), "its format is 2, this client reads 1; upgrade"),
        (b"{}", "its format is None"),
        (b"", "manifest.json: not the JSON it should be"),
        (b'{"format": 1', "manifest.json: not the JSON it should be"),
        (b"\xff\xfe\x00", "manifest.json: not the JSON it should be"),
        (b"null", "manifest.json: not the JSON it should be"),
        (b"[1, 2]", "manifest.json: not the JSON it should be"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_told(disk: str, newest: Path, content: bytes, expected: str) -> None:
    (newest / "manifest.json").write_bytes(content)
    with pytest.raises(ErrataError, match=expected):
        errata.open_release("tiny", disk)


def test_an_intact_release_has_no_faults(store: str) -> None:
    assert [errata.open_release(name, store).faults() for name in ("tiny@0.9.0", "tiny", "other")] == [[], [], []]


@pytest.mark.parametrize("path", ["mistakes/test-00000.parquet", "questions/train-00000.parquet", "README.md"])
def test_a_flipped_bit_is_a_fault(disk: str, newest: Path, path: str) -> None:
    flip(newest / path)
    (fault,) = errata.open_release("tiny", disk).faults()
    assert fault.startswith(f"{path}: its bytes changed (SHA-256 ")


@pytest.mark.parametrize("path", ["mistakes/test-00000.parquet", "README.md"])
def test_a_missing_file_is_a_fault(disk: str, newest: Path, path: str) -> None:
    (newest / path).unlink()
    assert errata.open_release("tiny", disk).faults() == [f"{path}: is missing"]


@pytest.mark.parametrize("path", ["mistakes/test-00001.parquet", "notes/more.txt", ".hidden"])
def test_an_extra_file_is_a_fault(disk: str, newest: Path, path: str) -> None:
    (newest / path).parent.mkdir(exist_ok=True)
    (newest / path).touch()
    assert errata.open_release("tiny", disk).faults() == [f"{path}: is not in the manifest"]


def test_faults_of_one_release_are_not_another_ones(disk: str, newest: Path) -> None:
    flip(newest / "README.md")
    assert errata.open_release("tiny@0.9.0", disk).faults() == []


def test_faults_are_found_in_memory_too(store: str) -> None:
    release = errata.open_release("tiny", store)
    fs, root = fsspec.url_to_fs(release.url)
    fs.rm_file(f"{root}/README.md")
    fs.pipe_file(f"{root}/more.txt", b"")
    assert release.faults() == ["README.md: is missing", "more.txt: is not in the manifest"]


@pytest.mark.parametrize("content", [None, b"", b"PAR1 no more"])
def test_rows_that_cannot_be_read_are_told(disk: str, newest: Path, content: bytes | None) -> None:
    file = newest / "mistakes" / "test-00000.parquet"
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(ErrataError, match=r"test-00000.parquet: cannot be read .*`errata verify tiny@0.10.0`"):
        errata.load("tiny", store=disk)
    assert errata.load("tiny", split="train", store=disk).num_rows == 4
