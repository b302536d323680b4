"""Views: the row formats of trainers, benchmarks and papers, as documents that a recipe names.

A field of a row is a column of the table (or a value derived from it), a text
with columns in it, a constant, a record or a list of fields, or one of these for each item
of lists that run side by side. There is no code in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from schemas.contract import Kind
from schemas.recipe.declaration import parse_declaration

NAME = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"
COLUMN = r"^[A-Za-z_@#][\w@#.-]{0,99}$"
Filter = Literal["strip", "line", "lines", "sign"]
"""What a template may do to a value: without white space around it; in one line; the items of a list, a line each; + or -."""
_PLACE = re.compile(r"([a-z_][a-z0-9_]{0,62})(?:\|([a-z_]+))?")
_FILTERS: frozenset[str] = frozenset(Filter.__args__)  # type: ignore[attr-defined]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@lru_cache(maxsize=4096)
def read_template(template: str) -> tuple[tuple[str, str, str], ...]:
    """The pieces of a template: the literal text, and the column and filter of the place behind it (empty at its end).

    Args:
        template: A text with `{column}` or `{column|filter}` in it; `{{` and `}}` are braces.

    Returns:
        Literal, column and filter of each.

    Raises:
        ValueError: A place names no column, or a filter that is none.

    """
    pieces = []
    for literal, place, spec, conversion in Formatter().parse(template):
        match = _PLACE.fullmatch(place or "")
        if place is None:
            pieces.append((literal, "", ""))
        elif match is None or spec or conversion:
            raise ValueError(f"{{{place[:40]}}} is no place of a template; write {{column}} or {{column|filter}}")
        elif match[2] and match[2] not in _FILTERS:
            raise ValueError(f"unknown filter '{match[2]}'; there are {', '.join(sorted(_FILTERS))}")
        else:
            pieces.append((literal, match[1], match[2] or ""))
    return tuple(pieces)


class ViewField(_Declared):
    """One field of a row: where its value comes from, in exactly one way, and what it means."""

    column: str | None = Field(None, description="The column, or derived value, that it is.")
    optional: bool = Field(False, description="Null where the table has no such column; `type` says of what type.")
    absent: bool = Field(False, description="Left out where the table has no such column.")
    map: dict[str, str | int | float | bool | None] | None = Field(
        None, description="What stands for each value of the column; others are refused."
    )
    otherwise: str | int | float | bool | None = Field(
        None, description="What stands for the values that `map` does not name."
    )
    text: str | None = Field(None, description="A text with {column} or {column|filter} in it.")
    parts: dict[str, ViewField] = Field({}, description="Texts of its own that the text names, beside columns.")
    constant: str | int | float | bool | None = Field(None, description="The same in every row; null needs a `type`.")
    record: dict[str, ViewField] | None = Field(None, description="Fields of a record.")
    list: tuple[ViewField, ...] | None = Field(None, description="Fields of one type, as a list.")
    each: tuple[str, ...] = Field(
        (),
        description="Columns that are lists of one length: `column`, `text` or `record` is made for each item of them.",
    )
    join: str | None = Field(None, description="Between the texts of `each`, which then are one text.")
    type: Kind | None = Field(None, description="The type, where the source does not say it.")
    meaning: str = Field(
        "", description="What it is, for readers of a release, where the column's own words do not fit."
    )

    @model_validator(mode="before")
    @classmethod
    def _read_short(cls, value: object) -> object:
        if isinstance(value, str):
            return {"column": value}
        if isinstance(value, dict):
            return {
                key: tuple(part) if key in ("list", "each") and isinstance(part, list) else part
                for key, part in value.items()
            }
        return value

    @model_validator(mode="after")
    def _has_one_source(self) -> ViewField:
        given = [name for name in ("column", "text", "constant", "record", "list") if name in self.model_fields_set]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"a field has one of column, text, constant, record and list, found {found}")
        if self.text is not None:
            read_template(self.text)
        if self.parts and self.text is None:
            raise ValueError("`parts` are for `text`; give it, or leave them out")
        if ("otherwise" in self.model_fields_set) and self.map is None:
            raise ValueError("`otherwise` is for `map`; give it, or leave it out")
        if self.join is not None and not (self.each and self.text is not None):
            raise ValueError("`join` is for texts of `each`; give both, or leave it out")
        untyped = (given == ["constant"] and self.constant is None) or self.optional
        if untyped and self.type is None:
            raise ValueError("has no type of its own where it is null; add `type`")
        return self

    def list_columns(self) -> Iterator[str]:
        """The columns that it is made of, those that may be missing from the table aside."""
        yield from self.each
        own = [self.column] if self.column and not (self.optional or self.absent) else []
        own += [column for _, column, _ in read_template(self.text or "") if column]
        for part in (*(self.record or {}).values(), *(self.list or ()), *self.parts.values()):
            own += part.list_columns()
        yield from (
            column
            for column in own
            if column not in (*self.each, *self.parts) and not (self.each and column == "number")
        )


class RefusedRows(_Declared):
    """Rows that the view cannot hold."""

    in_: tuple[str, ...] = Field(alias="in", min_length=1, description="The columns that are looked at.")
    contains: str | None = Field(None, min_length=1, description="A text that must not stand in any of them.")
    leaks: bool = Field(False, description="Words that give a mistake away must not stand in any of them.")
    reason: str = Field(min_length=1, max_length=80, description="Why such a row is rejected.")

    @model_validator(mode="before")
    @classmethod
    def _read_lists(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("in"), list):
            return {**value, "in": tuple(value["in"])}
        return value

    @model_validator(mode="after")
    def _has_one_ground(self) -> RefusedRows:
        if (self.contains is None) == (not self.leaks):
            raise ValueError("a refusal has one of `contains` and `leaks`")
        return self


class SampleRow(_Declared):
    """A made-up row of a table, and the row that the view makes of it: its fields' names, order and types are the format's own."""

    given: dict[str, Any] = Field(description="The columns of the table's row that the view looks at.")
    row: dict[str, Any] = Field(description="The row of the view.")


class ViewDeclaration(_Declared):
    """A row format: its fields in order, what it reads, and where it comes from."""

    view: str = Field(pattern=NAME, description="Its name: lower-case letters, digits and -.")
    title: str = Field(min_length=1, description="What a row is, in a sentence for readers of a release.")
    paper: str = Field("", exclude=True, description="Whose format it is, with where to read of it.")
    of: str = Field(
        "solutions", description="The tables it reads, as people call their rows; what counts are the columns."
    )
    trl: str = Field("", description="The trainer of TRL that reads it.")
    key: str = Field("solution_id", pattern=COLUMN, description="The field whose values are unique.")
    rows: tuple[str, ...] = Field(
        (),
        description="Columns that are lists of one length: there is a row for each item of them, in which they are the item and "
        "`number` counts them from 1.",
    )
    fields: dict[Annotated[str, Field(pattern=COLUMN)], ViewField] = Field(min_length=1, max_length=200)
    conversational: dict[Annotated[str, Field(pattern=COLUMN)], ViewField] = Field(
        {},
        max_length=200,
        description="All its fields where texts are lists of messages; empty where it has no such form.",
    )
    refuse: tuple[RefusedRows, ...] = Field((), description="Rows that it cannot hold.")
    sample: SampleRow = Field(exclude=True, description="A made-up row.")

    @model_validator(mode="before")
    @classmethod
    def _read_lists(cls, value: object) -> object:
        if isinstance(value, dict):
            lists = {key: tuple(value[key]) for key in ("refuse", "rows") if isinstance(value.get(key), list)}
            return {**value, **lists}
        return value

    @model_validator(mode="after")
    def _has_its_key(self) -> ViewDeclaration:
        if any(self.key not in fields for fields in (self.fields, self.conversational) if fields):
            raise ValueError(f"key: '{self.key}' is no field of it")
        return self

    def choose_fields(self, conversational: bool) -> dict[str, ViewField]:
        """The fields of a form, in order."""
        return self.conversational if conversational else self.fields


Find = Callable[[str], ViewDeclaration]
"""Finds a view by what a recipe calls it; raises ValueError where there is none."""


def parse_view(text: str, file: str) -> ViewDeclaration:
    """The view that a YAML text declares; raises `RecipeError` with a line for each fault."""
    return parse_declaration(ViewDeclaration, "view", text, file)


def resolve_view(value: object, info: ValidationInfo) -> object:
    """A view named in a recipe, as the recipe's reader finds it."""
    if not isinstance(value, str):
        return value
    find: Find | None = (info.context or {}).get("views")
    if find is None:
        raise ValueError(f"view {value[:60]!r} cannot be looked up here; give the view itself")
    return find(value)
