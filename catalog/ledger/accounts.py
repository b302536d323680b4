"""What the ledger's completions have cost, in requests, tokens and money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.ledger.merging import Load, read_distinct, split_ranges
from catalog.ledger.partitions import count_bits
from catalog.ledger.segments import ENTRY, FAILED, Segment
from catalog.storage import Store

ROWS = 500_000
"""Entries that are summed at a time, about."""
_BY = ["corpus", "model", "revision"]
_COLUMNS = ["place", *ENTRY, *_BY, "finish", "prompt_tokens", "tokens", "price", "at", "thinking_tokens", "estimated"]


@dataclass(frozen=True)
class Spending:
    """What a corpus has spent on a model. A request that was answered twice counts twice: it was paid for twice."""

    corpus: str
    model: str
    revision: str
    requests: int
    """Completions, those that were cut off and asked again among them, and failures."""
    prompt_tokens: int
    tokens: int
    """Tokens of the completions."""
    truncated: int
    """Completions cut off at their limit."""
    price: float | None
    """The sum of the prices that are known, in the currency of the recipe; None if none is."""
    unpriced: int
    """Completions without a price."""
    first: float
    """When the first came: seconds since 1970, UTC."""
    last: float
    failed: int = 0
    """Requests that failed for good."""
    estimated: int = 0
    """Completions whose tokens are estimates, because the endpoint did not say."""
    thinking_tokens: int = 0
    """Tokens of thoughts among `tokens`, as far as they were counted."""

    def __add__(self, other: Spending) -> Spending:
        """The sum, under this one's names."""
        prices = [account.price for account in (self, other) if account.price is not None]
        return replace(
            self,
            requests=self.requests + other.requests,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            tokens=self.tokens + other.tokens,
            truncated=self.truncated + other.truncated,
            price=sum(prices) if prices else None,
            unpriced=self.unpriced + other.unpriced,
            first=min(self.first, other.first),
            last=max(self.last, other.last),
            failed=self.failed + other.failed,
            estimated=self.estimated + other.estimated,
            thinking_tokens=self.thinking_tokens + other.thinking_tokens,
        )


def sum_spending(store: Store, segments: Sequence[Segment], load: Load) -> list[Spending]:
    """Sums by corpus, model and revision, sorted by them. Raises as `ledger.segments.read` does."""
    sums: dict[tuple[str, ...], Spending] = {}
    kept: dict[Segment, Any] = {}
    for slices in split_ranges(segments, load, ROWS, count_bits(segments)):
        for account in _sum_entries(read_distinct(store, slices, _COLUMNS, kept)):
            key = (account.corpus, account.model, account.revision)
            sums[key] = sums[key] + account if key in sums else account
    return [sums[key] for key in sorted(sums)]


def _sum_entries(entries: Any) -> list[Spending]:
    truncated = pc.cast(pc.equal(entries["finish"], "length"), pa.int64())
    failed = pc.cast(pc.equal(entries["finish"], FAILED), pa.int64())
    known = pc.cast(pc.is_valid(entries["price"]), pa.int64())
    free = pc.cast(pc.and_(pc.equal(entries["finish"], FAILED), pc.is_null(entries["price"])), pa.int64())
    guessed = pc.cast(pc.fill_null(entries["estimated"], False), pa.int64())
    added = {"truncated": truncated, "known": known, "failed": failed, "free": free, "guessed": guessed}
    for name, column in added.items():
        entries = entries.append_column(name, column)
    sums = ["prompt_tokens", "tokens", "thinking_tokens", "price", *added]
    aggregates = [("place", "count"), ("at", "min"), ("at", "max"), *((name, "sum") for name in sums)]
    return [
        Spending(
            row["corpus"], row["model"], row["revision"], row["place_count"], row["prompt_tokens_sum"],
            row["tokens_sum"], row["truncated_sum"], row["price_sum"] if row["known_sum"] else None,
            row["place_count"] - row["known_sum"] - row["free_sum"], row["at_min"], row["at_max"], row["failed_sum"],
            row["guessed_sum"], row["thinking_tokens_sum"] or 0,
        )
        for row in entries.group_by(_BY).aggregate(aggregates).to_pylist()
    ]  # fmt: skip
