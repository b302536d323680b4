"""The parameters of `judge`: who is asked, in which form, and what judges are told besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Literal

from pydantic import Field

from schemas.contract import Contract
from schemas.task import Parameters
from tasks.llm import prompts
from tasks.llm.prompts import Template
from tasks.llm.read_channels import Reads
from tasks.llm.sampling import MaxTokens, Temperature, TopP, Votes, find_voting_faults

Form = Literal["steps", "critique", "json", "likelihood", "pairwise"]
FORMS: Mapping[Form, str] = {
    "steps": "judge-steps",
    "critique": "judge-critique",
    "json": "judge",
    "likelihood": "judge-likelihood",
    "pairwise": "judge-pairwise",
}
"""The prompt of each form."""


class JudgeParameters(Parameters):
    """Parameters of `judge`."""

    models: list[str] = Field(min_length=1, description="The models that judge, by their names under `models:`.")
    form: Form = Field(
        "steps",
        description="How they are asked. steps: a line for each step, right or wrong. critique: in free text, then the number in "
        "a box. json: an object that a schema describes. likelihood: one word after each step, with its probability. "
        "pairwise: as steps, the reference beside.",
    )
    sees: list[Literal["verdict", "reference"]] = Field(
        [],
        max_length=2,
        description="What judges are told besides: the verdict, so that none is no answer to a wrong solution, and the problem's "
        "right solution.",
    )
    prompt: Template | None = Field(
        None,
        description="In place of the form's own: a prompt of ours by its name, or a text with {question} and {steps} (fenced) or "
        "{solution} (as it is); also {reference}, {verdict}, {or_none}, {count} of steps, {kinds}, {naming} of them and {mark}.",
    )
    of: Reads = None
    votes: Votes = Field(1, description="Judgements of each solution by each model; greedy has but one.")
    temperature: Temperature = 0.0
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(2048, description="Tokens of a judgement; one cut off is undecided.")
    kinds: list[str] = Field([], max_length=100, description="The names that errors may have; without any, free words.")

    @property
    def template(self) -> str:
        """The prompt's text."""
        return self.prompt or prompts.find_template(FORMS[self.form])

    @property
    def compares(self) -> bool:
        """Whether judges see the right solution."""
        return self.form == "pairwise" or "reference" in self.sees

    def count_answer_tokens(self) -> int | None:
        """None where likelihoods are asked for, which come with one word."""
        return None if self.form == "likelihood" else self.max_tokens


def check_parameters(parameters: JudgeParameters, contract: Contract) -> list[str]:
    """Parameters that cannot be meant, and columns that they need."""
    faults = []
    fields, columns = prompts.list_fields(parameters.template), contract.names()
    if "question" not in fields:
        faults.append("prompt: has no {question}; put it where the problem belongs")
    if not fields & {"steps", "solution"}:
        faults.append("prompt: has no {steps}; put it where the numbered steps belong, or {solution} for the bare text")
    if "solution" in fields and "text" not in columns:
        faults.append("prompt: {solution} needs a column 'text', which the table has not; write {steps}")
    if parameters.form == "likelihood" and "steps" not in fields:
        faults.append("prompt: the form likelihood shows the steps one after the other; put {steps} where they belong")
    if len(set(parameters.sees)) < len(parameters.sees):
        faults.append("sees: names one thing twice; keep one")
    faults += _check_sees(parameters, fields, columns)
    faults += find_voting_faults(parameters.models, parameters.temperature, parameters.votes, "judgement")
    faults += [f"kinds: {fault}" for fault in _check_kinds(parameters.kinds)]
    return faults


def _check_sees(parameters: JudgeParameters, fields: Set[str], columns: Sequence[str]) -> list[str]:
    """What judges are to see, and prompt or table have no place for."""
    faults = []
    shown = {"reference": parameters.compares, "verdict": "verdict" in parameters.sees}
    for name, meaning, instead in (
        ("reference", "the right solution", "judge without, in another form than pairwise"),
        ("verdict", "what is known of the answer", "put `verify` before"),
    ):
        key = "form" if name == "reference" and name not in parameters.sees else "sees"
        if shown[name] and name not in fields:
            faults.append(f"{key}: the prompt has no {{{name}}}; put it where {meaning} belongs")
        if shown[name] and name not in columns:
            faults.append(f"{key}: the table has no column '{name}'; {instead}")
    return faults


def _check_kinds(kinds: Sequence[str]) -> list[str]:
    faults = []
    if len({kind.casefold() for kind in kinds}) < len(kinds):
        faults.append("has a name twice; keep one")
    odd = [kind for kind in kinds if not kind.strip() or kind.casefold() == "none" or len(kind) > 80 or "\n" in kind]
    if odd:
        faults.append(f"{odd[0][:80]!r} is no name; give one line of at most 80 characters, and not none")
    return faults
