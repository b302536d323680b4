"""Fences: what a judge is shown of a solution, so that nothing in it can pass for anything else.

The problem, the solution and the reference stand each between two tags that
bear a mark: a hash of the whole material. Who writes a solution would have to
know the hash of what he writes to close a fence. Besides, `<` before a word is
pulled away from it, so that no tag and no sign of a chat template
(`<|im_end|>`, `[INST]`) is left whole; so the tags of single steps, within the
solution's, need no mark, which costs more tokens than a step.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.llm.question import format_question

# what opens a turn or a tag for some model; a space makes mere text of it
_TAG = re.compile(r"([<＜])(?=[|｜/!?A-Za-z<＜])")
_BRACKET = re.compile(r"\[(?=/?[A-Z][A-Z_]+\])")
# they have no place in a text, and end it for some servers; line breaks and tabs may stay
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
FREE_KINDS = "a few words of your own"


def mark(row: Mapping[str, Any]) -> str:
    """16 hexadecimal digits: a hash of all that a judge is shown of a row."""
    shown = [row.get(name) for name in ("question", "options", "text", "steps", "reference")]
    shown += [row["thoughts"]] if row.get("thoughts") else []
    return hashlib.blake2b(json.dumps(shown).encode(), digest_size=8).hexdigest()


def strip_marks(text: str, mark: str) -> str:
    """A text without whole tags, marks of turns and control characters."""
    spaced = _BRACKET.sub("[ ", _TAG.sub(r"\1 ", text.replace("\r\n", "\n")))
    return _CONTROL.sub("\ufffd", spaced).replace(mark, "…")


def fence_text(name: str, text: str, mark: str) -> str:
    """A text between tags of this name."""
    return f"<{name}-{mark}>\n{strip_marks(text, mark)}\n</{name}-{mark}>"


def _fence_steps(steps: Sequence[str], mark: str) -> str:
    """A solution between tags that bear the mark, each step of it between tags that bear its number, counted from 1."""
    numbered = (f"<step-{i}>\n{strip_marks(step, mark)}\n</step-{i}>" for i, step in enumerate(steps, 1))
    return "\n".join([f"<solution-{mark}>", *numbered, f"</solution-{mark}>"])


def fill_fields(row: Mapping[str, Any], kinds: Sequence[str], reference: bool) -> dict[str, str]:
    """What fills a prompt for one row: {question}, {solution}, {steps}, {reference}, {kinds} and {mark}.

    `steps` are fenced and numbered from 1; before them stand the thoughts, where they are shown. `reference` is fenced too; it is
    empty where it is not asked for or the row has none. `question` (with its
    options) and `solution` (the text as it came) have no fence of their own.

    Args:
        row: A solution.
        kinds: The kinds of mistakes a model may name; any where there are none.
        reference: Whether the right solution is shown.

    Returns:
        The texts by their names in a prompt.

    """
    sign = mark(row)
    known = row["reference"] if reference else None
    thoughts = fence_text("thoughts", row["thoughts"], sign) + "\n" if row.get("thoughts") else ""
    return {
        "question": strip_marks(format_question(row["question"], row["options"]), sign),
        "solution": strip_marks(row.get("text") or "\n".join(row["steps"]), sign),
        "steps": thoughts + _fence_steps(row["steps"], sign),
        "reference": fence_text("reference", known, sign) if known else "",
        "kinds": f"one of: {', '.join(kinds)}" if kinds else FREE_KINDS,
        "mark": sign,
    }
