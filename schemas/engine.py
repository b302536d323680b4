"""Engines: what answers requests, and what the runner may ask of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from schemas.request import Reply, Request

Spent = Callable[[], tuple[int, float]]
"""Gives the tokens and the money that were spent on a model before."""


class Engine(Protocol):
    """What answers requests: an embedded model, vLLM, an endpoint, or a record of earlier answers.

    One is opened for one model of a build, shared by the tables that ask it,
    on any number of threads at once, and closed at the end of the build or
    where another model needs its room.
    """

    name: str
    """The engine's name and version, as completions bear it."""

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Give one reply for each request, in any order, each as soon as it is there.

        Several threads may ask at once; each is given the replies to its own requests.

        Args:
            requests: Requests to the model that the engine was opened for.

        Returns:
            The replies. Closing the iterator early stops the work that is under way for it, and no other.

        Raises:
            EngineError: The model cannot be asked at all.

        """
        ...

    def close(self) -> None:
        """Give back what the engine holds (processes, connections, memory), also while it is asked, and for good. May be called twice."""
        ...


@runtime_checkable
class ProbedEngine(Engine, Protocol):
    """An engine of which it must be tried whether its answers go on with beginnings (`tasks.llm.continuation`)."""

    def find_server(self) -> str:
        """Where it asks and what answers there, as far as that is told for nothing: probes hold for it."""
        ...


@runtime_checkable
class LoggedEngine(Protocol):
    """An engine whose program prints what it does."""

    logs: Path | None
    """The folder where that is kept, a file for each program that it starts; None keeps nothing but the last lines."""


@runtime_checkable
class LoadingEngine(Engine, Protocol):
    """An engine whose model is loaded before it answers, which takes time and room: vLLM, a server of llama.cpp.

    It owns processes. They end when it is closed, and with the process that
    opened it, however that ends; where one of them dies while it answers, the
    engine starts it again, once for the same requests, and goes on. What a
    model needs to be loaded beside others is said by `room` of its declaration.
    """

    @property
    def loaded(self) -> bool:
        """Whether it would answer at once."""
        ...

    def load(self, requests: Sequence[Request] = ()) -> None:
        """Load the model unless it is loaded, and return when it can answer; who calls meanwhile waits, too.

        Args:
            requests: What it is to answer, as far as that is known: some may need it loaded otherwise than most.

        Raises:
            EngineError: It cannot be loaded, or the engine was closed.

        """
        ...
