"""The openai engine: models behind OpenAI-compatible endpoints, asked side by side, retried, and within a budget."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import groupby

from schemas.recipe.models import OpenAI
from schemas.request import BudgetError, Completion, EngineError, Failure, Reply, Request
from tasks.engines.openai.async_bridge import Background, Put
from tasks.engines.openai.body import make_body
from tasks.engines.openai.budget import Budget, BudgetSpent, Cost, estimate_usage, price_completion
from tasks.engines.openai.capabilities import Capabilities
from tasks.engines.openai.chat import Answer, FailedExchange, Outcome, Refusal
from tasks.engines.openai.endpoint import Endpoint, describe_endpoint
from tasks.engines.openai.giving_up import FUTILE, UNANSWERED, AttemptsSpent, GivingUp, Unanswered
from tasks.engines.openai.http_errors import REFUSED, hide_credentials
from tasks.engines.openai.rate_limit import Pace, Stopped, choose_backoff, sleep_until_stopped
from tasks.engines.token_statistics import TokenProbabilities, describe_tokens, sum_logprobs
from tasks.llm.channels import is_unfinished_thought, split_channels


def _group_samples(requests: Sequence[Request], most: int) -> Iterator[tuple[Request, ...]]:
    """Requests as they are asked for: samples of one, next to each other, so many together."""
    if most == 1:
        yield from ((request,) for request in requests)
        return
    for _, samples in groupby(requests, key=lambda request: replace(request, sample=0)):
        alike = list(samples)
        yield from (tuple(alike[begin : begin + most]) for begin in range(0, len(alike), most))


@dataclass
class _Asking:
    """One call of `answer`."""

    waiting: deque[tuple[Request, ...]]
    """Groups of samples that are asked for together."""
    put: Put[Reply]
    left: int
    """Requests without a reply."""
    giving_up: GivingUp
    spent: bool = False
    error: EngineError | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when what rests need not come back."""

    def put_back(self, group: Sequence[Request]) -> None:
        """Let requests wait again, each alone."""
        self.waiting.extendleft((request,) for request in reversed(group))

    @property
    def over(self) -> bool:
        return self.spent or self.error is not None


class OpenAIEngine:
    """Answers requests by an endpoint's chat completions.

    `spent_tokens` and `spent_price` are what was spent of the budget before,
    `has_answered` says whether the model ever answered before.
    Raises `EngineError` where the model's declaration, its URL or its key
    cannot be used. After an error no request is begun or tried again, and
    what is under way is still given, since it is paid for. Attempts that
    brought no answer count nothing against the budget: endpoints do not
    tell what they cost. Where they do not tell what an answer cost, that is
    estimated, for the budget as for the ledger.
    """

    name = "openai 1"

    def __init__(
        self,
        model: OpenAI,
        spent_tokens: int = 0,
        spent_price: float = 0.0,
        *,
        has_answered: Callable[[], bool] = lambda: False,
        _backoff: float = 1.0,
    ) -> None:
        if model.budget_price is not None and model.price is None:
            raise EngineError(f"{describe_endpoint(model)}: `budget_price` needs `price`; give the price of its tokens")
        self._model = model
        self._endpoint = Endpoint(model)
        self._budget = Budget(model, Cost(spent_tokens, spent_price))
        self._pace = Pace(model.per_minute)
        self._slots = asyncio.Semaphore(model.concurrency)
        self._background = Background()
        self._finding = asyncio.Lock()
        self._owner: str | None = None
        self._backoff = _backoff
        self._capabilities = Capabilities(describe_endpoint(model), model.answers_as)
        self._has_answered = has_answered
        self._answered = self._refused = 0

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """One reply for each request, as they come; see `schemas.engine.Engine`.

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

    def find_server(self) -> str:
        """Where it asks and who answers there; see `schemas.engine.ProbedEngine`."""

        async def find(put: Put[str]) -> None:
            await put(await self._find_owner())

        (owner,) = self._background.stream(find, room=1)
        return f"{hide_credentials(self._model.url)} {owner}".strip()

    async def _find_owner(self) -> str:
        """How the server signs its list of models, asked for once."""
        async with self._finding:
            if self._owner is None:
                self._owner = await self._endpoint.find_owner()
            return self._owner

    def close(self) -> None:
        """Cancel what is under way, and close the connections."""
        self._background.close(self._endpoint.close)

    async def _ask_all(self, requests: Sequence[Request], put: Put[Reply]) -> None:
        settings = {(*request.further, request.sampling.temperature): request for request in requests}
        for request in settings.values():
            if request.further or request.sampling.temperature > 1:
                self._capabilities.check_ignored(await self._find_owner(), request)
        giving_up = GivingUp(lambda: bool(self._answered) or self._has_answered())
        asking = _Asking(deque(_group_samples(requests, self._model.n)), put, len(requests), giving_up)
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(len(requests), self._model.concurrency)):
                workers.create_task(self._work(asking))
        if asking.error is not None:
            raise asking.error
        for failure in giving_up.release_last():
            asking.left -= 1
            await asking.put(failure)
        if asking.spent:
            raise BudgetError(
                f"{describe_endpoint(self._model)}: {self._budget.describe()}; {asking.left:,} of {len(requests):,} requests are left "
                "to ask. What was answered is kept: raise the budget and build again"
            )

    async def _work(self, asking: _Asking) -> None:
        """Take one request after the other, until there is none or something stops the asking."""
        while asking.waiting:
            try:
                replies = await self._reply(asking.waiting.popleft(), asking)
            except BudgetSpent:
                asking.spent = True
                return
            except Stopped:
                return
            except EngineError as error:
                asking.error = asking.error or error
                asking.stop.set()
                return
            asking.left -= len(replies)
            for reply in replies:
                await asking.put(reply)
            if asking.over:
                return

    async def _reply(self, group: tuple[Request, ...], asking: _Asking) -> list[Reply]:
        """The replies to a group; those of it that the endpoint left out wait again, each alone."""
        try:
            held = await self._budget.hold(group)
        except BudgetSpent:
            if len(group) == 1:
                raise
            asking.put_back(group)
            return []
        used = Cost()
        try:
            outcomes = await self._outcomes(group, asking)
            used = self._price(group, outcomes)
        except AttemptsSpent as spent:
            if len(group) > 1:
                asking.put_back(group)
                return []
            failure = self._failure(group[0], Refusal(UNANSWERED, spent.problem))
            asking.giving_up.hold(Unanswered(failure, spent))
            return [*asking.giving_up.release()]
        finally:
            self._budget.settle(held, used)
        asking.put_back(group[len(outcomes) :])
        asking.giving_up.count_answers(sum(isinstance(outcome, Answer) for outcome in outcomes))
        replies = [
            self._completion(request, outcome) if isinstance(outcome, Answer) else self._refuse(request, outcome)
            for request, outcome in zip(group, outcomes)
        ]
        return [*replies, *asking.giving_up.release()]

    def _price(self, group: Sequence[Request], outcomes: Sequence[Answer | Refusal]) -> Cost:
        """What outcomes cost, as the endpoint says or as it is estimated."""
        usages = [
            estimate_usage(request, outcome) if isinstance(outcome, Answer) and not outcome.usage else outcome.usage
            for request, outcome in zip(group, outcomes)
        ]
        costs = (price_completion(self._model.price, use.prompt_tokens, use.tokens) for use in usages if use)
        return sum(costs, Cost())

    async def _outcomes(self, group: tuple[Request, ...], asking: _Asking) -> list[Answer | Refusal]:
        """Ask until there are answers, which may be fewer than the group, or a refusal; raises `EngineError` where none come."""
        attempt = 1
        while True:
            answers = asking.giving_up.answers
            outcomes = await self._exchange(group, attempt, asking.stop)
            failed = outcomes[0]
            if not isinstance(failed, FailedExchange):
                break
            self._pace.pause(failed.wait)
            if not failed.again or attempt == self._model.attempts:
                times = f"asked {attempt} times, and the last time found" if attempt > 1 else "found"
                problem = f"{times} {failed.problem}"
                message = f"{describe_endpoint(self._model)}: {problem}; {failed.advice}"
                raise AttemptsSpent(message, problem, answers, failed.is_away) if failed.again else EngineError(message)
            await sleep_until_stopped(choose_backoff(attempt, self._backoff), asking.stop)
            attempt += 1
        results: list[Answer | Refusal] = []
        for request, outcome in zip(group, outcomes):
            if isinstance(outcome, FailedExchange):
                break
            if isinstance(outcome, Answer):
                self._capabilities.check_answer(request, outcome)
            else:
                self._capabilities.check_setting(outcome, request)
            results.append(outcome)
        # a refusal is of all that was asked
        return results if isinstance(results[0], Answer) else results[:1] * len(group)

    async def _exchange(self, group: tuple[Request, ...], attempt: int, stop: asyncio.Event) -> list[Outcome]:
        """One attempt; asked again at once without what the endpoint does not take."""
        without = self._capabilities.without
        while True:
            async with self._slots:
                await self._pace.turn(stop)
                outcomes = await self._endpoint.ask(self._write(group, without), group[0].options.api)
            if weaker := self._capabilities.find_weaker(outcomes[0], group, without, attempt):
                without |= weaker
                continue
            if isinstance(outcomes[0], Answer):  # only what helped is remembered
                self._capabilities.learn(without)
            return outcomes

    def _write(self, group: tuple[Request, ...], without: Set[str]) -> bytes:
        return make_body(group[0], without, len(group), self._model.stream)

    def _completion(self, request: Request, answer: Answer) -> Completion:
        self._answered += 1
        usage, price = answer.usage or estimate_usage(request, answer), self._model.price
        channels = split_channels(answer.text, is_unfinished_thought(request.prefix), answer.thinking)
        tokens = TokenProbabilities(answer.logprobs, first=answer.alternatives)
        return Completion(
            request=request.id,
            text=channels.text,
            finish=answer.finish,
            limit=request.sampling.max_tokens,
            prompt_tokens=usage.prompt_tokens,
            tokens=usage.tokens,
            logprob=sum_logprobs(answer.logprobs) if answer.logprobs or request.needs_logprobs else None,
            engine=self.name,
            at=time.time(),
            price=price.of(usage.prompt_tokens, usage.tokens) if price else None,
            thinking=channels.thinking,
            thinking_tokens=usage.thinking_tokens,
            thinking_finished=channels.is_finished or bool(answer.tool_calls),
            tool_calls=answer.tool_calls,
            estimated=answer.usage is None,
            **describe_tokens(request, answer.thinking + answer.text, tokens),
        )

    def _refuse(self, request: Request, refusal: Refusal) -> Failure:
        """The failure of a request that the endpoint refuses; raises `EngineError` where it refuses all."""
        self._refused += refusal.reason == REFUSED
        if self._refused >= FUTILE and not self._answered:
            raise EngineError(
                f"{describe_endpoint(self._model)}: refused the first {self._refused} requests, the last with {refusal.detail}; "
                "change what it does not take"
            )
        return self._failure(request, refusal)

    def _failure(self, request: Request, refusal: Refusal) -> Failure:
        usage, price = refusal.usage, self._model.price
        return Failure(
            request.id,
            refusal.reason,
            refusal.detail,
            limit=request.sampling.max_tokens,
            prompt_tokens=usage.prompt_tokens if usage else 0,
            tokens=usage.tokens if usage else 0,
            engine=self.name,
            at=time.time(),
            price=price.of(usage.prompt_tokens, usage.tokens) if usage and price else None,
        )
