"""Publishing outward: to other stores, and to a stand-in for the Hugging Face Hub on loopback."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import errata
import fsspec
import pytest
from errata import ErrataError, Unreadable

from catalog.publish.publish import PublishError
from catalog.storage import StoreError
from flows.publishing.push import push
from tests.client.conftest import flip, put, splits
from tests.loopback import Handler, serve


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with `tiny` 1.0.0."""
    put(str(tmp_path / "store"), "tiny", "1.0.0", splits("1.0.0"))
    return str(tmp_path / "store")


@dataclass
class Hub:
    """What the stand-in was told."""

    url: str = ""
    repositories: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    refuses: int = 0

    def commit(self, body: bytes) -> None:
        """Take in the files of a commit, and what it deletes."""
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "deletedFile":
                self.deleted.append(line["value"]["path"])


def stand_in(hub: Hub) -> type[Handler]:
    """As much of the Hub's HTTP interface as an upload of a folder needs."""

    class HubHandler(Handler):
        def do_GET(self) -> None:
            if hub.refuses:
                return self.answer({"error": "no"}, hub.refuses)
            if self.path.endswith("/refs") or "/refs?" in self.path:
                tags = [{"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": oid} for tag, oid in hub.tags.items()]
                return self.answer({"branches": [], "converts": [], "tags": tags})
            if "/tree/" in self.path:
                return self.answer([{"type": "file", "path": path, "size": 1, "oid": "0"} for path in hub.files])
            return self.answer(
                {"id": "us/tiny", "siblings": [{"rfilename": path} for path in hub.files], "sha": "0" * 40}
            )

        def do_POST(self) -> None:
            body = self.read_body()
            if hub.refuses:
                return self.answer({"error": "no"}, hub.refuses)
            if self.path == "/api/repos/create":
                hub.repositories.append(json.loads(body))
                return self.answer({"url": f"{hub.url}/datasets/us/tiny", "name": "us/tiny"})
            if self.path == "/api/validate-yaml":
                return self.answer({"errors": [], "warnings": []})
            if "/preupload/" in self.path:
                files = [
                    {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for file in json.loads(body)["files"]
                ]
                return self.answer({"files": files})
            if "/commit/" in self.path:
                hub.commit(body)
                return self.answer(
                    {
                        "success": True,
                        "commitOid": "c" * 40,
                        "commitUrl": f"{hub.url}/datasets/us/tiny/commit/{'c' * 40}",
                    }
                )
            if "/tag/" in self.path:
                hub.tags[json.loads(body)["tag"]] = self.path.rsplit("/", 1)[-1]
                return self.answer({})
            return self.answer({"error": f"unexpected {self.path}"}, 500)

    return HubHandler


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stand-in, running."""
    hub = Hub()
    with serve(stand_in(hub)) as hub.url:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", "hf_testing")
        yield hub


def test_a_release_is_one_commit_and_its_version_a_tag(store: str, hub: Hub) -> None:
    result = push("tiny", "hf://datasets/us/tiny", store, private=True)
    assert result.startswith("tiny@1.0.0 is published: ") and result.endswith("tag 1.0.0")
    release = errata.open_release("tiny", store)
    assert set(hub.files) >= {file["path"] for file in release.manifest["files"]} | {"manifest.json"}
    for file in release.manifest["files"]:
        assert hub.files[file["path"]] == Path(release.url, file["path"]).read_bytes()
    assert hub.tags == {"1.0.0": "c" * 40}
    assert hub.repositories[0]["name"] == "tiny" and hub.repositories[0]["type"] == "dataset"
    with pytest.raises(PublishError, match=r"has the tag 1.0.0 already"):
        push("tiny", "hf://datasets/us/tiny", store)


@pytest.mark.parametrize(
    "target", ["hf://datasets/us", "hf://us/tiny", "hf://datasets/a/b/c", "hf://datasets/../x", "hf://datasets/u s/x"]
)
def test_what_names_no_dataset_is_told(store: str, hub: Hub, target: str) -> None:
    with pytest.raises(ErrataError, match=r"names no dataset of the Hub"):
        push("tiny", target, store)
    assert hub.files == {}


def test_a_hub_that_refuses_is_told(store: str, hub: Hub) -> None:
    hub.refuses = 403
    with pytest.raises(StoreError, match=r"hf://datasets/us/tiny: cannot be published \(.*403.*HF_TOKEN"):
        push("tiny", "hf://datasets/us/tiny", store)


def test_a_hub_that_does_not_answer_is_told(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"hf://datasets/us/tiny: cannot be published \(.*refused.*HF_TOKEN"):
        push("tiny", "hf://datasets/us/tiny", store)


def test_a_damaged_release_is_not_pushed(store: str, hub: Hub) -> None:
    flip(Path(store, "releases/tiny/1.0.0/README.md"))
    with pytest.raises(Unreadable, match=r"README.md: its bytes changed .*; it is not pushed until it is whole"):
        push("tiny", "hf://datasets/us/tiny", store)
    assert hub.files == {}


def test_a_release_is_pushed_to_another_store(store: str) -> None:
    assert push("tiny", "memory://elsewhere", store).startswith("tiny@1.0.0 is published: memory://")
    assert "is there already" in push("tiny", "memory://elsewhere", store)
    assert errata.open_release("tiny", "memory://elsewhere").faults() == []
    assert errata.open_release("tiny", "memory://elsewhere").digest == errata.open_release("tiny", store).digest
    assert errata.load("tiny", store="memory://elsewhere").equals(errata.load("tiny", store=store))
    fsspec.filesystem("memory").pipe_file("/elsewhere/releases/tiny/1.0.0/manifest.json", b"{}")
    with pytest.raises(PublishError, match=r"another release bears this version there"):
        push("tiny", "memory://elsewhere", store)
    fsspec.filesystem("memory").rm("/elsewhere", recursive=True)
