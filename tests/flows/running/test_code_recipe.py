"""The recipe `code` with few problems, end to end in the sandbox: each row accounted for, each verdict the program's own."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from tasks.engines.python.sandbox import find_fault
from tests.flows.running.test_correction_recipes import RECIPES, build

OWN = {
    "leti": ("success", "problem", "generated_solution", "language_feedback", "text_a", "text_b"),
    "tracecodegen": ("context", "program", "full", "state"),
}
"""The fields of the papers' own files, in their order; behind them stand our ids."""


@pytest.mark.build
@pytest.mark.skipif(bool(find_fault()), reason=find_fault() or "")
def test_programs_are_run_judged_and_right_as_far_as_they_go(tmp_path: Path) -> None:
    shutil.copytree(RECIPES / "sample", tmp_path / "sample")
    tables = build("code", tmp_path, count=20)
    judged = [(verdict, undecided) for verdict, undecided in tables["tested"].select("verdict", "undecided").rows()]
    assert Counter(judged) == {("right", None): 25, ("wrong", None): 21, ("undecided", "time limit"): 2}
    assert tables["leti"].height == sum(verdict != "undecided" for verdict, _ in judged)
    words = tables["partly"]
    assert Counter(words["verdict"]) == {"right": 32, "wrong": 32} and words["reference_states"].is_not_null().all()
    assert words["states_first_error"].to_list() == words["human_first_error"].to_list()
    assert tables["words"].height == words.height
    ran = tables["ran"]
    # a program comes to what the text that it was made of says: to the gold answer where no step is known to be wrong
    assert ran.height > 40 and set(ran["verdict"]) == {"right", "wrong"}
    flawless = ran.filter(pl.col("gold_first_error") == -1)
    assert flawless.height > 20 and set(flawless["verdict"]) == {"right"}
    placed = tables["placed"].filter(pl.col("verdict") == "wrong")
    exact = placed.filter(pl.col("states_first_error") == pl.col("gold_first_error"))
    assert placed.height > 5 and exact.height >= 0.8 * placed.height
    assert tables["tracecodegen"].height == tables["placed"].height
    again = tables["again"].filter(pl.col("turn") == 1)
    wrong = ran.filter(pl.col("verdict") == "wrong").height
    assert again.height == tables["self-debug"].height == wrong > 5
    assert again["critique"].str.contains("came to what is wrong").all()
    assert (
        set(again["verdict"]) <= {"right", "wrong"} and tables["self-debug"].filter("success").height > wrong / 2
    )  # declared are 0.8
    for name, fields in OWN.items():
        assert tuple(tables[name].columns)[: len(fields)] == fields
    ledger = pl.read_parquet(f"{tmp_path}/store/ledger/*.parquet")
    assert ledger["request"].is_unique().all()
