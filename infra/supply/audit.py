"""Known weaknesses of what is locked, of all groups: `python -m infra.supply.audit`. Where nobody offers them it says so, and is no failure."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
UV = ROOT / ".uv" / "bin" / "uv"
SERVICES = {"pypi": "https://pypi.org/pypi/pip/25.0/json", "osv": "https://api.osv.dev/v1/vulns/OSV-2020-111"}
"""Who knows of weaknesses, and a page by which it is seen whether it answers with them here."""
MARKS = {"pypi": "vulnerabilities", "osv": "id"}
"""What such a page holds: a mirror of an index may have all but that."""
GROUPS = (("--group", "llama"), ("--only-group", "vllm"))
"""What is exported beside the default groups; vLLM is locked apart from them."""


def find_service() -> str | None:
    """The first service that answers; None where none does."""
    return next((name for name, url in SERVICES.items() if MARKS[name] in _read_json(url)), None)


def _read_json(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310  # one of the two above
            value = json.loads(reply.read())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def export(folder: Path) -> list[Path]:
    """What is locked, with hashes, as files of requirements; what scripts install is locked as such."""
    files = []
    for number, group in enumerate(GROUPS):
        files.append(folder / f"{number}.txt")
        command = [
            str(UV),
            "export",
            "--frozen",
            "--quiet",
            "--no-emit-project",
            *group,
            "--output-file",
            str(files[-1]),
        ]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return [*files, *sorted((ROOT / "infra").glob("*/requirements.txt")), ROOT / "infra" / "supply" / "torch.txt"]


def main() -> int:
    """Look them up; the exit code of pip-audit, 0 where nobody can be asked."""
    service = find_service()
    if service is None:
        print("audit: skipped, as neither pypi.org nor api.osv.dev tells of weaknesses here")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        files = [part for file in export(Path(folder)) for part in ("--requirement", str(file))]
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "--disable-pip",
            "--require-hashes",
            "--vulnerability-service",
            service,
        ]
        return subprocess.run([*command, *files], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
