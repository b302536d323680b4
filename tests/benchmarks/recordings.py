"""The recorded generations of `--data DIR`, as `import` reads them: one frame of solutions a set."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from schemas.task import Record
from tasks.sources.import_ import IMPORT, ImportParameters

STATED = {
    "rationale": {"path": "output", "json": "reasoning", "optional": True},
    "stated": {"path": "output", "json": "answer", "optional": True},
    "model": "model",
    "text": "output",
    "question": "problem",
}
FAITHFUL = {
    "question": {"path": "question", "pattern": r"^(.*?)(?:\n# Answer option:.*)?$"},
    "options": {"path": "options", "optional": True},
    "answer": {"path": "gold", "pattern": "(?:.*#### ?)?(.*)$"},
    "model": "model",
    "sampling": "method",
    "sample": "sample",
    "text": "completion",
}
VARIANTS = ["6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"]
SETS: dict[str, tuple[str, dict[str, Any]]] = {
    "zeroeval gsm": ("zeroeval/gsm.jsonl.gz", {**STATED, "answer": {"path": "gold", "pattern": "^# (.*)$"}}),
    "zeroeval math-l5": ("zeroeval/math-l5.jsonl.gz", {**STATED, "answer": "gold"}),
    "gsm8k": (
        "gsm8k/example_model_solutions.jsonl.gz",
        {"each": VARIANTS, "question": "question", "answer": {"path": "ground_truth", "pattern": "\nA: (.*)$"},
         "model": {"value": "{each}"}, "text": "{each}.solution"},
    ),
} | {
    f"faithful {name}": ("faithful-cot/generations.jsonl.gz", {**FAITHFUL, "only": {"dataset": [name]}})
    for name in ("GSM8K", "SVAMP", "MultiArith", "ASDiv", "AQUA", "StrategyQA", "date")
}  # fmt: skip
GSM = ("zeroeval gsm", "gsm8k", "faithful GSM8K", "faithful SVAMP", "faithful MultiArith", "faithful ASDiv")
"""Sets whose answers are numbers of grade-school problems."""


def records(file: Path) -> Iterator[Record]:
    """The records of a gzipped file of JSON lines."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            yield Record(f"{file.name}:{number}", json.loads(line), line)


def solutions(data: Path, name: str) -> pl.DataFrame:
    """The solutions of a set, with their problems."""
    file, mapping = SETS[name]
    mapping = {"files": [file], "set": {"value": name}, "longest": 200_000} | mapping
    return IMPORT.run(list(records(data / file)), ImportParameters.model_validate(mapping)).kept
