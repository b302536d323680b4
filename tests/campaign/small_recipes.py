"""Small recipes that together have every kind of task: those of the catalog with a few problems, and one for what only large ones ask for."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tasks.engines.python.sandbox import find_fault
from tests.command import ROOT

CATALOG = ROOT / "catalog" / "recipes"
COUNTS = {"sample": 0, "step_pairs": 12, "lemma": 12, "prm": 12, "search": 2, "turns": 6, "critique": 6, "selftest": 6, "checkpoints": 6, "correction_bench": 4, "code": 6}  # fmt: skip
"""Problems of each."""
PUPIL = "{engine: world, skill: {slips: 0.5, misses: 0.1}}"
"""Takes the place of the embedded model, which would compute for most of the time in which builds are to be killed."""
FURTHER = """\
corpus: further
version: 0.1.0
title: What is left
license: Apache-2.0
seed: 1
tables:
  generations:
    {task: import, files: [sample/generations.jsonl], set: set, question: question, options: {path: options, optional: true},
    answer: {path: gold, pattern: '^# (.*)$'}, model: model, sampling: strategy, sample: sample, text: output}
  trusted: {task: gold, from: generations}
  some: {task: take, from: trusted, want: {rows: 60}}
  steps: {task: split, from: some}
  verified: {task: verify, from: steps}
  compared: {task: contrast, from: verified}
  near: {task: deduplicate, from: compared, by: near}
  release: {task: release, from: near, splits: {train: 0.8, test: 0.2}}
"""


def write_recipes(folder: Path) -> dict[str, Path]:
    """Write the recipes into a folder; each by its name. Without a sandbox there are no programs."""
    shutil.copytree(CATALOG / "sample", folder / "sample")
    texts = {"further": FURTHER}
    for name, count in COUNTS.items():
        if name == "code" and find_fault():
            continue
        text = re.sub(r"count: \d+", f"count: {count}", (CATALOG / f"{name}.yaml").read_text("utf-8"))
        if name not in ("checkpoints", "code"):  # which ask for two models, and for solutions that can be programs
            text = text.replace("{engine: abacus}", PUPIL)
        texts[name] = re.sub(r"^gates:.*?(?=^\S|\Z)", "", text, flags=re.M | re.S)  # of so few rows they say nothing
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return {name: folder / f"{name}.yaml" for name in texts}


def read_corpus(recipe: Path) -> str:
    """The name of the corpus that a recipe declares."""
    found = re.search(r"^corpus: (\S+)", recipe.read_text("utf-8"), re.M)
    assert found
    return found[1]
