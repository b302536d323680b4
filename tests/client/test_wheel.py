"""What is published: the wheel, alone in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.client.conftest import PUBLIC, fill, splits

pytestmark = pytest.mark.build

ROOT = Path(__file__).parents[2]
HEAVY = {"polars", "prefect", "duckdb", "datasets", "pydantic", "flows", "tasks", "schemas", "catalog"}
IMPORTED = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def ran(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command's end, none of this environment's Python settings being passed on."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "ERRATA"))
    } | {"ERRATA_CACHE": str(cwd / "cache")}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env={**kept, **environment}, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside of the checkout, with a store `shelf` in it."""
    folder = tmp_path_factory.mktemp("outside")
    fill(str(folder / "shelf"))
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of all our folders so that none is left behind in the checkout."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    for name in ("catalog", "flows", "tasks", "schemas"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    built = ran(sys.executable, "-c", code, out, cwd=copy)
    assert built.returncode == 0, built.stderr
    (path,) = out.iterdir()
    return path


@pytest.fixture(scope="module")
def python(wheel: Path, outside: Path) -> Path:
    """The interpreter of an environment in which there is the wheel and what it asks for."""
    place, uv = outside / "environment", ROOT / ".uv" / "bin" / "uv"
    python = place / "bin" / "python"
    if uv.is_file():
        result = ran(uv, "venv", "--quiet", "--python", sys.executable, place, cwd=outside)
        install: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        result = ran(sys.executable, "-m", "venv", place, cwd=outside)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    assert result.returncode == 0, result.stderr
    if ran(*install, "fsspec", cwd=outside).returncode != 0:
        pytest.skip("no package index can be reached")
    installed = ran(*install, wheel, cwd=outside)
    assert installed.returncode == 0, installed.stderr
    return python


def information(wheel: Path) -> str:
    """The folder in which the wheel describes itself."""
    return f"{wheel.name.partition('-py3')[0]}.dist-info"


def test_the_wheel_holds_the_client_alone(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    modules = {path.relative_to(ROOT / "catalog").as_posix() for path in (ROOT / "catalog" / "errata").rglob("*.py")}
    assert {name for name in names if ".dist-info/" not in name} == modules | {"errata/py.typed"}
    assert {name.partition("/")[0] for name in names if ".dist-info/" in name} == {information(wheel)}


def test_the_wheel_asks_for_three_packages(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        metadata = archive.read(f"{information(wheel)}/METADATA").decode()
    asked = [line.split()[1] for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    always = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ") and "extra ==" not in line]
    assert [line.split()[1].partition(">=")[0] for line in always] == ["filelock", "fsspec", "pyarrow"]
    assert sorted(name.partition(">=")[0].rstrip(";") for name in asked) == [
        "datasets",
        "filelock",
        "fsspec",
        "polars",
        "pyarrow",
    ]


def test_it_is_imported_from_the_wheel(python: Path, outside: Path) -> None:
    code = "import errata, json; print(json.dumps([errata.__file__, errata.__all__]))"
    done = ran(python, "-c", code, cwd=outside)
    assert done.returncode == 0, done.stderr
    file, names = json.loads(done.stdout)
    assert Path(file).is_relative_to(outside)
    assert names == PUBLIC


def test_it_lists_and_loads_without_the_application(python: Path, outside: Path) -> None:
    command = python.with_name("errata")
    listed = ran(command, "list", "--store", "shelf", cwd=outside)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "tiny@0.10.0" in listed.stdout
    loaded = ran(command, "load", "tiny", "--split", "test", cwd=outside, ERRATA_STORE="shelf")
    assert (loaded.returncode, loaded.stderr) == (0, "")
    assert [json.loads(line) for line in loaded.stdout.splitlines()] == splits("0.10.0")["test"]
    assert ran(command, "verify", "tiny", "--store", "shelf", cwd=outside).returncode == 0


@pytest.mark.parametrize("verb", ["build", "plan"])
def test_building_needs_the_application(python: Path, outside: Path, verb: str) -> None:
    done = ran(python.with_name("errata"), verb, "x.yaml", cwd=outside)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"errata: `errata {verb}` needs the application: run it in a checkout of Errata (make corpus shows how)\n"
    )


def test_importing_it_from_the_wheel_is_light(python: Path, outside: Path) -> None:
    done = ran(python, "-c", f"import errata, errata.cli; {IMPORTED}", cwd=outside)
    assert HEAVY.isdisjoint(json.loads(done.stdout)), done.stderr


@pytest.mark.parametrize(
    "use", ["", "errata.load('tiny', store='shelf')", "errata.cli.command.main(['verify', 'tiny'])"]
)
def test_importing_and_loading_is_light_where_the_application_is(outside: Path, use: str) -> None:
    code = f"import errata, errata.cli\n{use}\n{IMPORTED}"
    done = ran(sys.executable, "-c", code, cwd=outside, ERRATA_STORE="shelf")
    document = json.loads(done.stdout.splitlines()[-1])
    assert "errata" in document
    assert HEAVY.isdisjoint(document)
