"""Partitions: what is large is cut by places, whoever wrote it and when, and no row goes or comes."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import ledger as ledgers
from catalog.ledger import Ledger, merging, partitions
from catalog.ledger.partitions import count_bits, find_partition, list_ranges
from catalog.ledger.segments import Segment
from catalog.storage import Store
from tests.catalog.ledger.rows import answer, request

LAST = 2**64 - 1


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(partitions, "ROWS", 500)
    monkeypatch.setattr(merging, "SMALL", 50)
    return Store(str(tmp_path))


def fill(store: Store, questions: range, count: int = 20) -> None:
    with Ledger(store).writer("corpus", "table", count=count, seconds=1e6) as writer:
        for i in questions:
            writer.append(request(i), answer(request(i)))


@given(st.integers(0, 12), st.integers(0, LAST), st.integers(0, LAST))
def test_partitions_cover_all_places_once(bits: int, one: int, other: int) -> None:
    ranges = list(list_ranges(bits))
    assert (ranges[0][0], ranges[-1][1], len(ranges)) == (0, LAST, 2**bits)
    assert all(after[0] == before[1] + 1 for before, after in pairwise(ranges))
    segment = Segment("a" * 24, min(one, other), max(one, other), 1)
    number = find_partition(segment, bits)
    inside = [i for i, (low, high) in enumerate(ranges) if low <= segment.low and segment.high <= high]
    assert inside == ([] if number is None else [number])


@pytest.mark.parametrize(
    ("rows", "bits"), [(0, 0), (2**20 - 1, 0), (2**20, 1), (10_000_000, 4), (10**9, 10), (10**15, 12)]
)
def test_there_are_more_partitions_the_more_rows_there_are(rows: int, bits: int) -> None:
    assert count_bits([Segment("a" * 24, 0, 9, rows // 2), Segment("b" * 24, 0, 9, rows - rows // 2)]) == bits


def test_a_large_ledger_is_cut_and_says_what_it_said(store: Store) -> None:
    asked = [request(i) for i in range(3000)]
    fill(store, range(3000))
    uncut = Ledger(store)
    before, spent = uncut.find(asked), uncut.spent()
    uncut.compact()
    ledger = Ledger(store)
    bits = count_bits(ledger._segments)
    assert bits == 3
    assert {find_partition(segment, bits) for segment in ledger._segments} == set(range(8))
    assert ledger.find(asked) == before
    assert len(before) == 3000
    assert Ledger(store).spent() == spent
    assert len(ledger) == 3000


def test_a_merge_in_one_partition_leaves_the_others_alone(store: Store) -> None:
    fill(store, range(3000))
    Ledger(store).compact()
    before = Ledger(store)._segments
    fill(store, range(3000, 3600))
    ledger = Ledger(store)
    ledger.compact()
    bits = count_bits(ledger._segments)
    assert {find_partition(segment, bits) for segment in ledger._segments} == set(range(8))
    kept = before & ledger._segments
    assert len(kept) > len(before) / 2, "a row would be written again with each merge"
    assert len(ledger.find([request(i) for i in range(3600)])) == 3600


def test_a_ledger_that_grows_is_cut_anew_whatever_its_age(store: Store) -> None:
    for begin in range(0, 6000, 400):
        fill(store, range(begin, begin + 400))
        ledger = Ledger(store)
        ledger.compact()
        assert len(ledger) == begin + 400
        chosen = list(merging.list_merges(list(ledger._segments)))
        assert not chosen
    assert count_bits(ledger._segments) == 4
    assert len(ledger.find([request(i) for i in range(6000)])) == 6000
    assert ledger.spent()[0].requests == 6000
    assert len(ledger._segments) < 80


def test_partitions_are_merged_side_by_side(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, range(3000))
    Ledger(store).compact()
    fill(store, range(3000, 3900))
    taken = merging.CLAIM.format("-3-2")
    assert merging._claim(store, taken, "another")
    ledger = Ledger(store)
    assert ledger.compact() > 0
    assert ledger.ignored == []
    bits = count_bits(ledger._segments)
    runs = {
        number: {segment.stem for segment in ledger._segments if find_partition(segment, bits) == number}
        for number in range(8)
    }
    assert len(runs[2]) > 1, "another merges this one"
    assert len(ledger.find([request(i) for i in range(3900)])) == 3900
    merging._release_claim(store, taken, "another")
    Ledger(store).compact()
    assert not [name for name in store.names("ledger") if name.startswith("merging")]


def test_places_that_do_not_fit_are_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "HELD", 1000)
    fill(store, range(3000))
    Ledger(store).compact()
    ledger = Ledger(store)
    for _ in range(2):
        assert len(ledger.find([request(i) for i in range(3000)])) == 3000
        assert 0 < sum(map(len, ledger._places.values())) <= 1000


SORTED = st.lists(st.integers(0, 60), max_size=80).map(sorted)


@given(SORTED, SORTED)
def test_rows_at_places_are_found_whichever_is_longer(places: list[int], wanted: list[int]) -> None:
    rows = ledgers._find_rows(np.array(places, np.uint64), np.unique(np.array(wanted, np.uint64)))
    assert rows.tolist() == [i for i, place in enumerate(places) if place in wanted]


def test_a_whole_segment_and_a_row_of_it_are_read_alike(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    fill(store, range(5000), count=5000)
    everything = Ledger(store).find([request(i) for i in range(5000)])
    assert len(everything) == 5000
    for i in (0, 77, 4999):
        (reply,) = Ledger(store).find([request(i)]).values()
        assert reply == everything[reply.request]
