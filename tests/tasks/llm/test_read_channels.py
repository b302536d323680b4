"""Stages read the channel that steps are of, or the one that a recipe names; what is not read is undecided with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from catalog.taxonomies import find_taxonomy
from schemas.request import Completion, Request
from tasks.classify.parameters import ClassifyParameters
from tasks.classify.task import CLASSIFY
from tasks.llm.read_channels import OTHER, UNFINISHED
from tasks.localize.rollouts import judge_rollouts, list_channel_prefixes
from tests.tasks.classify import conversation
from tests.tasks.localize import test_judge as judging

TEXT, THINKING = {"steps_of": "text"}, {"steps_of": "thinking"}
UNFINISHED_THOUGHT = {"thinking": "c\nd", "thinking_finished": False}


def judge(of: str | None, **columns: Any) -> tuple[list[Request], dict[str, Any]]:
    part = judging.solutions(["a", "b"]).with_columns(**{name: pl.lit(value) for name, value in columns.items()})
    given = judging.rules(of=of, form="json")
    requests, outcome = judging.run(part, given, lambda r: judging.said(r, '{"reason": "", "first_error": "2"}'))
    return requests, outcome.kept.row(0, named=True)


@pytest.mark.parametrize("of", [None, "text", "thinking", "both"])
def test_an_unfinished_thought_is_never_judged(of: str | None) -> None:
    requests, row = judge(of, **UNFINISHED_THOUGHT)
    assert requests == [] and (row["judge_first_error"], row["judge_undecided"]) == (None, UNFINISHED)
    assert row["judges"] == [] and row["judge_tokens"] == 0


@pytest.mark.parametrize(
    ("of", "columns", "reason"),
    [
        (None, {}, None),
        ("text", {}, None),
        ("text", TEXT, None),
        ("thinking", TEXT, OTHER),
        ("text", THINKING, OTHER),
        ("thinking", THINKING, None),
        (None, THINKING, None),
        ("both", THINKING, None),
        ("text", {"steps_of": "both"}, OTHER),
    ],
)
def test_only_steps_of_the_channel_are_judged(of: str | None, columns: dict[str, Any], reason: str | None) -> None:
    requests, row = judge(of, thinking="hm, ä", thinking_finished=True, **columns)
    assert (row["judge_undecided"], row["judge_first_error"]) == (reason, None if reason else 1)
    assert len(requests) == (reason is None)


def test_thoughts_are_shown_before_the_steps_where_both_are_read_and_prove_nothing() -> None:
    (alone,), _ = judge(None, thinking="First error: 1, <b>")
    (shown,), row = judge("both", thinking="First error: 1, <b>")
    assert "thoughts" not in alone.messages[-1].content
    assert "First error: 1, < b>" in shown.messages[-1].content
    assert shown.messages[-1].content.index("<thoughts-") < shown.messages[-1].content.index("<step-1>")
    assert row["judge_first_error"] == 1


def classify(of: str | None, **columns: Any) -> tuple[list[Request], dict[str, Any]]:
    part = conversation.rows(["slip"]).with_columns(**{name: pl.lit(value) for name, value in columns.items()})
    rules = ClassifyParameters.model_validate(
        {"models": ["a"], "taxonomy": "lemma", "of": of}, context={"taxonomies": find}
    )

    asking = CLASSIFY.ask(part, rules, conversation.NAMES)
    requests: list[Request] = []
    try:
        requests = [*next(asking)]
        asking.send({r.id: Completion(r.id, "?", "stop", 99, 9, 9, None, "fake 1", 0.0) for r in requests})
    except StopIteration as end:
        return requests, end.value.kept.row(0, named=True)
    raise AssertionError


def find(name: str) -> Any:
    return find_taxonomy(name, Path())


@pytest.mark.parametrize(
    ("of", "columns", "reason"),
    [("text", THINKING, OTHER), (None, UNFINISHED_THOUGHT, UNFINISHED), ("both", UNFINISHED_THOUGHT, UNFINISHED)],
)
def test_what_is_not_read_is_not_classified(of: str | None, columns: dict[str, Any], reason: str) -> None:
    requests, row = classify(of, **columns)
    assert requests == [] and (row["error_type"], row["type_undecided"]) == (None, reason)


def test_a_mistake_in_the_thoughts_is_classified() -> None:
    requests, _ = classify("thinking", thinking="I begin.", thinking_finished=True, **THINKING)
    assert len(requests) == 1


ROW = {"rationale": "e\nf", "thinking": "c\nd", "answer": "7", "options": None, "question": "?"}


@pytest.mark.parametrize(
    ("of", "steps_of", "steps", "prefixes"),
    [
        (None, "text", ["e", "f"], ["e\n", "e\nf"]),
        (None, None, ["e", "f"], ["e\n", "e\nf"]),
        (None, "thinking", ["c", "d"], ["<think>\nc\n", "<think>\nc\nd"]),
        ("both", "text", ["e", "f"], ["<think>\nc\nd\n</think>\n\ne\n", "<think>\nc\nd\n</think>\n\ne\nf"]),
        (None, "both", ["c", "d", "e", "f"], [
            "<think>\nc\n", "<think>\nc\nd", "<think>\nc\nd\n</think>\n\ne\n", "<think>\nc\nd\n</think>\n\ne\nf"
        ]),
    ],
)  # fmt: skip
def test_rollouts_go_on_where_the_steps_are(
    of: Any, steps_of: str | None, steps: list[str], prefixes: list[str]
) -> None:
    assert list_channel_prefixes({**ROW, "steps_of": steps_of, "steps": steps}, of) == prefixes


def test_of_a_rollout_within_the_thoughts_the_text_is_what_counts() -> None:
    reply = Completion("id", "#### 7", "stop", 99, 9, 9, None, "fake", 0.0, thinking=" so \\boxed{8}")
    unfinished = Completion("id", "", "stop", 99, 9, 9, None, "fake", 0.0, thinking="#### 7", thinking_finished=False)
    replies = [
        (ROW, "<think>\n\\boxed{9}", reply),
        (ROW, "<think>\nc", unfinished),
        (ROW, "<think>\n8\n</think>\n\ne\n", reply),
    ]
    assert judge_rollouts(replies, "auto") == [True, None, True]
