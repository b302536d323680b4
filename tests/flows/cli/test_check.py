"""`errata check`: a pair, or a file of pairs, told apart for a person or as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from errata.cli.command import main


def test_a_pair_is_shown_with_what_was_read_on_both_sides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "x > 5", r"x \ge 5"]) == 0
    shown = capsys.readouterr().out
    assert "interval:" in shown and "verdict      wrong" in shown and "rule         relation" in shown


def test_a_file_gives_a_json_line_a_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pairs.jsonl"
    pairs = [
        {"id": "a", "gold": "1/3", "completion": r"So \boxed{0.33}."},
        {"gold": "B", "completion": "It is (b).", "options": ["A) 1", "B) 2"]},
    ]
    file.write_text("\n".join(map(json.dumps, pairs)))
    assert main(["check", "--file", str(file), "--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["id"], first["verdict"], first["undecided"], first["extracted"]) == (
        "a",
        "undecided",
        "rounded",
        "0.33",
    )
    assert (second["verdict"], second["rule"]) == ("right", "choice")


@pytest.mark.parametrize("arguments", [["check"], ["check", "18"]])
def test_a_pair_needs_both_sides(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "GOLD and ANSWER" in capsys.readouterr().err


def test_a_line_that_is_no_pair_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"gold": "1", "completion": "1"}\n{"gold": "1"}\n')
    assert main(["check", "--file", str(file)]) == 2
    assert "pairs.jsonl:2" in capsys.readouterr().err
