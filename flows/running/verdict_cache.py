"""Memory across builds: opinions and judgements on pairs are kept in the store, by the version that came to them.

One Parquet file for each unit of work that found out anything, under a name
made from its content, so that builds side by side cannot overwrite each other.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import polars as pl

from catalog.storage import Store
from tasks.verify.math_verify.pool import compared
from tasks.verify.memo import VerdictCache
from tasks.verify.task import JUDGED

COLUMNS = ("key", "said")
MEMORIES = (compared.memory, JUDGED)
_recalled: set[str] = set()


@contextmanager
def cached_verdicts(store: Store, memories: Sequence[VerdictCache] = MEMORIES) -> Iterator[None]:
    """Know what the store knows, and keep what is new when the work is done."""
    for memory in memories:
        load_verdicts(store, memory)
    yield
    for memory in memories:
        save_verdicts(store, memory)


def cache_folder(memory: VerdictCache) -> str:
    """Where a memory lies in a store."""
    return f"memory/{memory.name}-{re.sub(r'[^0-9a-z.]+', '-', memory.version)}"


def load_verdicts(store: Store, memory: VerdictCache) -> None:
    """Learn what earlier builds have kept; once for each store in the life of a process."""
    place = store.full(cache_folder(memory))
    if place in _recalled:
        return
    _recalled.add(place)
    for name in store.names(cache_folder(memory)):
        kept = pl.read_parquet(io.BytesIO(store.read(f"{cache_folder(memory)}/{name}")))
        memory.learn(dict(kept.select(COLUMNS).iter_rows()))


def save_verdicts(store: Store, memory: VerdictCache) -> None:
    """Write what was found out since the last time."""
    fresh = memory.take_fresh()
    if not fresh:
        return
    data = io.BytesIO()
    rows = sorted(fresh.items())
    pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row").write_parquet(data)
    name = hashlib.sha256(data.getvalue()).hexdigest()[:24]
    store.write(f"{cache_folder(memory)}/{name}.parquet", data.getvalue())
