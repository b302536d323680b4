"""Assignments: what a conversation asks the teacher for, read from its words by the prompts that ship with Errata."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from schemas.request import Message, Request
from tasks.llm import prompts
from tasks.split import split_steps
from tasks.synthetic.problems import Problem
from tasks.synthetic.reading import read_problem

Role = Literal["solve", "judge", "critique", "correct", "mend", "rewrite", "explain", "checklist", "is true"]
ROLES: Mapping[str, Role] = {
    "abacus-solve": "solve", "solve": "solve", "abacus-judge": "judge", "judge": "judge", "judge-critique": "judge",
    "judge-likelihood": "judge", "judge-pairwise": "judge", "judge-steps": "judge", "critique": "critique",
    "revise-none": "correct", "revise-verdict": "correct", "revise-critique": "correct", "revise-run": "correct", "inject": "rewrite", "correct": "mend",
    "classify": "explain", "checklist": "checklist", "is-true": "is true",
}  # fmt: skip
"""What the prompts of ours that it knows ask for."""
_STEP = re.compile(r"<step-\d+>\n(.*?)\n</step-\d+>", re.DOTALL)
_FIELD = re.compile(r"\{([a-z_]+)\}")
_ANY = r"[^\x00]*?"
"""What can stand at a place: anything of one turn."""
_PLACES = {
    "steps": r"(?:<thoughts-\w+>.*?</thoughts-\w+>\n)?<solution-\w+>.*?</solution-\w+>",
    "reference": r"(?:<reference-\w+>.*?</reference-\w+>)?",
    "verdict": r"[^<\n]*",
    "samples": r"(?:[^\n:]*:\n(?:- [^\n]*\n)+)?",
}
"""What can stand at a place whose neighbours are mere line breaks; anything elsewhere."""
_FIRST = ("abacus-solve", "solve")


class UnknownRoleError(ValueError):
    """The conversation follows no prompt that the teacher knows."""


@dataclass(frozen=True)
class Assignment:
    """What is asked, and about what."""

    role: Role
    prompt: str
    """The prompt's name."""
    problem: Problem | None
    """The problem; None where its words are not the world's."""
    fields: Mapping[str, str]
    """What stands at the places of the prompt."""
    attempt: str = ""
    """The solution that a revision is asked for; empty where none is shown."""

    @property
    def steps(self) -> list[str]:
        """The steps that are shown, or those of the solution or attempt that is."""
        if fenced := _STEP.findall(self.fields.get("steps", "")):
            return list(fenced)
        return split_steps(self.fields.get("solution", self.attempt))[0]


@lru_cache(maxsize=64)
def _compile_prompt(name: str) -> re.Pattern[str]:
    """A prompt's conversation as a pattern with a group for each field; a field that comes again is the same."""
    pieces = _FIELD.split(_join_turns(prompts.fill(prompts.find_template(name), {})))
    pattern = "".join(
        re.escape(piece)
        if i % 2 == 0
        else rf"(?P={piece})"
        if piece in pieces[1:i:2]
        else rf"(?P<{piece}>{_PLACES.get(piece, _ANY)})"
        for i, piece in enumerate(pieces)
    )
    return re.compile(pattern, re.DOTALL)


def _join_turns(messages: Sequence[Message]) -> str:
    return "\x00".join(f"{message.role}\x01{message.content}" for message in messages)


def _match(name: str, messages: Sequence[Message]) -> dict[str, str] | None:
    """The fields of a prompt where the messages follow it."""
    match = _compile_prompt(name).fullmatch(_join_turns(messages))
    return match.groupdict() if match else None


def read_assignment(request: Request) -> Assignment:
    """What a request asks for.

    Args:
        request: A request to the teacher.

    Returns:
        The role, the problem, and what else is shown.

    Raises:
        UnknownRoleError: It follows no prompt that the teacher knows.

    """
    if assignment := _read_revision(request.messages):
        return assignment
    messages = request.messages
    if _match("correct-again", messages[-1:]) is not None:  # what was sent back is asked for as before
        messages = messages[: len(prompts.fill(prompts.find_template("correct"), {}))]
    for name, role in ROLES.items():
        if role != "correct" and (fields := _match(name, messages)) is not None:
            return Assignment(role, name, read_problem(fields["question"]), fields)
    raise UnknownRoleError


def _read_revision(messages: Sequence[Message]) -> Assignment | None:
    """A conversation that ends with feedback: behind an attempt, or behind the problem where no attempt is shown."""
    for name in (name for name, role in ROLES.items() if role == "correct"):
        for first in _FIRST:
            turns = len(prompts.fill(prompts.find_template(first), {}))
            head, last = messages[:turns], messages[-1]
            if len(messages) == turns:
                start = last.content.rfind("\n\n" + prompts.find_template(name).split("{")[0])
                head = (*head[:-1], Message("user", last.content[:start])) if start >= 0 else ()
                last = Message("user", last.content[start + 2 :])
            asked, fields = _match(first, head), _match(name, (last,))
            if asked is not None and fields is not None:
                attempt = messages[-2].content if len(messages) > turns + 1 else ""
                return Assignment("correct", name, read_problem(asked["question"]), fields, attempt)
    return None
