"""The ledger's accounts as text: what each corpus has spent on each model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import add

from catalog.ledger import Ledger
from catalog.ledger.accounts import Spending
from flows.metrics.narrow_table import format_narrow_table

HEAD = ("corpus, model", "requests", "prompt", "completion", "cut off", "price")


def format_spending(ledger: Ledger) -> str:
    """A table of 80 columns: tokens and money by corpus and, below it, by model; then the sum. May raise `StoreError`."""
    accounts = ledger.spent()
    if not accounts:
        return f"no completion in the ledger: {ledger.store.link('ledger')}"
    rows: list[list[object]] = []
    corpora = sorted({account.corpus for account in accounts})
    for corpus in corpora:
        mine = [account for account in accounts if account.corpus == corpus]
        rows.append(_format_row(corpus, mine))
        rows += [
            _format_row(f"  {model}", [account for account in mine if account.model == model])
            for model in sorted({account.model for account in mine})
        ]
    if len(corpora) > 1:
        rows.append(_format_row("all", accounts))
    return f"{format_narrow_table(HEAD, rows)}\n\n{_format_notes(reduce(add, accounts))}"


def _format_row(name: str, accounts: Sequence[Spending]) -> list[object]:
    total = reduce(add, accounts)
    return [name, total.requests, total.prompt_tokens, total.tokens, total.truncated, _format_price(total)]


def _format_price(account: Spending) -> str:
    """Money; with a plus where some of it is not known."""
    if account.price is None:
        return "–"
    return f"{account.price:,.2f}{'+' if account.unpriced else ''}"


def _format_notes(total: Spending) -> str:
    first, last = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}" for at in (total.first, total.last))
    lines = [f"prompt, completion: tokens; cut off: at their limit; first {first}, last {last} UTC"]
    if total.failed:
        lines.append(f"{total.failed:,} requests failed for good; they are asked again with `build --retry-failed`")
    if total.estimated:
        lines.append(f"the tokens of {total.estimated:,} completions are estimated: their endpoints do not count them")
    if total.thinking_tokens:
        lines.append(f"{total.thinking_tokens:,} tokens of completions are known to be thoughts")
    if total.price is not None and total.unpriced:
        lines.append(f"+: {total.unpriced:,} completions have no price and are not counted in it")
    return "\n".join(lines)
