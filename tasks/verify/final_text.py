"""What of a completion is its final text: without thoughts, other turns, marks of chat templates, notes and confidence.

What is left out gives place to spaces, so that each sign keeps its place in the completion.
"""

from __future__ import annotations

import re

_THOUGHTS = (
    ("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>"), ("<reasoning>", "</reasoning>"), ("<scratchpad>", "</scratchpad>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"), ("◁think▷", "◁/think▷"), ("[THINK]", "[/THINK]"), ("<seed:think>", "</seed:think>"),
)  # fmt: skip
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]{0,60}<\|message\|>")
_TURN = re.compile(
    r"<\|im_start\|>\s*user\b|<\|start_header_id\|>\s*user\b|<\|user\|>|<start_of_turn>\s*user\b|\[INST\]|^#{1,4}\s*(?:Instruction|Human|User|Input)\s*:|^(?:Human|User|USER)\s*:"
    r"|^(?:Q|Question)\s*:",
    re.MULTILINE,
)
"""Where another begins to speak, or a model goes on with the next of its few-shot examples."""
_MARKS = re.compile(r"<\|[a-zA-Z_/0-9]{1,40}\|>|</?s>|<eos>|<extra_\d+>|<pad>|<end_of_turn>|\[/INST\]|<\|return\|>")
_STEP_TAGS = re.compile(r"[ \t]*ки[ \t]*$", re.MULTILINE)
_CALCULATOR = re.compile(r"<<[^<>\n]{0,200}>>")
_NOTES = re.compile(
    r"^[ \t]*[*_]{0,2}(?:confidence(?: level| score)?|certainty|source|sources|note|notes|explanation|references?|tags?|difficulty|time taken)[*_]{0,2}\s*[:=][^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_BRACKETS = re.compile(
    r"\((?:note|n\.b\.|nb|assuming|hint|remember|confidence|i\.e\.|source|see)\b[^()\n]{0,300}\)\.?|\[(?:note|confidence|source)\b[^\[\]\n]{0,300}\]",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"(?:(?<=[.!?\n])|^)[ \t]*(?:i hope (?:it|this|that)|hope (?:it|this|that)|let me know|feel free|please let me know|if you have any|great job|well done|good luck|good job|thank you|thanks"
    r"|is there anything else|would you like|do you have any|happy to help|i am \d+ ?% (?:sure|confident)|i'm \d+ ?% (?:sure|confident)|my confidence)\b[^\n.!?]*(?:\.\d+[^\n.!?]*)?[.!?%]*",
    re.IGNORECASE,
)
_PICTURES = re.compile("[\U0001f300-\U0001faff\u2600-\u26ff\u2705\u2713\u2714\ufe0f\u200d]")
LONGEST = 200_000


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _blank_between(text: str, start: int, end: int) -> str:
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]


def is_unfinished_thought(text: str) -> bool:
    """Whether a completion ends within its thoughts."""
    if "<|channel|>" in text:
        channels = _CHANNEL.findall(text)
        return (
            bool(channels) and channels[-1].casefold() != "final" and "<|end|>" not in text[text.rfind("<|message|>") :]
        )
    return any(text.rfind(begin) > text.rfind(end) for begin, end in _THOUGHTS if begin in text)


def _strip_thoughts(text: str) -> str:
    whole = text
    if "<|channel|>" in text:
        finals = [match for match in _CHANNEL.finditer(text) if match[1].casefold() == "final"]
        if finals:
            return _blank_between(text, 0, finals[-1].end())
    for _begin, end in _THOUGHTS:
        closed = text.rfind(end)
        if closed >= 0:
            text = _blank_between(text, 0, closed + len(end))
    if text is not whole and not re.search(r"\w", _MARKS.sub("", text)):  # all of it stands in its thoughts
        for marks in _THOUGHTS:
            for mark in marks:
                whole = whole.replace(mark, " " * len(mark))
        return whole
    return text


def find_final_text(text: str) -> str:
    """The final text of a completion, each of its signs in its place."""
    if ("<" in text or "◁" in text or "[" in text) and len(text) <= LONGEST:
        if any(
            mark in text
            for mark in (
                "<|channel|>",
                "</think",
                "</thought",
                "</reasoning>",
                "</scratchpad>",
                "_thought|>",
                "◁/think▷",
                "[/THINK]",
                "</seed:think>",
            )
        ):
            text = _strip_thoughts(text)
        text = _CALCULATOR.sub(_blank, text)
    if (turn := _find_next_turn(text)) is not None:
        text = text[:turn]
    if "<" in text or "[" in text:
        text = _MARKS.sub(_blank, text)
    if "ки" in text:
        text = _STEP_TAGS.sub(_blank, text)
    tail = text[-2000:]
    for pattern in (_NOTES, _BRACKETS, _COURTESY, *(() if tail.isascii() else (_PICTURES,))):
        cleaned = pattern.sub(_blank, tail)
        if re.search(r"\w", cleaned):
            tail = cleaned
    return text[:-2000] + tail if len(text) > 2000 else tail


def _find_next_turn(text: str) -> int | None:
    """Where, behind some text of the model's own, another's turn begins."""
    for match in _TURN.finditer(text):
        if re.search(r"\w", text[max(0, match.start() - 500) : match.start()]) and not match[0].startswith(
            ("Q", "Question")
        ):
            return match.start()
        if match[0].startswith(("Q", "Question")) and re.search(
            r"####|\\boxed|\banswer\b", text[max(0, match.start() - 500) : match.start()], re.IGNORECASE
        ):
            return match.start()
    return None
