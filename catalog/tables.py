"""Tables at rest: Parquet parts, rejected rows beside them, a receipt per unit of work and a manifest that completes them.

tables/<task>-<fingerprint>/
    parts/<unit>-<chunk>.parquet       rows kept
    rejected/<unit>-<chunk>.parquet    rows rejected, with reason and detail
    receipts/<unit>.json               what one unit of work has written; it exists, or the unit is done again
    manifest.json                      the table is complete when this exists; it never changes
    retried.json                       when its requests that had failed for good were asked again, for another table
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from catalog.storage import Store, StoreError
from schemas.contract import Contract
from schemas.frames import to_polars_schema

FORMAT = 1
AGAIN = "remove the table's folder and build again"
DIGITS = 24


def format_canonical_json(value: Any) -> bytes:
    """JSON with one spelling: keys sorted, no blanks, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def compute_fingerprint(task: str, version: str, parameters: dict[str, Any], inputs: Sequence[str]) -> str:
    """The fingerprint of a table: of its task, the task's version and parameters, and its inputs' fingerprints."""
    return hashlib.sha256(format_canonical_json([FORMAT, task, version, parameters, list(inputs)])).hexdigest()[:DIGITS]


@dataclass(frozen=True)
class ParquetFile:
    """One Parquet file of a table."""

    path: str
    """Below the table's folder."""
    rows: int
    sha256: str


@dataclass(frozen=True)
class PartitionCommit:
    """What a partition wrote: files, and how many rows were kept and rejected; it has ended when this is in the store."""

    rows_in: int
    parts: list[ParquetFile] = field(default_factory=list)
    rejected: list[ParquetFile] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    """Requests that failed for good, without whose answers it was made; asked again, they might have made other rows."""

    def rows_kept(self) -> int:
        """Rows in the parts."""
        return sum(part.rows for part in self.parts)

    def rows_rejected(self) -> int:
        """Rows rejected."""
        return sum(part.rows for part in self.rejected)

    @staticmethod
    def of(value: dict[str, Any]) -> PartitionCommit:
        """A receipt as JSON holds it."""
        parts, rejected = ([ParquetFile(**part) for part in value[name]] for name in ("parts", "rejected"))
        return PartitionCommit(value["rows_in"], parts, rejected, dict(value["reasons"]), value.get("failed", 0))


@dataclass(frozen=True)
class Manifest:
    """What a table is: what made it, from what, and what is in it; the table is complete when this is in the store."""

    fingerprint: str
    task: str
    version: str
    parameters: dict[str, Any]
    inputs: list[str]
    """The fingerprints of its input tables, or `name sha256` of the files it read."""
    columns: list[str]
    receipt: PartitionCommit
    """The sum of its units' receipts."""
    format: int = FORMAT


class TableFolder:
    """The folder of one table in a store: its Parquet files, its rejected rows, a commit for each partition, the manifest."""

    def __init__(self, store: Store, task: str, fingerprint: str) -> None:
        self.store = store
        self.path = f"tables/{task}-{fingerprint}"

    def read_manifest(self) -> Manifest | None:
        """The manifest, or None while the table is not complete."""
        path = f"{self.path}/manifest.json"
        value = self.store.read_json(path)
        if value is None:
            return None
        try:
            return Manifest(**{**value, "receipt": PartitionCommit.of(value["receipt"])})
        except (KeyError, TypeError) as error:
            raise StoreError(f"{self.store.link(path)}: no manifest of a table ({error}); {AGAIN}") from None

    def complete(self, manifest: Manifest) -> None:
        """Make the table visible; who comes second with the same table changes nothing."""
        self.store.create(f"{self.path}/manifest.json", format_canonical_json(asdict(manifest)))

    def read_retried(self) -> float | None:
        """When its failed requests were asked again (seconds since 1970): another table stands for it since; None where it does itself."""
        path = f"{self.path}/retried.json"
        value = self.store.read_json(path)
        at = None if value is None else value.get("at")
        if value is not None and not isinstance(at, int | float):
            raise StoreError(f"{self.store.link(path)}: says no time; remove it")
        return at

    def retry(self, at: float) -> None:
        """Say that its failed requests are asked again, for a table that stands for it from now on; the first time stays."""
        self.store.create(f"{self.path}/retried.json", format_canonical_json({"at": at}))

    def read_commit(self, unit: str) -> PartitionCommit | None:
        """What a unit wrote, or None if it has not ended."""
        path = f"{self.path}/receipts/{unit}.json"
        value = self.store.read_json(path)
        try:
            return None if value is None else PartitionCommit.of(value)
        except (KeyError, TypeError) as error:
            raise StoreError(f"{self.store.link(path)}: no receipt ({error}); {AGAIN}") from None

    def commit(self, unit: str, receipt: PartitionCommit) -> None:
        """Say that a unit has ended."""
        self.store.write(f"{self.path}/receipts/{unit}.json", format_canonical_json(asdict(receipt)))

    def write(self, path: str, frame: pl.DataFrame) -> ParquetFile:
        """Write rows as one Parquet file; the same rows give the same bytes."""
        buffer = io.BytesIO()
        # level 3 would take a seventh less room, and twice the time
        frame.write_parquet(buffer, compression="zstd", compression_level=1, statistics=True)
        data = buffer.getvalue()
        self.store.write(f"{self.path}/{path}", data)
        return ParquetFile(path, frame.height, hashlib.sha256(data).hexdigest())

    def read(self, part: ParquetFile, columns: list[str] | None = None) -> pl.DataFrame:
        """The rows of one part; `StoreError` where its file is missing or its bytes are not those that were written."""
        path = f"{self.path}/{part.path}"
        try:
            data = self.store.read(path)
        except FileNotFoundError:
            raise StoreError(f"{self.store.link(path)}: is missing; {AGAIN}") from None
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise StoreError(f"{self.store.link(path)}: its bytes have changed since it was written; {AGAIN}")
        return pl.read_parquet(io.BytesIO(data), columns=columns)


def sum_commits(receipts: Iterable[PartitionCommit]) -> PartitionCommit:
    """The sum of receipts, parts in their order."""
    commits = list(receipts)
    reasons: Counter[str] = Counter()
    for commit in commits:
        reasons.update(commit.reasons)
    return PartitionCommit(
        sum(commit.rows_in for commit in commits),
        [part for commit in commits for part in commit.parts],
        [part for commit in commits for part in commit.rejected],
        dict(sorted(reasons.items())),
        sum(commit.failed for commit in commits),
    )


def read_rows(folder: TableFolder, contract: Contract, manifest: Manifest) -> Iterator[pl.DataFrame]:
    """A complete table part by part; one empty frame where it has no rows."""
    if not manifest.receipt.parts:
        yield pl.DataFrame(schema=to_polars_schema(contract))
    for part in manifest.receipt.parts:
        yield folder.read(part)
