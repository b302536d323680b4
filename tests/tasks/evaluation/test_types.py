"""Types against the truth: accuracy, F1 and confusion, by numbers one can check by hand."""

import pytest

from tasks.evaluation.types import Confusion


def test_figures_of_a_small_confusion() -> None:
    found = Confusion()
    for truth, said in [("a", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("b", None), ("c", "a")]:
        found.add(truth, said)
    assert (found.rows, found.decided, found.exact) == (6, 5, 3)
    assert [found.f1(name) for name in "abc"] == [pytest.approx(4 / 6), pytest.approx(0.5), 0.0]
    assert found.macro_f1() == pytest.approx((4 / 6 + 0.5) / 3)
    assert found.names() == ["a", "b", "c"]
    assert found.summarize()["confusion"] == {"a": {"a": 2, "b": 1}, "b": {"b": 1, "undecided": 1}, "c": {"a": 1}}


def test_nothing_said_has_no_precision() -> None:
    found = Confusion()
    found.add("a", None)
    assert "precision_interval" not in found.summarize()
    assert Confusion().macro_f1() == 0.0
