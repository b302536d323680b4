"""The channels of what a model wrote: its thoughts, and its text beside them.

Engines, imported and recorded answers and the reader of final answers all
part them here, so that a thought is nowhere taken for an answer. Known are
tags (`<think>…</think>` and their like), Harmony's channels, and completions
whose prompt opened the thought, in which only its end is seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Of = Literal["text", "thinking", "both"]
"""Which channels of a completion are read."""
TAGS = (
    ("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>"), ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"), ("<scratchpad>", "</scratchpad>"), ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("◁think▷", "◁/think▷"), ("[THINK]", "[/THINK]"), ("<seed:think>", "</seed:think>"),
)  # fmt: skip
_FOLDED_OPENINGS = tuple(begin.casefold() for begin, _ in TAGS)
_TAG = re.compile("|".join(re.escape(mark) for pair in TAGS for mark in pair), re.IGNORECASE)
_OPENING = re.compile(rf"(?:{'|'.join(re.escape(begin) for begin, _ in TAGS)})\s*$", re.IGNORECASE)
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]{0,60}<\|message\|>")
_TURN = re.compile(r"<\|(?:start|end|return|call|channel|message)\|>")
_BARE = re.compile(r"\s*analysis(?=[A-Z])(.*?)(?:(?:<\|end\|>)?assistant(?:<\|channel\|>)?final|\Z)", re.DOTALL)
"""Harmony's channels where a tokenizer has left out their marks: `analysisWe need …assistantfinal18`."""
_ANSWER = re.compile(
    r"\s*(?:<answer>(.*?)</answer>|<\|begin_of_solution\|>(.*?)(?:<\|end_of_solution\|>|\Z))\s*",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True)
class Channels:
    """What a model wrote, parted."""

    thinking: str
    """The thoughts, without the marks round them; empty where there are none."""
    text: str
    """The rest; as it came where there are no thoughts."""
    is_finished: bool
    """Whether the thoughts came to their end; True where there are none."""


@dataclass(frozen=True)
class Thoughts:
    """Where the thoughts stand in a text."""

    spans: tuple[tuple[int, int], ...]
    """From where to where, their marks among them; in order."""
    pieces: tuple[tuple[int, int], ...]
    """The same without the marks."""
    is_finished: bool


def find_thoughts(text: str, opened: bool = False) -> Thoughts:
    """Where the thoughts of a completion stand.

    An end without a beginning ends what the prompt began: all before it is
    thought, behind the thoughts before it.

    Args:
        text: What a model wrote.
        opened: Whether it began within its thoughts, because the prompt (or the prefix) had opened them.

    Returns:
        No span where there are none.

    """
    if not opened and not any(sign in text for sign in ("<", "[", "◁", "analysis")):
        return Thoughts((), (), True)
    if "<|channel|>" in text:
        return _find_channels(text)
    if bare := _BARE.match(text):
        final = "final" in text[bare.end(1) : bare.end()]
        return Thoughts((bare.span(),), (bare.span(1),), final)
    spans: list[tuple[int, int]] = []
    pieces: list[tuple[int, int]] = []
    begin = inner = 0 if opened else -1
    for match in _TAG.finditer(text):
        if match[0].casefold() in _FOLDED_OPENINGS:
            if begin < 0:
                begin, inner = match.span()
            continue
        if begin < 0:
            begin = inner = spans[-1][1] if spans else 0
        spans.append((begin, match.end()))
        pieces.append((inner, match.start()))
        begin = -1
    if begin >= 0:
        spans.append((begin, len(text)))
        pieces.append((inner, len(text)))
    return Thoughts(tuple(spans), tuple(pieces), begin < 0)


def _find_channels(text: str) -> Thoughts:
    """Harmony's: the last `final` is the text, everything before it, or all where there is none, are thoughts."""
    channels = list(_CHANNEL.finditer(text))
    final = next((match for match in reversed(channels) if match[1].casefold() == "final"), None)
    others = [match for match in channels if match is not final and (final is None or match.end() <= final.start())]
    pieces = []
    for match in others:
        end = _TURN.search(text, match.end())
        pieces.append((match.end(), end.start() if end else len(text)))
    if final:
        return Thoughts(((0, final.end()),), tuple(pieces), True)
    ended = bool(channels) and "<|end|>" in text[text.rfind("<|message|>") :]
    return Thoughts(((0, len(text)),), tuple(pieces), ended)


def split_channels(text: str, opened: bool = False, apart: str = "") -> Channels:
    """A completion's thoughts and its text.

    Args:
        text: What a model wrote.
        opened: Whether the prompt, or the prefix of the answer, had opened the thoughts.
        apart: Thoughts that came beside the text; where no text came, they were not finished.

    Returns:
        The text as it came where there are no thoughts; else without the white space between them, and without the
        marks (`<answer>`, `<|begin_of_solution|>`) of an answer that is all that follows.

    """
    thoughts = find_thoughts(text, opened)
    if not thoughts.spans:
        return Channels(apart, text, not apart or bool(text.strip()))
    # what goes on from a prefix keeps the white space that it begins with
    inside = (
        text[begin:end].rstrip() if opened and not begin else text[begin:end].strip() for begin, end in thoughts.pieces
    )
    thinking = "\n\n".join(piece for piece in (apart, *inside) if piece)
    rest = "\n\n".join(piece for piece in _list_outside(text, thoughts.spans) if piece)
    if "<|channel|>" in text and (end := _TURN.search(rest)):
        rest = rest[: end.start()].rstrip()
    if answer := _ANSWER.fullmatch(rest):
        rest = (answer[1] if answer[1] is not None else answer[2]).strip()
    return Channels(thinking, rest, thoughts.is_finished)


def _list_outside(text: str, spans: tuple[tuple[int, int], ...]) -> list[str]:
    ends = [0, *(end for _, end in spans)]
    begins = [*(begin for begin, _ in spans), len(text)]
    return [text[end:begin].strip() for end, begin in zip(ends, begins)]


def is_thought_opened(prompt: str) -> bool:
    """Whether a prompt ends by opening a thought, as some chat templates do: what follows is thought."""
    return bool(_OPENING.search(prompt[-100:]))


def join_prefix(prompt: str, prefix: str) -> str:
    """A prompt and the beginning of an answer to it, where the prompt may have opened a thought already.

    Args:
        prompt: A conversation as its template lays it out.
        prefix: How the answer begins; thoughts in it have their marks.

    Returns:
        One text: a thought is opened once, and one that the answer has not is closed before it.

    """
    opening = _OPENING.search(prompt) if prefix and is_thought_opened(prompt) else None
    if opening is None:
        return prompt + prefix
    mark = prompt[opening.start() :].strip()
    if prefix.startswith(mark):
        return prompt[: opening.start()] + prefix
    if find_thoughts(prefix).spans:
        return prompt + prefix
    end = TAGS[_FOLDED_OPENINGS.index(mark.casefold())][1]
    return f"{prompt.rstrip()}\n\n{end}\n\n{prefix}"


def is_unfinished_thought(text: str) -> bool:
    """Whether a completion ends within its thoughts."""
    return not find_thoughts(text).is_finished
