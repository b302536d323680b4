"""The release of the client: its wheel, which has the same bytes wherever and whenever it is built, its bill of materials and checksums.

python -m infra.supply.release_client FOLDER
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.supply.licences import list_licences

ROOT = Path(__file__).parents[2]
UV = ROOT / ".uv" / "bin" / "uv"
FILES = ("pyproject.toml", "README.md", "LICENSE", "catalog/errata")
"""What the wheel is built from."""
BUILD = "import os, sys; os.umask(0o022); from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
SBOM = "sbom.cdx.json"
SUMS = "SHA256SUMS"


def find_epoch() -> int:
    """The time that stands in the wheel, in seconds since 1970: SOURCE_DATE_EPOCH, else that of the commit."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def build_wheel(source: Path, out: Path, epoch: int) -> Path:
    """Build the wheel by the locked setuptools.

    Args:
        source: A checkout; only the client's own files are taken from it.
        out: A folder.
        epoch: The time that stands in the wheel, in seconds since 1970.

    Returns:
        The wheel.

    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "source"
        copy.mkdir()
        for name in FILES:
            _copy(source / name, copy / name)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment |= {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-c", BUILD, str(out.resolve())]
        built = subprocess.run(command, cwd=copy, env=environment, check=True, capture_output=True, text=True)
    return out / built.stdout.splitlines()[-1]


def _copy(place: Path, to: Path) -> None:
    """Copy a file or folder; modes are in the wheel, so they are the same everywhere."""
    to.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        shutil.copytree(place, to, ignore=shutil.ignore_patterns("__pycache__", "*.py[co]", "*.egg-info"))
    else:
        shutil.copyfile(place, to)
    for path in (to, *to.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def write_sbom(wheel: Path, epoch: int) -> dict[str, Any]:
    """The bill of materials of the client in CycloneDX: what it needs, as it is locked, with hashes and licences."""
    command = [str(UV), "export", "--frozen", "--quiet", "--no-default-groups", "--format", "cyclonedx1.5"]
    exported = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    sbom: dict[str, Any] = json.loads(exported.stdout)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    # what uv draws by lot or by the clock comes of the wheel
    sbom["serialNumber"] = f"urn:uuid:{uuid.UUID(digest[:32])}"
    sbom["metadata"]["timestamp"] = datetime.fromtimestamp(epoch, UTC).isoformat()
    sbom["metadata"]["component"] |= {
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "purl": f"pkg:pypi/errata@{sbom['metadata']['component']['version']}",
    }
    licences = {licence.package: licence.expression for licence in list_licences()}
    for component in sbom["components"]:
        component["licenses"] = [{"expression": licences[re.sub(r"[-_.]+", "-", component["name"]).lower()]}]
    return sbom


def release_client(out: Path) -> list[Path]:
    """Write wheel, bill of materials and checksums into a folder, in place of what is there."""
    shutil.rmtree(out, ignore_errors=True)
    epoch = find_epoch()
    wheel = build_wheel(ROOT, out, epoch)
    sbom = out / SBOM
    sbom.write_text(json.dumps(write_sbom(wheel, epoch), indent=1, sort_keys=True) + "\n", "utf-8")
    sums = out / SUMS
    sums.write_text(
        "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in (wheel, sbom))
    )
    return [wheel, sbom, sums]


if __name__ == "__main__":
    print(*release_client(Path(sys.argv[1])), sep="\n")
