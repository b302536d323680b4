"""Conversations: question and answer by roles, wherever they stand."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.sources.conversations import Role, Turn, take_role
from tasks.sources.values import FieldError


def says(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


SEVERAL = [
    says("system", "Be brief."), says("user", "One?"), says("assistant", "1"), says("user", "Sure?"), says("assistant", "Yes."),
]  # fmt: skip
TOOLS = [says("user", "Six?"), says("assistant", None, tool_calls=[{}]), says("tool", "6"), says("assistant", "6")]
PARTS = [
    {"from": "human", "value": [{"type": "text", "text": "Two"}, {"type": "text", "text": " and two?"}]},
    {"from": "gpt", "value": [{"type": "thinking", "thinking": "2 + 2"}, {"type": "output_text", "text": "4"}]},
]


@pytest.mark.parametrize(
    ("turns", "role", "turn", "text"),
    [
        (SEVERAL, "user", "first", "One?"), (SEVERAL, "assistant", "first", "1"), (SEVERAL, "user", "last", "Sure?"), (SEVERAL, "assistant", "last", "Yes."),
        (SEVERAL, "assistant", "all", "1\n\nYes."), (SEVERAL, "system", "first", "Be brief."), (TOOLS, "user", "first", "Six?"), (TOOLS, "assistant", "first", "6"),
        (PARTS, "user", "first", "Two and two?"), (PARTS, "assistant", "first", "4"), (PARTS, "thinking", "first", "2 + 2"),
        ([says("user", "One?")], "assistant", "first", None), ([], "user", "first", None), ("One?", "user", "last", "One?"), ("One?", "thinking", "last", None),
        ([says("assistant", "Hello!"), says("user", "One?"), says("assistant", "1")], "assistant", "first", "1"),
        ([says("user", "One"), says("user", "and two?"), says("assistant", "1")], "user", "first", "One\n\nand two?"),
        (says("assistant", "4", reasoning_content="2 + 2"), "thinking", "first", "2 + 2"),
        ([says("assistant", "a"), says("user", "more"), says("assistant", "b")], "assistant", "all", "a\n\nb"),
    ],
)  # fmt: skip
def test_a_side_is_known_by_its_role(turns: Any, role: Role, turn: Turn, text: str | None) -> None:
    assert take_role(turns, role, turn) == text


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        (7, "wrong type"), ([7], "wrong type"), ([says("judge", "x")], "unknown role"), ([{"content": "x"}], "unknown role"),
        ([says("user", [{"type": "image_url"}])], "not text"), ([says("user", 7)], "wrong type"), ([says("user", [None])], "not text"),
    ],
)  # fmt: skip
def test_what_is_no_conversation_is_a_fault(turns: Any, reason: str) -> None:
    with pytest.raises(FieldError) as error:
        take_role(turns, "user", "first")
    assert error.value.reason == reason
