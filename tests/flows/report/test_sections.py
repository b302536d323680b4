"""What sections say of manifests and statistics."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import polars as pl
import pytest

from flows.metrics.label_certainty import LabelCertainty
from flows.report import plots
from flows.report.drawing import draw_plot
from flows.report.elements import Cell, PageTable, Plot, find_rows, format_brief, format_model, format_size, name_step
from flows.report.plots import plot_bars, plot_heat, plot_stacked
from flows.report.sections.flips import show_flips
from flows.report.sections.labels import show_labellers
from flows.report.sections.overview import show_cost, show_duplicates, show_gates
from flows.report.statistics.examples import make_example
from tests.flows.report.hostile import NASTY

GATE: dict[str, Any] = {
    "view": "mistakes", "expectation": "share", "column": None, "says": "Few are undecided.", "severity": "fail",
    "passed": True, "observed": 0.0123, "wanted": "at most 0.05", "rows": 1000, "examples": [], "fault": None,
}  # fmt: skip


def cells(table: Any, column: int) -> list[str]:
    assert isinstance(table, PageTable)
    return [cell.text if isinstance(cell, Cell) else cell for cell in (row[column] for row in table.rows)]


def test_gates_that_failed_come_first_with_their_rows() -> None:
    failed = {**GATE, "passed": False, "observed": 0.2, "examples": [{"row": "4f6c", "value": None}]}
    warned, broken = {**failed, "severity": "warn"}, {**failed, "fault": "no such column"}
    section = show_gates({"gates": [GATE, warned, failed, broken]}, {})
    assert section.lead == "3 of 4 expectations do not hold."
    assert cells(section.parts[0], 0) == ["✗ failed", "? not checked", "! warned", "✓ passed"]
    assert cells(section.parts[0], 3) == ["0.2", "0.2", "0.2", "0.0123"]
    assert cells(section.parts[1], 1)[0] == "4f6c: –"
    assert show_gates({"gates": [GATE]}, {}).lead == "All 1 expectations hold."
    assert not show_gates({"gates": []}, {}).measured


def test_what_contracts_ask_is_counted_by_view_unless_it_failed() -> None:
    kept = {**GATE, "declared": "contract"}
    section = show_gates({"gates": [kept, kept, {**kept, "view": "steps"}, {**kept, "passed": False}, GATE]}, {})
    assert cells(section.parts[0], 0) == ["✗ failed", "✓ passed"]
    assert [cells(section.parts[1], at) for at in (0, 1)] == [["mistakes", "steps"], ["2", "1"]]


def test_money_is_told_for_each_released_row() -> None:
    paid = {"model": "m", "requests": 3, "cut_off": 0, "prompt_tokens": 10, "tokens": 20, "price": 5.0, "unpriced": 1}
    table = {"table": "solutions", "task": "generate", "tokens": 2_000, "models": ["m"]}
    values = {"rows": {"rows": 100}, "spending": {"tables": [table], "ledger": [paid]}, "from": "tables"}
    section = show_cost({}, values)
    assert (
        section.lead
        == "20 tokens of completions for each released row; 5.00 paid in all, 0.0500 for each released row."
    )
    assert cells(section.parts[1], 6) == ["5.00+"]
    guessed = paid | {"estimated": 2, "failed": 1}
    section = show_cost({}, {**values, "spending": {"tables": [table], "ledger": [guessed]}})
    assert (cells(section.parts[1], 4), cells(section.parts[1], 5)) == (["20~"], ["1"])
    assert "the tokens of 2 completions are estimates" in section.lead
    assert "nothing was asked" in show_cost({}, {"spending": None, "from": "tables"}).lead


def test_contamination_that_nobody_looked_for_is_not_none() -> None:
    step = {
        "table": "clean",
        "task": "decontaminate",
        "rows_in": 10,
        "kept": 9,
        "rejected": 1,
        "reasons": {"in gsm8k": 1},
    }
    section = show_duplicates({"funnel": [step]}, {})
    assert section.lead == "Duplicates were not looked for; 1 rows were left out because they stand in a test set."


def test_the_kappas_of_a_sample_are_those_of_all() -> None:
    pair = {"labellers": ["a", "b"], "rows": 10, "same": 9, "share": 0.9, "cohen": 0.5}
    values = {"table": "agreed", "sample": True, "pairs": [pair], "fleiss": 0.5, "all": 10}
    every = {"labellers": ["a", "b"], "rows": 1000, "cohen": 0.625}
    label = {"table": "agreed", "task": "agree", "how": "", "rows": 1, "labelled": 1, "kappa": [every], "fleiss": None}
    section = show_labellers({"labels": [label]}, {"labellers": values})
    assert section.lead == "Cohen's kappa 0.625 over 1,000 solutions that both decide."
    assert cells(section.parts[0], 3) == ["90.0 %"]
    assert any("random sample" in note for note in section.notes)


def test_no_name_becomes_part_of_an_expression() -> None:
    name = "'] + (window.hacked = 1) + ['"
    row = {
        "name": name,
        "part": name,
        "n": 1,
        "order": 0,
        "label": name,
        "x": name,
        "y": name,
        "value": 1,
        "says": name,
    }
    for spec in (
        plot_stacked([row], [name], [name], ["red"], "x", share=True),
        plot_bars([row], [name], "x"),
        plot_heat([row], [name], [name], "", "", 1.0),
    ):
        held = str({key: value for key, value in spec.items() if key != "data"}).replace(str([name]), "")
        assert "hacked" not in held and "'sort'" not in held


def test_numbers_are_written_as_people_read_them() -> None:
    assert [format_brief(n) for n in (7, 1_234, 45_600, 2_500_000)] == ["7", "1.2k", "45k", "2.5M"]
    assert [format_size(n) for n in (900, 1_234, 288_000, 5_400_000)] == ["900 bytes", "1.2 kB", "288 kB", "5.4 MB"]
    assert [name_step(at, 9) for at in (-1, 0, 9)] == ["none", "1", "10+"]
    assert format_model("abacus@24da81235b84a2b66f4284b80f18d6df #0") == "abacus@24da812 #0"
    assert format_model("Llama-3@main") == "Llama-3@main"


def test_what_labels_say_of_themselves_stands_beside_what_is() -> None:
    certainty = LabelCertainty()
    rows = {"first_error": [0, 1, 1, 2], "gold_first_error": [0, 1, 0, 2], "p": [0.95, 0.97, 0.55, 0.92]}
    certainty.add(pl.DataFrame(rows), "first_error", "p")
    label = {"table": "agreed", "task": "agree", "how": "", "rows": 4, "labelled": 4, "kappa": [], "fleiss": None}
    section = show_labellers({"labels": [label | certainty.summarize()]}, {"labellers": None})
    (plot,) = [part for part in section.parts if isinstance(part, Plot) and part.name == "reliability"]
    assert [row[:2] for row in plot.data.rows] == [["50–60 %", "1"], ["90–100 %", "3"]]
    assert cells(plot.data, 3) == ["0.0 %", "100.0 %"] and "43.9" in cells(plot.data, 4)[1]
    assert not any(
        isinstance(part, Plot) for part in show_labellers({"labels": [label]}, {"labellers": None}).parts
    )  # where nobody says how sure labels are, or what is true


def test_flips_have_a_section_where_models_are_compared() -> None:
    figure = {"share": 0.25, "interval": [0.1, 0.5]}
    summary = {
        "table": "compared", "old": "m@1", "new": "m@2", "rows": 9, "problems": 4, "accuracy_before": figure, "accuracy_after": figure,
        "negative_flips": figure, "by": [["s", "fixed", 3], ["s", "newly wrong", 2], ["t", "still wrong, same answer", 3], ["t", "undecided", 1]],
        "examples": [{"set": "s", "question": "q", "answer": "4", "old_answer": "4", "new_answer": "5"}],
    }  # fmt: skip
    section = show_flips({}, {"flips": [summary]})
    assert section is not None
    assert section.lead == (
        "m@2 against m@1: of 8 decided pairs 3 are fixed, 3 still wrong, 2 newly wrong. Right before 25.0 % (10.0–50.0), now 25.0 % "
        "(10.0–50.0); negative flips 25.0 % (10.0–50.0)."
    )
    plot, table = section.parts
    assert isinstance(plot, Plot)
    assert [cells(plot.data, column) for column in (0, 2, 6, 7)] == [["s", "t", "all"], ["3", "0", "3"], ["0", "1", "1"], ["40.0 %", "0.0 %", "25.0 %"]]  # fmt: skip
    assert cells(table, 4) == ["5"]
    several = show_flips(
        {}, {"flips": [{**summary, "others": [["m@1", "m@3", 1200], ["m@0", "m@2", 1]], "left_out": 2}]}
    )
    assert several is not None and (
        "2 newly wrong. Among them are pairs of other revisions: 1,200 of m@3 against m@1, 1 of m@2 against m@0, and those of 2 more. Right"
        in several.lead
    )
    assert show_flips({}, {"flips": []}) is None and show_flips({}, {}) is None


@pytest.mark.parametrize("value", [*NASTY, "x" * 500, "gpt-3.5", "a.b~c_d"])
def test_a_link_to_rows_names_a_value_as_the_page_shows_it(value: str) -> None:
    (shown,) = dict(parse_qsl(find_rows(type=value).partition("?")[2])).values()
    assert shown == make_example({"id": "1", "kind": value, "text": ""}, "id")["type"]
    bar = {"name": "a", "n": 1.0, "label": "1", "rows": find_rows(type=value)}
    plot = Plot("p", "t", "s", plots.plot_bars([bar], ["a"], "x"), PageTable("c", ("a",), []))
    drawn = draw_plot(plot)["wide"]
    assert f'data-rows="{find_rows(type=value)}"' in drawn and "⇒" not in drawn
