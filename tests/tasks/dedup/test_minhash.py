"""What similarity is told by: components of pairs, hashes that never change, and what an outline may say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tasks.dedup.components import Components
from tasks.dedup.disk_arrays import Shelf
from tasks.dedup.minhash import Sets, make_outlines
from tasks.dedup.token_hashes import hash_words

TEXTS = [
    "", "a", "Two plus two", "12+30=42,", "café × 3 — naïve 中文 😀!", "x" * 8, "x" * 9, "y" * 63 + " " + "y" * 64, "z" * 65,
    "é" * 40, "**a**", "don't  stop\nnow", "ı İ ß ﬁ", "a\u200bb", "-" * 70,
]  # fmt: skip
COUNTS = [0, 1, 3, 5, 8, 1, 1, 2, 1, 1, 5, 4, 4, 1, 70]
HASHES = "c4970f6885060d4f"
PAIRS = st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12), max_size=8)


def test_the_hashes_of_words_are_those_that_releases_keep() -> None:
    result = hash_words(pl.Series(TEXTS * 3))
    assert result.counts()[: len(TEXTS)].tolist() == COUNTS
    outcome = hash_words(pl.Series(TEXTS))
    assert hashlib.sha256(outcome.hashes.tobytes()).hexdigest()[:16] == HASHES
    assert np.array_equal(result.hashes, np.tile(outcome.hashes, 3))
    alone = np.concatenate([hash_words(pl.Series([text])).hashes for text in TEXTS])
    assert np.array_equal(outcome.hashes, alone)


@given(PAIRS)
def test_components_are_those_of_a_plain_search(lots: list[list[tuple[int, int]]]) -> None:
    components, plain = Components(31), list(range(31))
    for lot in lots:
        a, b = (np.array([pair[i] for pair in lot], np.int64) for i in (0, 1))
        components.unite(a, b)
        for item, other in lot:
            low, high = sorted((plain[item], plain[other]))
            plain = [low if root == high else root for root in plain]
        assert components.apart(a, b).sum() == 0
    assert components.root().tolist() == plain


def test_components_are_those_of_scipy() -> None:
    size, chance = 20_000, np.random.default_rng(1)
    a, b = chance.integers(0, size, (2, 15_000))
    components = Components(size)
    for at in range(0, len(a), 1000):
        components.unite(a[at : at + 1000], b[at : at + 1000])
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(size, size))
    number, label = connected_components(graph, directed=False)
    smallest = np.full(number, size)
    np.minimum.at(smallest, label, np.arange(size))
    assert np.array_equal(components.root(), smallest[label])


def test_a_long_chain_is_one_component() -> None:
    components = Components(200_000)
    components.unite(np.arange(199_999), np.arange(1, 200_000))
    assert not components.root().any()


@given(st.lists(st.sets(st.integers(0, 2**32 - 1), max_size=40), min_size=2, max_size=2))
def test_an_outline_never_tells_sets_further_apart_than_they_are(pair: list[set[int]]) -> None:
    sizes = np.array([len(item) for item in pair])
    sets = Sets(np.array([value for item in pair for value in sorted(item)], np.uint32), np.cumsum(sizes))
    result, other = make_outlines(sets)
    assert np.bitwise_count(result ^ other).sum() <= len(pair[0] ^ pair[1])


def test_pairs_that_were_refused_are_refused_again_and_others_are_not(tmp_path: Path) -> None:
    base = [f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(60)]
    near = [*base[:30], "other", *base[31:]]
    far = [*base[:20], "these", "are", "other", "words", "here", *base[25:40], "and", "there"]
    shelf = Shelf(tmp_path, hash_words, 5, 0.8)
    shelf.add(pl.Series([" ".join(text) for text in (base, near, far)]))
    shelf.close(np.zeros(3, np.uint64))
    for _ in range(3):
        assert shelf.alike(np.array([0, 0, 1]), np.array([1, 2, 2])).tolist() == [True, False, False]
