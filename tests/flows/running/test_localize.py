"""Judging and estimating in a build: one ask of each request whatever happens, and what the release says of its labels."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from errata.cli.command import main
from errata.cli.exit_codes import DONE

from flows.metrics.label_quality import measure_labels
from flows.planning import engines
from flows.planning import plan as planning
from flows.planning.plan import Plan
from flows.publishing.publish import publish_release
from flows.running import forecast
from flows.running.run_plan import materialize
from schemas.request import Completion, Reply, Request
from tasks.synthetic.problems import make_problem
from tests.flows.running.interrupted import build_with_breaks
from tests.flows.running.test_inference import House
from tests.flows.running.test_table import read
from tests.teachers import make_teacher

RECIPE = """\
corpus: located
version: 0.1.0
title: T
license: MIT
models: {one: {engine: openai, model: big, url: "http://127.0.0.1:1/v1"}}
tables:
  problems: {task: world, count: 40, level: 2}
  solutions: {task: generate, from: problems, models: [one], sampling: [{temperature: 1, samples: 3}], max_tokens: 50}
  steps: {task: split, from: solutions}
  known: {task: truth, from: steps, source: program}
  verified: {task: verify, from: known}
  judged: {task: judge, from: verified, models: [one], prompt: abacus-judge}
  estimated: {task: estimate, from: judged, model: one, method: METHOD, rollouts: 4, max_tokens: 50, reuse: false}
  agreed: {task: agree, from: estimated}
  release: {task: release, from: agreed, splits: {all: 1}}
"""
PROBLEMS = [make_problem(0, number, 2) for number in range(40)]
say = make_teacher(slips=0.5, guesses=0.3, misses=0.1, elsewhere=0.1)
"""Half of its solutions are wrong, and so is one in ten of its judgements in either way."""


def solve_by_script(request: Request) -> Reply:
    """A model whose rows ask for rollouts one as the other: of the world's, those that begin alike are asked about once."""
    bad, words = request.sample % 2, request.messages[-1].content
    right = next(problem.answer for problem in PROBLEMS if problem.question in words)
    if words.startswith("Judge"):
        text = "First error: 2, calculation" if "bad" in words else "First error: none"
    elif request.prefix:
        text = f"#### {right + 5 * (int(request.id, 16) % 2 == 0 or 'bad' in request.prefix)}"
    else:
        text = f"1. ok\n2. {'bad' if bad else 'ok'}\n3. so\n#### {right + bad}"
    return Completion(request.id, text, "stop", request.sampling.max_tokens, 10, 20, None, "fake 1", 1.0)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    result = House()
    result.say = say
    monkeypatch.setattr(engines, "open_engine", result)
    return result


def make(folder: Path, store: str, method: str) -> Plan:
    recipe = folder / "r.yaml"
    recipe.write_text(RECIPE.replace("METHOD", method))
    return planning.make_plan(str(recipe), None, store)


def build(folder: Path, store: str, method: str) -> Plan:
    """Make all tables."""
    return materialize(make(folder, store, method))


def labels(plan: Plan) -> list[Any]:
    work = next(work for work in plan.jobs if work.name == "estimated")
    rows = read(work)
    return rows.select("solution_id", "estimate_first_error", "tried", "succeeded").sort("solution_id").rows()


@pytest.mark.parametrize("method", ["every-step", "sequential", "binary", "witness", "active"])
def test_a_build_that_stops_in_the_middle_of_a_round_asks_nothing_twice(
    method: str, tmp_path: Path, house: House
) -> None:
    whole = labels(build(tmp_path, f"memory://{uuid.uuid4().hex}", method))
    every = {request.id for request in house.asked}
    assert len(house.asked) == len(every)
    store = f"memory://{uuid.uuid4().hex}"
    plan = build_with_breaks(house, store, lambda: build(tmp_path, store, method), every=36, least=3, requests=every)
    assert labels(plan) == whole


def test_the_labels_are_told_with_their_precision_and_cost(tmp_path: Path, house: House) -> None:
    plan = build(tmp_path, f"memory://{uuid.uuid4().hex}", "witness")
    judged, estimated, agreed = measure_labels(plan)
    assert (judged["table"], judged["rows"], judged["labelled"], judged["replies"]) == ("judged", 120, 120, 120)
    assert estimated["how"] == "witness, 4 rollouts, hard label"
    rows = read(next(job for job in plan.jobs if job.name == "estimated"))
    assert judged["tokens"] == rows["judge_tokens"].sum() > 120
    # what begins at the start of a problem, `generate` may have asked already; what two rows ask alike is asked once
    started, asked = int(rows["start_tried"].sum()), sum(request.prefix != "" for request in house.asked)
    assert 0 < started < 20 and asked <= estimated["replies"] <= 1.2 * (asked + started)
    assert agreed["labelled"] == agreed["rows"] - sum(plan.done["agreed"].receipt.reasons.values())
    assert agreed["rows"] == 120
    (tested,) = agreed["confirmed"]  # rollouts tested the judge's own steps: that is no agreement
    assert agreed["kappa"] == [] and (tested["labeller"], tested["by"]) == ("big", "estimation")
    assert 0 < tested["confirmed"] <= tested["of"] <= 120
    for item in (judged, estimated, agreed):
        of_right, of_wrong = item["f1"]["right"][1], item["f1"]["wrong"][1]
        assert of_right + of_wrong == 120 and min(of_right, of_wrong) > 20
        assert item["none"]["exact"] == item["f1"]["right"][0] <= item["none"]["labels"]
    assert agreed["f1"]["wrong"][0] <= min(judged["f1"]["wrong"][0], estimated["f1"]["wrong"][0])
    for item in (judged, agreed):
        low, high = item["interval"]
        assert 0 <= low <= item["exact"] / item["named"] <= high <= 1


def test_the_forecast_counts_all_rounds(tmp_path: Path, house: House) -> None:
    house.say = solve_by_script
    store = f"memory://{uuid.uuid4().hex}"
    result = {table.table: table for table in forecast.forecast_tables(make(tmp_path, store, "sequential"), 16)}
    assert set(result) == {"solutions", "judged", "estimated"}
    build(tmp_path, store, "sequential")
    rolled = len({request.id for request in house.asked if request.prefix})
    assert result["estimated"].requests == pytest.approx(rolled, rel=0.4)
    judgements = {request.id for request in house.asked if request.messages[-1].content.startswith("Judge")}
    assert result["judged"].requests == pytest.approx(len(judgements), rel=0.1)


JOINED = RECIPE.replace("from: judged, model: one", "from: verified, model: one").replace(
    "agreed: {task: agree, from: estimated}", "agreed: {task: agree, from: {judge: judged, estimate: estimated}}"
)


def make_joined(folder: Path, store: str, recipe: str = JOINED) -> Plan:
    (folder / "joined.yaml").write_text(recipe.replace("METHOD", "every-step"))
    return planning.make_plan(str(folder / "joined.yaml"), None, store)


def test_side_by_side_or_one_after_the_other_labels_agree_alike(tmp_path: Path, house: House) -> None:
    store = f"memory://{uuid.uuid4().hex}"
    chained = materialize(make(tmp_path, store, "every-step"))
    asked = len(house.asked)
    joined = materialize(make_joined(tmp_path, store))
    assert len(house.asked) == asked, "the ledger knows all"
    result, other = (next(job for job in plan.jobs if job.name == "agreed") for plan in (chained, joined))
    assert result.fingerprint != other.fingerprint
    assert result.contract == other.contract
    assert read(result).equals(read(other)) and read(result).height
    assert chained.done["agreed"].receipt.reasons == joined.done["agreed"].receipt.reasons
    assert measure_labels(chained)[2]["kappa"] == measure_labels(joined)[2]["kappa"]


def test_judging_and_estimating_are_of_one_generation_and_a_new_prompt_leaves_the_estimation(
    tmp_path: Path, house: House
) -> None:
    store = f"memory://{uuid.uuid4().hex}"
    plan = make_joined(tmp_path, store)
    assert [[job.name for job in jobs] for jobs in plan.topological_generations()][-2:] == [
        ["judged", "estimated"], ["agreed"],
    ]  # fmt: skip
    materialize(plan)
    again = make_joined(tmp_path, store, JOINED.replace("prompt: abacus-judge", "prompt: judge-steps"))
    jobs = {job.name: job for job in again.jobs}
    assert {job.name: job.fingerprint for job in plan.jobs}["estimated"] == jobs["estimated"].fingerprint
    assert set(again.done) == {"problems", "solutions", "steps", "known", "verified", "estimated"}
    house.asked.clear()
    materialize(again)
    assert {request.prefix for request in house.asked} == {""}, "a rollout was asked for"


def test_a_plan_names_the_inputs_of_a_table_that_joins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_joined(tmp_path, str(tmp_path / "store"))
    assert main(["plan", str(tmp_path / "joined.yaml"), "--store", str(tmp_path / "store"), "--pilot", "0"]) == DONE
    assert re.search(r"^agreed +agree +judge: judged, estimate: estimated ", capsys.readouterr().out, re.MULTILINE)


def test_a_solution_that_one_labeller_never_saw_is_rejected_and_the_release_counts_it(
    tmp_path: Path, house: House
) -> None:
    recipe = JOINED.replace("judged: {task: judge, from: verified", "judged: {task: judge, from: some").replace(
        "  judged:", "  some: {task: select, from: verified, where: \"solution_id < '8'\"}\n  judged:"
    )
    plan = materialize(make_joined(tmp_path, f"memory://{uuid.uuid4().hex}", recipe))
    receipt = plan.done["agreed"].receipt
    lacking = 120 - plan.done["some"].receipt.rows_kept()
    assert receipt.rows_in == 120 and receipt.reasons["no judge"] == lacking > 10
    agreed = measure_labels(plan)[2]
    assert agreed["rows"] == 120 and agreed["kappa"][0]["labellers"] == ["big", "estimation"]
    assert publish_release(plan)["funnel"][-1]["reasons"] == receipt.reasons


def test_what_is_made_from_a_join_is_forecast(tmp_path: Path, house: House) -> None:
    store = f"memory://{uuid.uuid4().hex}"
    recipe = JOINED.replace("from: agreed, s", "from: typed, s").replace(
        "  release", "  typed: {task: classify, from: agreed, rules: false, models: [one], taxonomy: abacus}\n  release"
    )
    result = {table.table: table for table in forecast.forecast_tables(make_joined(tmp_path, store, recipe), 64)}
    assert set(result) == {"solutions", "judged", "estimated", "typed"}
    assert result["typed"].requests > 0


def test_the_forecast_of_a_search_has_a_bound(tmp_path: Path, house: House) -> None:
    store = f"memory://{uuid.uuid4().hex}"
    open_, bounded = (
        {table.table: table for table in forecast.forecast_tables(make(tmp_path, store, method), 16)}["estimated"]
        for method in ("active", "active, budget: 600")
    )
    assert open_.tokens is not None and bounded.tokens is not None
    assert open_.at_most is not None and 0 < open_.tokens < open_.at_most
    assert bounded.at_most == 600 >= bounded.tokens
    plan = build(tmp_path, store, "active, budget: 600")
    rows = read(next(job for job in plan.jobs if job.name == "estimated"))
    assert 0 < rows["rollout_tokens"].sum() <= 600
