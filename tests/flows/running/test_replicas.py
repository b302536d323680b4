"""Whatever the number of replicas, the tables are the same, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.ledger import Ledger
from catalog.storage import Store
from flows.planning import plan as planning
from flows.running.kinds import asking, from_seed
from flows.running.run_plan import materialize

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
models:
  solver: {{engine: abacus, replicas: {replicas}}}
tables:
  problems: {{task: world, count: 60, level: 2}}
  solutions: {{task: generate, from: problems, models: [solver], prompt: abacus-solve, max_tokens: 60, sampling: [{{temperature: 0.8, samples: 3}}]}}
  verdicts: {{task: verify, from: solutions}}
  steps: {{task: split, from: verdicts}}
  estimated: {{task: estimate, from: steps, model: solver, rollouts: 2, method: binary, max_tokens: 60, prompt: abacus-solve}}
  release: {{task: release, from: estimated, splits: {{all: 1}}}}
"""


def build(folder: Path, replicas: int | str) -> tuple[dict[str, bytes], int]:
    """The bytes of all tables' parts by their paths, and the completions that were paid."""
    folder.mkdir()
    (folder / "r.yaml").write_text(RECIPE.format(replicas=replicas), "utf-8")
    plan = planning.make_plan(str(folder / "r.yaml"), None, str(folder / "store"))
    materialize(plan)
    parts = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (folder / "store").rglob("*.parquet")
        if "ledger" not in path.parts
    }
    return parts, sum(spent.requests for spent in Ledger(Store(str(folder / "store"))).spent())


@pytest.mark.build
def test_the_tables_are_the_same_whatever_the_number_of_replicas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_seed, "ROWS_OF_A_PARTITION", 13)
    monkeypatch.setattr(asking, "WINDOW", 50)
    expected, paid = build(tmp_path / "1", 1)
    assert len(expected) > 10 and paid > 180
    for replicas in (2, 3):
        assert build(tmp_path / str(replicas), replicas) == (expected, paid)
