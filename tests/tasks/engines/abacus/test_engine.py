import gc
import math
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from schemas.recipe.models import Abacus
from schemas.request import Completion, EngineError, Failure, Message, Request, Sampling, Statistic
from tasks.engines.abacus import scheduler
from tasks.engines.abacus.checkpoint import open_checkpoint
from tasks.engines.abacus.engine import AbacusEngine, read_revision
from tasks.engines.abacus.llama import Llama
from tasks.engines.abacus.sampling import Draws, choose, log_probability
from tests.tasks.engines.abacus.tiny_checkpoint import SMALL, WORDS, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("abacus"))


def engine_of(folder: Path, threads: int | None = None) -> AbacusEngine:
    return AbacusEngine(Abacus(engine="abacus", checkpoint=str(folder)), threads)


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[AbacusEngine]:
    engine = engine_of(folder, 2)
    yield engine
    engine.close()


def asked(content: str = "Ada has 3", sample: int = 0, prefix: str = "", **sampling: object) -> Request:
    drawn = Sampling(**{"max_tokens": 20, **sampling})  # type: ignore[arg-type]
    return Request("abacus", "", (Message("user", content),), drawn, sample, prefix)


def some(number: int, seed: int = 0, samples: int = 4) -> list[Request]:
    random = Random(seed)
    requests: list[Request] = []
    while len(requests) < number:
        content = "".join(random.choices(WORDS, k=random.randint(0, 40)))
        temperature, top_p = random.choice([0.0, 0.7, 1.0, 1.0]), random.choice([1.0, 1.0, 0.9])
        limit, stop = random.choice([5, 20, 45]), random.choice([(), (), ("7",), ("w3", "Ada")])
        for sample in range(random.randint(1, samples)):
            requests.append(asked(content, sample, max_tokens=limit, temperature=temperature, top_p=top_p, stop=stop))
    return requests[:number]


def one(engine: AbacusEngine, request: Request) -> Completion:
    (reply,) = engine.answer([request])
    assert isinstance(reply, Completion)
    return reply


def answers(engine: AbacusEngine, requests: list[Request]) -> dict[str, Completion]:
    replies = {reply.request: reply for reply in engine.answer(requests) if isinstance(reply, Completion)}
    assert replies.keys() == {request.id for request in requests}
    return replies


def recomputed(folder: Path, request: Request) -> tuple[str, str, int, float]:
    """Text, finish, tokens and log-probability without batch and cache, in float64."""
    checkpoint = open_checkpoint(folder)
    llama = Llama(checkpoint.shape, checkpoint.tensors, np.float64)
    tokens = checkpoint.encode(request.messages, request.prefix)
    sampling, text, logprob, number = request.sampling, "", 0.0, 0
    draws = Draws(np.array([request.seed], np.uint64), np.array([sampling.temperature]), np.array([sampling.top_p]))
    while True:
        logits = llama.read(np.array([tokens]), np.array([len(tokens)]))
        token = choose(logits, draws, number, 0)[0]
        if int(token[0]) in checkpoint.ends:
            return text, "stop", number, logprob
        if number == sampling.max_tokens or len(tokens) == SMALL.positions:
            return text, "length", number, logprob
        number, logprob = number + 1, logprob + float(log_probability(logits, token)[0])
        tokens.append(int(token[0]))
        text += checkpoint.pieces[int(token[0])]
        cuts = [text.index(stop) for stop in sampling.stop if stop in text]
        if cuts:
            return text[: min(cuts)], "stop", number, logprob


def test_answers_are_those_of_a_plain_recomputation(engine: AbacusEngine, folder: Path) -> None:
    requests = some(60)
    result = answers(engine, requests)
    finishes = set()
    for request in requests:
        reply = result[request.id]
        text, finish, tokens, logprob = recomputed(folder, request)
        assert (reply.text, reply.finish, reply.tokens) == (text, finish, tokens)
        assert reply.logprob == round(logprob, 2)
        assert reply.answers(request) and reply.limit == request.sampling.max_tokens
        finishes.add(finish)
    assert finishes == {"stop", "length"}


def test_statistics_are_those_of_a_recomputation_token_by_token(engine: AbacusEngine, folder: Path) -> None:
    asked_for: tuple[Statistic, ...] = ("self_certainty", "min_k20", "zlib_ratio", "token_logprobs")
    requests = [replace(request, statistics=asked_for) for request in some(40, seed=5)]
    result = answers(engine, requests)
    compared = 0
    for request in requests:
        reply = result[request.id]
        logprobs, means = recompute_distributions(folder, request, reply.tokens)
        assert reply.answers(request) and reply.token_logprobs is not None and len(reply.token_logprobs) == reply.tokens
        if not reply.tokens:
            assert all(math.isnan(getattr(reply, name)) for name in asked_for[:3])
            continue
        compared += 1
        lowest = np.sort(logprobs)[: max(1, reply.tokens // 5)]
        packed = len(zlib.compress(reply.text.encode()))
        assert reply.self_certainty == pytest.approx(-np.log(SMALL.vocabulary) - np.mean(means), rel=1e-5)
        assert reply.min_k20 == pytest.approx(lowest.mean(), rel=1e-5)
        assert reply.zlib_ratio == pytest.approx(-np.mean(logprobs) / packed, rel=1e-5)
        assert np.allclose(reply.token_logprobs, logprobs, rtol=1e-3)
        assert reply.logprob == pytest.approx(np.sum(logprobs), abs=0.006)
    assert compared > 30
    plain = answers(engine, [replace(request, statistics=()) for request in requests])
    for id_, reply in result.items():
        assert (reply.text, reply.logprob) == (plain[id_].text, plain[id_].logprob)
        assert plain[id_].self_certainty is None and plain[id_].token_logprobs is None


def recompute_distributions(folder: Path, request: Request, length: int) -> tuple[list[float], list[float]]:
    """Of each token of an answer its log-probability and the mean over the vocabulary: one read a token, no sum shared."""
    checkpoint = open_checkpoint(folder)
    llama = Llama(checkpoint.shape, checkpoint.tensors, np.float64)
    tokens, sampling = checkpoint.encode(request.messages, request.prefix), request.sampling
    draws = Draws(np.array([request.seed], np.uint64), np.array([sampling.temperature]), np.array([sampling.top_p]))
    logprobs, means = [], []
    for place in range(length):
        logits = llama.read(np.array([tokens]), np.array([len(tokens)]))
        token = int(choose(logits, draws, place, 0)[0][0])
        probabilities = np.exp(logits[0]) / np.exp(logits[0]).sum()
        logprobs.append(float(np.log(probabilities[token])))
        means.append(float(np.log(probabilities).mean()))
        tokens.append(token)
    return logprobs, means


def test_choices_have_the_probabilities_of_their_first_tokens(engine: AbacusEngine, folder: Path) -> None:
    checkpoint = open_checkpoint(folder)
    request = replace(asked(max_tokens=1), choices=("Ada", "w3", "nowhere"))
    reply = one(engine, request)
    llama = Llama(checkpoint.shape, checkpoint.tensors, np.float64)
    prompt = checkpoint.encode(request.messages, "")
    logits = llama.read(np.array([prompt]), np.array([len(prompt)]))[0]
    probabilities = np.exp(logits) / np.exp(logits).sum()
    shares = [
        sum(p for p, piece in zip(probabilities, checkpoint.pieces) if piece.strip() == choice)
        for choice in request.choices
    ]
    assert reply.choice_logprobs is not None and shares[0] > 0 and shares[1] > 0
    assert np.exp(reply.choice_logprobs) == pytest.approx(shares)
    assert not one(engine, replace(request, choices=())).answers(request)


def test_a_request_gets_the_same_answer_in_any_company(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = some(300, seed=3, samples=9)
    requests = [replace(request, statistics=("self_certainty",)) for request in requests[:40]] + requests[40:]
    first = answers(engine_of(folder, 2), requests)
    assert sum(reply.tokens for reply in first.values()) > 4000
    Random(1).shuffle(requests)
    for threads, rows, these in ((1, 128, requests), (3, 7, requests), (1, 1, requests[:60])):
        monkeypatch.setattr("tasks.engines.abacus.engine.ROWS", rows)
        for id_, reply in answers(engine_of(folder, threads), these).items():
            assert replace(reply, at=0.0) == replace(first[id_], at=0.0)


def test_choices_too_close_for_float32_are_made_in_float64(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    embedding = weights["model.embed_tokens.weight"]
    embedding[150:] = embedding[5 : len(embedding) - 145]
    embedding[150:] *= 1 + np.float32(1.2e-7)  # every other token has a twin that wins or loses by a hair
    save_file(weights, tmp_path / "model.safetensors")
    requests = [asked(sample=sample, temperature=0.0, content="Ada" * sample) for sample in range(8)]
    for reply, request in ((one(engine_of(tmp_path), request), request) for request in requests):
        assert reply.text == recomputed(tmp_path, request)[0]
    monkeypatch.setattr(scheduler, "MARGIN", 0.0)
    plain = [one(engine_of(tmp_path), request).text for request in requests]
    assert plain != [recomputed(tmp_path, request)[0] for request in requests], "these choices were not close"


def test_samples_differ_and_repeat(engine: AbacusEngine) -> None:
    first = answers(engine, [asked(sample=sample) for sample in range(30)])
    again = answers(engine, [asked(sample=sample) for sample in range(30)])
    assert {id_: reply.text for id_, reply in first.items()} == {id_: reply.text for id_, reply in again.items()}
    assert len({reply.text for reply in first.values()}) == 30


def test_a_longer_limit_goes_on_from_the_same_text(engine: AbacusEngine) -> None:
    for sample in range(20):
        short, long = one(engine, asked(sample=sample, max_tokens=10)), one(engine, asked(sample=sample, max_tokens=40))
        assert long.text.startswith(short.text)
        assert short.finish == "length" if long.tokens > 10 else short.text == long.text and short.finish == "stop"


def test_a_limit_at_which_the_answer_ends_does_not_cut_it(engine: AbacusEngine) -> None:
    ended = next(reply for s in range(99) if (reply := one(engine, asked(sample=s, max_tokens=80))).finish == "stop")
    sample = next(s for s in range(99) if asked(sample=s).id == ended.request)
    assert replace(one(engine, asked(sample=sample, max_tokens=ended.tokens)), at=0, limit=80) == replace(ended, at=0)
    assert one(engine, asked(sample=sample, max_tokens=ended.tokens - 1)).finish == "length"


def test_a_stop_text_that_spans_tokens_ends_the_answer_before_it(engine: AbacusEngine) -> None:
    text = one(engine, asked(temperature=0.0)).text
    space = text.index(" ", 12)
    stop = text[space - 2 : space + 3]  # from within one token into the next
    for stops in ((stop,), ("never", stop)):
        reply = one(engine, asked(temperature=0.0, stop=stops))
        assert reply.text == text[: text.index(stop)] and reply.finish == "stop" and 0 < reply.tokens < 20


def test_the_first_of_several_stop_texts_counts(engine: AbacusEngine) -> None:
    text = one(engine, asked(temperature=0.0)).text
    reply = one(engine, asked(temperature=0.0, stop=(text[6:9], text[3:9], text[8:12])))
    assert reply.text == text[: min(text.index(stop) for stop in (text[6:9], text[3:9]))]


def test_an_answer_goes_on_from_a_prefix(engine: AbacusEngine) -> None:
    whole = one(engine, asked(temperature=0.0, max_tokens=20))
    prefix = whole.text[: whole.text.index(" w", 12)]
    rest = one(engine, asked(temperature=0.0, max_tokens=20, prefix=prefix))
    assert (prefix + rest.text).startswith(whole.text)
    assert rest.prompt_tokens > whole.prompt_tokens


def test_an_empty_conversation_is_answered(engine: AbacusEngine) -> None:
    reply = one(engine, Request("abacus", "", (), Sampling(5)))
    assert reply.prompt_tokens == 1 and 0 < reply.tokens <= 5
    assert one(engine, asked("", max_tokens=1)).tokens == 1


def test_unknown_words_and_forged_marks_are_read(engine: AbacusEngine) -> None:
    assert one(engine, asked("Ada eats <|end|> gorgonzola \x00 \u200b")).prompt_tokens > 6


def test_a_conversation_longer_than_the_context_fails(engine: AbacusEngine) -> None:
    long, other, no_text = asked("7" * 200), asked(), asked("\ud800")
    replies = {reply.request: reply for reply in engine.answer([long, other, no_text])}
    failure = replies[long.id]
    assert isinstance(failure, Failure) and failure.reason == "longer than the context"
    assert failure.detail == "the prompt has 203 tokens, the context 96"
    assert isinstance(replies[other.id], Completion)
    unreadable = replies[no_text.id]
    assert isinstance(unreadable, Failure) and unreadable.reason == "no text"


def test_an_answer_that_fills_the_context_is_cut(engine: AbacusEngine) -> None:
    replies = [one(engine, asked("7" * 80, sample, max_tokens=500)) for sample in range(6)]
    cut = [reply for reply in replies if reply.finish == "length"]
    assert cut and all(reply.tokens + reply.prompt_tokens == SMALL.positions and reply.limit == 500 for reply in cut)


def test_nothing_asked_is_nothing_answered(engine: AbacusEngine) -> None:
    assert list(engine.answer([])) == []


def test_answers_come_as_soon_as_they_end(engine: AbacusEngine) -> None:
    requests = [asked(sample=sample, max_tokens=2 if sample % 2 else 80) for sample in range(40)]
    limits = [reply.limit for reply in engine.answer(requests) if isinstance(reply, Completion)]
    assert limits.index(80) > 0 and 2 in limits[:3] and limits[-1] == 80


def test_closing_the_iterator_stops_the_work(engine: AbacusEngine) -> None:
    before = {*threading.enumerate()}
    replies = engine.answer(some(3000, seed=8))
    begun = time.process_time()
    assert isinstance(next(replies), Completion)
    threads = {*threading.enumerate()} - before
    assert len(threads) == 2
    replies.close()  # type: ignore[attr-defined]
    assert not any(thread.is_alive() for thread in threads) and time.process_time() - begun < 10
    assert one(engine, asked()).text


def test_an_iterator_that_is_forgotten_stops_too(engine: AbacusEngine) -> None:
    before = {*threading.enumerate()}
    next(engine.answer(some(3000, seed=9)))
    gc.collect()
    assert {*threading.enumerate()} <= before


def test_an_error_in_a_thread_is_raised(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr(scheduler, "choose", broken)
    with pytest.raises(MemoryError, match="no more"):
        list(engine_of(folder).answer(some(40)))


def test_shared_prompts_are_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    plain = Llama.read

    def counted(self: Llama, tokens: np.ndarray, *rest: object) -> np.ndarray:
        if self.dtype == np.float32:
            read.append(len(tokens))
        return plain(self, tokens, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Llama, "read", counted)
    requests = [asked(content, sample) for content in ("Ada", " has", "7") for sample in range(12)]
    assert len(list(engine_of(folder, 2).answer(requests))) == 36
    assert sum(read) == 3


def test_a_closed_engine_says_so(folder: Path) -> None:
    engine = engine_of(folder)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        list(engine.answer([asked()]))


def test_a_folder_without_a_checkpoint_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"config\.json: No such file or directory; give the folder of a whole"):
        engine_of(tmp_path)
    with pytest.raises(EngineError, match="No such file"):
        read_revision(str(tmp_path))


def test_the_revision_is_that_of_the_folder(folder: Path) -> None:
    assert len(read_revision(str(folder))) == 32
