"""Segments: joined they are the messages to the letter, and ranges cover exactly what is to be learnt."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns.segments import KINDS, ROLES
from tasks.corrections.segments import list_learned, list_messages, list_turns

SEGMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(ROLES), "kind": st.sampled_from(KINDS), "text": st.text(max_size=8), "learn": st.booleans(),
            "weight": st.sampled_from([0.5, 1.0]), "by": st.just("m"), "of": st.none(),
        }
    ),
    max_size=8,
)  # fmt: skip


@given(SEGMENTS)
@settings(deadline=None)
def test_joined_segments_are_the_messages_to_the_letter(segments: list[dict[str, Any]]) -> None:
    messages = list_messages(segments)
    assert "".join(message["content"] for message in messages) == "".join(segment["text"] for segment in segments)
    roles = [message["role"] for message in messages]
    assert all(one != other for one, other in pairwise(roles))
    assert set(roles) == {segment["role"] for segment in segments}


@given(SEGMENTS)
@settings(deadline=None)
def test_ranges_cover_what_is_learnt_and_nothing_else(segments: list[dict[str, Any]]) -> None:
    messages = list_messages(segments)
    weights = [[0.0] * len(message["content"]) for message in messages]
    for learned in list_learned(segments):
        assert learned["from"] < learned["to"]
        for at in range(learned["from"], learned["to"]):
            assert weights[learned["message"]][at] == 0.0  # no character twice
            weights[learned["message"]][at] = learned["weight"]
    flat = [weight for message in weights for weight in message]
    assert flat == [s["weight"] if s["learn"] else 0.0 for s in segments for _ in s["text"]]


@given(SEGMENTS)
@settings(deadline=None)
def test_turns_say_the_same_with_a_loss_each(segments: list[dict[str, Any]]) -> None:
    turns = list_turns(segments)
    assert "".join(turn["value"] for turn in turns) == "".join(segment["text"] for segment in segments)
    flat = [turn["loss"] for turn in turns for _ in turn["value"]]
    assert flat == [s["weight"] if s["learn"] else 0.0 for s in segments for _ in s["text"]]
