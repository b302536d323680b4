"""Every error is in a tree whose exit code the command knows, or is caught in the room that raises it."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
from errata import errors as client_errors
from errata.errors import ErrataError

from schemas import errors
from schemas.errors import ApplicationError

ROOT = Path(__file__).parents[1]
INSIDE: dict[str, str | tuple[str, ...]] = {
    "EmbeddingError": "tasks", "FieldError": ("tasks", "flows/calibration"), "Refused": "tasks/engines/vllm", "ServerLost": "tasks/engines/llama", "_Malformed": "tasks/engines/llama",
    "Several": "tasks/verify", "BudgetSpent": "tasks/engines/openai", "Stopped": "tasks/engines/openai", "TooLarge": "tasks/verify", "UnreadableFormula": "tasks/verify",
    "Undefined": "tasks/verify", "_Uncertain": "tasks/inject", "_TooLarge": "schemas/recipe", "Unfit": "tasks/views", "Unmeasurable": "flows/gates", "WorkerEnded": ("tasks", "flows/running"),
    "DuplicateKeyError": "catalog/records", "_Unsound": "catalog/records", "EmbeddingNotInstalled": ("tasks/dedup", "flows"), "OldIndexError": ("tasks/dedup", "flows"),
    "UnreadFormula": "tasks/arithmetic", "UnreadStatement": "tasks", "_NoPair": "tasks/corrections", "_NoSplice": "tasks/corrections",
    "TimeLimitReached": "schemas", "NoProgram": "tasks/programs", "UnknownRoleError": "tasks/engines/world", "_Mismatch": "tasks/synthetic", "_NoCalculationError": "tasks/arithmetic",
}  # fmt: skip
"""Errors that are caught before a command could meet them, and the folders that they do not leave."""
LINE = re.compile(r"^[│ ]*(?:[├└]── )?(\w+) +(\d) ", re.MULTILINE)


def sources() -> list[Path]:
    return [path for name in ("catalog", "flows", "schemas", "tasks") for path in sorted((ROOT / name).rglob("*.py"))]


def classes() -> list[tuple[str, str]]:
    """Every class of an exception, by name and file: what derives from one of Python's or of ours."""
    declared: dict[tuple[str, str], list[str]] = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                bases = [
                    base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases
                ]
                declared[(node.name, path.relative_to(ROOT).as_posix())] = bases
    known = {"Exception", "BaseException"} | {
        name for name, value in vars(importlib.import_module("builtins")).items() if _is_error(value)
    }
    values: set[tuple[str, str]] = set()
    while True:
        more = {key for key, bases in declared.items() if known & set(bases)} - values
        if not more:
            return sorted(values)
        values |= more
        known |= {name for name, _ in more}


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception) and not issubclass(value, Warning)


def load(name: str, file: str) -> type[Exception]:
    module = file.removeprefix("catalog/") if file.startswith("catalog/errata/") else file
    value: type[Exception] = getattr(importlib.import_module(module.removesuffix(".py").replace("/", ".")), name)
    return value


@pytest.mark.parametrize(("name", "file"), classes())
def test_every_error_is_in_a_tree_or_stays_in_its_room(name: str, file: str) -> None:
    if set(INSIDE) & {base.__name__ for base in load(name, file).__mro__}:
        return
    assert issubclass(load(name, file), ErrataError | ApplicationError)


@pytest.mark.parametrize(("name", "room"), INSIDE.items())
def test_an_error_that_stays_inside_is_named_nowhere_else(name: str, room: str | tuple[str, ...]) -> None:
    own = next(file for of, file in classes() if of == name and file.startswith(room))
    module = own.removesuffix(".py").replace("/", ".")
    users = [
        path.relative_to(ROOT).as_posix()
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == module and name in {alias.name for alias in node.names}
    ]
    assert all(user.startswith(room) for user in users)
    handlers = [
        node for path in sources() if path.relative_to(ROOT).as_posix().startswith(room)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and node.type and re.search(rf"\b{name}\b|ValueError|ArithmeticError", ast.unparse(node.type))
    ]  # fmt: skip
    assert handlers


@pytest.mark.parametrize(("module", "base"), [(errors, ApplicationError), (client_errors, ErrataError)])
def test_the_trees_are_drawn_as_they_are(module: object, base: type[Exception]) -> None:
    drawn = {name: int(code) for name, code in LINE.findall(str(module.__doc__))}
    there = {
        name: load(name, file).exit_code  # type: ignore[attr-defined]
        for name, file in classes()
        if issubclass(load(name, file), base)
    }  # fmt: skip
    assert drawn == there
