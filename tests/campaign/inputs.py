"""Mutants of inputs and of what is said of their fields: each record is kept or rejected with its reason, or the file is refused."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.campaign.parquet_columns import COLUMNS
from tests.catalog.records.test_fuzz import mutate_bytes, mutate_mapping, seeds, try_import

REGRESSIONS = Path(__file__).parent / "regressions" / "inputs"
FIELDS = {"question": "q", "answer": "a", "text": "a"}


def prepare(folder: Path) -> Callable[[Path, random.Random], str]:
    """A trial of an input's mutant: a third of them are Parquet files of odd columns."""
    sound = seeds(folder)

    def trial(folder: Path, chance: random.Random) -> str:
        way = chance.randrange(3)
        name, data, fields = chance.choice(sound) if way else ("a.parquet", make_parquet(chance), FIELDS)
        path = folder / name
        path.write_bytes(mutate_bytes(data, chance) if chance.random() < 0.6 else data)
        return _check(try_import(path, mutate_mapping(fields, chance) if chance.random() < 0.5 else fields))

    return trial


def _check(outcome: str) -> str:
    if outcome not in ("read", "file refused", "mapping refused"):
        raise AssertionError(f"an error of several lines: {outcome[:200]}")
    return outcome


def make_parquet(chance: random.Random) -> bytes:
    """A Parquet file whose columns are of odd kinds, its row groups of odd sizes."""
    arrays = {name: chance.choice(list(COLUMNS.values())) for name in ("q", "a", "other")}
    table: Any = pa.table(arrays)
    if chance.random() < 0.1:
        table = table.rename_columns(["q", "q", "a"])
    if chance.random() < 0.1:
        table = table.select([])
    buffer = io.BytesIO()
    with pq.ParquetWriter(
        buffer, table.schema, use_deprecated_int96_timestamps=chance.random() < 0.3, compression=chance.choice(("snappy", "zstd", "gzip", "none"))
    ) as writer:  # fmt: skip
        for _ in range(chance.randrange(4)):
            writer.write_table(table.slice(0, chance.randrange(4)), row_group_size=chance.choice((1, 2, 1000)))
    return buffer.getvalue()
