"""What math-verify said is kept in the store, and no later build asks it again."""

from __future__ import annotations

from pathlib import Path

from catalog.store import Store
from flows import opinions
from flows.opinions import FOLDER, keep, recall, remembered
from tasks.answers.workers import Opinions


def test_a_pair_is_asked_once_in_all_builds(tmp_path: Path) -> None:
    asked = []

    def ask(gold: str, answer: str) -> str:
        asked.append(answer)
        return "timed out" if answer == "slow" else "equal"

    store = Store(f"file://{tmp_path}")
    first = Opinions(ask)
    with remembered(store, first):
        assert [first("1", "one"), first("1", "one"), first("1", "slow")] == ["equal", "equal", "timed out"]
    assert asked == ["one", "slow"]
    assert len(store.names(FOLDER)) == 1

    opinions._recalled.clear()  # as in a new process
    second = Opinions(ask)
    with remembered(store, second):
        assert second("1", "one") == "equal"
        assert second("1", "slow") == "timed out"
    assert asked == ["one", "slow", "slow"]  # a busy machine's time-out is not kept
    assert len(store.names(FOLDER)) == 1


def test_opinions_are_forgotten_before_they_fill_the_memory() -> None:
    some = Opinions(lambda *_: "equal", most=2)
    for answer in "abcd":
        some("1", answer)
        assert len(some._known) <= 2
    assert len(some.take_fresh()) == 4
    assert some.take_fresh() == {}


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}")
    some = Opinions(lambda *_: "equal")
    recall(store, some)
    keep(store, some)
    assert store.names(FOLDER) == []
