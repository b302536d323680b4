"""The engine `llama` with a real language model: what is asked is kept to, and the same is answered each time."""

from __future__ import annotations

import json
import math
import os
import re
import signal
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from schemas.recipe.models import LlamaCpp
from schemas.request import Completion, EngineError, Failure, Message, Options, Request, Sampling
from tasks.engines.llama.engine import LlamaEngine
from tests.llama.conftest import CONTEXT

pytestmark = pytest.mark.external

QUESTION = "Tom has {} apples and buys 4 more. How many apples does he have? Answer in two or three short sentences."
SCHEMA = {
    "type": "object",
    "properties": {"reason": {"type": "string", "maxLength": 60}, "first_error": {"enum": ["1", "2", "none"]}},
    "required": ["reason", "first_error"],
    "additionalProperties": False,
}


def ask(
    apples: int = 3, *, sample: int = 0, prefix: str = "", temperature: float = 0.0, most: int = 48, logprobs: bool = False,
    stop: tuple[str, ...] = (), schema: str = "",
) -> Request:  # fmt: skip
    """One request; greedy unless a temperature is given."""
    sampling = Sampling(most, temperature, 1.0, stop, schema)
    message = Message("user", QUESTION.format(apples))
    return Request("smollm2", "", (message,), sampling, sample, prefix, logprobs=logprobs)


def answer(engine: LlamaEngine, *requests: Request) -> list[Completion]:
    """The completions of some requests, in their order."""
    replies = {reply.request: reply for reply in engine.answer(requests)}
    completions = [replies[request.id] for request in requests]
    assert all(isinstance(reply, Completion) for reply in completions), replies
    return [reply for reply in completions if isinstance(reply, Completion)]


def test_greedy_is_the_same_each_time_and_its_account_is_right(engine: LlamaEngine) -> None:
    first, other = answer(engine, ask(logprobs=True), ask(5))
    assert re.fullmatch(r"llama\.cpp (xllamacpp \d+\..+|b?\d+.*)", first.engine)
    assert first.text and 0 < first.tokens <= 48 and first.prompt_tokens > 20
    assert first.logprob is not None and -200 < first.logprob < 0
    assert other.text != first.text and other.logprob is None, "not needed, so not computed"
    (again,) = answer(engine, ask())
    assert (again.text, again.tokens, again.finish) == (first.text, first.tokens, first.finish)


def test_numbers_of_tokens_are_those_of_the_tokens_one_by_one(engine: LlamaEngine) -> None:
    """The same answer again, a token at a time: each has the log-probability that it has in the list."""
    asked = replace(ask(most=6, logprobs=True), statistics=("min_k20", "token_logprobs"))
    (whole,) = answer(engine, asked)
    assert whole.answers(asked) and whole.token_logprobs and len(whole.token_logprobs) == whole.tokens == 6
    text, logprobs = "", []
    for _ in range(whole.tokens):
        (step,) = answer(engine, ask(prefix=text, most=1, logprobs=True))
        assert step.logprob is not None
        text += step.text
        logprobs.append(step.logprob)
    assert text == whole.text and logprobs == pytest.approx(list(whole.token_logprobs), rel=0.02, abs=0.02)
    assert whole.min_k20 == pytest.approx(min(logprobs), rel=0.02), "the unlikeliest of six"


def test_choices_have_the_probabilities_of_first_tokens(engine: LlamaEngine) -> None:
    (first,) = answer(engine, ask(most=1, logprobs=True))
    (chosen,) = answer(engine, replace(ask(most=1), choices=(first.text.strip(), "nowhere")))
    assert first.logprob is not None and chosen.choice_logprobs is not None
    likely, unlikely = chosen.choice_logprobs
    assert first.logprob - 1e-6 <= likely <= 0 and unlikely == -math.inf, "whatever white space is about it adds to it"
    assert likely == pytest.approx(first.logprob, abs=0.2)


def test_samples_are_drawn_apart_and_the_same_whatever_is_asked_beside_them(engine: LlamaEngine) -> None:
    requests = [ask(sample=sample, temperature=1.0, most=24) for sample in range(4)]
    texts = [reply.text for reply in answer(engine, *requests)]
    assert len(set(texts)) == 4
    alone = [answer(engine, request)[0].text for request in reversed(requests)]
    assert alone == texts[::-1]


def test_what_follows_a_prefix_is_what_would_have_followed(engine: LlamaEngine) -> None:
    (whole,) = answer(engine, ask(logprobs=True))
    begun, *_ = answer(engine, ask(most=6, logprobs=True))
    (rest,) = answer(engine, ask(prefix=begun.text, most=42, logprobs=True))
    assert begun.finish == "length" and whole.text == begun.text + rest.text, (
        "continued, neither repeated nor begun anew"
    )
    assert rest.prompt_tokens == whole.prompt_tokens + 6
    assert whole.logprob and begun.logprob and rest.logprob
    assert whole.logprob == pytest.approx(begun.logprob + rest.logprob, abs=0.2)


def test_an_unlikely_prefix_is_gone_on_with_all_the_same(engine: LlamaEngine) -> None:
    (reply,) = answer(engine, ask(prefix="1. Tom has 3 + 4 = 7 apples.\n2.", most=24))
    assert reply.text.startswith(" ") and "1." not in reply.text


def test_a_schema_is_kept_to_at_any_temperature(engine: LlamaEngine) -> None:
    schema = json.dumps(SCHEMA)
    requests = [ask(sample=sample, temperature=t, schema=schema, most=120) for sample, t in enumerate((0.0, 1.0, 2.0))]
    for reply in answer(engine, *requests):
        assert reply.finish == "stop"
        jsonschema.validate(json.loads(reply.text), SCHEMA)
        # the wheel lets no white space in, llama-server's own grammar a line break with some blanks, and no more
        assert not re.search(r"\s{24}", reply.text) and len(reply.text) < 160


def test_a_stop_text_ends_it_and_is_no_part_of_it(engine: LlamaEngine) -> None:
    whole, cut = answer(engine, ask(), ask(stop=(" apples",)))
    assert " apples" in whole.text and cut.finish == "stop"
    assert cut.text == whole.text.split(" apples")[0]


def test_a_base_text_is_gone_on_with_without_a_template(engine: LlamaEngine) -> None:
    text = Request(
        "smollm2",
        "",
        (Message("user", "One, two, three, four,"),),
        Sampling(8, 0.0),
        options=Options(api="completions"),
    )
    (reply,) = answer(engine, text)
    assert "five" in reply.text and reply.prompt_tokens < 15


def test_a_template_that_fails_is_told_and_is_not_needed_for_texts(weights: Path, tmp_path: Path) -> None:
    condition = b"{% if loop.first and messages[0]['role'] != 'system' %}"
    content = weights.read_bytes()
    assert content.count(condition) == 1
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(content.replace(condition, b"{% if true %}{{ raise_exception('No.') }}".ljust(len(condition))))
    engine = LlamaEngine(LlamaCpp(engine="llama", model=str(broken), context=CONTEXT))
    with closing(engine), pytest.raises(EngineError, match=r"(?s)Jinja Exception: No\..*its chat template fails"):
        engine.load()
    text = Request(
        "smollm2", "", (Message("user", "One, two, three, four,"),), Sampling(8), options=Options(api="completions")
    )
    with closing(
        LlamaEngine(LlamaCpp(engine="llama", model=str(broken), context=CONTEXT, api="completions"))
    ) as engine:
        assert "five" in answer(engine, text)[0].text


def test_what_is_longer_than_the_context_fails_alone(engine: LlamaEngine) -> None:
    long = Request("smollm2", "", (Message("user", "apples " * 2 * CONTEXT),), Sampling(4))
    replies = {reply.request: reply for reply in engine.answer([long, ask(most=4)])}
    failure = replies[long.id]
    assert isinstance(failure, Failure) and failure.reason == "longer than the context"
    assert isinstance(replies[ask(most=4).id], Completion)


def test_a_server_that_is_killed_is_replaced_and_answers_the_same(engine: LlamaEngine, artifacts: Path) -> None:
    requests = [ask(sample=sample, temperature=1.0, most=24) for sample in range(4)]
    before = {reply.request: reply.text for reply in answer(engine, *requests)}
    replies = engine.answer(requests)
    first = next(replies)
    assert engine._server
    os.killpg(engine._server._process.pid, signal.SIGKILL)
    after = [first, *replies]
    assert {reply.request: reply.text for reply in after if isinstance(reply, Completion)} == before
    (artifacts / "engine.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in before.values()))
