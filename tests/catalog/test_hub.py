"""Files of data sets on the Hub, read from a stand-in for it on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from catalog.records.read import read_batches
from catalog.sources import SourceError, find_sources, verify_unchanged
from tests.loopback import Handler, serve

URL = "hf://datasets/us/tests/data/test.jsonl"


@dataclass
class Hub:
    """What the stand-in holds, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refuses: int = 0


def stand_in(hub: Hub) -> type[Handler]:
    """As much of the Hub's HTTP interface as reading a file needs."""

    class HubHandler(Handler):
        def do_GET(self) -> None:
            hub.asked.append(self.path)
            place = self.path.split("?")[0]
            name = place.partition("/resolve/main/")[2]
            if hub.refuses:
                self.answer({"error": "no"}, hub.refuses)
            elif name in hub.files:
                first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
                data = hub.files[name]
                self.answer_bytes(data[int(first) : int(last or len(data)) + 1], 206, "text/plain")
            elif place.startswith("/api/datasets/us/tests/tree/"):
                self.answer([self.describe(path) for path in hub.files])
            elif place in ("/api/datasets/us/tests", "/api/datasets/us/tests/revision/main"):
                self.answer({"id": "us/tests", "sha": "0" * 40, "siblings": []})
            else:
                self.answer({"error": "Repository not found"}, 404)

        def do_POST(self) -> None:
            hub.asked.append(self.path)
            body = self.read_body().decode().replace("%2F", "/")
            self.answer([self.describe(path) for path in hub.files if path in body], hub.refuses or 200)

        def describe(self, path: str) -> dict[str, Any]:
            return {"type": "file", "path": path, "size": len(hub.files[path]), "oid": "0" * 40}

    return HubHandler


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stand-in, running."""
    hub = Hub()
    with serve(stand_in(hub)) as hub.url:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


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
