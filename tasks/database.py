"""DuckDB databases for what must be seen of all rows at once: bounded in memory, and on a disk that is not filled up."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

MEMORY = 512
"""MiB."""
LEAST_OF_A_THREAD = 128
"""MiB: with less for each of its threads a query fails, though there is room to spill."""
SHARE_OF_DISK = 0.8
"""Of what is free on a disk when a database is opened: what it may put there beside its tables, at most."""


def open_database(folder: Path, memory: int = MEMORY) -> duckdb.DuckDBPyConnection:
    """A new database in a folder; what a query cannot hold in memory goes to files beside it.

    Args:
        folder: Where it lies; no other is in it.
        memory: MiB that it holds in memory, at most.

    Returns:
        The open database, to be used in a `with` block.

    """
    spilled = str(folder / "spilled").replace("'", "''")
    room = int(shutil.disk_usage(folder).free * SHARE_OF_DISK)
    threads = max(1, min(os.cpu_count() or 1, memory // LEAST_OF_A_THREAD))
    database = duckdb.connect(str(folder / "rows.duckdb"))
    database.execute(
        f"SET memory_limit = '{memory}MiB'; SET threads = {threads}; SET temp_directory = '{spilled}'; SET max_temp_directory_size = '{room}B'; "
        "SET preserve_insertion_order = false"
    )
    return database
