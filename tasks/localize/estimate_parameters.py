"""The parameters of `estimate`: the method, how many rollouts, and what else each method needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from schemas.contract import Contract
from schemas.task import Parameters
from tasks.llm import prompts
from tasks.llm.prompts import Template
from tasks.llm.read_channels import Reads
from tasks.llm.sampling import MaxTokens, Stop, Temperature, TopP
from tasks.localize.active.outcome import SearchOutcome
from tasks.localize.judge_parameters import JudgeParameters, check_parameters
from tasks.verify.task import Answers

Method = Literal["every-step", "sequential", "binary", "witness", "active"]
UNTIL = 0.95
TREE_GONE = (
    "'tree' is no method of estimate any more: the task `search` grows one tree for each question, `nodes` lists its states, and "
    "`values` says what their steps are worth; put `search` behind the problems, or take binary here"
)
_OF_ACTIVE = ("until", "budget", "judge")


class EstimateParameters(Parameters):
    """Parameters of `estimate`."""

    model: str = Field(description="The completer, by its name under `models:`.")
    method: Method = Field(
        "sequential",
        description="every-step tests all prefixes, sequential up to the first failure, binary by halves, witness only around "
        "the judges' step (needs `judge` before it); active wherever a rollout may still change what becomes of a row, given all "
        "evidence (needs `judge` before it).",
    )
    rollouts: int | Literal["auto"] = Field(
        8,
        description="Decided rollouts of a prefix before it counts as a failure (active: the most that are asked from it); auto (witness "
        "only) measures how many suffice.",
    )
    label: Literal["hard", "soft"] = Field(
        "hard",
        description="hard leaves a prefix at its first success, so that no share can be told from it; soft gives each tested "
        "prefix all its rollouts.",
    )
    prompt: Template = Field("solve", validate_default=True, description="The prompt that the completer goes on from.")
    temperature: Temperature = Field(1.0, gt=0, description="Of the rollouts.")
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(1024, description="Tokens of a rollout; one cut off there is unclear.")
    stop: Stop = Field([], description="Texts that end a rollout.")
    of: Reads = None
    answers: Answers = Field("auto", description="What sort of answer the problems ask for, as in `verify`.")
    reuse: bool = Field(
        True, description="Count rollouts from the start of the problem for the prefixes that they begin with, too."
    )
    precision: float = Field(
        0.98,
        gt=0.5,
        lt=1,
        description="With auto: how many of the labels that judges and rollouts share are to be right.",
    )
    pilot: int = Field(
        64, ge=8, le=10_000, description="With auto: rows of each part that are tested more to measure p and q."
    )
    until: float | None = Field(
        None,
        gt=0.5,
        lt=1,
        description="With active: the probability of a step at which a row is sure; 0.95 unless given.",
    )
    budget: int | None = Field(
        None,
        ge=1,
        description="With active: tokens that the whole table may spend, rollouts and votes together; it is never passed. Rows "
        "that are likelier to be decided for fewer tokens come first.",
    )
    judge: JudgeParameters | None = Field(
        None,
        description="With active: judges, as in `judge`, of whom further votes are asked where they tell more for their tokens "
        "than rollouts; `votes` is the most of each.",
    )

    @field_validator("method", mode="before")
    @classmethod
    def _refuse_tree(cls, value: object) -> object:
        if value == "tree":
            raise ValueError(TREE_GONE)
        return value

    @field_validator("rollouts")
    @classmethod
    def _bounded(cls, value: int | str) -> int | str:
        if isinstance(value, int) and not 1 <= value <= 1000:
            raise ValueError("expected 1 to 1000 rollouts, or auto")
        return value

    @property
    def certainty(self) -> float:
        """The probability at which a row of `active` is sure."""
        return UNTIL if self.until is None else self.until

    def list_models(self) -> list[str]:
        """The completer, and who may be asked for votes."""
        return list(dict.fromkeys([self.model, *(self.judge.models if self.judge else ())]))


class FittedEstimateParameters(EstimateParameters):
    """Parameters of the method active, with what its search asked for, all over the table."""

    outcomes: Mapping[str, SearchOutcome]
    """By solution."""
    rounds: int


def check_estimate(rules: EstimateParameters, given: Contract) -> list[str]:
    """Parameters that do not go together."""
    faults = []
    if "question" not in prompts.list_fields(rules.prompt):
        faults.append("prompt: has no {question}; put it where the problem belongs")
    if rules.method == "witness" and "judge_first_error" not in given.names():
        faults.append("method: witness needs the judges' labels; put `judge` before it, or take sequential")
    if rules.method == "witness" and rules.label == "soft":
        faults.append("label: witness gives hard labels only; take every-step for soft ones")
    if rules.method != "witness" and rules.rollouts == "auto":
        faults.append("rollouts: auto is for the method witness; give a number")
    return [*faults, *(_check_active(rules, given) if rules.method == "active" else _find_unused(rules))]


def _check_active(rules: EstimateParameters, given: Contract) -> list[str]:
    faults = []
    if "judge_labels" not in given.names() and rules.judge is None:
        faults.append(
            "method: active needs judgements, which say where rollouts tell most; put `judge` before it, name judges under "
            "`judge:`, or take sequential"
        )
    if rules.label == "soft":
        faults.append(
            "label: active stops where a row is sure, so that there are no shares; take every-step for soft ones"
        )
    if rules.judge is not None:
        if rules.judge.form == "likelihood":
            faults.append("judge: likelihoods are the same each time they are asked for; take another form")
        faults += [f"judge: {fault}" for fault in check_parameters(rules.judge, given)]
    return faults


def _find_unused(rules: EstimateParameters) -> list[str]:
    """What only the method active has a use for."""
    return [
        f"{name}: is for the method active alone; write `method: active`, or leave it out"
        for name in _OF_ACTIVE
        if getattr(rules, name) is not None
    ]
