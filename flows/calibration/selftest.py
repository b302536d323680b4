"""The rows of a self-test: solutions of which is known where they first go wrong, if they do.

They are those of a file that people labelled, those of the judged table with
their gold, its right solutions made wrong by rules, or where there are none
right solutions of Abacus' world, made wrong likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from catalog import taxonomies
from flows.metrics.evaluate import find_rows, read_rules
from flows.planning.plan import TableJob
from flows.running.partitions import InputColumns
from flows.running.sample import spread_rows
from schemas.columns.gold import GOLD_STEP
from schemas.columns.problems import PROGRAM, SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.frames import to_polars_schema
from tasks.evaluation.fields import EvaluationError
from tasks.evaluation.gold import map_gold
from tasks.inject.parameters import InjectParameters
from tasks.inject.task import INJECT
from tasks.localize.judge import JUDGED_COLUMNS
from tasks.sources.values import FieldError
from tasks.split import split_steps
from tasks.synthetic.problems import make_problem
from tasks.synthetic.solution import solve_right, write_solution
from tasks.verify.task import VERIFY, VerifyParameters

GOLD = "gold"
"""The column of the first wrong step, counted from 0, -1 for none."""
SHOWN = {
    name: kind
    for name, kind in to_polars_schema(SOLUTIONS.having(*STEP_COLUMNS, *VERDICT_COLUMNS)).items()
    if name in JUDGED_COLUMNS
}
_QUESTIONS, _REFERENCES = (
    ("question", "problem", "Question"),
    ("reference", "reference_solution", "Ground_Truth_Solution"),
)
ENOUGH = 2_000
"""Right solutions that are made wrong."""
WRONG = 2 / 3
"""The share of the rows that are wrong, where there is a choice."""


def load_gold_file(
    name: str, format: str, data: str | None, store: str, trust: bool = False
) -> tuple[str, pl.DataFrame]:  # fmt: skip
    """Rows of a file that people labelled.

    Args:
        name: The file, or a table or release, as `errata evaluate` takes them.
        format: How its gold is written, a format of `errata evaluate`.
        data: What `${data}` stands for.
        store: The store of tables and releases.
        trust: Whether the recipe of a table may name files anywhere.

    Returns:
        Where the rows are from, and the rows.

    """
    rules = read_rules(format)
    read, rows, faults = map_gold(rules), [], 0
    for record in find_rows(name, data, store, trust).records():
        try:
            gold = read(record)
        except FieldError:
            faults += 1
            continue
        value = record.value or {}
        steps = rules.steps.take(value, None) if rules.steps else None
        question = next((value[key] for key in _QUESTIONS if isinstance(value.get(key), str)), None)
        if not isinstance(steps, list) or question is None:
            faults += 1
            continue
        verdict = value.get("verdict") or ("wrong" if gold.first_error >= 0 else "right")
        reference = next((value[key] for key in _REFERENCES if isinstance(value.get(key), str)), None)
        shown = {"question": question, "options": value.get("options"), "steps": [str(step) for step in steps]}
        rows.append(
            {
                **shown,
                "text": "\n".join(shown["steps"]),
                "reference": reference,
                "verdict": verdict,
                GOLD: gold.first_error,
            }
        )
    if not rows:
        raise EvaluationError(
            f"{name}: none of its {faults} rows has a question (a field {', '.join(_QUESTIONS)}), steps and gold as "
            f"`--format {format}` has them"
        )
    return name, pl.DataFrame(rows, schema={**SHOWN, GOLD: pl.Int64})


def find_known_rows(job: TableJob, is_made: bool) -> tuple[str, pl.DataFrame]:
    """Rows of a judged table's input of which gold is known, or its right solutions made wrong; or those of Abacus' world."""
    columns = job.input_contract.names()
    if is_made and GOLD_STEP in columns:
        wanted = [*(name for name in JUDGED_COLUMNS if name in columns), GOLD_STEP]
        known = pl.concat([rows.select(wanted) for rows in InputColumns(job, wanted)]).rename({GOLD_STEP: GOLD})
        known = known.filter(pl.col(GOLD).is_not_null())
        if known.height:
            return f"the input of '{job.name}', whose truth is known", known
    if is_made and set(INJECT.needs) <= set(columns):
        injected = _inject(_read_right(job, columns))
        if injected.height >= 10:
            return f"right solutions before '{job.name}', made wrong by rules", injected
    return "right solutions of Abacus' world, made wrong by rules", _inject(_make_world(300))


def _read_right(job: TableJob, columns: Sequence[str]) -> pl.DataFrame:
    """The first right solutions of a table's input."""
    frames: list[pl.DataFrame] = []
    for rows in InputColumns(job, list(columns)):
        frames.append(rows.filter(pl.col("verdict") == "right"))
        if sum(frame.height for frame in frames) >= ENOUGH:
            break
    return pl.concat(frames).head(ENOUGH)


def _make_world(count: int) -> pl.DataFrame:
    """Right solutions of Abacus' world."""
    schema = to_polars_schema(SOLUTIONS.having(PROGRAM, *STEP_COLUMNS, *VERDICT_COLUMNS))
    rows = []
    for number in range(count):
        problem = make_problem(11, number, 3)
        text = write_solution(*solve_right(problem.program))
        plain: dict[str, Any] = dict.fromkeys(schema) | {
            "solution_id": f"{number:024x}",
            "problem_id": f"{number:024x}",
        }
        plain |= {"set": "world", "question": problem.question, "answer": str(problem.answer), "model": "rules"}
        plain |= {"sampling": "greedy", "sample": 0, "source": f"world:{number}", "step_rule": "numbered"}
        rows.append(
            plain | {"text": text, "rationale": text, "steps": split_steps(text)[0], "program": problem.program.dump()}
        )
    return VERIFY.run(pl.DataFrame(rows, schema=schema), VerifyParameters.model_validate({})).kept


def _inject(rows: pl.DataFrame) -> pl.DataFrame:
    """Right solutions of which two in three are made wrong by rules."""
    rules = InjectParameters.model_validate({"taxonomy": taxonomies.find_shipped("abacus"), "share": WRONG})
    conversation = INJECT.ask(rows, rules, {})
    try:
        next(conversation)
    except StopIteration as end:
        kept: pl.DataFrame = end.value.kept
        names = [name for name in JUDGED_COLUMNS if name in kept.columns]
        return kept.select(*names, pl.col("injected_at").alias(GOLD))
    raise AssertionError("rules ask no model")


def choose_rows(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    """At most so many rows, two wrong ones to each right one as far as there are such, evenly spread."""
    wrong, right = rows.filter(pl.col(GOLD) >= 0), rows.filter(pl.col(GOLD) < 0)
    share = most - min(right.height, round(most * (1 - WRONG)))
    chosen = spread_rows(wrong, share)
    return pl.concat([chosen, spread_rows(right, most - chosen.height)])
