"""Plans whose tables are frames cut into parts as a test likes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl

from catalog.parts import ParquetFile
from catalog.publish.publish import read_published
from catalog.storage import Store
from catalog.tables import Manifest, PartitionCommit, TableFolder
from flows.planning.plan import Plan, TableJob
from schemas.contract import Column, Contract
from schemas.recipe.reader import read_recipe
from schemas.recipe.recipe import NO_ROWS
from schemas.task import FromSeed, Outcome, Parameters, Task
from tasks import TASKS
from tasks.release import RELEASE

_MARKS = count()
TYPES = ("calculation", "operation", "unit")
CONTRACT = Contract(
    "solutions",
    "One solution a row.",
    (
        Column("solution_id", "string", "Its id.", pattern="[0-9a-f]{8}"),
        Column("problem_id", "string", "Its problem's id."),
        Column("text", "string", "What a model wrote.", nullable=True),
        Column("steps", "strings", "Its steps.", at_least=1),
        Column("tokens", "integer", "Its tokens.", at_least=0, nullable=True),
        Column("share", "number", "A share.", at_least=0, at_most=1, nullable=True),
        Column("shares", "numbers", "Shares.", at_least=0, at_most=1, nullable=True),
        Column("error_type", "string", "The kind of mistake.", nullable=True, one_of=TYPES),
        Column("first", "integer", "A step."),
        Column("second", "integer", "Another.", nullable=True),
        Column("sure", "boolean", "Whether it is sure.", nullable=True),
    ),
    key="solution_id",
)
HEAD = "corpus: trial\nversion: {version}\ntitle: T\nlicense: MIT\ntables:\n{tables}  release: {{task: release, from: [{views}], splits: {{all: 1}}}}\n"


class Nothing(Parameters):
    """No parameters."""


def task(name: str, contract: Contract = CONTRACT) -> Task[Any]:
    """A task that makes nothing, its table is there already, and declares what the real one of its name does."""
    real = TASKS[name]
    return FromSeed(
        name=name, summary="", version="1", parameters=Nothing, makes=lambda *_: contract, count=lambda _: 0,
        run=lambda *_: Outcome(pl.DataFrame(), pl.DataFrame()), labels=real.labels, rejects=real.rejects,
    )  # fmt: skip


def row(i: int, **given: Any) -> dict[str, Any]:
    """A row that keeps the contract."""
    values = {
        "solution_id": f"{i:08x}", "problem_id": f"p{i // 3}", "text": f"Step {i}.", "steps": ["a", "b"], "tokens": 10 + i,
        "share": 0.5, "shares": [0.25, None], "error_type": TYPES[i % 3], "first": 1, "second": 2, "sure": True,
    }  # fmt: skip
    return {**values, **given}


def frame(rows: Sequence[dict[str, Any]], contract: Contract = CONTRACT) -> pl.DataFrame:
    from schemas.frames import to_polars_schema

    return pl.DataFrame(list(rows), schema=to_polars_schema(contract), orient="row")


def planned(
    place: Path,
    parts: Iterable[pl.DataFrame],
    gates: str | None = "[]",
    *,
    rejected: pl.DataFrame | None = None,
    made_by: str = "world",
    contract: Contract = CONTRACT,
    version: str = "1.0.0",
    released: bool = True,
) -> Plan:
    """A plan with one complete table, `rows`, of these parts, which is the release's view."""
    tables = f"  rows: {{task: {made_by}}}\n" + ("" if released else "  other: {task: world}\n")
    text = HEAD.format(version=version, tables=tables, views="rows" if released else "other")
    text += "" if gates is None else f"gates:{' ' if gates.startswith('[') else chr(10)}{gates}"
    tasks = {**TASKS, "world": task("world"), made_by: task(made_by, contract), "release": RELEASE}
    recipe = read_recipe(text, "r.yaml", tasks)
    mark = f"{next(_MARKS):024x}"
    works = []
    done = {}
    for table in recipe.tables:
        work = TableJob(
            table.name,
            str(place),
            table.task.name,
            mark,
            table.parameters,
            table.contract,
            NO_ROWS,
            (),
            (),
            recipe.corpus,
        )
        works.append(work)
        if table.name == "release":
            continue
        own = parts if table.name == "rows" else []
        done[table.name] = _written(work.folder(), own, rejected if table.name == "rows" else None)
    store = Store(str(place))
    return Plan(recipe, str(place), tuple(works), done, read_published(store, recipe.corpus, recipe.version))


def _written(folder: TableFolder, parts: Iterable[pl.DataFrame], rejected: pl.DataFrame | None) -> Manifest:
    kept: list[ParquetFile] = [folder.write(f"parts/{i:05d}.parquet", part) for i, part in enumerate(parts)]
    dropped = [folder.write("rejected/0.parquet", rejected)] if rejected is not None else []
    rows = sum(part.rows for part in kept + dropped)
    reasons = dict(rejected["reason"].value_counts().iter_rows()) if rejected is not None else {}
    receipt = PartitionCommit(rows, kept, dropped, reasons)
    return Manifest(folder.path.rpartition("-")[2], "given", "1", {}, [], [], receipt)
