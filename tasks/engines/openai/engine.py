"""The openai engine: models behind OpenAI-compatible endpoints, asked side by side, retried, and within a budget."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from schemas.recipe.models import OpenAI
from schemas.request import BudgetError, Completion, EngineError, Failure, Reply, Request
from tasks.engines.openai.async_bridge import Background, Put
from tasks.engines.openai.budget import Budget, BudgetSpent, Cost, price_completion
from tasks.engines.openai.chat import SCHEMA, Answer, FailedExchange, Outcome, Refusal, make_body
from tasks.engines.openai.endpoint import Endpoint, describe_endpoint
from tasks.engines.openai.http_errors import REFUSED
from tasks.engines.openai.rate_limit import Pace, Stopped, choose_backoff, sleep_until_stopped
from tasks.llm.channels import is_unfinished_thought, split_channels

_FUTILE = 8
"""Requests refused without one answered, after which it is the endpoint that refuses and not the request."""


def _optional(refusal: Refusal, request: Request) -> frozenset[str]:
    """The optional fields that a refusal may be about: a schema is it also where the endpoint does not say."""
    unsaid = refusal.reason == REFUSED and not refusal.named and request.sampling.schema
    return frozenset({SCHEMA}) if unsaid else refusal.named


@dataclass
class _Asking:
    """One call of `answer`."""

    waiting: Iterator[Request]
    put: Put[Reply]
    left: int
    """Requests without a reply."""
    spent: bool = False
    error: EngineError | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when what rests need not come back."""

    @property
    def over(self) -> bool:
        return self.spent or self.error is not None


class OpenAIEngine:
    """Answers requests by an endpoint's chat completions.

    `spent_tokens` and `spent_price` are what was spent of the budget before.
    Raises `EngineError` where the model's declaration, its URL or its key
    cannot be used. After an error no request is begun or tried again, and
    what is under way is still given, since it is paid for. Attempts that
    brought no answer count nothing against the budget: endpoints do not
    tell what they cost.
    """

    name = "openai 1"

    def __init__(
        self, model: OpenAI, spent_tokens: int = 0, spent_price: float = 0.0, *, _backoff: float = 1.0
    ) -> None:
        if model.budget_price is not None and model.price is None:
            raise EngineError(f"{describe_endpoint(model)}: `budget_price` needs `price`; give the price of its tokens")
        self._model = model
        self._endpoint = Endpoint(model)
        self._budget = Budget(model, Cost(spent_tokens, spent_price))
        self._pace = Pace(model.per_minute)
        self._slots = asyncio.Semaphore(model.concurrency)
        self._background = Background()
        self._backoff = _backoff
        self._without: frozenset[str] = frozenset()
        self._answered = self._refused = 0

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """One reply for each request, as they come; see `schemas.request.Engine`.

        Args:
            requests: Requests to this model.

        Yields:
            The replies.

        Raises:
            BudgetError: No further request fits the budget; it comes after the replies to all that were begun.

        """

        async def ask(put: Put[Reply]) -> None:
            await self._ask_all(requests, put)

        if requests:
            yield from self._background.stream(ask, room=2 * self._model.concurrency)

    def close(self) -> None:
        """Cancel what is under way, and close the connections."""
        self._background.close(self._endpoint.close)

    async def _ask_all(self, requests: Sequence[Request], put: Put[Reply]) -> None:
        asking = _Asking(iter(requests), put, len(requests))
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(len(requests), self._model.concurrency)):
                workers.create_task(self._work(asking))
        if asking.error is not None:
            raise asking.error
        if asking.spent:
            raise BudgetError(
                f"{describe_endpoint(self._model)}: {self._budget.describe()}; {asking.left:,} of {len(requests):,} requests are left "
                "to ask. What was answered is kept: raise the budget and build again"
            )

    async def _work(self, asking: _Asking) -> None:
        """Take one request after the other, until there is none or something stops the asking."""
        for request in asking.waiting:
            try:
                reply = await self._reply(request, asking)
            except BudgetSpent:
                asking.spent = True
                return
            except Stopped:
                return
            except EngineError as error:
                asking.error = asking.error or error
                asking.stop.set()
                return
            asking.left -= 1
            await asking.put(reply)
            if asking.over:
                return

    async def _reply(self, request: Request, asking: _Asking) -> Reply:
        held = await self._budget.hold(request)
        used = Cost()
        try:
            outcome = await self._outcome(request, asking.stop)
            if outcome.usage is not None:
                used = price_completion(self._model.price, outcome.usage.prompt_tokens, outcome.usage.tokens)
            elif isinstance(outcome, Answer):
                used = held  # the endpoint does not say: count what it can have been at most
        finally:
            self._budget.settle(held, used)
        return self._completion(request, outcome) if isinstance(outcome, Answer) else self._failure(request, outcome)

    async def _outcome(self, request: Request, stop: asyncio.Event) -> Answer | Refusal:
        """Ask until there is an answer or a refusal; raises `EngineError` where none comes."""
        attempt = 1
        while isinstance(outcome := await self._exchange(request, stop), FailedExchange):
            self._pace.pause(outcome.wait)
            if not outcome.again or attempt == self._model.attempts:
                times = f"asked {attempt} times, and the last time found" if attempt > 1 else "found"
                raise EngineError(f"{describe_endpoint(self._model)}: {times} {outcome.problem}; {outcome.advice}")
            await sleep_until_stopped(choose_backoff(attempt, self._backoff), stop)
            attempt += 1
        return outcome

    async def _exchange(self, request: Request, stop: asyncio.Event) -> Outcome:
        """One attempt; asked again at once without the optional fields that the endpoint does not take."""
        without = self._without
        while True:
            async with self._slots:
                await self._pace.turn(stop)
                outcome = await self._endpoint.ask(make_body(request, without))
            if isinstance(outcome, Refusal) and (refused := _optional(outcome, request) - without):
                without |= refused
                continue
            if isinstance(outcome, Answer):  # only what helped is remembered
                self._without |= without
            return outcome

    def _completion(self, request: Request, answer: Answer) -> Completion:
        self._answered += 1
        usage, price = answer.usage, self._model.price
        limit = request.sampling.max_tokens
        counted = limit if answer.finish == "length" else answer.counted
        channels = split_channels(answer.text, is_unfinished_thought(request.prefix), answer.thinking)
        return Completion(
            request=request.id,
            text=channels.text,
            finish=answer.finish,
            limit=limit,
            prompt_tokens=usage.prompt_tokens if usage else 0,
            tokens=usage.tokens if usage else counted,
            logprob=answer.logprob,
            engine=self.name,
            at=time.time(),
            price=price.of(usage.prompt_tokens, usage.tokens) if usage and price else None,
            thinking=channels.thinking,
            thinking_tokens=usage.thinking_tokens if usage else None,
            thinking_finished=channels.is_finished or bool(answer.tool_calls),
            tool_calls=answer.tool_calls,
        )

    def _failure(self, request: Request, refusal: Refusal) -> Failure:
        self._refused += refusal.reason == REFUSED
        if self._refused >= _FUTILE and not self._answered:
            raise EngineError(
                f"{describe_endpoint(self._model)}: refused the first {self._refused} requests, the last with {refusal.detail}; "
                "change what it does not take"
            )
        return Failure(request.id, refusal.reason, refusal.detail)
