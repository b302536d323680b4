"""Tasks that ask, carried on without a runner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from schemas.model_id import ModelId
from schemas.request import Reply, Request
from schemas.task import Asking, Outcome


def ask_once(
    task: Asking[Any],
    part: pl.DataFrame,
    parameters: Any,
    names: dict[str, ModelId],
    answer: Callable[[Request], Reply],
) -> tuple[list[Request], Outcome]:
    """The requests of a conversation of one round, and what came of their answers."""
    conversation = task.ask(part, parameters, names)
    requests = list(next(conversation))
    with pytest.raises(StopIteration) as end:
        conversation.send({request.id: answer(request) for request in requests})
    outcome: Outcome = end.value.value
    return requests, outcome
