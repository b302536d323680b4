"""Tests with a real language model, SmolLM2-135M-Instruct, in a real llama.cpp server: `make test-llama`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from catalog.model_files import FOLDER, PACKAGES, locate_model_file
from schemas.recipe.models import LlamaCpp
from schemas.request import EngineError
from tasks.engines.llama.engine import LlamaEngine
from tasks.engines.llama.server import find_program

WEIGHTS = locate_model_file(PACKAGES["smollm2"])
"""Where they lie for who runs the tests, whose cache a test has not."""
CONTEXT = 1024
_WRITTEN = pytest.StashKey[Path]()


@pytest.fixture(scope="session", autouse=True)
def weights() -> Iterator[Path]:
    """The weights; where they or llama.cpp cannot be had, the tests are skipped and say so."""
    try:
        find_program()
    except EngineError as error:
        pytest.skip(str(error))
    if not WEIGHTS.exists():
        pytest.skip(f"{WEIGHTS}: the weights are not there, and could not be fetched: errata models fetch smollm2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(WEIGHTS.parent))
        yield WEIGHTS


@pytest.fixture(scope="session")
def engine(weights: Path) -> Iterator[LlamaEngine]:
    """The engine, its model loaded when first asked."""
    engine = LlamaEngine(LlamaCpp(engine="llama", model=str(weights), context=CONTEXT))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder for what the model answered, whose path is printed in the end."""
    folder = tmp_path_factory.getbasetemp() / "artifacts"
    folder.mkdir()
    request.config.stash[_WRITTEN] = folder
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say where the artifacts are."""
    if folder := config.stash.get(_WRITTEN, None):
        names = ", ".join(sorted(path.name for path in folder.iterdir()))
        terminalreporter.write_line(f"what the model answered: {folder} ({names})")


def keep_answers(store: Path, folder: Path, name: str) -> pl.DataFrame:
    """All completions of a store's ledger, written as lines of JSON into a folder."""
    segments = [pl.read_parquet(path) for path in sorted((store / "ledger").glob("*.parquet"))]
    answers = pl.concat(segments, how="diagonal_relaxed").drop("place", "segment", "row").sort("table", "at")
    with (folder / f"{name}.jsonl").open("w") as stream:
        for row in answers.to_dicts():
            print(json.dumps(row, ensure_ascii=False), file=stream)
    return answers
