"""What a test runs on the head of a cluster: `python -m tests.ray.drive tables RECIPE STORE PLACE`, or `fail PLACE`; prints JSON."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from catalog.sources import SourceError
from catalog.storage import Store
from flows.planning.plan import make_plan
from flows.running import process_pool
from flows.running.run_plan import materialize
from flows.running.unit_executor import Unit
from flows.running.units_on import describe_place, open_unit_executor
from flows.running.watcher import NOBODY, Watcher


class Diary(Watcher):
    """Takes down the rows that units were at."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    def advance(self, table: str, rows: int, share: float | None) -> None:
        self.rows[table] = self.rows.get(table, 0) + rows
        print(f"at work on {table}", file=sys.stderr, flush=True)


def make_tables(recipe: str, store: str, place: str) -> dict[str, Any]:
    """Make the tables of a recipe, all of whose units run in other processes."""
    process_pool.ROWS = 1
    plan, diary = make_plan(recipe, None, store), Diary()
    where = describe_place(place, plan)
    units, reached = open_unit_executor(place, plan)
    done = materialize(reached, watcher=diary, units=units).done
    kept = {name: table.receipt.rows_kept() for name, table in done.items()}
    return {"rows": diary.rows, "kept": kept, "where": where, "files": list_files(store)}


def list_files(store: str) -> dict[str, str]:
    """The SHA-256 of each file of the tables of a store, by its path."""
    place = Store(store)
    paths = [str(path)[len(place.root) + 1 :] for path in place.fs.find(place.full("tables"))]
    return {path: hashlib.sha256(place.read(path)).hexdigest() for path in paths}


def raise_error(_: Watcher) -> None:
    """A unit that fails."""
    try:
        raise OSError(28, "No space left on device")
    except OSError as error:
        raise SourceError("a.jsonl: cannot be read") from error


def fail(recipe: str, store: str, place: str) -> dict[str, Any]:
    """Run a unit that fails, and say what comes of it."""
    from tests.ray import drive  # by the name that nodes know it by

    units, _ = open_unit_executor(place, make_plan(recipe, None, store))
    with closing(units):
        try:
            units.run([Unit("t, unit 0", drive.raise_error, ())], NOBODY)
        except SourceError as error:
            return {"error": str(error), "cause": repr(error.__cause__), "notes": "".join(error.__notes__)}
    raise AssertionError


VERBS: dict[str, Callable[..., dict[str, Any]]] = {"tables": make_tables, "fail": fail}


def main(what: str, *arguments: str) -> None:
    """Do it, and print what came of it; an error that people can mend is one line."""
    try:
        value = VERBS[what](*arguments)
    except Exception as error:
        value = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(value))


if __name__ == "__main__":
    assert Path("flows").is_dir(), "run it in the root of the repository"
    main(*sys.argv[1:])
