"""There is one reader of equations, `tasks.arithmetic`: no other module has a grammar of its own for them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOPS = ("flows", "tasks", "schemas")
READER = ROOT / "tasks" / "arithmetic"
EQUATIONS = ("12 + 3 = 15", "7-4=3", "48/2=24", "2 * 4 = 8", "3 × 4 = 12", "6 = 2 + 4")
NO_EQUATIONS = ("12 + 3 ; 15", "7~4~3", "7 4 3", "several words", "= 2 = + 1 =")
"""What patterns that take anything, or any characters of an equation, match too."""


def list_patterns(source: str) -> Iterator[str]:
    """The texts of a module, those that are put together of names of it included, that a regular expression could be."""
    nodes = list(ast.walk(ast.parse(source)))
    names: dict[str, str] = {}
    for node in nodes:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and (text := _fill(node.value, names))
        ):
            names[node.targets[0].id] = text
    for node in nodes:
        if (
            isinstance(node, ast.Call)
            and node.args
            and isinstance(node.func, ast.Attribute)
            and _is_re(node.func.value)
        ):
            yield _fill(node.args[0], names)


def _is_re(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "re"


def _fill(node: ast.expr, names: dict[str, str]) -> str:
    """The text of a string, with the strings of the module in their places."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.JoinedStr):
        return "".join(
            _fill(part.value if isinstance(part, ast.FormattedValue) else part, names) for part in node.values
        )
    return ""


def reads_equations(pattern: str) -> bool:
    """Whether a regular expression takes equations apart: as a whole, in their order, or as tokens one after the other."""
    try:
        compiled = re.compile(pattern)
    except re.error:
        return False
    whole = any(_matches(compiled, text) for text in EQUATIONS)
    tokens = "=" in pattern and {"number", "op"} <= set(compiled.groupindex)
    return tokens or (whole and not any(_matches(compiled, text) for text in NO_EQUATIONS))


def _matches(pattern: re.Pattern[str], text: str) -> bool:
    match = pattern.search(text)
    return match is not None and match[0].strip() == text


def modules() -> list[Path]:
    """Every module but the reader's own."""
    return [path for top in TOPS for path in sorted((ROOT / top).rglob("*.py")) if READER not in path.parents]


def test_no_module_has_a_grammar_of_equations_of_its_own() -> None:
    patterns = [(path, pattern) for path in modules() for pattern in list_patterns(path.read_text("utf-8"))]
    assert len(patterns) > 200, "patterns are seen"
    offenders = {f"{path.relative_to(ROOT)}: {pattern}" for path, pattern in patterns if reads_equations(pattern)}
    assert offenders == set(), (
        "read statements with tasks.arithmetic.statements, or equations with tasks.arithmetic.equations"
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('import re\nA = re.compile(r"(\\d+) ?([-+*/]) ?(\\d+) ?= ?(\\d+)")', True),
        ('import re\nN = r"\\d{1,9}"\nA = re.compile(rf"{N}\\s*[+-]\\s*{N}\\s*=\\s*{N}")', True),
        ('import re\nA = re.compile(r"(?P<number>\\d+)|(?P<op>[-+])|(?P<equals>=)")', True),
        ('import re\nA = re.compile(r"verdict\\s*=\\s*right")', False),
        ('import re\nA = re.compile(r".*")', False),
        ('import re\nA = re.compile(r"[\\d=+ ]*")', False),
        ('import re\nA = re.compile(r"[a-z]\\s*=\\s*$")', False),
    ],
)
def test_a_grammar_is_seen(source: str, expected: bool) -> None:
    assert any(reads_equations(pattern) for pattern in list_patterns(source)) is expected
