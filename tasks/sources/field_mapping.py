"""How the fields of a record become the columns of a table: the field mapping of `load` and `import`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.patterns import compile_pattern
from schemas.task import UnreadableValue
from tasks.llm.lenient_json import find_field
from tasks.sources.conversations import Role, Turn, take_role
from tasks.sources.values import FieldError, is_missing

_REFERENCE = re.compile(r"\{([^{}]+)\}")
LONGEST_PATTERN = 500
JOINED = "@joined"
"""What a record of another file is called in paths, which is joined to this one."""


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return {"path": value}
    return {"first": value} if isinstance(value, list) else value


class FieldRule(BaseModel):
    """Where a column's value comes from: a path into the record (or a fixed value), then what to take of it, in this order."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    path: str | None = Field(
        None,
        description="Dotted path into the record; a number indexes a list, `{name}` stands for the value of that field. "
        "`@file` is the file's own path, `@header`, `@companion` and `@joined` what lies beside the record.",
    )
    value: str | None = Field(None, description="A fixed text instead of a path.")
    template: str | None = Field(
        None,
        max_length=LONGEST_PATTERN,
        description="A text instead of a path, in which `{name}` stands for the value of that field, of a list each item on a line of its own.",
    )
    first: list[
        Annotated[FieldRule, BeforeValidator(_short, json_schema_input_type=str | list[Any] | dict[str, Any])]
    ] = Field(
        [],
        description="Rules instead of a path, of which the first that finds something counts; a plain list is short for it.",
    )
    items: (
        Annotated[FieldRule, BeforeValidator(_short, json_schema_input_type=str | list[Any] | dict[str, Any])] | None
    ) = Field(None, description="What to take of each item of the list there; paths of it begin in the item.")
    role: Role | None = Field(
        None,
        description="Of a conversation, what this side says: its turns are told by their roles, wherever they stand.",
    )
    turn: Turn = Field(
        "first", description="Which exchange of question and answer of a conversation, where there are several; or all."
    )
    within: str | None = Field(
        None, alias="json", description="The field holds a JSON text, fenced or broken maybe: take this key of it."
    )
    pattern: str | None = Field(
        None, max_length=LONGEST_PATTERN, description="Take the first group of this regular expression's first match."
    )
    every: str | None = Field(
        None,
        max_length=LONGEST_PATTERN,
        description="Take the first group of every match of this regular expression, as a list.",
    )
    separator: str | None = Field(
        None,
        max_length=LONGEST_PATTERN,
        description="Cut the text into a list at each match of this regular expression; empty pieces are left out.",
    )
    replace: dict[str, str] = Field({}, description="Texts inside the value, and what to put in their place.")
    names: dict[str, str] = Field({}, description="Values that are known by another name here; so are items of a list.")
    join: str | None = Field(None, description="Make one text of a list, with this between its items.")
    optional: bool = Field(False, description="A missing value is null (or the whole text), not a rejected row.")

    @model_validator(mode="after")
    def _one_origin(self) -> FieldRule:
        origins = ("path", "value", "template")
        given = [name for name in origins if getattr(self, name) is not None] + ["first"] * bool(self.first)
        if len(given) != 1:
            found = "none" if not given else "both" if len(given) == 2 else "more"
            raise ValueError(f"expected one of `path`, `value`, `template` and `first`, found {found}")
        for name in ("pattern", "every", "separator"):
            self._check_expression(name, getattr(self, name))
        return self

    def _check_expression(self, name: str, expression: str | None) -> None:
        try:
            groups = 1 if expression is None else compile_pattern(expression).groups
        except ValueError as error:
            raise ValueError(f"`{name}` is not a regular expression of RE2 ({error})") from None
        if name != "separator" and groups < 1:
            raise ValueError(f"`{name}` has no group; put ( ) round what is to be taken")

    def take(self, record: Mapping[str, Any], each: str | None) -> Any:
        """The value in a record; `FieldError` where it is missing and not optional."""
        value = self.look_up(record, each)
        if value is None and not self.optional:
            raise FieldError("missing field", self.describe(each))
        return value

    def look_up(self, record: Mapping[str, Any], each: str | None) -> Any:
        """The value in a record; None where it has none."""
        if self.first:
            values = (rule.look_up(record, each) for rule in self.first)
            value = next((value for value in values if value is not None), None)
        elif self.value is not None:
            value = self.value.replace("{each}", each or "")
        elif self.template is not None:
            value = _fill_template(self.template, record, each)
        else:
            value = find_value(record, fill_path(self.path or "", record, each))
        if isinstance(value, UnreadableValue):
            raise FieldError(value.reason, f"'{self.path}': {value.detail}")
        value = None if is_missing(value) else self._transform(value, each)
        return None if is_missing(value) else value

    def _transform(self, value: Any, each: str | None) -> Any:
        """What is to be taken of a value that is there; None where it is not in it."""
        if self.items is not None:
            if not isinstance(value, list):
                raise FieldError("wrong type", f"'{self.path}' is a {type(value).__name__}, expected a list")
            value = [self.items.take(item if isinstance(item, dict) else {"": item}, each) for item in value]
        if self.role is not None:
            value = take_role(value, self.role, self.turn)
        if value is not None and self.within is not None:
            value = find_field(str(value), self.within)
        if value is not None and self.pattern is not None:
            match = compile_pattern(self.pattern).search(str(value))
            value = match[1] if match else None
        if value is not None and self.every is not None:
            value = list(compile_pattern(self.every).find_all(str(value)))
        if value is not None and self.separator is not None and not isinstance(value, list):
            value = [piece for piece in compile_pattern(self.separator).split(str(value)) if piece and piece.strip()]
        return value if value is None else self._rename(value)

    def _rename(self, value: Any) -> Any:
        if self.replace:
            value = _replace_texts(value, self.replace)
        if self.names:
            value = _map_values(value, self.names)
        if self.join is not None and isinstance(value, list):
            value = self.join.join(str(item) for item in value)
        return value

    def list_paths(self) -> list[str]:
        """The paths that it looks at, as they are written; none where it is a fixed text."""
        own = _REFERENCE.findall(self.template or "") if self.path is None else [self.path]
        return [*(path for rule in self.first for path in rule.list_paths()), *own]

    def is_found(self, record: Mapping[str, Any], each: str | None) -> bool:
        """Whether one of its paths leads to a value in a record, whatever that is; a fixed text always does."""
        if self.first:
            return any(rule.is_found(record, each) for rule in self.first)
        return all(find_value(record, fill_path(path, record, each)) is not None for path in self.list_paths())

    def __str__(self) -> str:
        """The rule in a line."""
        if self.value is not None:
            return f"'{self.value}', a fixed text"
        if self.first:
            return " or ".join(str(rule) for rule in self.first)
        parts = [" and ".join(self.list_paths()), *([f"key '{self.within}' of its JSON"] if self.within else [])]
        parts += [f"what {self.role} says"] if self.role else []
        parts += [f"pattern {self.pattern}"] if self.pattern else []
        parts += [f"cut at {self.separator}"] if self.separator else []
        parts += [f"{len(self.names)} values renamed"] if self.names else []
        return ", ".join([*parts, *(["if there is one"] if self.optional else [])])

    def describe(self, each: str | None = None) -> str:
        """Where the value is looked for, in words."""
        if self.first:
            return " or ".join(rule.describe(each) for rule in self.first)
        paths = [f"'{path.replace('{each}', each or '{each}')}'" for path in self.list_paths()]
        sought = " and ".join(paths) or "a fixed value"
        sought += f", key '{self.within}' of its JSON" if self.within else ""
        sought += f", what {self.role} says" if self.role else ""
        sought += "; add `join: {files: …}`" if self.path and self.path.startswith(JOINED) else ""
        return sought + (f", pattern {self.pattern}" if self.pattern else "")


def _fill_template(template: str, record: Any, each: str | None) -> str | None:
    """A template with the values of its fields, each once; None where one is missing, or a list without items."""
    template = template.replace("{each}", each or "")
    values = {name: find_value(record, fill_path(name, record, each)) for name in _REFERENCE.findall(template)}
    if any(is_missing(value) or value == [] for value in values.values()):
        return None
    texts = {name: "\n".join(_list_lines(name, value)) for name, value in values.items()}
    return _REFERENCE.sub(lambda match: texts[match[1]], template)


def _list_lines(name: str, value: Any) -> list[str]:
    """The lines that a field's value is in a template; `FieldError` where it is neither text nor a list of texts."""
    items = value if isinstance(value, list) else [value]
    if odd := [item for item in items if not isinstance(item, str | int | float | Decimal)]:
        raise FieldError("wrong type", f"'{name}' holds a {type(odd[0]).__name__}, expected text or a list of texts")
    return [str(item) for item in items]


def _replace_texts(value: Any, pairs: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_replace_texts(item, pairs) for item in value]
    for old, new in pairs.items() if isinstance(value, str) else ():
        value = value.replace(old, new)
    return value


def _map_values(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_map_values(item, names) for item in value]
    spelt = "null" if value is None else str(value)
    return names.get(spelt, value)


def fill_path(path: str, record: Any, each: str | None) -> str:
    """A path with the values that it refers to in braces; what is not there stays as it is, and is then not found."""
    if "{" not in path:
        return path
    path = path.replace("{each}", each or "")

    def refer(match: re.Match[str]) -> str:
        value = find_value(record, match[1])
        return match[0] if value is None or isinstance(value, dict | list) else str(value)

    return _REFERENCE.sub(refer, path)


def find_value(record: Any, path: str) -> Any:
    """The value at a dotted path; None where it is not there. A key that itself has dots is found too."""
    value = record
    if isinstance(record, dict) and path in record:
        return record[path]
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return value if isinstance(value, UnreadableValue) else None
    return value


def list_rules(parameters: BaseModel) -> dict[str, FieldRule]:
    """The rules of a table's parameters, by the dotted key at which a recipe has each."""
    rules: dict[str, FieldRule] = {}
    for name in type(parameters).model_fields:
        value = getattr(parameters, name)
        entries = {f"{name}.{key}": rule for key, rule in value.items()} if isinstance(value, dict) else {name: value}
        rules |= {key: rule for key, rule in entries.items() if isinstance(rule, FieldRule)}
    return rules


def list_fields(records: Sequence[Mapping[str, Any]], depth: int = 3) -> list[str]:
    """The dotted paths that some of the records have, as deep as mappings are nested, each once."""
    paths: dict[str, None] = {}
    for record in records:
        waiting = [(str(name), value) for name, value in record.items()]
        while waiting:
            path, value = waiting.pop(0)
            paths.setdefault(path)
            if isinstance(value, dict) and path.count(".") < depth - 1:
                waiting += [(f"{path}.{name}", inner) for name, inner in value.items()]
    return list(paths)


FieldOf = Annotated[FieldRule, BeforeValidator(_short, json_schema_input_type=str | list[Any] | FieldRule)]
"""A field's rule; a plain text is short for `{path: text}`, a list for `{first: list}`."""
FieldRule.model_rebuild()
