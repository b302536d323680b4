"""The reading of what a model made of a solution that it was to spoil: its steps and the wrong one, or why not; never a guess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.request import Completion, Reply, replace_surrogates
from tasks.classify.rules import blank_step_number
from tasks.llm.judge_reply import CONTRADICTORY, CUT_OFF, EMPTY, LONGEST_READ, TOO_LONG, UNPARSABLE
from tasks.llm.lenient_json import find_objects

_MOST_STEPS, _LONGEST_CAUSE = 300, 1_000


@dataclass(frozen=True)
class Rewritten:
    """What a model made of a solution."""

    steps: tuple[str, ...]
    at: int
    """The step that it says is the first wrong one, from 0."""
    cause: str | None
    """What is wrong, in its words."""


def parse_rewriting(reply: Reply, steps: Sequence[str]) -> Rewritten | str:
    """What a reply makes of steps, or why it makes nothing of them, in few words."""
    if not isinstance(reply, Completion):
        return reply.reason
    if reply.finish == "length":
        return CUT_OFF
    _, thought, text = reply.text.rpartition("</think>")
    if not thought and "<think>" in reply.text:
        return CUT_OFF
    if not text.strip():
        return EMPTY
    return TOO_LONG if len(text) > LONGEST_READ else _read_steps(text, steps)


def _read_steps(text: str, steps: Sequence[str]) -> Rewritten | str:
    records = [record for record in find_objects(text) if "steps" in record]
    if not records:
        return UNPARSABLE
    if any(record != records[0] for record in records):
        return CONTRADICTORY
    texts, at, cause = records[0]["steps"], records[0].get("first_error"), records[0].get("cause")
    if isinstance(at, str) and re.fullmatch(r"\s*\d{1,4}\s*", at):
        at = int(at)
    if not isinstance(at, int) or isinstance(at, bool) or not isinstance(texts, list):
        return UNPARSABLE
    if not 1 <= len(texts) <= _MOST_STEPS or not all(isinstance(step, str) and step.strip() for step in texts):
        return UNPARSABLE
    new = tuple(_number_step(replace_surrogates(step).strip(), i, steps) for i, step in enumerate(texts))
    trimmed = replace_surrogates(" ".join(cause.split())[:_LONGEST_CAUSE]) if isinstance(cause, str) else ""
    return Rewritten(new, at - 1, trimmed or None)


def _number_step(text: str, at: int, steps: Sequence[str]) -> str:
    """A step with the number that belongs to its place, where the solution has such: models drop it, or keep an old one."""
    like = steps[min(at, len(steps) - 1)]
    label = like[: len(like) - len(blank_step_number(like).lstrip())]
    if not label.strip():
        return text
    return re.sub(r"\d+", str(at + 1), label) + blank_step_number(text).lstrip() if at >= len(steps) else label + blank_step_number(text).lstrip()  # fmt: skip
