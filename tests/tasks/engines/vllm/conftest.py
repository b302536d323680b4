"""An engine with the fake vLLM."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.recipe.models import VLLM
from tasks.engines.vllm.engine import VLLMEngine
from tests.tasks.engines.vllm.opening import FAKE, Open


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens an engine with the fake vLLM: options of its own first, then those of the declaration."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("ERRATA_VLLM_PYTHON", sys.executable)
    engines = []

    def open_one(*, starting: float = 60, silence: float = 60, **declared: Any) -> VLLMEngine:
        model = VLLM(engine="vllm", **{"model": "fake", "context": 200, **declared})
        engines.append(VLLMEngine(model, worker=FAKE, starting=starting, silence=silence))
        return engines[-1]

    yield open_one
    for engine in engines:
        engine.close()
