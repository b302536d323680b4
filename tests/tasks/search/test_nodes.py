"""The tasks `nodes` and, of nodes, `values` and `step-pairs`: states as rows, and what their steps are worth."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from schemas.columns.problems import PROBLEMS
from schemas.contract import Contract
from schemas.frames import check, to_polars_schema
from schemas.task import Outcome
from tasks.corrections.step_pairs import PAIRS, PairsParameters
from tasks.localize.values import VALUES, ValuesParameters
from tasks.search.nodes import NODES, NodesParameters
from tasks.search.parameters import SearchParameters
from tasks.search.search import SEARCH
from tests.tasks.search.scripted import list_nodes, search, table

GIVEN = NODES.makes(NodesParameters(), SEARCH.makes(SearchParameters(model="small"), PROBLEMS))
MUCH: dict[str, Any] = {"method": "mcts", "first": 16, "searches": 100, "rollouts": 4}


@pytest.fixture(scope="module")
def nodes() -> pl.DataFrame:
    rows = list_nodes(search(table("one", "two"), **MUCH)[1].kept)
    return pl.DataFrame(rows, schema=to_polars_schema(GIVEN))


def value(part: pl.DataFrame, **given: Any) -> Outcome:
    """The outcome, which keeps its contract and accounts for each node."""
    rules = ValuesParameters.model_validate(given)
    assert VALUES.check(rules, GIVEN) == []
    outcome = VALUES.run(part, rules)
    made = VALUES.makes(rules, GIVEN)
    check(outcome.kept.select(made.names()), made, "test")
    assert outcome.kept.height + outcome.rejected.height == part.height
    return outcome


def make_state(steps: list[str], parent: int | None = None, **change: Any) -> dict[str, Any]:
    return {
        "parent": parent, "steps": steps, "is_end": False, "verdict": None, "text": None, "step_rule": "lines", "tried": 4, "succeeded": 2,
        "unclear": 0, "visits": 0, "quality": None, "bonus": 0.0, "value": 0.5, "steps_left": 1, "request_id": "0" * 32, **change,
    }  # fmt: skip


def make_tree(*states: dict[str, Any]) -> pl.DataFrame:
    row = {
        "problem_id": "0" * 24, "set": "s", "question": "Q?", "answer": "7", "source": "f:1", "responses": ["7"], "correct": [True], "right_rate": 0.5,
        "tree": "{}", "model": "small@r1", "sampling": "t", "searches": 1, "rollouts": 4, "rollout_tokens": 4, "nodes": list(states),
    }  # fmt: skip
    contract = SEARCH.makes(SearchParameters(model="small"), PROBLEMS)
    return pl.DataFrame([row], schema=to_polars_schema(contract))


def test_nodes_know_the_one_before_them(nodes: pl.DataFrame) -> None:
    by_id = {node["node_id"]: node for node in nodes.to_dicts()}
    assert len(by_id) == nodes.height
    for node in by_id.values():
        assert node["depth"] == len(node["steps_before"]) + 1
        before = by_id.get(node["parent_id"])
        assert (before is None) == (node["depth"] == 1)
        assert before is None or node["steps_before"] == [*before["steps_before"], before["step"]]


def test_what_goes_on_from_an_undecided_state_goes_on_from_the_state_before() -> None:
    tree = make_tree(
        make_state(["a"]), make_state(["b"], 0, tried=0, succeeded=0, unclear=4), make_state(["c", "d"], 1, steps_left=None)
    )  # fmt: skip
    outcome = NODES.run(tree, NodesParameters())
    assert outcome.rejected.select("reason", "detail").rows() == [
        ("no rollout from there is decided", "4 from step 2 are not")
    ]
    first, last = outcome.kept.to_dicts()
    assert last["parent_id"] == first["node_id"] and last["steps_before"] == ["a", "b", "c"]
    assert (first["on_right_path"], last["on_right_path"]) == (True, False)
    assert NODES.run(make_tree(), NodesParameters()).rejected["reason"].to_list() == ["no state but the problem"]


def test_each_node_gains_or_loses_against_the_one_before(nodes: pl.DataFrame) -> None:
    outcome = value(nodes, per="step")
    assert outcome.rejected.height == 0
    by_id = {node["node_id"]: node for node in outcome.kept.to_dicts()}
    for node in by_id.values():
        before = by_id[node["parent_id"]]["q"] if node["parent_id"] else node["right_rate"]
        assert node["q_before"] == before and node["advantage"] == pytest.approx(node["q"] - before)
        wrong = "x" in node["step"]
        assert node["advantage"] < 0 if wrong and before else node["advantage"] > -0.6


def test_rest_values_go_by_the_fewest_steps_to_a_right_answer() -> None:
    """V = max(0, V' + (1 - V') r / m), m with this step; behind a wrong one that of the last right one."""
    tree = make_tree(
        make_state(["a"], steps_left=3), make_state(["b"], 0, steps_left=1), make_state(["x"], 0, succeeded=0, steps_left=None),
        make_state(["y"], 2, succeeded=0, steps_left=None), make_state(["z"], succeeded=0, steps_left=None),
    )  # fmt: skip
    values = value(NODES.run(tree, NodesParameters()).kept, per="step").kept
    assert values["rest_value"].to_list() == pytest.approx([1 / 4, 1 / 4 + 3 / 4 / 2, 1 / 4 - 3 / 4 / 4, 0.0, 0.0])


def test_a_node_whose_steps_were_not_all_tried_has_no_values() -> None:
    tree = make_tree(make_state(["a", "b"]), make_state(["c"], 0), make_state(["d"]))
    outcome = value(NODES.run(tree, NodesParameters()).kept, per="step")
    assert outcome.kept["step"].to_list() == ["d"]
    assert outcome.rejected["reason"].to_list() == ["a step before it was not tried"] * 2


def test_solutions_that_end_in_a_tree_have_the_values_of_their_steps(nodes: pl.DataFrame) -> None:
    outcome = value(nodes)
    assert set(outcome.rejected["reason"]) == {"no solution ends there"}
    assert outcome.kept.height == nodes["is_end"].sum() > 4
    by_id = {node["node_id"]: node for node in nodes.to_dicts()}
    ends = {(node["problem_id"], node["text"]): node for node in by_id.values() if node["is_end"]}
    for row in outcome.kept.to_dicts():
        end = ends[row["problem_id"], row["text"]]
        assert row["steps"] == [*end["steps_before"], end["step"]] and row["q"][-1] == end["q"]
        assert row["q_before"] == [row["right_rate"], *row["q"][:-1]]
        assert row["advantage"] == pytest.approx(
            [now - was for was, now in zip(row["q_before"], row["q"], strict=True)]
        )
        assert row["outcome"] == (1 if row["verdict"] == "right" else -1) and len(row["sorm"]) == len(row["steps"])
        assert row["rest_value"][-1] == 1 if row["verdict"] == "right" else row["rest_value"][-1] < 1
        assert row["request_id"] == end["request_id"]


def test_siblings_are_read_from_nodes(nodes: pl.DataFrame) -> None:
    rules = PairsParameters(by="siblings", most=None)
    assert PAIRS.check(rules, GIVEN) == []
    outcome = PAIRS.run(nodes, rules)
    assert outcome.kept.height + outcome.rejected.height == nodes.height
    assert outcome.kept.height >= 4
    for pair in outcome.kept.to_dicts():
        assert pair["q_chosen"] > pair["q_rejected"]
        assert "x" not in pair["chosen"] and pair["rejected_by"] == "small@r1"


def test_what_values_of_nodes_need_is_a_fault_before_anything_runs() -> None:
    (fault,) = VALUES.check(ValuesParameters(per="problem"), GIVEN)
    assert fault == "per: problem is of solutions; the table of `search` has a row for each problem, with its tree"
    less = GIVEN.without(*(column for column in GIVEN.columns if column.name == "q"))
    assert VALUES.check(ValuesParameters(), less) == ["values of nodes need the column 'q'; put nodes before"]
    (fault,) = VALUES.check(ValuesParameters(per="step"), Contract("", "", PROBLEMS.columns, ""))
    assert fault.startswith("values need the column 'solution_id'; put split, verify and estimate")
