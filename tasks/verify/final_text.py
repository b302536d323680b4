"""What of a completion is its final text: without thoughts, other turns, marks of chat templates, notes and confidence.

What is left out gives place to spaces, so that each sign keeps its place in the completion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.llm.channels import find_thoughts

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


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _blank_thoughts(text: str) -> str:
    """The text with spaces for its thoughts; where nothing else is there, for their marks alone."""
    thoughts = find_thoughts(text)
    if not thoughts.is_finished or not thoughts.spans:
        return text
    outside = _blank_spans(text, thoughts.spans)
    if re.search(r"\w", _MARKS.sub("", outside)):
        return outside
    ends = [0, *(end for _, end in thoughts.pieces)]
    return _blank_spans(text, list(zip(ends, [*(begin for begin, _ in thoughts.pieces), len(text)])))


def _blank_spans(text: str, spans: Sequence[tuple[int, int]]) -> str:
    parts, done = [], 0
    for begin, end in spans:
        parts += [text[done:begin], re.sub(r"[^\n]", " ", text[begin:end])]
        done = end
    return "".join([*parts, text[done:]])


def find_final_text(text: str) -> str:
    """The final text of a completion, each of its signs in its place."""
    text = _blank_thoughts(text)
    if "<<" in text:
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
