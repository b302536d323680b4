"""The Parquet files of a release, written in shards with the checksum of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.storage import Store

SHARD_ROWS = 200_000
GROUP_ROWS = 10_000
PIECE_BYTES = 2**29
"""Of rows in memory that are turned into Arrow at once."""
T = TypeVar("T")


class Shard:
    """One Parquet file that is being written; its checksum is of the bytes given to the store.

    Were it read back instead, two publishers of one build could each read what the other is writing.
    """

    def __init__(self, store: Store, folder: str, name: str, schema: pa.Schema) -> None:
        self.path, self.rows, self.size, self.digest = f"{folder.rsplit('/', 1)[-1]}/{name}", 0, 0, hashlib.sha256()
        self.store, self.place, self.schema = store, f"{folder}/{name}", schema
        with store.writing(self.place):
            store.fs.makedirs(store.full(folder), exist_ok=True)
            self.file: Any = store.fs.open(store.full(self.place), "wb")
        self.writer = pq.ParquetWriter(pa.PythonFile(self, "w"), schema, compression="zstd", compression_level=6)

    def add(self, frames: Sequence[pl.DataFrame]) -> None:
        """Write rows."""
        rows = pl.concat(frames)
        # a plain list or text holds 2 GiB at most
        pieces = max(1, -(-int(rows.estimated_size()) // PIECE_BYTES))
        for piece in rows.iter_slices(max(1, rows.height // pieces)):
            self.writer.write_table(piece.to_arrow().cast(self.schema), row_group_size=GROUP_ROWS)
        self.rows += rows.height

    def write(self, data: bytes) -> int:
        """Called by the Parquet writer."""
        with self.store.writing(self.place):
            self.file.write(data)
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        """Bytes written so far."""
        return self.size

    def flush(self) -> None:
        """The store's file buffers as it likes."""

    @property
    def closed(self) -> bool:
        """Whether the store has the whole file."""
        return bool(self.file.closed)

    def close(self) -> None:
        """Called by the Parquet writer too."""
        if not self.file.closed:
            with self.store.writing(self.place):
                self.file.close()

    def end(self) -> None:
        """Write the footer and close."""
        self.writer.close()
        self.close()

    def seal(self) -> dict[str, Any]:
        """Path below the release, bytes and checksum."""
        return {"path": self.path, "bytes": self.size, "sha256": self.digest.hexdigest()}


class Shards:
    """The Parquet files of one split, of about `SHARD_ROWS` rows, in row groups of about `GROUP_ROWS`."""

    def __init__(self, store: Store, place: str, split: str, schema: pa.Schema) -> None:
        self.store, self.place, self.split = store, place, split
        self.schema = schema
        self.waiting: list[pl.DataFrame] = []
        self.done: list[Shard] = []
        self.open: Shard | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows; they are written when a row group of them waits."""
        if frame.height:
            self.waiting.append(frame)
        if sum(each.height for each in self.waiting) >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self.waiting:
            return
        if self.open is None:
            name = f"{self.split}-{len(self.done):05d}.parquet"
            self.open = Shard(self.store, self.place, name, self.schema)
            self.done.append(self.open)
        self.open.add(self.waiting)
        self.waiting = []
        if self.open.rows >= SHARD_ROWS:
            self._end()

    def _end(self) -> None:
        if self.open is not None:
            self.open.end()
            self.open = None

    def close(self) -> list[Shard]:
        """Ends the last file; all of them."""
        self._flush()
        self._end()
        return self.done


def plan_shards(rows: Iterable[tuple[T, int]]) -> list[list[list[T]]]:
    """Which frames `Shards` writes together, given how many rows each has.

    Args:
        rows: Names of the frames of a split, in their order, with their rows.

    Returns:
        For each shard its row groups, each as the names of the frames in it.

    """
    shards: list[list[list[T]]] = []
    waiting: list[T] = []
    waits = written = 0
    for name, count in rows:
        if count:
            waiting.append(name)
            waits += count
        if waits >= GROUP_ROWS:
            if not written:
                shards.append([])
            shards[-1].append(waiting)
            written += waits
            written = 0 if written >= SHARD_ROWS else written
            waiting, waits = [], 0
    if waiting:
        if not written:
            shards.append([])
        shards[-1].append(waiting)
    return shards
