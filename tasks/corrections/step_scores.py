"""Scores of an attempt's steps: how probable a model finds each to be right, shown to critics and to the reviser.

Source: MAgICoRe (arXiv 2409.12147, section 3): beside each step stands the score of a
process reward model, in tenths; the reviewer says with it where to look, the refiner
mends with both, and what it writes is scored anew. Here any model is the scorer
that says "right" or "wrong" after each step, one token each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.model_id import ModelId
from schemas.request import Reply, Request
from tasks.corrections.revise_parameters import SCORING
from tasks.localize.judge import request_votes
from tasks.localize.likelihood import average_likelihoods

NO_SCORES = "no scores of steps"
"""Why a chain ends where no step has a probability: what was to be shown is not there."""
Scores = Sequence[float | None]


def request_scores(row: Mapping[str, Any], scorer: str, names: Mapping[str, ModelId]) -> list[Request]:
    """What the scorer is asked of an attempt: one request for each step, of the steps through it."""
    (vote,) = request_votes(row, SCORING.model_copy(update={"models": [scorer]}), names)
    return list(vote.requests)


def read_scores(requests: Sequence[Request], replies: Mapping[str, Reply]) -> list[float | None]:
    """The probability that each step is right; None where the scorer says neither, or gives none."""
    return average_likelihoods([[replies[request.id] for request in requests]])


def describe_scores(scores: Scores) -> str:
    """The scores as critics and revisers read them, in tenths; empty where there are none."""
    listed = ", ".join(
        f"step {number}: {'not known' if score is None else f'{round(10 * score)}/10'}"
        for number, score in enumerate(scores, 1)
    )
    return f"A model gives each step a score, 10/10 where it is surely right: {listed}." if listed else ""
