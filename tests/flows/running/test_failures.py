"""Requests that fail for good are rejected rows, up to a share; the ledger knows them."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from catalog.ledger import Ledger
from catalog.storage import Store
from flows.planning import plan as planning
from flows.planning.plan import Plan
from flows.running.losses import NothingLeft
from flows.running.run_plan import materialize
from schemas.recipe.document import RecipeError
from schemas.request import EngineError, Failure
from tests.flows.running.test_inference import RECIPE, House, build, house, store, text_of
from tests.flows.running.test_table import read

__all__ = ["house", "store"]


def make(folder: Path, store: str, share: str = "", count: int = 30) -> Plan:
    recipe = folder / "r.yaml"
    text = RECIPE.format(count=count, models="[one]", samples=2, max_tokens=50)
    recipe.write_text(text.replace("from: problems", f"from: problems\n    failures: {share}") if share else text)
    return planning.make_plan(str(recipe), None, store)


def test_a_failure_is_a_rejected_row_and_is_not_asked_again(tmp_path: Path, house: House, store: str) -> None:
    house.say = lambda r: Failure(r.id, "no answer", "500", tokens=7) if r.sample else text_of(r)
    plan = make(tmp_path, store, "0.5")
    work = build(plan)
    assert read(work).height == 30
    assert read(work, "rejected")["reason"].value_counts().rows() == [("no answer", 30)]
    (account,) = Ledger(Store(store)).spent()
    assert (account.requests, account.failed, account.tokens) == (60, 30, 30 * 20 + 30 * 7)
    house.asked.clear()
    Store(store).fs.rm(Store(store).full(work.folder().path), recursive=True)
    build(make(tmp_path, store, "0.5"))
    assert house.asked == []


def test_more_failures_than_may_be_stop_the_build_and_are_asked_again_only_where_it_is_told(
    tmp_path: Path, house: House, store: str
) -> None:
    house.say = lambda r: Failure(r.id, "no answer", "500 Oh no") if r.sample else text_of(r)
    with pytest.raises(
        EngineError, match=r"table 'solutions': 4 of 60 requests failed for good, where 5 % may"
    ) as error:
        build(make(tmp_path, store))
    assert re.search(r"4 × no answer \(500 Oh no\).*--retry-failed", str(error.value))
    house.say = text_of
    failed = {request.id for request in house.asked if request.sample}
    with pytest.raises(EngineError, match="failed for good"):
        build(make(tmp_path, store))
    house.asked.clear()
    plan = make(tmp_path, store).retrying_failed(time.time())
    work = materialize(plan).jobs[1]
    assert failed & {request.id for request in house.asked} and read(work).height == 60


@pytest.mark.parametrize(
    ("share", "failures", "stops"), [("", 1, False), ("0", 1, True), ("0.1", 6, False), ("0.1", 7, True)]
)
def test_one_failure_alone_stops_nothing_unless_none_may_be(
    tmp_path: Path, house: House, store: str, share: str, failures: int, stops: bool
) -> None:
    left = [None] * failures
    house.say = lambda r: Failure(r.id, "no answer", str(left.pop())) if left else text_of(r)
    if stops:
        with pytest.raises(EngineError, match="failed for good"):
            build(make(tmp_path, store, share))
    else:
        assert read(build(make(tmp_path, store, share)), "rejected").height == failures


def test_the_share_does_not_make_another_table(tmp_path: Path, store: str) -> None:
    prints = {make(tmp_path, store, share).jobs[1].fingerprint for share in ("", "0", "0.5", "1")}
    assert len(prints) == 1


@pytest.mark.parametrize("share", ["2", "-0.1", "yes", "'a'", "true"])
def test_a_share_that_is_none_is_a_fault_of_the_recipe(tmp_path: Path, store: str, share: str) -> None:
    with pytest.raises(RecipeError, match=r"tables.solutions.failures: expected a share .* from 0 to 1, found"):
        make(tmp_path, store, share)


def test_a_share_belongs_where_models_are_asked(tmp_path: Path, store: str) -> None:
    make(tmp_path, store)
    recipe = tmp_path / "r.yaml"
    recipe.write_text(recipe.read_text().replace("{task: split,", "{task: split, failures: 0.1,"))
    with pytest.raises(RecipeError, match="task 'split' asks no model; remove `failures`"):
        planning.make_plan(str(recipe), None, store)


def test_what_a_complete_table_lacks_is_asked_again_for_another_that_stands_for_it(
    tmp_path: Path, house: House, store: str
) -> None:
    house.say = lambda r: Failure(r.id, "no answer", "402 no credit") if r.sample else text_of(r)
    plan = materialize(make(tmp_path, store, "0.5"))
    old = plan.jobs[1]
    first = Store(store).read(f"{old.folder().path}/manifest.json")
    assert {name: manifest.receipt.failed for name, manifest in plan.done.items()} == {
        "problems": 0, "solutions": 30, "steps": 0
    }  # fmt: skip
    house.say = text_of
    house.asked.clear()
    assert make(tmp_path, store, "0.5").topological_generations() == [], "nothing is asked again unless it is told"

    assert make(tmp_path, store, "0.5").reopen_failed(time.time()) == {"solutions": 30}
    again = make(tmp_path, store, "0.5")
    assert [[job.name for job in jobs] for jobs in again.topological_generations()] == [["solutions"], ["steps"]]
    # whoever goes on after a kill need not say it again: the table knows
    again = materialize(again)
    assert len(house.asked) == 30 == len({request.id for request in house.asked}), "what was answered is not paid twice"
    work, manifest = again.jobs[1], again.done["solutions"]
    assert work.fingerprint != old.fingerprint and read(work).height == 60
    assert (manifest.receipt.failed, manifest.inputs[-1]) == (0, "retry 1")
    assert Store(store).read(f"{old.folder().path}/manifest.json") == first and read(old).height == 30, "never changed"

    last = make(tmp_path, store, "0.5")
    assert last.jobs[1].fingerprint == work.fingerprint and last.topological_generations() == []
    assert last.reopen_failed(time.time()) == {}


def test_where_nothing_is_left_because_requests_failed_the_error_says_how_to_ask_again(
    tmp_path: Path, house: House, store: str
) -> None:
    house.say = lambda r: Failure(r.id, "no answer", "402 no credit")
    with pytest.raises(
        NothingLeft, match=r"60 of its requests failed for good: mend the cause, and build with --retry-failed"
    ):
        build(make(tmp_path, store, "1"))


def test_a_table_that_still_lacks_answers_can_be_asked_about_again(tmp_path: Path, house: House, store: str) -> None:
    house.say = lambda r: Failure(r.id, "no answer", "402 no credit") if r.sample else text_of(r)
    prints = []
    for _ in range(3):
        plan = materialize(make(tmp_path, store, "0.5"))
        prints.append(plan.jobs[1].fingerprint)
        assert plan.reopen_failed(time.time()) == {"solutions": 30}
    assert len(set(prints)) == 3 and len(house.asked) == 60 + 2 * 30
