"""Files of data sets on the Hub, read from a stand-in for it on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from catalog.sources import SourceError, find_sources, read_batches, verify_unchanged

URL = "hf://datasets/us/tests/data/test.jsonl"


@dataclass
class Hub:
    """What the stand-in holds, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refuses: int = 0


def stand_in(hub: Hub) -> type[BaseHTTPRequestHandler]:
    """As much of the Hub's HTTP interface as reading a file needs."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self, data: bytes, status: int = 200, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            hub.asked.append(self.path)
            place = self.path.split("?")[0]
            name = place.partition("/resolve/main/")[2]
            if hub.refuses:
                self.answer(b'{"error": "no"}', hub.refuses)
            elif name in hub.files:
                first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
                data = hub.files[name]
                self.answer(data[int(first) : int(last or len(data)) + 1], 206, "text/plain")
            elif place.startswith("/api/datasets/us/tests/tree/"):
                self.answer(json.dumps([self.told(path) for path in hub.files]).encode())
            elif place in ("/api/datasets/us/tests", "/api/datasets/us/tests/revision/main"):
                self.answer(json.dumps({"id": "us/tests", "sha": "0" * 40, "siblings": []}).encode())
            else:
                self.answer(b'{"error": "Repository not found"}', 404)

        def do_POST(self) -> None:
            hub.asked.append(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode().replace("%2F", "/")
            told = [self.told(path) for path in hub.files if path in body]
            self.answer(json.dumps(told).encode(), hub.refuses or 200)

        def told(self, path: str) -> dict[str, Any]:
            return {"type": "file", "path": path, "size": len(hub.files[path]), "oid": "0" * 40}

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stand-in, running."""
    found = Hub()
    server = HTTPServer(("127.0.0.1", 0), stand_in(found))
    found.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", found.url)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def rows(url: str = URL) -> list[Any]:
    return [record.value for source in find_sources(url, url) for batch, _ in read_batches(source) for record in batch]


def test_a_file_of_a_data_set_is_read_from_the_hub(hub: Hub) -> None:
    hub.files["data/test.jsonl"] = b'{"question": "one?"}\n{"question": "two?"}\n'
    assert rows() == [{"question": "one?"}, {"question": "two?"}]
    assert any("/resolve/main/data/test.jsonl" in path for path in hub.asked)


def test_a_file_that_has_changed_on_the_hub_is_seen(hub: Hub) -> None:
    hub.files["data/test.jsonl"] = b'{"question": "one?"}\n'
    (source,) = find_sources(URL, URL)
    verify_unchanged(source)
    hub.files["data/test.jsonl"] = b'{"question": "another one?"}\n'
    with pytest.raises(SourceError, match="has changed while it was read"):
        verify_unchanged(source)


def test_a_file_that_is_not_there_and_a_hub_that_refuses_are_told(hub: Hub) -> None:
    hub.files["data/other.jsonl"] = b"{}\n"
    with pytest.raises(SourceError, match=r"no such file at hf://datasets/us/tests/data/test.jsonl"):
        find_sources(URL, URL)
    hub.refuses = 403
    with pytest.raises(SourceError, match=r"the Hub does not give it \(.*403.*HF_TOKEN"):
        find_sources(URL, URL)


def test_a_hub_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match=r"test.jsonl: the Hub does not give it \(.*refused.*HF_ENDPOINT"):
        find_sources(URL, URL)
