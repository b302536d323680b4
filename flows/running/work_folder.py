"""Folders for what does not fit the memory while a table is made."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errata.storage import TEMPORARY

from catalog.storage import Store


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
