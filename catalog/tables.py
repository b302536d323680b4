"""Tables at rest: Parquet parts, rejected rows beside them, a receipt per unit of work and a manifest that completes them.

tables/<task>-<fingerprint>/
    parts/<unit>-<chunk>.parquet       rows kept; of columns that they share with an input's part, none (see `catalog.parts`)
    rejected/<unit>-<chunk>.parquet    rows rejected, with reason and detail
    {parts,rejected}/compacted-*       those of a complete table that had many, put together
    receipts/<unit>.json               what one unit of work has written; it exists, or the unit is done again
    preparation/                       what its units are made with; it goes when the table is complete
    receipts.parquet                   the receipts of a complete table that had many
    parts.parquet                      the list of a complete table's files where they are many
    manifest.json                      the table is complete when this exists; it never changes
    retried.json                       when its requests that had failed for good were asked again, for another table
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from mmap import mmap
from typing import Any

import polars as pl
from errata.release.shapes import ANY, COUNT, FLAG, PATH, TEXT, Each, Scalar, find_faults

from catalog.parts import ROW, BaseRows, ParquetFile, PartWriter, digest_bytes, list_ranges, parse_rows
from catalog.storage import Store, StoreError
from schemas.contract import Contract
from schemas.frames import to_polars_schema

FORMAT = 3
"""The format of tables: since the second a part may share columns with one of another table, since the third it may do so as some rows of a file."""
FINGERPRINTS = 1
"""The way in which fingerprints are made, which is older than the format."""
AGAIN = "remove the table's folder and build again"
DIGITS = 24
PREPARATION = "preparation"
_UNFIT = (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError)
"""What comes of a part that is other than its manifest says, as a stranger's may be."""
MANY = 64
"""Files, or receipts, of a table from which on they are listed in a Parquet file of their own, and small files put together."""
PLACES = ("parts", "rejected")
"""The folders of a table that hold its Parquet files."""


def format_canonical_json(value: Any) -> bytes:
    """JSON with one spelling: keys sorted, no blanks, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def compute_fingerprint(task: str, version: str, parameters: dict[str, Any], inputs: Sequence[str]) -> str:
    """The fingerprint of a table: of its task, the task's version and parameters, and its inputs' fingerprints."""
    return hashlib.sha256(format_canonical_json([FINGERPRINTS, task, version, parameters, list(inputs)])).hexdigest()[
        :DIGITS
    ]


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
        parts, rejected = ([ParquetFile.of(part) for part in value[name]] for name in ("parts", "rejected"))
        return PartitionCommit(value["rows_in"], parts, rejected, dict(value["reasons"]), value.get("failed", 0))

    def as_json(self) -> dict[str, Any]:
        """A receipt for JSON."""
        parts, rejected = ([part.as_json() for part in parts] for parts in (self.parts, self.rejected))
        return {**vars(self), "parts": parts, "rejected": rejected}


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
    shares: list[str] = field(default_factory=list)
    """The tables, by task and fingerprint, in whose parts columns of its own lie."""
    format: int = FORMAT

    def list_paths(self) -> set[str]:
        """The Parquet files in its folder that hold rows of it."""
        table, paths = f"{self.task}-{self.fingerprint}", set[str]()
        for file in (*self.receipt.parts, *self.receipt.rejected):
            paths.add(file.path)
            while file.base and file.base.table == table:
                file = file.base.part
                paths.add(file.path)
        return paths


_FOLDER = re.compile(r"[A-Za-z0-9_-]{1,200}")
_TABLE = Scalar(
    "task and fingerprint of a table", lambda value: isinstance(value, str) and _FOLDER.fullmatch(value) is not None
)
_FILE: dict[str, Any] = {
    "path": PATH, "rows": COUNT, "sha256": TEXT, "first?": COUNT, "groups?": [(COUNT, COUNT, TEXT)]
}  # fmt: skip
_FILE["base?"] = {"table": _TABLE, "part": _FILE, "columns": [TEXT], "order": [TEXT], "selected": FLAG, "first?": COUNT}
_RECEIPT = {"rows_in": COUNT, "parts": [_FILE], "rejected": [_FILE], "reasons": Each(COUNT), "failed?": COUNT}
SHAPE: Mapping[str, Any] = {
    "fingerprint": TEXT, "task": TEXT, "version": TEXT, "parameters": Each(ANY), "inputs": [TEXT], "columns": [TEXT], "receipt": _RECEIPT,
    "shares?": [_TABLE], "list?": TEXT, "format?": COUNT,
}  # fmt: skip
"""Of a table's manifest as JSON."""


class TableFolder:
    """The folder of one table in a store: its Parquet files, its rejected rows, a commit for each partition, the manifest."""

    def __init__(self, store: Store, task: str, fingerprint: str) -> None:
        self.store, self.name = store, f"{task}-{fingerprint}"
        self.path = f"tables/{self.name}"

    @staticmethod
    def named(store: Store, name: str) -> TableFolder:
        """The folder of a table by its task and fingerprint as one name: `split-3f…`."""
        task, _, fingerprint = name.rpartition("-")
        return TableFolder(store, task, fingerprint)

    @property
    def preparation(self) -> TableFolder:
        """The folder in it for what its units are made with, with receipts of its own."""
        folder = copy(self)
        folder.path = f"{self.path}/{PREPARATION}"
        return folder

    def remove_preparation(self) -> None:
        """Remove what the units of a complete table were made with; what is left where that fails `errata gc` finds."""
        with suppress(OSError):  # another build of the same table removes it, too
            self.store.fs.rm(self.store.full(self.preparation.path), recursive=True)

    def read_manifest(self) -> Manifest | None:
        """The manifest, or None while the table is not complete."""
        path = f"{self.path}/manifest.json"
        value = self.store.read_json(path)
        if value is None:
            return None
        for fault in find_faults(value, SHAPE):
            raise StoreError(f"{self.store.link(path)}: no manifest of a table ({fault}); {AGAIN}")
        try:
            digest = value.pop("list", None)
            receipt = PartitionCommit.of(value["receipt"] | (self._read_list(digest) if digest else {}))
            return Manifest(**{**value, "receipt": receipt})
        except (KeyError, TypeError) as error:
            raise StoreError(f"{self.store.link(path)}: no manifest of a table ({error}); {AGAIN}") from None

    def complete(self, manifest: Manifest) -> None:
        """Make the table visible; who comes second with the same table changes nothing."""
        self.store.create(f"{self.path}/manifest.json", self.format_manifest(manifest))

    def format_manifest(self, manifest: Manifest) -> bytes:
        """The bytes of a manifest; the list of its files is written beside it where they are many."""
        value = {**vars(manifest), "receipt": manifest.receipt.as_json()}
        files = {name: value["receipt"][name] for name in ("parts", "rejected")}
        if sum(map(len, files.values())) > MANY:
            value["list"] = self._write_list(files)
            value["receipt"] |= {"parts": [], "rejected": []}
        return format_canonical_json(value)

    def _write_list(self, files: Mapping[str, list[dict[str, Any]]]) -> str:
        """Write the list of a table's files; its digest."""
        rows = [
            {"kind": kind, "path": file["path"], "rows": file["rows"], "file": format_canonical_json(file).decode()}
            for kind, listed in files.items()
            for file in listed
        ]
        return self.write("parts.parquet", pl.DataFrame(rows)).sha256

    def _read_list(self, digest: str) -> dict[str, list[dict[str, Any]]]:
        rows = self._read_file(ParquetFile("parts.parquet", -1, digest), ["kind", "file"])
        files: dict[str, list[dict[str, Any]]] = {"parts": [], "rejected": []}
        for kind, file in rows.iter_rows():
            files[kind].append(json.loads(file))
        for fault in find_faults(files, {name: [_FILE] for name in files}):
            raise StoreError(f"{self.store.link(f'{self.path}/parts.parquet')}: no list of files ({fault}); {AGAIN}")
        return files

    def compact_receipts(self, receipts: Mapping[str, PartitionCommit]) -> None:
        """Write the receipts of a complete table's units, where they are many, as one file, and remove theirs."""
        if len(receipts) <= MANY:
            return
        rows = [
            {
                "unit": unit, "rows_in": receipt.rows_in, "kept": receipt.rows_kept(), "failed": receipt.failed,
                "rejected": receipt.rows_rejected(), "reasons": format_canonical_json(receipt.reasons).decode(),
            }
            for unit, receipt in receipts.items()
        ]  # fmt: skip
        self.write("receipts.parquet", pl.DataFrame(rows))
        # those of a unit's chunks, `<unit>-<chunk>`, too
        names = (name for name in self.store.names(f"{self.path}/receipts") if name[:-5].split("-")[0] in receipts)
        places = [self.store.full(f"{self.path}/receipts/{name}") for name in names]
        self._remove(places)

    def remove_unnamed(self) -> None:
        """Remove the files of a complete table that its manifest does not name, as they are in others by now; what is left `errata gc` finds."""
        manifest = self.read_manifest()
        assert manifest is not None, "complete"
        named = manifest.list_paths()
        paths = (f"{place}/{name}" for place in PLACES for name in self.store.names(f"{self.path}/{place}"))
        self._remove([self.store.full(f"{self.path}/{path}") for path in paths if path not in named])

    def _remove(self, paths: Sequence[str]) -> None:
        with suppress(OSError):  # another build of the same table may have removed them; what stays harms nobody
            self.store.fs.rm(list(paths))

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
        for fault in () if value is None else find_faults(value, _RECEIPT):
            raise StoreError(f"{self.store.link(path)}: no receipt ({fault}); {AGAIN}")
        return None if value is None else PartitionCommit.of(value)

    def commit(self, unit: str, receipt: PartitionCommit) -> None:
        """Say that a unit has ended."""
        self.store.write(f"{self.path}/receipts/{unit}.json", format_canonical_json(receipt.as_json()))

    def write(self, path: str, frame: pl.DataFrame, base: BaseRows | None = None) -> ParquetFile:
        """Write rows as one Parquet file, but for columns that are read from `base`; the same rows give the same bytes."""
        writer = PartWriter()
        writer.add(frame)
        return self.write_part(path, writer, base)

    def write_part(self, path: str, writer: PartWriter, base: BaseRows | None = None) -> ParquetFile:
        """Write a file that was made piece by piece."""
        part, data = writer.close(path, base)
        self.store.write(f"{self.path}/{path}", data)
        return part

    def read_own(self, part: ParquetFile) -> pl.DataFrame:
        """What the file of a part holds itself: the columns that it does not share; raises what `read` raises."""
        return self.read(replace(part, base=None))

    def read(self, part: ParquetFile, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The rows of a part, each column from the file in which it lies; only files that have one asked for are read.

        Args:
            part: The part, or some of its rows.
            columns: The columns wanted; all unless given.

        Returns:
            The rows.

        Raises:
            StoreError: A file is missing, its bytes are not those that were written, or it does not have the rows and columns
                that the part names.

        """
        try:
            return self._join_columns(part, columns)
        except _UNFIT as error:
            path = self.store.link(f"{self.path}/{part.path}")
            fault = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise StoreError(
                f"{path}: has other rows or columns than its table's manifest says ({fault}); {AGAIN}"
            ) from error

    def _join_columns(self, part: ParquetFile, columns: Sequence[str] | None) -> pl.DataFrame:
        """The rows of a part, of its own file and of those whose columns it shares."""
        base = part.base
        names = list(base.order) if base and columns is None else columns
        shared = [name for name in names or () if base and name in base.columns]
        if base is None or names is None or not shared:
            return self._read_file(part, names)
        own = [name for name in names if name not in shared]
        folder = TableFolder.named(self.store, base.table)
        if not base.selected:
            rows = folder.read(base.part.slice(part.first - base.first, part.rows), shared)
            return (self._read_file(part, own).hstack(rows) if own else rows).select(names)
        held = self._read_file(part, [*own, ROW])
        rows = folder.read(base.part, shared)[held[ROW]]
        return held.drop(ROW).hstack(rows).select(names)

    def _read_file(self, part: ParquetFile, columns: Sequence[str] | None) -> pl.DataFrame:
        """Columns of a part that lie in its own file."""
        path = f"{self.path}/{part.path}"
        try:
            data = self._read_groups(path, part) if part.groups else self.store.read(path)
        except FileNotFoundError:
            raise StoreError(f"{self.store.link(path)}: is missing; {AGAIN}") from None
        if data is None or (not part.groups and hashlib.sha256(data).hexdigest() != part.sha256):
            raise StoreError(f"{self.store.link(path)}: its bytes have changed since it was written; {AGAIN}")
        return parse_rows(data, part, columns)

    def _read_groups(self, path: str, part: ParquetFile) -> bytes | mmap | None:
        """A large file, zero but for the row groups in which rows of a part lie; None where these have changed."""
        ranges = []
        for start, stop, pieces in list_ranges(part):
            read = memoryview(self.store.read_range(path, start, stop))
            if any(digest_bytes(read[begin - start : end - start]) != digest for begin, end, digest in pieces):
                return None
            ranges.append((start, stop, read))
        data = mmap(-1, part.groups[-1].stop)  # what is not written takes no memory
        for start, stop, read in ranges:
            data[start:stop] = read
        return data


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
