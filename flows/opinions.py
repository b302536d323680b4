"""Opinions across builds: what math-verify said of pairs is kept in the store, by the version that said it.

One Parquet file for each unit of work that asked anything, under a name made
from its content, so that builds side by side cannot overwrite each other.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import polars as pl

from catalog.store import Store
from tasks.answers.workers import Opinions, compared

FOLDER = f"opinions/math-verify-{version('math-verify')}"
COLUMNS = ("gold", "answer", "said")
_recalled: set[str] = set()


@contextmanager
def remembered(store: Store, opinions: Opinions = compared) -> Iterator[None]:
    """Know what the store knows, and keep what is new when the work is done."""
    recall(store, opinions)
    yield
    keep(store, opinions)


def recall(store: Store, opinions: Opinions) -> None:
    """Learn what earlier builds have kept; once for each store in the life of a process."""
    place = store.full(FOLDER)
    if place in _recalled:
        return
    _recalled.add(place)
    for name in store.names(FOLDER):
        kept = pl.read_parquet(io.BytesIO(store.read(f"{FOLDER}/{name}")))
        opinions.learn({(gold, answer): said for gold, answer, said in kept.select(COLUMNS).iter_rows()})


def keep(store: Store, opinions: Opinions) -> None:
    """Write what was said since the last time."""
    fresh = opinions.take_fresh()
    if not fresh:
        return
    rows = sorted((*pair, said) for pair, said in fresh.items())
    data = io.BytesIO()
    pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row").write_parquet(data)
    store.write(f"{FOLDER}/{hashlib.sha256(data.getvalue()).hexdigest()[:24]}.parquet", data.getvalue())
