"""`compare`: what an old model, or checkpoint, and a new one made of the same problems.

Source: MUSCLE (arXiv 2407.09435), section 3: a new model that is better on
average may be wrong where the old one was right (a negative flip).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from pydantic import Field, model_validator

from schemas.columns.flips import FLIPS
from schemas.columns.problems import PROBLEM_COLUMNS
from schemas.frames import reject_rows, to_polars_schema
from schemas.task import Outcome, Parameters, PerProblem
from tasks.sources.content_ids import digest
from tasks.verify.answer_keys import is_same_answer

NEEDS = (
    "solution_id",
    "problem_id",
    "question",
    "answer",
    "model",
    "sampling",
    "sample",
    "text",
    "verdict",
    "extracted",
)
Row = Mapping[str, Any]
Side = list[dict[str, Any]]
Reasons = dict[str, tuple[str, str | None]]


class CompareParameters(Parameters):
    """Parameters of `compare`."""

    old: str = Field(
        min_length=1,
        description="The model compared with, as the column `model` names it; its name alone will do where one revision of it is there.",
    )
    new: str = Field(min_length=1, description="The model, or checkpoint, that is compared with it, likewise.")

    @model_validator(mode="after")
    def _differ(self) -> CompareParameters:
        if self.old == self.new:
            raise ValueError("old and new are the same model; name two")
        return self


def compare_solutions(part: pl.DataFrame, parameters: CompareParameters) -> Outcome:
    """Pairs the solutions of two models problem by problem, and says what became of each answer.

    The n-th solution of one meets the n-th of the other, in the order of their
    sampling and sample numbers. In = kept + rejected: a pair is kept under the
    new solution, and the old one is rejected as its other side.

    Args:
        part: All solutions of some problems, with their verdicts.
        parameters: The two models.

    Returns:
        One row of `FLIPS` a pair; rejected are other sides, solutions without a partner, and those of other models.

    """
    flips: list[dict[str, Any]] = []
    why: Reasons = {}
    for problem in part.partition_by("problem_id", maintain_order=True):
        old, new = (_find_side(problem, model, why) for model in (parameters.old, parameters.new))
        flips += [_compare_pair(before, after) for before, after in zip(old, new)]
        why |= {row["solution_id"]: ("the old side of a pair", None) for row in old[: len(new)]}
        for longer, shorter, missing in ((old, new, parameters.new), (new, old, parameters.old)):
            detail = f"{missing} has {len(shorter)} of the problem"
            why |= {
                row["solution_id"]: ("no solution of the other model beside it", detail)
                for row in longer[len(shorter) :]
            }
    for name, model in part.select("solution_id", "model").iter_rows():
        if not any(_is_model(model, wanted) for wanted in (parameters.old, parameters.new)):
            why[name] = ("of another model", model)
    kept = pl.DataFrame(flips, schema=to_polars_schema(FLIPS))
    return Outcome(kept, reject_rows(part, map(why.get, part["solution_id"])))


def _find_side(problem: pl.DataFrame, wanted: str, why: Reasons) -> Side:
    """A model's solutions of a problem, in the order in which they were sampled; none where the name is that of several revisions."""
    rows = [
        row for row in problem.sort("sampling", "sample", "solution_id").to_dicts() if _is_model(row["model"], wanted)
    ]
    names = sorted({row["model"] for row in rows})
    if len(names) > 1:
        why |= {
            row["solution_id"]: ("two revisions of the model", f"{names[0]} and {names[1]}; name one") for row in rows
        }
        return []
    return rows


def _is_model(model: str, wanted: str) -> bool:
    return model == wanted or model.startswith(f"{wanted}@")


def _compare_pair(old: Row, new: Row) -> dict[str, Any]:
    problem = {column.name: new.get(column.name) for column in PROBLEM_COLUMNS}
    sides = {
        f"{side}_{name}": row[column]
        for side, row in (("old", old), ("new", new))
        for name, column in (
            ("model", "model"), ("verdict", "verdict"), ("answer", "extracted"), ("text", "text"), ("id", "solution_id"),
        )
    }  # fmt: skip
    return {
        "flip_id": digest("flip", old["solution_id"], new["solution_id"]),
        **problem,
        "flip": find_transition(old, new),
        **sides,
    }


def find_transition(old: Row, new: Row) -> str:
    """What became of an answer.

    Args:
        old: The earlier solution: `verdict` and `extracted`.
        new: The later one, likewise.

    Returns:
        One of `TRANSITIONS`.

    """
    match old["verdict"], new["verdict"]:
        case "right", "right":
            return "kept right"
        case "wrong", "right":
            return "fixed"
        case "right", "wrong":
            return "newly wrong"
        case "wrong", "wrong":
            same = is_same_answer(old["extracted"] or "", new["extracted"] or "")
            return "still wrong, same answer" if same else "still wrong, other answer"
    return "undecided"


COMPARE = PerProblem(
    name="compare",
    summary="Compares the solutions of two models, or checkpoints: what was fixed, what is still wrong, what is newly wrong.",
    version="2",
    parameters=CompareParameters,
    needs=NEEDS,
    makes=lambda _, __: FLIPS,
    run=compare_solutions,
)
