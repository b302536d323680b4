"""The stages that `tests.benchmarks.scale` measures: each as a table of a recipe, made from the table of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

HEAD = """corpus: scale
version: 1.0.0
title: Synthetic solutions
description: Made by tests.benchmarks.scale.
license: Apache-2.0
sources:
  - {name: made, license: Apache-2.0}
seed: 1
models:
  nobody: {engine: recorded, model: nobody}
tables:
"""


@dataclass(frozen=True)
class Stage:
    """A stage: its task, the stage whose table it is made from, and its parameters."""

    name: str
    task: str
    source: str
    parameters: str = ""

    def chain(self) -> tuple[str, ...]:
        """The stages that lead to it, it itself last."""
        return (*(STAGES[self.source].chain() if self.source else ()), self.name)

    def leaf(self) -> bool:
        """Whether no other stage is made from it."""
        return all(item.source != self.name for item in STAGES.values())


_ALL = (
    Stage(
        "import", "import", "",
        'files: "solutions-*.jsonl", set: {value: made}, question: question, answer: gold, model: model, sample: sample, text: text',
    ),
    Stage("split", "split", "import"),
    Stage("verify", "verify", "split"),
    Stage("select", "select", "verify", "where: \"verdict = 'wrong'\", because: [verdict]"),
    Stage("deduplicate", "deduplicate", "verify", "by: [exact, near], scope: all"),
    Stage("decontaminate", "decontaminate", "verify", "against: [{name: tests, files: tests.jsonl}]"),
    Stage("release", "release", "verify"),
    Stage("gold", "gold", "verify"),
    Stage("quality", "quality", "verify"),
    Stage("consistency", "consistency", "verify"),
    Stage("preference", "preference", "verify"),
    Stage("judged (written)", "judge", "verify", "models: [nobody]"),
    Stage("agree", "agree", "judged (written)", "rule: unanimous"),
    Stage("label-errors", "label-errors", "judged (written)", "given: verdict, labels: [judge_labels]"),
    Stage("classify", "classify", "agree", "taxonomy: abacus"),
)  # fmt: skip
STAGES = {stage.name: stage for stage in _ALL}


def recipe(name: str) -> str:
    """The recipe that ends in a stage's table."""
    lines = []
    for item in (STAGES[link] for link in STAGES[name].chain()):
        source = f", from: {_table(item.source)}" if item.source else ""
        more = f", {item.parameters}" if item.parameters else ""
        lines.append(f"  {_table(item.name)}: {{task: {item.task}{source}{more}}}\n")
    if name != "release":
        lines.append(f"  last: {{task: release, from: {_table(name)}}}\n")
    return HEAD + "".join(lines)


def _table(name: str) -> str:
    return f"t_{name.split()[0].replace('-', '_')}"


def warm() -> None:
    """Import what is imported when it is first used: a build pays for it once."""
    from flows.running.key_table import KeyTable
    from schemas.columns.problems import SOLUTIONS
    from schemas.frames import check, to_polars_schema

    check(pl.DataFrame(schema=to_polars_schema(SOLUTIONS)), SOLUTIONS, "")
    with KeyTable() as database:
        database.add(pl.DataFrame({"key": ["one"], "unit": ["0"]}))


def judged(work: Any) -> None:
    """Write, in place of asking, what two judges say of each solution that is wrong; they differ in every seventh."""
    from flows.running.commit import commit_outcome
    from flows.running.complete import complete_table
    from flows.running.kinds import find_kind
    from flows.running.partitions import InputRows, read_partition
    from schemas.frames import to_polars_schema
    from schemas.task import Outcome

    for unit in find_kind(work).list_pending():
        part = read_partition(work, unit)
        result = pl.when(pl.col("verdict") == "wrong").then(2).otherwise(-1).cast(pl.Int64)
        same = pl.col("sample") % 7 != 0
        other = pl.when(same).then(result).otherwise(1)
        rows = part.with_columns(
            judges=pl.lit(["one@1 #0", "two@1 #0"]), judge_labels=pl.concat_list(result, other),
            judge_faults=pl.lit(["", ""]), judge_kinds=pl.lit(["", ""]), judge_reasons=pl.lit(["", ""]),
            judge_replies=pl.lit(["", ""]), judge_requests=pl.lit(["", ""]), judge_likelihoods=pl.lit([], dtype=pl.List(pl.Float64)), judge_tokens=pl.lit(2, dtype=pl.Int64),
            judge_first_error=pl.when(same).then(result), judge_undecided=pl.when(same).then(None).otherwise(pl.lit("no majority")),
            judge_kind=pl.lit(None, dtype=pl.String), judge_share=pl.when(same).then(1.0),
        )  # fmt: skip
        kept = rows.select(work.contract.names()).cast(to_polars_schema(work.contract))
        commit_outcome(work, InputRows(unit, part), part.height, Outcome(kept, part.clear()))
    complete_table(work)
