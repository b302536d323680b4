"""What tests of the engine `openai` share: a configuration by which their key may be sent to their servers."""

from pathlib import Path

import pytest

from tests.endpoints import allow_keys


@pytest.fixture(autouse=True)
def _key_may_be_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow_keys(
        tmp_path, monkeypatch, ENDPOINT_KEY="127.0.0.1 localhost api.example.org", ENDPOINT_KEY_THAT_IS_NOT="127.0.0.1"
    )
