"""A release with every view for training: right and wrong solutions of Abacus' world, labelled with the truth."""

from __future__ import annotations

from random import Random
from typing import Any

import polars as pl

from catalog.publish.publish import View, publish
from catalog.storage import Store
from schemas.columns.corrections import SPLICED, STEP_PAIRS
from schemas.columns.pairs import CONTRAST_COLUMNS
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.columns.turns import TURNS
from schemas.contract import Column
from schemas.frames import check, to_polars_schema
from tasks.contrast import CONTRAST, ContrastParameters
from tasks.corrections.splice import SPLICE, SpliceParameters
from tasks.corrections.step_pairs import PAIRS as STEP_PAIRS_TASK
from tasks.corrections.step_pairs import PairsParameters
from tasks.sources.content_ids import identify_problem, identify_solution
from tasks.synthetic.problems import make_problem
from tasks.synthetic.solution import solve_right, solve_wrong, write_solution
from tasks.synthetic.truth import find_truth
from tasks.views.preference import PREFERENCE, PreferenceParameters
from tasks.views.task import VIEW
from tests.views import take_view

LABELLED = SOLUTIONS.having(
    *STEP_COLUMNS,
    *VERDICT_COLUMNS,
    Column("first_error", "integer", "The first wrong step, from 0; -1 where none is.", at_least=-1),
    Column("soft", "numbers", "For each step 1 where it is right, else 0."),
    *CONTRAST_COLUMNS,
)
VIEWS: dict[str, dict[str, Any]] = {
    "language": {"format": "language-modelling"},
    "language-chat": {"format": "language-modelling", "form": "conversational"},
    "completion": {"format": "prompt-completion"},
    "completion-chat": {"format": "prompt-completion", "form": "conversational"},
    "unpaired": {"format": "unpaired-preference"},
    "unpaired-chat": {"format": "unpaired-preference", "form": "conversational"},
    "stepwise": {"format": "stepwise"},
    "stepwise-whole": {"format": "stepwise", "after": "wrong"},
    "math-shepherd": {"format": "math-shepherd"},
    "prm800k": {"format": "prm800k"},
    "processbench": {"format": "processbench"},
    "cot-error-set": {"format": "cot-error-set"},
    "mistake-tuning": {"format": "mistake-tuning"},
    "mistake-tuning-chat": {"format": "mistake-tuning", "form": "conversational"},
    "mwpes": {"format": "mwpes"},
    "in-context": {"format": "in-context"},
}
STEPS = {"step-preference": "edited", "mcts-dpo": "siblings", "supercorrect": "judged"}
"""Views of pairs of steps, by how the sides come about."""
TURNS_VIEWS = ("multi-turn",)
PAIRS = {"preference": PreferenceParameters(), "preference-chat": PreferenceParameters(form="conversational")}


def solutions(count: int) -> pl.DataFrame:
    """Two solutions of each problem: one right, and one with a mistake made on purpose."""
    rows = []
    for number in range(count):
        problem = make_problem(0, number)
        for sample, (lines, answer) in enumerate(
            (solve_right(problem.program), solve_wrong(problem.program, Random(number)))
        ):
            text = write_solution(lines, answer)
            steps = text.split("\n")
            first = find_truth(problem.program, steps).first_error
            row: dict[str, Any] = {
                "problem_id": identify_problem(problem.question, None), "set": "world-3", "question": problem.question, "options": None,
                "answer": str(problem.answer), "reference": None, "model": "made", "sampling": "made", "sample": sample,
                "text": text, "rationale": text, "stated": None, "source": f"world:{number}", "steps": steps,
                "step_rule": "lines", "verdict": "right" if first < 0 else "wrong", "undecided": None,
                "extracted": str(answer), "extracted_by": "hashes", "extracted_from": None, "extracted_to": None,
                "compared_by": "numeric", "second_opinion": None, "first_error": first,
                "soft": [1.0 if first < 0 or i < first else 0.0 for i in range(len(steps))],
            }  # fmt: skip
            rows.append(row | {"solution_id": identify_solution(row["problem_id"], "made", "made", sample, text)})
    result = pl.DataFrame(rows, schema=to_polars_schema(LABELLED)).unique("solution_id", maintain_order=True)
    frame = CONTRAST.run(result, ContrastParameters()).kept
    check(frame, LABELLED, "made")
    return frame


def pair(frame: pl.DataFrame, by: str) -> pl.DataFrame:
    """Pairs of steps, of each wrong solution and the right one of its problem, through the task that makes them."""
    sides = [frame.filter(verdict=verdict) for verdict in ("right", "wrong")]
    steps = sides[0].select("problem_id", right_steps="steps")
    rows = []
    for row in sides[1].join(steps, on="problem_id", how="inner").to_dicts():
        first, right = row["first_error"], row["right_steps"]
        if by == "edited":
            rows.append(row | {"injected_at": first, "injected_original": right, "injected_by": "made"})
        elif by == "judged" and first < len(right):
            corrected = {
                "from_id": row["solution_id"], "steps_before": right[:first], "number": first, "student_verdict": "wrong", "student_first_error": first,
            }  # fmt: skip
            for who, texts in (("teacher", right), ("student", row["steps"])):
                corrected |= {who: "made", f"{who}_analysis": "The result is another.", f"{who}_correction": texts[first], f"{who}_whole": "\n".join(texts)}  # fmt: skip
            rows.append(row | corrected)
        elif first < len(right):
            for number, (step, q) in enumerate(((right[first], 0.75), (row["steps"][first], 0.0))):
                node = {
                    "node_id": f"{number}{row['solution_id'][1:]}",
                    "steps_before": right[:first],
                    "step": step,
                    "q": q,
                    "tried": 4,
                }
                rows.append({name: row[name] for name in frame.columns if name not in ("steps", "text")} | node)
    given = pl.DataFrame(rows, infer_schema_length=None)
    return STEP_PAIRS_TASK.run(given, PairsParameters.model_validate({"by": by, "alike": None})).kept


def revise(frame: pl.DataFrame) -> pl.DataFrame:
    """Each wrong solution, revised into the right one of its problem after it was told to look again."""
    right, wrong = (frame.filter(verdict=verdict) for verdict in ("right", "wrong"))
    before = wrong.select("problem_id", text_before="text", verdict_before="verdict")
    rows = []
    for row in right.join(before, on="problem_id", how="inner").to_dicts():
        said = (
            ("user", "question", row["question"]), ("assistant", "wrong", row["text_before"]), ("user", "feedback", "Look again."),
            ("assistant", "revision", row["text"]),
        )  # fmt: skip
        segments = [
            {"role": role, "kind": kind, "text": text, "learn": kind == "revision", "weight": 1.0, "by": "made", "of": None}
            for role, kind, text in said
        ]  # fmt: skip
        rows.append(row | {"turn_id": row["solution_id"], "turn": 1, "segments": segments})
    return pl.DataFrame(rows, infer_schema_length=None)


def make(store: str, count: int) -> None:
    """Publish `abacus-views` 1.0.0."""
    frame = solutions(count)
    views = {}
    for name, given in VIEWS.items():
        parameters = take_view(**given)
        views[name] = View(VIEW.makes(parameters, LABELLED), [{"train": VIEW.run(frame, parameters).kept}])
    for name, pairs in PAIRS.items():
        views[name] = View(PREFERENCE.makes(pairs, LABELLED), [{"train": PREFERENCE.run(frame, pairs).kept}])
    for name, by in STEPS.items():
        parameters = take_view(name)
        views[name] = View(VIEW.makes(parameters, STEP_PAIRS), [{"train": VIEW.run(pair(frame, by), parameters).kept}])
    spliced = SPLICE.run(frame.filter(verdict="wrong"), SpliceParameters(style="restart")).kept
    parameters = take_view("self-correction")
    views["self-correction"] = View(VIEW.makes(parameters, SPLICED), [{"train": VIEW.run(spliced, parameters).kept}])
    turns = revise(frame)
    for name in TURNS_VIEWS:
        parameters = take_view(name)
        views[name] = View(VIEW.makes(parameters, TURNS), [{"train": VIEW.run(turns, parameters).kept}])
    keys = {name: view.contract.key for name, view in views.items()}
    columns = {
        name: [{"name": c.name, "meaning": c.meaning} for c in view.contract.columns] for name, view in views.items()
    }

    def describe(_: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, Any]]:
        recipe = {"title": "Views for training", "license": "Apache-2.0", "text": ""}
        return {"README.md": "# Views\n"}, {
            "fingerprint": "made",
            "recipe": recipe,
            "columns": columns,
            "keys": keys,
            "funnel": [],
        }

    publish(Store(store), "abacus-views", "1.0.0", "made", views, describe)
