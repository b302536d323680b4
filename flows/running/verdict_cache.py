"""Verdicts across builds: opinions and judgements on pairs are kept in the store, by the version that came to them.

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
CACHES = (compared.memory, JUDGED)
_loaded: set[str] = set()


@contextmanager
def use_verdict_cache(store: Store, caches: Sequence[VerdictCache] = CACHES) -> Iterator[None]:
    """Load the verdicts of the store, and save new ones when the work is done."""
    for cache in caches:
        load_verdicts(store, cache)
    yield
    for cache in caches:
        save_verdicts(store, cache)


def locate_cache(cache: VerdictCache) -> str:
    """Where a cache lies in a store."""
    return f"memory/{cache.name}-{re.sub(r'[^0-9a-z.]+', '-', cache.version)}"


def load_verdicts(store: Store, cache: VerdictCache) -> None:
    """Load what earlier builds have kept; once for each store in the life of a process."""
    place = store.full(locate_cache(cache))
    if place in _loaded:
        return
    _loaded.add(place)
    for name in store.names(locate_cache(cache)):
        kept = pl.read_parquet(io.BytesIO(store.read(f"{locate_cache(cache)}/{name}")))
        cache.learn(dict(kept.select(COLUMNS).iter_rows()))


def save_verdicts(store: Store, cache: VerdictCache) -> None:
    """Write what was found out since the last time."""
    fresh = cache.take_fresh()
    if not fresh:
        return
    data = io.BytesIO()
    rows = sorted(fresh.items())
    pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row").write_parquet(data)
    name = hashlib.sha256(data.getvalue()).hexdigest()[:24]
    store.write(f"{locate_cache(cache)}/{name}.parquet", data.getvalue())
