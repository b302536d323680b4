"""Two partitions of the same mistakes: figures one can check by hand, and what holds of all."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from tasks.evaluation.clustering import compute_adjusted_rand, cramer


def test_the_example_of_six_rows() -> None:
    # pairs: 15; together in both: 2; in the first: 6, in the second: 3; by chance 6 * 3 / 15 = 1.2
    counts = Counter(zip("aaabbb", "xxyyzz"))
    assert compute_adjusted_rand(counts) == pytest.approx((2 - 1.2) / (4.5 - 1.2))


def test_names_do_not_matter_and_one_part_for_all_says_nothing() -> None:
    assert compute_adjusted_rand(Counter(zip("aabb", "xxyy"))) == 1.0
    assert compute_adjusted_rand(Counter(zip("aabb", "xxxx"))) == 0.0
    assert compute_adjusted_rand(Counter(zip("aaaa", "xxxx"))) is None
    assert compute_adjusted_rand(Counter()) is None


def test_how_far_one_thing_depends_on_another() -> None:
    assert cramer(Counter(zip("aabb", "xxyy"))) == pytest.approx(1.0)
    assert cramer(Counter(zip("aabb", "xyxy"))) == 0.0
    assert cramer(Counter({("a", "x"): 3, ("a", "y"): 1, ("b", "x"): 1, ("b", "y"): 3})) == pytest.approx(0.5)
    assert cramer(Counter(zip("aaaa", "xyxy"))) is None
    assert cramer(Counter({("a", "x"): 3, ("a", "y"): 0, ("b", "x"): 1, ("b", "z"): 3})) == pytest.approx(0.75)
    assert cramer(Counter()) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=30))
def test_both_are_symmetric_and_bounded(pairs: list[tuple[str, str]]) -> None:
    counts, turned = Counter(pairs), Counter((b, a) for a, b in pairs)
    rand, v = compute_adjusted_rand(counts), cramer(counts)
    assert (
        rand == pytest.approx(compute_adjusted_rand(turned))
        if rand is not None
        else compute_adjusted_rand(turned) is None
    )
    assert rand is None or rand <= 1.0
    assert v is None or 0.0 <= v <= 1.0 + 1e-9
    truth, result = zip(*pairs)
    assert rand is None or rand == pytest.approx(adjusted_rand_score(truth, result), abs=1e-12)
