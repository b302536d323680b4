"""Tests with the real vLLM, which lies in an environment of its own: `make test-vllm`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.recipe.models import VLLM
from tasks.engines.vllm.engine import VLLMEngine

PYTHON = os.environ.get("ERRATA_VLLM_PYTHON")
collect_ignore_glob = [] if PYTHON else ["test_*.py"]
SHIPPED = Path(__file__).parents[2] / "tasks" / "engines" / "abacus" / "weights"
CONTEXT = 512


@pytest.fixture(scope="session", autouse=True)
def offline() -> Iterator[None]:
    """Nothing is fetched or reported, and few threads: two that wait for each other are slow on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("HF_HUB_OFFLINE", "1"), ("VLLM_NO_USAGE_STATS", "1"), ("OMP_NUM_THREADS", "1")):
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def python() -> str:
    """The Python that has vLLM."""
    assert PYTHON
    return str(Path(PYTHON).absolute())


@pytest.fixture(scope="session")
def checkpoint() -> str:
    """A folder with a small Llama: the shipped one, unless the environment names another."""
    folder = os.environ.get("ERRATA_VLLM_CHECKPOINT", str(SHIPPED))
    assert (Path(folder) / "config.json").is_file(), f"{folder} holds no checkpoint"
    return folder


@pytest.fixture(scope="session")
def engine(checkpoint: str) -> Iterator[VLLMEngine]:
    """The engine, its model loaded when first asked."""
    model = VLLM(engine="vllm", model=checkpoint, dtype="float32", context=CONTEXT, batch=16)
    result = VLLMEngine(model)
    yield result
    result.close()
