"""A question with its options is written one way, for models, views and readers."""

from __future__ import annotations

import polars as pl
import pytest
from rich.console import Console

from flows.cli.row_view import render_lines
from flows.report.statistics.examples import Examples
from schemas.model_id import ModelId
from tasks.generate import GenerateParameters, request_solutions
from tasks.llm.prompt_guard import fill_fields
from tasks.llm.question import format_option_letter, format_question
from tasks.views.rows import format_problem

OPTIONS = [f"<{number}>" for number in range(30)]
ROW = {"solution_id": "s", "question": "Which?", "options": OPTIONS, "steps": ["It is 28."], "first_error": 0}


def test_letters_go_on_behind_z() -> None:
    assert [format_option_letter(i) for i in (0, 1, 25, 26, 27, 51, 52, 701, 702)] == [
        "A", "B", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA",
    ]  # fmt: skip
    assert len({format_option_letter(i) for i in range(20_000)}) == 20_000


def test_no_option_of_very_many_is_left_out() -> None:
    assert format_question("q", [str(i) for i in range(1000)]).splitlines()[-1] == "ALL) 999"
    assert format_question("q", None) == format_question("q", []) == "q"


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (["A) 8:16", "B) 9:02"], ["A) 8:16", "B) 9:02"]),
        (["A)21", "B)22"], ["A) 21", "B) 22"]),
        (["(a) red", " (b) blue"], ["A) red", "B) blue"]),
        (["A. red", "B: blue"], ["A) red", "B) blue"]),
        (["A.5", "B.6"], ["A) A.5", "B) B.6"]),  # no letters of options
        (["A) red", "blue"], ["A) A) red", "B) blue"]),
        (["B) red", "A) blue"], ["A) B) red", "B) A) blue"]),  # others' letters stay
        (["A) alone"], ["A) A) alone"]),
    ],
)
def test_options_that_bring_their_letters_are_lettered_once(options: list[str], lines: list[str]) -> None:
    assert format_question("q", options).splitlines() == ["q", *lines]


def test_views_rows_and_reports_show_what_models_were_asked() -> None:
    asked = format_question("Which?", OPTIONS)
    assert asked.splitlines()[:3] == ["Which?", "A) <0>", "B) <1>"]
    assert asked.splitlines()[26:29] == ["Z) <25>", "AA) <26>", "AB) <27>"]
    part = pl.DataFrame([ROW])
    (request,) = request_solutions(part, GenerateParameters(models=["a"], prompt="{question}"), {"a": ModelId("m", "")})
    assert request.request.messages[0].content.splitlines() == asked.splitlines()
    assert fill_fields(ROW, (), reference=False)["question"] == asked  # judge, classify, inject
    assert format_problem(ROW) == asked
    lines = [line.plain for line in render_lines(ROW, Console(width=80), 80)]
    assert lines[1:32] == asked.splitlines()
    assert not any(line.startswith("options") for line in lines)
    examples = Examples("solution_id")
    examples.add(part)
    assert [example["question"] for example in examples.choose()] == [asked]


def test_options_without_a_question_are_shown_like_any_column() -> None:
    lines = [line.plain for line in render_lines({"options": ["red"]}, Console(width=80), 80)]
    assert lines == ["", "in data", 'options ["red"]']
