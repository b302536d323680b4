"""The forecast: what the tables that ask models would ask and spend, before they do.

A few rows of each such table's input are made, and a pilot asks about them in
earnest: its completions are in the ledger, so a build does not pay for them
again. Some more rows, which no pilot asks about, show how much of the rest the
ledger knows already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import polars as pl

from catalog.sources import batches
from catalog.tables import TableFolder
from flows.planning.plan import Plan, TableJob
from flows.running.fit import fit_rows, read_fitted
from flows.running.inference import Dispatcher
from schemas.frames import polars_schema
from schemas.recipe.models import Price
from schemas.request import Completion, Reply, Request
from schemas.task import Asking, FromRecords, FromSeed, Parameters, PerProblem, PerRow
from tasks import TASKS

PILOT = 64
"""Rows that a pilot asks about."""


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

    @property
    def cost(self) -> float | None:
        """What is still to be paid, where the recipe gives a price."""
        if self.price is None or self.tokens is None or self.prompt_tokens is None:
            return None
        return (self.prompt_tokens * self.price.prompt + self.tokens * self.price.completion) / 1_000_000


@dataclass
class _RequestCounter:
    """What a pilot's conversation asked and heard."""

    requests: dict[str, Request] = field(default_factory=dict)
    replies: dict[str, Reply] = field(default_factory=dict)

    def listening(self, desk: Dispatcher) -> Callable[[Sequence[Request]], Mapping[str, Reply]]:
        """A desk's replies, each remembered with its request."""

        def replies(requests: Sequence[Request]) -> Mapping[str, Reply]:
            self.requests |= {request.id: request for request in requests}
            came = desk.answer(requests)
            self.replies |= came
            return came

        return replies


def forecast_tables(plan: Plan, pilot: int | None) -> list[Forecast]:
    """The forecasts of all tables that are to be made and ask models, inputs first.

    `pilot` is the number of rows that are asked about; without it `PILOT`, and
    none where a model costs money or a GPU's time. A table without a pilot,
    and what is made from it, has no tokens foretold.
    """
    found: list[Forecast] = []
    if not any(isinstance(TASKS[work.task], Asking) and work.name not in plan.done for work in plan.jobs):
        return found
    samples: dict[str, PilotSample] = {}
    works = {work.name: work for work in plan.jobs}
    for table in plan.recipe.tables[:-1]:
        work = works[table.name]
        if isinstance(TASKS[work.task], Asking) and work.name not in plan.done:
            sample = _concat_samples([samples[name] for name in table.inputs if name in samples])
            if sample is not None:
                made, told = _forecast_asking(work, sample, _pilot_size(work, pilot))
                found += told
                if made is not None:
                    samples[work.name] = made
        else:
            made = _sample_table(plan, work, [samples[name] for name in table.inputs if name in samples])
            if made is not None:
                samples[work.name] = made
    return found


def _pilot_size(work: TableJob, pilot: int | None) -> int:
    """Rows of a pilot: as asked for, or by default where the embedded model alone answers."""
    if pilot is not None:
        return pilot
    return PILOT if all(asked.model.engine == "abacus" for asked in work.models) else 0


def _concat_samples(samples: Sequence[PilotSample]) -> PilotSample | None:
    if not samples:
        return None
    return PilotSample(pl.concat([sample.rows for sample in samples]), sum(sample.of for sample in samples))


def _sample_table(plan: Plan, work: TableJob, inputs: Sequence[PilotSample]) -> PilotSample | None:
    """Rows of a table: of the one that exists, or made from those of its inputs."""
    task, wanted = TASKS[work.task], 4 * PILOT
    if work.name in plan.done:
        receipt = plan.done[work.name].receipt
        folder = TableFolder(work.folder().store, work.task, work.fingerprint)
        rows = (
            pl.concat([_spread_rows(folder.read(part), wanted) for part in receipt.parts[:4]])
            if receipt.parts
            else None
        )
        return PilotSample(_spread_rows(rows, wanted), receipt.rows_kept()) if rows is not None else None
    if isinstance(task, FromSeed):
        count = task.count(work.parameters)
        numbers = [range(i * count // wanted, i * count // wanted + 1) for i in range(wanted)]
        rows = pl.concat([task.run(one, work.parameters).kept for one in dict.fromkeys(numbers)])
        return PilotSample(rows, count)
    if isinstance(task, FromRecords):
        return _sample_records(task, work, wanted)
    sample = _concat_samples(inputs)
    if sample is None or not sample.rows.height:
        return None
    rows = task.run(sample.rows, work.parameters).kept if isinstance(task, PerRow | PerProblem) else sample.rows
    # what only the whole table can say is left open
    schema = polars_schema(work.contract)
    unknown = [pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in rows.columns]
    rows = rows.with_columns(unknown)
    return PilotSample(rows, sample.of * rows.height / sample.rows.height)


def _sample_records(task: FromRecords[Any], work: TableJob, wanted: int) -> PilotSample | None:
    """Rows of the first records of a table's sources; what all of them hold is guessed from the share read."""
    kept: list[pl.DataFrame] = []
    of = 0.0
    for source in work.sources:
        for batch, share in islice(batches(source), 1):
            made = task.run(batch, work.parameters).kept
            kept.append(made)
            of += made.height / share if share else made.height
    return PilotSample(_spread_rows(pl.concat(kept), wanted), of) if kept else None


def _spread_rows(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    """At most so many rows, evenly spread."""
    if rows.height <= most:
        return rows
    return rows[[i * rows.height // most for i in range(most)]]


def _forecast_asking(work: TableJob, sample: PilotSample, size: int) -> tuple[PilotSample | None, list[Forecast]]:
    """What a table asks; with a pilot also the rows it made."""
    task = TASKS[work.task]
    assert isinstance(task, Asking)
    rows = sample.rows.gather_every(max(1, sample.rows.height // (2 * max(size, PILOT))))
    others = rows.gather_every(2, 1) if rows.height > 1 else rows
    pilot = rows.gather_every(2)[:size]
    names = {asked.name: asked.named for asked in work.models}
    settling, parameters = task.fit(work.parameters), read_fitted(work)
    first, heard = _RequestCounter(), _RequestCounter()
    with Dispatcher(work) as desk:
        if parameters is None:  # what the pilot alone settles stands for what the whole table will
            parameters = fit_rows(work, [pilot], first.listening(desk)) if pilot.height else work.parameters
        unasked = list(next(task.ask(others, parameters, names), ()))
        known = set(desk.ledger.find(unasked))
        kept = _run_pilot(task, work, parameters, pilot, desk, heard) if pilot.height else None
    scale = sample.of / max(1, pilot.height if kept is not None else others.height)
    asked = heard.requests.values() if kept is not None else unasked
    told = []
    for one in work.models:
        mine = [
            request for request in asked if (request.model, request.revision) == (one.named.model, one.named.revision)
        ]
        rest = [r for r in unasked if (r.model, r.revision) == (one.named.model, one.named.revision)]
        share = sum(request.id in known for request in rest) / max(1, len(rest))
        if settling is not None and first.requests:
            rounds = [
                r for r in first.requests.values() if (r.model, r.revision) == (one.named.model, one.named.revision)
            ]
            larger = min(sample.of, settling.rows) / min(pilot.height, settling.rows)
            told.append(
                _forecast_model(f"{work.name}, types", one.name, rounds, first.replies, larger, 0.0, one.model.price)
            )
        told.append(_forecast_model(work.name, one.name, mine, heard.replies, scale, share, one.model.price))
    made = PilotSample(kept, sample.of * kept.height / pilot.height) if kept is not None else None
    return made, told


def _run_pilot(
    task: Asking[Any],
    work: TableJob,
    parameters: Parameters,
    pilot: pl.DataFrame,
    desk: Dispatcher,
    heard: _RequestCounter,
) -> pl.DataFrame:
    """Carry a pilot's conversation on to its end; the rows it makes."""
    names = {asked.name: asked.named for asked in work.models}
    conversation, replies = task.ask(pilot, parameters, names), heard.listening(desk)
    try:
        requests = next(conversation)
        while True:
            requests = conversation.send(replies(requests))
    except StopIteration as end:
        kept: pl.DataFrame = end.value.kept
        return kept


def _forecast_model(
    table: str, model: str, asked: Sequence[Request], replies: Mapping[str, Reply], scale: float, share: float,
    price: Price | None,
) -> Forecast:  # fmt: skip
    """The forecast of one model from the requests of some rows, scaled to all."""
    total = len(asked) * scale
    if not replies:
        return Forecast(table, model, total, share * total, price=price)
    heard = [reply for request in asked if isinstance(reply := replies[request.id], Completion)]
    waiting = max(0.0, total - len(asked)) * (1 - share)
    each = max(1, len(heard))
    prompt_tokens = sum(reply.prompt_tokens for reply in heard) / each * waiting
    tokens = sum(reply.tokens for reply in heard) / each * waiting
    return Forecast(table, model, total, total - waiting, prompt_tokens, tokens, price)
