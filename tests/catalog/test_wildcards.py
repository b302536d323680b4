"""Wildcards: what they match is what fsspec says, and no name and no pattern makes it slow."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from catalog.wildcards import list_matches, loosen_pattern
from tests.processor_time import bound_time

NAMES = (
    "abcabc.jsonl",
    "aabbcc.jsonl",
    "x.jsonl",
    "d/abc.jsonl",
    "d/e/abc.jsonl",
    "d/e/abc/abc.jsonl",
    "e/a.b.c.jsonl",
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    ["*a*b*c*.jsonl", "*a*b*", "*.jsonl", "**/abc.jsonl", "**/d/**/abc.jsonl", "**/e/**", "*/*.*.*.jsonl", "[a-d]*b*c*l", "*[!b]*c*.jsonl", "?*b*c*.jsonl"],
)  # fmt: skip
def test_what_is_matched_is_what_fsspec_says(place: Path, pattern: str) -> None:
    fs = fsspec.filesystem("file")
    assert list_matches(fs, f"{place}/{pattern}") == sorted(fs.glob(f"{place}/{pattern}"))


@pytest.mark.parametrize("pattern", [f"{'*a' * 30}*b", f"{'**/' * 12}b", f"{'**/a*/' * 12}b"])
def test_no_pattern_backtracks(tmp_path: Path, pattern: str) -> None:
    folder = tmp_path
    for _ in range(12):
        folder = folder / ("a" * 200)
    folder.mkdir(parents=True)
    (folder / ("a" * 240)).write_text("x")
    (tmp_path / ("a" * 240)).write_text("x")
    with bound_time(5):
        assert list_matches(fsspec.filesystem("file"), f"{tmp_path}/{pattern}") == []


def test_plain_patterns_stay_as_they_are() -> None:
    assert loosen_pattern("/d/*.jsonl") == "/d/*.jsonl"
    assert loosen_pattern("/d/**/*a*b") == "/d/**/*a*b"
    assert loosen_pattern("/d/x*a*b*/**/c/**") == "/d/x*/**"
