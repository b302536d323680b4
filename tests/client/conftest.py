"""Three small releases, two of them versions of one corpus, in stores on disk and in memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest

from catalog.publish.card import render_card
from catalog.publish.publish import View, locate_release, publish
from catalog.storage import Store
from schemas.contract import Column, Contract
from schemas.frames import to_polars_schema
from schemas.recipe.document import Document
from schemas.recipe.recipe import Origin, Recipe

MISTAKES = Contract(
    "mistakes",
    "One wrong solution a row.",
    (
        Column("problem_id", "string", "The problem."),
        Column("set", "string", "The problem set."),
        Column("model", "string", "The model."),
        Column("question", "string", "The problem as it was put."),
        Column("steps", "strings", "The steps."),
        Column("answer", "string", "The gold answer."),
        Column("extracted", "string", "The answer found; null if none.", nullable=True),
        Column("verdict", "string", "The verdict.", one_of=("right", "wrong")),
    ),
    key="problem_id",
)
QUESTIONS = Contract("questions", "One question a row.", (MISTAKES.columns[0], MISTAKES.columns[3]), key="problem_id")
VIEWS = {"mistakes": MISTAKES, "questions": QUESTIONS}

HOSTILE = "\x1b[31mred\x1b[0m \x07 \u202eback\u2066 \x9b2J \x7f"
"""What must not reach a terminal: escape sequences, a bell, marks that turn the direction of text."""

PUBLIC = [
    "ErrataError", "ErrataWarning", "Locked", "NotFound", "Release", "Unreachable", "Unreadable", "Yanked", "load",
    "open_release", "releases",
]  # fmt: skip
"""What `import errata` gives."""

MALFORMED = [
    "", "@", "@1.0.0", "tiny@", "tiny@1", "tiny@1.0", "tiny@01.0.0", "tiny@0.10.0@", "tiny@../0.9.0", "tiny@Latest",
    "tiny@^", "tiny@^1.2.3.4", "tiny@^1.x", "tiny@>=1,", "tiny@=>1", "tiny@^^1", "tiny@!=1.0.0", "tiny@1.0.0-rc1", "tiny@^01",
    "tiny@>= 1 <2", "tiny@latest/..", "tiny#", "tiny#sha256:", "tiny@0.10.0#", "tiny@0.10.0#sha256:beef",
    "tiny@^0.9#sha256:" + "0" * 64, "tiny@0.10.0#md5:" + "0" * 32, "tiny@0.10.0#sha256:" + "G" * 64,
    "Tiny", "tiny ", "tiny\n", "-tiny", "tiny-", "tïny", "..", "../x", "../x@1.0.0", "/etc", "/etc/passwd", "tiny/0.9.0",
    "a\\b", "file:///etc", "memory://x", "ti\0ny", "tiny@\0", "tiny@^1\0", "\0", "x" * 10_000, "tiny@" + "1" * 10_000, "tiny@^" + "1" * 10_000, "tiny@" + ">0," * 5_000, "~", "*", "t?ny",
]  # fmt: skip
"""No names of releases."""


def row(n: int, split: str) -> dict[str, Any]:
    """One solution, distinct from all others."""
    return {
        "problem_id": f"{split}-{n}",
        "set": ("gsm8k", "svamp")[n % 2],
        "model": ("gpt-4", "llama")[n % 3 == 0],
        "question": f"What is {n} + {n}? {HOSTILE if n == 0 else 'Größe, “×”'}",
        "steps": [f"{n} + {n} is, say,\n{n}.", HOSTILE if n == 0 else "So it is."],
        "answer": str(2 * n),
        "extracted": None if n % 3 == 2 else str(n),
        "verdict": "wrong",
    }


def splits(version: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of a version, by split."""
    train = 3 if version == "0.9.0" else 4
    return {"train": [row(n, "train") for n in range(train)], "test": [row(n, "test") for n in range(2)]}


FUNNEL = [
    {"table": "read", "task": "load", "rows_in": 12, "kept": 9, "rejected": 3, "reasons": {"empty": 1, "torn": 2}},
    {"table": "mistakes", "task": "select", "rows_in": 9, "kept": 6, "rejected": 3, "reasons": {"right": 3}},
]


def put(
    store: str, corpus: str, version: str, rows: dict[str, list[dict[str, Any]]], mark: str = "",
    stop: Callable[[], None] = lambda: None,
) -> str:  # fmt: skip
    """Publish a release; the URL of its folder. `stop` is called when all but card and manifest are written."""
    mark = mark or f"{corpus}-{version}"
    recipe = Recipe(
        document=Document(f"corpus: {corpus}\n", f"{corpus}.yaml"),
        corpus=corpus,
        version=version,
        title=f"Mistakes, {corpus}: with a colon",
        description="Made for tests.",
        license="CC-BY-4.0",
        sources=(Origin(name="numbers", license="CC0-1.0", url=None),),
        seed=0,
        models={},
        tables=(),
    )

    def view(contract: Contract) -> View:
        schema = to_polars_schema(contract)
        chosen = {
            split: pl.DataFrame([{name: item[name] for name in schema} for item in of_split], schema=schema)
            for split, of_split in rows.items()
        }
        longest = max(frame.height for frame in chosen.values())
        return View(contract, [{name: f.slice(at, 2) for name, f in chosen.items()} for at in range(0, longest, 2)])

    def describe(files: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, Any]]:
        stop()
        columns = {name: [{"name": c.name, "meaning": c.meaning} for c in item.columns] for name, item in VIEWS.items()}
        return {"README.md": render_card(recipe, VIEWS, files, FUNNEL)}, {
            "fingerprint": mark,
            "recipe": {"title": recipe.title, "license": recipe.license, "text": recipe.text},
            "columns": columns,
            "funnel": FUNNEL,
        }

    publish(Store(store), corpus, version, mark, {name: view(item) for name, item in VIEWS.items()}, describe)
    return f"{store}/{locate_release(corpus, version)}"


def fill(store: str) -> str:
    """Publish `tiny` 0.9.0 and 0.10.0 and `other` 1.0.0; the store."""
    for corpus, version in (("tiny", "0.10.0"), ("tiny", "0.9.0"), ("other", "1.0.0")):
        put(store, corpus, version, splits(version))
    return store


def flip(file: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    return fill(str(tmp_path_factory.mktemp("filled")))


@pytest.fixture
def disk(_filled: str, tmp_path: Path) -> str:
    """A store on disk, the test's own."""
    return str(shutil.copytree(_filled, tmp_path / "shelf"))


@pytest.fixture
def newest(disk: str) -> Path:
    """The folder of `tiny` 0.10.0 on disk."""
    return Path(disk, locate_release("tiny", "0.10.0"))


@pytest.fixture(params=["disk", "memory://shelf", "memory://"])
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    """A store on disk, in a folder in memory, and at the root of the memory."""
    if request.param == "disk":
        yield request.getfixturevalue("disk")
        return
    memory = fsspec.filesystem("memory")
    yield fill(request.param)
    for path in memory.ls("/", detail=False):
        memory.rm(path, recursive=True)
