from pathlib import Path
from typing import Any

import errata
import pytest
from errata.release.find import Release
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from catalog.publish.publish import View, publish
from catalog.storage import Store
from flows.planning import engines
from flows.planning import plan as planning
from flows.planning.plan import Plan
from flows.publishing.publish import publish_release
from flows.running.run_plan import materialize
from schemas import request as asked
from tasks.synthetic.problems import make_problem
from tests.flows.report.hostile import CONTRACT, HEAD, rows
from tests.flows.running.test_inference import House

COUNT = 40
RECIPE = """\
corpus: reported
version: VERSION
title: A corpus <of> mistakes
license: MIT
models: {one: {engine: openai, model: big, url: "http://127.0.0.1:1/v1", price: {prompt: 1, completion: 2}}, two: {engine: openai, model: small}}
tables:
  problems: {task: world, count: COUNT, level: 2}
  trusted: {task: gold, from: problems}
  solutions: {task: generate, from: trusted, models: [one], sampling: [{temperature: 1, samples: 4}], max_tokens: 50}
  steps: {task: split, from: solutions}
  known: {task: truth, from: steps, source: program}
  verified: {task: verify, from: known}
  wrong: {task: select, from: verified, where: "verdict = 'wrong'", because: [verdict]}
  judged: {task: judge, from: wrong, models: [one, two], prompt: abacus-judge}
  estimated: {task: estimate, from: judged, model: one, method: every-step, rollouts: 4, max_tokens: 50, reuse: false}
  agreed: {task: agree, from: estimated, rule: k of n, k: 2}
  typed: {task: classify, from: agreed, taxonomy: abacus, judged_in: abacus}
  mistakes: {task: deduplicate, from: typed}
  release: {task: release, from: mistakes, splits: {train: 0.8, test: 0.2}}
"""
GOLD = {problem.question: problem.answer for problem in (make_problem(0, number, 2) for number in range(COUNT))}


def say(request: asked.Request) -> asked.Reply:
    """Solves in three steps, the second wrong in every other solution; judges so; goes on from a right prefix to gold."""
    words = request.messages[-1].content
    gold = next(answer for question, answer in GOLD.items() if question in words)
    answer = gold + (request.prefix.count("bad") > 0)
    if words.startswith("Judge"):
        kind = "calculation" if "bad 1 +" in words else "unit"
        other = f"First error: {1 + len(words) % 2}, unit"
        result = f"First error: 2, {kind}" if request.model == "big" or len(words) % 3 else other
        text = result if "bad" in words else "First error: none"
    elif request.prefix:
        text = f"#### {answer if int(request.id, 16) % 4 else gold + 5}"
    else:
        bad = request.sample % 2
        word = "bad 1 + 1 = 9" if request.sample == 1 else "bad pears" if bad else "ok"
        text = f"1. ok\n2. {word}\n3. so\n#### {gold + bad}"
    return asked.Completion(request.id, text, "stop", request.sampling.max_tokens, 10, 20, None, "fake 1", 1.0)


def build(folder: Path, store: str, version: str, count: int = COUNT) -> Plan:
    """Make all tables of the recipe."""
    recipe = folder / "r.yaml"
    recipe.write_text(RECIPE.replace("VERSION", version).replace("COUNT", str(count)))
    return materialize(planning.make_plan(str(recipe), None, store))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Two releases of one corpus, built with models that are made up; the plan of the second."""
    folder = tmp_path_factory.mktemp("reported")
    house = House()
    house.say = say
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "open_engine", house)
        patch.setenv("ERRATA_CACHE", str(folder / "cache"))
        store = str(folder / "store")
        publish_release(build(folder, store, "0.1.0", 30))
        plan = build(folder, store, "0.2.0")
        publish_release(plan)
    return plan


def publish_hostile(store: str) -> None:
    """Publish a release full of what no page should believe, without statistics, as older versions did."""

    def describe(_: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, Any]]:
        return {"README.md": "# Hostile\n"}, HEAD

    view = View(CONTRACT, [{"all": rows()}])
    publish(Store(store), "hostile", "1.0.0", "hostile", {"mistakes": view}, describe)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The hostile release."""
    store = str(tmp_path_factory.mktemp("hostile") / "store")
    publish_hostile(store)
    return errata.open_release("hostile", store)


class Opened:
    """A page with all that it complained of and asked for."""

    def __init__(self, browser: Browser, file: Path, **options: Any) -> None:
        self.page: Page = browser.new_page(**options)
        self.page.set_default_timeout(120_000)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.page.on("request", self._request)
        self.page.goto(file.as_uri())
        if options.get("java_script_enabled", True):
            self.page.wait_for_selector("html[data-ready]", state="attached")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith("data:"):
            self.requests.append(request.url)
