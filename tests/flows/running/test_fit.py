"""A taxonomy that is found, in a build: once for the whole table, kept beside it, released, and named by its file."""

from __future__ import annotations

import json
import shutil
import uuid
from collections import Counter
from pathlib import Path

import pytest
from errata.cli import text as told_in_text

from catalog.storage import Store, StoreError
from catalog.taxonomies import find_taxonomy
from flows.planning import plan as planning
from flows.planning.plan import Plan, TableJob
from flows.publishing import publish as releasing
from flows.running import fit
from flows.running.forecast import forecast_tables
from flows.running.losses import NothingLeft
from flows.running.run_plan import materialize
from schemas.request import Completion, EngineError, Failure, Reply, Request
from tests.flows.running.test_inference import House, house  # noqa: F401
from tests.flows.running.test_table import read
from tests.tasks.classify.conversation import kind_in, known_types, named, new

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
models:
  one: {engine: openai, model: big}
  two: {engine: openai, model: large}
tables:
  first: {task: import, files: a.jsonl, set: set, question: q, answer: a, model: m, text: t}
  second: {task: import, files: b.jsonl, set: set, question: q, answer: a, model: m, text: t}
  steps: {task: split, from: [first, second]}
  made: {task: inject, from: steps}
  judged: {task: judge, from: steps, models: [one], prompt: "{question} {steps}"}
  agreed: {task: agree, from: judged, rule: unanimous}
  typed:
    task: classify
    from: agreed
    rules: false
    models: [one, two]
    dynamic: {least: 2, rows: 6, rounds: 5, decider: two, name: own}
  release: {task: release, from: typed, splits: {all: 1}}
"""
KINDS = ["slip", "unit", "slip", "copying", "slips", "unit", "slip", "copying", "unit", "moon"]


def say(request: Request) -> Reply:
    """Judges the second step wrong, calls it what stands in it, and knows that slips are a slip."""
    asked = "\n".join(message.content for message in request.messages)
    text = '{"same": true}' if '"same"' in asked else '{"type": "none"}' if "too rare" in asked else "First error: 2"
    if kind := kind_in(request):
        known = known_types(request)
        text = named(kind) if kind in known else new(kind) if "propose a new kind" in asked else named(kind[:4])
        if "It looks like" in asked and not known and "propose" not in asked:
            text = "First error: 2"
    return Completion(request.id, text, "stop", request.sampling.max_tokens, 9, 9, None, "fake 1", 1.0)


def make(folder: Path, store: str, recipe: str = RECIPE, backwards: bool = False) -> Plan:
    lines = [
        json.dumps({"set": "s", "q": f"How many, {i}?", "a": "3", "m": f"m{i % 2}", "t": f"I begin.\nIt looks like [{kind}] to me {i}.\nSo 4."})
        for i, kind in enumerate(KINDS)
    ]  # fmt: skip
    lines = lines[::-1] if backwards else lines
    cut = 3 if backwards else 6
    (folder / "a.jsonl").write_text("\n".join(lines[:cut]) + "\n")
    (folder / "b.jsonl").write_text("\n".join(lines[cut:]) + "\n")
    (folder / "r.yaml").write_text(recipe.replace("  made: {task: inject, from: steps}\n", ""))
    return planning.make_plan(str(folder / "r.yaml"), None, store)


def built(plan: Plan) -> tuple[Plan, TableJob]:
    return materialize(plan), next(work for work in plan.jobs if work.name == "typed")


@pytest.fixture
def store() -> str:
    return f"memory://{uuid.uuid4().hex}"


def test_one_taxonomy_for_all_parts_is_kept_released_and_read_again(tmp_path: Path, house: House) -> None:  # noqa: F811
    house.say = say
    plan, work = built(make(tmp_path, str(tmp_path / "store")))
    rows = read(work)
    assert Counter(rows["error_type"]) == {"slip": 4, "unit": 3, "copying": 2, "other": 1}
    taxonomy = fit.read_taxonomy(work)
    assert taxonomy is not None
    assert set(rows["taxonomy"]) == {taxonomy.id}
    (merged,) = [item for item in taxonomy.history if item.change == "merge"]
    assert (merged.type, merged.into, merged.by) == ("slips", "slip", "model large")
    manifest = releasing.publish_release(plan)
    place = tmp_path / "store" / "releases" / "t" / "0.1.0"
    assert find_taxonomy("taxonomies/typed.yaml", place) == taxonomy
    assert "taxonomies/typed.yaml" in {file["path"] for file in manifest["files"]}
    (result,) = manifest["types"]
    assert result["found"]["merge"] == 1
    assert result["found"]["rounds"][0]["proposed"] > 0
    card = (place / "README.md").read_text()
    assert "`typed`: 10 of 10 mistakes typed by `own-" in card
    assert "taxonomies/typed.yaml" in card
    assert "Cohen's kappa of big and large: 1.000 (1.000 to 1.000) (10 mistakes that both type)." in card
    assert "merged" in told_in_text.format_types(manifest["types"])
    # the file may be named by another recipe, which then asks nothing but its own votes
    shutil.copy(place / "taxonomies" / "typed.yaml", tmp_path / "own.yaml")
    static = RECIPE.replace("dynamic: {least: 2, rows: 6, rounds: 5, decider: two, name: own}", "taxonomy: own.yaml")
    house.asked.clear()
    _, again = built(make(tmp_path, str(tmp_path / "store"), static))
    assert read(again)["error_type"].to_list() == rows["error_type"].to_list()
    assert house.asked == []


def test_neither_parts_nor_order_change_what_is_asked(tmp_path: Path, house: House, store: str) -> None:  # noqa: F811
    house.say = say
    _, work = built(make(tmp_path, store))
    first = {request.id for request in house.asked}
    house.asked.clear()
    (tmp_path / "b").mkdir()
    _, other = built(make(tmp_path / "b", f"memory://{uuid.uuid4().hex}", backwards=True))
    assert {request.id for request in house.asked} == first
    assert fit.read_taxonomy(work) == fit.read_taxonomy(other)


def test_a_build_that_breaks_goes_on_and_comes_to_the_same(tmp_path: Path, house: House, store: str) -> None:  # noqa: F811
    def breaks(request: Request) -> Reply:
        if "propose a new kind" in request.messages[0].content and len(house.asked) % 9 == 0:
            raise EngineError("model big: gone")
        return say(request)

    house.say = breaks
    plan = make(tmp_path, store)
    for _ in range(50):
        try:
            built(plan)
            break
        except EngineError:
            plan = planning.make_plan(plan.recipe.file, None, store)
    _, work = built(planning.make_plan(plan.recipe.file, None, store))
    taxonomy = fit.read_taxonomy(work)
    asked = [request.id for request in house.asked]
    house.say = say
    house.asked.clear()
    _, whole = built(make(tmp_path, f"memory://{uuid.uuid4().hex}"))
    assert fit.read_taxonomy(whole) == taxonomy
    assert {request.id for request in house.asked} == set(asked)


def test_what_was_settled_stays_and_what_is_broken_is_told(tmp_path: Path, house: House, store: str) -> None:  # noqa: F811
    house.say = say
    _, work = built(make(tmp_path, store))
    house.asked.clear()
    fit.fit_parameters(work, lambda _: pytest.fail("asks again"))
    Store(store).write(f"{work.folder().path}/{fit.FILE}", b'{"votes": 0}')
    with pytest.raises(StoreError, match=r"settled\.json: not what was settled"):
        fit.read_fitted(work)


def test_a_forecast_tells_rounds_and_labels_apart(tmp_path: Path, house: House, store: str) -> None:  # noqa: F811
    house.say = say
    built(make(tmp_path, store))
    result = {
        (table.table, table.model): table
        for table in forecast_tables(make(tmp_path, store, RECIPE.replace("0.1.0", "0.2.0")), 10)
    }
    assert result == {}  # all is there
    shutil.copy(tmp_path / "r.yaml", tmp_path / "s.yaml")
    (tmp_path / "s.yaml").write_text((tmp_path / "r.yaml").read_text().replace("least: 2", "least: 1"))
    house.asked.clear()
    result = {
        (table.table, table.model): table
        for table in forecast_tables(planning.make_plan(str(tmp_path / "s.yaml"), None, store), 10)
    }
    assert set(result) == {("typed", "one"), ("typed", "two"), ("typed, types", "one"), ("typed, types", "two")}
    # the rounds ask what those of the other table asked already
    assert (result["typed", "one"].requests, result["typed, types", "one"].known) == (10, 10)
    heard = {request.id for request in house.asked}
    house.asked.clear()
    built(planning.make_plan(str(tmp_path / "s.yaml"), None, store))
    assert heard and heard.isdisjoint(request.id for request in house.asked)  # what the pilot heard is in the ledger


def test_a_table_without_rows_has_no_taxonomy(tmp_path: Path, house: House, store: str) -> None:  # noqa: F811
    house.say = say
    plan = make(tmp_path, store, RECIPE.replace("rule: unanimous", "rule: k of n, k: 9"))
    with pytest.raises(NothingLeft):
        materialize(plan)
    work = next(work for work in plan.jobs if work.name == "typed")
    assert fit.read_taxonomy(work) is None


def test_answers_that_were_missing_when_it_was_settled_are_counted_with_the_table(
    tmp_path: Path,
    house: House,  # noqa: F811
) -> None:
    def fail(request: Request) -> Reply:
        asked = "\n".join(message.content for message in request.messages)
        proposes = kind_in(request) == "moon" and "propose a new kind" in asked
        return Failure(request.id, "no answer", "402 no credit") if proposes else say(request)

    house.say = fail
    recipe = RECIPE.replace("    rules: false\n", "    rules: false\n    failures: 1\n")
    plan, work = built(make(tmp_path, f"memory://{uuid.uuid4().hex}", recipe))
    settled = work.folder().read_commit(fit.SETTLED)
    assert settled and 0 < settled.failed <= plan.done["typed"].receipt.failed
    assert plan.reopen_failed(1.0)["typed"] == plan.done["typed"].receipt.failed
