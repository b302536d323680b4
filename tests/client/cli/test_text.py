"""Releases as text for a terminal."""

from __future__ import annotations

from typing import Any

import pytest
from errata.cli import text
from errata.release.find import Release

from tests.client.conftest import FUNNEL, HOSTILE, row


@pytest.mark.parametrize("c", [*HOSTILE, "\0", "\u200f", "\u2028", "\u2067", "\x85", "\ud800"], ids=ascii)
def test_no_character_steers_a_terminal(c: str) -> None:
    shown = text.strip_controls(f"a{c}b")
    assert shown.isprintable()
    assert len(shown) == 3 and shown[0] == "a" and shown[2] == "b"


@pytest.mark.parametrize("c", [*"aé×−…“”½∑漢ع😀 ", "\n"])
def test_what_can_be_read_stays(c: str) -> None:
    assert text.strip_controls(c) == c


@pytest.mark.parametrize("c", ["\t", "\r", "\xa0", "\u202f", "\u3000"], ids=ascii)
def test_every_blank_is_a_blank(c: str) -> None:
    assert text.strip_controls(f"1{c}000") == "1 000"


def test_columns_are_aligned() -> None:
    shown = text.format_table(["model", "rows", "all"], [["a", 1, 1234567], ["longer name", 20, ""]])
    assert shown.split("\n") == [
        "model        rows        all",
        "───────────  ────  ─────────",
        "a               1  1,234,567",
        "longer name    20",
    ]  # fmt: skip


def test_a_table_without_rows_is_its_head() -> None:
    assert text.format_table(["a", "bcd"], [], left=2) == "a  bcd\n─  ───"


def test_a_cell_is_one_line() -> None:
    assert text.format_table(["a\nb\x07"], [["c\nd\x1b"]]).split("\n") == ["a b\ufffd", "────", "c d\ufffd"]


def test_the_funnel_has_reasons_by_falling_count() -> None:
    step = {"table": "t", "task": "f", "rows_in": 2000, "kept": 900, "rejected": 1100}
    reasons = {"few": 1, "many": 1000, "b as many": 49, "a as many": 49, "one": 1}
    lines = text.format_funnel([{**step, "reasons": reasons}]).split("\n")
    assert lines[2].split() == ["t", "f", "2,000", "900", "1,100"]
    assert [line.rsplit(maxsplit=1) for line in lines[3:]] == [
        ["    many", "1,000"], ["    a as many", "49"], ["    b as many", "49"], ["    few", "1"], ["    one", "1"],
    ]  # fmt: skip


def test_the_funnel_has_tables_in_their_order() -> None:
    lines = text.format_funnel(FUNNEL).split("\n")
    assert [line.split()[0] for line in lines[2:]] == ["read", "torn", "empty", "mistakes", "right"]


LABELS = [
    {"table": "judged", "task": "judge", "how": "", "rows": 2000, "labelled": 1900, "named": 1800, "exact": 1620,
     "interval": [0.8853, 0.9130], "replies": 2000, "tokens": 123456},
    {"table": "agreed", "task": "agree", "how": "", "rows": 2000, "labelled": 0, "fleiss": 0.25,
     "kappa": [{"labellers": ["m@1", "n"], "rows": 7, "cohen": 0.5}, {"labellers": ["m@1", "o"], "rows": 0, "cohen": None}]},
]  # fmt: skip


def test_labels_have_precision_with_interval_and_what_was_asked() -> None:
    lines = text.format_labels(LABELS).split("\n")
    assert lines[2].split() == ["judged", "judge", "2,000", "95", "%", "90.0", "%", "88.5-91.3", "2,000", "123,456"]
    assert lines[3].split() == ["agreed", "agree", "2,000", "0", "%", "-"]
    assert lines[4:] == [
        "Cohen's kappa in agreed, m and n: 0.500 (7 solutions)",
        "Cohen's kappa in agreed, m and o: - (0 solutions)",
        "Fleiss' kappa in agreed: 0.250",
    ]
    assert max(map(len, lines)) <= 80
    assert text.format_labels([]) == ""


def test_labels_of_right_solutions_have_their_f1_and_their_lines() -> None:
    right = {
        "f1": {"f1": 0.905, "right": [96, 100], "wrong": [77, 90]},
        "none": {"labels": 50, "exact": 49, "interval": [0.895, 0.9965], "expected": 0.97},
        "flawed": {"rows": 3, "named": 2, "exact": 1, "interval": [0.0945, 0.9055]},
    }
    lines = text.format_labels([LABELS[0], {**LABELS[0], "table": "both", **right}]).split("\n")
    assert lines[4:] == [
        "F1 in both: 90.5 (exact 77 of 90 with a wrong step, 96 of 100 without)",
        "No wrong step in both: said of 50, 98.0 % rightly (89.5-99.7, 97.0 % expected)",
        "Right answers with a wrong step in both: 3; said of 2, the step rightly of 1",
    ]
    assert max(map(len, lines)) <= 80


def test_an_example_marks_the_first_wrong_step() -> None:
    shown = text.format_example({**row(0, "train"), "steps": ["a", "b", "c"], "first_error": 1}, 100).split("\n")
    assert [line for line in shown if line.endswith((". a", ". b", ". c"))] == ["   1. a", "✗  2. b", "   3. c"]


def test_an_example_is_neutralised_and_whole() -> None:
    shown = text.format_example(row(0, "train"), 100)
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert shown.split("\n")[0] == "gsm8k · llama · wrong"
    assert shown.count("\ufffd[31mred\ufffd[0m \ufffd \ufffdback\ufffd \ufffd2J") == 2
    assert "\n   1. 0 + 0 is, say,\n      0.\n   2. " in shown
    assert shown.endswith("\n  gold 0, found 0")


@pytest.mark.parametrize("width", [40, 80])
def test_an_example_is_wrapped(width: int) -> None:
    long: dict[str, Any] = {"question": "word " * 80, "steps": ["step " * 60, "x" * 300]}
    lines = text.format_example(long, width).split("\n")
    assert max(len(line) for line in lines) <= width
    assert sum(line.count("step") for line in lines) == 60


def test_what_is_cut_from_an_example_is_marked() -> None:
    lines = text.format_example({"question": "\n".join(str(n) for n in range(40)), "steps": []}, 80).split("\n")
    assert lines[1:] == [*(f"  {n}" for n in range(11)), "  …"]


def release(counts: list[dict[str, Any]]) -> Release:
    """A release with these counts."""
    files = [
        {"path": f"rows/{split}-{n}.parquet", "view": "rows", "split": split, "rows": 1000}
        for split in ("train", "test")
        for n in range(2 if split == "train" else 1)
    ]
    manifest = {"corpus": "c", "version": "1.0.0", "columns": {"rows": []}, "counts": {"rows": counts}, "files": files}
    return Release("memory://c", manifest, "0" * 64, "memory://")


def test_rows_are_counted_by_split() -> None:
    shown = text.format_splits(release([])).split("\n")
    assert [line.split() for line in shown[2:]] == [["rows", "train", "2,000"], ["rows", "test", "1,000"]]


def test_rows_are_counted_by_model_and_set() -> None:
    counts = [
        {"split": "train", "set": "s", "model": "m", "rows": 900},
        {"split": "test", "set": "s", "model": "m", "rows": 600},
        {"split": "test", "set": "t", "model": "n", "rows": 5},
    ]
    shown = text.format_counts(release(counts), "rows").split("\n")
    assert [line.split() for line in (shown[0], *shown[2:])] == [
        ["model", "s", "t", "all"], ["m", "1,500", "0", "1,500"], ["n", "0", "5", "5"], ["all", "1,500", "5", "1,505"],
    ]  # fmt: skip


def test_views_with_the_same_rows_are_counted_together() -> None:
    several = release([{"split": "test", "set": "s", "model": "m", "rows": 5}])
    several.manifest["views"] = ["rows", "same", "none"]
    several.manifest["counts"]["same"] = several.manifest["counts"]["rows"]
    named, *result = text.format_counts_of_views(several).split("\n")
    assert named == "rows, same"
    assert result == text.format_counts(several, "rows").split("\n")


def test_one_model_needs_no_sum_and_none_no_table() -> None:
    result = text.format_counts(release([{"split": "test", "set": "s", "model": "m", "rows": 5}]), "rows").split("\n")
    assert [line.split() for line in result[2:]] == [["m", "5", "5"]]
    assert text.format_counts(release([]), "rows") == ""
