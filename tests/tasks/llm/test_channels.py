"""Thoughts and text are parted in every form that models and servers write them in."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.llm.channels import (
    TAGS,
    Channels,
    find_thoughts,
    is_thought_opened,
    is_unfinished_thought,
    join_prefix,
    split_channels,
)

HARMONY = "<|channel|>analysis<|message|>2 + 2?<|end|><|start|>assistant<|channel|>final<|message|>Four.<|return|>"


@pytest.mark.parametrize(
    ("text", "thinking", "rest"),
    [
        ("Four.", "", "Four."),
        ("  Four.\n", "", "  Four.\n"),
        ("2 < 3 and [1, 2] and 4 > 3", "", "2 < 3 and [1, 2] and 4 > 3"),
        ("analysis of the sum: four", "", "analysis of the sum: four"),
        *((f"{begin}\n2 + 2?\n{end}\n\nFour.", "2 + 2?", "Four.") for begin, end in TAGS),
        ("<Think>2 + 2?</THINK>Four.", "2 + 2?", "Four."),
        ("2 + 2?\n</think>\n\nFour.", "2 + 2?", "Four."),
        ("a</think>b</think>Four.", "a\n\nb", "Four."),
        ("<think>a</think>Let me see.<think>b</think>Four.", "a\n\nb", "Let me see.\n\nFour."),
        ("Let me see. <think>2 + 2?</think> Four.", "2 + 2?", "Let me see.\n\nFour."),
        ("<think>\n\n</think>\n\nFour.", "", "Four."),
        ("<think>2 + 2?</think>", "2 + 2?", ""),
        ("<think>2 + 2?</think>\n<answer> Four. </answer>", "2 + 2?", "Four."),
        ("<think>a</think>It is <answer>4</answer>", "a", "It is <answer>4</answer>"),
        ("Sum. <answer>4</answer>", "", "Sum. <answer>4</answer>"),
        (
            "<|begin_of_thought|>a<|end_of_thought|>\n\n<|begin_of_solution|>Four.<|end_of_solution|>", "a", "Four."
        ),
        (HARMONY, "2 + 2?", "Four."),
        ("<|channel|>final<|message|>Four.", "", "Four."),
        (
            "<|channel|>analysis<|message|>a<|end|><|channel|>commentary to=functions.sum<|message|>{}<|call|>"
            "<|channel|>final<|message|>Four.", "a\n\n{}", "Four.",
        ),
        ("analysisWe need the sum.assistantfinalFour.", "We need the sum.", "Four."),
    ],
)  # fmt: skip
def test_finished_thoughts(text: str, thinking: str, rest: str) -> None:
    assert split_channels(text) == Channels(thinking, rest, True)


@pytest.mark.parametrize(
    ("text", "thinking"),
    [
        ("<think>2 + 2?", "2 + 2?"),
        ("<think>a</think>Hm.<think>2 +", "a\n\n2 +"),
        ("<|channel|>analysis<|message|>2 + 2?", "2 + 2?"),
        ("<|channel|>analysis<|message|>a<|end|><|channel|>analysis<|message|>2 +", "a\n\n2 +"),
        ("analysisWe need the sum", "We need the sum"),
    ],
)
def test_thoughts_that_come_to_no_end(text: str, thinking: str) -> None:
    channels = split_channels(text)
    assert (channels.thinking, channels.is_finished) == (thinking, False)
    assert is_unfinished_thought(text)


def test_what_the_prompt_opened_is_a_thought() -> None:
    assert is_thought_opened("<|im_start|>assistant\n<think>\n") and not is_thought_opened("<think>\n\n</think>\n\n")
    assert split_channels("2 + 2?</think>Four.", opened=True) == Channels("2 + 2?", "Four.", True)
    assert split_channels("2 + 2?", opened=True) == Channels("2 + 2?", "", False)


@pytest.mark.parametrize(
    ("prompt", "prefix", "joined"),
    [
        ("<user>2 + 2?<model>", "It is", "<user>2 + 2?<model>It is"),
        ("<user>2 + 2?<model>", "<think>\na", "<user>2 + 2?<model><think>\na"),
        ("<model><think>\n", "", "<model><think>\n"),
        ("<model><think>\n", "<think>\na", "<model><think>\na"),
        ("<model><think>\n", "a</think>b", "<model><think>\na</think>b"),
        ("<model><think>\n", "It is", "<model><think>\n\n</think>\n\nIt is"),
        ("<model>[THINK]", "It is", "<model>[THINK]\n\n[/THINK]\n\nIt is"),
    ],
)
def test_a_thought_is_opened_once_and_closed_before_an_answer_that_has_none(
    prompt: str, prefix: str, joined: str
) -> None:
    assert join_prefix(prompt, prefix) == joined


def test_thoughts_beside_the_text_are_unfinished_where_no_text_came() -> None:
    assert split_channels("Four.", apart="2 + 2?") == Channels("2 + 2?", "Four.", True)
    assert split_channels("<think>b</think>Four.", apart="a") == Channels("a\n\nb", "Four.", True)
    assert not split_channels(" \n", apart="2 + 2?").is_finished


PIECES = st.lists(
    st.sampled_from([mark for pair in TAGS for mark in pair] + ["a", "b c", "\n", "<|channel|>", "final"])
)


@given(PIECES.map("".join), st.booleans())
def test_whatever_comes_is_parted_once_and_for_all(text: str, opened: bool) -> None:
    thoughts = find_thoughts(text, opened)
    ends = [place for span in thoughts.spans for place in span]
    assert ends == sorted(ends) and (not ends or 0 <= ends[0] <= ends[-1] <= len(text))
    channels = split_channels(text, opened)
    assert set(channels.thinking + channels.text) <= set(text) | {"\n"}


def test_a_long_trace_is_parted_at_once() -> None:
    text = "<think>" + "Wait, 2 + 2 = 4.\n\n" * 50_000 + "</think>" * 2_000 + "Four."
    began = time.process_time()
    assert split_channels(text).text == "Four."
    assert time.process_time() - began < 2
