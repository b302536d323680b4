"""What is settled about a whole table before its parts are worked on, kept beside them: a taxonomy, rates of error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from catalog.storage import StoreError
from catalog.tables import AGAIN, PartitionCommit, format_canonical_json
from flows.planning.plan import TableJob
from flows.running.partitions import InputColumns
from schemas.recipe.taxonomy import Taxonomy
from schemas.request import Failure, Reply, Request
from schemas.task import Parameters, Rows, TaskError
from tasks import TASKS

FILE = "settled.json"
SETTLED = "settled"
"""The receipt of what was settled, where some of its requests failed."""
Replies = Callable[[Sequence[Request]], Mapping[str, Reply]]


def read_fitted(work: TableJob) -> Parameters | None:
    """Read the parameters that a table's rows are made with.

    Args:
        work: The table.

    Returns:
        The parameters; None where they depend on the rows and are not settled yet.

    Raises:
        StoreError: What was kept cannot be read.

    """
    task = TASKS[work.task]
    settling = task.fit(work.parameters)
    if settling is None:
        return work.parameters
    folder = work.folder()
    path = f"{folder.path}/{FILE}"
    value = folder.store.read_json(path)
    try:
        return None if value is None else (settling.record or task.parameters).model_validate(value, strict=False)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise StoreError(f"{folder.store.link(path)}: not what was settled ({reason}); {AGAIN}") from None


def fit_parameters(work: TableJob, replies: Replies, rows: Rows | None = None) -> Parameters:
    """Settle what a table's parts depend on, once; what was settled before stays.

    Args:
        work: The table.
        replies: Asks models.
        rows: Its input where that is not its files as they are.

    Returns:
        The parameters with which its parts are worked on.

    """
    known = read_fitted(work)
    if known is not None:
        return known
    failed = set[str]()

    def count_failed(requests: Sequence[Request]) -> Mapping[str, Reply]:
        answered = replies(requests)
        failed.update(id_ for id_, reply in answered.items() if isinstance(reply, Failure))
        return answered

    try:
        parameters = fit_rows(work, rows or InputColumns(work, list_fit_columns(work)), count_failed)
    except TaskError as error:
        raise TaskError(f"{work.name}: {error}") from None
    folder = work.folder()
    if failed:
        folder.commit(SETTLED, PartitionCommit(0, failed=len(failed)))
    # who comes second takes what is there, so that all parts are made with the same
    folder.store.create(
        f"{folder.path}/{FILE}", format_canonical_json(parameters.model_dump(mode="json", by_alias=True))
    )
    return read_fitted(work) or parameters


def list_fit_columns(work: TableJob) -> list[str]:
    """The columns of a table's input that settling looks at."""
    settling = TASKS[work.task].fit(work.parameters)
    names = work.input_contract.names()
    wanted = settling.columns if settling else ()
    return [name for name in names if name in wanted or name == work.input_contract.key] if wanted else list(names)


def fit_rows(work: TableJob, rows: Rows, replies: Replies) -> Parameters:
    """What some rows settle."""
    task = TASKS[work.task]
    settling = task.fit(work.parameters)
    assert settling is not None
    names = {asked.name: asked.named for asked in work.models}
    conversation = settling.ask(rows, work.parameters, names)
    try:
        requests = next(conversation)
        while True:
            requests = conversation.send(_select_replies(requests, replies(requests)))
    except StopIteration as end:
        parameters: Parameters = end.value
        return parameters


def _select_replies(requests: Sequence[Request], replies: Mapping[str, Reply]) -> dict[str, Reply]:
    return {request.id: replies[request.id] for request in requests}


def read_taxonomy(work: TableJob) -> Taxonomy | None:
    """The taxonomy that a table's mistakes are labelled with; None where it has none, or none yet."""
    taxonomy: Any = getattr(read_fitted(work), "taxonomy", None)
    return taxonomy if isinstance(taxonomy, Taxonomy) else None
