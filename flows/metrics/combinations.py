"""Which evidence carried each label: how right labels are, and what they cost, by the combination that speaks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from flows.metrics.certainty import format_share
from flows.metrics.narrow_table import format_narrow_table
from schemas.labels import Label
from tasks.evaluation.score import NONE, Gold, Labels, Share
from tasks.localize.raters import parse_model

DOUBLES = log(2)
"""Evidence speaks for a label that at least doubles its odds against the next likeliest."""
NOTHING = "nothing much"
LISTED = 12
"""Combinations on the screen, the commonest of each labeller; the others are taken together."""
OTHERS = "others"
NOTES = """\
carried by the evidence, or the labellers, that speak for the step that is named
           (which at least double its odds against the next likeliest); shares
           with the 95 % interval of Wilson, tokens of the labels of the line"""


@dataclass(frozen=True)
class Combination:
    """Labels that the same evidence speaks for."""

    name: str
    exact: Share
    """How many of those that name a step are right."""
    tokens: int | None
    """What they cost, where that is known."""

    def cost(self) -> list[float] | None:
        """Tokens for each right label; with the ends of its interval."""
        low, high = self.exact.interval or (0.0, 0.0)
        if self.tokens is None or not self.exact.hits:
            return None
        return [
            self.tokens / self.exact.hits,
            self.tokens / (self.exact.of * high),
            self.tokens / (self.exact.of * low),
        ]


def name_combination(row: Mapping[str, Any], label: Label) -> str | None:
    """The evidence that speaks for the label of a row, in the order of the alphabet; None where it does not say."""
    if label.evidence and row.get(label.evidence) is not None:
        strengths = row.get(label.strength or "") or ()
        names = [name for name, nats in zip(row[label.evidence], strengths) if nats >= DOUBLES]
    elif label.votes and row.get(label.votes.raters):
        values = row.get(label.votes.values) or ()
        names = [
            parse_model(rater)
            for rater, value in zip(row[label.votes.raters], values)
            if value is not None and value == row.get(label.column)
        ]
    else:
        return None
    return " + ".join(sorted({name.partition("@")[0] for name in names})) or NOTHING


def group_combinations(
    gold: Sequence[Gold], labels: Labels, names: Mapping[str, str], tokens: Mapping[str, int]
) -> list[Combination]:
    """The labels that name a step, by what speaks for them.

    Args:
        gold: The solutions with gold.
        labels: One labeller's labels.
        names: By id the combination.
        tokens: By id what the label cost; empty where that is not known.

    Returns:
        The combinations, the commonest first; none where there is but one.

    """
    groups: dict[str, list[Gold]] = {}
    for row in gold:
        if labels.get(row.id) not in (None, NONE) and row.id in names:
            groups.setdefault(names[row.id], []).append(row)
    if len(groups) < 2:
        return []
    return [
        _measure(name, rows, labels, tokens)
        for name, rows in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _measure(name: str, rows: Sequence[Gold], labels: Labels, tokens: Mapping[str, int]) -> Combination:
    exact = sum(labels[row.id] == row.first_error for row in rows)
    spent = sum(tokens.get(row.id, 0) for row in rows) if tokens else None
    return Combination(name, Share(exact, len(rows)), spent)


def _join(combinations: Iterable[Combination]) -> Combination:
    """Several as one."""
    given = list(combinations)
    tokens = [each.tokens for each in given if each.tokens is not None]
    exact = Share(sum(each.exact.hits for each in given), sum(each.exact.of for each in given))
    return Combination(f"{len(given)} {OTHERS}", exact, sum(tokens) if tokens else None)


def describe_combinations(combinations: Sequence[Combination]) -> list[dict[str, Any]]:
    """The combinations for machines."""
    return [
        {
            "carried_by": each.name.split(" + ") if each.name != NOTHING else [], "labels": each.exact.of, "exact": each.exact.hits,
            "precision": each.exact.rate, "interval": each.exact.interval, "tokens": each.tokens,
            "per_kept_row": each.tokens / each.exact.of if each.tokens is not None else None,
            "per_right_row": cost[0] if (cost := each.cost()) else None, "per_right_row_interval": cost[1:] if cost else None,
        }
        for each in combinations
    ]  # fmt: skip


def format_combinations(by_labeller: Mapping[str, Sequence[Combination]]) -> str:
    """A table for each labeller that says what carried its labels."""
    tables = []
    for labeller, combinations in by_labeller.items():
        if not combinations:
            continue
        shown = [*combinations[:LISTED], *([_join(combinations[LISTED:])] if len(combinations) > LISTED else [])]
        rows: list[list[object]] = [[each.name, each.exact.of, format_share(each.exact)] for each in shown]
        tables.append(format_narrow_table([f"{labeller}, carried by", "labels", "precision, %"], rows))
        if any(each.tokens is not None for each in shown):
            costs: list[list[object]] = [[each.name, *_format_tokens(each)] for each in shown]
            tables.append(
                format_narrow_table([f"{labeller}, carried by", "tokens, each label", "each right one"], costs)
            )
    return "\n\n".join([*tables, NOTES]) if tables else ""


def _format_tokens(each: Combination) -> list[str]:
    cost = each.cost()
    if each.tokens is None:
        return ["–", "–"]
    return [f"{each.tokens / each.exact.of:,.0f}", f"{cost[0]:,.0f} ({cost[1]:,.0f}-{cost[2]:,.0f})" if cost else "–"]
