"""YAML with positions: the values of a document, the line of each, and all that is wrong with its form.

Plain scalars follow YAML 1.2's core schema, not YAML 1.1: `no` and `1:30` are strings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from schemas.errors import ApplicationError

Path = tuple[str | int, ...]


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
        super().__init__("\n".join(str(fault) for fault in self.faults))


class _Loader(yaml.SafeLoader):
    """The safe loader with YAML 1.2's plain scalars."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+0123456789.")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads: what would be read as another type is quoted."""

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors: each value is written where it stands."""
        return True


_Dumper.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def dumped(value: Any) -> str:
    """A value of mappings, lists, texts, numbers and null as a YAML document."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def dotted(path: Path) -> str:
    """`('tables', 'a', 'from', 0)` as `tables.a.from[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


class Document:
    """A YAML file: its values and where each of them stands."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {(): 1}
        self.faults: list[Fault] = []
        self.value: Any = None
        try:
            node = yaml.compose(text, Loader=_Loader)
        except RecursionError:
            self.faults.append(Fault(file, 1, "", "nested too deeply to be a recipe; write it flatter"))
            return
        except yaml.YAMLError as error:
            self.faults.append(self._unparsable(error))
            return
        if node is not None:
            self.value = self._value(node, (), ())

    def fault(self, path: Path, message: str) -> Fault:
        """A fault at a path, or at the nearest key above it that stands in the file."""
        known = path
        while known not in self.lines:
            known = known[:-1]
        return Fault(self.file, self.lines[known], dotted(path), message)

    def _unparsable(self, error: yaml.YAMLError) -> Fault:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Fault(self.file, line, "", f"not YAML: {problem} (column {column}); mend the text there")

    def _value(self, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...]) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if node in above:
            self.faults.append(self.fault(path, "refers to itself; write the value out"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, (*above, node))
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, i), (*above, node)) for i, item in enumerate(node.value)]
        try:
            return yaml.constructor.SafeConstructor().construct_object(node)
        except (yaml.YAMLError, ValueError):
            self.faults.append(self.fault(path, f"'{node.value}' cannot be read as {node.tag}; quote it"))
            return None

    def _mapping(self, node: yaml.MappingNode, path: Path, above: tuple[yaml.Node, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            here = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                self.faults.append(Fault(self.file, here, dotted(path), "a key must be plain text"))
            elif key == "<<":
                message = "merge keys are not read; repeat the keys, or alias a whole value (*name)"
                self.faults.append(Fault(self.file, here, dotted((*path, key)), message))
            elif key in found:
                first = self.lines[(*path, key)]
                message = f"given twice, first on line {first}; keep one"
                self.faults.append(Fault(self.file, here, dotted((*path, key)), message))
            else:
                self.lines[(*path, key)] = here
                found[key] = self._value(value_node, (*path, key), above)
        return found
