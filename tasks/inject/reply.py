"""The reading of what a model made of the step that it was to spoil: the step as it is now, or why not; never a guess."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schemas.request import Reply, replace_surrogates
from tasks.classify.reply import read_final_text
from tasks.classify.rules import blank_step_number
from tasks.inject.filters import OTHER_PLACE
from tasks.llm.judge_reply import UNPARSABLE
from tasks.llm.lenient_json import find_objects

_FENCED = re.compile(r"```[a-z]{0,12}\n(.*?)\n?```", re.DOTALL)
_TAGGED = re.compile(r"<step-(\d{1,4})[^>\n]{0,40}>\n?(.*?)(?:\n?</step|(?=<step-)|\Z)", re.DOTALL)
_MARKED, _CLOSED = re.compile(r"<step-[0-9a-f]{16}>\n?"), re.compile(r"</step-[0-9a-f]{16}>")
_COMMITTED = re.compile(r"[^\n]{1,80} becomes [^\n]{1,80}:\n+")
"""Which number becomes which, as the prompt has it said first."""
_INTRODUCTION = re.compile(
    r"(?:here (?:is|'s)|sure|certainly|of course|(?:the )?(?:new|rewritten) )[^\n]{0,200}:\n+", re.IGNORECASE
)


def parse_rewriting(reply: Reply, steps: Sequence[str], at: int) -> tuple[str, str]:
    """The step that a reply rewrites, as the solution numbers it; or an empty text, and why there is none."""
    text, fault = read_final_text(reply)
    if fault:
        return "", fault
    step, fault = _find_step(text.strip(), at)
    step = replace_surrogates(step).strip()
    if fault or not step:
        return "", fault or UNPARSABLE
    if any(other.strip() in step for i, other in enumerate(steps) if i != at and len(other) > 20):
        return "", OTHER_PLACE
    return number_step(step, at, steps), ""


def _find_step(text: str, at: int) -> tuple[str, str]:
    """The text of a step: of an object, between tags, fenced, or as it stands behind a word of introduction."""
    if fenced := _FENCED.search(text):
        text = fenced[1]
    text = _MARKED.sub("", _CLOSED.split(text, maxsplit=1)[0])
    text = text[match.end() :] if (match := _COMMITTED.match(text)) else text
    records = [record["step"] for record in find_objects(text) if isinstance(record.get("step"), str)]
    if records:
        return records[0], ""
    tagged = {int(match[1]): match[2] for match in _TAGGED.finditer(text)}
    if tagged:
        return tagged.get(at + 1, ""), "" if at + 1 in tagged else OTHER_PLACE
    if text.startswith("{"):
        return "", UNPARSABLE
    text = _INTRODUCTION.sub("", text, count=1) if _INTRODUCTION.match(text) else text
    # models that have written the step go on with the next one
    if going_on := re.search(rf"^\W{{0,6}}(?:step )?{at + 2}[.:)]", text, re.IGNORECASE | re.MULTILINE):
        text = text[: going_on.start()]
    return text.strip().strip('"') if text.count('"') == 2 else text, ""


def number_step(text: str, at: int, steps: Sequence[str]) -> str:
    """A step with the number that belongs to its place, where the solution has such: models drop it, or keep an old one."""
    like = steps[at]
    label = like[: len(like) - len(blank_step_number(like).lstrip())]
    return label + blank_step_number(text).lstrip() if label.strip() else text
