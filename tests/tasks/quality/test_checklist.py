"""`checklist`: what is asked, what its answers come to, and what is undecided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.tables import read_rows
from flows.planning.plan import make_plan
from flows.running.run_plan import materialize
from schemas.columns.checklist import CHECKLIST_COLUMNS
from schemas.contract import Contract
from schemas.frames import check
from schemas.model_id import ModelId
from schemas.request import Completion, Failure, Reply
from tasks.evaluation.discrimination import measure_discrimination
from tasks.quality.checklist import CHECKLIST, ChecklistParameters, parse_answers
from tests.conversations import ask_once

NAMES = {"m": ModelId("small", "r1")}
SCHEMA: dict[str, Any] = {
    "solution_id": pl.String, "question": pl.String, "options": pl.List(pl.String), "text": pl.String, "steps": pl.List(pl.String),
}  # fmt: skip
RULES = ChecklistParameters(model="m")
ALL = "1. yes\n2. Yes.\n**3.** no\n4) yes\n5: yes"


def answer(reply: str | Reply, *steps: str) -> dict[str, Any]:
    """The columns that a reply comes to."""
    part = pl.DataFrame([("0" * 24, "How many?", None, "\n".join(steps), list(steps))], schema=SCHEMA, orient="row")

    def say(request: Any) -> Reply:
        if not isinstance(reply, str):
            return reply
        return Completion(request.id, reply, "stop", request.sampling.max_tokens, 9, 5, None, "e", 0.0)

    requests, outcome = ask_once(CHECKLIST, part, RULES, NAMES, say)
    assert len(requests) == bool(steps)
    check(outcome.kept.select(column.name for column in CHECKLIST_COLUMNS), Contract("c", "", CHECKLIST_COLUMNS, ""), "c")  # fmt: skip
    assert (outcome.kept.height, outcome.rejected.height) == (1, 0)
    return dict(outcome.kept.to_dicts()[0])


def test_the_share_of_yes_is_the_score() -> None:
    row = answer(ALL, "1. a = 3", "2. b = 4")
    assert (row["checklist_answers"], row["checklist_share"]) == (["yes", "yes", "no", "yes", "yes"], 0.8)
    assert row["checklist_undecided"] is None


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("All of it is fine.", "unparsable"),
        (ALL.replace("4) yes\n", ""), "unparsable"),
        (f"{ALL}\n1. no", "unparsable"),
        (f"{ALL}\n6. yes", "unparsable"),
        (Failure("x", "refused", "no", 1), "refused"),
        (Completion("x", ALL, "length", 256, 9, 256, None, "e", 0.0), "truncated completion"),
    ],
)
def test_what_is_not_answered_whole_is_undecided(reply: str | Reply, why: str) -> None:
    row = answer(reply, "1. a = 3")
    assert (row["checklist_share"], row["checklist_answers"], row["checklist_undecided"]) == (None, [], why)


def test_of_a_solution_without_steps_nothing_is_asked() -> None:
    row = answer(ALL)
    assert (row["checklist_undecided"], row["checklist_request"]) == ("no steps", None)


@given(st.text(max_size=200), st.integers(1, 6))
def test_answers_are_those_of_all_questions_or_none(text: str, questions: int) -> None:
    assert len(parse_answers(text, questions)) in (0, questions)


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        ("{question} {steps}", "prompt: its questions are no list from 1"),
        ("{question} {steps}\n2. Is it right?", "prompt: its questions are no list from 1"),
        ("{question}\n1. Is it right?", "prompt: has no {steps}"),
    ],
)
def test_prompts_without_a_list(prompt: str, fault: str) -> None:
    given = ChecklistParameters.model_validate({"model": "m", "prompt": prompt})
    assert any(each.startswith(fault) for each in CHECKLIST.check(given, Contract("s", "", (), "")))


RECIPE = """\
corpus: checked
version: 0.1.0
title: T
license: MIT
models:
  solver: {engine: world, skill: {slips: 0.5}}
  checker: {engine: world, skill: {misses: 0.2, elsewhere: 0.1, alarms: 0.1}, seed: 1}
tables:
  problems: {task: world, count: 60, level: 3}
  solutions: {task: generate, from: problems, models: [solver], prompt: abacus-solve}
  steps: {task: split, from: solutions}
  verified: {task: verify, from: steps}
  checked: {task: checklist, from: verified, model: checker}
  release: {task: release, from: checked}
"""


def test_a_checker_of_known_truth_tells_right_from_wrong_as_often_as_declared(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    plan = materialize(make_plan(str(tmp_path / "r.yaml"), None, str(tmp_path / "store")))
    job = next(job for job in plan.jobs if job.name == "checked")
    rows = pl.concat(read_rows(job.folder(), job.contract, plan.done["checked"]))
    pairs = list(zip(rows["checklist_share"], rows["verdict"] == "right"))
    result = measure_discrimination([(share, right) for share, right in pairs if share is not None])
    # one question of five is answered no where a mistake is seen: of right ones by alarms, of wrong ones but for misses
    low, high = result.interval or (1.0, 0.0)
    expected = (1 - 0.1) * (1 - 0.2) + ((1 - 0.1) * 0.2 + 0.1 * (1 - 0.2)) / 2
    assert rows.height == 60 and result.right and result.wrong
    assert low <= expected <= high
