"""Two releases of one corpus that differ in every way that two releases can, and what is truly different in them."""

from __future__ import annotations

from typing import Any

import errata
import polars as pl
from errata.release.find import Release

from catalog.publish.publish import View, publish
from catalog.storage import Store
from schemas.frames import to_polars_schema
from tasks.sources.content_ids import digest
from tests.flows.report.hostile import CONTRACT, HEAD, NASTY

ROWS, GONE, COME = 60, 5, 7
"""Problems of the earlier release, of which the first are not in the later one, which has others."""
TYPES = ("calculation", "missing step", NASTY[7], "unit v1.0")
COUNTS = {"both": 2 * (ROWS - GONE), "before": 2 * GONE, "after": 2 * COME}
"""Rows of the two models together."""


def make_row(number: int, model: str, later: bool) -> dict[str, Any]:
    """A solution: of every fourth problem right at first, of every eighth wrong later; some have another type or step then."""
    verdict = "right" if number % 4 == 0 else "wrong"
    if later and number % 8 == 0:
        verdict = "wrong"
    if later and number % 20 == 1:
        verdict = "right"
    wrong = verdict == "wrong"
    step = (number + (later and number % 10 == 3)) % 3 if wrong else -1
    kind = TYPES[(number + (later and number % 10 == 7)) % 4] if wrong else None
    steps = [f"First I take {number} apples.", f"Then I add {number % 7} pears.", f"So the total is {2 * number}."]
    if later and model.startswith("small"):
        steps[1] += " Maybe."
    return {
        "steps": steps, "text": "\n".join(steps), "rationale": "\n".join(steps), "step_rule": "lines", "model": model,
        "question": f"Mrs. {number} has {number} apples and some pears. How many pieces of fruit does she have?",
        "problem_id": digest("problem", str(number)), "set": ("gsm8k", "svamp")[number % 2], "sampling": "temperature 1", "sample": 0,
        "solution_id": digest("solution", str(number), model, steps[1]), "answer": str(number), "extracted": str(2 * number),
        "verdict": verdict, "first_error": step, "error_type": kind, "typed_by": "votes", "judges": ["big #0"], "judge_labels": [step],
        "judge_faults": [""], "judge_kinds": [kind or ""], "judge_reasons": [f"Step {step + 1} is not what the question says." if wrong else ""],
    }  # fmt: skip


def make_rows(later: bool) -> pl.DataFrame:
    """The rows of a release: a model that stays, and one of which there is another revision later."""
    schema = to_polars_schema(CONTRACT)
    blank: dict[Any, Any] = {pl.String: "", pl.Int64: 0, pl.Float64: 0.0}
    numbers = range(GONE, ROWS + COME) if later else range(ROWS)
    models = ("big@a1", "small@b2" if later else "small@b1")
    rows = [make_row(number, model, later) for number in numbers for model in models]
    empty = {
        column.name: None if column.nullable else blank.get(schema[column.name], []) for column in CONTRACT.columns
    }
    return pl.DataFrame([{**empty, **row} for row in rows], schema=schema)


def publish_rows(store: str, corpus: str, version: str, rows: pl.DataFrame, view: str = "mistakes") -> Release:
    """A release of rows, without statistics, as older versions made them."""
    columns = {view: HEAD["columns"]["mistakes"]}
    rest = {
        **HEAD,
        "fingerprint": f"{corpus}{version}",
        "columns": columns,
        "keys": {view: "solution_id"},
        "gates": [],
        "funnel": [],
    }
    rest["recipe"] = {"title": "Mistakes with fruit", "license": "MIT", "text": ""}
    views = {view: View(CONTRACT, [{"all": rows}])}
    publish(Store(store), corpus, version, rest["fingerprint"], views, lambda _: ({"README.md": "# Fruit\n"}, rest))
    return errata.open_release(f"{corpus}@{version}", store)


def publish_both(store: str) -> tuple[Release, Release]:
    """The two releases."""
    before, after = (
        publish_rows(store, "fruit", version, make_rows(version == "2.0.0")) for version in ("1.0.0", "2.0.0")
    )
    return before, after
