"""What is kept of tokens is paid for once, by who asks for it alone, and reads from the ledger as it came."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pytest

from catalog.tables import read_rows
from flows.planning.plan import make_plan
from flows.running.run_plan import materialize
from schemas.request import Reply, Request
from tasks.engines.abacus.engine import AbacusEngine

RECIPE = """\
corpus: sure
version: 0.1.0
title: T
license: Apache-2.0
models: {solver: {engine: abacus}}
tables:
  problems: {task: world, count: 6, level: 1}
  solutions: {task: generate, from: problems, models: [solver], prompt: abacus-solve, sampling: [{samples: 2}]STATISTICS}
  release: {task: release, from: solutions, splits: {all: 1}}
"""
ALL = ", statistics: [self_certainty, min_k20, zlib_ratio, token_logprobs]"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """The requests that reach the engine."""
    requests: list[Request] = []
    answer = AbacusEngine.answer

    def note(engine: AbacusEngine, batch: Sequence[Request]) -> Iterator[Reply]:
        requests.extend(batch)
        return answer(engine, batch)

    monkeypatch.setattr(AbacusEngine, "answer", note)
    return requests


def make_solutions(store: Path, statistics: str) -> pl.DataFrame:
    path = store.parent / "sure.yaml"
    path.write_text(RECIPE.replace("STATISTICS", statistics))
    plan = materialize(make_plan(str(path), None, str(store)))
    (job,) = (job for job in plan.jobs if job.name == "solutions")
    return pl.concat(read_rows(job.folder(), job.contract, plan.done["solutions"])).sort("solution_id")


def test_who_asks_for_more_asks_once_more_and_who_asks_for_less_never(tmp_path: Path, asked: list[Request]) -> None:
    plain = make_solutions(tmp_path / "a", "")
    assert len(asked) == 12 and "self_certainty" not in plain.columns
    whole = make_solutions(tmp_path / "a", ALL)
    assert len(asked) == 24, "a completion without the numbers is no answer"
    assert whole["self_certainty"].min() > 0 and whole["min_k20"].max() <= 0  # type: ignore[operator]
    assert whole["token_logprobs"].list.len().to_list() == whole["tokens"].to_list()
    assert plain.equals(whole.select(plain.columns)), "the same solutions, under the same ids"
    some = make_solutions(tmp_path / "a", ", statistics: [min_k20]")
    assert len(asked) == 24 and some.equals(whole.select(some.columns))


def test_the_ledger_gives_what_came_and_a_table_without_them_takes_it(tmp_path: Path, asked: list[Request]) -> None:
    fresh = make_solutions(tmp_path / "a", ALL)
    shutil.copytree(tmp_path / "a/ledger", tmp_path / "b/ledger")
    assert make_solutions(tmp_path / "b", ALL).equals(fresh)
    plain = make_solutions(tmp_path / "b", "")
    assert plain.equals(fresh.select(plain.columns)) and len(asked) == 12
