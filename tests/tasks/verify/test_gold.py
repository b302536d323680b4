"""`gold`: problems whose own gold answer fails are rejected, with the reason."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tasks.verify.gold import GOLD, check_gold, find_gold_fault
from tasks.verify.task import VerifyParameters

ROW: dict[str, Any] = {"answer": "18", "options": None, "question": "How many?", "reference": None}
FRAME: dict[str, Any] = {**dict.fromkeys(ROW, pl.String), "options": pl.List(pl.String)}


def never(text: str, other: str) -> str:
    raise AssertionError(f"{text} and {other} need no second opinion")


@pytest.mark.parametrize(
    "changed",
    [{}, {"reference": "9 + 9 = 18\n#### 18"}, {"reference": "It breaks off in the"}, {"answer": r"\frac{1}{2}", "reference": r"So \boxed{0.5}."},
     {"answer": "B", "options": ["A) 1", "B) 2"]}, {"answer": "yes"}, {"answer": "05/01/2021"}, {"answer": "['16', '12']"}, {"answer": "New York"}],
)  # fmt: skip
def test_a_gold_answer_that_holds_is_kept(changed: dict[str, Any]) -> None:
    assert find_gold_fault({**ROW, **changed}, "auto", never) is None


@pytest.mark.parametrize(
    ("changed", "reason", "detail"),
    [
        (
            {"reference": "9 + 8 = 17\n#### 17"},
            "gold fails against its reference",
            "gold 18, reference 17: wrong (numeric)",
        ),
        ({"answer": "F", "options": ["A) 1", "B) 2"]}, "gold fails against itself", "F: gold unparsable (choice)"),
        ({"answer": "..."}, "gold fails against itself", "...: unparsable (text)"),
    ],
)
def test_a_gold_answer_that_fails_is_told_with_the_reason(changed: dict[str, Any], reason: str, detail: str) -> None:
    assert find_gold_fault({**ROW, **changed}, "auto", never) == (reason, detail)


def test_every_row_is_kept_or_rejected() -> None:
    rows = [ROW, {**ROW, "reference": "#### 17"}, ROW, {**ROW, "reference": "#### 17"}, {**ROW, "answer": "..."}]
    gold = check_gold(pl.DataFrame(rows, schema=FRAME), VerifyParameters(answers="auto"))
    assert gold.kept.height == 2 and gold.kept.columns == list(FRAME)
    assert gold.rejected["reason"].to_list() == ["gold fails against its reference"] * 2 + ["gold fails against itself"]
    assert GOLD.run(gold.kept, VerifyParameters(answers="auto")).rejected.height == 0
