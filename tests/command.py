"""The `errata` command, in a process of its own, as a user runs it, or in this one."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from errata.cli.command import main

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "catalog" / "recipes" / "sample.yaml"


class CommandResult(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


Run = Callable[..., CommandResult]


def run_here(capsys: pytest.CaptureFixture[str], *arguments: str) -> CommandResult:
    """Run the command in this process."""
    return CommandResult(main(list(arguments)), *capsys.readouterr())


def errata(*arguments: str, environment: dict[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the `errata` command."""
    command = [sys.executable, "-m", "errata.cli", *arguments]
    env = {**environment, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
