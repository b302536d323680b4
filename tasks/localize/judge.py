"""`judge`: has models say where solutions first go wrong, once or several times each, and what most of them say.

They are asked in one of several forms. A reply that cannot be read, or that
contradicts itself, is undecided with its fault: it is never taken for wrong or
right. All rows are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from schemas.columns.labels import JUDGE_COLUMNS, JUDGE_LABEL
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Message, Reply, Request, Sampling, replace_surrogates
from schemas.task import Asking, Conversation, Outcome
from tasks.llm import prompts
from tasks.llm.judge_reply import LONGEST_KIND, NONE, StepJudgement, collect_material, keep_reply, parse_judgement
from tasks.llm.prompt_guard import fill_fields
from tasks.llm.quoted_text import Material
from tasks.llm.read_channels import CHANNEL_COLUMNS, find_obstacle, show_channel
from tasks.llm.voting import find_majority, find_most_frequent
from tasks.localize.judge_parameters import JudgeParameters, check_parameters
from tasks.localize.likelihood import average_likelihoods, format_likelihoods, judge_by_likelihoods

ADDED = to_polars_schema(Contract("judgements", "", JUDGE_COLUMNS, ""))
JUDGED_COLUMNS = ("question", "options", "steps", "text", "reference", "verdict", *CHANNEL_COLUMNS)
"""The columns of which a judge sees something, where the table has them."""
KNOWN = {
    "wrong": "The answer to which this solution comes is known to be wrong: at least one of its steps is wrong.",
    "right": "The answer to which this solution comes is known to be right; still, a step may be wrong.",
}
"""What a judge is told of a verdict."""
LONGEST_REASON = 800
"""Characters of a judgement's reason, where a schema can hold it to them: without, small models repeat themselves to the limit."""
SHORTEST_REASON = 80
FRAME = 64
"""Tokens of a judgement beside its reason, about."""
CHARACTERS = 2
"""Characters of a token of reasons, at least: words have four, numbers one or two."""
WRONG_WITHOUT_STEP = "finds no step of a wrong solution"


@dataclass(frozen=True)
class JudgeRequest:
    """One judgement to be asked for."""

    judge: str
    requests: tuple[Request, ...]
    """One request; of likelihoods one for each step."""


def make_schema(rules: JudgeParameters, steps: int, none: bool = True) -> str:
    """The JSON schema of a judgement on so many steps; empty where the prompt does not ask for that JSON.

    The step is a text of an enumeration: models that write numbers as texts
    had no way but `none` out of a schema of numbers and `none`.

    Args:
        rules: The prompt, and the kinds of errors.
        steps: How many steps the solution has.
        none: Whether no step may be wrong.

    Returns:
        The schema as JSON.

    """
    if '"first_error"' not in rules.template:
        return ""
    kind: dict[str, Any] = {"type": "string", "maxLength": LONGEST_KIND}
    if rules.kinds:
        kind = {"type": "string", "enum": [*rules.kinds, *(["none"] if none else [])]}
    step = {"type": "string", "enum": [*map(str, range(1, steps + 1)), *(["none"] if none else [])]}
    # what may be longer than the tokens allow is cut off there, and is no judgement
    longest = max(SHORTEST_REASON, min(LONGEST_REASON, CHARACTERS * (rules.max_tokens - FRAME)))
    # the reason comes first: a model that has written it judges better than one that answers at once
    properties = {"reason": {"type": "string", "maxLength": longest}, "kind": kind, "first_error": step}
    return json.dumps(
        {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    )


def request_votes(row: Mapping[str, Any], rules: JudgeParameters, names: Mapping[str, ModelId]) -> list[JudgeRequest]:
    """The requests about one row: each model's votes together."""
    steps = row["steps"]
    through = range(1, len(steps) + 1) if rules.form == "likelihood" else [len(steps)]
    asks = [_ask_about({**row, "steps": steps[:count]}, rules) for count in through]
    votes = []
    for model in rules.models:
        named = names[model]
        who = named.describe()
        for vote in range(rules.votes):
            requests = (replace(named.ask(*ask, vote), logprobs=rules.form == "likelihood") for ask in asks)
            votes.append(JudgeRequest(f"{who} #{vote}", tuple(requests)))
    return votes


def _ask_about(row: Mapping[str, Any], rules: JudgeParameters) -> tuple[tuple[Message, ...], Sampling]:
    """What is asked about a solution, or about the steps of it that are shown."""
    verdict = row.get("verdict") if "verdict" in rules.sees else None
    none = verdict != "wrong"
    fields = fill_fields(row, rules.kinds, rules.compares) | {
        "count": str(len(row["steps"])),
        "verdict": KNOWN.get(verdict or "", ""),
        "or_none": ', or "none" if no step is wrong' if none else "",
        "naming": f"first which of these kinds of errors it is ({', '.join(rules.kinds)}), then "
        if rules.kinds
        else "",
    }
    tokens = 1 if rules.form == "likelihood" else rules.max_tokens
    sampling = Sampling(tokens, rules.temperature, rules.top_p, (), make_schema(rules, len(row["steps"]), none))
    return prompts.fill(rules.template, fields), sampling


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
    shown = part.select(name for name in JUDGED_COLUMNS if name in part.columns).iter_rows(named=True)
    rows = [show_channel(row, rules.of) for row in shown]
    asks = [[] if find_obstacle(row, rules.of) else request_votes(row, rules, names) for row in rows]
    replies = yield [request for votes in asks for vote in votes for request in vote.requests]
    added = [_make_columns(row, votes, replies, rules) for row, votes in zip(rows, asks)]
    judged = pl.DataFrame(added, schema=ADDED, orient="row")
    return Outcome(pl.concat([part.drop(ADDED, strict=False), judged], how="horizontal"), part.clear())


@dataclass(frozen=True)
class JudgeVote:
    """One judgement as it was read."""

    judge: str
    judgement: StepJudgement
    reply: str
    requests: str
    """The ledger's keys, a space between."""
    tokens: int


def _make_columns(
    row: Mapping[str, Any], votes: Sequence[JudgeRequest], replies: Mapping[str, Reply], rules: JudgeParameters
) -> dict[str, Any]:
    """The columns that are added to one row."""
    came = [[replies[request.id] for request in vote.requests] for vote in votes]
    likelihoods = average_likelihoods(came) if rules.form == "likelihood" else []
    return describe_votes(read_votes(row, votes, replies, rules), likelihoods, find_obstacle(row, rules.of))


def read_votes(
    row: Mapping[str, Any], votes: Sequence[JudgeRequest], replies: Mapping[str, Reply], rules: JudgeParameters
) -> list[JudgeVote]:
    """The judgements of one row that replies give."""
    material = collect_material(row)
    result = []
    for vote in votes:
        came = [replies[request.id] for request in vote.requests]
        judgement, text = _read_vote(row, came, material, rules)
        tokens = sum(reply.tokens for reply in came if isinstance(reply, Completion))
        result.append(JudgeVote(vote.judge, judgement, text, " ".join(request.id for request in vote.requests), tokens))
    return result


def describe_votes(
    votes: Sequence[JudgeVote], likelihoods: Sequence[float | None], obstacle: str | None
) -> dict[str, Any]:
    """The columns of some judgements, and what more than half of all name."""
    judgements = [vote.judgement for vote in votes]
    together = find_majority(
        [judgement.label for judgement in judgements], [judgement.fault for judgement in judgements]
    )
    return {
        "judges": [vote.judge for vote in votes],
        "judge_labels": [judgement.label for judgement in judgements],
        "judge_faults": [judgement.fault for judgement in judgements],
        "judge_kinds": [judgement.kind for judgement in judgements],
        "judge_reasons": [judgement.reason for judgement in judgements],
        "judge_replies": [vote.reply for vote in votes],
        "judge_requests": [vote.requests for vote in votes],
        "judge_likelihoods": list(likelihoods),
        "judge_tokens": sum(vote.tokens for vote in votes),
        "judge_first_error": together.label,
        "judge_undecided": obstacle or together.undecided,
        "judge_kind": _find_kind(judgements, together.label),
        "judge_share": together.share,
    }


def _read_vote(
    row: Mapping[str, Any], replies: Sequence[Reply], material: Material, rules: JudgeParameters
) -> tuple[StepJudgement, str]:
    """A vote, of one reply or of one for each step, and what is kept of it."""
    is_wrong = "verdict" in rules.sees and row.get("verdict") == "wrong"
    if rules.form == "likelihood":
        judgement, text = judge_by_likelihoods(replies, is_wrong), replace_surrogates(format_likelihoods(replies))
    else:
        judgement = parse_judgement(replies[0], len(row["steps"]), material, rules.kinds)
        text = keep_reply(replies[0])
    if is_wrong and judgement.label == NONE:
        judgement = StepJudgement(None, WRONG_WITHOUT_STEP, judgement.kind, judgement.reason)
    return judgement, text


def _find_kind(judgements: Sequence[StepJudgement], label: int | None) -> str | None:
    """What most of those that name the step call the error."""
    return (
        find_most_frequent([judgement.kind for judgement in judgements if judgement.kind and judgement.label == label])
        if label is not None
        else None
    )


def _makes(_: JudgeParameters, contract: Contract) -> Contract:
    return contract.having(*JUDGE_COLUMNS)


JUDGE = Asking(
    name="judge",
    summary="Has models say where solutions first go wrong: models × votes; more than half of all name the step.",
    version="6",
    parameters=JudgeParameters,
    needs=("solution_id", "question", "options", "steps"),
    makes=_makes,
    check=check_parameters,
    models=lambda parameters: parameters.models,
    prompts=lambda parameters, _: {"prompt": parameters.template},
    ask=judge_solutions,
    rows_per_row=lambda _: 1,
    labels=(JUDGE_LABEL,),
)
