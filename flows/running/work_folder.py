"""Folders for what does not fit the memory while a table is made."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from errata.storage import TEMPORARY

from catalog.storage import Store, StoreError

_FULL = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))


@contextmanager
def open_work_folder(store: Store | None = None) -> Iterator[Path]:
    """An empty folder that goes when it is left.

    Args:
        store: Where it is on a disk of this machine, the folder lies in it: there is room for tables. `errata gc` finds
            what a killed build leaves. Else it is where the system has its temporary files (`TMPDIR`).

    Yields:
        The folder.

    """
    place = Path(store.full("")) if store is not None and store.local else None
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=TEMPORARY if place else "errata-", dir=place) as folder:
        yield Path(folder)


@contextmanager
def explain_full_disk(about: str) -> Iterator[None]:
    """Raise `StoreError` where a database in a work folder has no room, be it for its tables or for what a query spills."""
    try:
        yield
    except duckdb.Error as error:  # of many kinds: what writes, commits, or comes after a commit that failed
        is_full = isinstance(error, duckdb.OutOfMemoryException) or any(words in str(error) for words in _FULL)
        if not is_full:
            raise
        raise StoreError(
            f"{about}: what is to be found out of all its rows has no room on the disk ({str(error).splitlines()[0]}); "
            "free some of it, where the store lies or for one that is elsewhere at TMPDIR, and build again"
        ) from error
