"""The `errata` command in a process of its own, as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "catalog" / "recipes" / "sample.yaml"


def errata(*arguments: str, environment: dict[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the `errata` command."""
    command = [sys.executable, "-m", "errata.cli", *arguments]
    env = {**environment, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
