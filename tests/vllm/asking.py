"""What the tests with the real vLLM ask."""

from schemas.engine import Engine
from schemas.request import Completion, Message, Request, Sampling

QUESTION = "Solve step by step.\nTom has {} apples. Tom buys 4 more apples. How many apples does Tom have?"


def ask(
    apples: int = 3, sample: int = 0, prefix: str = "", stop: tuple[str, ...] = (), temperature: float = 0.0,
    max_tokens: int = 40, logprobs: bool = False,
) -> Request:  # fmt: skip
    """One request; greedy unless a temperature is given."""
    message = Message("user", QUESTION.format(apples))
    sampling = Sampling(max_tokens, temperature, 1.0, stop)
    return Request("abacus", "", (message,), sampling, sample, prefix, logprobs=logprobs)


def one(engine: Engine, request: Request) -> Completion:
    """The completion of a single request."""
    (reply,) = engine.answer([request])
    assert isinstance(reply, Completion), reply
    return reply


def texts(engine: Engine, requests: list[Request]) -> dict[str, str]:
    """What each request was answered, by its id."""
    replies = list(engine.answer(requests))
    assert len(replies) == len(requests)
    assert all(isinstance(reply, Completion) for reply in replies), replies
    return {reply.request: reply.text for reply in replies if isinstance(reply, Completion)}
