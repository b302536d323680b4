"""Requests and completions to fill a ledger with."""

import time
from dataclasses import replace

from schemas.request import Completion, Message, Request, Sampling


def request(question: object, sample: int = 0, limit: int = 100, model: str = "m") -> Request:
    messages = (Message("system", "Answer."), Message("user", f"What is {question}?"))
    return Request(model, "r1", messages, Sampling(limit, 0.7, 0.9, ("\n\n",)), sample, "It is")


def answer(asked: Request, text: str = "42", tokens: int = 10, price: float | None = None) -> Completion:
    """A completion; it is cut off where it has as many tokens as it may have."""
    limit = asked.sampling.max_tokens
    cut = tokens >= limit
    completion = Completion(asked.id, text, "stop", limit, 7, tokens, -1.25, "test 1", time.time(), price)
    return replace(completion, finish="length", tokens=limit) if cut else completion
