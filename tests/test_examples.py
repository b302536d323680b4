"""The examples of the documentation run as they stand: recipes are built in process, the training loop goes over what they release."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import errata
import pytest

from flows.planning.plan import Plan, make_plan
from flows.publishing import publish
from flows.running.run_plan import materialize
from schemas.recipe.models import Abacus, Python, World
from tests.endpoints import OWNERS, SERVERS, allow_keys
from tests.faulty_server import Act, Asked, FaultyServer, completion

EXAMPLES = Path(__file__).parents[1] / "docs/examples"
REPLIES = {
    "tulips": "6 * 9 = 54 tulips stand in the bed.\n54 - 14 = 40 are left.\nThe answer is 40.",
    "cans": "16 * 3 = 48 liters are needed.\n48 / 8 = 6 cans.\nThe answer is 6.",
    "posts": "48 / 4 = 12 gaps.\nSo there are 12 posts.\nThe answer is 12.",
    "dollars": "7 * 3 = 21 dollars.\n50 - 21 = 29.\nThe answer is 29.",
}
"""What the model behind the endpoint answers, by a word of the question: one is wrong, in its second step."""


def build(recipe: Path, store: str) -> Plan:
    """Make the tables of a recipe and publish its release."""
    plan = materialize(make_plan(str(recipe), None, store))
    publish.publish_release(plan)
    return plan


def rows(name: str, store: str, view: str, split: str | None = None) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = errata.load(name, view=view, split=split, store=store).to_pylist()
    return result


@pytest.fixture(scope="module")
def own_csv(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The store in which the first example was built."""
    store = str(tmp_path_factory.mktemp("examples"))
    build(EXAMPLES / "own-csv/recipe.yaml", store)
    return store


def test_a_csv_becomes_a_corpus(own_csv: str) -> None:
    verdicts = Counter(row["verdict"] for row in rows("own-csv@0.1.0", own_csv, "verified"))
    assert sum(verdicts.values()) == 48
    assert verdicts["undecided"] == 1
    assert min(verdicts["right"], verdicts["wrong"]) > 10
    labels = Counter(row["label"] for row in rows("own-csv@0.1.0", own_csv, "unpaired"))
    assert labels == {True: verdicts["right"], False: verdicts["wrong"]}


def train() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train", EXAMPLES / "training-loop/train.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_training_loop_goes_over_a_release(own_csv: str) -> None:
    result = train().main("own-csv@^0.1", own_csv)
    assert result["release"] == errata.open_release("own-csv", own_csv).pin
    assert result["train"]["rows"] + result["test"]["rows"] == 47
    assert result["train"]["accuracy"] > 0.8
    assert 0 < result["test"]["accuracy"] < 1
    assert train().main("own-csv@^0.1", own_csv) == result


def answer(asked: Asked) -> Act:
    """A solution, or as a judge the first wrong step, counted from 1."""
    if "Judge the steps" in asked.text:
        return completion("1. right\n2. wrong: there is a post at both ends")
    return completion(next(reply for word, reply in REPLIES.items() if word in asked.text))


def test_an_endpoint_solves_and_judges(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "own-endpoint", tmp_path / "own-endpoint")
    recipe = tmp_path / "own-endpoint/recipe.yaml"
    text = recipe.read_text("utf-8")
    with FaultyServer(answer) as server:
        recipe.write_text(text.replace("http://127.0.0.1:8000/v1", server.url), "utf-8")
        build(recipe, store := str(tmp_path / "store"))
        asked = len(server.asked)
        build(recipe, store)
        assert len(server.asked) == asked
    assert server.url not in text
    judged = rows("own-endpoint", store, "judged")
    assert [row["judge_first_error"] for row in judged] == [1, 1]
    assert {row["answer"] for row in judged} == {"13"}


PRESETS = sorted((EXAMPLES / "endpoints").glob("*.yaml"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_each_preset_is_planned_as_it_stands(path: Path, tmp_path: Path) -> None:
    plan = make_plan(str(path), None, str(tmp_path))
    assert plan.recipe.corpus == path.stem and len(plan.jobs) == 6


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_each_preset_is_built_by_a_server_of_its_kind(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")
    for name in names:
        monkeypatch.setenv(name, "sk-test-7f3a91c0ffee0123")
    allow_keys(tmp_path, monkeypatch, **dict.fromkeys(names, "127.0.0.1"))
    shutil.copytree(path.parent, tmp_path / "endpoints")
    recipe = tmp_path / "endpoints" / path.name
    server_name = "vllm-serve" if path.stem == "base-model" else path.stem
    with FaultyServer(SERVERS[server_name], OWNERS.get(server_name, "")) as server:
        recipe.write_text(re.sub(r"url: \S+", f"url: {server.url}", recipe.read_text("utf-8")), "utf-8")
        plan = build(recipe, store := str(tmp_path / "store"))
    view = plan.recipe.tables[-1].inputs[0]
    solved = rows(path.stem, store, view)
    declared = plan.recipe.models["mine"]
    assert not isinstance(declared, Abacus | Python | World)
    assert solved and {row["model"] for row in solved} == {declared.model}
