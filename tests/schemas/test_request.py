"""What a request is, and when a completion answers it."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import pytest

from schemas.model_id import ModelId
from schemas.recipe.models import Price
from schemas.request import FURTHER, Completion, Message, Options, Request, Sampling, replace_surrogates

REQUEST = Request("m", "r", (Message("user", "1 + 1?"),), Sampling(100, 1.0, 1.0, ("\n",)), 3, "It is")


def test_the_id_is_that_of_the_content_and_stays_what_it_is() -> None:
    assert REQUEST.id == replace(REQUEST, sample=3).id == "d964f4019ffe02871ed59af066a3b8ac"
    assert 0 <= REQUEST.seed < 2**31
    assert replace(REQUEST, sampling=replace(REQUEST.sampling, temperature=1)).id == REQUEST.id


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, model="n"),
        replace(REQUEST, revision="s"),
        replace(REQUEST, messages=(Message("system", "1 + 1?"),)),
        replace(REQUEST, messages=(Message("user", "1 + 2?"),)),
        replace(REQUEST, messages=(*REQUEST.messages, Message("user", ""))),
        replace(REQUEST, sampling=replace(REQUEST.sampling, temperature=0.5)),
        replace(REQUEST, sampling=replace(REQUEST.sampling, top_p=0.5)),
        replace(REQUEST, sampling=replace(REQUEST.sampling, stop=())),
        replace(REQUEST, sampling=replace(REQUEST.sampling, schema='{"type": "object"}')),
        replace(REQUEST, sample=4),
        replace(REQUEST, prefix=""),
        *(replace(REQUEST, sampling=replace(REQUEST.sampling, **dict[str, Any]({name: 0}))) for name in FURTHER),
        replace(REQUEST, sampling=replace(REQUEST.sampling, stop_token_ids=(7,))),
        replace(REQUEST, options=Options(api="completions")),
        replace(REQUEST, options=Options(template='{"enable_thinking": false}')),
        replace(REQUEST, options=Options(extra='{"enable_thinking": false}')),
        replace(REQUEST, options=Options(omit=("temperature",))),
        replace(REQUEST, options=Options(seed=0)),
        replace(REQUEST, choices=("A", "B")),
    ],
)
def test_whatever_the_answer_depends_on_makes_another_request(other: Request) -> None:
    assert other.id != REQUEST.id


def test_what_leaves_all_to_the_server_has_the_id_that_it_always_had() -> None:
    schema = replace(REQUEST, sampling=Sampling(64, 0.8, 0.9, ("###",), "{}"))
    assert schema.id == "04959500b5ffac4050ef816715bdf139"
    assert ModelId("m", "r").ask(schema.messages, schema.sampling, 3, "It is") == schema


def test_a_models_own_settings_are_in_force_where_a_task_says_nothing() -> None:
    model = ModelId("m", "", Options(seed=7), "Be brief.", Sampling(0, stop=("END",), top_k=20, min_p=0.0))
    own = model.ask(REQUEST.messages, Sampling(10, 0.5, stop=("\n", "END"), top_k=0))
    assert (own.sampling.top_k, own.sampling.min_p, own.sampling.stop, own.sampling.max_tokens) == (
        0,
        0.0,
        ("\n", "END"),
        10,
    )
    assert own.messages == (Message("system", "Be brief."), *REQUEST.messages) and ModelId.of(own) == model
    result = model.ask((Message("system", "You judge."), *REQUEST.messages), Sampling(10))
    assert result.messages == (Message("system", "Be brief.\n\nYou judge."), *REQUEST.messages)


def test_settings_are_told_in_words() -> None:
    model = ModelId(
        "m", "r", Options("completions", '{"enable_thinking": false}', "", ("seed", "top_p"), 7), "Be brief."
    )
    assert model.describe() == (
        "m@r, top_p server's default, system prompt 1947d731, text completion, enable_thinking false, no seed sent, seed 7"
    )
    assert ModelId("m", "r").describe() == "m@r"


def test_the_limit_of_tokens_does_not_make_another_request() -> None:
    assert replace(REQUEST, sampling=replace(REQUEST.sampling, max_tokens=7)).id == REQUEST.id


def test_what_ended_answers_any_limit_that_has_room_and_what_was_cut_off_only_its_own() -> None:
    ended = Completion(REQUEST.id, "2", "stop", 100, 9, 50, None, "e", 0.0)
    cut = replace(ended, finish="length", tokens=100)

    def asked(limit: int) -> Request:
        return replace(REQUEST, sampling=replace(REQUEST.sampling, max_tokens=limit))

    assert [ended.answers(asked(limit)) for limit in (49, 50, 100, 999)] == [False, True, True, True]
    assert [cut.answers(asked(limit)) for limit in (99, 100, 101)] == [False, True, False]
    assert not ended.answers(replace(REQUEST, sample=4))


def test_what_is_kept_of_tokens_is_no_part_of_the_identity_but_what_lacks_it_is_no_answer() -> None:
    asked = replace(REQUEST, logprobs=True, statistics=("self_certainty", "token_logprobs"))
    assert asked.id == REQUEST.id and asked.needs_logprobs and not REQUEST.needs_logprobs
    plain = Completion(REQUEST.id, "2", "stop", 100, 9, 50, -1.5, "e", 0.0)
    some, whole = replace(plain, self_certainty=9.5), replace(plain, self_certainty=nan, token_logprobs=())
    assert [reply.answers(asked) for reply in (plain, some, whole)] == [False, False, True]
    assert all(reply.answers(REQUEST) for reply in (plain, some, whole))
    assert (whole.find_statistic("self_certainty"), whole.find_statistic("token_logprobs")) == (None, None)
    assert (some.find_statistic("self_certainty"), some.find_statistic("min_k20")) == (9.5, None)
    choosing = replace(REQUEST, choices=("A", "B"))
    chosen = replace(plain, request=choosing.id, choice_logprobs=(-0.1, -2.5))
    assert chosen.answers(choosing) and not replace(chosen, choice_logprobs=None).answers(choosing)
    assert not chosen.answers(replace(REQUEST, choices=("Yes", "No")))


def test_a_price_is_for_a_million_tokens() -> None:
    assert Price(prompt=2.0, completion=10.0).of(500_000, 100_000) == 2.0


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("生 \U0001f600", "生 \U0001f600"),
        ("", ""),
        ("a\ud800b", "a\ufffdb"),
        ("\udc00", "\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
    ],
)
def test_half_a_character_is_replaced_and_two_halves_are_one(text: str, kept: str) -> None:
    assert replace_surrogates(text) == kept
    replace_surrogates(text).encode()
