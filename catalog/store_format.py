"""The format of a store: which form its tables have, what becomes of those of an older form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from catalog.storage import Store, StoreError
from catalog.tables import FORMAT, TableFolder, format_canonical_json

FILE = "store.json"


def read_format(store: Store) -> int:
    """The format of a store's tables: as it says, else that of a complete one; the newest of a store without tables."""
    value = store.read_json(FILE)
    if value is None:
        names = store.names("tables")
        manifests = (store.read_json(f"tables/{name}/manifest.json") for name in names)
        value = next(filter(None, manifests), {"format": 1 if names else FORMAT})
    number = value.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise StoreError(f'{store.link(FILE)}: says no format; expected {{"format": {FORMAT}}}')
    return number


def check_format(store: Store) -> None:
    """Raise `StoreError` where a store's tables are of another format than this program's."""
    number = read_format(store)
    if number < FORMAT:
        raise StoreError(
            f"store {store.url}: its tables are of format {number}, this Errata has format {FORMAT}; "
            f"`errata migrate --store {store.url}` makes them so, or give another place with --store"
        )
    if number > FORMAT:
        raise StoreError(
            f"store {store.url}: its tables are of format {number}, this Errata has format {FORMAT}; "
            "take a newer Errata, or give another place with --store"
        )


def mark_format(store: Store) -> None:
    """Write down the format of a store in which tables are begun, whose format has been checked."""
    if not store.exists(FILE):
        store.create(FILE, format_canonical_json({"format": FORMAT}))


@dataclass(frozen=True)
class Migrated:
    """What became of a table."""

    path: str
    complete: bool
    """It is of the new format; else it was not complete, and was removed."""


def migrate_store(store: Store) -> Iterator[Migrated]:
    """Bring a store's tables to this program's format; killed at any moment, it can be run again.

    The parts of a complete table stay as they are, its manifest is written
    anew. Of the first format a table that was not complete goes: what its units
    are has changed, and what models answered for it is in the ledger.

    Args:
        store: The store; no build may be at work in it.

    Yields:
        Each table.

    Raises:
        StoreError: The store is of a newer format, or a manifest cannot be read.

    """
    if read_format(store) > FORMAT:
        check_format(store)
    if read_format(store) == FORMAT:
        return
    before = read_format(store)
    store.create(FILE, format_canonical_json({"format": before}))  # until all are migrated
    for name in store.names("tables"):
        folder = TableFolder.named(store, name)
        manifest = folder.read_manifest()
        if manifest is not None:
            store.write(f"{folder.path}/manifest.json", folder.format_manifest(replace(manifest, format=FORMAT)))
        elif before == 1:
            store.fs.rm(store.full(folder.path), recursive=True)
        else:
            continue
        yield Migrated(folder.path, manifest is not None)
    store.write(FILE, format_canonical_json({"format": FORMAT}))
