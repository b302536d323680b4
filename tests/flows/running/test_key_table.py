"""The narrow table of a decision: units come one after the other, whole and in order."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from catalog.storage import StoreError
from flows.planning.plan import make_plan
from flows.running import complete, key_table
from flows.running.key_table import KeyTable
from flows.running.kinds.from_files import FromFilesKind
from flows.running.run_plan import materialize
from flows.running.work_folder import explain_full_disk
from tests.command import ROOT


@pytest.mark.parametrize("batch", [1, 64, 2048, 50_000])
def test_rows_come_by_unit_whatever_the_batches(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(key_table, "BATCH", batch)
    keys = [f"{i:05d}" for i in range(5_000)]
    random.Random(1).shuffle(keys)
    units = [int(key) % 7 * 3 for key in keys]
    with KeyTable() as table:
        for at in range(0, 5_000, 700):
            table.add(pl.DataFrame({"key": keys[at : at + 700], "unit": units[at : at + 700]}))
        got = list(table.by_partition("SELECT key, unit FROM narrow WHERE unit <> 9"))
    assert [unit for unit, _ in got] == [0, 3, 6, 12, 15, 18]
    for unit, rows in got:
        assert rows["key"].to_list() == sorted(key for key in keys if int(key) % 7 * 3 == unit)


def test_two_tables_are_joined() -> None:
    with KeyTable() as table, KeyTable() as other:
        table.add(pl.DataFrame({"key": ["a", "b"], "unit": [1, 0]}))
        other.add(pl.DataFrame({"key": ["b"], "reason": ["why"]}))
        got = list(table.by_partition("SELECT f.*, n.unit FROM other.narrow f JOIN narrow n USING (key)", other))
    assert [(unit, rows.rows()) for unit, rows in got] == [(0, [("b", "why")])]


def test_a_disk_that_is_full_at_a_tables_end_is_an_error_that_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path, memory: str) -> Any:
        raise duckdb.IOException(f'IO Error: Could not write file "{folder}/rows.duckdb": No space left on device')

    monkeypatch.setattr(key_table, "open_database", fail)
    monkeypatch.setattr(FromFilesKind, "repeats_keys", lambda _: True)
    monkeypatch.setattr(complete, "HASHED", 0)
    plan = make_plan(str(ROOT / "catalog" / "recipes" / "sample.yaml"), None, str(tmp_path / "store"))
    with pytest.raises(
        StoreError, match=r"^generations: what is .* has no room on the disk \(IO Error: .*; free some of it"
    ):
        materialize(plan)
    assert not [path for path in (tmp_path / "store").iterdir() if path.name.startswith(".errata-tmp")]


@pytest.mark.parametrize(
    "error",
    [
        duckdb.TransactionException('TransactionContext Error: Failed to commit: Could not write file "x.wal": No space left on device'),
        duckdb.FatalException("FATAL Error: the database has been invalidated because of a previous fatal error: No space left on device"),
        duckdb.OutOfMemoryException("Out of Memory Error: failed to offload data block: the maximum of the temporary folder is reached"),
    ],
    ids=type,
)  # fmt: skip
def test_whatever_a_full_disk_fails_in_is_explained(error: duckdb.Error) -> None:
    with (
        pytest.raises(StoreError, match=r"^t: what is .* has no room on the disk .*; free some of it"),
        explain_full_disk("t"),
    ):
        raise error


def test_another_fault_of_the_disk_stays_what_it_is() -> None:
    with pytest.raises(duckdb.IOException, match="cannot be opened"), explain_full_disk("t"):
        raise duckdb.IOException("IO Error: cannot be opened")


def test_more_rows_than_the_memory_holds_are_joined_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_table, "DUCKDB_MEMORY", 128)
    count, lot = 300_000, 100_000
    numbers = pl.DataFrame({"n": pl.int_range(count, eager=True)})
    keys = numbers.select(key=pl.format("{}-of-a-long-name", "n"), unit=pl.col("n").cast(pl.Int32) % 3)
    with KeyTable() as table, KeyTable() as other:
        size, rows = 0, 0
        for at in range(0, count, lot):
            table.add(keys[at : at + lot])
            decided = keys[count - at - lot : count - at].select("key", detail=pl.concat_str(["key"] * 24))
            other.add(decided)
            size += int(decided.estimated_size())
        assert size > 128 * 2**20
        for unit, some in table.by_partition("SELECT f.*, n.unit FROM other.narrow f JOIN narrow n USING (key)", other):
            assert some["key"].is_sorted() and unit < 3
            rows += some.height
    assert rows == count
