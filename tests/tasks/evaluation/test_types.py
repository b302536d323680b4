"""Types against the truth: accuracy, F1 and confusion, by numbers one can check by hand."""

import pytest

from tasks.evaluation.types import Confusion


def test_figures_of_a_small_confusion() -> None:
    confusion = Confusion()
    for truth, item in [("a", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("b", None), ("c", "a")]:
        confusion.add(truth, item)
    assert (confusion.rows, confusion.decided, confusion.exact) == (6, 5, 3)
    assert [confusion.f1(name) for name in "abc"] == [pytest.approx(4 / 6), pytest.approx(0.5), 0.0]
    assert confusion.macro_f1() == pytest.approx((4 / 6 + 0.5) / 3)
    assert confusion.names() == ["a", "b", "c"]
    assert confusion.summarize()["confusion"] == {"a": {"a": 2, "b": 1}, "b": {"b": 1, "undecided": 1}, "c": {"a": 1}}


def test_nothing_said_has_no_precision() -> None:
    confusion = Confusion()
    confusion.add("a", None)
    assert "precision_interval" not in confusion.summarize()
    assert Confusion().macro_f1() == 0.0
