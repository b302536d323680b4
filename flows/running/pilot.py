"""Pilots: a few rows of a table are asked about in earnest, to forecast what the whole would ask and spend.

Their completions are in the ledger, so a build does not pay for them again.
Some more rows, which no pilot asks about, show how much of the rest the ledger
knows already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from flows.planning.plan import TableJob
from flows.running.engine_pool import EnginePool
from flows.running.fit import fit_rows, read_fitted
from flows.running.inference import Dispatcher
from flows.running.sample import PILOT, Forecast, PilotSample
from schemas.model_id import ModelId
from schemas.recipe.models import Price
from schemas.request import Completion, Reply, Request
from schemas.task import Asking, Parameters


@dataclass
class _RequestCounter:
    """Requests and replies of a pilot's conversation."""

    requests: dict[str, Request] = field(default_factory=dict)
    replies: dict[str, Reply] = field(default_factory=dict)

    def record_replies(self, dispatcher: Dispatcher) -> Callable[[Sequence[Request]], Mapping[str, Reply]]:
        """A dispatcher's replies, each recorded with its request."""

        def replies(requests: Sequence[Request]) -> Mapping[str, Reply]:
            self.requests |= {request.id: request for request in requests}
            came = dispatcher.answer(requests)
            self.replies |= came
            return came

        return replies


def forecast_asking(
    work: TableJob, task: Asking[Any], sample: PilotSample, size: int, engines: EnginePool
) -> tuple[PilotSample | None, list[Forecast]]:
    """Forecast what a table asks.

    Args:
        work: The table.
        task: Its task.
        sample: Some rows of its inputs.
        size: How many of them are asked about in earnest.
        engines: Where they are asked.

    Returns:
        The rows that the pilot made, None where there was none; what each model is asked.

    """
    rows = sample.rows.gather_every(max(1, sample.rows.height // (2 * max(size, PILOT))))
    others = rows.gather_every(2, 1) if rows.height > 1 else rows
    pilot = rows.gather_every(2)[:size]
    names = {asked.name: asked.named for asked in work.models}
    settling, parameters = task.fit(work.parameters), read_fitted(work)
    first, counter = _RequestCounter(), _RequestCounter()
    with Dispatcher(work, engines) as dispatcher:
        if parameters is None:  # what the pilot alone settles stands for what the whole table will
            parameters = fit_rows(work, [pilot], first.record_replies(dispatcher)) if pilot.height else work.parameters
        unasked = list(next(task.ask(others, parameters, names), ()))
        known = set(dispatcher.find_known(unasked))
        kept = _run_pilot(task, work, parameters, pilot, dispatcher, counter) if pilot.height else None
    bounds = task.bound(work.parameters, sample.rows, sample.of / max(1, sample.rows.height))
    scale = sample.of / max(1, pilot.height if kept is not None else others.height)
    asked = counter.requests.values() if kept is not None else unasked
    forecasts = []
    for asked_model in work.models:
        mine = [request for request in asked if ModelId.of(request) == asked_model.named]
        rest = [request for request in unasked if ModelId.of(request) == asked_model.named]
        share = sum(request.id in known for request in rest) / max(1, len(rest))
        # what settling asks is asked again, of the ledger, where rows are made of the very replies
        rounds = [
            request
            for id_, request in first.requests.items()
            if ModelId.of(request) == asked_model.named and id_ not in counter.requests
        ]
        if settling is not None and rounds:
            larger = min(sample.of, settling.rows) / min(pilot.height, settling.rows)
            forecasts.append(
                _forecast_model(
                    f"{work.name}, types", asked_model.name, rounds, first.replies, larger, 0.0, asked_model.model.price
                )
            )
        forecast = _forecast_model(
            work.name, asked_model.name, mine, counter.replies, scale, share, asked_model.model.price
        )
        forecasts.append(forecast.limit(bounds.get(asked_model.name)))
    pilot_sample = PilotSample(kept, sample.of * kept.height / pilot.height) if kept is not None else None
    return pilot_sample, forecasts


def _run_pilot(
    task: Asking[Any],
    work: TableJob,
    parameters: Parameters,
    pilot: pl.DataFrame,
    dispatcher: Dispatcher,
    counter: _RequestCounter,
) -> pl.DataFrame:
    """Carry a pilot's conversation on to its end; the rows it makes."""
    names = {asked.name: asked.named for asked in work.models}
    conversation, replies = task.ask(pilot, parameters, names), counter.record_replies(dispatcher)
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
    completions = [reply for request in asked if isinstance(reply := replies[request.id], Completion)]
    waiting = max(0.0, total - len(asked)) * (1 - share)
    each = max(1, len(completions))
    prompt_tokens = sum(reply.prompt_tokens for reply in completions) / each * waiting
    tokens = sum(reply.tokens for reply in completions) / each * waiting
    return Forecast(table, model, total, total - waiting, prompt_tokens, tokens, price)
