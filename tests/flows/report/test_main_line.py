"""The main line of a corpus, its picture, and what a report begins with."""

from __future__ import annotations

import re
from typing import Any

from flows.report.drawing import NARROW, draw_plot
from flows.report.elements import PageTable, Plot
from flows.report.plots import plot_bars
from flows.report.sankey import LINES, draw_sankey
from flows.report.sections.funnel import show_funnel
from flows.report.sections.headlines import list_headlines, write_headline
from flows.report.sections.overview import show_gates
from flows.report.statistics.main_line import Stage, trace_main_line

NASTY = "<script>alert(1)</script>"
INPUTS: dict[str, list[str]] = {
    "problems": [], "solutions": ["problems"], "verified": ["solutions"], "wrong": ["verified"], "right": ["verified"],
    "labelled": ["wrong", "right"], "mistakes": ["labelled"], "view": ["mistakes"],
}  # fmt: skip
TASKS = {"verified": "verify", "wrong": "select", "right": "select", "labelled": "judge", "mistakes": "select", "view": "view"}  # fmt: skip


def step(table: str, came: int, reasons: dict[str, int] | None = None, kept: int | None = None) -> dict[str, Any]:
    lost = sum((reasons or {}).values())
    return {"table": table, "task": TASKS.get(table, "load"), "rows_in": came, "kept": kept or came - lost, "rejected": lost, "reasons": reasons or {}}  # fmt: skip


FUNNEL = [
    step("problems", 10), step("solutions", 50), step("verified", 50), step("wrong", 50, {"right": 28, NASTY: 2}), step("right", 50, {"wrong": 22}),
    step("labelled", 48), step("mistakes", 48, {"right": 28}), step("view", 20, {"no type": 1}),
]  # fmt: skip
RELEASE: dict[str, Any] = {
    "views": ["mistakes", "view"], "funnel": FUNNEL,
    "lineage": [{"table": table, "fingerprint": table.upper(), "inputs": [*map(str.upper, inputs), "model m"]} for table, inputs in INPUTS.items()],
}  # fmt: skip
ROWS = {
    "rows": 20,
    "problems": 9,
    "models": 1,
    "sets": 2,
    "by_split": {"train": 20},
    "bytes": 9,
    "views": {"mistakes": {}, "view": {}},
}
STATISTICS: dict[str, Any] = {
    "rows": ROWS,
    "positions": {"grid": []},
    "types": {"types": {}},
    "verdicts": None,
    "precision": None,
}


def test_the_main_line_leads_to_the_first_view_and_joins_what_is_the_same() -> None:
    assert trace_main_line(RELEASE) == (
        Stage(("problems",), 10),
        Stage(("solutions", "verified"), 50),
        Stage(("wrong",), 20, (("right", 28), (NASTY, 2))),
        Stage(("labelled",), 48, (), (("right", 28),)),
        Stage(("mistakes",), 20, (("right", 28),)),
    )
    assert trace_main_line({**RELEASE, "lineage": []}) == () == trace_main_line({})
    looped = [{"table": "mistakes", "fingerprint": "M", "inputs": ["M"]}]
    assert trace_main_line({**RELEASE, "lineage": looped}) == ()


def test_the_picture_shows_each_stage_each_loss_and_nothing_but_text() -> None:
    for page, svg in draw_sankey(trace_main_line(RELEASE)).items():
        assert svg.count('class="stage"') == 5 and svg.count('class="flow"') == 4
        assert svg.count('class="lost"') == 4, "three reasons and one table that joins"
        assert "<script" not in svg and "&lt;script" in svg
        words = re.sub(r"<[^>]+>", "", svg)
        assert "−28 right" in words and "+28 from right" in words and "48 labelled" in words, page
        height = float(re.findall(r'height="(\d+)"', svg)[0])
        assert all(0 <= float(y) <= height for y in re.findall(r' y="([\d.]+)"', svg))
    colours = re.findall(r'fill="([^"]+)"/><text[^>]*>−\d+ right', draw_sankey(trace_main_line(RELEASE))["wide"])
    assert len(colours) == 2 and len(set(colours)) == 1, "a reason has one colour wherever it is met"


def test_words_are_broken_into_lines_where_a_phone_has_no_room_and_none_is_cut() -> None:
    tables = ("solutions", "steps", "known", "verified", "contrasted", "proved")
    stages = [
        Stage(tables, 8000),
        Stage(("wrong",), 7000, (("undecided: several different answers", 900), ("x" * 2000, 100))),
    ]
    heights = {}
    for page, svg in draw_sankey(stages).items():
        texts = [" ".join(re.sub(r"<[^>]+>", "", text).split()) for text in re.findall(r"<text.*?</text>", svg)]
        words = " ".join(texts)
        assert "8,000 solutions" in words and "steps, known, verified, contrasted, proved" in words, page
        assert "−900 undecided: several different answers" in words, page
        assert max(map(len, texts)) <= {"wide": 104, "narrow": 46}[page]
        assert 0 < sum(text.startswith("x") for text in texts) < LINES and "…" in words, "of any length"
        heights[page] = float(re.findall(r'height="(\d+)"', svg)[0])
    assert heights["narrow"] > heights["wide"]


def test_bands_are_as_wide_as_rows() -> None:
    svg = draw_sankey([Stage(("a",), 400), Stage(("b",), 100, (("x", 300),))])["wide"]
    first, second = (float(width) for width in re.findall(r'<rect x="0" y="[\d.]+" width="([\d.]+)"', svg))
    assert first == 4 * second
    start, end = map(float, re.findall(r'class="lost"[^>]* d="M([\d.]+),[\d.]+H([\d.]+)', svg)[0])
    assert (start, end) == (second, first), "what is lost leaves beside what goes on"


def test_tables_beside_the_main_line_are_told_apart() -> None:
    section = show_funnel(RELEASE, STATISTICS)
    plot, others = section.parts
    assert isinstance(plot, Plot) and isinstance(others, PageTable)
    assert [row[0] for row in plot.data.rows] == ["problems", "solutions", "verified", "wrong", "labelled", "mistakes"]
    assert [row[0] for row in others.rows] == ["right", "view"]
    assert "10 problems, then 50 solutions, then 20 wrong" in plot.says
    (table,) = show_funnel({"funnel": FUNNEL}, STATISTICS).parts
    assert isinstance(table, PageTable) and len(table.rows) == len(FUNNEL)


def test_the_headline_says_how_often_labels_are_right_only_where_that_was_measured() -> None:
    begin = "20 located and typed mistakes of 1 model on 9 problems"
    known = {"table": "mistakes", "named": 20, "exact": 19, "interval": [0.76, 0.991]}
    assert (
        write_headline(RELEASE, {**STATISTICS, "precision": known})
        == f"{begin}; the first wrong step is right in 95.0 % (76.0–99.1 %)."
    )
    label = {"table": "labelled", "kappa": [], "confirmed": [], "named": 30, "exact": 15, "interval": [0.3, 0.7]}
    assert "right in 50.0 %" in write_headline(
        {**RELEASE, "labels": [label, {**label, "table": "control", "exact": 30}]}, STATISTICS
    )
    said = {"table": "labelled", "expected": 0.9, "named": 30}
    assert "own probabilities the first wrong step is right in 90.0 %" in write_headline(
        {**RELEASE, "labels": [said]}, STATISTICS
    )
    unknown = {**RELEASE, "labels": [{"table": "labelled", "kappa": []}]}
    assert write_headline(unknown, STATISTICS) == f"{begin}; how often the first wrong step is right was not measured."
    assert (
        write_headline(RELEASE, {**STATISTICS, "positions": None, "types": None}) == "20 rows of 1 model on 9 problems."
    )
    trust = list_headlines(unknown, STATISTICS)[0]
    assert (trust.value, trust.beside) == ("–", "not measured: the truth is known of none")
    first = list_headlines(RELEASE, {**STATISTICS, "precision": known})[0]
    assert (first.value, first.beside) == ("95.0 %", "95 %: 76.0–99.1 %, of 20 whose truth is known")


def test_kappa_is_of_independent_labellers_and_the_rest_is_confirmed() -> None:
    tested = {"labeller": "judge@1", "by": "estimation", "confirmed": 82, "of": 100, "interval": [0.7, 0.9]}
    label = {"table": "labelled", "kappa": [], "confirmed": [tested], "fleiss": None}
    shown = {
        line.name: (line.value, line.beside) for line in list_headlines({**RELEASE, "labels": [label]}, STATISTICS)
    }
    assert shown["confirmed steps of judge"] == ("82 of 100", "82.0 %, by estimation")
    assert not any("kappa" in name for name in shown)
    pair = {"labellers": ["a@1", "b@2"], "cohen": 0.58, "interval": [0.5, 0.66], "rows": 271}
    label |= {"kappa": [pair, {**pair, "cohen": 0.9}, {**pair, "cohen": None}], "confirmed": []}
    shown = {
        line.name: (line.value, line.beside) for line in list_headlines({**RELEASE, "labels": [label]}, STATISTICS)
    }
    assert shown["lowest agreement (kappa)"] == ("0.58", "95 %: 0.50–0.66; a and b, 271 solutions")


def test_a_gate_that_could_not_be_measured_is_no_passed_one() -> None:
    gate: dict[str, Any] = {"view": "m", "expectation": "drift", "column": None, "says": "drift.", "severity": "warn", "passed": None, "observed": None, "wanted": "at most 0.1", "rows": 5, "examples": [], "fault": None, "declared": "gates[0]"}  # fmt: skip
    held = {**gate, "passed": True, "observed": 0.0}
    (line,) = [
        line for line in list_headlines({**RELEASE, "gates": [gate, held]}, STATISTICS) if line.name == "gates passed"
    ]
    assert (line.value, line.beside) == ("1 of 1", "✓ all, 1 not measured")
    section = show_gates({"gates": [held, gate]}, {})
    assert section.lead == "All 1 expectations hold. 1 could not be measured, and is not among them."
    table = section.parts[0]
    assert isinstance(table, PageTable) and [getattr(row[0], "text", row[0]) for row in table.rows] == [
        "– not measured",
        "✓ passed",
    ]


def test_pictures_are_drawn_once_for_each_page_and_define_what_is_theirs() -> None:
    spec = plot_bars([{"name": NASTY, "n": 3, "label": "3"}], [NASTY], "rows")
    drawn = draw_plot(Plot("bars", "Bars", "Bars.", spec, PageTable("t", ("a",), [])))
    assert set(drawn) == {"wide", "narrow"} and f'width="{NARROW}"' in drawn["narrow"]
    assert all("<script" not in svg and "role=" not in svg and "var(--series-0)" in svg for svg in drawn.values())
    assert drawn == draw_plot(Plot("bars", "Bars", "Bars.", spec, PageTable("t", ("a",), []))), "the same bytes"


def test_no_name_ends_the_program_that_draws_it() -> None:
    for name in ("a\0b", "\x1b[31m", "\ud800", "\uffff", "constructor", "'] + (x) + ['"):
        spec = plot_bars([{"name": name, "n": 3, "label": name}], [name], name)
        drawn = draw_plot(Plot("bars", "Bars", "Bars.", spec, PageTable("t", ("a",), [])))
        assert all(svg.count("<title>") == 1 for svg in drawn.values()), name
