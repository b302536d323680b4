"""Budgets in tokens and money that are not overrun: a request begins only if its highest cost still fits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.recipe.models import OpenAI, Price
from schemas.request import Request
from tasks.engines.openai.chat import Answer, Usage

_MESSAGE, _TEMPLATE = 16, 64
"""Tokens that a chat template may put around a message, and around the conversation."""
BYTES_PER_TOKEN = 3
"""Of English prose a token has 4 to 5 bytes, of formulas and figures 2 to 3, of Chinese 3 to 4."""


class BudgetSpent(Exception):
    """The next request does not fit, and nothing is under way whose end could make room."""


@dataclass(frozen=True)
class Cost:
    """What requests cost."""

    tokens: int = 0
    money: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.tokens + other.tokens, self.money + other.money)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.tokens - other.tokens, self.money - other.money)


def price_completion(price: Price | None, prompt_tokens: int, tokens: int) -> Cost:
    """The cost of a completion."""
    return Cost(prompt_tokens + tokens, price.of(prompt_tokens, tokens) if price else 0.0)


def price_at_most(price: Price | None, request: Request) -> Cost:
    """What a request costs at most: no tokenizer makes more tokens of a text than it has bytes."""
    texts = [message.content for message in request.messages] + [request.prefix]
    prompt = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    return price_completion(price, prompt + _MESSAGE * len(texts) + _TEMPLATE, request.sampling.max_tokens)


def estimate_tokens(text: str) -> int:
    """About as many tokens as a text has, rather more than fewer: one for every 3 bytes of UTF-8."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def estimate_usage(request: Request, answer: Answer) -> Usage:
    """The tokens of an exchange where the endpoint does not say; those with a log-probability are counted."""
    prompt = sum(estimate_tokens(message.content) + _MESSAGE for message in request.messages)
    tokens = len(answer.logprobs or ()) or estimate_tokens(answer.thinking + answer.text)
    if answer.finish == "length":
        tokens = request.sampling.max_tokens
    return Usage(prompt + estimate_tokens(request.prefix), tokens)


class Budget:
    """What has been spent on a model, and what those under way may cost. Of one event loop."""

    def __init__(self, model: OpenAI, spent: Cost) -> None:
        self._tokens, self._money, self._price = model.budget_tokens, model.budget_price, model.price
        self._spent = spent
        self._held = Cost()
        self._holds = 0
        self._settled = asyncio.Event()
        self._short = Cost()

    async def hold(self, group: Sequence[Request]) -> Cost:
        """Set aside what requests cost at most, once that fits; raises `BudgetSpent` where it never will."""
        most = sum((price_at_most(self._price, request) for request in group), Cost())
        while not self._fits(most):
            if not self._holds:
                self._short = most
                raise BudgetSpent
            self._settled.clear()
            await self._settled.wait()
        self._held += most
        self._holds += 1
        return most

    def settle(self, held: Cost, used: Cost) -> None:
        """Give back what was set aside, and count what was used."""
        self._spent += used
        self._holds -= 1
        self._held = self._held - held if self._holds else Cost()
        self._settled.set()

    def _fits(self, more: Cost) -> bool:
        after = self._spent + self._held + more
        return (self._tokens is None or after.tokens <= self._tokens) and (
            self._money is None or after.money <= self._money
        )

    def describe(self) -> str:
        """What is spent of what, and what the request that did not fit would need."""
        if self._tokens is not None and (self._spent + self._short).tokens > self._tokens:
            return (
                f"{self._spent.tokens:,} of the {self._tokens:,} tokens of `budget_tokens` are spent, "
                f"and the next request may take {self._short.tokens:,}"
            )
        return (
            f"{self._spent.money:.6g} of the {self._money:.6g} of `budget_price` is spent, "
            f"and the next request may cost {self._short.money:.6g}"
        )
