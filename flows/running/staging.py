"""Sources for machines that do not see them: copied into the store, by digest, before work begins."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from catalog import hub
from catalog.digests import read_stamp
from catalog.sources import Source, SourceError, is_rows
from catalog.storage import Store
from flows.planning.plan import Plan, TableJob

FOLDER = "sources"
CHUNK = 2**22


def list_sources(plan: Plan) -> list[Source]:
    """The files that the tables still to be made are read from and held against, with their companions, each once."""
    sources = [source for job in _list_missing(plan) for source in job.sources]
    sources += [source for job in _list_missing(plan) for side in job.side_inputs for source in side.sources]
    sources += [source.companion for source in sources if source.companion]
    return list({source.url: source for source in sources}.values())


def stage_sources(plan: Plan, unseen: Collection[str]) -> Plan:
    """A plan whose tables read in the store what some machine does not see where it lies.

    Args:
        plan: The plan; its store is one that all machines reach.
        unseen: The URLs that are not seen everywhere.

    Returns:
        The plan; fingerprints and names stay as they are.

    Raises:
        SourceError: One is of no machine's, or has changed since it was planned.

    """
    store = Store(plan.store)
    staged = {source.url: _stage(source, store) for source in list_sources(plan) if source.url in unseen}

    def move(sources: tuple[Source, ...]) -> tuple[Source, ...]:
        moved = (
            replace(source, companion=source.companion and staged.get(source.companion.url, source.companion))
            for source in sources
        )
        return tuple(
            replace(source, url=staged[source.url].url, stamp=staged[source.url].stamp)
            if source.url in staged
            else source
            for source in moved
        )

    jobs = [
        replace(
            job,
            sources=move(job.sources),
            side_inputs=tuple(replace(side, sources=move(side.sources)) for side in job.side_inputs),
        )
        for job in plan.jobs
    ]
    return replace(plan, jobs=tuple(jobs))


def _list_missing(plan: Plan) -> list[TableJob]:
    return [job for job in plan.jobs[:-1] if job.name not in plan.done]


def _stage(source: Source, store: Store) -> Source:
    """A source in the store; one of its digest that is there already is the same."""
    if is_rows(source.url):
        raise SourceError(
            f"{source.name}: is a data set in a folder that not all nodes see; put it on a disk that they share"
        )
    path = f"{FOLDER}/{source.digest}/{PurePosixPath(source.url).name}"
    if not store.fs.exists(store.full(path)):
        store.write_chunks(path, _read_checked(source))
    url = str(store.fs.unstrip_protocol(store.full(path)))
    return replace(source, url=url, stamp=read_stamp(store.fs, store.full(path)))


def _read_checked(source: Source) -> Iterator[bytes]:
    """The bytes of a source; `SourceError` at their end where they are not those that it was planned with."""
    digest = hashlib.sha256()
    try:
        with hub.open_file(source.url) as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                yield chunk
    except OSError as error:
        raise SourceError(
            f"{source.name}: cannot be read ({error.strerror or error}); check it and build again"
        ) from None
    if digest.hexdigest() != source.digest:
        raise SourceError(f"{source.name}: has changed since it was planned; build again")
