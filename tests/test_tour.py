"""The tour of five minutes works as it stands: what it shows is run in its order, and what it says comes out does."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from tests.test_docs import ROOT

TOUR = (ROOT / "docs/tour.md").read_text("utf-8")
INSTALLED = ("make install", ". .venv/bin/activate")
"""What a clean clone does before any test runs."""


def list_snippets(text: str) -> list[tuple[str, str]]:
    """The blocks of code of a page: language and text."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def list_shown(block: str) -> list[tuple[str, list[str]]]:
    """The commands of a block, each with the lines that it shows below."""
    lines = block.splitlines()
    return [
        (line[2:], list(takewhile(lambda value: not value.startswith("$ "), lines[number + 1 :])))
        for number, line in enumerate(lines)
        if line.startswith("$ ")
    ]


def follow(lines: list[str], output: str) -> str | None:
    """The first of the lines that does not come in the output, in this order; `…` stands for anything."""
    place = 0
    for line in lines:
        match = re.compile(".*".join(map(re.escape, line.rstrip().split("…")))).search(output, place)
        if match is None:
            return line
        place = match.end()
    return None


def test_a_line_that_does_not_come_is_named() -> None:
    assert follow(["a", "…", "c 1…", "d"], "a\nb\nc 12\nd\n") is None
    assert follow(["b", "a"], "a\nb\n") == "a"
    assert list_shown("$ x\n1\n$ y\n") == [("x", ["1"]), ("y", [])]


def run(language: str, block: str, folder: Path, environment: dict[str, str]) -> int:
    """Do what a block shows; how many commands or files that was."""
    if language == "yaml":
        (folder / block.split()[1]).write_text(block, "utf-8")
        return 1
    commands = list_shown(block) if language == "console" else [(f"python -c {shlex.quote(block)}", [])]
    commands = [value for value in commands if value[0] not in INSTALLED]
    for command, lines in commands:
        result = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, f"{command}: {result.stderr}"
        assert (missing := follow(lines, result.stdout)) is None, f"{command}: {missing!r} is not in {result.stdout}"
    return len(commands)


@pytest.mark.build
def test_the_tour_works_as_it_stands(environment: dict[str, str], tmp_path: Path) -> None:
    for path in ("catalog/recipes", "docs/examples/own-csv"):
        shutil.copytree(ROOT / path, tmp_path / path)
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}",
        "PYTHONPATH": f"{ROOT / 'catalog'}:{ROOT}",
        "BROWSER": "true",
    }
    snippets = list_snippets(TOUR)
    assert {language for language, _ in snippets} == {"console", "python", "yaml"}
    assert sum(run(*snippet, tmp_path, environment) for snippet in snippets) >= 11
