"""`errata calibrate`: forms are tried on solutions whose truth is known, and the recipe is given the best one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from flows.calibration.selftest import GOLD, choose_rows, find_known_rows
from flows.planning.plan import make_plan
from tests.building import build
from tests.command import run_here
from tests.loopback import Handler, serve

RECIPE = """\
corpus: tried
version: 0.1.0
title: Tried
license: CC0-1.0
sources:
  - {{name: Ours, license: CC0-1.0}}
seed: 1
models:
  abacus: {{engine: abacus}}
  small: {{engine: openai, model: small, url: "{url}", concurrency: 4, attempts: 1}}
tables:
  problems: {{task: world, count: 40, level: 2}}
  solutions: {{task: generate, from: problems, models: [abacus], prompt: abacus-solve, sampling: [{{temperature: 0.0}}], max_tokens: 300}}
  steps: {{task: split, from: solutions}}
  verified: {{task: verify, from: steps}}
  judged: {{task: judge, from: verified, models: [small], form: json, max_tokens: 200}}  # to be tried
  release:
    task: release
    from: judged
    splits: {{test: 1.0}}
"""


class Judge(Handler):
    """A model that judges well a line a step, and in JSON says none to everything: steps with `99` are wrong."""

    asked = 0

    def do_POST(self) -> None:
        """Answer a chat."""
        Judge.asked += 1
        body = json.loads(self.read_body())
        shown = body["messages"][-1]["content"]
        steps = re.findall(r"<step-\d+>\n(.*?)\n</step-\d+>", shown, re.DOTALL)
        if "one line for each step" in shown:
            text = "\n".join(f"{i}. {'wrong: no' if '99' in step else 'right'}" for i, step in enumerate(steps, 1))
        elif "one word" in shown:
            text = "right"
        else:
            text = '{"reason": "", "kind": "none", "first_error": "none"}'
        message = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "model": "small"}
        self.answer(message | {"usage": {"prompt_tokens": 10, "completion_tokens": len(text.split())}})


def write_gold(folder: Path) -> Path:
    """Solutions that people labelled."""
    rows = []
    for i in range(12):
        wrong = i % 3 - 1
        steps = [f"{i} + {j} = {99 if j == wrong else i + j}" for j in range(3)]
        rows.append({"id": f"own-{i}", "problem": f"Add up, number {i}.", "steps": steps, "label": wrong})
    path = folder / "people.json"
    path.write_text(json.dumps(rows))
    return path


def test_the_best_form_is_found_and_written_and_nothing_is_paid_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gold, recipe, store = write_gold(tmp_path), tmp_path / "tried.yaml", str(tmp_path / "store")
    with serve(Judge) as url:
        before = RECIPE.format(url=url + "/v1")
        recipe.write_text(before)
        given = ("calibrate", str(recipe), "--model", "small", "--gold", str(gold), "--votes", "1,3", "--store", store)
        dry = run_here(capsys, *given, "--dry-run", "--json")
        assert dry.code == 0 and recipe.read_text() == before
        report = json.loads(dry.out)
        assert (report["best"], report["rows"]) == ("steps, 1 vote", 12)
        trials = {trial["asked"]: trial for trial in report["trials"]}
        assert "pairwise, 1 vote" not in trials  # there is no reference to be shown
        assert trials["steps, 1 vote"]["rightness"] == trials["steps, 3 votes"]["rightness"] == 1
        assert trials["steps, 1 vote"]["wrong"]["hits"] == 8
        assert trials["as it is"]["rightness"] == 0 and trials["as it is"]["right"]["hits"] == 4
        assert trials["steps, 3 votes"]["tokens"] == 3 * trials["steps, 1 vote"]["tokens"] > 0
        asked = Judge.asked
        written = run_here(capsys, *given)
        assert Judge.asked == asked
    assert "12/12 100%" in written.out and "best" in written.out
    assert recipe.read_text() == before.replace(
        "judged: {task: judge, from: verified, models: [small], form: json",
        'judged: {temperature: 0.0, votes: 1, task: judge, from: verified, models: [small], form: "steps"',
    )
    assert make_plan(str(recipe), None, store).jobs[4].parameters.model_dump()["form"] == "steps"


def test_without_labels_mistakes_are_made_by_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, store = tmp_path / "tried.yaml", tmp_path / "store"
    text = RECIPE.format(url="http://127.0.0.1:9/v1").replace(
        "models: [small], form: json", "models: [abacus], prompt: abacus-judge"
    )
    recipe.write_text(text)
    run = run_here(capsys, "calibrate", str(recipe), "--model", "abacus", "--rows", "12", "--forms", "steps", "--votes", "1", "--store", str(store))  # fmt: skip
    assert run.code == 0 and recipe.read_text() == text
    assert run.out.startswith("12 solutions: right solutions of Abacus' world, made wrong by rules\n")
    assert re.search(r"^as it is .* best$", run.out, re.MULTILINE)


def test_the_rows_before_the_judge_are_taken_where_they_are_there(tmp_path: Path) -> None:
    recipe, store = tmp_path / "tried.yaml", tmp_path / "store"
    text = RECIPE.format(url="http://127.0.0.1:9/v1").replace(
        "models: [small], form: json", "models: [abacus], prompt: abacus-judge"
    )
    recipe.write_text(text)
    build(recipe, store)
    plan = make_plan(str(recipe), None, str(store))
    source, rows = find_known_rows(plan.jobs[4], True)
    assert source == "right solutions before 'judged', made wrong by rules"
    chosen = choose_rows(rows, 9)
    assert chosen.height == 9 and (chosen[GOLD] >= 0).sum() == 6
    known = "known: {task: truth, from: verified, source: program}\n  judged: {task: judge, from: known"
    recipe.write_text(text.replace("judged: {task: judge, from: verified", known))
    store = tmp_path / "another"
    build(recipe, store)
    plan = make_plan(str(recipe), None, str(store))
    source, rows = find_known_rows(plan.jobs[5], True)
    assert source == "the input of 'judged', whose truth is known"
    assert set(rows.filter(rows["verdict"] == "right")[GOLD]) == {-1}


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (["--model", "large"], "tried: no table has model 'large' judge; there are judged (small)"),
        (["--model", "small", "--table", "steps"], "tried: no table 'steps' that has 'small' judge; there are judged (small)"),
        (["--model", "small", "--forms", "steps,lines"], "unknown form 'lines'; there are steps, critique, json, likelihood, pairwise"),
        (["--model", "small", "--votes", "0"], "expected numbers from 1 to 100 with commas, such as 1,5, found '0'"),
        (["--model", "small", "--gold", "GOLD", "--format", "verify-then-generate"], "none of its 12 rows has a question"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], fault: str
) -> None:
    recipe, gold = tmp_path / "tried.yaml", write_gold(tmp_path)
    recipe.write_text(RECIPE.format(url="http://127.0.0.1:9/v1"))
    arguments = ["calibrate", str(recipe), *(str(gold) if part == "GOLD" else part for part in given)]
    try:
        run = run_here(capsys, *arguments, "--store", str(tmp_path / "store"))
        code, err = run.code, run.err
    except SystemExit as stop:
        code, err = int(str(stop.code)), capsys.readouterr().err
    assert code != 0 and fault in err
