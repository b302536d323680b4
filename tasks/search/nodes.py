"""`nodes`: the states of search trees, a row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from schemas.columns.nodes import NODE_COLUMNS, NODE_ID, TREE_COLUMNS
from schemas.contract import Contract
from schemas.frames import Why, reject_rows, to_polars_schema
from schemas.task import Outcome, Parameters, PerRow
from tasks.sources.content_ids import digest

_OWN = {column.name for column in (NODE_ID, *TREE_COLUMNS)}


class NodesParameters(Parameters):
    """Parameters of `nodes`."""


def list_nodes(part: pl.DataFrame, _: NodesParameters) -> Outcome:
    """A row for each state of each tree.

    Args:
        part: Trees, as `search` makes them.

    Returns:
        The states, each with its problem and its steps; those of which no try is decided are rejected, and trees without a state.

    """
    kept: list[dict[str, Any]] = []
    dropped: list[tuple[int, Why]] = []
    for i, row in enumerate(part.iter_rows(named=True)):
        nodes = _list_states(row)
        kept += [node for node in nodes if node["tried"]]
        dropped += [
            (i, ("no rollout from there is decided", f"{node['unclear']} from step {node['depth']} are not"))
            for node in nodes
            if not node["tried"]
        ]
        dropped += [] if nodes else [(i, ("no state but the problem", None))]
    schema = {name: kind for name, kind in part.schema.items() if name not in _OWN}
    schema |= to_polars_schema(Contract("", "", (NODE_ID, *NODE_COLUMNS), ""))
    return Outcome(
        pl.DataFrame(kept, schema=schema), reject_rows(part[[i for i, _ in dropped]], [why for _, why in dropped])
    )


def _list_states(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The states of a tree; what goes on from one of which no try is decided goes on from the state before that."""
    shared = {name: value for name, value in row.items() if name not in _OWN}
    shared |= {name: row[name] for name in ("right_rate", "model", "sampling")}
    nodes: list[dict[str, Any]] = []
    ids: list[str | None] = []
    for state in row["nodes"]:
        before = nodes[state["parent"]] if state["parent"] is not None else None
        steps = [*([*before["steps_before"], before["step"]] if before else []), *state["steps"]]
        own = {key: value for key, value in state.items() if key not in ("parent", "steps")}
        end = ["end"] if state["is_end"] else []
        name = digest("node", row["problem_id"], row["model"], row["sampling"], *steps, *end)
        parent = ids[state["parent"]] if before else None
        ids.append(name if state["tried"] else parent)
        nodes.append(
            {
                **shared, **own, "node_id": name, "parent_id": parent, "depth": len(steps), "steps_before": steps[:-1], "step": steps[-1],
                "q": state["succeeded"] / max(1, state["tried"]), "on_right_path": state["steps_left"] is not None,
            }
        )  # fmt: skip
    return nodes


def _count_nodes(_: NodesParameters) -> Callable[[pl.DataFrame], int]:
    """The rows that trees stand for: as many as they have states, and a tree without any itself."""
    return lambda part: sum(max(1, count) for count in part["nodes"].list.len())


def _makes(_: NodesParameters, given: Contract) -> Contract:
    kept = tuple(column for column in given.columns if column.name not in _OWN)
    return Contract(
        "nodes", "One state of a search tree a row.", (NODE_ID, *kept, *NODE_COLUMNS), NODE_ID.name
    )  # fmt: skip


NODES = PerRow(
    name="nodes",
    summary="Lists the states of search trees, a row each, with how often they were tried and how often that succeeded.",
    version="1",
    parameters=NodesParameters,
    needs=("problem_id", *(column.name for column in TREE_COLUMNS)),
    makes=_makes,
    run=list_nodes,
    rows_of=_count_nodes,
)
