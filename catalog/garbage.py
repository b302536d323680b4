"""What killed publishers and builds left behind: staged folders, releases without a manifest, temporary files.

Nothing that a manifest refers to is garbage: a folder of a release counts only
while it has no manifest, and only when nothing was written to it for a while.
What a table was prepared with is garbage as soon as the table is complete, and
so are files that it does not name: those that were put together in larger ones.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from errata.release.names import EXACT, NAME
from errata.storage import TEMPORARY

from catalog.storage import Store, StoreError
from catalog.tables import PLACES, PREPARATION, TableFolder

_MANIFEST = re.compile(r"tables/[^/]+/manifest\.json")
_PREPARED = re.compile(
    # folders and receipts beside the folder of preparation are of programs before there was one
    rf"(tables/[^/]+)/(?:{PREPARATION}|shares|decision|joined|narrow|sent|receipts/(?:decided|joined|share|sent)(?:-[^/]*)?\.json)(?=/|$)"
)
_PARQUET = re.compile(rf"(tables/[^/]+)/((?:{'|'.join(PLACES)})/[^/]+\.parquet)")


@dataclass(frozen=True)
class Garbage:
    """Something that nobody refers to."""

    path: str
    """Below the store; a file or a folder."""
    what: str
    files: int
    size: int
    """Bytes."""
    hours: float
    """Since it was last written to."""


def find_garbage(store: Store, older_than: float, now: datetime | None = None) -> list[Garbage]:
    """The garbage of a store that nobody wrote to in the last `older_than` hours, by its path."""
    now = now or datetime.now(UTC)
    try:
        store.fs.invalidate_cache()
        listing: dict[str, dict[str, Any]] = store.fs.find(store.full(""), detail=True, withdirs=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"store {store.url}: cannot be listed ({error}); nothing was removed") from error
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    paths = {str(path)[len(store.root) :].strip("/"): info for path, info in listing.items()}
    released = {
        folder for path in paths if path != (folder := path.removesuffix("/manifest.json")) and _release(folder)
    }
    complete = {path.removesuffix("/manifest.json") for path in paths if _MANIFEST.fullmatch(path)}
    named = {table: _list_files(store, table) for table in complete}
    for path, info in paths.items():
        if key := _find_garbage(path, released) or _find_preparation(path, complete) or _find_unnamed(path, named):
            groups[key].append(info)
    sized = (Garbage(path, what, *_measure(infos, now)) for (path, what), infos in sorted(groups.items()))
    return [piece for piece in sized if piece.hours >= older_than]


def _release(path: str) -> bool:
    """Whether this is the folder of a release."""
    parts = path.split("/")
    return len(parts) == 3 and parts[0] == "releases" and bool(NAME.fullmatch(parts[1]) and EXACT.fullmatch(parts[2]))


def _find_garbage(path: str, released: set[str]) -> tuple[str, str] | None:
    """The garbage that a path belongs to, and what it is; None where it is none."""
    parts = path.split("/")
    folder = "/".join(parts[:3])
    if _release(folder):
        if folder not in released:
            return folder, "a release without manifest"
        return None  # all of a release is its own, the mark of its publisher too
    for depth, part in enumerate(parts):
        if part.startswith(TEMPORARY):
            return "/".join(parts[: depth + 1]), "a staged release" if parts[
                0
            ] == "releases" and depth == 2 else "a temporary file"
    return None


def _find_preparation(path: str, complete: set[str]) -> tuple[str, str] | None:
    """What a complete table was prepared with, that a path belongs to."""
    match = _PREPARED.match(path)
    return (match[0], "what a complete table was prepared with") if match and match[1] in complete else None


def _list_files(store: Store, path: str) -> set[str] | None:
    """The files that a complete table's manifest names; None where it cannot be read, so that nothing of the table is garbage."""
    try:
        manifest = TableFolder.named(store, path.removeprefix("tables/")).read_manifest()
    except StoreError:
        return None
    return manifest.list_paths() if manifest else None


def _find_unnamed(path: str, named: dict[str, set[str] | None]) -> tuple[str, str] | None:
    """The file of a complete table that a path is, where the table does not name it: its rows are in another."""
    match = _PARQUET.fullmatch(path)
    files = named.get(match[1]) if match else None
    return (path, "a file that its table does not name") if match and files and match[2] not in files else None


def _measure(infos: list[dict[str, Any]], now: datetime) -> tuple[int, int, float]:
    """Files, bytes, and hours since the last was written."""
    files = [info for info in infos if info["type"] == "file"]
    ages = [(now - written).total_seconds() / 3600 for info in infos if (written := _read_time(info))]
    return len(files), sum(int(info.get("size") or 0) for info in files), max(0.0, min(ages, default=0.0))


def _read_time(info: dict[str, Any]) -> datetime | None:
    """When something was last written, as file systems tell it."""
    time = next((info[name] for name in ("LastModified", "mtime", "last_modified", "created") if info.get(name)), None)
    if isinstance(time, int | float):
        return datetime.fromtimestamp(time, UTC)
    if isinstance(time, datetime):
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    return None


def remove(store: Store, pieces: list[Garbage]) -> Iterator[Garbage]:
    """Remove garbage, each piece as it is yielded; one that has become a release meanwhile is left."""
    for piece in pieces:
        if _release(piece.path) and store.exists(f"{piece.path}/manifest.json"):
            continue
        try:
            store.fs.rm(store.full(piece.path), recursive=True)
        except FileNotFoundError:
            continue  # its publisher, or another who tidies up, was first
        except OSError as error:
            raise StoreError(f"{store.link(piece.path)}: cannot be removed ({error.strerror or error})") from error
        yield piece
