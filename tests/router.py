"""Stand-ins for replicas of `vllm serve` behind a router: servers on loopback, of which each answers when enough of them are asked."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine
from contextlib import closing, suppress
from itertools import count
from threading import Thread
from typing import Any, Self

CHAT = {"message": {"role": "assistant", "content": "four"}, "finish_reason": "stop", "index": 0}
ANSWER = {"choices": [CHAT], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
REFUSALS = 4
"""How often a router says that a server is gone; fewer than the attempts of a request."""


class RoutedServers:
    """A router that hands requests to its servers in turn; for one that is gone it says 502 a few times, and asks it no more.

    Args:
        servers: How many.
        together: Nobody is answered before so many requests have been under way at once.

    """

    def __init__(self, servers: int, together: int = 1) -> None:
        self.answered: Counter[int] = Counter()
        """Answers by server."""
        self.most = 0
        """Requests under way at once."""
        self._servers, self._together, self._under_way = servers, together, 0
        self._turns = count()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._open: list[asyncio.Server] = []
        self._ports: list[int] = []
        self._gone: Counter[int] = Counter()
        self._writers: list[asyncio.StreamWriter] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._enough = asyncio.Event()
        for number in range(self._servers):
            self._run(self._listen(number))
        self.url = f"http://127.0.0.1:{self._run(self._listen(None))}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        for server in self._open:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        while any(writer.transport.get_extra_info("socket").fileno() >= 0 for writer in self._writers):
            await asyncio.sleep(0.01)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def stop(self, number: int) -> None:
        """End a server: the router finds it gone from now on."""
        self._loop.call_soon_threadsafe(self._gone.update, [number])

    async def _listen(self, number: int | None) -> int:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.append(writer)
            with suppress(ConnectionError, asyncio.CancelledError), closing(writer):
                while request := await _read(reader):
                    status, content = await (self._route(request) if number is None else self._answer(number))
                    writer.write(_head(f"HTTP/1.1 {status} Said", content) + content)
                    await writer.drain()

        server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=4096)
        self._open.append(server)
        port: int = server.sockets[0].getsockname()[1]
        self._ports.append(port)
        return port

    async def _route(self, request: bytes) -> tuple[int, bytes]:
        number = next(turn for each in self._turns if self._gone[turn := each % self._servers] <= REFUSALS)
        if number in self._gone:
            self._gone[number] += 1
            return 502, b'{"error": {"message": "no server"}}'
        reader, writer = await asyncio.open_connection("127.0.0.1", self._ports[number])
        self._writers.append(writer)
        with closing(writer):
            writer.write(_head("POST /v1/chat/completions HTTP/1.1", request) + request)
            content = await _read(reader)
        return (200, content) if content else (502, b"{}")

    async def _answer(self, number: int) -> tuple[int, bytes]:
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        if self._under_way >= self._together:
            self._enough.set()
        await self._enough.wait()
        self._under_way -= 1
        self.answered[number] += 1
        return 200, json.dumps(ANSWER).encode()


def _head(first: str, content: bytes) -> bytes:
    return f"{first}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """The content of the next message; empty at the end of the connection, and for a question without any."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    return await reader.readexactly(lengths[0]) if lengths else b""
