"""Files that units write for a table before it is complete, in its folder of preparation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from catalog.parts import ParquetFile
from flows.planning.plan import TableJob
from flows.running.unit_executor import Unit, UnitExecutor
from flows.running.watcher import Watcher


def make_files(
    job: TableJob, what: str, call: Callable[..., list[ParquetFile]], arguments: Sequence[tuple[Any, ...]],
    units: UnitExecutor | None, watcher: Watcher,
) -> list[ParquetFile]:  # fmt: skip
    """The files that calls write, in their order; those that have ended before are not made again.

    Args:
        job: The table.
        what: What the calls are named after, with their number.
        call: Writes files and commits them under its name: it is called with some arguments, its name and a watcher.
        arguments: Those of each call.
        units: What runs the calls in other processes; all are made here unless given.
        watcher: Is notified of how far each is.

    Returns:
        All that was written.

    """
    folder = job.folder().preparation
    names = [f"{what}-{number:05d}" for number in range(len(arguments))]
    commits = {name: folder.read_commit(name) for name in names}
    todo = [
        Unit(f"{job.name}, {name}", call, (*given, name))
        for name, given in zip(names, arguments)
        if commits[name] is None
    ]
    if units is None:
        made = [unit.call(*unit.arguments, watcher) for unit in todo]
    else:
        made = units.run(todo, watcher)
    files = iter(made)
    written = [commit.parts if commit else next(files) for commit in commits.values()]
    return [file for some in written for file in some]
