"""Further votes of judges: which there are to ask for, and how they stand beside those that a table has already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from schemas.columns.labels import JUDGE_COLUMNS
from schemas.model_id import ModelId
from tasks.llm.judge_reply import StepJudgement
from tasks.llm.read_channels import find_obstacle, show_channel
from tasks.localize.judge import JudgeRequest, JudgeVote, describe_votes, request_votes
from tasks.localize.judge_parameters import JudgeParameters
from tasks.localize.raters import parse_model


def list_further_votes(
    row: Mapping[str, Any], judges: JudgeParameters | None, names: Mapping[str, ModelId]
) -> list[list[JudgeRequest]]:
    """The votes that may be asked for about a row, of each model; not those that the table has already."""
    if judges is None or find_obstacle(row, judges.of):
        return []
    known = set(row.get("judge_requests") or ())
    number = Counter(map(parse_model, row.get("judges") or ()))
    result = []
    for name in judges.models:
        model = names[name].describe()
        votes = request_votes(show_channel(row, judges.of), judges.model_copy(update={"models": [name]}), names)
        new = [vote for vote in votes if vote.requests[0].id not in known]
        result.append([replace(vote, judge=f"{model} #{number[model] + at}") for at, vote in enumerate(new)])
    return result


def merge_votes(row: Mapping[str, Any], votes: Sequence[JudgeVote]) -> dict[str, Any]:
    """The columns of judgements with further ones behind those that the row has."""
    known = [
        JudgeVote(judge, StepJudgement(label, fault, kind, reason), reply, requests, 0)
        for judge, label, fault, kind, reason, reply, requests in zip(
            *(row.get(column.name) or () for column in JUDGE_COLUMNS[:7]), strict=True
        )
    ]
    merged = describe_votes([*known, *votes], row.get("judge_likelihoods") or (), None)
    return {**merged, "judge_tokens": (row.get("judge_tokens") or 0) + merged["judge_tokens"]}
