"""What an endpoint does with the beginning of an answer, told from its replies to probes."""

from __future__ import annotations

import pytest

from schemas.model_id import ModelId
from schemas.request import Completion, Failure, Message, Options, Reply, Request, Sampling
from tasks.llm.continuation import UNASKED, Continuation, ProbeFault, make_probes, read_probes, take_continuation

PROBES = make_probes(ModelId("finch", ""), "http://127.0.0.1/v1 vllm")
REST = " old wooden bridge.", " standing behind the kitchen door.", " the oranges.\nThen we add both numbers."
ASKED = Request("finch", "", (Message("user", "1 + 2 + 3?"),), Sampling(16), prefix="First we add 1 and 2.\n")


def reply(request: Request, text: str) -> Reply:
    return Completion(request.id, text, "stop", 12, 30, 9, None, "fake 1", 0.0)


def read(*texts: str) -> Continuation | ProbeFault:
    return read_probes(PROBES, {probe.id: reply(probe, text) for probe, text in zip(PROBES, texts, strict=True)})


def test_probes_are_the_same_each_time_and_others_at_another_server() -> None:
    assert [probe.id for probe in PROBES] == [
        probe.id for probe in make_probes(ModelId("finch", ""), PROBES[0].options.endpoint)
    ]
    assert not {probe.id for probe in PROBES} & {probe.id for probe in make_probes(ModelId("finch", ""), "elsewhere")}
    assert {ModelId.of(probe) for probe in PROBES} == {ModelId("finch", "")}
    assert {probe.sampling.temperature for probe in PROBES} == {0.0}


def test_who_goes_on_says_the_next_word_behind_a_blank() -> None:
    assert read(*REST) == "goes on"
    assert read(REST[0], "", REST[2]) == "goes on"
    assert isinstance(read(*(text.lstrip() for text in REST)), ProbeFault)  # a turn of its own begins with no blank
    assert isinstance(read(REST[0], "", ""), ProbeFault)


def test_who_repeats_says_what_nobody_asked_for() -> None:
    assert read(*(probe.prefix + rest for probe, rest in zip(PROBES, REST, strict=True))) == "repeats"
    anew = read(*(probe.prefix.removeprefix(UNASKED) + rest for probe, rest in zip(PROBES, REST, strict=True)))
    assert isinstance(anew, ProbeFault) and "it answered 'First we count the apples" in str(anew)


def test_refusals_are_no_continuations() -> None:
    fault = read_probes(PROBES, {probe.id: Failure(probe.id, "refused by the endpoint", "400") for probe in PROBES})
    assert isinstance(fault, ProbeFault) and "refused by the endpoint: 400" in str(fault)


@pytest.mark.parametrize(
    ("continuation", "text", "taken"),
    [
        ("exactly", "First we add 1 and 2.\n3", "First we add 1 and 2.\n3"),
        ("goes on", "That is 3.", "That is 3."),
        ("goes on", "First we add 1 and 2.\n3", None),
        ("repeats", "First we add 1 and 2.\nThat is 3.", "That is 3."),
        ("repeats", "First we add 1 and 2. That is 3.", " That is 3."),
        ("repeats", "That is 3.", None),
    ],
)
def test_the_beginning_is_taken_off_where_it_is_repeated(
    continuation: Continuation, text: str, taken: str | None
) -> None:
    result = take_continuation(ASKED, reply(ASKED, text), continuation)
    if taken is None:
        assert isinstance(result, Failure) and (result.tokens, result.prompt_tokens) == (9, 30)
        assert result.reason == "the beginning was not gone on with"
    else:
        assert isinstance(result, Completion) and result.text == taken


def test_a_request_without_a_beginning_is_left_alone() -> None:
    request = Request("finch", "", ASKED.messages, Sampling(16), options=Options())
    assert take_continuation(request, reply(request, "3"), "repeats") == reply(request, "3")
