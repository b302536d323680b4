"""`world`: problems of Abacus' world, each with its program."""

from __future__ import annotations

from typing import Literal

import polars as pl
from pydantic import Field

from schemas.columns.problems import PROBLEMS, PROGRAM, RECORDS
from schemas.contract import REASON
from schemas.frames import to_polars_schema
from schemas.task import FromSeed, Outcome, Parameters
from tasks.sources.content_ids import identify_problem
from tasks.synthetic.problems import DEFAULT, LEVELS, make_problem
from tasks.synthetic.solution import solve_right, write_solution

CONTRACT = PROBLEMS.having(PROGRAM)


class WorldParameters(Parameters):
    """Parameters of `world`."""

    count: int = Field(ge=1, le=100_000_000, description="How many problems.")
    level: int = Field(
        DEFAULT, ge=min(LEVELS), le=max(LEVELS),
        description="How hard: 1 and 2 short, 3 the default, 4 with fractions and percent, 5 and 6 long (8-20 steps).",
    )  # fmt: skip
    side: Literal["test", "train"] = Field(
        "test", description="Abacus was trained on problems of `train`, never of `test`."
    )
    seed: int = Field(0, ge=0, description="Another seed gives other problems.")


def make_world(numbers: range, parameters: WorldParameters) -> Outcome:
    """The problems of some numbers; the runner rejects one that came before.

    Args:
        numbers: The numbers of the problems, from 0; a number gives the same problem whenever it is asked for.
        parameters: Level, side and seed of the problems.

    Returns:
        A problem for each number; nothing is rejected here.

    """
    level, rows = parameters.level, []
    for number in numbers:
        problem = make_problem(parameters.seed, number, level, parameters.side)
        rows.append(
            {
                "problem_id": identify_problem(problem.question, None),
                "set": f"world-{level}",
                "question": problem.question,
                "options": None,
                "answer": str(problem.answer),
                "reference": write_solution(*solve_right(problem.program)),
                "source": f"world:level {level}, {parameters.side}, seed {parameters.seed}, number {number}",
                "program": problem.program.dump(),
            }
        )
    rejected = pl.DataFrame(schema={**to_polars_schema(RECORDS), REASON.name: pl.String, "detail": pl.String})
    return Outcome(pl.DataFrame(rows, schema=to_polars_schema(CONTRACT)), rejected)


WORLD = FromSeed(
    name="world",
    summary="Makes word problems of a world in which the truth of every step is known.",
    version="1",
    parameters=WorldParameters,
    makes=lambda _, __: CONTRACT,
    count=lambda parameters: parameters.count,
    run=make_world,
)
