"""Small recipes that together have every kind of task: those of the catalog with a few problems, and some for what only large ones ask for."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

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
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return {path.stem: path for path in folder.glob("*.yaml")}


def read_corpus(recipe: Path) -> str:
    """The name of the corpus that a recipe declares."""
    found = re.search(r"^corpus: (\S+)", recipe.read_text("utf-8"), re.M)
    assert found
    return found[1]
