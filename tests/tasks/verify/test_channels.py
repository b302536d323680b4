"""`verify` reads the text; the thinking only where it is told to, and never one that came to no end."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tasks.verify.task import VERIFY, VerifyParameters

ROW = {"answer": "18", "options": None, "question": "How many?", "stated": None}


def verify(of: str, text: str, thinking: str | None, finished: bool | None = True) -> dict[str, Any]:
    row = {**ROW, "text": text, "rationale": text, "thinking": thinking, "thinking_finished": finished}
    schema: dict[str, Any] = {
        **dict.fromkeys(row, pl.String),
        "options": pl.List(pl.String),
        "thinking_finished": pl.Boolean,
    }
    outcome = VERIFY.run(pl.DataFrame([row, row], schema=schema), VerifyParameters.model_validate({"of": of}))
    first, second = outcome.kept.to_dicts()
    assert first == second and outcome.rejected.height == 0
    return first


@pytest.mark.parametrize(
    ("of", "text", "thinking", "verdict", "extracted"),
    [
        ("text", "#### 18", r"\boxed{20}", "right", "18"),
        ("text", "Well.", r"\boxed{18}", "undecided", None),
        ("text", "", r"\boxed{18}", "undecided", None),
        ("thinking", "#### 18", r"\boxed{20}", "wrong", "20"),
        ("thinking", "#### 18", None, "undecided", None),
        ("both", "#### 18", r"\boxed{20}", "right", "18"),
        ("both", "", r"\boxed{20}", "wrong", "20"),
        ("both", "", r"\boxed{18}", "right", "18"),
        ("both", "Well.", None, "undecided", None),
    ],
)
def test_what_is_read(of: str, text: str, thinking: str | None, verdict: str, extracted: str | None) -> None:
    row = verify(of, text, thinking, None if thinking is None else True)
    assert (row["verdict"], row["extracted"]) == (verdict, extracted)
    assert (row["undecided"] is None) == (verdict != "undecided")
    if extracted and of != "both":
        read = text if of == "text" else thinking or ""
        assert read[row["extracted_from"] : row["extracted_to"]] == extracted
    if of == "both" and not text:
        assert row["extracted_from"] is None


@pytest.mark.parametrize("of", ["text", "thinking", "both"])
def test_an_unfinished_thought_is_undecided_whatever_stands_in_it(of: str) -> None:
    row = verify(of, "#### 18", r"\boxed{18}", False)
    assert (row["verdict"], row["undecided"], row["extracted"]) == ("undecided", "unfinished thought", None)
