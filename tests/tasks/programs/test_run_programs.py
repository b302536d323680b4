"""Verdicts of programs: wrong where the program is at fault, undecided where limit or sandbox may be."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from schemas.columns.problems import SOLUTIONS
from schemas.programs import Ending, ProgramReport, ProgramRun
from tasks.engines.python.sandbox import find_fault
from tasks.programs.partial import PARTIAL, PartialParameters, find_furthest
from tasks.programs.run_programs import RUN, RunParameters, judge_run
from tests.running_programs import run_mistakes, run_table, write_mistakes

needs_sandbox = pytest.mark.skipif(bool(find_fault()), reason=find_fault() or "")
ROW: dict[str, Any] = {
    "text": "```\nx\n```",
    "question": "How many?",
    "answer": "42",
    "options": None,
    "reference": None,
}


def report(**fields: Any) -> ProgramRun:
    made = ProgramReport.model_validate({"ended": "done"} | fields)
    return ProgramRun(ended=made.ended, exit=0, stdout=fields.get("answer") or "", report=made)


def stopped(ended: Ending) -> ProgramRun:
    return ProgramRun(ended=ended, exit=None, stdout="42", report=None)


@pytest.mark.parametrize(
    ("run", "by", "verdict", "undecided"),
    [
        (report(answer="42"), "value", "right", None), (report(answer="42.0"), "value", "right", None), (report(answer="41"), "value", "wrong", None),
        (report(), "value", "undecided", "no answer"), (report(answer="42"), "stdout", "right", None), (report(passed=2), "asserts", "right", None),
        (report(), "asserts", "undecided", "no tests"), (report(ended="exception", error_type="KeyError", line=1), "value", "wrong", None),
        (report(ended="exception", error_type="MemoryError", refusal="memory limit"), "value", "undecided", "memory limit"),
        (report(ended="exception", error_type="SyntaxError"), "asserts", "undecided", "unreadable tests"),
        (report(ended="exception", error_type="SyntaxError", line=3), "asserts", "wrong", None),
        (report(ended="exception", error_type="SystemExit", exit=0, answer="42"), "stdout", "right", None),
        (report(ended="exception", error_type="SystemExit", exit=1, answer="42"), "stdout", "wrong", None),
        (stopped("time limit"), "stdout", "undecided", "time limit"), (stopped("exit"), "stdout", "undecided", "ended by itself"),
        ("the sandbox did not begin", "value", "undecided", "the sandbox did not begin"),
    ],
)  # fmt: skip
def test_a_verdict_is_wrong_only_where_the_program_is(
    run: ProgramRun | str, by: str, verdict: str, undecided: str | None
) -> None:
    findings = judge_run(ROW, run, by)
    assert (findings.verdict, findings.undecided) == (verdict, undecided)


def test_prose_that_is_no_python_is_no_wrong_program() -> None:
    run = report(ended="exception", error_type="SyntaxError", line=1)
    assert judge_run(ROW | {"text": "It is forty-two."}, run, "value").undecided == "no program"


@pytest.mark.parametrize(
    ("states", "longer", "right"),
    [(["a", "b"], 0, 2), (["a", "x"], 0, 1), (["x", "y"], 0, 0), (["a", "x", "b"], 0, 1), (["a", "x", "b"], 1, 3)],
)
def test_the_furthest_right_state_counts_that_is_not_reached_late(states: list[str], longer: int, right: int) -> None:
    assert find_furthest(states, {"a": 1, "b": 2}, longer) == right


def test_states_that_nobody_kept_are_missed_before_anything_runs() -> None:
    without = RUN.makes(RunParameters(model="sandbox", by="value"), SOLUTIONS)
    assert PARTIAL.check(PartialParameters(), without) == [
        "from: the table has no column 'states'; give the `run` before it `states: true`"
    ]
    kept = RUN.makes(RunParameters(model="sandbox", by="value", states=True), SOLUTIONS)
    assert PARTIAL.check(PartialParameters(), kept) == []
    assert RUN.makes(RunParameters(model="sandbox", by="value"), kept).columns == without.columns, (
        "old states are none of this run"
    )


@needs_sandbox
def test_a_humaneval_row_is_run_with_its_prompt_and_its_check() -> None:
    row = ROW | {
        "question": 'def double(x):\n    """Twice x."""\n',
        "answer": "def check(candidate):\n    assert candidate(2) == 4\n",
    }
    part = pl.DataFrame(
        [row | {"text": text} for text in ("    return 2 * x", "    return x ** 3")],
        schema_overrides={"options": pl.List(pl.String), "reference": pl.String},
    )
    ran = run_table(part, RunParameters(model="sandbox", by="asserts"))
    assert ran["verdict"].to_list() == ["right", "wrong"]
    assert ran["error_type"].to_list() == [None, "AssertionError"]


@needs_sandbox
def test_programs_of_the_world_have_the_verdicts_of_their_texts_and_go_wrong_where_they_do() -> None:
    ran = run_mistakes(write_mistakes(25))
    assert len(ran) >= 20
    assert ran["verdict"].to_list() == ran["text_verdict"].to_list()
    wrong = ran.filter(pl.col("verdict") == "wrong")
    assert len(wrong) >= 15
    assert len(wrong.filter(pl.col("states_first_error") == pl.col("truth"))) >= 0.9 * len(wrong)
