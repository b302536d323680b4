"""What a release cost: tokens by table from its rows, and what the ledger says was paid for the corpus."""

from __future__ import annotations

from typing import Any

import polars as pl

from catalog.ledger import Ledger
from catalog.storage import Store
from flows.planning.plan import Plan, TableJob
from schemas.model_id import ModelId


def find_token_column(work: TableJob) -> str | None:
    """The column with the tokens of the completions that a table asked for; None where it asked for none."""
    names = [name for name in work.contract.names() if name == "tokens" or name.endswith("_tokens")]
    fresh = [name for name in names if name not in work.input_contract.names()]
    return next(reversed(fresh or names), None)


class Tokens:
    """Sums a column of tokens."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.wants = (column,)
        self.sum = 0

    def add(self, part: pl.DataFrame) -> None:
        """Count a part."""
        if self.column in part.columns:
            self.sum += int(part[self.column].sum())


def sum_spending(plan: Plan, tokens: dict[str, int]) -> dict[str, Any] | None:
    """Tokens by table, and the ledger's sums by model; None where nothing was asked."""
    works = {work.name: work for work in plan.jobs}
    tables = [
        {
            "table": name,
            "task": works[name].task,
            "tokens": n,
            "models": [model.named.model for model in works[name].models],
        }
        for name, n in tokens.items()
    ]
    paid = [account for account in Ledger(Store(plan.store)).spent() if account.corpus == plan.recipe.corpus]
    if not tables and not paid:
        return None
    ledger = [
        {"model": str(ModelId(account.model, account.revision)), "requests": account.requests, "cut_off": account.truncated,
         "prompt_tokens": account.prompt_tokens, "tokens": account.tokens, "price": None if account.price is None else round(account.price, 6), "unpriced": account.unpriced,
         "failed": account.failed, "estimated": account.estimated, "thinking_tokens": account.thinking_tokens}
        for account in paid
    ]  # fmt: skip
    return {"tables": tables, "ledger": ledger}
