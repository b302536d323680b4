"""A corpus by a real language model: each stage that asks a model is asked, and a build that is killed pays nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.planning.plan import make_plan
from flows.running.run_plan import materialize
from tests.command import ROOT, files_of
from tests.llama.conftest import keep_answers

pytestmark = pytest.mark.external

SAMPLE = ROOT / "catalog" / "recipes" / "sample"
RECORDED = 13
"""Solutions of three problems, of which five are wrong: two of them by magpie-8b, and finch-7b has three right ones."""
HEAD = """\
corpus: {name}
version: 0.1.0
title: T
license: Apache-2.0
seed: 5
models: {{solver: {{engine: llama, model: smollm2, context: 1536}}}}
tables:
  problems:
    {{task: load, files: problems.jsonl, set: set, question: question, answer: answer, reference: solution,
     options: {{path: options, optional: true}}}}
  solutions:
    task: generate
    from: problems
    models: [solver]
    prompt: &solving |-
      [user]
      Nora has 12 pencils, buys 3 packs of 6 and gives 5 pencils away. How many pencils does she have?
      [assistant]
      1. The packs hold 3 * 6 = 18 pencils.
      2. Together that is 12 + 18 = 30 pencils.
      3. She keeps 30 - 5 = 25 pencils.
      #### 25
      [user]
      {{question}}
    sampling: [{{temperature: 0.7, samples: {samples}}}]
    max_tokens: {most}
    stop: [{stop}]
"""
STAGES = """\
  steps: {task: split, from: solutions}
  recorded:
    {task: import, files: generations.jsonl, set: set, question: question, answer: {path: gold, pattern: '^# (.*)$'},
     options: {path: options, optional: true}, reference: solution, model: model, sampling: strategy, sample: sample,
     text: output, rationale: {path: output, json: reasoning, optional: true}, stated: {path: output, json: answer, optional: true}}
  parted: {task: split, from: recorded}
  verified: {task: verify, from: parted}
  wrong: {task: select, from: verified, where: "verdict = 'wrong'", because: [verdict, undecided]}
  right: {task: select, from: verified, where: "verdict = 'right' AND model = 'finch-7b'", because: [verdict, model]}
  few: {task: select, from: wrong, where: "model = 'magpie-8b'", because: [model]}
  judged: {task: judge, from: few, models: [solver], sees: [verdict, reference], max_tokens: 64}
  in-json: {task: judge, from: few, models: [solver], form: json, sees: [verdict], max_tokens: 200}
  likelihoods: {task: judge, from: few, models: [solver], form: likelihood, sees: [verdict]}
  estimated:
    {task: estimate, from: few, model: solver, method: every-step, rollouts: 1, max_tokens: 40, prompt: *solving}
  located: {task: locate, from: wrong}
  labelled: {task: select, from: located, where: first_error IS NOT NULL, because: [unlocated]}
  typed: {task: classify, from: labelled, taxonomy: lemma, rules: false, models: [solver], max_tokens: 160}
  discovered:
    {task: classify, from: labelled, rules: false, models: [solver], max_tokens: 160,
     dynamic: {rows: 2, rounds: 1, stable: 1, least: 1}}
  injected: {task: inject, from: right, taxonomy: lemma, models: [solver], attempts: 1, max_tokens: 224}
"""
RELEASE = "  release: {task: release, from: steps, splits: {train: 1.0}}\n"
BUILD = """
import sys
from flows.planning.plan import make_plan
from flows.publishing.publish import publish_release
from flows.running.run_plan import materialize
publish_release(materialize(make_plan(sys.argv[1], None, sys.argv[2])))
"""
ASKING = {"solutions", "judged", "in-json", "likelihoods", "estimated", "typed", "discovered", "injected"}


def write_recipe(
    folder: Path, name: str, stages: str, *, problems: int, samples: int, most: int, stop: str = ""
) -> Path:  # fmt: skip
    """A recipe about the first problems of the sample, and what others wrote about three of them."""
    known = {line["id"]: line for line in read_lines(SAMPLE / "problems.jsonl")}
    recorded = read_lines(SAMPLE / "generations.jsonl")[:RECORDED]
    write_lines(folder / "problems.jsonl", list(known.values())[:problems])
    write_lines(
        folder / "generations.jsonl", [{**line, **pick(known[line["problem"]], "set", "solution")} for line in recorded]
    )
    path = folder / f"{name}.yaml"
    path.write_text(HEAD.format(name=name, samples=samples, most=most, stop=stop) + stages + RELEASE)
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_lines(path: Path, values: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))


def pick(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value[name] for name in names}


def test_every_stage_asks_a_real_model(tmp_path: Path, artifacts: Path) -> None:
    store = tmp_path / "store"
    plan = materialize(
        make_plan(str(write_recipe(tmp_path, "stages", STAGES, problems=3, samples=1, most=144)), None, str(store))
    )
    answers = keep_answers(store, artifacts, "completions")
    asked = dict(answers.group_by("table").len().iter_rows())
    commits = {name: manifest.receipt for name, manifest in plan.done.items()}
    kept = {name: commit.rows_kept() for name, commit in commits.items()}
    funnel = {name: {"kept": kept[name], **commit.reasons} for name, commit in commits.items()}
    (artifacts / "funnel.json").write_text(json.dumps({"asked": asked, "rows": funnel}, indent=1))
    assert all(commit.rows_in == kept[name] + commit.rows_rejected() for name, commit in commits.items())
    assert set(asked) == ASKING, "every stage that can ask has asked"
    assert (asked["solutions"], kept["wrong"], asked["judged"], asked["in-json"]) == (3, 5, 2, 2)
    assert answers["engine"].str.starts_with("llama.cpp ").all()

    texts = dict(answers.filter(pl.col("finish") == "stop").group_by("table").agg("text").iter_rows())
    for text in texts["in-json"]:
        assert set(json.loads(text)) == {"reason", "kind", "first_error"}, "held to its schema"
    assert all("type" in json.loads(text) for text in [*texts.get("typed", ()), *texts.get("discovered", ())])
    likelihoods = answers.filter(pl.col("table") == "likelihoods")["logprob"]
    assert (likelihoods < 0).all() and not likelihoods.is_nan().any()
    assert answers.filter(pl.col("table") != "likelihoods")["logprob"].is_null().all(), "nobody else needs them"

    (work,) = (work for work in plan.jobs if work.name == "estimated")
    estimated = pl.concat(work.folder().read(part) for part in commits["estimated"].parts)
    assert all(len(tried) >= len(steps) > 1 for tried, steps in estimated.select("tried", "steps").iter_rows())
    rollouts = answers.filter(pl.col("table") == "estimated")
    assert all(not text.startswith("1.") for text in rollouts["text"].head(1)), "rollouts go on, they do not begin anew"


def start(recipe: Path, store: Path) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    return subprocess.Popen([sys.executable, "-c", BUILD, str(recipe), str(store)], env=env)


def find_servers() -> set[int]:
    """The processes of servers that run."""
    servers = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            if any(word.endswith((b"/wheel_server.py", b"/llama-server")) for word in words):
                servers.add(int(path.parent.name))
        except OSError:
            continue
    return servers


def test_a_killed_build_goes_on_and_pays_nothing_twice(tmp_path: Path, artifacts: Path) -> None:
    steps = "  steps: {task: split, from: solutions}\n"  # of the first line of each solution
    recipe = write_recipe(tmp_path, "killed", steps, problems=14, samples=2, most=64, stop='"\\n"')
    before = find_servers()
    assert start(recipe, tmp_path / "undisturbed").wait(300) == 0
    build, store = start(recipe, tmp_path / "store"), tmp_path / "store"
    while not list((store / "ledger").glob("*.parquet")):
        assert build.poll() is None, "the build ended before it could be killed"
        time.sleep(0.01)
    build.send_signal(signal.SIGKILL)
    build.wait()
    paid = keep_answers(store, artifacts, "killed")
    until = time.monotonic() + 20
    while find_servers() - before:
        assert time.monotonic() < until, "the server outlives its build"
        time.sleep(0.1)
    assert start(recipe, store).wait(300) == 0
    answers = keep_answers(store, artifacts, "resumed")
    assert 0 < len(paid) < len(answers) == answers["request"].n_unique() == 28, (
        "what was in the ledger is not asked again"
    )
    release = "releases/killed/0.1.0"
    assert files_of(store / release) == files_of(tmp_path / "undisturbed" / release), "the same draws, killed or not"
