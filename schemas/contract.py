"""Contracts: what a table's columns are, declared once.

Everything that speaks of a table's columns is made from these records: the
Polars and Arrow schemas, the check between stages and the documentation (see
`schemas.frames`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from schemas.errors import ApplicationError

Kind = Literal[
    "string", "integer", "number", "boolean", "strings", "integers", "numbers", "booleans", "record", "records",
]  # fmt: skip


class ContractError(ApplicationError, ValueError):
    """A table does not keep its contract; the message names table, column and rows."""


@dataclass(frozen=True)
class Column:
    """One column of a table: its name, type and meaning, and which values it may hold."""

    name: str
    """The column's name."""
    kind: Kind
    """The type of its values; the plurals are lists, in which only those of numbers may have a null, a record has fields."""
    meaning: str
    """One sentence a reader of the data understands, with the unit where there is one."""
    nullable: bool = False
    """Whether a row may leave it empty; the meaning then says what that means."""
    at_least: float | None = None
    """The smallest number allowed, in a list of numbers too (of `strings`: the smallest length of the list)."""
    at_most: float | None = None
    """The largest number allowed, in a list of numbers too."""
    one_of: tuple[str, ...] = ()
    """The only values allowed, where they can be listed."""
    pattern: str | None = None
    """A regular expression that the whole value matches."""
    fields: tuple[Column, ...] = ()
    """The fields of a record."""
    released: bool = True
    """Whether a release shows it; gold that labels are measured by is kept out of what others train on."""


@dataclass(frozen=True)
class Contract:
    """A table's columns, in order, and the one that is its key."""

    name: str
    """What a row is: problems, solutions, …"""
    meaning: str
    """One sentence about the table."""
    columns: tuple[Column, ...]
    """The columns in their order in the file."""
    key: str
    """The column whose values are unique in the table."""

    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def without(self, *columns: Column) -> Contract:
        """This contract without columns of these names."""
        names = {column.name for column in columns}
        return replace(self, columns=tuple(column for column in self.columns if column.name not in names))

    def as_released(self) -> Contract:
        """This contract with the columns alone that a release shows."""
        return replace(self, columns=tuple(column for column in self.columns if column.released))

    def having(self, *columns: Column) -> Contract:
        """This contract with columns appended; one that bears a known name replaces it."""
        added = {column.name for column in columns}
        kept = tuple(column for column in self.columns if column.name not in added)
        return replace(self, columns=kept + columns)


REASON = Column("reason", "string", "Why the row was rejected, in the words of the task; rows are counted by it.")
DETAIL = Column("detail", "string", "What was found in this very row; empty where the reason says all.", nullable=True)


def loosen_column(column: Column) -> Column:
    """A column of the same type in which everything goes."""
    return Column(
        column.name, column.kind, column.meaning, nullable=True, fields=column.fields, released=column.released
    )


def make_rejected_contract(contract: Contract) -> Contract:
    """The contract of the rows rejected from a table: its own columns (unchecked), a reason and a detail."""
    loose = tuple(loosen_column(column) for column in contract.columns)
    return replace(contract, name=f"rejected {contract.name}", columns=loose).having(REASON, DETAIL)
