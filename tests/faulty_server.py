"""A server of chat completions that goes wrong by a script, and counts what it served."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Literal, Self

HANG_UP = 30.0
"""Seconds after which a stalled connection is given up, whatever the client does."""


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    body: dict[str, Any]
    attempt: int
    """How often this one (its messages and seed) came before."""
    number: int
    """How many came before, whichever."""
    authorization: str | None
    at: float
    """Seconds on the monotonic clock."""

    @property
    def text(self) -> str:
        """The last message of the user, or the text that is to be gone on with."""
        if "prompt" in self.body:
            return str(self.body["prompt"])
        return str([message["content"] for message in self.body["messages"] if message["role"] == "user"][-1])


@dataclass(frozen=True)
class Act:
    """What the server does: a response, sent whole or in some bad way."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    how: Literal["whole", "cut", "drip", "reset", "stall", "raw", "torn", "endless"] = "whole"
    """`raw`: the content is all that goes out, head and all; `torn`: half of it, then a reset; `endless`: it is sent again and again."""
    answers: bool = False
    """Whether it is a completion, which is to reach a client once only."""


def completion(text: str | None, finish: str | None = "stop", **more: Any) -> Act:
    """A completion; `more` replaces fields of the response."""
    message = {"role": "assistant", "content": text}
    value = {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }
    return Act(json.dumps(value | more).encode(), answers=True)


def problem(status: int, message: str = "", headers: dict[str, str] | None = None, **more: Any) -> Act:
    """An error as OpenAI gives it; `more` are fields beside the message."""
    return Act(json.dumps({"error": {"message": message} | more}).encode(), status, headers or {})


Script = Callable[[Asked], Act]


class FaultyServer(ThreadingHTTPServer):
    """Follows a script on a free port of loopback, while it is entered."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, script: Script, owner: str = "", tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(
                self.socket, server_side=True
            )  # who breaks off in the handshake never gets in
        self.script = script
        self.owner = owner
        self.asked: list[Asked] = []
        self.served: Counter[str] = Counter()
        self.hung_up = 0
        self.most = 0
        self._attempts: Counter[str] = Counter()
        self._under_way = 0
        self._lock = Lock()
        self._thread = Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    @contextmanager
    def handled(self, body: dict[str, Any], authorization: str | None) -> Iterator[Asked]:
        """Count a request while it is handled."""
        mark = json.dumps([body.get("messages", body.get("prompt")), body.get("seed")])
        with self._lock:
            asked = Asked(body, self._attempts[mark], len(self.asked), authorization, time.monotonic())
            self._attempts[mark] += 1
            self.asked.append(asked)
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        try:
            yield asked
        finally:
            with self._lock:
                self._under_way -= 1

    def sent(self, text: str) -> None:
        """Count a completion that went out whole."""
        with self._lock:
            self.served[text] += 1

    def left(self) -> None:
        """Count a client that hung up while it was made to wait."""
        with self._lock:
            self.hung_up += 1

    def shutdown_request(self, request: Any) -> None:
        """Close without a farewell, so that a reset is one."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go away."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            raise


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def do_GET(self) -> None:
        """The list of models, which some sign."""
        content = json.dumps({"data": [{"id": "any", "owned_by": self.server.owner}]}).encode()
        self.connection.sendall(self._head(Act(content, 200 if self.server.owner else 404)) + content)

    def do_POST(self) -> None:
        content = self.rfile.read(length := int(self.headers["Content-Length"]))
        if len(content) < length:  # the client went away
            self.close_connection = True
            return
        body = json.loads(content)
        with self.server.handled(body, self.headers["Authorization"]) as asked:
            act = self.server.script(asked)
        if act.how in ("reset", "torn"):
            if act.how == "torn":
                self.connection.sendall(self._head(act) + act.content[: len(act.content) // 2])
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif act.how in ("raw", "endless"):
            self.close_connection = True
            self.connection.sendall(act.content if act.how == "raw" else self._head(act))
            until = time.monotonic() + HANG_UP
            while act.how == "endless" and time.monotonic() < until:
                self.connection.sendall(act.content)
        elif act.how == "stall":
            self._stall(b"")
        elif act.how == "drip":
            self._stall(self._head(act))
        else:
            self._send(asked, act)

    def _head(self, act: Act) -> bytes:
        headers = {"Content-Type": "application/json", "Content-Length": str(len(act.content))} | act.headers
        lines = [f"HTTP/1.1 {act.status} Said", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    def _send(self, asked: Asked, act: Act) -> None:
        if act.how == "cut":
            self.close_connection = True
            self.connection.sendall(self._head(act) + act.content[: len(act.content) // 2])
            return
        gone = self._gone()
        self.connection.sendall(self._head(act) + act.content)
        if act.answers and not gone:
            self.server.sent(asked.text)

    def _gone(self) -> bool:
        """Whether the client did not wait; behind TLS it is not seen."""
        if isinstance(self.connection, ssl.SSLSocket):
            return False
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False

    def _stall(self, start: bytes) -> None:
        """Send so much and then a space now and then, or nothing, until the client hangs up."""
        self.close_connection = True
        self.connection.settimeout(0.05 if start else HANG_UP)
        self.connection.sendall(start)
        until = time.monotonic() + HANG_UP
        while time.monotonic() < until:
            try:
                self.connection.recv(1)
            except TimeoutError:
                self.connection.sendall(b" ")
                continue
            except ConnectionError:
                pass
            self.server.left()
            return

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
