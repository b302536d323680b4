"""The format of a store: refused by name where it is another, and migrated."""

import json
from pathlib import Path

import polars as pl
import pytest

from catalog.storage import Store, StoreError
from catalog.store_format import check_format, mark_format, migrate_store
from catalog.tables import FORMAT, Manifest, PartitionCommit, TableFolder


def write_old(store: Store) -> TableFolder:
    """A complete table and one that is not, as the first format had them."""
    folder = TableFolder(store, "split", "0" * 24)
    part = folder.write("parts/00000-00000.parquet", pl.DataFrame({"id": ["a", "b"]}))
    manifest = Manifest("0" * 24, "split", "1", {}, ["i"], ["id"], PartitionCommit(2, [part]))
    value = json.loads(folder.format_manifest(manifest)) | {"format": 1}
    del value["shares"]
    store.write(f"{folder.path}/manifest.json", json.dumps(value).encode())
    TableFolder(store, "verify", "1" * 24).commit("00000", PartitionCommit(2))
    return folder


def test_a_store_of_the_first_format_is_refused_and_can_be_migrated(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    folder = write_old(store)
    before = folder.read_manifest()
    with pytest.raises(StoreError, match=rf"store {tmp_path}: its tables are of format 1, .*`errata migrate --store"):
        check_format(store)
    assert [(table.path, table.complete) for table in migrate_store(store)] == [
        (folder.path, True), (f"tables/verify-{'1' * 24}", False),
    ]  # fmt: skip
    check_format(store)
    after = folder.read_manifest()
    assert before is not None and after is not None and after.format == FORMAT
    assert after.receipt == before.receipt and folder.read(after.receipt.parts[0])["id"].to_list() == ["a", "b"]
    assert store.names("tables") == ["split-" + "0" * 24], "its units are cut otherwise now"
    assert list(migrate_store(store)) == []


def test_of_the_second_format_tables_that_are_not_complete_stay(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    folder = write_old(store)
    value = json.loads(store.read(f"{folder.path}/manifest.json")) | {"format": 2, "shares": []}
    store.write(f"{folder.path}/manifest.json", json.dumps(value).encode())
    with pytest.raises(StoreError, match="its tables are of format 2"):
        check_format(store)
    assert [(table.path, table.complete) for table in migrate_store(store)] == [(folder.path, True)]
    check_format(store)
    assert TableFolder(store, "verify", "1" * 24).read_commit("00000") == PartitionCommit(2), "it is gone on with"


def test_a_migration_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    write_old(store)
    next(iter(migrate_store(store)))
    with pytest.raises(StoreError, match="format 1"):
        check_format(store)
    assert len(list(migrate_store(store))) == 2
    check_format(store)


def test_a_new_store_needs_no_migration_and_a_newer_one_a_newer_program(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    check_format(store)
    mark_format(store)
    assert json.loads(store.read("store.json")) == {"format": FORMAT}
    store.write("store.json", json.dumps({"format": FORMAT + 1}).encode())
    for act in (check_format, lambda store: list(migrate_store(store))):
        with pytest.raises(StoreError, match=f"of format {FORMAT + 1}.*take a newer Errata"):
            act(store)
    store.write("store.json", b'{"format": "two"}')
    with pytest.raises(StoreError, match=r"store\.json: says no format"):
        check_format(store)
