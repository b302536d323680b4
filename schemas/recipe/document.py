"""YAML with positions: the values of a document, the line of each, and all that is wrong with its form.

Plain scalars follow YAML 1.2's core schema, without octal and hexadecimal
numbers: `no`, `1:30` and `0o17` are strings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.resolver import VersionedResolver

from schemas.errors import ApplicationError

Path = tuple[str | int, ...]
CHARACTERS = 2**20
"""Of a file; a recipe has some thousand."""
VALUES = 20_000
"""Of a file, aliases written out: a few aliases of aliases can stand for billions. A recipe has some hundred."""
DEEPEST = 60
"""Levels of values within values."""
MOST_FAULTS = 100
"""Of a file, as an error shows them."""
_CORE = "tag:yaml.org,2002:"
_UNREADABLE = re.compile("[\0\ud800-\udfff]")
_KINDS: dict[str, Any] = {
    "str": str,
    "null": lambda _: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": int,
    "float": float,
}


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with a file."""

    file: str
    """The file, as the user named it."""
    line: int
    """The line, counted from 1."""
    key: str
    """The dotted key, empty where the fault has none."""
    message: str
    """What was found, what was expected, what to do."""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class RecipeError(ApplicationError, ValueError):
    """A recipe is wrong; carries every fault of the file."""

    exit_code = 2

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(set(faults))
        lines = [str(fault) for fault in self.faults[:MOST_FAULTS]]
        more = len(self.faults) - len(lines)
        super().__init__("\n".join([*lines, *([f"… and {more:,} more"] if more else [])]))


class _TooLarge(Exception):
    """The values are more than a document may have."""


class _BoundedComposer(Composer):
    """Composes as many nodes as a document may have, and as deep, and no more."""

    count = depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node and those in it."""
        self.count, self.depth = self.count + 1, self.depth + 1
        if self.count > 2 * VALUES:  # keys are nodes, too
            raise _TooLarge
        if self.depth > DEEPEST:
            raise RecursionError
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class CoreResolver(VersionedResolver):
    """Tells the type of plain scalars by the core schema alone; ruamel.yaml's own also knows dates and `1_000`."""

    patterns: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}

    @property
    def versioned_resolver(self) -> dict[str, list[tuple[str, re.Pattern[str]]]]:
        """The patterns by the first character of a scalar, whatever version of YAML a file says it has."""
        return self.patterns


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+0123456789.")),
):
    for _char in _first:
        CoreResolver.patterns.setdefault(_char, []).append((f"{_CORE}{_tag}", re.compile(_pattern)))


def format_path(path: Path) -> str:
    """`('tables', 'a', 'from', 0)` as `tables.a.from[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


class Document:
    """A YAML file: its text, its values and where each of them stands.

    Args:
        text: What the file holds.
        file: Its name, for faults.

    """

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.lines: dict[Path, int] = {(): 1}
        self.faults: list[Fault] = []
        self.value: Any = None
        self.size = 0
        """The characters of its scalars, those of aliases written out."""
        self.node: Node | None = None
        """The document as ruamel.yaml composed it, with the marks of each node."""
        try:
            self._compose()
        except RecursionError:
            self.faults.append(Fault(file, 1, "", "nested too deeply to be a recipe; write it flatter"))
        except _TooLarge:
            self.value = None
            message = f"holds more than {VALUES:,} values or {CHARACTERS:,} characters once its aliases are written out; write it smaller"
            self.faults.append(Fault(file, 1, "", message))
        except YAMLError as error:
            self.faults.append(self._unparsable(error))

    def fault(self, path: Path, message: str) -> Fault:
        """A fault at a path, or at the nearest key above it that stands in the file."""
        known = path
        while known not in self.lines:
            known = known[:-1]
        return Fault(self.file, self.lines[known], format_path(path), message)

    def _compose(self) -> None:
        if len(self.text) > CHARACTERS:
            message = f"holds {len(self.text):,} characters, at most {CHARACTERS:,} are read; write it smaller"
            self.faults.append(Fault(self.file, 1, "", message))
            return
        yaml = YAML(typ="safe", pure=True)
        yaml.Resolver, yaml.Composer = CoreResolver, _BoundedComposer
        yaml.composer.warn_double_anchors = False  # YAML 1.2 lets an anchor be set again
        self.node = yaml.compose(self.text)
        if self.node is not None:
            self.value = self._value(self.node, (), ())

    def _unparsable(self, error: YAMLError) -> Fault:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Fault(self.file, line, "", f"not YAML: {problem} (column {column}); mend the text there")

    def _value(self, node: Node, path: Path, above: tuple[Node, ...]) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        self.size += len(node.value) if isinstance(node, ScalarNode) else 0
        if len(self.lines) > VALUES or self.size > CHARACTERS:
            raise _TooLarge
        if len(above) > DEEPEST:
            raise RecursionError
        if node in above:
            self.faults.append(self.fault(path, "refers to itself; write the value out"))
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path, (*above, node))
        if isinstance(node, SequenceNode):
            return [self._value(item, (*path, i), (*above, node)) for i, item in enumerate(node.value)]
        if _UNREADABLE.search(node.value):
            self.faults.append(
                self.fault(path, "holds a NUL or half of a character, which no table can hold; take it out")
            )
            return None
        try:
            return _KINDS[str(node.tag).removeprefix(_CORE)](node.value)
        except (KeyError, ValueError):
            self.faults.append(self.fault(path, f"'{node.value[:60]}' cannot be read as {node.tag}; quote it"))
            return None

    def _mapping(self, node: MappingNode, path: Path, above: tuple[Node, ...]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if key is None or _UNREADABLE.search(key):
                self.faults.append(Fault(self.file, line, format_path(path), "a key must be plain text"))
            elif key == "<<":
                message = "merge keys are not read; repeat the keys, or alias a whole value (*name)"
                self.faults.append(Fault(self.file, line, format_path((*path, key)), message))
            elif key in mapping:
                first = self.lines[(*path, key)]
                message = f"given twice, first on line {first}; keep one"
                self.faults.append(Fault(self.file, line, format_path((*path, key)), message))
            else:
                self.lines[(*path, key)] = line
                mapping[key] = self._value(value_node, (*path, key), above)
        return mapping
