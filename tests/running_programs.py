"""Programs of tests, run in the sandbox as the runner of tables would have them run."""

from __future__ import annotations

from random import Random
from typing import Any

import polars as pl

from schemas.model_id import ModelId
from schemas.recipe.models import Python
from tasks.engines.python.engine import PythonEngine, describe_revision
from tasks.programs.as_python import AsPythonParameters, rewrite_solutions
from tasks.programs.partial import PartialParameters, find_partial
from tasks.programs.run_programs import RunParameters, run_programs
from tasks.sources.content_ids import identify_solution
from tasks.synthetic.program import load_program
from tasks.synthetic.solution import solve_wrong, write_solution
from tasks.synthetic.task import WorldParameters, make_world
from tasks.synthetic.truth import find_truth
from tasks.verify.task import VerifyParameters, verify_solutions

MODEL = Python(engine="python")
NULLS: dict[str, Any] = {
    "options": pl.List(pl.String), "stated": pl.String, "thinking": pl.String, "thinking_tokens": pl.Int64, "thinking_finished": pl.Boolean,
}  # fmt: skip


def run_table(part: pl.DataFrame, rules: RunParameters) -> pl.DataFrame:
    """The rows with what became of their programs."""
    conversation = run_programs(part, rules, {rules.model: ModelId("python", describe_revision(MODEL))})
    requests = next(conversation)
    replies = {reply.request: reply for reply in PythonEngine(MODEL).answer(requests)}
    try:
        conversation.send(replies)
    except StopIteration as end:
        kept: pl.DataFrame = end.value.kept
        return kept
    raise AssertionError("one round is enough")


def write_mistakes(count: int, level: int = 3) -> pl.DataFrame:
    """Solutions of the world's problems with one mistake each, the verdict on their text, and where they truly go wrong."""
    rows = []
    for problem in make_world(range(count), WorldParameters(count=count, level=level)).kept.iter_rows(named=True):
        program = load_program(problem["program"])
        lines, answer = solve_wrong(program, Random(problem["problem_id"]))
        text = write_solution(lines, answer)
        body, _, last = text.rpartition("\n")
        steps = body.split("\n")
        steps[-1] += f"\n{last}"
        key = identify_solution(problem["problem_id"], "world", "wrong", 0, text)
        truth = find_truth(program, steps)
        written = {"text": text, "rationale": text, "stated": None, "steps": steps, "step_rule": "given", "model": "world", "sampling": "wrong", "sample": 0}  # fmt: skip
        thought = {"thinking": None, "thinking_tokens": None, "thinking_finished": None}
        rows.append(problem | {"solution_id": key, "truth": truth.first_error, "kind": truth.kind} | written | thought)
    verified = verify_solutions(
        pl.DataFrame(rows, schema_overrides=NULLS, infer_schema_length=None), VerifyParameters()
    ).kept
    return verified.with_columns(text_verdict="verdict")


def run_mistakes(solutions: pl.DataFrame) -> pl.DataFrame:
    """The same solutions as programs, run, with how far each is right."""
    programs = rewrite_solutions(solutions, AsPythonParameters()).kept
    ran = run_table(programs, RunParameters(model="sandbox", by="value", states=True))
    return find_partial(ran, PartialParameters()).kept
