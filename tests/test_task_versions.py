"""A task whose code changes needs another version, or tables of the old code would pass for those of the new.

The golden file holds a digest of each task's code (its module and what that
imports from `tasks`, without comments and docstrings) beside its version.
"""

import ast
import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

import tasks
from tasks import TASKS

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).with_name("task-versions.json")
MODULES = {
    getattr(tasks, name.name).name: node.module
    for node in ast.parse(Path(tasks.__file__).read_text()).body
    if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tasks.")
    for name in node.names
}
"""The module in which each task is declared."""


def code(path: Path) -> tuple[str, set[Path]]:
    """A module's code without comments and docstrings, and the modules of `tasks` that it imports."""
    tree = ast.parse(path.read_text())
    needed = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            for item in list(body):
                if (
                    isinstance(item, ast.Expr)
                    and isinstance(item.value, ast.Constant)
                    and isinstance(item.value.value, str)
                ):
                    body.remove(item)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tasks."):
            place = ROOT / node.module.replace(".", "/")
            modules = (
                {place / f"{entry.name}.py" for entry in node.names} if place.is_dir() else {place.with_suffix(".py")}
            )
            needed |= {module if module.exists() else place / "__init__.py" for module in modules}
    return ast.unparse(tree), needed


def digest(task: str) -> str:
    waiting, seen = [ROOT / f"{MODULES[task].replace('.', '/')}.py"], set()
    texts = {}
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            texts[str(path.relative_to(ROOT))], needed = code(path)
            waiting += needed
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()[:16]


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the spelling of unparsed code differs between Pythons")
def test_changed_code_has_another_version() -> None:
    now = {name: {"version": task.version.split()[0], "code": digest(name)} for name, task in TASKS.items()}
    if os.environ.get("ERRATA_ACCEPT"):
        GOLDEN.write_text(json.dumps(now, indent=1) + "\n")
    accepted = json.loads(GOLDEN.read_text())
    for name, item in now.items():
        assert item == accepted.get(name), (
            f"the code of task '{name}' changed: raise its `version` if its rows can differ, then accept it with "
            "ERRATA_ACCEPT=1 make test TEST=tests/test_task_versions.py"
        )
