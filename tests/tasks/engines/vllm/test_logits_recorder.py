"""What is recorded of distributions is of the right request and place, whatever vLLM does with its rows."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tasks.engines.vllm.logits_recorder import ARGUMENT, Records, make_processor


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Records:
    torch, processors = ModuleType("torch"), ModuleType("vllm.v1.sample.logits_processor")
    vars(torch).update(logsumexp=lambda x, axis: np.log(np.exp(x).sum(axis)), mean=np.mean, amax=np.max, stack=np.stack)
    vars(processors).update(LogitsProcessor=object)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "vllm.v1.sample.logits_processor", processors)
    return Records()


def add(row: int, number: str | None, tokens: list[int]) -> tuple[int, Any, None, list[int]]:
    return row, SimpleNamespace(extra_args={ARGUMENT: number} if number else None), None, tokens


def update(added: Any = (), removed: Any = (), moved: Any = ()) -> SimpleNamespace:
    moves = [(source, target, SimpleNamespace(name=name)) for source, target, name in moved]
    return SimpleNamespace(added=added, removed=removed, moved=moves)


def highest(logits: list[float]) -> float:
    return float(np.max(logits) - np.log(np.exp(logits).sum()))


def mean(logits: list[float]) -> float:
    return float(np.mean(logits) - np.log(np.exp(logits).sum()))


def test_rows_that_move_swap_and_come_again_keep_their_requests(records: Records) -> None:
    processor = make_processor(records)(None, "cpu", False)
    steps = {name: [[0.0, float(step), float(at)] for step in range(5)] for at, name in enumerate("abc", 1)}
    tokens: dict[str, list[int]] = {name: [] for name in "abc"}

    def step(rows: list[str], change: Any) -> None:
        processor.update_state(change)
        logits = np.array([steps[name][len(tokens[name])] for name in rows])
        assert processor.apply(logits) is logits
        for name in rows:
            tokens[name].append(0)

    step(["a", "b", "c"], update([add(0, "a", tokens["a"]), add(1, "b", tokens["b"]), add(2, None, tokens["c"])]))
    step(["b", "a", "c"], update(moved=[(0, 1, "SWAP")]))
    step(["c", "a"], update(removed=[0], moved=[(2, 0, "UNIDIRECTIONAL")]))  # b is preempted
    step(["c", "a", "b"], update([add(2, "b", tokens["b"])]))
    step(["c", "a", "b"], None)
    for name, count in (("a", 5), ("b", 4)):
        values = steps[name][:count]
        assert records.take(name, list(map(highest, values))) == pytest.approx(list(map(mean, values)))
    assert records.vocabulary == 3
    assert records.take("c", [highest(steps["c"][0])]) is None, "it did not ask"
    assert records.take("a", [highest(steps["a"][0])]) is None, "it was taken"


def test_what_is_missing_or_of_another_distribution_is_not_said(records: Records) -> None:
    processor = make_processor(records)(None, "cpu", False)
    for number in "xyz":
        processor.update_state(update([add(0, number, [])]))
        processor.apply(np.array([[0.0, 1.0]]))
    own = highest([0.0, 1.0])
    assert records.take("x", [own]) == pytest.approx([mean([0.0, 1.0])])
    assert records.take("y", [own - 0.01]) is None
    assert records.take("z", [own, own]) is None
    processor.update_state(update([add(0, "w", [])]))
    processor.apply(np.array([[0.0, 1.0]]))
    records.forget("w")
    assert records.take("w", [own]) is None
