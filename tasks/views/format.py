"""A row format as the task `view` works with it, whether it is declared or coded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.contract import Column, Contract
from tasks.views import columns as c
from tasks.views.rows import Row, Style, Unfit


@dataclass(frozen=True)
class Format:
    """A row format."""

    needs: tuple[str, ...]
    """The columns that rows must have."""
    columns: Callable[[Style, Contract], tuple[Column, ...]]
    """Its own columns, given how it is written and the contract of the rows."""
    make: Callable[[Row, Style], Row | Sequence[Row | Unfit]]
    """A row in the format, or its several, of which some may be unfit; raises `Unfit`."""
    key: str = "solution_id"
    """The column that tells its rows apart."""
    rows: int = 1
    """How many rows it makes of one."""
    of_items: str = ""
    """The list of whose items it makes a row each, where it does."""
    meaning: str = "One solution a row, in the format of that name."
    """What a row is, for readers of a release."""
    conversational: bool = False
    """Whether trainers read it as lists of messages, too."""
    cuts: bool = False
    """Whether steps behind the first wrong one can be cut or kept."""


def make_text_columns(style: Style, *named: Column) -> tuple[Column, ...]:
    """Columns of texts, or the same as conversations."""
    if not style.conversational:
        return named
    return tuple(Column(column.name, "records", column.meaning, fields=c.MESSAGE) for column in named)


def fix_columns(*named: Column) -> Callable[[Style, Contract], tuple[Column, ...]]:
    """These columns, however the view is written."""
    return lambda _, __: named
