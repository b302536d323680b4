"""`values`: what each step of a solution is worth, told from the shares of rollouts that succeed before and behind it.

Sources: advantages as in RL on incorrect synthetic data (arXiv 2406.14532);
the stepwise outcome labels of GLoRe (SORM, arXiv 2402.10963); the values of
ReST-MCTS* (arXiv 2406.03816), AlphaMath (arXiv 2405.03553) and OVM (arXiv
2311.09724); the trees of OmegaPRM (arXiv 2406.06592); the rates of NFT (arXiv
2505.18116).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.columns.values import STEP_VALUE_COLUMNS, VALUE_COLUMNS, VALUE_TREES
from schemas.contract import Contract
from schemas.frames import Why, reject_rows, to_polars_schema
from schemas.task import Outcome, Parameters, PerProblem
from tasks.llm.question import format_question
from tasks.localize.step_values import compute_rest_values, label_sorm
from tasks.search.node_values import add_step_values, list_valued_solutions, make_solution_contract
from tasks.search.tree import DEEPEST

Row = Mapping[str, Any]


class ValuesParameters(Parameters):
    """Parameters of `values`."""

    per: Literal["solution", "problem", "step"] = Field(
        "solution",
        description="solution adds the values to each (of nodes: makes a row of each solution that ends in the tree); problem makes "
        "one row of each problem, with all its solutions and the tree of their steps; step, of nodes, adds the values to each.",
    )


def compute_values(part: pl.DataFrame, parameters: ValuesParameters) -> Outcome:
    """Adds the values to each solution or node, or gathers those of a problem in one row.

    Args:
        part: All solutions of some problems, with the share of successes behind each step; or all nodes of their trees.
        parameters: Whether there is a row for each solution, each problem or each node.

    Returns:
        Solutions without a share for each step, or without a verdict, are rejected; where problems are gathered, those that are
        in their problem's row are, too.

    """
    if "node_id" in part.columns:
        return add_step_values(part) if parameters.per == "step" else list_valued_solutions(part)
    rows = part.to_dicts()
    why: list[Why | None] = [_find_fault(row, parameters) for row in rows]
    problems: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if why[i] is None:
            problems.setdefault(row["problem_id"], []).append(i)
    added: dict[int, dict[str, Any]] = {}
    for indices in problems.values():
        rate = sum(rows[i]["verdict"] == "right" for i in indices) / len(indices)
        if parameters.per == "solution":
            added |= {i: {**_compute_solution(rows[i]), "right_rate": rate} for i in indices}
        else:
            added[indices[0]] = _gather([rows[i] for i in indices], rate)
            for i in indices[1:]:
                why[i] = ("in the row of its problem", None)
    kept = [added[i] for i in sorted(added)]
    if parameters.per == "solution":
        frame = pl.DataFrame(kept, schema=to_polars_schema(Contract("values", "", VALUE_COLUMNS, "")))
        values = part[sorted(added)].drop(frame.columns, strict=False).hstack(frame)
    else:
        values = pl.DataFrame(kept, schema=to_polars_schema(VALUE_TREES))
    return Outcome(values, reject_rows(part, why))


def _find_fault(row: Row, parameters: ValuesParameters) -> Why | None:
    """Why nothing can be said of a solution's steps; None where it can."""
    if parameters.per == "problem" and len(row["steps"]) > DEEPEST:
        return "more steps than a tree has levels", f"{len(row['steps'])}, and {DEEPEST} are read"
    if row["verdict"] not in ("right", "wrong"):
        return "verdict undecided", None
    soft = row["soft"]
    if not soft or len(soft) != len(row["steps"]):
        return "no share for each step", f"{len(soft or ())} of {len(row['steps'])}"
    known = sum(share is not None for share in soft)
    return None if known == len(soft) else ("no share for each step", f"{known} of {len(soft)}")


def _compute_solution(row: Row) -> dict[str, Any]:
    """The values of each step."""
    q, right = list(row["soft"]), row["verdict"] == "right"
    start = row["start_succeeded"] / row["start_tried"] if row.get("start_tried") else None
    before = [start, *q[:-1]]
    return {
        "q_before": before, "q": q, "advantage": [None if was is None else is_ - was for was, is_ in zip(before, q)],
        "sorm": label_sorm(row["steps"], q), "rest_value": compute_rest_values(q), "outcome": 1 if right else -1, "ovm": [int(right)] * len(q),
    }  # fmt: skip


def _gather(rows: Sequence[Row], rate: float) -> dict[str, Any]:
    """A problem with its solutions, and the tree of their steps."""
    first = rows[0]
    problem = {column.name: first.get(column.name) for column in VALUE_TREES.columns[:-4]}
    return {
        **problem, "responses": [row["text"] for row in rows], "correct": [row["verdict"] == "right" for row in rows], "right_rate": rate,
        "tree": json.dumps(grow_tree(rows), ensure_ascii=False),
    }  # fmt: skip


def grow_tree(rows: Sequence[Row]) -> dict[str, Any]:
    """The tree of a problem's solutions: nodes of text, value and children; where steps are the same, the mean of their values."""
    tried, succeeded = (sum(row.get(name) or 0 for row in rows) for name in ("start_tried", "start_succeeded"))
    return {
        "text": format_question(rows[0]["question"], rows[0].get("options")),
        "mc_value": succeeded / tried if tried else None,
        "children": _grow([(row["steps"], row["soft"]) for row in rows]),
    }


def _grow(ways: Sequence[tuple[Sequence[str], Sequence[float]]]) -> list[dict[str, Any]]:
    """The nodes that several ways on begin with."""
    by_step: dict[str, list[tuple[Sequence[str], Sequence[float]]]] = {}
    for steps, shares in ways:
        if steps:
            by_step.setdefault(steps[0], []).append((steps, shares))
    return [
        {
            "text": step,
            "mc_value": sum(shares[0] for _, shares in same) / len(same),
            "children": _grow([(steps[1:], shares[1:]) for steps, shares in same]),
        }
        for step, same in by_step.items()
    ]


SOLUTION_NEEDS = ("solution_id", "steps", "text", "verdict", "soft")
NODE_NEEDS = (
    "parent_id", "depth", "steps_before", "step", "is_end", "verdict", "text", "q", "right_rate", "steps_left", "model", "sampling",
)  # fmt: skip


def _check(parameters: ValuesParameters, given: Contract) -> list[str]:
    """A table in which steps have no shares, and what cannot be made of it."""
    names = given.names()
    if "node_id" in names:
        faults = [
            f"values of nodes need the column '{name}'; put nodes before" for name in NODE_NEEDS if name not in names
        ]
        whole = "per: problem is of solutions; the table of `search` has a row for each problem, with its tree"
        return [*faults[:1], *([whole] if parameters.per == "problem" else [])]
    wish = "estimate with `label: soft` and `method: every-step`"
    missing = next((name for name in SOLUTION_NEEDS if name not in names), None)
    if missing == "soft":
        return [f"values need the column 'soft'; put {wish} before"]
    if missing:
        return [f"values need the column '{missing}'; put split, verify and {wish} before"]
    if parameters.per == "step":
        return ["per: step is of nodes; put search and nodes before, or take per: solution"]
    if any(column.name == "soft" and column.nullable for column in given.columns):
        return [f"values need the share of rollouts behind every step, and this estimate leaves steps at their first success or untested; {wish}"]  # fmt: skip
    return []


def _makes(parameters: ValuesParameters, given: Contract) -> Contract:
    if "node_id" in given.names():
        return given.having(*STEP_VALUE_COLUMNS) if parameters.per == "step" else make_solution_contract(given)
    return VALUE_TREES if parameters.per == "problem" else given.having(*VALUE_COLUMNS)


VALUES = PerProblem(
    name="values",
    summary="Says what each step is worth, from the rollouts that succeed before and behind it: advantages, and the labels of SORM, ReST-MCTS*, AlphaMath, OVM, OmegaPRM and NFT.",
    version="3",
    parameters=ValuesParameters,
    needs=("problem_id", "question"),
    makes=_makes,
    check=_check,
    run=compute_values,
)
