"""What is settled about a whole table before its parts are asked about, kept beside them: a taxonomy that was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from catalog.storage import StoreError
from catalog.tables import AGAIN, canonical
from flows.planning.plan import Work
from flows.running.table import Parts
from schemas.recipe.taxonomy import Taxonomy
from schemas.request import Reply, Request
from schemas.task import Asking, Parameters, Rows, TaskError
from tasks import TASKS

FILE = "settled.json"
Replies = Callable[[Sequence[Request]], Mapping[str, Reply]]


def settled(work: Work) -> Parameters | None:
    """The parameters that a table's rows are made with; None where they depend on the rows and are not settled yet.

    `StoreError` where what was kept cannot be read.
    """
    task = TASKS[work.task]
    if not isinstance(task, Asking) or task.settle(work.parameters) is None:
        return work.parameters
    folder = work.folder()
    path = f"{folder.path}/{FILE}"
    value = folder.store.read_json(path)
    try:
        return None if value is None else task.parameters.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]["msg"]
        raise StoreError(f"{folder.store.link(path)}: not what was settled ({found}); {AGAIN}") from None


def settle(work: Work, replies: Replies) -> Parameters:
    """Settle what a table's parts depend on, once; what was settled before stays."""
    known = settled(work)
    if known is not None:
        return known
    try:
        found = found_in(work, Parts(work, list(work.given.names())), replies)
    except TaskError as error:
        raise TaskError(f"{work.name}: {error}") from None
    folder = work.folder()
    # who comes second takes what is there, so that all parts are made with the same
    folder.store.create(f"{folder.path}/{FILE}", canonical(found.model_dump(mode="json", by_alias=True)))
    return settled(work) or found


def found_in(work: Work, rows: Rows, replies: Replies) -> Parameters:
    """What some rows settle."""
    task = TASKS[work.task]
    assert isinstance(task, Asking)
    settling = task.settle(work.parameters)
    assert settling is not None
    names = {asked.name: asked.named for asked in work.models}
    conversation = settling.ask(rows, work.parameters, names)
    try:
        requests = next(conversation)
        while True:
            requests = conversation.send(_of(requests, replies(requests)))
    except StopIteration as end:
        found: Parameters = end.value
        return found


def _of(requests: Sequence[Request], replies: Mapping[str, Reply]) -> dict[str, Reply]:
    return {request.id: replies[request.id] for request in requests}


def taxonomy(work: Work) -> Taxonomy | None:
    """The taxonomy that a table's mistakes are labelled with; None where it has none, or none yet."""
    found: Any = getattr(settled(work), "taxonomy", None)
    return found if isinstance(found, Taxonomy) else None
