"""Gold through field mappings, and from the truth of the world."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.task import Record
from tasks.evaluation.gold import FORMATS, GoldRules, gather, list_fitting_formats, map_gold
from tasks.evaluation.score import NONE

PROCESSBENCH: dict[str, Any] = {
    "id": "omnimath-7", "generator": "g", "problem": "p", "steps": ["a", "b", "c"], "final_answer_correct": False, "label": 2
}  # fmt: skip
MR_BEN: dict[str, Any] = {
    "Question_UUID": "u", "Sampled_Model": "m", "Subject": "algebra", "Model_Solution_Steps": ["a", "b", "c"],
    "Model_Solution_Correctness": "incorrect", "Model_Solution_First_Error_Step": "3",
}  # fmt: skip
VERIFY: dict[str, Any] = {"student_incorrect_solution": ["a", "b", "c"], "incorrect_index": 2}
BIGBENCH: dict[str, Any] = {"steps": ["a", "b", "c"], "mistake_index": 2}


def read_gold_row(format: str | GoldRules, value: dict[str, Any]) -> tuple[str, int, int | None, str] | tuple[str, str]:
    """What a row is read as, or why it is rejected."""
    rules = FORMATS[format] if isinstance(format, str) else format
    rows, rejected = gather([Record("data/math.jsonl.gz:12", value)], map_gold(rules))
    if rejected:
        return rejected[0].reason, rejected[0].detail
    return rows[0].id, rows[0].first_error, rows[0].steps, rows[0].set


@pytest.mark.parametrize(
    ("format", "row", "read"),
    [
        ("processbench", PROCESSBENCH, ("omnimath-7", 2, 3, "omnimath")),
        ("processbench", PROCESSBENCH | {"label": -1}, ("omnimath-7", NONE, 3, "omnimath")),
        ("processbench", PROCESSBENCH | {"label": 0, "id": "7"}, ("7", 0, 3, "math")),
        ("mr-ben", MR_BEN, ("u/m", 2, 3, "algebra")),
        ("mr-ben", MR_BEN | {"Model_Solution_First_Error_Step": 1}, ("u/m", 0, 3, "algebra")),
        ("verify-then-generate", VERIFY, ("math.jsonl.gz:12", 2, 3, "math")),
        ("bigbench-mistake", BIGBENCH, ("math.jsonl.gz:12", 2, 3, "math")),
        ("bigbench-mistake", BIGBENCH | {"mistake_index": None}, ("math.jsonl.gz:12", NONE, 3, "math")),
        ("bigbench-mistake", BIGBENCH | {"mistake_index": Decimal("1.0")}, ("math.jsonl.gz:12", 1, 3, "math")),
    ],
)
def test_a_row_is_read(format: str, row: dict[str, Any], read: tuple[str, int, int, str]) -> None:
    assert read_gold_row(format, row) == read


@pytest.mark.parametrize("none", ["N/A", "NA", " N/A ", "", None])
def test_the_ways_in_which_mr_ben_says_none(none: str | None) -> None:
    right = MR_BEN | {"Model_Solution_First_Error_Step": none, "Model_Solution_Correctness": "correct"}
    assert read_gold_row("mr-ben", right)[1] == NONE
    assert read_gold_row("mr-ben", MR_BEN | {"Model_Solution_First_Error_Step": none})[0] == "contradictory"


@pytest.mark.parametrize(
    ("format", "row", "reason", "detail"),
    [
        ("processbench", PROCESSBENCH | {"label": 3}, "out of range", "'label' is 3, expected 0 to 2"),
        ("processbench", PROCESSBENCH | {"label": -2}, "out of range", "'label' is -2, expected 0 to 2"),
        ("processbench", PROCESSBENCH | {"label": None}, "missing field", "'label' is null, which does not mean 'none' here"),
        ("processbench", PROCESSBENCH | {"label": "two"}, "not a step number", "'label' is 'two', expected a whole number"),
        ("processbench", PROCESSBENCH | {"label": True}, "not a step number", "'label' is 'True', expected a whole number"),
        ("processbench", PROCESSBENCH | {"label": 1.5}, "not a step number", "'label' is '1.5', expected a whole number"),
        ("processbench", PROCESSBENCH | {"steps": "a b"}, "wrong type", "the steps are 'a b', expected a list of texts"),
        ("processbench", PROCESSBENCH | {"steps": []}, "wrong type", "the steps are '[]', expected a list of texts"),
        ("mr-ben", MR_BEN | {"Model_Solution_First_Error_Step": "0"}, "out of range", "'Model_Solution_First_Error_Step' is 0, expected 1 to 3"),
        ("mr-ben", MR_BEN | {"Model_Solution_First_Error_Step": "4"}, "out of range", "'Model_Solution_First_Error_Step' is 4, expected 1 to 3"),
        ("mr-ben", MR_BEN | {"Model_Solution_Correctness": "correct"}, "contradictory", "step 3 is wrong, but 'Model_Solution_Correctness' is 'yes'"),
        ("verify-then-generate", VERIFY | {"incorrect_index": None}, "missing field", "'incorrect_index' is null, which does not mean 'none' here"),
        ("bigbench-mistake", BIGBENCH | {"mistake_index": -1}, "out of range", "'mistake_index' is -1, expected 0 to 2"),
        ("bigbench-mistake", {"steps": ["a"]}, "missing field", "'mistake_index'"),  # absent is not null
    ],
)  # fmt: skip
def test_a_bad_row_is_rejected(format: str, row: dict[str, Any], reason: str, detail: str) -> None:
    assert read_gold_row(format, row) == (reason, detail)


def test_a_mapping_of_ones_own() -> None:
    rules = GoldRules.model_validate(
        {"id": ["idx", "class"], "first_error": "wrong.0", "base": 1, "none": [None, 0], "set": "class"}
    )
    assert read_gold_row(rules, {"idx": "p1", "class": "circular", "wrong": [2, 4]}) == (
        "p1/circular",
        1,
        None,
        "circular",
    )
    assert read_gold_row(rules, {"idx": "p1", "class": "circular", "wrong": []}) == (
        "p1/circular",
        NONE,
        None,
        "circular",
    )
    assert read_gold_row(rules, {"idx": "p1", "class": "circular", "wrong": [0]}) == (
        "p1/circular",
        NONE,
        None,
        "circular",
    )
    assert read_gold_row(rules, {"idx": "p1", "class": "circular"}) == ("missing field", "'wrong.0'")
    with pytest.raises(ValidationError, match="base"):
        GoldRules.model_validate({"first_error": "x", "base": 2})


def test_faulty_records_and_repeated_ids_are_rejected_with_their_lines() -> None:
    records = [
        Record("f.jsonl:1", PROCESSBENCH),
        Record("f.jsonl:2", None, "{", ("not JSON", "cut off")),
        Record("f.jsonl:3", PROCESSBENCH),
        Record("f.jsonl:4", PROCESSBENCH | {"label": 0}),
    ]
    rows, rejected = gather(records, map_gold(FORMATS["processbench"]))
    assert [(row.id, row.first_error) for row in rows] == [("omnimath-7", 2)]
    assert [(item.source, item.reason, item.detail) for item in rejected] == [
        ("f.jsonl:2", "not JSON", "cut off"),
        ("f.jsonl:3", "duplicate id", "'omnimath-7' is that of f.jsonl:1 too"),
        ("f.jsonl:4", "duplicate id", "'omnimath-7' is that of f.jsonl:1 too, where gold is another"),
    ]


def test_gold_columns_are_gold_where_they_say_something() -> None:
    row = {"solution_id": "x", "steps": ["a", "b"], "set": "world-3", "gold_first_error": 1, "gold_error_type": "unit", "gold_taxonomy": "abacus@1.0.0"}  # fmt: skip
    (result,), _ = gather([Record("t:1", row)], map_gold(FORMATS["truth"]))
    assert (result.id, result.first_error, result.steps, result.set) == ("x", 1, 2, "world-3")
    assert (result.type, result.taxonomy) == ("unit", "abacus")
    (result,), _ = gather([Record("t:1", row | {"gold_first_error": -1})], map_gold(FORMATS["truth"]))
    assert (result.first_error, result.type) == (NONE, None)
    for bad, reason in (({"gold_first_error": None}, "missing field"), ({"gold_first_error": 2}, "out of range")):
        _, (rejected,) = gather([Record("t:1", row | bad)], map_gold(FORMATS["truth"]))
        assert rejected.reason == reason


@pytest.mark.parametrize(
    ("row", "formats"),
    [
        (PROCESSBENCH, ["processbench"]),
        (MR_BEN, ["mr-ben"]),
        (VERIFY, ["verify-then-generate"]),
        (BIGBENCH, ["bigbench-mistake"]),
        ({"solution_id": 1, "gold_first_error": 1, "steps": 1}, ["truth"]),
        ({"x": 1}, []),
    ],
)
def test_columns_tell_the_format(row: dict[str, Any], formats: list[str]) -> None:
    assert list_fitting_formats(list(row)) == formats
