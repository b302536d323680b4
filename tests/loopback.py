"""HTTP servers on loopback that stand in for services."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Answers in JSON, and logs nothing."""

    def read_body(self) -> bytes:
        """What was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, value: Any, status: int = 200) -> None:
        """Answer with a value as JSON."""
        self.answer_bytes(json.dumps(value).encode(), status, "application/json")

    def answer_bytes(self, data: bytes, status: int, kind: str) -> None:
        """Answer with bytes of a kind."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serve(handler: Callable[..., BaseHTTPRequestHandler], server_class: type[HTTPServer] = HTTPServer) -> Iterator[str]:
    """Serve until the block ends; gives the URL."""
    server = server_class(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
