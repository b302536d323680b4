"""The raters of a mistake's type: rules, each model by the majority of its votes, the judge; for their agreement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.recipe.taxonomy import Taxonomy
from tasks.llm.voting import find_majority
from tasks.localize.raters import parse_model

RULES, JUDGE = "rules", "judge"


def list_ratings(row: Mapping[str, Any], taxonomy: Taxonomy, judged_in: str) -> dict[str, int | None]:
    """The type that each names, by its number among the taxonomy's labels; None where it names none."""
    numbers = {name: i for i, name in enumerate(taxonomy.labels())}
    by_rule = (row["typed_by"] or "").startswith("rule: ")
    ratings: dict[str, int | None] = {RULES: numbers.get(row["error_type"] or "") if by_rule else None}
    for model, votes in _group_by_model(row).items():
        ratings[model] = find_majority([numbers.get(vote) for vote in votes], []).label
    if judged_in:
        kind = row.get("judge_kind")
        ratings[JUDGE] = numbers.get(taxonomy.translated(judged_in, kind) or "") if kind else None
    return ratings


def list_votes(row: Mapping[str, Any], taxonomy: Taxonomy) -> dict[str, list[int | None]]:
    """The votes of each model that has several, in their order."""
    numbers = {name: i for i, name in enumerate(taxonomy.labels())}
    return {
        model: [numbers.get(vote) for vote in votes] for model, votes in _group_by_model(row).items() if len(votes) > 1
    }


def _group_by_model(row: Mapping[str, Any]) -> dict[str, list[str]]:
    votes: dict[str, list[str]] = {}
    for who, name in zip(row.get("classifiers") or (), row.get("classifier_types") or ()):
        votes.setdefault(parse_model(who), []).append(name)
    return votes
