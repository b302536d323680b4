"""Small recipes that together have every kind of task: those of the catalog with a few problems, and some for what only large ones ask for."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from catalog.tables import MANY
from tasks.engines.python.sandbox import find_fault
from tests.command import ROOT

CATALOG = ROOT / "catalog" / "recipes"
COUNTS = {"sample": 0, "step_pairs": 12, "lemma": 12, "prm": 12, "search": 2, "turns": 6, "critique": 6, "selftest": 6, "checkpoints": 6, "correction_bench": 4, "code": 6}  # fmt: skip
"""Problems of each."""
PUPIL = "{engine: world, skill: {slips: 0.5, misses: 0.1}}"
"""Takes the place of the embedded model, which would compute for most of the time in which builds are to be killed."""
FURTHER = Path(__file__).parent / "small"
"""Recipes, with their files, of the tasks that no recipe of the catalog asks for without a language model."""
_PROGRAMS = "it runs programs, and here is no sandbox for them"
UNTRIED: Mapping[str, str] = {"as-python": _PROGRAMS, "run": _PROGRAMS} if find_fault() else {}
"""Tasks that are in no recipe, and why."""


FILES = MANY + 6
"""So many files of records that those of their table are put together."""
OF_FILES = """\
corpus: of-files
version: 0.1.0
title: Rows of many files
license: Apache-2.0
tables:
  generations: {task: import, files: "files/*.jsonl", set: set, question: q, answer: a, model: m, text: t}
  verified: {task: verify, from: generations}
  wrong: {task: select, from: verified, where: "verdict = 'wrong'"}
  release: {task: release, from: wrong, splits: {all: 1}}
"""


def write_recipes(folder: Path) -> dict[str, Path]:
    """Write the recipes into a folder; each by its name. Without a sandbox there are no programs."""
    shutil.copytree(CATALOG / "sample", folder / "sample")
    shutil.copytree(FURTHER, folder, dirs_exist_ok=True)
    texts = {}
    for name, count in COUNTS.items():
        if name == "code" and find_fault():
            continue
        text = re.sub(r"count: \d+", f"count: {count}", (CATALOG / f"{name}.yaml").read_text("utf-8"))
        if name not in ("checkpoints", "code"):  # which ask for two models, and for solutions that can be programs
            text = text.replace("{engine: abacus}", PUPIL)
        texts[name] = re.sub(r"^gates:.*?(?=^\S|\Z)", "", text, flags=re.M | re.S)  # of so few rows they say nothing
    texts["of_files"] = _write_files(folder)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return {path.stem: path for path in folder.glob("*.yaml")}


def _write_files(folder: Path) -> str:
    """Write many files of solutions, some of which are in two files and some of which cannot be read; the recipe of them."""
    (folder / "files").mkdir()
    for number in range(FILES):
        rows = [
            {
                "set": "s",
                "q": f"How many are {value}?",
                "a": str(value),
                "m": "m",
                "t": f"So it is {value + number % 3}.",
            }
            for value in (number, number // 2)
        ]
        lines = [json.dumps(row) + "\n" for row in rows] + (["{not JSON\n"] if number % 5 == 0 else [])
        (folder / "files" / f"{number:03d}.jsonl").write_text("".join(lines), "utf-8")
    return OF_FILES


def read_corpus(recipe: Path) -> str:
    """The name of the corpus that a recipe declares."""
    found = re.search(r"^corpus: (\S+)", recipe.read_text("utf-8"), re.M)
    assert found
    return found[1]
