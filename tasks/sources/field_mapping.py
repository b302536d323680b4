"""How the fields of a record become the columns of a table: the field mapping of `load` and `import`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.task import OneOrMore, Parameters
from tasks.llm.lenient_json import find_field


class FieldError(ValueError):
    """A field of a record is not as the mapping expects; carries a reason to count by and a detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class FieldRule(BaseModel):
    """Where a column's value comes from: a path into the record (or a fixed value), then what to take of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    path: str | None = Field(None, description="Dotted path into the record; a number indexes a list.")
    value: str | None = Field(None, description="A fixed text instead of a path.")
    within: str | None = Field(
        None, alias="json", description="The field holds a JSON text, fenced or broken maybe: take this key of it."
    )
    pattern: str | None = Field(None, description="Take the first group of this regular expression's first match.")
    names: dict[str, str] = Field({}, description="Values that are known by another name here.")
    optional: bool = Field(False, description="A missing value is null (or the whole text), not a rejected row.")

    @model_validator(mode="after")
    def _one_origin(self) -> FieldRule:
        if (self.path is None) == (self.value is None):
            raise ValueError("expected either `path` or `value`, found " + ("neither" if self.path is None else "both"))
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except re.error as error:
                raise ValueError(f"`pattern` is not a regular expression ({error})") from None
            if groups < 1:
                raise ValueError("`pattern` has no group; put ( ) round what is to be taken")
        return self

    def take(self, record: Mapping[str, Any], each: str | None) -> Any:
        """The value in a record; `FieldError` where it is missing and not optional."""
        if self.value is not None:
            return self.value.replace("{each}", each or "")
        path = (self.path or "").replace("{each}", each or "")
        value = find_value(record, path)
        if value is not None and self.within is not None:
            value = find_field(str(value), self.within)
        if value is not None and self.pattern is not None:
            match = re.search(self.pattern, str(value), re.DOTALL)
            value = match[1] if match else None
        if value is None and not self.optional:
            raise FieldError("missing field", self._sought(path))
        return self.names.get(str(value), value) if self.names else value

    def list_paths(self, each: Sequence[str]) -> list[str]:
        """The paths that it looks at, one for each variant of a record; none where it is a fixed text."""
        return [] if self.path is None else [self.path.replace("{each}", variant) for variant in each or ("",)]

    def __str__(self) -> str:
        """The rule in a line."""
        if self.value is not None:
            return f"'{self.value}', a fixed text"
        parts = [str(self.path), *([f"key '{self.within}' of its JSON"] if self.within else [])]
        parts += [f"pattern {self.pattern}"] if self.pattern else []
        parts += [f"{len(self.names)} values renamed"] if self.names else []
        return ", ".join([*parts, *(["if there is one"] if self.optional else [])])

    def _sought(self, path: str) -> str:
        sought = f"'{path}'" + (f", key '{self.within}' of its JSON" if self.within else "")
        return sought + (f", pattern {self.pattern}" if self.pattern else "")


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
            return None
    return value


def _short(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


FieldOf = Annotated[FieldRule, BeforeValidator(_short)]
"""A field's rule; a plain text is short for `{path: text}`."""


class RecordParameters(Parameters):
    """What `load` and `import` have in common."""

    files: OneOrMore[str] = Field(
        min_length=1, description="A path, URL or pattern, or a list of them; `${data}` is the folder of --data."
    )
    set: FieldOf = Field(description="The problem set's name: usually {value: name}.")
    only: dict[str, list[str]] = Field({}, description="Take only records whose field has one of these values.")
    longest: int = Field(1_000_000, ge=1, le=10_000_000, description="Characters of a text; longer ones are rejected.")


def list_rules(parameters: Parameters) -> dict[str, FieldRule]:
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


def find_exclusion(record: Mapping[str, Any], only: Mapping[str, list[str]]) -> str | None:
    """Why a record is not among those wanted, or None."""
    for path, allowed in sorted(only.items()):
        value = find_value(record, path)
        if str(value) not in allowed:
            return f"{path} = {value}"
    return None


def read_text(value: Any, name: str, longest: int) -> str:
    """A value as text; `FieldError` where it is none, too long or holds NUL."""
    if value is None:
        raise FieldError("missing field", f"{name} is null")
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, dict | list | bytes):
        raise FieldError("wrong type", f"{name} is a {type(value).__name__}, expected text or a number")
    text = str(value)
    if len(text) > longest:
        raise FieldError("too long", f"{name} has {len(text)} characters, at most {longest} are taken; raise `longest`")
    if "\0" in text:
        raise FieldError("NUL in text", f"{name}, character {text.index(chr(0)) + 1}")
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FieldError("not UTF-8", f"{name} has half of a surrogate pair, character {error.start + 1}") from None
    return text


def read_texts(value: Any, name: str, longest: int) -> list[str] | None:
    """A value as a list of texts, or None where it is empty."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise FieldError("wrong type", f"{name} is a {type(value).__name__}, expected a list")
    return [read_text(item, name, longest) for item in value] or None
