"""A build over an endpoint that goes wrong: what fails for ever is a rejected row, and a budget holds over restarts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from catalog.ledger import Ledger
from catalog.storage import Store
from flows.planning import plan as planning
from flows.planning.plan import TableJob
from flows.running.run_plan import materialize
from schemas.request import BudgetError, EngineError
from tests.faulty_server import Act, Asked, FaultyServer, Script, completion, problem
from tests.flows.running.test_table import read

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
models:
  solver: {{engine: openai, model: finch, url: "{url}", attempts: 2, concurrency: 4{more}}}
tables:
  problems: {{task: world, count: 24, level: 1}}
  solutions: {{task: generate, from: problems, models: [solver], sampling: [{{temperature: 1}}], max_tokens: 50, failures: {share}}}
  release: {{task: release, from: solutions, splits: {{all: 1}}}}
"""
FAULTS = {
    "no answer": [problem(500, "broke"), completion("#### 4", None), Act(b"\xff\xfe\x00")],
    "content filter": [completion("", "content_filter")],
    "overlong answer": [completion("x" * 1_000_001)],
}
ACTS = [(reason, act) for reason, acts in FAULTS.items() for act in acts]


def fail_some() -> Script:
    """A server that answers, but for some questions, each of which fails in its own way whenever it comes."""
    questions: dict[str, int] = {}

    def script(asked: Asked) -> Act:
        number = questions.setdefault(asked.text, len(questions)) - 3
        return ACTS[number][1] if 0 <= number < len(ACTS) else completion("#### 4")

    return script


def build(folder: Path, url: str, share: float, more: str = "") -> TableJob:
    """The table that asks."""
    (folder / "r.yaml").write_text(RECIPE.format(url=url, share=share, more=more), "utf-8")
    return materialize(planning.make_plan(str(folder / "r.yaml"), None, str(folder / "store"))).jobs[1]


def test_what_fails_for_ever_in_whatever_way_is_a_rejected_row_with_its_reason(tmp_path: Path) -> None:
    with FaultyServer(fail_some()) as server:
        work = build(tmp_path, server.url, 0.3)
        assert read(work).height == 24 - len(ACTS)
        reasons = read(work, "rejected")["reason"].value_counts(name="rows")
        assert dict(zip(reasons["reason"], reasons["rows"])) == {reason: len(acts) for reason, acts in FAULTS.items()}


def test_above_the_declared_share_the_build_stops_and_says_so(tmp_path: Path) -> None:
    with (
        FaultyServer(fail_some()) as server,
        pytest.raises(EngineError, match=r"of 24 requests failed for good, where 5 % may"),
    ):
        build(tmp_path, server.url, 0.05)


def test_a_budget_holds_over_restarts_and_what_the_endpoint_does_not_count_is_marked_as_an_estimate(
    tmp_path: Path,
) -> None:
    with FaultyServer(lambda _: completion("#### 4 " * 10, usage=None)) as server:
        for _ in range(4):
            with pytest.raises(BudgetError, match="budget"):
                build(tmp_path, server.url, 0.05, ", budget_tokens: 1000")
        (spent,) = Ledger(Store(str(tmp_path / "store"))).spent()
        assert 0 < spent.requests < 24 and 500 < spent.prompt_tokens + spent.tokens <= 1000
        assert len(server.asked) == spent.requests, "no restart asked what the one before had paid"
    segments = [pl.read_parquet(path) for path in (tmp_path / "store" / "ledger").rglob("*.parquet")]
    marked = [segment["estimated"].all() for segment in segments if "estimated" in segment.columns]
    assert marked and all(marked)
