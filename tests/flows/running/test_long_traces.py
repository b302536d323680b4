"""Traces of reasoning models, 150,000 characters and 5,000 steps long, go through a whole recipe in reasonable time."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from flows.planning import plan as planning
from flows.running.run_plan import materialize
from schemas.request import Completion, Reply, Request
from tests.flows.running.test_inference import House, house, store
from tests.flows.running.test_table import read

__all__ = ["house", "store"]
RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
models:
  one: {engine: openai, model: big}
tables:
  solutions: {task: import, files: traces.jsonl, set: {value: s}, question: q, answer: a, model: {value: m}, text: t}
  steps: {task: split, from: solutions, of: thinking}
  verified: {task: verify, from: steps}
  judged: {task: judge, from: verified, models: [one], form: json}
  shown: {task: view, from: judged, format: prompt-completion, of: both}
  release: {task: release, from: shown, splits: {all: 1}}
"""
STEPS = 5_000
BUSY = 40.0
"""Seconds of the processor that four traces may take; measured were under 4."""


def write_trace(number: int, closed: bool) -> str:
    steps = "\n\n".join(f"Wait, step {step}: {step} + {step} = {2 * step}." for step in range(STEPS))
    text = f"<think>\n{steps}" + ("\n</think>\n\n\\boxed{72}" if closed else "")
    return json.dumps({"q": f"How many clips, case {number}?", "a": "72", "t": text})


@pytest.mark.slow
def test_long_traces(tmp_path: Path, house: House, store: str) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    (tmp_path / "traces.jsonl").write_text("\n".join(write_trace(number, closed=number > 0) for number in range(4)))

    def say(request: Request) -> Reply:
        text = '{"reason": "", "first_error": "4000"}'
        return Completion(request.id, text, "stop", request.sampling.max_tokens, 10, 9, None, "fake 1", 1.0)

    house.say = say
    began = time.process_time()
    jobs = {job.name: job for job in materialize(planning.make_plan(str(tmp_path / "r.yaml"), None, store)).jobs}
    assert time.process_time() - began < BUSY
    rows = read(jobs["judged"]).sort("question").to_dicts()
    assert [(row["verdict"], row["undecided"]) for row in rows] == [
        ("undecided", "unfinished thought"),
        *[("right", None)] * 3,
    ]
    assert [row["judge_undecided"] for row in rows] == ["unfinished thought", None, None, None]
    assert [row["judge_first_error"] for row in rows] == [None, 3_999, 3_999, 3_999]
    assert all(len(row["thinking"]) > 150_000 and len(row["steps"]) == STEPS for row in rows)
    assert all(len(request.messages[-1].content) > 150_000 for request in house.asked) and len(house.asked) == 3
    completions = read(jobs["shown"])["completion"].str.len_chars()
    assert completions.len() == 4 and completions.min() > 150_000  # type: ignore[operator]
