"""What `load` and `import` have in common: the files, the format, which of their records are wanted, and which rows each stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from schemas.reading import FileReading
from schemas.task import OneOrMore, Parameters, Record, RecordJoin, SideInput
from tasks.sources.field_mapping import JOINED, FieldOf, FieldRule, fill_path, find_value
from tasks.sources.values import FieldError, read_text


class FileJoin(BaseModel):
    """Records of other files that belong to those of the table's own, by a key that both have."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    files: OneOrMore[str] = Field(min_length=1, description="The other files.")
    key: FieldOf = Field(description="The field of their records that is the key.")
    on: FieldOf = Field(description="The field of the table's own records that is it.")


LONGEST_KEY = 1_000_000
"""Characters of a key, which may be the text of a question."""
STEM = FieldRule(path="@file", pattern=r"([^/.]+)[^/]*$")
"""The file's name without folders and endings."""


def _list_each(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


class RecordParameters(Parameters, FileReading):
    """What `load` and `import` have in common."""

    files: OneOrMore[str] = Field(
        min_length=1,
        description="A path, folder, archive, URL or pattern, or a list of them; `${data}` is the folder of --data.",
    )
    format: str | None = Field(
        None,
        description="The name of a format (`errata formats`), or a YAML file beside the recipe: it maps the fields, and what the "
        "table says itself counts before it.",
    )
    set: FieldOf = Field(
        STEM, description="The problem set's name: usually {value: name}; the file's name unless given."
    )
    each: Annotated[
        list[str] | FieldRule, BeforeValidator(_list_each, json_schema_input_type=str | list[str] | FieldRule)
    ] = Field(
        [],
        description="A record holds a row for each of these, or for each item of the list at this path; `{each}` names it in "
        "paths: a text of the list, or the item's number from 0.",
    )
    only: dict[str, list[str]] = Field({}, description="Take only records whose field has one of these values.")
    reject: dict[str, dict[str, str]] = Field(
        {},
        description="By path, values of a field with the reason for which such a row is rejected; `*` is any other value, null a "
        "missing one, and an empty reason keeps the row.",
    )
    join: FileJoin | None = Field(
        None, description="Records of other files that belong to these; `@joined` in the path of a field."
    )
    longest: int = Field(1_000_000, ge=1, le=10_000_000, description="Characters of a text; longer ones are rejected.")
    most_rows: int = Field(10_000, ge=1, le=1_000_000, description="Rows of a record; one of more is rejected.")

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, value: Any, info: ValidationInfo) -> Any:
        """The parameters with those of the format that they name."""
        name = value.get("format") if isinstance(value, dict) else None
        find = (info.context or {}).get("formats")
        if not isinstance(name, str) or find is None:
            return value
        known = {field.alias or own for own, field in cls.model_fields.items()}
        return find(name).complete(value, dict.fromkeys(known))


def read_key(rule: FieldRule, record: Mapping[str, Any]) -> str | None:
    """The key of a record, as text without white space round it; None where it has none."""
    try:
        value = rule.look_up(record, None)
        return None if value is None else read_text(value, "key", LONGEST_KEY).strip() or None
    except FieldError:
        return None


def list_file_joins(rules: RecordParameters) -> list[RecordJoin]:
    """The join with records of other files, if there is one."""
    join = rules.join
    if join is None:
        return []
    return [
        RecordJoin(JOINED, ", ".join(join.files), partial(read_key, join.key), partial(read_key, join.on), "not joined")
    ]


def list_join_files(rules: RecordParameters) -> list[SideInput]:
    """The other files, as what lies beside the table."""
    return [SideInput("joined", tuple(rules.join.files))] if rules.join else []


def list_variants(record: Record, rules: RecordParameters) -> Sequence[str | None]:
    """What `{each}` stands for in the rows of a record, None for one that is one row."""
    if isinstance(rules.each, list):
        return rules.each or (None,)
    value = None if record.value is None else find_value(record.value, rules.each.path or "")
    if isinstance(value, list) and len(value) <= rules.most_rows:
        return [str(number) for number in range(len(value))] or (None,)
    return (None,)


def find_fault(record: Mapping[str, Any], rules: RecordParameters, each: str | None) -> tuple[str, str] | None:
    """The reason for which a record, or a row of it, is not even looked at, and what was found; None where there is none."""
    if fault := find_exclusion(record, rules.only) or find_rejection(record, rules.reject, each):
        return fault
    if each is not None or isinstance(rules.each, list):
        return None
    value = find_value(record, rules.each.path or "")
    if rules.each.optional and not isinstance(value, list):
        return None
    if isinstance(value, list) and value:
        return "too many rows", f"{len(value)} in '{rules.each.path}', at most {rules.most_rows}; raise `most_rows`"
    return "missing field", f"'{rules.each.path}' holds no list with items"


def find_exclusion(record: Mapping[str, Any], only: Mapping[str, list[str]]) -> tuple[str, str] | None:
    """Why a record is not among those wanted, or None."""
    for path, allowed in sorted(only.items()):
        value = find_value(record, path)
        if str(value) not in allowed:
            return "outside the recipe", f"{path} = {value}"
    return None


def find_rejection(
    record: Mapping[str, Any], rules: Mapping[str, Mapping[str, str]], each: str | None
) -> tuple[str, str] | None:
    """The reason for which a row is rejected by a value of its own, and the value; None where none speaks against it."""
    for path, reasons in rules.items():
        filled = fill_path(path, record, each)
        value = find_value(record, filled)
        spelt = "null" if value is None else str(value)
        if reason := reasons.get(spelt, reasons.get("*", "") if value is not None else ""):
            return reason, f"{filled} = {spelt[:200]}"
    return None
