"""Duplicates found share by share are those that are found in one piece, whatever makes rows alike and however many shares there are."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.dedup import components
from tasks.dedup.components import Components, cluster
from tasks.dedup.duplicates import DuplicateRules, Repeats
from tasks.dedup.embeddings import Embedding
from tasks.dedup.release_index import index
from tests.tasks.dedup.letters import make_embedding
from tests.tasks.dedup.test_deduplicate import changed, text

SHARES = (1, 2, 7, 64)
NEAR = text(7, 30)
TEXTS = [
    "same", "SAME ", "other", "", *(changed(NEAR, i) for i in range(8, 20)), "3+4=7", "so 3 + 4 = 7 indeed", "4+3=7",
    "3 + 4 = 8", "12 apples", "apples 12", "3+4=7, 7*2=14", "7*2=14 since 3+4=7",
]  # fmt: skip
ANSWERS = ["7", "7.0", "8", "x+1", "1+x", None]
ROWS = st.lists(
    st.tuples(st.sampled_from("pqr"), st.sampled_from(TEXTS), st.sampled_from(ANSWERS), st.integers(0, 3)),
    min_size=1, max_size=40,
)  # fmt: skip
Row = tuple[str, str, str | None, int]


def make_table(rows: Sequence[Row], prefix: str = "") -> pl.DataFrame:
    columns = ("problem_id", "rationale", "extracted", "votes")
    frame = pl.DataFrame(rows, schema=dict(zip(columns, (pl.String, pl.String, pl.String, pl.Int64))), orient="row")
    keys = pl.Series("solution_id", [f"{prefix}{i:05d}" for i in range(len(rows))], dtype=pl.String)
    return frame.select(keys, pl.all())


def reject(rows: Sequence[Row], shares: int, released: Sequence[Row] = (), **rules: Any) -> list[tuple[str, ...]]:
    """The rows that are rejected, with reason and detail, in the order of their keys."""
    given = {"scope": "problem", "similarity": 0.8, "shingle": 5, "unit": "words", "embedding": None, "cosine": 0.9}
    with tempfile.TemporaryDirectory() as folder:
        repeats = Repeats(Path(folder), DuplicateRules(prefer=("votes",), **{**given, **rules}), shares)
        if released:
            repeats.add_index("old@1.0.0", index(make_table(released, "r").drop("votes")))
        for at in range(0, len(rows), 7):
            repeats.add(make_table(rows)[at : at + 7])
        return sorted(row for frame in repeats.reject() for row in frame.iter_rows())


@pytest.mark.parametrize(
    "by", [("exact",), ("mistake",), ("path",), ("near",), ("semantic",), ("exact", "mistake", "near")]
)
@settings(max_examples=25, deadline=None)
@given(rows=ROWS, scope=st.sampled_from(["problem", "path", "all"]), clusters=st.sampled_from(["star", "linked"]), across=st.booleans())  # fmt: skip
def test_any_number_of_shares_rejects_the_same_rows(
    by: tuple[str, ...], rows: list[Row], scope: str, clusters: str, across: bool
) -> None:
    rules: dict[str, Any] = {"by": by, "scope": scope, "clusters": clusters, "across_answers": across}
    if "semantic" in by:
        rules["embedding"] = Embedding(*make_embedding())
    whole, *others = (reject(rows, shares, **rules) for shares in SHARES)
    assert all(other == whole for other in others)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, released=ROWS, scope=st.sampled_from(["problem", "all"]))
def test_any_number_of_shares_finds_the_same_in_earlier_releases(
    rows: list[Row], released: list[Row], scope: str
) -> None:
    rules: dict[str, Any] = {"by": ("exact", "mistake", "path", "near"), "scope": scope}
    whole, *others = (reject(rows, shares, released, **rules) for shares in SHARES)
    assert all(other == whole for other in others)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, scope=st.sampled_from(["problem", "path"]), count=st.sampled_from([2, 3]))
def test_problems_by_themselves_give_what_they_give_together(rows: list[Row], scope: str, count: int) -> None:
    # so they may be looked at in different processes
    rules: dict[str, Any] = {"by": ("exact", "mistake", "path", "near"), "scope": scope}
    named = dict(zip(make_table(rows)["solution_id"], rows))
    together = reject(rows, 1, **rules)
    apart = []
    for number in range(count):
        keys = [key for key, row in named.items() if "pqr".index(row[0]) % count == number]
        for key, reason, detail in reject([named[key] for key in keys], 1, **rules):
            keeper = detail.split()[-1]
            apart.append((keys[int(key)], reason, detail.removesuffix(keeper) + keys[int(keeper)]))
    assert sorted(apart) == together


def test_shares_of_many_like_texts_and_large_buckets() -> None:
    chance = random.Random(8)
    words = text(9, 300)
    rows: list[Row] = [
        (f"p{i % 2}", changed(words, *chance.sample(range(290), chance.randrange(1, 10))), "7", i % 3)
        for i in range(600)
    ]
    for clusters in ("star", "linked"):
        whole, *others = (reject(rows, n, by=("near",), scope="all", clusters=clusters) for n in SHARES)
        assert len(whole) > 150
        assert all(other == whole for other in others)


def test_which_pairs_of_a_large_bucket_count_does_not_depend_on_what_is_connected_already() -> None:
    size = components.ALL_PAIRS + 10
    bucket, rows = np.full(size, 5, np.uint64), np.arange(size)

    def list_edges(known: Components) -> set[tuple[int, int]]:
        edges: set[tuple[int, int]] = set()

        def are_alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            same: np.ndarray = a % 3 == b % 3
            edges.update(zip(a[same].tolist(), b[same].tolist()))
            return same

        cluster([bucket], rows, are_alike, known)
        return edges

    connected = Components(size)
    connected.unite(np.array([0, 1]), np.array([4, 5]))
    assert list_edges(connected) == list_edges(Components(size))
    assert len(list_edges(connected)) == size - 3


def test_values_that_differ_in_low_bits_alone_are_told_apart() -> None:
    values = np.array([2**60 + 1, 2**60 + 2, 2**60 + 1, 2**60 + 2, 7], np.uint64)
    ordered, order = components._sort_repeated(values)
    assert ordered.tolist() == [2**60 + 1, 2**60 + 1, 2**60 + 2, 2**60 + 2]
    assert order.tolist() == [0, 2, 1, 3]
