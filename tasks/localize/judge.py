"""`judge`: has models say where solutions first go wrong, once or several times each, and what most of them say.

A reply that cannot be read, or that contradicts itself, is undecided with its
fault: it is never taken for wrong or right. All rows are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import Field

from schemas.columns.labels import JUDGE_COLUMNS, JUDGE_LABEL
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.request import Completion, Reply, Request, Sampling
from schemas.task import Asking, Conversation, ModelId, Outcome, Parameters
from tasks.llm import prompts
from tasks.llm.judge_reply import StepJudgement, collect_material, keep_reply, parse_judgement
from tasks.llm.prompt_guard import fill_fields
from tasks.llm.prompts import Template
from tasks.llm.sampling import MaxTokens, Temperature, TopP, Votes, find_voting_faults
from tasks.llm.voting import find_majority, find_most_frequent

ADDED = to_polars_schema(Contract("judgements", "", JUDGE_COLUMNS, ""))
JUDGED_COLUMNS = ("question", "options", "steps", "text", "reference")
"""The columns of which a judge sees something, where the table has them."""


class JudgeParameters(Parameters):
    """Parameters of `judge`."""

    models: list[str] = Field(min_length=1, description="The models that judge, by their names under `models:`.")
    prompt: Template = Field(
        "judge",
        validate_default=True,
        description="A prompt of ours by its name, or a text with {question} and {steps} (fenced) or {solution} (as it is); "
        "also {reference}, {kinds} and {mark}.",
    )
    votes: Votes = Field(1, description="Judgements of each solution by each model; greedy has but one.")
    temperature: Temperature = 0.0
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(2048, description="Tokens of a judgement; one cut off is undecided.")
    kinds: list[str] = Field([], max_length=100, description="The names that errors may have; without any, free words.")
    reference: bool = Field(False, description="Whether judges see the problem's right solution.")


@dataclass(frozen=True)
class JudgeRequest:
    """One judgement to be asked for."""

    judge: str
    request: Request


def make_schema(rules: JudgeParameters) -> str:
    """The JSON schema of a judgement; empty where the prompt does not ask for that JSON."""
    if '"first_error"' not in rules.prompt:
        return ""
    kind: dict[str, Any] = {"type": "string", **({"enum": [*rules.kinds, "none"]} if rules.kinds else {})}
    step = {"anyOf": [{"type": "integer"}, {"type": "string", "enum": ["none"]}]}
    # the reason comes first: a model that has written it judges better than one that answers at once
    properties = {"reason": {"type": "string"}, "kind": kind, "first_error": step}
    return json.dumps(
        {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    )


def request_votes(row: Mapping[str, Any], rules: JudgeParameters, names: Mapping[str, ModelId]) -> list[JudgeRequest]:
    """The requests about one row: each model's votes together."""
    messages = prompts.fill(rules.prompt, fill_fields(row, rules.kinds, rules.reference))
    sampling = Sampling(rules.max_tokens, rules.temperature, rules.top_p, (), make_schema(rules))
    votes = []
    for model in rules.models:
        named = names[model]
        who = named.describe()
        for vote in range(rules.votes):
            votes.append(JudgeRequest(f"{who} #{vote}", named.ask(messages, sampling, vote)))
    return votes


def judge_solutions(part: pl.DataFrame, rules: JudgeParameters, names: Mapping[str, ModelId]) -> Conversation:
    """Judges the solutions of a part in one round; rejects nothing.

    Args:
        part: Solutions with their steps.
        rules: The models, their prompt, and how often each is asked.
        names: How requests name each model of the recipe.

    Yields:
        All requests of the part at once, in one round.

    Returns:
        All rows with every vote, and the label that more than half of all votes name: a step counted from 0, -1 for none, null where it is undecided.

    """
    rows = part.select(name for name in JUDGED_COLUMNS if name in part.columns).to_dicts()
    asks = [request_votes(row, rules, names) for row in rows]
    replies = yield [vote.request for votes in asks for vote in votes]
    added = [_make_columns(row, votes, replies, rules.kinds) for row, votes in zip(rows, asks)]
    judged = pl.DataFrame(added, schema=ADDED, orient="row")
    return Outcome(pl.concat([part.drop(ADDED, strict=False), judged], how="horizontal"), part.clear())


def _make_columns(
    row: Mapping[str, Any], votes: Sequence[JudgeRequest], replies: Mapping[str, Reply], kinds: Sequence[str]
) -> dict[str, Any]:
    """The columns that are added to one row."""
    material = collect_material(row)
    came = [replies[vote.request.id] for vote in votes]
    judgements = [parse_judgement(reply, len(row["steps"]), material, kinds) for reply in came]
    together = find_majority(
        [judgement.label for judgement in judgements], [judgement.fault for judgement in judgements]
    )
    return {
        "judges": [vote.judge for vote in votes],
        "judge_labels": [judgement.label for judgement in judgements],
        "judge_faults": [judgement.fault for judgement in judgements],
        "judge_kinds": [judgement.kind for judgement in judgements],
        "judge_reasons": [judgement.reason for judgement in judgements],
        "judge_replies": [keep_reply(reply) for reply in came],
        "judge_requests": [vote.request.id for vote in votes],
        "judge_tokens": sum(reply.tokens for reply in came if isinstance(reply, Completion)),
        "judge_first_error": together.label,
        "judge_undecided": together.undecided,
        "judge_kind": _find_kind(judgements, together.label),
        "judge_share": together.share,
    }


def _find_kind(judgements: Sequence[StepJudgement], label: int | None) -> str | None:
    """What most of those that name the step call the error."""
    return (
        find_most_frequent([judgement.kind for judgement in judgements if judgement.kind and judgement.label == label])
        if label is not None
        else None
    )


def _check(parameters: JudgeParameters, contract: Contract) -> list[str]:
    """Parameters that cannot be meant, and columns that they need."""
    faults = []
    fields, columns = prompts.list_fields(parameters.prompt), contract.names()
    if "question" not in fields:
        faults.append("prompt: has no {question}; put it where the problem belongs")
    if not fields & {"steps", "solution"}:
        faults.append("prompt: has no {steps}; put it where the numbered steps belong, or {solution} for the bare text")
    if "solution" in fields and "text" not in columns:
        faults.append("prompt: {solution} needs a column 'text', which the table has not; write {steps}")
    if parameters.reference and "reference" not in fields:
        faults.append("reference: the prompt has no {reference}; put it where the right solution belongs")
    if parameters.reference and "reference" not in columns:
        faults.append("reference: the table has no column 'reference'; judge without")
    faults += find_voting_faults(parameters.models, parameters.temperature, parameters.votes, "judgement")
    faults += [f"kinds: {fault}" for fault in _check_kinds(parameters.kinds)]
    return faults


def _check_kinds(kinds: Sequence[str]) -> list[str]:
    faults = []
    if len({kind.casefold() for kind in kinds}) < len(kinds):
        faults.append("has a name twice; keep one")
    odd = [kind for kind in kinds if not kind.strip() or kind.casefold() == "none" or len(kind) > 80 or "\n" in kind]
    if odd:
        faults.append(f"{odd[0][:80]!r} is no name; give one line of at most 80 characters, and not none")
    return faults


def _makes(_: JudgeParameters, contract: Contract) -> Contract:
    return contract.having(*JUDGE_COLUMNS)


JUDGE = Asking(
    name="judge",
    summary="Has models say where solutions first go wrong: models × votes; more than half of all name the step.",
    version="2",
    parameters=JudgeParameters,
    needs=("solution_id", "question", "options", "steps"),
    makes=_makes,
    check=_check,
    models=lambda parameters: parameters.models,
    ask=judge_solutions,
    rows_per_row=lambda _: 1,
    labels=(JUDGE_LABEL,),
)
