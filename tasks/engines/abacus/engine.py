"""The embedded engine: the small Llama that ships with Errata, run in process by NumPy.

A request gets the same answer alone or beside others, in any order, on any
number of threads: see `choice`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock, Semaphore, Thread

import numpy as np
from threadpoolctl import ThreadpoolController

from schemas.recipe.models import Abacus
from schemas.request import Completion, EngineError, Failure, Message, Reply, Request
from tasks.engines.abacus.checkpoint import Checkpoint, digest_checkpoint, open_checkpoint
from tasks.engines.abacus.llama import Llama
from tasks.engines.abacus.scheduler import ROWS, TOKENS, Networks, SharedPrompt, generate_completions

VERSION = "1"
"""Changes when the same request would get another answer."""
SHIPPED = Path(__file__).with_name("weights")
THREADS = 4
"""More threads than these would wait for each other in Python."""
_FEW = 16
"""Requests that are not worth a thread more."""
_MOMENT = 0.2
"""Seconds between two looks of a thread that waits for its turn whether it is still needed."""
_BLOCK = 1024
"""Prompts that are put in order together; the parts of a table that come first are answered first."""
_TOGETHER = 32
"""Requests of one prompt that are kept together, so that it is read once; more may be parted."""


def read_revision(checkpoint: str | None = None) -> str:
    """The digest of a checkpoint folder (the shipped one's if None), 32 hexadecimal digits; `EngineError` if not whole."""
    return digest_checkpoint(Path(checkpoint) if checkpoint else SHIPPED)


class AbacusEngine:
    """Answers requests with one checkpoint; open it once for many.

    An answer ends at an end mark, at a stop text, or when it is `max_tokens`
    long and does not end right there; also, as `length`, where prompt and
    answer fill the context. `tokens` and `logprob` are of the tokens made: the
    end mark is not among them, the tokens of a stop text are. A prompt that
    leaves no room in the context is a `Failure`.
    """

    def __init__(self, model: Abacus, threads: int | None = None) -> None:
        checkpoint = open_checkpoint(Path(model.checkpoint) if model.checkpoint else SHIPPED)
        quick, exact = (Llama(checkpoint.shape, checkpoint.tensors, dtype) for dtype in (np.float32, np.float64))
        self.name = f"abacus {VERSION}"
        self.threads = threads or min(THREADS, os.cpu_count() or 1)
        self._networks: Networks | None = Networks(checkpoint, quick, exact, self.name)
        self._working = Semaphore(self.threads)

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Give one reply for each request, each as soon as it is there; closing the iterator stops the work."""
        networks = self.networks
        asked, failures = prepare_prompts(networks.checkpoint, requests)
        yield from failures
        if asked:
            # each thread computes on one core: for matrices as small as these that beats sharing each product
            with ThreadpoolController().limit(limits=1, user_api="blas"):
                yield from _in_threads(networks, asked, self.threads, self._working)

    @property
    def networks(self) -> Networks:
        """The weights; raises `EngineError` where they were let go."""
        if self._networks is None:
            raise EngineError("model 'abacus': the engine is closed; open another")
        return self._networks

    def close(self) -> None:
        """Let go of the weights."""
        self._networks = None


def prepare_prompts(checkpoint: Checkpoint, requests: Sequence[Request]) -> tuple[list[SharedPrompt], list[Failure]]:
    """Sort requests by prompt, those of like number and length together.

    Args:
        checkpoint: The checkpoint that is to answer.
        requests: What is asked.

    Returns:
        The prompts with their requests, and the failures of those that cannot be answered.

    """
    together: dict[tuple[tuple[Message, ...], str], list[Request]] = {}
    for request in requests:
        together.setdefault((request.messages, request.prefix), []).append(request)
    asked, failures = [], []
    positions = checkpoint.shape.positions
    for (messages, prefix), those in together.items():
        try:
            prompt = checkpoint.encode(messages, prefix)
        except UnicodeEncodeError as error:
            failures += [Failure(request.id, "no text", str(error)) for request in those]
            continue
        if len(prompt) < positions:
            asked.append(SharedPrompt(prompt, those))
        else:
            detail = f"the prompt has {len(prompt)} tokens, the context {positions}"
            failures += [Failure(request.id, "longer than the context", detail) for request in those]
    blocks = (asked[begin : begin + _BLOCK] for begin in range(0, len(asked), _BLOCK))
    ordered = (
        sorted(block, key=lambda batch: (len(batch.requests), len(batch.prompt)), reverse=True) for block in blocks
    )
    return [*chain.from_iterable(ordered)], failures


class _Queue:
    """What is not begun yet, for several threads."""

    def __init__(self, asked: list[SharedPrompt], rows: int) -> None:
        self.asked = asked[::-1]
        self.rows = rows
        self.lock = Lock()
        self.stopped = Event()

    def take(self, rows: int, tokens: int) -> list[SharedPrompt]:
        """The next prompts, with at most so many requests, and so many tokens but for the first."""
        taken: list[SharedPrompt] = []
        with self.lock:
            while self.asked and rows > 0:
                asked = self.asked[-1]
                number = len(asked.requests)
                tokens -= len(asked.prompt)
                if (taken and tokens < 0) or rows < number <= min(_TOGETHER, self.rows):
                    break
                del self.asked[-1]
                if number > rows:
                    self.asked.append(SharedPrompt(asked.prompt, asked.requests[rows:]))
                    asked = SharedPrompt(asked.prompt, asked.requests[:rows])
                taken.append(asked)
                rows -= number
        return taken


def _in_threads(networks: Networks, asked: list[SharedPrompt], threads: int, places: Semaphore) -> Iterator[Completion]:
    number = sum(len(batch.requests) for batch in asked)
    threads = max(1, min(threads, number // _FEW))
    queue = _Queue(asked, min(_rows(networks.checkpoint, asked), -(-number // threads)))
    replies: SimpleQueue[Completion | BaseException | None] = SimpleQueue()
    working = [
        Thread(target=_answer_queue, args=(networks, queue, replies, places), daemon=True) for _ in range(threads)
    ]
    for thread in working:
        thread.start()
    try:
        while threads:
            reply = replies.get()
            if isinstance(reply, BaseException):
                raise reply
            if reply is None:
                threads -= 1
            else:
                yield reply
    finally:
        queue.stopped.set()
        for thread in working:
            thread.join()


def _rows(checkpoint: Checkpoint, asked: list[SharedPrompt]) -> int:
    """How many rows fit in the memory meant for them, if all were as long as the longest may become."""
    positions = checkpoint.shape.positions
    longest = max(len(batch.prompt) + max(request.sampling.max_tokens for request in batch.requests) for batch in asked)
    return max(1, min(ROWS, TOKENS // min(positions, longest)))


def _answer_queue(
    networks: Networks, queue: _Queue, replies: SimpleQueue[Completion | BaseException | None], places: Semaphore
) -> None:
    """Answer what is in a queue, as soon as there is a place beside the threads of other calls."""
    while not places.acquire(timeout=_MOMENT):
        if queue.stopped.is_set():
            return
    try:
        with np.errstate(over="ignore"):  # a gate far below zero is a division by infinity: zero, as it should be
            for reply in generate_completions(networks, queue.take, queue.rows):
                if queue.stopped.is_set():
                    return
                if reply is not None:
                    replies.put(reply)
        replies.put(None)
    except BaseException as error:  # it is raised where the replies are awaited
        replies.put(error)
    finally:
        places.release()
