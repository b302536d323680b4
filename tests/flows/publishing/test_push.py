"""Publishing outward to other stores; to the Hub: test_push_to_hub."""

from __future__ import annotations

from pathlib import Path

import errata
import fsspec
import pytest

from catalog.publish.publish import PublishError
from flows.publishing.push import push
from tests.client.conftest import put, splits


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with `tiny` 1.0.0."""
    put(str(tmp_path / "store"), "tiny", "1.0.0", splits("1.0.0"))
    return str(tmp_path / "store")


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
