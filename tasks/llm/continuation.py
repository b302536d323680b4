"""Whether an endpoint goes on with the beginning of an answer: found out by probes, for many do something else without a word.

Rollouts are continuations: one that begins the answer anew says nothing of
the prefix. An endpoint may close the beginning as a turn of its own and begin
another, may ignore it, or may go on and give the beginning back within its
answer. A text that is to be copied, cut between two words, tells them apart
even with the smallest models: who goes on says the next word, with the blank
before it. A few words that nobody asked for come first: who begins anew does
not say them, and who gives the beginning back does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from schemas.model_id import ModelId
from schemas.request import Completion, Failure, Message, Reply, Request, Sampling

Continuation = Literal["exactly", "goes on", "repeats"]
"""What becomes of a beginning: the engine sees to it that it is gone on with; probes showed that the endpoint goes on behind it,
or that it gives it back and goes on."""
PROMPT = "Repeat this text, word for word and nothing else:\n\n"
UNASKED = "[copy no. 7] "
_TEXTS = (
    ("The elephant walked slowly across the", " old", " wooden bridge."),
    ("Seventeen yellow umbrellas are", " standing", " behind the kitchen door."),
    ("First we count the apples.\nThen we count", " the", " oranges.\nThen we add both numbers."),
)
"""Of each text what the answer begins with, the word that follows, and the rest."""
ENOUGH = 2
"""Probes that must agree: the smallest models miscopy one now and then."""
TOKENS = 12
NOT_ON = "the beginning was not gone on with"
_LONG = 20
"""Characters of a beginning from which on it is no coincidence that an answer begins the same."""
_SHOWN = 60


@dataclass(frozen=True)
class ProbeFault:
    """Why an endpoint's answers cannot be taken for continuations."""

    beginning: str
    answer: str
    """What came."""

    def __str__(self) -> str:
        return f"asked to go on behind {_shorten(self.beginning)!r} it answered {_shorten(self.answer)!r}"


def make_probes(model: ModelId, endpoint: str, attempt: int = 0) -> list[Request]:
    """The requests that find out about a model at an endpoint.

    Args:
        model: The model, as its declaration has it.
        endpoint: Where it is asked, and what is known of the server: another endpoint is probed anew.
        attempt: How often it was found not to go on before: it may have been mended since.

    Returns:
        A few short ones, for each attempt always the same.

    """
    asked = replace(model, options=replace(model.options, endpoint=endpoint))
    sampling = Sampling(TOKENS, temperature=0.0)
    return [
        asked.ask((Message("user", f"{PROMPT}{beginning}{word}{rest}"),), sampling, attempt, UNASKED + beginning)
        for beginning, word, rest in _TEXTS
    ]


def read_probes(probes: Sequence[Request], replies: Mapping[str, Reply]) -> Continuation | ProbeFault:
    """What an endpoint does with a beginning, by its replies to the probes."""
    seen: dict[Continuation, int] = {"goes on": 0, "repeats": 0}
    fault = ProbeFault("", "")
    for probe, (beginning, word, _) in zip(probes, _TEXTS, strict=True):
        reply = replies[probe.id]
        text = f"{reply.thinking}{reply.text}" if isinstance(reply, Completion) else f"{reply.reason}: {reply.detail}"
        if isinstance(reply, Completion) and text.startswith(word):
            seen["goes on"] += 1
        elif isinstance(reply, Completion) and text.startswith(UNASKED + beginning + word):
            seen["repeats"] += 1
        else:
            fault = ProbeFault(UNASKED + beginning, text)
    agreed = [continuation for continuation, count in seen.items() if count >= ENOUGH]
    return agreed[0] if agreed else fault


def take_continuation(request: Request, reply: Reply, continuation: Continuation) -> Reply:
    """A reply to a request with a beginning, as what stands behind it.

    Args:
        request: What was asked.
        reply: What came.
        continuation: What the probes showed.

    Returns:
        The reply, without the beginning where the endpoint repeats that; a failure where it did otherwise this time.

    """
    if continuation == "exactly" or isinstance(reply, Failure) or not request.prefix:
        return reply
    repeated = next(
        (form for form in (request.prefix, request.prefix.rstrip()) if form and reply.text.startswith(form)), None
    )
    if continuation == "repeats" and repeated is not None:
        return replace(reply, text=reply.text[len(repeated) :])
    if continuation == "repeats" or (repeated is not None and len(repeated) >= _LONG):
        return Failure(
            request.id, NOT_ON, f"the answer begins {_shorten(reply.text)!r}", reply.limit, reply.prompt_tokens,
            reply.tokens, reply.engine, reply.at, reply.price, reply.estimated,
        )  # fmt: skip
    return reply


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
