"""A declared view at work: what its fields are, given a table, and the row that they make of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from schemas.contract import Column, Kind
from schemas.recipe.view import RefusedRows, ViewDeclaration, ViewField, read_template
from tasks.inject.filters import LEAKS
from tasks.views.derived import DERIVED
from tasks.views.format import Format
from tasks.views.rows import Row, Style, Unfit

SINGULAR: dict[Kind, Kind] = {"strings": "string", "integers": "integer", "numbers": "number", "booleans": "boolean", "records": "record"}  # fmt: skip
PLURAL = {one: many for many, one in SINGULAR.items()}
NUMBER = Column("number", "integer", "The number of the item, counted from 1.")
Columns = Mapping[str, Column]


def make_format(view: ViewDeclaration) -> Format:
    """A declared view as the task `view` works with it."""
    return Format(
        needs=tuple(
            dict.fromkeys(
                column for form in (False, True) if view.choose_fields(form) for column in list_needs(view, form)
            )
        ),
        columns=lambda style, given: list_columns(
            view, style.conversational, {column.name: column for column in given.columns}
        ),
        make=lambda row, style: make_row(view, row, style),
        key=view.key,
        meaning=view.title,
        conversational=bool(view.conversational),
        cuts=is_cut(view),
        of_items=view.rows[0] if view.rows else "",
    )


def list_needs(view: ViewDeclaration, conversational: bool) -> tuple[str, ...]:
    """The columns that a table must have for a view."""
    fields = view.choose_fields(conversational).values()
    named = dict.fromkeys(view.rows)
    named |= dict.fromkeys(name for field in fields for name in field.list_columns())
    named |= dict.fromkeys(name for refusal in view.refuse for name in refusal.in_)
    return tuple(
        dict.fromkeys(
            column
            for name in named
            if not (view.rows and name == NUMBER.name)
            for column in (DERIVED[name].needs if name in DERIVED else (name,))
        )
    )


def is_cut(view: ViewDeclaration) -> bool:
    """Whether steps behind the first wrong one can be cut or kept in it."""
    return any(
        name in DERIVED and DERIVED[name].by_style for field in view.fields.values() for name in field.list_columns()
    )


def list_columns(view: ViewDeclaration, conversational: bool, given: Columns) -> tuple[Column, ...]:
    """The columns of a view's rows, given those of the table."""
    fields = view.choose_fields(conversational)
    known = _Known(given)
    if view.rows:
        known = _list_items(view.rows, known)
    return tuple(make_column(name, field, known) for name, field in fields.items() if not _is_absent(field, given))


def _is_absent(field: ViewField, given: Columns | Row) -> bool:
    needs = DERIVED[field.column].needs if field.column in DERIVED else (field.column,)
    return field.absent and not all(name in given for name in needs)


class _Known(dict[str, Column]):
    """The columns that a field may name: the table's, the values derived from them, and items of lists."""

    def __missing__(self, name: str) -> Column:
        if name in DERIVED:
            return DERIVED[name].column
        raise KeyError(name)


def make_column(name: str, field: ViewField, known: Columns) -> Column:
    """The column that a field is, given those that it may name."""
    column = _make_item(name, field, _list_items(field.each, known) if field.each else known)
    if field.each and field.join is None:
        column = Column(name, PLURAL[column.kind], column.meaning, fields=column.fields)
    return replace(column, meaning=field.meaning or column.meaning or f"The {name.replace('_', ' ')}.")


def _make_item(name: str, field: ViewField, known: Columns) -> Column:
    if field.text is not None:
        return Column(name, "string", "")
    if field.record is not None:
        return Column(
            name, "record", "", fields=tuple(make_column(inner, part, known) for inner, part in field.record.items())
        )
    if field.list is not None:
        parts = [make_column(name, part, known) for part in field.list]
        return Column(name, PLURAL[parts[0].kind], "", fields=parts[0].fields)
    if field.column is None:
        return Column(name, field.type or _find_kind(field.constant), "", nullable=field.constant is None)
    if field.optional and field.column not in known and field.column not in DERIVED:
        assert field.type is not None  # the declaration has one
        return Column(name, field.type, "", nullable=True)
    column = known[field.column]
    if field.map is not None:
        values = [*field.map.values(), *([field.otherwise] if "otherwise" in field.model_fields_set else [])]
        return Column(
            name,
            field.type or _find_kind(next(value for value in values if value is not None)),
            "",
            nullable=None in values,
        )
    return replace(column, name=name)


def _list_items(each: Sequence[str], known: Columns) -> _Known:
    """The columns that a field for each item of lists may name: the table's, with an item in place of each list."""
    items = {}
    for name in each:
        column = known[name]
        items[name] = replace(column, kind=SINGULAR[column.kind], nullable=False, at_least=None)
    return _Known({**known, **items, NUMBER.name: NUMBER})


def _find_kind(value: object) -> Kind:
    kinds: dict[type, Kind] = {str: "string", bool: "boolean", int: "integer", float: "number"}
    return kinds[type(value)]


class Scope:
    """The values that a field may name in one row: its columns, what is derived from them, and items of lists."""

    def __init__(self, row: Row, style: Style) -> None:
        self.values = dict(row)
        self.row, self.style = row, style

    def __getitem__(self, name: str) -> Any:
        if name in DERIVED and name not in self.values:
            self.values[name] = DERIVED[name].make(self.row, self.style)
        return self.values[name]

    def within(self, items: Mapping[str, Any]) -> Scope:
        """The same with items in place of lists."""
        inner = Scope(self.row, self.style)
        inner.values = {**self.values, **items}
        return inner


def make_row(view: ViewDeclaration, row: Row, style: Style) -> Row | list[Row | Unfit]:
    """A row of a view, or one for each item of its lists; raises `Unfit` where the view cannot hold it."""
    scope = Scope(row, style)
    if not view.rows:
        return _make_fields(view, row, scope)
    rows: list[Row | Unfit] = []
    if not scope[view.rows[0]]:
        raise Unfit("an empty list", view.rows[0])
    for items in _list_scopes(view.rows, scope):
        try:
            rows.append(_make_fields(view, row, items))
        except Unfit as unfit:
            rows.append(unfit)
    return rows


def _list_scopes(each: Sequence[str], scope: Scope) -> list[Scope]:
    """The values that a field may name, for each item of lists."""
    lists = [scope[name] for name in each]
    if any(items is None for items in lists) or len({len(items) for items in lists}) > 1:
        raise Unfit("lists of several lengths", ", ".join(each))
    return [
        scope.within({**dict(zip(each, items)), NUMBER.name: number}) for number, items in enumerate(zip(*lists), 1)
    ]


def _make_fields(view: ViewDeclaration, row: Row, scope: Scope) -> Row:
    style = scope.style
    made = {
        name: _make_value(field, scope)
        for name, field in view.choose_fields(style.conversational).items()
        if not _is_absent(field, row)
    }
    for refusal in view.refuse:
        _refuse(refusal, scope)
    return made


def _refuse(refusal: RefusedRows, scope: Scope) -> None:
    for name in refusal.in_:
        value = scope[name]
        for text in [value] if isinstance(value, str) else value or ():
            if refusal.contains is not None and refusal.contains in text:
                raise Unfit(refusal.reason, f"{refusal.contains} stands in the text")
            if refusal.leaks and (match := LEAKS.search(text)):
                raise Unfit(refusal.reason, f"{match[0].strip()[:40]} stands in the text")


def _make_value(field: ViewField, scope: Scope) -> Any:
    if not field.each:
        return _make_plain(field, scope)
    made = [_make_plain(field, items) for items in _list_scopes(field.each, scope)]
    return made if field.join is None else field.join.join(made)


def _make_plain(field: ViewField, scope: Scope) -> Any:
    if field.text is not None:
        parts = {name: _make_value(part, scope) for name, part in field.parts.items()}
        return format_template(field.text, scope.within(parts) if parts else scope)
    if field.record is not None:
        return {name: _make_value(part, scope) for name, part in field.record.items()}
    if field.list is not None:
        return [_make_value(part, scope) for part in field.list]
    if field.column is None:
        return field.constant
    if field.optional and field.column not in DERIVED and field.column not in scope.values:
        return None
    value = scope[field.column]
    return value if field.map is None else _map_value(field, value)


def _map_value(field: ViewField, value: Any) -> Any:
    assert field.map is not None
    key = (
        {True: "true", False: "false", None: "null"}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )
    if key in field.map or "otherwise" in field.model_fields_set:
        return field.map.get(key, field.otherwise)
    raise Unfit("a value that the view does not know", f"{field.column} is {key[:40]!r}")


def format_template(template: str, scope: Scope) -> str:
    """A template with a row's values in its places; raises `Unfit` where a value is null."""
    pieces = []
    for literal, name, filter_ in read_template(template):
        pieces.append(literal)
        if name:
            value = scope[name]
            if value is None:
                raise Unfit("a value that the view needs is empty", name)
            pieces.append(_filter_value(value, filter_))
    return "".join(pieces)


def _filter_value(value: Any, filter_: str) -> str:
    if filter_ == "sign":
        return "+" if value else "-"
    if filter_ == "line":
        return " ".join(str(value).split("\n"))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(str(item) for item in value)
    return str(value).strip() if filter_ == "strip" else str(value)
