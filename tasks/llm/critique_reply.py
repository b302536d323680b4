"""The reading of a critique: which step it calls the first wrong one, and what it says of the final answer.

The form is AutoMathCritique's (arXiv 2411.16579): three lines a step, up to the
first wrong one, and two about the final answer. What a critique repeats of the
solution counts for nothing, as with judges.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.request import Completion, Reply
from tasks.llm.channels import split_channels
from tasks.llm.judge_reply import CONTRADICTORY, CUT_OFF, EMPTY, LONGEST_READ, NONE, TOO_LONG, UNFINISHED, UNPARSABLE
from tasks.llm.quoted_text import Material

_OF_STEP = re.compile(
    r"^\W*correctness of the step\W*(correct|right|wrong|incorrect)\W*$", re.IGNORECASE | re.MULTILINE
)
_OF_ANSWER = re.compile(
    r"^\W*correctness of the final answer\W*(correct|right|wrong|incorrect)\W*$", re.IGNORECASE | re.MULTILINE
)
_EXPLANATION = re.compile(r"^\W*explanation\W*?:\W*(.*)$", re.IGNORECASE | re.MULTILINE)
_WRONG = ("wrong", "incorrect")
WRONG_WITHOUT_STEP = "calls the answer wrong and no step"
NOTHING = Material(())


@dataclass(frozen=True)
class Critique:
    """A critique as it was read."""

    text: str
    """What the reviser is shown."""
    first_error: int | None
    """The first step that it calls wrong, counted from 0; -1 for none, None where that is undecided."""
    fault: str = ""
    """Why it is undecided, in few words."""
    why: str = ""
    """What it says of that step."""


def parse_critique(reply: Reply, steps: int, material: Material) -> Critique:
    """The critique of a solution of so many steps that a reply is."""
    if not isinstance(reply, Completion):
        return Critique("", None, reply.reason)
    channels = split_channels(reply.text)
    text = channels.text.strip()
    if reply.finish == "length" or not reply.thinking_finished or not channels.is_finished:
        return Critique(text[:LONGEST_READ], None, CUT_OFF)
    return read_critique(text, steps, material)


def read_critique(text: str, steps: int, material: Material = NOTHING) -> Critique:
    """What a critique says of a solution of so many steps.

    Args:
        text: The critique.
        steps: How many steps the solution has.
        material: What its writer was shown; lines that repeat it say nothing.

    Returns:
        The first step that is called wrong, or why that is undecided.

    """
    if not text.strip() or len(text) > LONGEST_READ:
        return Critique(text[:LONGEST_READ], None, TOO_LONG if text.strip() else EMPTY)
    own = material.without(text)
    verdicts = list(_OF_STEP.finditer(own))
    wrong = [i for i, verdict in enumerate(verdicts) if verdict[1].lower() in _WRONG]
    answers = {answer[1].lower() in _WRONG for answer in _OF_ANSWER.finditer(own)}
    if not verdicts:
        return Critique(text, None, UNPARSABLE)
    if len(answers) > 1 or len(verdicts) > steps:
        return Critique(text, None, CONTRADICTORY)
    if wrong:
        why = _EXPLANATION.search(own, verdicts[wrong[0]].end())
        return Critique(text, wrong[0], "", why[1].strip() if why else "")
    if True in answers:
        return Critique(text, None, WRONG_WITHOUT_STEP)
    return Critique(text, NONE) if len(verdicts) == steps else Critique(text, None, UNFINISHED)
