"""The database of a viewer, whose copies go on beside it."""

from pathlib import Path

import duckdb

from flows.viewing.database import ViewDatabase


def test_it_is_closed_though_a_copy_ends_at_that_very_moment() -> None:
    database = ViewDatabase()
    database.copy("numbers", "SELECT 0 AS errata_number")
    with database.connect("numbers") as cursor:
        assert cursor.execute("SELECT count(*) FROM numbers").fetchall() == [(1,)]
    ended = duckdb.connect()
    ended.close()
    database._running = ended
    folder = Path(database.folder.name)
    database.close()
    assert not folder.exists()
