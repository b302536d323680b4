"""The parameters of `search`: the method, how often it searches, and what each method needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from schemas.columns.problems import SOLUTION_ID
from schemas.contract import Contract
from schemas.task import Parameters
from tasks.llm import prompts
from tasks.llm.prompts import Template
from tasks.llm.sampling import MaxTokens, Stop, Temperature, TopP
from tasks.verify.task import Answers

Method = Literal["omegaprm", "mcts"]
EXPLORATION = {"omegaprm": 0.125, "mcts": 1.5}
"""The weight of U: OmegaPRM's (section 4), and AlphaMath's."""
_OWN: dict[Method, tuple[str, ...]] = {"omegaprm": ("alpha", "beta", "length"), "mcts": ("children", "depth")}


class SearchParameters(Parameters):
    """Parameters of `search`."""

    model: str = Field(description="The model that goes on from states, by its name under `models:`.")
    method: Method = Field(
        "omegaprm",
        description="omegaprm halves wrong rollouts for their first wrong step (OmegaPRM); mcts goes from each state to its next "
        "steps, and on from the most promising (AlphaMath, MCTS-DPO, ReST-MCTS*).",
    )
    first: int = Field(
        32, ge=1, le=1000, description="Rollouts from the problem itself; with the prompt and sampling of `generate` they are its solutions."
    )  # fmt: skip
    prefilter: bool = Field(
        True, description="Leave out problems of whose first rollouts all are right, or none; they teach nothing."
    )
    searches: int = Field(
        100, ge=1, le=10_000, description="Searches of a tree at most: OmegaPRM makes 100, AlphaMath 40, MCTS-DPO 64."
    )
    rollouts: int = Field(8, ge=1, le=1000, description="Rollouts from each other state, asked for once.")
    children: int = Field(
        5, ge=1, le=100, description="Of mcts: the next steps of a state that become states, those tried most often first."
    )  # fmt: skip
    depth: int = Field(
        8, ge=1, le=200, description="Of mcts: the steps of the longest beginnings that are gone on from."
    )
    exploration: float | None = Field(
        None, ge=0, description="The weight of U, which sends searches where there were few; 0.125 with omegaprm, 1.5 with mcts."
    )  # fmt: skip
    alpha: float = Field(
        0.5, gt=0, lt=1, description="Of omegaprm: how much Q favours states that are nearly always solved."
    )
    beta: float = Field(0.9, gt=0, lt=1, description="Of omegaprm: how much Q disfavours long rollouts.")
    length: int = Field(500, ge=1, description="Of omegaprm: words of a rollout that count as long.")
    prompt: Template = Field("solve", validate_default=True, description="The prompt that the model goes on from.")
    temperature: Temperature = Field(1.0, gt=0, description="Of the rollouts.")
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(1024, description="Tokens of a rollout; one cut off there is unclear.")
    stop: Stop = Field([], description="Texts that end a rollout.")
    answers: Answers = Field("auto", description="What sort of answer the problems ask for, as in `verify`.")

    @property
    def weight(self) -> float:
        """The weight of U."""
        return EXPLORATION[self.method] if self.exploration is None else self.exploration


def check_search(rules: SearchParameters, given: Contract) -> list[str]:
    """Parameters that do not go together, and tables that are none of problems."""
    return list(_find_faults(rules, given))


def _find_faults(rules: SearchParameters, given: Contract) -> Iterator[str]:
    if "question" not in prompts.list_fields(rules.prompt):
        yield "prompt: has no {question}; put it where the problem belongs"
    if SOLUTION_ID.name in given.names() or given.key != "problem_id":
        yield f"from: grows one tree for each problem, but the table has {given.name}; take the problems that they are of"
    for method, names in _OWN.items():
        if method != rules.method:
            for name in names:
                if name in rules.model_fields_set:
                    yield f"{name}: is of the method {method} alone; write `method: {method}`, or leave it out"
