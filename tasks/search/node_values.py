"""What steps are worth, told from the nodes of a search: of each node, or of the solutions that end in the tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import polars as pl

from schemas.columns.nodes import NODE_COLUMNS, NODE_ID
from schemas.columns.problems import ASKED_COLUMNS, COMPLETION_COLUMNS, SOLUTION_ID, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.columns.values import STEP_VALUE_COLUMNS, VALUE_COLUMNS
from schemas.contract import Contract
from schemas.frames import Why, reject_rows, to_polars_schema
from schemas.task import Outcome
from tasks.localize.step_values import compute_rest_value, label_sorm
from tasks.sources.content_ids import identify_solution

Row = Mapping[str, Any]
_ADDED = (
    SOLUTION_ID, *COMPLETION_COLUMNS, ASKED_COLUMNS[0], *STEP_COLUMNS, VERDICT_COLUMNS[0], *VALUE_COLUMNS,
)  # fmt: skip
UNTRIED: Why = ("a step before it was not tried", None)
_OWN = {column.name for column in (NODE_ID, *NODE_COLUMNS)}


class NodeTrees:
    """The nodes of some problems, of which each knows the one before it."""

    def __init__(self, part: pl.DataFrame) -> None:
        self.rows = part.to_dicts()
        self.by_id = {row["node_id"]: row for row in self.rows}

    @cached_property
    def fewest(self) -> dict[tuple[str, ...], int]:
        """By tree the fewest steps from the problem to a right answer."""
        fewest: dict[tuple[str, ...], int] = {}
        for row in self.rows:
            if row["steps_left"] is not None:
                tree, steps = _name_tree(row), row["depth"] + row["steps_left"]
                fewest[tree] = min(steps, fewest.get(tree, steps))
        return fewest

    def find_parent(self, row: Row) -> Row | None:
        """The node before a node; None where that is the problem, or it was left out of the table."""
        return self.by_id.get(row["parent_id"])

    def find_before(self, row: Row) -> float | None:
        """The share that succeeds from just before a node's step; None where nobody began there."""
        if row["parent_id"] is None:
            return row["right_rate"] if row["depth"] == 1 else None
        parent = self.find_parent(row)
        return parent["q"] if parent and parent["depth"] == row["depth"] - 1 else None

    def list_path(self, row: Row) -> list[Row]:
        """The nodes from the problem to a node, itself the last."""
        path, at = [row], self.find_parent(row)
        while at:
            path.append(at)
            at = self.find_parent(at)
        return path[::-1]

    def is_tried(self, row: Row) -> bool:
        """Whether there is a node for each step from the problem to a node."""
        return bool(len(self.list_path(row)) == row["depth"])

    def compute_rest(self, row: Row) -> float:
        """ReST-MCTS*'s value of a node all of whose steps were tried."""
        value = 0.0
        left = self.fewest.get(_name_tree(row), 1)
        for node in self.list_path(row):
            if node["steps_left"] is not None:
                left = node["steps_left"] + 1
            value = compute_rest_value(value, node["steps_left"] is not None, left)
        return value


def _name_tree(row: Row) -> tuple[str, ...]:
    return row["problem_id"], row["model"], row["sampling"]


def add_step_values(part: pl.DataFrame) -> Outcome:
    """Adds its values to each node.

    Args:
        part: All nodes of some problems.

    Returns:
        The nodes all of whose steps were tried, one after the other; the others are rejected.

    """
    trees = NodeTrees(part)
    why: list[Why | None] = [None if trees.is_tried(row) else UNTRIED for row in trees.rows]
    added = [
        {"q_before": (before := trees.find_before(row)), "advantage": row["q"] - (before or 0.0), "rest_value": trees.compute_rest(row)}
        for row, reason in zip(trees.rows, why)
        if reason is None
    ]  # fmt: skip
    schema = to_polars_schema(Contract("values", "", STEP_VALUE_COLUMNS, ""))
    kept = part.filter([reason is None for reason in why]).drop(schema, strict=False)
    return Outcome(kept.hstack(pl.DataFrame(added, schema=schema)), reject_rows(part, why))


def list_valued_solutions(part: pl.DataFrame) -> Outcome:
    """The solutions that end in trees, with the values of their steps.

    Args:
        part: All nodes of some problems.

    Returns:
        A row for each node at which a solution ends; the others are rejected, and those whose steps were not all tried.

    """
    trees = NodeTrees(part)
    why = [_find_fault(trees, row) for row in trees.rows]
    kept = [
        {**{name: value for name, value in row.items() if name not in _OWN}, **_describe(trees, row)}
        for row, reason in zip(trees.rows, why)
        if reason is None
    ]
    problem = {name: kind for name, kind in part.schema.items() if name not in _OWN}
    schema = {**problem, **to_polars_schema(Contract("", "", _ADDED, ""))}
    return Outcome(pl.DataFrame(kept, schema=schema), reject_rows(part, why))


def _find_fault(trees: NodeTrees, row: Row) -> Why | None:
    """Why no solution with values ends at a node; None where one does."""
    if not row["is_end"]:
        return "no solution ends there", None
    if row["verdict"] == "undecided":
        return "verdict undecided", None
    return None if trees.is_tried(row) else UNTRIED


def _describe(trees: NodeTrees, row: Row) -> dict[str, Any]:
    """The columns of a solution that ends at a node."""
    path, right = trees.list_path(row), row["verdict"] == "right"
    steps, q = [*row["steps_before"], row["step"]], [node["q"] for node in path]
    before = [trees.find_before(node) for node in path]
    by = (row["problem_id"], row["model"], row["sampling"])
    return {
        "solution_id": identify_solution(*by, 0, row["text"]), "model": row["model"], "sampling": row["sampling"], "sample": 0,
        "text": row["text"], "rationale": row["text"], "request_id": row["request_id"], "steps": steps, "step_rule": row["step_rule"],
        "verdict": row["verdict"], "q_before": before, "q": q, "right_rate": row["right_rate"],
        "advantage": [share - (was or 0.0) for was, share in zip(before, q, strict=True)],
        "sorm": label_sorm(steps, q), "rest_value": [trees.compute_rest(node) for node in path],
        "outcome": 1 if right else -1, "ovm": [int(right)] * len(q),
    }  # fmt: skip


def make_solution_contract(given: Contract) -> Contract:
    """The contract of the solutions that end in trees.

    Args:
        given: The contract of nodes.

    Returns:
        The problem's columns, those of a solution, and the values.

    """
    kept = tuple(column for column in given.columns if column.name not in _OWN)
    contract = Contract("solutions", "One solution a row that ends in a search tree.", kept, SOLUTION_ID.name)
    keyed = replace(contract, columns=(SOLUTION_ID, *contract.without(SOLUTION_ID).columns))
    return keyed.having(*(column for column in _ADDED if column is not SOLUTION_ID))
