"""What trainers read of segments: messages with the ranges of characters to learn, and turns with a loss each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from random import Random
from typing import Any

Segment = Mapping[str, Any]
SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}
"""The roles as ShareGPT has them."""
_WORD = re.compile(r"\s*\S+(?:\s+$)?|\s+")


def make_segment(
    role: str, kind: str, text: str, by: str, learn: bool = False, of: str | None = None
) -> dict[str, Any]:
    """A segment; it weighs 1."""
    return {"role": role, "kind": kind, "text": text, "learn": learn, "weight": 1.0, "by": by, "of": of}


def draw_unlearned(segments: Iterable[Segment], share: float, key: str) -> list[Segment]:
    """Segments of which some words are not learnt, and are segments of their own.

    Args:
        segments: The conversation, or a part of it.
        share: The probability of a word that would be learnt not to be; with 0 nothing is drawn.
        key: The id that the draw depends on.

    Returns:
        The same text to the letter, with neighbouring words that are learnt alike in one segment.

    Source: Masked Thought (arXiv 2403.02178), with words for tokens; there they are replaced by a mask, too.

    """
    random = Random(key)  # noqa: S311
    drawn: list[Segment] = []
    for segment in segments:
        words = _WORD.findall(segment["text"]) if share and segment["learn"] else []
        runs = groupby(words, key=lambda _: random.random() >= share)
        drawn += [{**segment, "text": "".join(run), "learn": learn} for learn, run in runs] if words else [segment]
    return drawn


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


def list_log(segments: Iterable[Segment]) -> list[dict[str, Any]]:
    """Messages as logs of agents have them, cut where what is learnt begins or ends: each with whether it has a loss."""
    return [
        {"role": role, "content": "".join(segment["text"] for segment in group), "loss": learn}
        for (role, learn), group in groupby(segments, key=lambda segment: (segment["role"], segment["learn"]))
    ]


def list_checks(segments: Iterable[Segment]) -> list[dict[str, Any]]:
    """The solutions of a conversation, each with the check behind it and whether it is right by that check.

    Args:
        segments: The conversation; critiques part its solutions.

    Returns:
        Records in their order; none of what no critique follows.

    """
    checks: list[dict[str, Any]] = []
    solution, right = "", True
    for segment in segments:
        if segment["kind"] == "critique":
            last = checks[-1] if checks and not solution else None
            if last is None:
                checks.append({"solution": solution.strip(), "verification": segment["text"], "right": right})
            else:
                last["verification"] += segment["text"]
            solution, right = "", True
        elif segment["role"] == "assistant":
            solution += segment["text"]
            right &= segment["kind"] != "wrong"
    return [check | {"verification": check["verification"].strip()} for check in checks]
