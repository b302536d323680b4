"""Rollouts: what is asked of the completer, and whether what comes back is right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from schemas.request import Completion, Reply
from tasks.llm.channels import TAGS, Of, is_unfinished_thought
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


def list_channel_prefixes(row: Mapping[str, Any], of: Of | None) -> list[str]:
    """The completion through each step, thoughts and all where they are read.

    Args:
        row: A solution; the steps may be of its text, of its thoughts, or of both.
        of: Whether the thoughts of a text's steps come before it (`both`).

    Returns:
        As many texts as steps; one that ends within the thoughts leaves them open.

    """
    steps, thinking, steps_of = row["steps"], row.get("thinking"), row.get("steps_of") or "text"
    if not thinking or (steps_of == "text" and of != "both"):
        return list_prefixes(row["rationale"], steps)
    begin, end = f"{TAGS[0][0]}\n", f"\n{TAGS[0][1]}\n\n"
    count = 0 if steps_of == "text" else len(steps) if steps_of == "thinking" else _count_steps(thinking, steps)
    inside = list_prefixes(thinking, steps[:count])
    behind = list_prefixes(row["rationale"], steps[count:])
    return [*(begin + prefix for prefix in inside), *(begin + thinking + end + prefix for prefix in behind)]


def _count_steps(text: str, steps: Sequence[str]) -> int:
    """How many of the steps stand in a text, one after the other from its beginning."""
    end = 0
    for count, step in enumerate(steps):
        start = text.find(step, end)
        if start < 0 or text[end:start].strip():
            return count
        end = start + len(step)
    return len(steps)


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
            # behind a prefix that ends within the thoughts the text is all that was said
            text = reply.text if is_unfinished_thought(prefix) else prefix + reply.text
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
