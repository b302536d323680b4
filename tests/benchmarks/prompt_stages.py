"""The stages that `tests.benchmarks.prompts` measures: their rows, their prompts, and what a usable reply is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.frames import to_polars_schema
from schemas.task import Asking, Outcome, Parameters
from tasks.llm.judge_reply import collect_material, read_judgement
from tasks.localize.judge import JUDGE
from tasks.localize.judge_parameters import FORMS, JudgeParameters

SHIPPED = "as shipped"
SOLVED = to_polars_schema(SOLUTIONS.having(*STEP_COLUMNS, *VERDICT_COLUMNS))


class Counts(Protocol):
    """What a stage counts into."""

    usable: int
    of: int
    right: int
    known: int
    faults: dict[str, int]


@dataclass(frozen=True)
class Stage:
    """A task whose prompts are measured."""

    name: str
    task: Asking[Any]
    load: Callable[[Path, int], pl.DataFrame]
    """So many rows of the data."""
    variants: Callable[[Path], list[tuple[str, Parameters]]]
    """What is measured against each other, given the folder of earlier prompts: names and parameters."""
    count: Callable[[Outcome, Counts], None]
    """Counts what became of the rows."""


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of gzipped JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def make_solutions(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows with the columns of solutions; those that are not given are plain."""
    full = []
    for i, row in enumerate(rows):
        text = row.get("text") or "\n".join(row.get("steps") or [])
        plain: dict[str, Any] = dict.fromkeys(SOLVED) | {"solution_id": f"{i:024x}", "problem_id": f"{i:024x}"}
        plain |= {"set": "s", "model": "m", "sampling": "greedy", "sample": 0, "source": f"f:{i}", "step_rule": "lines"}
        plain |= {"text": text, "rationale": text, "answer": ""}
        full.append(plain | {name: value for name, value in row.items() if name in SOLVED})
    gold = pl.Series("gold", [row.get("gold") for row in rows], strict=False)
    return pl.DataFrame(full, schema=SOLVED).with_columns(gold)


def _add_fault(counts: Counts, fault: str) -> None:
    counts.faults[fault] = counts.faults.get(fault, 0) + 1


# ---- judge


def _load_labelled(data: Path, most: int) -> pl.DataFrame:
    """Solutions with human labels: as many wrong ones as right ones."""
    rows = [row | {"gold": row["label"]} for row in read_rows(data / "labels-qwen" / "gsm8k.jsonl.gz")]
    rows = [row for row in rows if (row["verdict"] == "wrong") == (row["label"] >= 0)]
    wrong = [row for row in rows if row["label"] >= 0][: (2 * most + 2) // 3]
    return make_solutions([*wrong, *[row for row in rows if row["label"] < 0][: most - len(wrong)]])


def _list_judges(earlier: Path) -> list[tuple[str, Parameters]]:
    def made(**more: Any) -> JudgeParameters:
        return JudgeParameters.model_validate({"models": ["m"], "max_tokens": 700, **more})

    text = (earlier / "judge.txt").read_text("utf-8")
    forms = [(f"{form}", made(form=form)) for form in FORMS]
    seeing = [(f"{form}, sees the verdict", made(form=form, sees=["verdict"])) for form in FORMS]
    return [("json, version 1", made(prompt=text)), *forms, *seeing]


def _count_judgements(outcome: Outcome, counts: Counts) -> None:
    for row in outcome.kept.to_dicts():
        (label,), (fault,) = row["judge_labels"], row["judge_faults"]
        counts.of += 1
        counts.usable += label is not None
        if label is None:
            _add_fault(counts, fault)
        counts.known += row["gold"] >= 0
        counts.right += row["gold"] >= 0 and label == row["gold"]


STAGES: list[Stage] = [Stage("judge", JUDGE, _load_labelled, _list_judges, _count_judgements)]


def count_recorded(data: Path, share: Callable[[int, int], str]) -> Iterator[list[str]]:
    """What the recorded replies of a 1.5B model in four forms come to, by today's reading of them."""
    rows = read_rows(data / "labels-qwen" / "gsm8k.jsonl.gz")
    for form in ("json_replies", "judge_A", "judge_C", "judge_D"):
        faults: dict[str, int] = {}
        usable = exact = named = replies = 0
        for row in rows:
            seen = {"question": row["question"], "options": None, "steps": row["steps"], "reference": row["reference"]}
            material = collect_material(seen if form == "judge_C" else seen | {"reference": None})
            for text in row[form]:
                judgement = read_judgement(text, len(row["steps"]), material)
                replies += 1
                usable += judgement.label is not None
                if judgement.label is None:
                    faults[judgement.fault] = faults.get(judgement.fault, 0) + 1
                elif judgement.label >= 0 <= row["label"]:
                    named += 1
                    exact += judgement.label == row["label"]
        most = sorted(faults.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
        listed = ", ".join(f"{fault} {count}" for fault, count in most)
        yield ["judge", form, share(usable, replies), share(exact, named), "", "", listed]
