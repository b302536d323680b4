"""The narrow table of a decision: units come one after the other, whole and in order."""

from __future__ import annotations

import random

import polars as pl
import pytest

from flows.running import key_table
from flows.running.key_table import KeyTable


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
