"""What views read of attempts in their turns: two sides of a revision, and what a turn weighs."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import Any

from tasks.corrections.segments import list_messages, list_turns
from tasks.sources.content_ids import digest
from tasks.views.rows import Row, Unfit

SOFTNESS = 0.4
"""What rewards are divided by in the weight of a turn: the default of Recursive Introspection's code."""
ORDERS: Mapping[str, str] = {
    "p": "[marker_user+human_0+marker_gpt],gpt_1,<|eos|>",
    "n": "[marker_user+human_0+marker_gpt_bad],gpt_bad_1,<|eos|>",
    "np": "[marker_user+human_0+marker_gpt_bad],gpt_bad_1,[marker_gpt],gpt_1,<|eos|>",
    "pn": "[marker_user+human_0+marker_gpt],gpt_1,[marker_gpt_bad],gpt_bad_1,<|eos|>",
}
"""The orders of Chain of Hindsight: the good answer, the bad one, or both; what stands in brackets is not learnt."""


def read_critique_text(row: Row) -> str:
    """The critique; `Unfit` where there is none, or it says of no step whether it is right."""
    if not row["critique"] or row["critique_first_error"] is None:
        raise Unfit("no critique that can be read", str(row.get("critique_fault") or ""))
    return str(row["critique"])


def read_attempt_before(row: Row) -> str:
    """The attempt that was revised; `Unfit` for a first one."""
    if row["text_before"] is None:
        raise Unfit("a first attempt", "")
    return str(row["text_before"])


def order_sides(row: Row) -> tuple[str, str]:
    """The right and the wrong one of an attempt and its revision; `Unfit` where both are alike."""
    sides = {row["verdict"]: row["text"], row["verdict_before"]: row["text_before"]}
    if sides.keys() != {"right", "wrong"}:
        raise Unfit("not one right and one wrong", f"{row['verdict_before']}, then {row['verdict']}")
    return sides["right"], sides["wrong"]


def weigh_turns(row: Row) -> list[dict[str, Any]]:
    """The conversation as ShareGPT has it: the last turn weighs exp(reward / 0.4), all before it nothing."""
    if row["reward"] is None:
        raise Unfit("undecided", str(row.get("undecided") or ""))
    turns = list_turns([{**segment, "learn": False} for segment in row["segments"]])
    return [*turns[:-1], {**turns[-1], "loss": exp(row["reward"] / SOFTNESS)}]


def list_history(row: Row) -> list[dict[str, str]]:
    """The conversation before the attempt."""
    return list_messages(row["segments"][:-1])


def read_other(row: Row) -> tuple[str, float]:
    """Another revision after the same feedback, and its reward; `Unfit` where none has another reward."""
    if row["other_text"] is None:
        raise Unfit("no other revision of another reward", "")
    return row["other_text"], row["other_reward"]


def choose_order(row: Row) -> str:
    """The order of Chain of Hindsight that a row has: each as often, by its id."""
    names = sorted(ORDERS)
    return ORDERS[names[int(digest("hindsight", row["turn_id"])[:8], 16) % len(names)]]
