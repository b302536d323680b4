"""The rows that trees become, held to the fields of the papers' own data, by their names and their order."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from schemas.columns.problems import PROBLEMS
from schemas.contract import Contract
from schemas.task import PerProblem
from tasks.corrections.step_pairs import PAIRS, PairsParameters
from tasks.localize.values import VALUES, ValuesParameters
from tasks.search.nodes import NODES, NodesParameters
from tasks.search.parameters import SearchParameters
from tasks.search.search import SEARCH
from tasks.views.task import VIEW
from tests.tasks.search.scripted import search, table
from tests.views import take_view

Table = tuple[pl.DataFrame, Contract]
OWN = {
    "omegaprm-nodes": ("question_id", "question", "final_answer", "solution_prefix", "mc_value"),  # openr, data/omegaPRM_v2
    "omegaprm-tree": ("question_id", "question", "final_answer", "tree"),
    "rest-mcts-nodes": ("prompt_answer", "label"),  # ReST-MCTS, PRM
    "alphamath": ("question", "response"),  # Super_MARIO
    "nft": ("prompt", "responses", "correct", "right_rate"),
    "mcts-dpo": ("prompt", "chosen", "rejected"),
}  # fmt: skip
"""The fields of each format; behind them stand ids and what is known besides."""


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    """The tables of the recipe, of a scripted model: by what views read."""
    trees = search(table("one", "two"), method="mcts", first=16, searches=100, rollouts=4)[1].kept
    tree_contract = SEARCH.makes(SearchParameters(model="small"), PROBLEMS)
    contract = NODES.makes(NodesParameters(), tree_contract)
    nodes = NODES.run(trees, NodesParameters()).kept

    def run(task: PerProblem[Any], parameters: Any) -> Table:
        return task.run(nodes, parameters).kept, task.makes(parameters, contract)

    pairs = run(PAIRS, PairsParameters(by="siblings", most=None))
    solutions, steps = (run(VALUES, ValuesParameters.model_validate({"per": per})) for per in ("solution", "step"))
    by = {"omegaprm-nodes": (nodes, contract), "rest-mcts-nodes": steps, "alphamath": solutions, "mcts-dpo": pairs}
    return by | {"omegaprm-tree": (trees, tree_contract), "nft": (trees, tree_contract)}


def show(tables: dict[str, Table], name: str) -> list[dict[str, Any]]:
    """The rows of a view, of which none is rejected."""
    rows, contract = tables[name]
    parameters = take_view(name)
    assert VIEW.check(parameters, contract) == []
    outcome = VIEW.run(rows, parameters)
    assert outcome.rejected.height == 0 and outcome.kept.height == rows.height > 1
    return outcome.kept.to_dicts()


@pytest.mark.parametrize("name", OWN)
def test_a_row_has_the_fields_of_the_papers_own_data(tables: dict[str, Table], name: str) -> None:
    fields = OWN[name]
    assert all(tuple(row)[: len(fields)] == fields for row in show(tables, name))


def test_a_state_of_omegaprm_is_a_path_of_its_tree(tables: dict[str, Table]) -> None:
    paths = set()

    def collect(question: str, node: dict[str, Any], before: str) -> None:
        for child in node["children"]:
            through = f"{before}\n{child['text']}".strip()
            paths.add((question, through, child["mc_value"]))
            collect(question, child, through)

    for row in show(tables, "omegaprm-tree"):
        tree = json.loads(row["tree"])
        assert tree["text"] == row["question"]
        collect(row["question_id"], tree, "")
    flat = show(tables, "omegaprm-nodes")
    assert {(row["question_id"], row["solution_prefix"], row["mc_value"]) for row in flat} == paths


def test_alphamath_values_each_step_and_ends_with_the_outcome(tables: dict[str, Table]) -> None:
    ends = set()
    for row in show(tables, "alphamath"):
        assert [list(step) for step in row["response"]] == [["step", "Q"]] * len(row["response"])
        assert all(-1 <= step["Q"] <= 1 for step in row["response"])
        ends.add(row["response"][-1]["Q"])
    assert ends == {1.0, -1.0}


def test_rest_mcts_values_are_of_the_question_with_the_steps_behind_it(tables: dict[str, Table]) -> None:
    rows = show(tables, "rest-mcts-nodes")
    assert all(row["prompt_answer"].partition("\n")[0] in ("one", "two") and 0 <= row["label"] <= 1 for row in rows)
    assert {row["label"] for row in rows} >= {0.0, 1.0}


def test_nft_has_the_first_rollouts_and_their_rate(tables: dict[str, Table]) -> None:
    for row in show(tables, "nft"):
        assert len(row["responses"]) == len(row["correct"]) == 16
        assert row["right_rate"] == sum(row["correct"]) / 16
        assert all(text.endswith("7") == right for text, right in zip(row["responses"], row["correct"], strict=True))
