"""The engine `vllm` with the real vLLM and a real checkpoint."""

import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from schemas.request import Completion, EngineError, Failure, Request, Statistic
from tasks.engines.abacus.checkpoint import open_checkpoint
from tasks.engines.abacus.llama import Llama
from tasks.engines.vllm.engine import VLLMEngine
from tasks.localize.judge import make_schema
from tasks.localize.judge_parameters import JudgeParameters
from tests.vllm.asking import ask, one, texts
from tests.vllm.conftest import CONTEXT

pytestmark = pytest.mark.external

MANY = 520
STATISTICS: tuple[Statistic, ...] = ("self_certainty", "min_k20", "token_logprobs")


def pid_of(engine: VLLMEngine) -> int:
    assert engine.replicas[0].process
    return engine.replicas[0].process.pid


def group_lives(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_greedy_is_the_same_each_time_and_its_account_is_right(engine: VLLMEngine) -> None:
    first = one(engine, ask(logprobs=True))
    assert re.fullmatch(r"vllm \d+\.\d+.*", first.engine)
    assert first.text and 0 < first.tokens <= 40 and first.prompt_tokens > 10
    assert first.finish == "length" or first.tokens < 40
    assert first.logprob is not None and first.logprob < 0
    again = one(engine, ask())
    assert again.logprob is None, "not needed, so not computed"
    assert (again.text, again.tokens, again.finish) == (first.text, first.tokens, first.finish)


def test_numbers_of_tokens_are_those_of_another_reading_of_the_weights(engine: VLLMEngine, checkpoint: str) -> None:
    """Our own network reads the answers that vLLM drew: whole sequences at once, in float64."""
    requests = [
        replace(
            ask(3 + number, number, temperature=number % 2, max_tokens=20 + number),
            statistics=STATISTICS,
            logprobs=True,
        )
        for number in range(40)
    ]
    mixed = [
        request
        for pair in zip(requests, (ask(90, number, temperature=1.0) for number in range(40)))
        for request in pair
    ]
    replies = {reply.request: reply for reply in engine.answer(mixed) if isinstance(reply, Completion)}
    opened = open_checkpoint(Path(checkpoint))
    llama = Llama(opened.shape, opened.tensors, np.float64)
    for request in requests:
        reply = replies[request.id]
        assert reply.answers(request) and reply.token_logprobs and len(reply.token_logprobs) == reply.tokens
        prompt = opened.encode(request.messages, "")
        answer = opened.tokenizer.encode(reply.text, add_special_tokens=False).ids
        assert len(answer) == reply.tokens
        logits = llama.logits(llama.through(np.array([[*prompt, *answer]]))[0, len(prompt) - 1 : -1])
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        logs = np.log(shares / shares.sum(-1, keepdims=True))
        own = logs[np.arange(len(answer)), answer]
        assert reply.self_certainty == pytest.approx(-np.log(logs.shape[1]) - logs.mean(), rel=1e-4)
        assert reply.min_k20 == pytest.approx(np.sort(own)[: max(1, len(own) // 5)].mean(), rel=1e-3, abs=1e-3)
        assert np.allclose(reply.token_logprobs, own, rtol=2e-3, atol=1e-3)


def test_choices_have_the_probabilities_of_first_tokens(engine: VLLMEngine, checkpoint: str) -> None:
    opened = open_checkpoint(Path(checkpoint))
    llama = Llama(opened.shape, opened.tensors, np.float64)
    prompt = opened.encode(ask().messages, "")
    logits = llama.read(np.array([prompt]), np.array([len(prompt)]))[0]
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    likeliest = sorted(range(len(shares)), key=lambda token: -shares[token])[:2]
    choices = tuple(opened.pieces[token].strip() for token in likeliest)
    reply = one(engine, replace(ask(max_tokens=1), choices=choices))
    expected = [
        sum(shares[i] for i, piece in enumerate(opened.pieces) if piece.strip() == choice) for choice in choices
    ]
    assert reply.choice_logprobs and np.exp(reply.choice_logprobs) == pytest.approx(expected, abs=2e-3)


def test_what_follows_a_prefix_is_what_would_have_followed(engine: VLLMEngine) -> None:
    whole, begun = one(engine, ask(logprobs=True)), one(engine, ask(max_tokens=3, logprobs=True))
    assert (begun.finish, begun.tokens) == ("length", 3)
    rest = one(engine, ask(prefix=begun.text, max_tokens=37, logprobs=True))
    assert begun.text + rest.text == whole.text
    assert rest.tokens + 3 == whole.tokens
    assert rest.prompt_tokens == whole.prompt_tokens + 3
    assert whole.logprob and begun.logprob and rest.logprob
    assert whole.logprob == pytest.approx(begun.logprob + rest.logprob, abs=0.01)


def test_a_stop_text_ends_it_and_is_no_part_of_it(engine: VLLMEngine) -> None:
    whole = one(engine, ask())
    middle = len(whole.text) // 2
    stop = whole.text[middle : middle + 4]
    result = one(engine, ask(stop=(stop,)))
    assert result.text == whole.text[: whole.text.index(stop)]
    assert result.finish == "stop"


def test_samples_differ_and_their_seeds_bring_them_back(engine: VLLMEngine) -> None:
    requests = [ask(apples, sample, temperature=2.0) for apples in (3, 5) for sample in range(8)]
    first = texts(engine, requests)
    assert len(set(first.values())) > 8
    assert texts(engine, requests[::-2]) == {request.id: first[request.id] for request in requests[::-2]}


def test_the_log_probability_is_that_of_temperature_1(engine: VLLMEngine) -> None:
    greedy, cold = (one(engine, ask(max_tokens=5, temperature=heat, logprobs=True)) for heat in (0.0, 1e-2))
    assert cold.text == greedy.text
    assert cold.logprob == pytest.approx(greedy.logprob, abs=1e-3)


def test_a_prompt_longer_than_the_context_fails_alone(engine: VLLMEngine) -> None:
    long = ask(prefix=" apples" * CONTEXT)
    replies = {reply.request: reply for reply in engine.answer([long, ask()])}
    failure = replies[long.id]
    assert isinstance(failure, Failure)
    assert failure.reason == "longer than the context" and failure.detail.endswith(f" of {CONTEXT}")
    assert isinstance(replies[ask().id], Completion)


def test_many_requests_with_seeds_are_answered_one_by_one(engine: VLLMEngine) -> None:
    one(engine, ask())
    requests = [ask(number % 90, number, temperature=1.0, max_tokens=20) for number in range(MANY)]
    began, worker = time.time(), pid_of(engine)
    replies = [reply for reply in engine.answer(requests) if isinstance(reply, Completion)]
    assert {reply.request for reply in replies} == {request.id for request in requests}
    first, last = replies[0].at, replies[-1].at
    assert first - began < 0.5 * (last - began), "the first reply came before most were begun"
    assert pid_of(engine) == worker


def test_dropped_work_leaves_the_model_loaded(engine: VLLMEngine) -> None:
    expected, worker = one(engine, ask()).text, pid_of(engine)
    answers = engine.answer([ask(sample=sample, temperature=1.0) for sample in range(MANY)])
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert one(engine, ask()).text == expected
    assert pid_of(engine) == worker


def test_calls_on_two_threads_are_answered_by_one_process_side_by_side(engine: VLLMEngine) -> None:
    one(engine, ask())
    worker = pid_of(engine)
    long, short = (
        [ask(apples, sample, temperature=1.0, max_tokens=20) for sample in range(count)]
        for apples, count in ((3, 300), (5, 20))
    )
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(lambda asked: list(engine.answer(asked)), asked) for asked in (long, short)]
        replies = [[reply for reply in call.result() if isinstance(reply, Completion)] for call in calls]
    assert [{reply.request for reply in answered} for answered in replies] == [
        {request.id for request in asked} for asked in (long, short)
    ]
    assert max(reply.at for reply in replies[1]) < max(reply.at for reply in replies[0])
    assert pid_of(engine) == worker


def test_killed_half_way_it_is_started_again_and_answers_the_same(
    engine: VLLMEngine, caplog: pytest.LogCaptureFixture
) -> None:
    requests = [ask(sample=sample, temperature=1.0, max_tokens=20) for sample in range(100)]
    expected, worker = texts(engine, requests), pid_of(engine)
    answers = engine.answer(requests)
    replies = [next(answers) for _ in range(5)]
    os.kill(worker, signal.SIGKILL)
    replies += answers
    assert {reply.request: reply.text for reply in replies if isinstance(reply, Completion)} == expected
    assert not group_lives(worker) and pid_of(engine) != worker
    assert "was killed by SIGKILL" in caplog.text


def test_a_checkpoint_that_is_not_there(engine: VLLMEngine) -> None:
    absent = VLLMEngine(engine.model.model_copy(update={"model": "nobody/nothing"}))
    with pytest.raises(EngineError, match=r"(?s)model 'nobody/nothing'.*What to do: check `model` and `revision`"):
        list(absent.answer([ask()]))


def test_an_answer_is_held_to_a_schema(engine: VLLMEngine) -> None:
    request = ask()
    free, held = one(engine, request), one(engine, with_schema(request, {"type": "integer", "enum": [41, 43]}))
    assert (held.text, held.finish) in (("41", "stop"), ("43", "stop")) and free.text != held.text


def test_a_schema_that_the_model_has_no_tokens_for_is_a_failure_of_its_request_alone(engine: VLLMEngine) -> None:
    request = with_schema(ask(), json.loads(make_schema(JudgeParameters(models=["m"], form="json", kinds=["sum"]), 3)))
    replies = {reply.request: reply for reply in engine.answer([request, ask()])}
    failed = replies[request.id]
    assert isinstance(failed, Failure) and failed.reason == "ended without an answer"
    assert isinstance(replies[ask().id], Completion)


def with_schema(request: Request, schema: object) -> Request:
    return replace(request, sampling=replace(request.sampling, schema=json.dumps(schema)))
