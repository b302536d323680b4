"""What a command that fails leaves on the terminal: its error, and nothing of the libraries' ends."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from schemas.columns.problems import PROBLEMS
from tasks.conditions import find_condition_faults
from tests.command import SAMPLE, errata

TIMES = 20


def test_no_thread_holds_a_database_when_a_condition_is_checked() -> None:
    before = set(threading.enumerate())
    for _ in range(TIMES):
        assert find_condition_faults("nothing = 1", PROBLEMS)
        assert set(threading.enumerate()) <= before


@pytest.mark.slow
def test_an_error_is_its_one_line_each_time(tmp_path: Path) -> None:
    """DuckDB printed dozens of lines of what it leaked, once in four times."""
    recipe = tmp_path / "r.yaml"
    recipe.write_text(SAMPLE.read_text("utf-8").replace("verdict = 'wrong'", "nothing = 'wrong'"))
    (tmp_path / "sample").symlink_to(SAMPLE.parent / "sample")
    for _ in range(TIMES):
        result = errata("plan", str(recipe), "--store", str(tmp_path / "store"), environment=dict(os.environ))
        (line,) = result.stderr.splitlines()
        assert result.returncode == 2 and "no column 'nothing'" in line
