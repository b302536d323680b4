"""The engine `vllm`: what it asks and reports, and how calls share it."""

import json
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.recipe.models import VLLM, Price
from schemas.request import Completion, EngineError, Failure, Options, Sampling, Statistic
from tasks.engines.replicas.call_queue import UNTAKEN
from tasks.engines.vllm import engine as engine_module
from tasks.engines.vllm.engine import INSIDE, find_python
from tests.tasks.engines.vllm.fake_worker import LOGPROB, OTHERS, VOCABULARY
from tests.tasks.engines.vllm.opening import Open, ask, ask_one, lives, pid_of

ROOT = Path(__file__).parents[4]
BATCH = 4
"""Sequences at once that the fake vLLM chooses."""


def test_a_completion_says_all_that_the_ledger_keeps(opened: Open) -> None:
    engine = opened(price=Price(prompt=1.0, completion=10.0))
    request, before = replace(ask("hi", prefix="Well"), logprobs=True), time.time()
    reply = ask_one(engine, request)
    text = "<user>hi<assistant>Well"
    assert (reply.request, reply.text, reply.finish, reply.limit) == (request.id, text, "stop", 150)
    assert (reply.prompt_tokens, reply.tokens) == (len(text), len(text)), "the end mark is no token of the text"
    assert reply.logprob == LOGPROB * len(text)
    assert reply.engine == engine.name == "vllm 9.9"
    assert before <= reply.at <= time.time()
    assert reply.price == pytest.approx(len(text) * 11.0 / 1e6)


def test_a_completion_that_reaches_its_limit_is_cut_there(opened: Open) -> None:
    reply = ask_one(opened(), replace(ask("hi", max_tokens=7), logprobs=True))
    assert (reply.text, reply.finish, reply.tokens, reply.logprob) == ("<user>h", "length", 7, 7 * LOGPROB)


def test_log_probabilities_are_not_asked_unless_they_are_needed(opened: Open) -> None:
    plain, needed = ask("hi"), replace(ask("hi"), logprobs=True)
    assert plain.id == needed.id
    engine = opened()
    without, reply = ask_one(engine, plain), ask_one(engine, needed)
    assert without.logprob is None and not without.answers(needed)
    assert reply.logprob is not None and reply.answers(needed) and reply.answers(plain)
    unknown = replace(without, logprob=math.nan)
    assert unknown.answers(needed), "asked for and not given: it is not asked for again and again"


ASKED: tuple[Statistic, ...] = ("self_certainty", "token_logprobs")
CERTAINTY = -math.log(VOCABULARY) - (LOGPROB + (VOCABULARY - 1) * OTHERS) / VOCABULARY
"""That of the fake's distribution."""


def test_distributions_are_recorded_where_they_are_asked_for(opened: Open) -> None:
    engine = opened(batch=3)
    asked = [
        replace(ask("hi" * (number % 4), number, max_tokens=20 + number), statistics=ASKED) for number in range(12)
    ]
    plain = [ask("hi", number, prefix="p") for number in range(12)]
    replies = {reply.request: reply for reply in engine.answer([*asked, *plain]) if isinstance(reply, Completion)}
    for request in asked:
        reply = replies[request.id]
        assert reply.answers(request) and reply.self_certainty == pytest.approx(CERTAINTY, rel=1e-5)
        assert reply.token_logprobs == (LOGPROB,) * reply.tokens and reply.min_k20 == LOGPROB
        assert reply.logprob == pytest.approx(LOGPROB * reply.tokens)
    assert all(replies[request.id].self_certainty is None for request in plain)


@pytest.mark.parametrize("what", ["masked", "another"])
def test_a_distribution_that_is_not_the_models_own_gives_no_number(opened: Open, what: str) -> None:
    reply = ask_one(opened(), replace(ask(what, max_tokens=9), statistics=ASKED))
    assert reply.self_certainty is not None and math.isnan(reply.self_certainty), "what is not sure is not said"
    assert reply.token_logprobs == (LOGPROB,) * 9


def test_a_worker_that_records_nothing_is_replaced_by_one_that_does_and_its_requests_go_on(opened: Open) -> None:
    engine = opened(batch=2)
    plain = [ask("slow", number, max_tokens=4) for number in range(6)]
    with ThreadPoolExecutor(1) as thread:
        under_way = thread.submit(lambda: list(engine.answer(plain)))
        while not engine.loaded or not engine._queue.has_inside(0):
            time.sleep(0.01)
        first = pid_of(engine)
        assert ask_one(engine, replace(ask("hi"), statistics=ASKED)).self_certainty == pytest.approx(
            CERTAINTY, rel=1e-5
        )
        second = pid_of(engine)
        assert {reply.request for reply in under_way.result(60)} == {request.id for request in plain}
    assert first != second and not lives(first)
    ask_one(engine, replace(ask("hi", 1), statistics=ASKED))
    ask_one(engine, ask("hi", 2))
    assert pid_of(engine) == second, "once is enough"


def test_it_is_loaded_at_once_as_it_is_needed_and_with_the_runner_that_records(opened: Open) -> None:
    engine, request = opened(context=2000), replace(ask("sampling", max_tokens=900), statistics=ASKED)
    engine.load([request])
    loaded = pid_of(engine)
    sampling = json.loads(ask_one(engine, request).text)
    assert pid_of(engine) == loaded and sampling["VLLM_USE_V2_MODEL_RUNNER"] == "0"
    assert sampling["logprobs"] == 1 and list(sampling["extra_args"]) == ["errata_records"]


def test_choices_are_looked_for_among_the_likeliest_first_tokens(opened: Open) -> None:
    request = replace(ask("hi", max_tokens=3), choices=("<", "7", "x"))
    reply = ask_one(opened(), request)
    assert reply.answers(request) and reply.choice_logprobs == pytest.approx((LOGPROB, OTHERS, -math.inf))


def test_each_sample_has_the_seed_of_its_request(opened: Open) -> None:
    requests = [ask("seed", sample) for sample in range(5)]
    replies = list(opened().answer(requests))
    assert {reply.request: reply.text for reply in replies if isinstance(reply, Completion)} == {
        request.id: str(request.seed) for request in requests
    }


def test_all_are_answered_with_few_inside_and_those_that_begin_alike_together(opened: Open) -> None:
    engine = opened(batch=3)
    requests = [ask("count", sample, prefix) for sample in range(20) for prefix in ("a", "b", "c")]
    replies = list(engine.answer(requests))
    assert {reply.request for reply in replies} == {request.id for request in requests}
    inside = [int(reply.text) for reply in replies if isinstance(reply, Completion)]
    assert max(inside) == INSIDE * 3, "never more inside than wanted, and never fewer while others wait"
    prefixes = {request.id: request.prefix for request in requests}
    assert [prefixes[reply.request] for reply in replies] == ["a"] * 20 + ["b"] * 20 + ["c"] * 20
    assert list(engine.answer([])) == []


def test_one_request_asked_twice_is_answered_twice(opened: Open) -> None:
    assert len(list(opened().answer([ask("hi"), ask("hi")]))) == 2


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("w" * 300, "longer than the context", "317 tokens of 200"),
        ("refuse", "refused by the chat template", "ValueError: roles must alternate"),
        ("invalid", "refused by vLLM", "a parameter is out of range"),
    ],
)
def test_what_cannot_be_answered_fails_alone(opened: Open, text: str, reason: str, detail: str) -> None:
    requests = [ask(text), ask("hi")]
    replies = {reply.request: reply for reply in opened().answer(requests)}
    assert replies[requests[0].id] == Failure(requests[0].id, reason, detail)
    assert isinstance(replies[requests[1].id], Completion)


def test_the_declaration_becomes_options_and_environment(opened: Open) -> None:
    engine = opened(gpus=[2, 5], tensor_parallel=2, memory=0.5, context=3000, batch=7, dtype="half", revision="abc")
    assert json.loads(ask_one(engine, ask("options", max_tokens=2000)).text) == {
        "model": "fake", "revision": "abc", "tokenizer_revision": "abc", "tensor_parallel_size": 2, "dtype": "half",
        "gpu_memory_utilization": 0.5, "max_model_len": 3000, "max_num_seqs": 7, "enable_prefix_caching": True,
        "disable_log_stats": True, "logprobs_mode": "raw_logprobs",
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True}, "CUDA_VISIBLE_DEVICES": "2,5",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "GOMP_SPINCOUNT": "300",
    }  # fmt: skip


def test_a_schema_reaches_vllm_and_where_there_is_none_nothing_does(opened: Open) -> None:
    engine, plain = opened(), ask("schema")
    held = replace(plain, sampling=replace(plain.sampling, schema='{"type": "object"}'))
    assert [ask_one(engine, request).text for request in (held, plain)] == ['{"type": "object"}', "None"]


def test_all_that_is_set_reaches_vllm_and_what_is_not_is_vllm_s_own(opened: Open) -> None:
    engine, plain = opened(context=2000), ask("sampling", max_tokens=900)
    common = {"max_tokens": 900, "temperature": 1.0, "top_p": 1.0, "stop": [], "logprobs": None}
    common |= {"structured_outputs": None}
    assert json.loads(ask_one(engine, plain).text) == common | {"seed": plain.seed}
    further: dict[str, Any] = {
        "top_k": 20,
        "min_p": 0.05,
        "repetition_penalty": 1.1,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.25,
    }
    full = replace(plain, sampling=Sampling(900, stop_token_ids=(7, 8), **further))
    assert json.loads(ask_one(engine, full).text) == common | further | {"stop_token_ids": [7, 8], "seed": full.seed}
    thinking = replace(ask("hi"), options=Options(template='{"enable_thinking": false}'))
    assert ask_one(engine, thinking).text == "<user>hi<enable_thinking=False><assistant>"


def test_a_base_model_goes_on_with_a_text_and_cannot_be_asked_as_a_chat(opened: Open) -> None:
    engine = opened(model="untaught", api="completions")
    text = replace(ask("hi", prefix=" ho"), options=Options(api="completions"))
    assert ask_one(engine, text).text == "^hi ho", "begun as the tokenizer begins a text"
    with pytest.raises(EngineError, match=r"no chat template.*`api: completions`"):
        list(engine.answer([ask("hi")]))
    assert ask_one(engine, text).finish == "stop", "that was no harm to it"


def test_arguments_of_the_engine_and_an_adapter_reach_vllm(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"r": 40}')
    engine = opened(context=2000, lora=str(tmp_path), engine_args={"quantization": "fp8", "enforce_eager": True})
    options = json.loads(ask_one(engine, ask("options", max_tokens=900)).text)
    assert (options["quantization"], options["enforce_eager"], options["enable_lora"]) == ("fp8", True, True)
    assert ask_one(engine, ask("adapter")).text == f"('adapter', '{tmp_path}', 64)"


def test_vllm_is_looked_for_where_it_is_said_or_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engine_module, "ROOT", tmp_path)
    monkeypatch.delenv("ERRATA_VLLM_PYTHON", raising=False)
    assert find_python() == sys.executable
    for environment in (".venv-vllm", ".venv-gpu"):
        python = tmp_path / environment / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.touch()
        assert find_python() == str(python)
    monkeypatch.setenv("ERRATA_VLLM_PYTHON", "/other/python")
    assert find_python() == "/other/python"
    with pytest.raises(
        ValidationError, match=r"`python` names a program, which no recipe does: .* set ERRATA_VLLM_PYTHON"
    ):
        VLLM.model_validate({"engine": "vllm", "model": "m", "python": "/declared/python"})


def test_what_vllm_gives_up_is_a_failure(opened: Open) -> None:
    (reply,) = opened().answer([ask("give up")])
    assert isinstance(reply, Failure)
    assert reply.reason == "ended without an answer" and reply.detail.startswith("finish reason error after ")


def test_on_a_cpu_prompts_are_not_cut_into_chunks(opened: Open) -> None:
    document = json.loads(ask_one(opened(context=5000), ask("options", max_tokens=2000)).text)
    assert (document["enable_chunked_prefill"], document["max_num_batched_tokens"]) == (False, 5000)
    assert "gpu_memory_utilization" not in document
    assert (
        json.loads(ask_one(opened(context=900), ask("options", max_tokens=800)).text)["max_num_batched_tokens"] == 4096
    )


def test_how_many_at_once_is_vllm_s_choice_unless_it_is_said(opened: Open) -> None:
    assert "max_num_seqs" not in json.loads(ask_one(opened(context=3000), ask("options", max_tokens=2000)).text)
    replies = list(opened().answer([ask("count", sample) for sample in range(40)]))
    inside = [int(reply.text) for reply in replies if isinstance(reply, Completion)]
    assert max(inside) == INSIDE * BATCH


def test_calls_on_several_threads_share_the_process_and_take_turns(opened: Open) -> None:
    engine = opened(batch=2)
    long, short = [ask("hi", sample) for sample in range(60)], [ask("ho", sample) for sample in range(3)]
    answers = engine.answer(long)
    first = next(answers)
    with ThreadPoolExecutor(1) as threads:
        replies = threads.submit(lambda: list(engine.answer(short))).result(60)
    assert {reply.request for reply in replies} == {request.id for request in short}
    late = [reply for reply in answers if isinstance(reply, Completion)]
    assert {first.request, *(reply.request for reply in late)} == {request.id for request in long}
    short_at = max(reply.at for reply in replies if isinstance(reply, Completion))
    assert sum(reply.at > short_at for reply in late) > 30, "the short call did not wait for the long one"


def test_who_does_not_take_replies_gets_no_more_of_them(opened: Open) -> None:
    engine = opened(batch=2)
    answers = engine.answer([ask("hi", sample) for sample in range(100)])
    next(answers)
    time.sleep(2)
    assert len(list(engine.answer([ask("ho", sample) for sample in range(40)]))) == 40, "others are answered"
    late = time.time()
    replies = [reply for reply in answers if isinstance(reply, Completion)]
    assert sum(reply.at < late for reply in replies) <= UNTAKEN * INSIDE * 2
    assert len(replies) == 99


def test_thoughts_are_parted_and_their_tokens_counted(opened: Open) -> None:
    reply = ask_one(opened(), ask("think"))
    assert (reply.thinking, reply.text, reply.thinking_tokens, reply.tokens) == ("2 + 2?", "Four.", 7, 12)
    assert reply.thinking_finished


def test_a_thought_that_the_template_opens_is_one(opened: Open) -> None:
    engine = opened()
    cut = ask_one(engine, ask("open a thought", max_tokens=5))
    assert (cut.thinking, cut.text, cut.thinking_finished, cut.finish) == ("<user", "", False, "length")
    behind = ask_one(engine, ask("open a thought", prefix="It is"))  # it repeats its prompt
    assert (behind.thinking, behind.text) == ("", "<user>open a thought<assistant>\n\nIt is")
    within = ask_one(engine, ask("open a thought", prefix="<think>\n2 + 2"))
    assert not within.thinking_finished and within.thinking.endswith("<think>\n2 + 2")
