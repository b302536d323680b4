"""A proxy in front of S3 that misbehaves by a seed: throttling, lost connections, half bodies, listings of some time ago."""

from __future__ import annotations

import http.client
import random
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs, unquote, urlsplit

FAULTS = ("throttled", "failed", "lost before", "lost after", "half body", "half answer", "conflict")
"""What may become of a request; of a half body the server never hears."""
ERRORS = {
    "throttled": (503, "SlowDown"),
    "failed": (500, "InternalError"),
    "conflict": (409, "ConditionalRequestConflict"),
}
NOT_PASSED = {"connection", "transfer-encoding", "date", "server", "content-length"}


@dataclass
class FaultyStore:
    """How it misbehaves, and what it did."""

    server: str
    """Host and port of the sound one."""
    seed: int = 0
    share: float = 0.0
    """Of the requests that go wrong."""
    lag: float = 0.0
    """Seconds for which a listing does not show what was written."""
    done: Counter[str] = field(default_factory=Counter)
    """Faults, by kind."""
    written: dict[str, float] = field(default_factory=dict)
    """When each object was first written."""
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def choose(self, verb: str, conditional: bool) -> str | None:
        """What becomes of a request, if anything."""
        with self.lock:
            if self.chance.random() >= self.share:
                return None
            fault = self.chance.choice(FAULTS)
            if (fault == "half body" and verb != "PUT") or (fault == "conflict" and not conditional):
                fault = "lost before"
            self.done[fault] += 1
            return fault

    def hide(self, path: str, body: bytes) -> bytes:
        """A listing as it was some time ago."""
        bucket = path.split("/")[1]
        now = time.monotonic()

        def is_new(prefix: str) -> bool:
            times = [at for key, at in self.written.items() if key.startswith(f"/{bucket}/{prefix}")]
            return bool(times) and now - min(times) < self.lag

        def drop(match: re.Match[bytes]) -> bytes:
            return b"" if is_new(unquote(match[1].decode())) else match[0]

        body = re.sub(rb"<Contents>.*?<Key>(.*?)</Key>.*?</Contents>", drop, body, flags=re.DOTALL)
        return re.sub(rb"<CommonPrefixes>\s*<Prefix>(.*?)</Prefix>\s*</CommonPrefixes>", drop, body, flags=re.DOTALL)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: FaultyStore

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        fault = self.store.choose(self.command, "If-None-Match" in self.headers)
        body = self.rfile.read(length // 2 if fault == "half body" else length)
        if fault in ("lost before", "half body"):
            self._hang_up()
        elif fault in ERRORS:
            status, code = ERRORS[fault]
            error = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
            self._answer(status, {"Content-Type": "application/xml"}, error.encode())
        else:
            status, headers, answer = self._ask(body)
            if fault == "lost after":
                self._hang_up()
            else:
                self._answer(status, headers, answer, cut=fault == "half answer" and len(answer) > 1)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def _ask(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        connection = http.client.HTTPConnection(self.store.server, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        path = unquote(urlsplit(self.path).path)
        if self.command == "PUT" and response.status == 200:
            self.store.written.setdefault(path, time.monotonic())
        if self.command == "GET" and self.store.lag and "list-type" in parse_qs(urlsplit(self.path).query):
            answer = self.store.hide(f"{path}/", answer)
        return response.status, dict(response.getheaders()), answer

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in NOT_PASSED:
                self.send_header(name, value)
        size = headers.get("Content-Length") or headers.get("content-length") if self.command == "HEAD" else len(body)
        self.send_header("Content-Length", str(size or 0))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A connection that was hung up is one."""


@contextmanager
def misbehave(store: FaultyStore) -> Iterator[str]:
    """The URL of a proxy in front of a server."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"store": store}))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
