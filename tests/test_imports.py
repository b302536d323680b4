"""Imports go down the house only: flows and tasks on top, then catalog, then schemas; the client stands alone."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLIENT = sorted((ROOT / "catalog" / "errata").rglob("*.py"))
FORBIDDEN = {
    "tasks": {"prefect", "catalog", "flows"},
    "schemas": {"flows", "tasks", "catalog"},
    "catalog": {"flows", "tasks"},
}


def statements(tree: ast.AST, inside: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """All imports, and whether they run only when a function does."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, inside
        yield from statements(node, inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


def imports(source: str, package: str) -> set[tuple[str, bool]]:
    """The top-level packages that a module imports, and whether lazily; `package` is where it lies, with dots."""
    values = set()
    for node, lazy in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            values |= {(alias.name.partition(".")[0], lazy) for alias in node.names}
        elif node.level:
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            values.add((".".join([*base, node.module or ""]).partition(".")[0], lazy))
        else:
            values.add(((node.module or "").partition(".")[0], lazy))
    return values


def package(path: Path) -> str:
    """The package a module lies in."""
    return ".".join(path.relative_to(ROOT).parent.parts)


def modules() -> list[Path]:
    """Every module of the house whose imports are limited, but for the client's."""
    return [path for name in FORBIDDEN for path in sorted((ROOT / name).rglob("*.py")) if path not in CLIENT]


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_import_runs_up_the_house(path: Path) -> None:
    names = {name for name, _ in imports(path.read_text(), package(path))}
    assert names & FORBIDDEN[path.relative_to(ROOT).parts[0]] == set()


@pytest.mark.parametrize("path", CLIENT, ids=lambda path: path.name)
def test_the_client_imports_little(path: Path) -> None:
    allowed = sys.stdlib_module_names | {"errata", "filelock", "fsspec", "pyarrow"}
    result = imports(path.read_text(), package(path).removeprefix("catalog."))
    assert {name for name, lazy in result if not lazy} - allowed == set()
    assert {name for name, lazy in result if lazy} - allowed <= {"polars", "datasets", "pandas"}


def test_every_folder_has_modules() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in modules()} == set(FORBIDDEN)
    assert {"__init__.py", "command.py", "find.py"} <= {path.name for path in CLIENT}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b as c, d", {("a", False), ("d", False)}),
        ("from a.b import c", {("a", False)}),
        ("from . import x\nfrom .y import z", {("catalog", False)}),
        ("from ..flows import x", {("flows", False)}),
        ("def f():\n    import a\n    class B:\n        from c import d", {("a", True), ("c", True)}),
        ("if True:\n    import a\nclass B:\n    import c", {("a", False), ("c", False)}),
    ],
)
def test_imports_are_seen_wherever_they_stand(source: str, expected: set[tuple[str, bool]]) -> None:
    assert imports(source, "catalog") == expected


def name(path: Path) -> str:
    """A module's name as others import it; the client is `errata` wherever it lies."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return (
        ".".join(parts).removeprefix("catalog." if parts[:2] == ("catalog", "errata") else "").removesuffix(".__init__")
    )


def imported(path: Path, known: set[str]) -> set[str]:
    """The modules of the house that a module imports, wherever the import stands."""
    inside = name(path).split(".") if path.name == "__init__.py" else name(path).split(".")[:-1]
    values = set()
    for node, _ in statements(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = (
                [*inside[: len(inside) - node.level + 1], *filter(None, [node.module])]
                if node.level
                else [node.module or ""]
            )
            names = {".".join([*base, alias.name]) for alias in node.names}
            values |= names & known | ({".".join(base)} & known if names - known else set())
        else:
            values |= {alias.name for alias in node.names} & known
    return values - {name(path)}


def test_no_modules_import_each_other_in_a_circle() -> None:
    paths = {name(path): path for top in ("flows", *FORBIDDEN) for path in (ROOT / top).rglob("*.py")}
    edges = {module: imported(path, set(paths)) for module, path in paths.items()}
    assert sum(map(len, edges.values())) > len(edges), "imports are seen"
    tuple(TopologicalSorter(edges).static_order())  # a CycleError names the circle


def programs() -> list[tuple[str, str, str]]:
    """The modules of the house that programs in strings import from, each with a name and where the string is."""
    pattern = re.compile(r"\bfrom ((?:flows|tasks|schemas|catalog|errata|tests)\b[\w.]*) import (\w+(?:, \w+)*)")
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", match[1], name)
        for top in ("flows", "tests", *FORBIDDEN)
        for path in sorted((ROOT / top).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for match in pattern.finditer(node.value)
        for name in match[2].split(", ")
    ]


def test_what_programs_in_strings_import_is_there() -> None:
    """They run in processes of their own, in tiers that are not run each time, and neither mypy nor a renaming sees them."""
    assert len(programs()) > 20
    for where, module, name in programs():
        if not hasattr(importlib.import_module(module), name):
            assert importlib.util.find_spec(f"{module}.{name}"), f"{where}: {module} has no {name}"
