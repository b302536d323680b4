"""What trainers read of segments: messages with the ranges of characters to learn, and turns with a loss each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

Segment = Mapping[str, Any]
SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}
"""The roles as ShareGPT has them."""


def make_segment(
    role: str, kind: str, text: str, by: str, learn: bool = False, of: str | None = None
) -> dict[str, Any]:
    """A segment; it weighs 1."""
    return {"role": role, "kind": kind, "text": text, "learn": learn, "weight": 1.0, "by": by, "of": of}


def list_messages(segments: Iterable[Segment]) -> list[dict[str, str]]:
    """The conversation as trainers have it: neighbouring segments of one role are one message."""
    return [
        {"role": role, "content": "".join(segment["text"] for segment in group)}
        for role, group in groupby(segments, key=lambda segment: segment["role"])
    ]


def list_learned(segments: Iterable[Segment]) -> list[dict[str, Any]]:
    """What is to be learnt: of which message (counted from 0) which characters (up to, without, the last), and its weight.

    Args:
        segments: The conversation.

    Returns:
        Ranges in their order; neighbours of one weight are one range, empty segments none.

    """
    ranges: list[dict[str, Any]] = []
    for message, (_, group) in enumerate(groupby(segments, key=lambda segment: segment["role"])):
        at = 0
        for segment in group:
            end = at + len(segment["text"])
            last = ranges[-1] if ranges else None
            if not segment["learn"] or end == at:
                pass
            elif last and (last["message"], last["to"], last["weight"]) == (message, at, segment["weight"]):
                last["to"] = end
            else:
                ranges.append({"message": message, "from": at, "to": end, "weight": segment["weight"]})
            at = end
    return ranges


def list_turns(segments: Iterable[Segment]) -> list[dict[str, Any]]:
    """Turns as ShareGPT has them, cut where what is learnt ends: each with the weight of its loss, 0 where it is context."""
    return [
        {"from": SPEAKERS[role], "value": "".join(segment["text"] for segment in group), "loss": loss}
        for (role, loss), group in groupby(segments, key=_read_loss)
    ]


def _read_loss(segment: Segment) -> tuple[str, float]:
    return segment["role"], float(segment["weight"]) if segment["learn"] else 0.0
