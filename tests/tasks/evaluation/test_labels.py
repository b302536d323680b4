"""Labels from rows: which columns they are in, and what is wrong with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.task import Record
from tasks.evaluation.fields import EvaluationError
from tasks.evaluation.labels import Columns, Table, check_ids, check_labels, choose_columns, read_labels
from tasks.evaluation.score import NONE, Gold

PLAIN = Columns(("id",), ("first_error",))


def table(*rows: dict[str, Any], given: Columns = PLAIN) -> Table:
    return read_labels([Record(f"l.jsonl:{i}", row) for i, row in enumerate(rows, 1)], given)


def list_labels_by_row(labels: Table) -> dict[str, dict[str, int | None]]:
    return {name: {id: label.first_error for id, label in item.items()} for name, item in labels.items()}


def gold(*first_errors: int, steps: int | None = 5) -> list[Gold]:
    return [Gold(str(i), first, steps, "s", f"g:{i}") for i, first in enumerate(first_errors)]


@pytest.mark.parametrize(
    ("there", "wanted", "gold_id", "expected"),
    [
        (["id", "first_error"], Columns((), ()), ["id"], Columns(("id",), ("first_error",))),
        (["solution_id", "mc_first_error", "judge_first_error", "x"], Columns((), ()), ["id"], Columns(("solution_id",), ("mc_first_error", "judge_first_error"))),
        (["id", "uuid", "model", "prediction"], Columns((), ()), ["uuid", "model"], Columns(("uuid", "model"), ("prediction",))),
        (["id", "uuid", "prediction"], Columns((), ()), ["uuid", "model"], Columns(("id",), ("prediction",))),
        (["source", "a", "b", "judge"], Columns((), ("b",), "judge"), ["id"], Columns(("source",), ("b",), "judge")),
        (["id", "key", "first_error", "labeller"], Columns(("key",), ()), ["id"], Columns(("key",), ("first_error",), "labeller")),
        (["first_error"], Columns((), ()), [], Columns((), ("first_error",))),
    ],
)  # fmt: skip
def test_columns_are_found_by_their_names(
    there: list[str], wanted: Columns, gold_id: list[str], expected: Columns
) -> None:
    assert choose_columns("l", there, wanted, gold_id) == expected


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, 0), (3, 3), (-1, NONE), (None, None), (float("nan"), None), (2.0, 2), (Decimal("2.0"), 2), ("4", 4), (" -1 ", NONE), ("", None), ("Undecided", None), ("null", None)],
)  # fmt: skip
def test_the_forms_of_a_label(value: object, label: int | None) -> None:
    assert list_labels_by_row(table({"id": "a", "first_error": value})) == {"first_error": {"a": label}}


def test_labellers_by_column_and_by_row() -> None:
    wide = table({"id": 1, "a": 0, "b": None}, {"id": 2, "a": NONE, "b": 3}, given=Columns(("id",), ("a", "b")))
    assert list_labels_by_row(wide) == {"a": {"1": 0, "2": NONE}, "b": {"1": None, "2": 3}}
    long = table(
        {"id": 1, "who": "a", "l": 0},
        {"id": 1, "who": "b", "l": None},
        {"id": 2, "who": "a", "l": NONE},
        {"id": 2, "who": "b", "l": 3},
        given=Columns(("id",), ("l",), "who"),
    )
    assert list_labels_by_row(long) == list_labels_by_row(wide)


def test_a_row_without_a_column_for_its_id_is_known_by_its_line_and_source_without_folders() -> None:
    assert list(table({"first_error": 0}, given=Columns((), ("first_error",)))["first_error"]) == ["l.jsonl:1"]
    by_source = table(
        {"source": "data/x/f.jsonl.gz:12", "first_error": 0}, given=Columns(("source",), ("first_error",))
    )
    assert list(by_source["first_error"]) == ["f.jsonl.gz:12"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "a", "first_error": 0}, {"id": "a", "first_error": 0}], "l.jsonl:2: 'a' has a label .* already at l.jsonl:1"),
        ([{"id": None, "first_error": 0}], "l.jsonl:1: 'id' is null or missing"),
        ([{"first_error": 0}], "l.jsonl:1: 'id' is null or missing"),
        ([{"id": "a", "first_eror": 0}], "l.jsonl:1: no column 'first_error'; did you mean 'first_eror'"),
        ([{"id": "a", "first_error": "third"}], "l.jsonl:1: 'first_error' is 'third', expected a whole number, -1"),
        ([{"id": "a", "first_error": 2.5}], "'2.5', expected a whole number"),
        ([{"id": "a", "first_error": True}], "'True', expected a whole number"),
        ([{"id": "a", "first_error": [1]}], "expected a whole number"),
        ([{"id": "a", "first_error": "9" * 5000}], "expected a whole number"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named(rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        table(*rows)


def test_a_line_that_cannot_be_read_is_named() -> None:
    with pytest.raises(EvaluationError, match=r"l:7: not JSON \(cut off\)"):
        read_labels([Record("l:7", None, "{", ("not JSON", "cut off"))], PLAIN)


def labelled(*labels: int | None) -> Table:
    return table(*({"id": str(i), "first_error": label} for i, label in enumerate(labels)))


def test_labels_counted_from_1_are_made_to_count_from_0() -> None:
    assert check_labels(labelled(1, 5, 0, -1, None), gold(0, 4, NONE, NONE, 2), 1) == {
        "first_error": {"0": 0, "1": 4, "2": NONE, "3": NONE, "4": None}
    }


@pytest.mark.parametrize(
    ("labels", "base", "message"),
    [
        ((0, 5), None, r"l.jsonl:2: 'first_error' names step 5 of '1' \(it has 5 steps: 0 to 4, or -1 for none\); 1 label .* --base 1"),
        ((0, 5), 0, "1 label out of range"),
        ((9, 5), None, "2 labels out of range; mend them"),
        ((-2, 0), None, "names step -2 .* mend them"),
        ((6, 0), 1, "1 to 5, or -1 for none"),
    ],
)  # fmt: skip
def test_labels_out_of_range_are_refused(labels: tuple[int, ...], base: int | None, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        check_labels(labelled(*labels), gold(0, 4), base)


def test_labels_are_in_range_where_nobody_knows_the_steps() -> None:
    assert check_labels(labelled(99), gold(3, steps=None), None) == {"first_error": {"0": 99}}
    assert check_labels(labelled(1, 99), gold(3), None)["first_error"]["1"] == 99  # not in gold


def test_labels_that_look_counted_from_1_are_refused_unless_they_are_said_to_be_right() -> None:
    rows = gold(*[i % 3 for i in range(30)], steps=9)
    shifted = labelled(*[i % 3 + 1 for i in range(30)])
    with pytest.raises(EvaluationError, match=r"look counted from 1: of 30 .* 30 lie one after gold's, 0 on it"):
        check_labels(shifted, rows, None)
    assert check_labels(shifted, rows, 0)["first_error"]["0"] == 1
    assert check_labels(shifted, rows, 1)["first_error"]["0"] == 0


def test_a_late_or_small_labeller_is_not_taken_for_one_that_counts_from_1() -> None:
    rows = gold(*[1] * 40, steps=9)
    check_labels(labelled(*[1] * 15 + [2] * 25), rows, None)  # 25 late, but 15 exact
    check_labels(labelled(*[2] * 19), rows, None)  # too few to tell
    check_labels(labelled(*[2] * 15 + [3] * 20), rows, None)  # late, but not by one


def test_labels_and_gold_without_a_common_id() -> None:
    with pytest.raises(EvaluationError, match=r"l and g have no id in common: 0  there, 0, 1 in gold.*--id"):
        check_ids("l", {"a": {"0 ": labelled(0)["first_error"]["0"]}}, gold(1, 1), "g")
    check_ids("l", labelled(0), gold(1), "g")
