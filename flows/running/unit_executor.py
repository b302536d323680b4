"""Where units of work run beside each other: in processes of this machine, or on the nodes of a Ray cluster.

A unit is sent as references and leaves what it makes in the store. While it runs
it reports how far it is; what comes last is its result, or its error with
class, message and cause.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flows.planning.plan import TableJob
from flows.running.partitions import Partition
from flows.running.watcher import Watcher
from schemas.errors import ApplicationError
from tasks.engines.replicas.host import ReplicaHost


class ProcessError(ApplicationError):
    """A process ended in the midst of a unit, or was not started because the build has ended."""


@dataclass(frozen=True)
class Unit:
    """A piece of work for another process, which may run again at any time and leaves the same then."""

    name: str
    """What messages call it: `verified, unit 00003`."""
    call: Callable[..., Any]
    """A function of a module of ours, which is called with the arguments and, last, a watcher; its result is small."""
    arguments: tuple[Any, ...]
    """References: jobs, partitions, files of the store, never rows."""


Message = tuple[str, Any]
"""What a running unit says: `advance` with the arguments of `Watcher.advance`, then `done` with its result or `failed` with its error and cause."""


class UnitExecutor(Protocol):
    """Runs units in other processes, as many side by side as there is room for; safe from threads."""

    count: int
    """Units that run at a time."""
    takes_all: bool
    """Whether it is best given all units of a table at once."""

    @property
    def host(self) -> ReplicaHost | None:
        """Where the replicas of models run beside its units; None for this machine."""

    def should_run(self, job: TableJob, partitions: Sequence[Partition]) -> bool:
        """Whether partitions are to run here, rather than in the process of the build."""

    def run(self, units: Sequence[Unit], watcher: Watcher) -> list[Any]:
        """Run units side by side, and wait for them.

        Args:
            units: What to run.
            watcher: Is notified of how far each is.

        Returns:
            What each returned, in the order of the units.

        Raises:
            Exception: What the first of them that failed raised; no other is begun then.
            ProcessError: A process ended in the midst of one, or the executor is closed.

        """

    def close(self) -> None:
        """End all, also what is at work: a build that fails does not wait for what is of no more use."""


class _Reporter(Watcher):
    """Passes on how far a unit is."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self.send = send

    def advance(self, table: str, rows: int, share: float | None) -> None:
        self.send(("advance", (table, rows, share)))


def run_unit(unit: Unit, send: Callable[[Message], None]) -> None:
    """Run a unit in this process, and send what it says to whoever waits for it; what it raises is sent, too."""
    try:
        send(("done", unit.call(*unit.arguments, _Reporter(send))))
    except Exception as error:
        send(("failed", make_portable(error)))


def make_portable(error: Exception) -> tuple[Exception, BaseException | None]:
    """An error and its cause as they can be raised in another process, where they were raised noted."""
    error.add_note("".join(traceback.format_exception(error)).rstrip())
    try:
        pickle.loads(pickle.dumps((error, error.__cause__)))  # noqa: S301
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}"), None
    return error, error.__cause__
