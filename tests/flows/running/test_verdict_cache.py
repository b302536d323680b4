"""What was found out about pairs is kept in the store, and no later build finds it out again."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from catalog.storage import Store
from flows.running import verdict_cache as flow
from flows.running.verdict_cache import load_verdicts, locate_cache, save_verdicts, use_verdict_cache
from tasks.verify.math_verify.pool import CachedComparison
from tasks.verify.memo import VerdictCache, hash_key
from tasks.verify.task import PAIR, judge_pairs

PAIRS: dict[str, Any] = {**dict.fromkeys(PAIR, pl.String), "options": pl.List(pl.String)}
OPEN = (r"1+\sqrt{3}", r"\sqrt{4+2\sqrt{3}}", "expression", None, "", "")
"""A nested root that exact arithmetic leaves open."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    flow._loaded.clear()
    return Store(f"file://{tmp_path}")


def opinions(asked: list[str]) -> CachedComparison:
    def ask(gold: str, answer: str) -> str:
        asked.append(answer)
        return answer if answer in ("timed out", "died", "too large") else "equal"

    return CachedComparison(ask, VerdictCache("opinions", "math-verify 0"))


def test_a_pair_is_asked_once_in_all_builds(store: Store) -> None:
    asked: list[str] = []
    first = opinions(asked)
    with use_verdict_cache(store, [first.memory]):
        assert [first("1", "one"), first("1", "one")] == ["equal", "equal"]
        for failure in ("timed out", "died", "too large"):
            assert first("1", failure) == failure
    assert asked == ["one", "timed out", "died", "too large"]
    assert len(store.names(locate_cache(first.memory))) == 1

    flow._loaded.clear()  # as in a new process
    second = opinions(asked)
    with use_verdict_cache(store, [second.memory]):
        assert second("1", "one") == "equal"
        assert second("1", "timed out") == "timed out"
    assert asked == [
        "one",
        "timed out",
        "died",
        "too large",
        "timed out",
    ]  # what a busy machine could not say is not kept
    assert len(store.names(locate_cache(second.memory))) == 1


def test_a_judgement_is_made_once_in_all_builds(store: Store) -> None:
    asked = []

    def compare(gold: str, answer: str) -> str:
        asked.append(answer)
        return "equal"

    frame = pl.DataFrame([OPEN, ("18", "19", *OPEN[2:])], schema=PAIRS, orient="row")
    first = VerdictCache("judgements", "verify 1")
    with use_verdict_cache(store, [first]):
        pairs = judge_pairs(frame, compare, first)
    flow._loaded.clear()
    second = VerdictCache("judgements", "verify 1")
    with use_verdict_cache(store, [second]):
        assert judge_pairs(frame, compare, second) == pairs
    assert len(asked) == 1
    assert [pair.verdict for pair in pairs] == ["right", "wrong"]


@pytest.mark.parametrize("reply", ["timed out", "died", "too large"])
def test_a_judgement_that_hangs_on_a_busy_machine_is_made_again(store: Store, reply: str) -> None:
    frame = pl.DataFrame([OPEN], schema=PAIRS, orient="row")
    first = VerdictCache("judgements", "verify 1")
    with use_verdict_cache(store, [first]):
        (pair,) = judge_pairs(frame, lambda *_: reply, first)
    assert (pair.verdict, pair.undecided) == ("undecided", reply)
    flow._loaded.clear()
    second = VerdictCache("judgements", "verify 1")
    with use_verdict_cache(store, [second]):
        (again,) = judge_pairs(frame, lambda *_: "equal", second)
    assert again.verdict == "right"


@pytest.mark.parametrize("changed", ["gold", "answer", "kind", "question", "context"])
def test_a_judgement_holds_for_all_that_it_depends_on(changed: str) -> None:
    memory, asked = VerdictCache("judgements", "verify 1"), []

    def compare(gold: str, answer: str) -> str:
        asked.append(gold)
        return "equal"

    row = dict(zip(PAIR, OPEN))
    other = row | {changed: {"kind": "number"}.get(changed, f"{row[changed]} ")}
    for item in (row, row, other):
        judge_pairs(pl.DataFrame([tuple(item.values())], schema=PAIRS, orient="row"), compare, memory)
    assert len(memory._known) == 2


def test_another_version_s_memory_is_not_taken_over(store: Store) -> None:
    old, new = VerdictCache("judgements", "verify 1"), VerdictCache("judgements", "verify 2")
    old.add("key", "said")
    save_verdicts(store, old)
    load_verdicts(store, new)
    assert new.get("key") is None


def test_all_is_forgotten_before_it_fills_the_memory() -> None:
    some = VerdictCache("opinions", "1", most=2)
    for key in "abcd":
        some.add(key, "equal")
        assert len(some._known) <= 2
    assert len(some.take_fresh()) == 4
    assert some.take_fresh() == {}


def test_the_files_of_many_units_become_few_and_no_verdict_goes(store: Store) -> None:
    units = flow.LOOSE + 10
    for unit in range(units):
        some = VerdictCache("opinions", "1")
        for i in range(3):
            some.add(f"{unit} {i}", "equal")
        save_verdicts(store, some)
    names = store.names(locate_cache(some))
    assert len(names) == 11
    assert sorted(name for name in names if "-" in name)[0].endswith(f"-{flow.LOOSE * 3}.parquet")
    fresh = VerdictCache("opinions", "1")
    load_verdicts(store, fresh)
    assert all(fresh.get(f"{unit} {i}") == "equal" for unit in range(units) for i in range(3))


def test_two_that_merge_at_once_and_one_that_is_killed_lose_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for unit in range(20):
        some = VerdictCache("opinions", "1")
        some.add(str(unit), "equal")
        save_verdicts(store, some)
    names = store.names(locate_cache(some))
    with monkeypatch.context() as patch:
        patch.setattr(store.fs, "rm_file", lambda _: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            flow.merge_files(store, some, names[:12])
    flow.merge_files(store, some, names[5:])
    flow.merge_files(store, some, store.names(locate_cache(some)))
    (name,) = store.names(locate_cache(some))
    assert name.endswith("-20.parquet")
    fresh = VerdictCache("opinions", "1")
    load_verdicts(store, fresh)
    assert all(fresh.get(str(unit)) == "equal" for unit in range(20))


def test_what_there_is_no_room_for_is_looked_up_and_drives_nothing_out(store: Store) -> None:
    for unit in range(10):
        some = VerdictCache("opinions", "1")
        for i in range(10):
            some.add(f"{unit} {i}", "equal")
        save_verdicts(store, some)
    small = VerdictCache("opinions", "1", most=35)
    load_verdicts(store, small)
    assert len(small._known) == 30
    assert small.find is not None
    assert all(small.get(f"{unit} {i}") == "equal" for unit in range(10) for i in range(10))
    assert small.get("none") is None
    assert len(small._known) <= 35


def fill(store: Store, units: int, rows: int) -> list[str]:
    """Save so many verdicts of so many units; their keys."""
    keys = []
    for unit in range(units):
        some = VerdictCache("judgements", "1")
        for i in range(rows):
            keys.append(hash_key(unit, i))
            some.add(keys[-1], f"{unit} {i}")
        save_verdicts(store, some)
    return keys


def test_many_verdicts_are_in_pieces_and_looked_up_in_those_that_can_have_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "SMALL", 60)
    monkeypatch.setattr(flow, "LOOSE", 8)
    monkeypatch.setattr(flow, "LOOSE_PIECES", 4)
    keys = fill(store, 80, 20)  # a hundred for each first digit
    some = VerdictCache("judgements", "1", most=500)
    names = store.names(locate_cache(some))
    assert {len(flow._name_piece(name)) for name in names} >= {1, 2}
    for name in names:
        rows = pl.read_parquet(store.full(f"{locate_cache(some)}/{name}"))
        assert rows["key"].str.starts_with(flow._name_piece(name)).all()
        assert rows["key"].is_sorted()
    load_verdicts(store, some)
    wanted = [*keys[:3], *keys[-3:], hash_key("nobody")]
    read: list[str] = []
    full = store.full

    def note(path: str) -> str:
        read.append(path.split("/")[-1])
        return full(path)

    monkeypatch.setattr(store, "full", note)
    some.look_up(wanted)
    assert {key: some.get(key) for key in wanted} == {
        key: f"{keys.index(key) // 20} {keys.index(key) % 20}" if key in keys else None for key in wanted
    }
    begins = {flow._name_piece(name) for name in read if flow._NAME.fullmatch(name)}
    assert all(any(key.startswith(begin) for key in wanted) for begin in begins)
    assert len(set(read) & set(names)) < len(names) / 2


def test_the_pairs_of_a_unit_are_looked_up_at_once(store: Store) -> None:
    frame = pl.DataFrame([(f"{i}{OPEN[0]}", *OPEN[1:]) for i in range(20)], schema=PAIRS, orient="row")
    first = VerdictCache("judgements", "verify 1")
    with use_verdict_cache(store, [first]):
        pairs = judge_pairs(frame, lambda *_: "equal", first)
    asked: list[int] = []
    second = VerdictCache("judgements", "verify 1")

    def find(keys: Collection[str]) -> dict[str, str]:
        asked.append(len(keys))
        return flow.find_verdicts(store, second, keys)

    second.find = find
    assert judge_pairs(frame, lambda *_: "different", second) == pairs
    assert asked == [20]


def test_nothing_new_writes_nothing(store: Store) -> None:
    some = VerdictCache("opinions", "1")
    load_verdicts(store, some)
    save_verdicts(store, some)
    assert store.names(locate_cache(some)) == []
