"""The engine `llama`: a GGUF model in a llama.cpp server that is started, asked and ended by us."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any

import httpx

from schemas.recipe.models import LlamaCpp
from schemas.request import EngineError, Message, Reply, Request
from tasks.engines.llama.gguf import WITHOUT_TEMPLATE, read_model_file
from tasks.engines.llama.protocol import (
    REFUSED,
    REFUSED_BY_TEMPLATE,
    make_body,
    make_template_body,
    read_completion,
    read_refusal,
)
from tasks.engines.llama.server import LlamaServer, PortTakenError
from tasks.engines.openai.async_bridge import Background, Put

_LOG = logging.getLogger(__name__)
_CONNECT = 30.0
PORTS = 3
"""Ports that are tried, where others take them first."""
Conversation = tuple[tuple[Message, ...], str]
"""Messages, and the arguments of the template."""


class ServerLost(Exception):
    """The server closed a connection without an answer."""


class LlamaEngine:
    """Answers requests by a model that llama.cpp holds, loaded at `load` or when first asked, until it is closed.

    Safe from threads. A server that dies is started again, once for the same
    requests. Raises `EngineError` where the file is no GGUF.
    """

    def __init__(self, model: LlamaCpp, *, loading: float = 1800) -> None:
        """Seconds that loading may take."""
        self.model = model
        self.name = "llama.cpp"  # with its build once it runs
        self.logs: Path | None = None
        """See `schemas.engine.LoggedEngine`."""
        self._seconds = loading
        self._loading, self._lock = Lock(), Lock()
        self._server: LlamaServer | None = None
        self._background = Background()
        self._slots = asyncio.Semaphore(model.batch)
        self._closed = False
        self._has_template = read_model_file(model.model).has_chat_template

    @property
    def loaded(self) -> bool:
        """Whether it would answer at once."""
        server = self._server
        return server is not None and bool(server.build) and server.alive

    def load(self, requests: Sequence[Request] = ()) -> None:
        """Load the model unless it is loaded; see `schemas.engine.LoadingEngine`.

        Args:
            requests: What it is to answer; it is loaded alike for all.

        Raises:
            EngineError: It cannot be loaded, or the engine was closed.

        """
        self._find_server()

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Give one reply for each request, in the order in which they end.

        Where a prompt and its completion meet the end of the context, the
        completion is cut there, before its own limit.

        Args:
            requests: Requests to this model.

        Yields:
            The replies.

        Raises:
            EngineError: The server cannot go on, or the engine was closed.

        """
        if not self._has_template and any(request.options.api == "chat" for request in requests):
            raise EngineError(f"model {self.model.model!r} (llama): {WITHOUT_TEMPLATE}")
        left = dict(enumerate(requests))
        lost: set[int] = set()
        while left:
            server = self._find_server()
            asked = dict(left)
            try:
                for number, reply in self._background.stream(
                    partial(self._ask_all, server, asked), room=2 * self.model.batch
                ):
                    del left[number]
                    yield reply
            except ServerLost as error:
                server.close()
                problem = server.make_error(str(error))
                if self._closed:
                    raise self._make_closed_error() from None
                if lost == left.keys():  # one of them is what ends it
                    raise problem from None
                lost = set(left)
                _LOG.warning("%s\nIt is started again.", problem)

    def close(self) -> None:
        """End the server for good; its memory is free when this returns."""
        with self._lock:
            self._closed = True
            server = self._server
        if server:
            server.close()
        self._background.close(_end)

    def _find_server(self) -> LlamaServer:
        """The server, started and loaded by whoever comes first."""
        with self._loading:
            if not self.loaded:
                self._start_server()
            assert self._server
            return self._server

    def _start_server(self, ports: int = PORTS) -> None:
        """Start the server and wait until it is loaded; on another port where another program takes its own."""
        with self._lock:
            if self._closed:
                raise self._make_closed_error()
            server = self._server = LlamaServer(self.model, self.logs)
        try:
            server.wait_until_ready(self._seconds)
        except EngineError as error:
            server.close()
            if isinstance(error, PortTakenError) and ports > 1 and not self._closed:
                self._start_server(ports - 1)
                return
            raise self._make_closed_error() if self._closed else error from None
        self.name = f"llama.cpp {server.build}"

    def _make_closed_error(self) -> EngineError:
        problem = "the engine was closed, because the build has ended; build again"
        return EngineError(f"model {self.model.model!r} (llama): {problem}")

    async def _ask_all(self, server: LlamaServer, requests: Mapping[int, Request], put: Put[tuple[int, Reply]]) -> None:
        """Ask for all, as many at once as the server has slots."""
        waiting = iter(requests.items())
        prompts = dict[Conversation, str]()
        timeout = httpx.Timeout(None, connect=_CONNECT)
        async with httpx.AsyncClient(
            base_url=server.url, headers=server.headers, timeout=timeout, trust_env=False
        ) as client:

            async def work() -> None:
                for number, request in waiting:
                    async with self._slots:
                        reply = await self._reply(client, request, prompts)
                    await put((number, reply))

            try:
                async with asyncio.TaskGroup() as workers:
                    for _ in range(self.model.batch):
                        workers.create_task(work())
            except ExceptionGroup as group:
                raise group.exceptions[0] from None

    async def _reply(self, client: httpx.AsyncClient, request: Request, prompts: dict[Conversation, str]) -> Reply:
        """One request; `prompts` are the conversations that are texts already."""
        key = request.messages, request.options.template
        if request.options.api == "completions":
            prompt = "\n\n".join(message.content for message in request.messages)
        elif (known := prompts.get(key)) is None:
            response = await _post(client, "/apply-template", make_template_body(request))
            value = _read_object(response)
            if response.status_code != HTTPStatus.OK or not isinstance(value.get("prompt"), str):
                return read_refusal(request, response.content, REFUSED_BY_TEMPLATE)
            prompt = prompts[key] = value["prompt"]
        else:
            prompt = known
        response = await _post(client, "/completion", make_body(request, prompt))
        if response.status_code != HTTPStatus.OK:
            return read_refusal(request, response.content, REFUSED)
        return read_completion(request, prompt, _read_object(response), self.name, self.model.price)


async def _post(client: httpx.AsyncClient, path: str, body: Mapping[str, Any]) -> httpx.Response:
    try:
        response = await client.post(path, json=body)
    except httpx.HTTPError as error:
        raise ServerLost(f"its server gave no answer ({type(error).__name__})") from None
    if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND):  # another program has its port
        raise ServerLost(f"its server answered {response.status_code}")
    return response


def _read_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in a response; empty where there is none."""
    try:
        value = response.json()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


async def _end() -> None:
    """Nothing is left to end."""
