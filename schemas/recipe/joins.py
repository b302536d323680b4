"""Joins: what is known of a table's named inputs before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.contract import Contract
from schemas.task import Input


@dataclass(frozen=True)
class NamedInput:
    """A table in the place of an input that a task knows by name."""

    input: Input
    table: str
    contract: Contract


def join_contracts(contracts: Sequence[Contract]) -> Contract:
    """The contract of joined rows: the columns of the first, and of each other those that none before it has."""
    joined = contracts[0]
    for contract in contracts[1:]:
        joined = joined.having(*(column for column in contract.columns if column.name not in joined.names()))
    return joined


def find_join_faults(task: str, inputs: Sequence[NamedInput]) -> Iterator[tuple[str, str]]:
    """Find why tables cannot be joined.

    Args:
        task: The task that joins them.
        inputs: Its inputs, in its order.

    Yields:
        The name of an input, and what is wrong with it.

    """
    first = inputs[0]
    for named in inputs:
        lacking = [f"'{name}'" for name in named.input.needs if name not in named.contract.names()]
        if lacking:
            needed = (
                f"table '{named.table}' has no {', '.join(lacking)}, which '{named.input.name}' of task '{task}' needs"
            )
            yield named.input.name, f"{needed}; put a task that makes them before"
        if named.contract.key != first.contract.key:
            keys = (
                f"table '{first.table}' has the key '{first.contract.key}' and '{named.table}' '{named.contract.key}'"
            )
            yield named.input.name, f"{keys}; join tables that are made from the same rows"
    for i, named in enumerate(inputs):
        for other in inputs[:i]:
            yield from _find_clashes(other, named)


def _find_clashes(first: NamedInput, other: NamedInput) -> Iterator[tuple[str, str]]:
    """Find columns that both have, and that are not the same: those that one of them is asked for, or of other types."""
    columns = {column.name: column for column in first.contract.columns}
    needed = {*first.input.needs, *other.input.needs}
    for column in other.contract.columns:
        known = columns.get(column.name)
        if known is None:
            continue
        if column.name in needed:
            both = f"tables '{first.table}' and '{other.table}' both have '{column.name}'"
            yield other.input.name, f"{both}; make each from a table without it, or name one that has all in `from`"
            return
        if (known.kind, known.fields) != (column.kind, column.fields):
            kinds = f"column '{column.name}' is {known.kind} in '{first.table}' and {column.kind} in '{other.table}'"
            yield other.input.name, f"{kinds}; make both from the same table"
