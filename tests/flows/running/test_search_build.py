"""Trees in a build: asked once whatever happens, beside `generate`, and on a teacher whose rates are known."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.planning import engines
from flows.planning import plan as planning
from flows.planning.plan import Plan
from flows.running import forecast
from flows.running.commit import reject_repeats
from flows.running.run_plan import materialize
from schemas.recipe.document import RecipeError
from schemas.request import Completion, Reply, Request
from tasks.evaluation.score import wilson
from tasks.synthetic.problems import make_problem
from tasks.synthetic.program import load_program
from tasks.synthetic.truth import find_progress
from tests.flows.running.interrupted import build_with_breaks
from tests.flows.running.test_inference import House
from tests.flows.running.test_table import read
from tests.tasks.search.scripted import write

RECIPE = """\
corpus: trees
version: 0.1.0
title: T
license: MIT
models: {small: MODEL}
tables:
  problems: {task: world, count: 12, level: 3}
  solutions: {task: generate, from: problems, models: [small], sampling: [{samples: 16}]}
  trees: {task: search, from: problems, model: small, method: METHOD, first: 16, searches: 10, rollouts: 4, prefilter: false}
  nodes: {task: nodes, from: trees}
  valued: {task: values, from: nodes, per: step}
  ends: {task: values, from: nodes}
  release: {task: release, from: valued, splits: {all: 1}}
"""
ENDPOINT = '{engine: openai, model: small, url: "http://127.0.0.1:1/v1"}'

GOLD = {problem.question: problem.answer for problem in (make_problem(0, number, 3) for number in range(12))}


def say(request: Request) -> Reply:
    """What the scripted model writes, to these problems' answers."""
    came = write(request)
    assert isinstance(came, Completion)
    gold = next(answer for question, answer in GOLD.items() if question in request.messages[-1].content)
    return replace(came, text=came.text.replace("#### 7", f"#### {gold}").replace("#### 8", f"#### {gold + 1}"))


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    result = House()
    result.say = say
    monkeypatch.setattr(engines, "open_engine", result)
    return result


def make(folder: Path, store: str, method: str, model: str = ENDPOINT) -> Plan:
    recipe = folder / "r.yaml"
    recipe.write_text(RECIPE.replace("METHOD", method).replace("MODEL", model))
    return planning.make_plan(str(recipe), None, store)


def read_table(plan: Plan, name: str) -> pl.DataFrame:
    return read(next(job for job in plan.jobs if job.name == name))


def accounts(plan: Plan) -> None:
    for done in plan.done.values():
        assert done.receipt.rows_in == done.receipt.rows_kept() + done.receipt.rows_rejected()


@pytest.mark.parametrize("method", ["omegaprm", "mcts"])
def test_a_build_that_stops_in_the_middle_of_a_search_asks_nothing_twice(
    method: str, tmp_path: Path, house: House
) -> None:
    whole = materialize(make(tmp_path, f"memory://{uuid.uuid4().hex}", method))
    accounts(whole)
    every = {request.id for request in house.asked}
    assert len(house.asked) == len(every)
    store = f"memory://{uuid.uuid4().hex}"
    plan = build_with_breaks(
        house, store, lambda: materialize(make(tmp_path, store, method)), every=96, least=2, requests=every
    )
    for name in ("trees", "valued"):
        assert read_table(plan, name).equals(read_table(whole, name))


def test_the_first_rollouts_are_paid_once_with_those_of_generate(tmp_path: Path, house: House) -> None:
    plan = materialize(make(tmp_path, f"memory://{uuid.uuid4().hex}", "mcts"))
    firsts = [request for request in house.asked if not request.prefix]
    assert len(firsts) == 12 * 16 == read_table(plan, "solutions").height
    assert read_table(plan, "trees")["rollouts"].sum() == len(house.asked)


def test_a_forecast_without_a_pilot_says_what_is_asked_first_and_at_most(tmp_path: Path, house: House) -> None:
    plan = make(tmp_path, f"memory://{uuid.uuid4().hex}", "mcts")
    trees = next(each for each in forecast.forecast_tables(plan, 0) if each.table == "trees")
    assert trees.requests == 12 * 16 and trees.at_most == 12 * (16 + 10 * 4) * 1024
    assert not house.asked


def test_a_teachers_declared_rates_are_the_shares_of_its_states(tmp_path: Path) -> None:
    model = "{engine: world, skill: {slips: 0.3, guesses: 0.1}}"
    plan = materialize(make(tmp_path, f"memory://{uuid.uuid4().hex}", "mcts", model))
    accounts(plan)
    counts = {False: [0, 0], True: [0, 0]}
    for node in read_table(plan, "nodes").filter(~pl.col("is_end") & (pl.col("visits") > 0)).to_dicts():
        steps = [*node["steps_before"], node["step"]]
        side = counts[find_progress(load_program(node["program"]), steps)[0]]
        side[0] += node["succeeded"]
        side[1] += node["tried"]
    for is_wrong, rate in ((False, 0.7), (True, 0.1)):
        low, high = wilson(*counts[is_wrong])
        assert low <= rate <= high, (is_wrong, counts[is_wrong])


def test_a_row_whose_columns_are_of_other_types_than_its_nodes_is_rejected_as_a_repeat(
    tmp_path: Path, house: House
) -> None:
    plan = materialize(make(tmp_path, f"memory://{uuid.uuid4().hex}", "mcts"))
    job, ends = next(job for job in plan.jobs if job.name == "ends"), read_table(plan, "ends")
    (row,) = reject_repeats(ends.head(1), job).to_dicts()
    assert (row["reason"], row["problem_id"]) == ("duplicate id", ends["problem_id"][0])
    assert row["q"] is None and ends["q"].dtype == pl.List(pl.Float64)  # of a node a number, of a solution a list


FAULT: dict[str, Any] = {"tree": "grows one tree for each question", "mtcs": "expected one of 'omegaprm' or 'mcts'"}


@pytest.mark.parametrize("method", FAULT)
def test_a_wrong_method_is_a_fault_of_the_recipe(method: str, tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    text = RECIPE.replace("MODEL", ENDPOINT).replace("METHOD", method)
    if method == "tree":
        text = text.replace("  trees: {task: search", "  v: {task: verify, from: solutions}\n  s: {task: split, from: v}\n  trees: {task: estimate").replace("from: problems, model", "from: s, model")  # fmt: skip
    recipe.write_text(text)
    with pytest.raises(RecipeError, match=FAULT[method]):
        planning.make_plan(str(recipe), None, f"memory://{uuid.uuid4().hex}")
