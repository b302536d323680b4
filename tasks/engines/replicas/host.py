"""Where the processes of replicas run, if that is not this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tasks.worker_process import WorkerHandle, WorkerProcess

Launch = Callable[[], WorkerProcess]
"""Starts the process of a replica on the machine that it is called on; it can be sent there."""


class ReplicaHost(Protocol):
    """Other machines, on which the processes of replicas are started."""

    name: str
    """What messages call it: `ray://10.0.0.1:6379`."""

    def count_gpus(self) -> int:
        """The GPUs of all machines."""

    def count_places(self, gpus: int) -> int:
        """How many replicas have place beside each other, with so many GPUs of one machine each; with a processor each for 0."""

    def start(self, launch: Launch, gpus: int) -> WorkerHandle:
        """Start the process of a replica on a machine that has place for it; returns at once.

        Args:
            launch: What starts it there.
            gpus: The GPUs that it has for itself.

        Returns:
            The process; one that cannot be started ends.

        """
