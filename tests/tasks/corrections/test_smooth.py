"""The task `smooth`: words are kept where equations, answer and word list allow it, and else the plain splice stays with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from schemas.columns.corrections import SPLICED
from schemas.frames import check
from schemas.model_id import ModelId
from schemas.request import Completion, Failure, Reply, Request
from tasks.corrections.segments import list_messages
from tasks.corrections.smooth import SMOOTH, SmoothParameters
from tests.tasks.corrections.test_splice import continued, contrasted, make_splices

NAMED = {"teacher": ModelId("teacher", "r1")}
TURN, END = "Hm, two and two is not five. Once more:", "2 + 2 = 4\nSo the answer is 4."


def write(turn: str = TURN, end: str = END) -> str:
    return json.dumps({"turn": turn, "end": end})


def answer(text: str) -> Callable[[Request], Reply]:
    return lambda request: Completion(request.id, text, "stop", 1024, 10, 5, None, "scripted", 0.0)


def smoothed(part: pl.DataFrame, say: Callable[[Request], Reply]) -> tuple[list[Request], list[dict[str, Any]]]:
    """All requests, and the rows, which keep the contract; none is lost."""
    rules = SmoothParameters(model="teacher")
    assert SMOOTH.check(rules, SPLICED) == []
    conversation = SMOOTH.ask(part, rules, NAMED)
    requests = list(next(conversation))
    try:
        conversation.send({request.id: say(request) for request in requests})
    except StopIteration as end:
        outcome = end.value
    check(outcome.kept, SMOOTH.makes(rules, SPLICED), "test")
    assert outcome.kept.height == part.height and outcome.rejected.height == 0
    return requests, outcome.kept.to_dicts()


def splices(**given: Any) -> pl.DataFrame:
    return make_splices(continued(), **{"style": "fix", **given}).kept


def test_what_says_the_same_takes_the_place_of_turn_and_end() -> None:
    part = splices()
    (request,), (row,) = smoothed(part, answer(write()))
    (plain,) = part.to_dicts()
    assert row["text"] == f"Add.\n2 + 2 = 5\n{TURN}\n{END}" == list_messages(row["segments"])[1]["content"]
    assert [(piece["kind"], piece["learn"]) for piece in row["segments"]] == [
        (piece["kind"], piece["learn"]) for piece in plain["segments"]
    ]
    assert row["segments"][:3] == plain["segments"][:3]  # the beginning stays, so that its mask still fits
    assert (row["smoothed_by"], row["not_smoothed"], row["smooth_request"]) == ("teacher@r1", None, request.id)
    assert row["spliced_id"] != plain["spliced_id"] and row["segments"][-1]["by"] == "teacher@r1"
    shown = request.messages[-1].content
    assert all(piece["text"].strip() in shown for piece in plain["segments"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (write(end="2 + 2 = 4\n4 + 0 = 4\nSo the answer is 4."), "other equations"),
        (write(end="So the answer is 4."), "other equations"),
        (write(end="2 + 2 = 4\nSo the answer is 5."), "another final answer"),
        (write(turn="The reference solution shows that this is wrong."), "tells how the row was made"),
        (write(turn="Here is a smoother transition."), "tells how the row was made"),
        (write(turn=""), "unparsable"),
        ("I would rather not.", "unparsable"),
        (write() + write(turn="Or so:"), "unparsable"),
        ("", "empty"),
    ],
)
def test_what_does_not_leaves_the_plain_splice_with_the_reason(text: str, reason: str) -> None:
    part = splices()
    _, (row,) = smoothed(part, answer(text))
    assert (row["not_smoothed"], row["smoothed_by"], row["smooth_reply"]) == (reason, None, text)
    assert {name: row[name] for name in part.columns} == part.to_dicts()[0]


def test_the_same_words_again_change_nothing() -> None:
    part = splices()
    turn, end = (piece["text"] for piece in part["segments"].to_list()[0][-2:])
    _, (row,) = smoothed(part, answer(write(turn, end)))
    assert row["not_smoothed"] == "changes nothing"


def test_a_model_that_fails_leaves_the_plain_splice() -> None:
    _, (row,) = smoothed(splices(), lambda request: Failure(request.id, "the server is gone"))
    assert row["not_smoothed"] == "the server is gone" and row["smoothed_by"] is None


def test_nobody_is_asked_about_rows_without_a_turn_in_words_or_with_drawn_masks() -> None:
    checked = make_splices(contrasted(), style="verify").kept
    part = pl.concat([splices(style="backspace"), checked, splices(masked=0.9), splices()])
    requests, rows = smoothed(part, answer(write()))
    assert len(requests) == 1
    assert [row["not_smoothed"] for row in rows] == [
        "has no turn in words", "has no turn in words", "its words are masked already", None,
    ]  # fmt: skip


def test_a_prompt_without_what_is_to_be_written_anew_is_a_fault_of_the_recipe() -> None:
    rules = SmoothParameters.model_validate({"model": "teacher", "prompt": "{question} {beginning} {turn}"})
    assert SMOOTH.check(rules, SPLICED) == ["prompt: has no {end}; put it in"]
