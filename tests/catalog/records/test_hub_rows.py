"""Data sets of the Hub's form: what their cards and columns point to elsewhere is not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.records import hub_rows
from catalog.records.hub_rows import read_hub_rows
from catalog.sources import Source, SourceError, find_sources

COMMIT = 40 * "a"


def write_card(folder: Path, data_files: str) -> None:
    (folder / "README.md").write_text(
        f"---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: {data_files}\n---\n# It\n"
    )


def read(folder: Path) -> list[Any]:
    return [record.value for record, _ in read_hub_rows(Source(f"hf://{folder}?split=train", "local", ""))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("set", "secret"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_text(f"q\n{name}\n")
    return tmp_path / "set"


def test_a_card_names_files_of_its_own(folder: Path) -> None:
    write_card(folder, "a.csv")
    assert read(folder) == [{"q": "set"}]


@pytest.mark.parametrize(
    "place",
    ["{secret}/a.csv", "../secret/a.csv", "file://{secret}/a.csv", "http://127.0.0.1:9/a.csv", "zip://a::b.zip"],
)
@pytest.mark.parametrize("card", hub_rows.CARDS)
def test_a_card_that_names_files_elsewhere_is_refused(folder: Path, place: str, card: str) -> None:
    write_card(folder, place.format(secret=folder.parent / "secret"))
    if card != "README.md":
        (folder / card).write_text((folder / "README.md").read_text().split("---")[1])
        (folder / "README.md").unlink()
    with pytest.raises(SourceError, match=r"^local: its .* names files elsewhere"):
        read(folder)


def test_files_elsewhere_are_refused_however_they_were_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_rows, "_check_cards", lambda *_: None)
    write_card(folder, f"{folder.parent}/secret/a.csv")
    with pytest.raises(SourceError, match=r"names files elsewhere \(.*/secret/a\.csv\)"):
        read(folder)


def test_pictures_are_not_opened_by_their_path(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Features, Image

    (folder / "a.csv").unlink()
    schema = Features({"q": Image()}).arrow_schema
    table = pa.table({"q": pa.array([{"bytes": None, "path": "/etc/hostname"}], schema.field("q").type)}, schema)
    pq.write_table(table, folder / "a.parquet")
    assert read(folder) == [{"q": {"bytes": None, "path": "/etc/hostname"}}]


@pytest.mark.parametrize("name", ["../secret", "text", "csv", "a/b/c", "./set", "a/../secret", ".a/b"])
def test_what_is_no_name_of_the_hub_is_refused(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SourceError, match=r"names no data set; expected hf://OWNER/NAME@"):
        find_sources(f"hf://{name}@{COMMIT}", "rows")


def test_a_folder_of_that_name_is_not_taken_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hf://secret/set` beside the folder `secret/set`: the Hub is asked, which is not there."""
    monkeypatch.chdir(folder.parent)
    (folder.parent / "secret" / "set").mkdir()
    (folder.parent / "secret" / "set" / "a.csv").write_text("q\nsecret\n")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceError):
        list(read_hub_rows(Source(f"hf://secret/set@{COMMIT}?split=train", "rows", "")))
