"""What differs between two releases, and the number that follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import errata
import polars as pl
import pytest
from errata.compare.difference import Difference, compare_releases, compare_views
from errata.compare.row_fingerprints import digest_rows
from errata.compare.semver import bump, describe, find_required_step, find_step, find_violation
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.conftest import put, row

Rows = dict[str, list[dict[str, Any]]]


def two(tmp_path: Path, before: Rows, after: Rows) -> Difference:
    """The difference of two releases with these rows."""
    for version, rows in (("1.0.0", before), ("2.0.0", after)):
        put(str(tmp_path), "tiny", version, rows)
    return compare_releases(*(errata.open_release(f"tiny@{version}", str(tmp_path)) for version in ("1.0.0", "2.0.0")))


def rows(count: int, **change: Any) -> list[dict[str, Any]]:
    return [row(n, "train") | change for n in range(count)]


def test_the_same_rows_differ_in_nothing(tmp_path: Path) -> None:
    result = two(tmp_path, {"train": rows(9)}, {"train": rows(9)})
    assert [(view.view, view.same, view.kept) for view in result.views] == [
        ("mistakes", True, 9),
        ("questions", True, 9),
    ]
    assert (find_required_step(result), describe(result)) == ("PATCH", "nothing differs")


def test_the_same_rows_in_another_order_and_layout_differ_in_nothing(tmp_path: Path) -> None:
    result = two(tmp_path, {"train": rows(9)}, {"train": rows(9)[::-1]})
    assert [(view.same, view.kept, view.shifts) for view in result.views] == [(True, 9, []), (True, 9, [])]


def test_added_rows_are_minor(tmp_path: Path) -> None:
    result = two(tmp_path, {"train": rows(7)}, {"train": rows(9)})
    assert [(view.added, view.removed, view.changed, view.kept) for view in result.views] == [
        (2, 0, 0, 7),
        (2, 0, 0, 7),
    ]
    assert result.views[0].examples == {"added": ["train-7", "train-8"]}
    assert find_required_step(result) == "MINOR"


def test_removed_rows_are_major(tmp_path: Path) -> None:
    result = two(tmp_path, {"train": rows(9)}, {"train": rows(7)})
    assert [(view.added, view.removed) for view in result.views] == [(0, 2), (0, 2)]
    assert find_required_step(result) == "MAJOR"


def test_a_label_is_told_with_the_old_and_the_new(tmp_path: Path) -> None:
    changed = [item | ({"verdict": "right"} if n in (2, 5) else {}) for n, item in enumerate(rows(9))]
    result = two(tmp_path, {"train": rows(9)}, {"train": changed})
    view = result.views[0]
    assert (view.changed, view.kept, view.changed_by_column) == (2, 7, {"verdict": 2})
    assert [(item.column, item.before, item.after, item.rows) for item in view.relabelled] == [
        ("verdict", "wrong", "right", 2)
    ]
    assert view.examples == {"changed": ["train-2", "train-5"]}
    assert [(shift.what, shift.before, shift.after, shift.distance) for shift in view.shifts] == [
        ("verdict", {"wrong": 9}, {"wrong": 7, "right": 2}, 0.222222)
    ]
    assert result.views[1].same and find_required_step(result) == "MAJOR"


def test_a_row_in_another_split_has_changed(tmp_path: Path) -> None:
    result = two(tmp_path, {"train": rows(9), "test": []}, {"train": rows(9)[1:], "test": rows(1)})
    view = result.views[0]
    assert (view.changed, view.changed_by_column, find_required_step(result)) == (1, {"split": 1}, "MAJOR")
    assert [(item.before, item.after) for item in view.relabelled] == [("train", "test")]


def test_texts_and_steps_change_without_being_labels(tmp_path: Path) -> None:
    many = [item | {"question": f"{item['question']} {n}"} for n, item in enumerate(rows(300))]
    changed = [item | ({"question": "another", "steps": ["one"]} if n == 7 else {}) for n, item in enumerate(many)]
    view = two(tmp_path, {"train": many}, {"train": changed}).views[0]
    assert (view.changed, view.changed_by_column) == (1, {"question": 1, "steps": 1})
    assert [shift.what for shift in view.shifts] == ["question, bytes", "steps, items"]


def digested(frame: pl.DataFrame, key: str | None = "id") -> Any:
    return digest_rows([("train", frame)], key)


def test_probabilities_change_without_being_labels() -> None:
    def known(*values: float) -> Any:
        return digested(pl.DataFrame({"id": ["a", "b"], "probability": values}))

    view = compare_views("v", known(0.5, 0.75), known(0.5, 0.8))
    assert (view.changed, view.changed_by_column, view.relabelled) == (1, {"probability": 1}, [])


def test_columns_that_come_go_or_change_type() -> None:
    old = pl.DataFrame({"id": ["a", "b"], "x": [1, 2], "y": [1, 2]})
    new = pl.DataFrame({"id": ["a", "b"], "x": ["1", "2"], "z": [True, False]})
    views = compare_views("v", digested(old), digested(new))
    assert (views.columns_added, views.columns_removed) == (["z"], ["y"])
    assert views.columns_retyped == [("x", "integer", "string")]
    difference = Difference("t@1.0.0", "t@1.1.0", [views], [], [])
    assert describe(difference) == "v: 2 changed, column z added, column y removed, column x was integer, is string"
    assert (
        find_required_step(
            Difference("", "", [compare_views("v", digested(old), digested(old.with_columns(n=1)))], [], [])
        )
        == "MINOR"
    )


def test_rows_without_ids_are_known_by_their_content() -> None:
    old, new = pl.DataFrame({"t": ["a", "a", "b"]}), pl.DataFrame({"t": ["a", "b", "c"]})
    views = compare_views("v", digested(old, None), digested(new, None))
    assert (views.added, views.removed, views.kept) == (1, 1, 2)


values = st.one_of(st.none(), st.text(max_size=3))
tables = st.dictionaries(
    st.integers(0, 12).map(str), st.tuples(values, st.lists(st.text(max_size=2), max_size=2)), max_size=12
)


@settings(max_examples=40, deadline=None)
@given(tables, tables)
def test_every_row_is_accounted_for(a: dict[str, Any], b: dict[str, Any]) -> None:
    schema: dict[str, Any] = {"id": pl.String, "x": pl.String, "l": pl.List(pl.String)}
    old, new = (
        pl.DataFrame([{"id": k, "x": x, "l": items} for k, (x, items) in item.items()], schema=schema)
        for item in (a, b)
    )
    views = compare_views("v", digested(old), digested(new))
    assert (views.added, views.removed) == (len(b.keys() - a.keys()), len(a.keys() - b.keys()))
    assert views.changed == sum(a[key] != b[key] for key in a.keys() & b.keys())
    assert views.kept + views.changed + views.removed == views.before == len(a)
    assert views.kept + views.changed + views.added == views.after == len(b)
    moved = sum(item.rows for item in views.relabelled if item.column == "x")
    assert moved == views.changed_by_column.get("x", 0) == sum(a[key][0] != b[key][0] for key in a.keys() & b.keys())


@pytest.mark.parametrize(
    ("before", "step", "after"),
    [("1.2.3", "PATCH", "1.2.4"), ("1.2.3", "MINOR", "1.3.0"), ("1.2.3", "MAJOR", "2.0.0"), ("0.2.3", "PATCH", "0.2.4"),
     ("0.2.3", "MINOR", "0.3.0"), ("0.2.3", "MAJOR", "0.3.0")],
)  # fmt: skip
def test_what_is_proposed_is_no_lie(before: str, step: Any, after: str) -> None:
    assert bump(before, step) == after
    assert ["PATCH", "MINOR", "MAJOR"].index(find_step(before, after)) >= ["PATCH", "MINOR", "MAJOR"].index(step)


def test_a_number_that_lies_is_told(tmp_path: Path) -> None:
    more, fewer = (
        two(tmp_path, {"train": rows(7)}, {"train": rows(9)}),
        two(tmp_path / "x", {"train": rows(9)}, {"train": rows(7)}),
    )
    assert find_violation(more, "1.0.0", "1.0.1") == (
        "1.0.1 after 1.0.0 means the same rows (PATCH), but this is MINOR: mistakes: 2 added; questions: 2 added; use 1.1.0"
    )
    assert find_violation(fewer, "1.0.0", "1.1.0") == (
        "1.1.0 after 1.0.0 means only more rows (MINOR), but this is MAJOR: mistakes: 2 removed; questions: 2 removed; use 2.0.0"
    )
    assert (
        find_violation(more, "1.0.0", "1.1.0") is None
        and find_violation(fewer, "1.0.0", "2.0.0") is None
        and find_violation(fewer, "0.1.0", "0.2.0") is None
    )
    assert find_violation(more, "0.1.0", "0.1.1") is not None
