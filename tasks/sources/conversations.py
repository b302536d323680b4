"""Conversations: turns by their roles, however a file writes them, as exchanges of a question and what answers it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tasks.sources.values import FieldError

Role = Literal["user", "assistant", "thinking", "system"]
Turn = Literal["first", "last", "all"]
ROLES: Mapping[str, str] = {
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant",
    "model": "assistant", "bot": "assistant", "ai": "assistant",
    "system": "system", "developer": "system",
    "tool": "tool", "function": "tool", "function_call": "tool", "function_response": "tool", "observation": "tool", "ipython": "tool",
}  # fmt: skip
"""What roles are called, by messages of APIs, ShareGPT and others."""
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_TEXTS = ("text", "input_text", "output_text", "refusal")


@dataclass
class Exchange:
    """What a user says before the assistant answers, and all turns of the assistant until the user speaks again."""

    user: list[str] = field(default_factory=list)
    assistant: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)


def take_role(value: Any, role: Role, turn: Turn) -> str | None:
    """What one side says in a conversation.

    Args:
        value: A list of turns (`role` and `content`, or `from` and `value`), one turn alone, or a text, which is what its
            one turn says.
        role: Whose words are wanted; `thinking` are the assistant's thoughts beside what it says.
        turn: Which exchange of question and answer, where there are several.

    Returns:
        The turns of that side, a blank line between two; None where it says nothing.

    Raises:
        FieldError: The value is no conversation, a turn's role is unknown, or it holds what is no text.

    """
    if isinstance(value, str):
        return None if role in ("thinking", "system") else value
    turns = [value] if isinstance(value, Mapping) else value
    if not isinstance(turns, Sequence):
        raise FieldError("wrong type", f"a conversation is a {type(value).__name__}, expected a list of turns")
    if role == "system":
        texts = [_read_content(each)[0] for each in turns if _read_role(each) == "system"]
        return "\n\n".join(filter(None, texts)) or None
    exchanges = _split_exchanges(turns)
    asked = [exchange for exchange in exchanges if exchange.user] or exchanges
    chosen = exchanges if turn == "all" else asked[:1] if turn == "first" else asked[-1:]
    return "\n\n".join(text for exchange in chosen for text in getattr(exchange, role)) or None


def _split_exchanges(turns: Iterable[Any]) -> list[Exchange]:
    """The exchanges of a conversation; turns of systems and tools are in none."""
    exchanges: list[Exchange] = []
    answered = True
    for each in turns:
        role = _read_role(each)
        if role not in ("user", "assistant"):
            continue
        if not exchanges or (role == "user" and answered):
            exchanges.append(Exchange())
        text, thoughts = _read_content(each)
        answered = role == "assistant"
        if role == "user":
            exchanges[-1].user.append(text)
            continue
        exchanges[-1].assistant += [text] if text.strip() else []
        exchanges[-1].thinking += [thoughts] if thoughts.strip() else []
    return exchanges


def _read_role(turn: Any) -> str:
    """The role of a turn by the names that we know."""
    if not isinstance(turn, Mapping):
        raise FieldError(
            "wrong type", f"a turn is a {type(turn).__name__}, expected a mapping with `role` and `content`"
        )
    name = turn.get("role", turn.get("from"))
    role = ROLES.get(str(name).strip().lower())
    if role is None:
        raise FieldError("unknown role", f"{str(name)[:40]!r}; there are {', '.join(ROLES)}")
    return role


def _read_content(turn: Mapping[str, Any]) -> tuple[str, str]:
    """What a turn says, and the thoughts in it."""
    content = turn.get("content", turn.get("value"))
    thoughts = next((turn[name] for name in _THOUGHTS if isinstance(turn.get(name), str)), "")
    if content is None or isinstance(content, str):
        return content or "", thoughts
    if not isinstance(content, Sequence):
        raise FieldError("wrong type", f"the content of a turn is a {type(content).__name__}, expected text or parts")
    texts: list[str] = []
    inner = [thoughts] if thoughts else []
    for part in content:
        text, is_thought = _read_part(part)
        (inner if is_thought else texts).append(text)
    return "".join(texts), "\n\n".join(inner)


def _read_part(part: Any) -> tuple[str, bool]:
    """The text of a part of a turn's content, and whether it is a thought."""
    if isinstance(part, str):
        return part, False
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in _TEXTS or (isinstance(part, Mapping) and kind is None):
        text = part.get("text", part.get(str(kind)))
        if isinstance(text, str):
            return text, False
    if kind in ("reasoning", "thinking", "redacted_thinking"):
        return next((part[name] for name in (*_THOUGHTS, "summary") if isinstance(part.get(name), str)), ""), True
    if kind in ("tool_use", "tool_call", "tool_result"):
        return "", False
    raise FieldError("not text", f"a part of a turn's content is {str(kind or type(part).__name__)[:40]!r}")
