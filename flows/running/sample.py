"""Samples of tables that do not exist yet, and what would be asked of models to make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from flows.planning.plan import TableJob
from schemas.frames import to_polars_schema
from schemas.recipe.models import Price

PILOT = 64
"""Rows that a pilot asks about by default."""
WANTED = 4 * PILOT
"""Rows of a sample."""


@dataclass(frozen=True)
class PilotSample:
    """Some rows of a table that may not exist yet."""

    rows: pl.DataFrame
    of: float
    """How many rows the table has, or is expected to have."""


@dataclass
class Forecast:
    """What a table asks of one model: of all rows, of which the ledger answers some."""

    table: str
    model: str
    requests: float = 0.0
    known: float = 0.0
    """Requests that the ledger answers."""
    prompt_tokens: float | None = None
    """Tokens of the prompts that are still to be asked; None where no pilot was run."""
    tokens: float | None = None
    """Tokens of the completions still to come."""
    price: Price | None = None
    at_most: float | None = None
    """Tokens of all its completions at most, where the task knows a bound."""

    def limit(self, at_most: float | None) -> Forecast:
        """The forecast with a bound, which it does not pass."""
        tokens = self.tokens if at_most is None or self.tokens is None else min(self.tokens, at_most)
        return replace(self, tokens=tokens, at_most=at_most)

    @property
    def cost(self) -> float | None:
        """What is still to be paid, where the recipe gives a price."""
        if self.price is None or self.tokens is None or self.prompt_tokens is None:
            return None
        return (self.prompt_tokens * self.price.prompt + self.tokens * self.price.completion) / 1_000_000


def concat_samples(samples: Sequence[PilotSample]) -> PilotSample | None:
    """A sample of tables that are put one after the other; None of none."""
    if not samples:
        return None
    return PilotSample(pl.concat([sample.rows for sample in samples]), sum(sample.of for sample in samples))


def spread_rows(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    """At most so many rows, evenly spread."""
    if rows.height <= most:
        return rows
    return rows[[i * rows.height // most for i in range(most)]]


def scale_sample(job: TableJob, inputs: PilotSample, rows: pl.DataFrame) -> PilotSample:
    """The sample of a table that a task has made from that of its inputs; columns only the whole table can tell are null."""
    unknown = [
        pl.lit(None, kind).alias(name)
        for name, kind in to_polars_schema(job.contract).items()
        if name not in rows.columns
    ]
    return PilotSample(rows.with_columns(unknown), inputs.of * rows.height / inputs.rows.height)
