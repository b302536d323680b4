"""Rollouts: what is asked of the completer, and whether what comes back is right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from schemas.request import Completion, Reply
from tasks.verify.math_verify.pool import compared
from tasks.verify.task import judge_rows

_GAP = re.compile(r"\s*")


def list_prefixes(rationale: str, steps: Sequence[str]) -> list[str]:
    """The text through each step: with the line break behind it where there is one, and without other blanks.

    Where the steps do not stand in the rationale to the letter they are joined line by line.

    Args:
        rationale: The solution as it was written.
        steps: Its steps.

    Returns:
        As many texts as steps.

    """
    prefixes, end = [], 0
    for step in steps:
        start = rationale.find(step, end)
        if start < 0 or rationale[end:start].strip():
            return ["\n".join(steps[: i + 1]) + "\n" for i in range(len(steps))]
        end = start + len(step)
        gap = _GAP.match(rationale, end)
        prefixes.append(rationale[:end] + (gap[0].rstrip(" \t") if gap and "\n" in gap[0] else ""))
    return prefixes


def judge_rollouts(replies: Iterable[tuple[Mapping[str, Any], str, Reply]], answers: str) -> list[bool | None]:
    """Whether each rollout comes to the right answer.

    Args:
        replies: For each rollout the row it belongs to, the prefix it goes on from, and the reply.
        answers: The kind of answers, as `verify` knows it.

    Returns:
        As many as replies; None where it was refused, cut off, or where `verify` cannot decide.

    """
    rows, at = [], []
    results: list[bool | None] = []
    for row, prefix, reply in replies:
        if isinstance(reply, Completion) and reply.finish == "stop" and reply.thinking_finished:
            text = prefix + reply.text
            at.append(len(results))
            rows.append(
                {
                    "text": text,
                    "rationale": text,
                    "stated": None,
                    **{name: row[name] for name in ("answer", "options", "question")},
                }
            )
        results.append(None)
    schema = {name: pl.String() for name in ("text", "rationale", "stated", "answer", "question")}
    frame = pl.DataFrame(rows, schema={**schema, "options": pl.List(pl.String)})
    for index, verdict in zip(at, judge_rows(frame, answers, compared)["verdict"]):
        results[index] = None if verdict == "undecided" else verdict == "right"
    return results
