"""Verdicts across builds: opinions and judgements on pairs are kept in the store, by the version that came to them.

One Parquet file for each unit of work that found out anything, under a name
made from its content, so that builds side by side cannot overwrite each other.
Where there are many, who saves next merges them: the merged file is there
before the others go, so a verdict may stand in two files, but is never in none.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import polars as pl

from catalog.storage import Store
from tasks.verify.math_verify.pool import compared
from tasks.verify.memo import VerdictCache
from tasks.verify.task import JUDGED

COLUMNS = ("key", "said")
CACHES = (compared.memory, JUDGED)
LOOSE, SMALL = 64, 65_536
"""Small files from which on they are merged, and the verdicts of a file that is small no more."""
THREADS = 8
"""Files that are read at once."""
_NAME = re.compile(r"[0-9a-f]{24}(?:-([0-9]+))?\.parquet")
"""The names of files; a merged one's says how many verdicts it holds."""
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
    for verdicts in _read_files(store, cache, store.names(locate_cache(cache))):
        if not cache.has_room(len(verdicts)):
            break
        cache.learn(verdicts)


def _read_files(store: Store, cache: VerdictCache, names: Sequence[str]) -> Iterator[dict[str, str]]:
    """The verdicts of files; none of one that another process has merged away: what it held may be found out again."""

    def read(name: str) -> dict[str, str]:
        try:
            data = store.read(f"{locate_cache(cache)}/{name}")
        except FileNotFoundError:
            return {}
        return dict(pl.read_parquet(io.BytesIO(data)).select(COLUMNS).iter_rows())

    with ThreadPoolExecutor(THREADS) as threads:
        # largest first: of what there is no room for, it is the small files that stay unread
        yield from threads.map(read, sorted(names, key=_count_named, reverse=True))


def save_verdicts(store: Store, cache: VerdictCache) -> None:
    """Write what was found out since the last time, and merge the small files where there are many."""
    fresh = cache.take_fresh()
    if not fresh:
        return
    _write_file(store, cache, fresh)
    small = [name for name in store.names(locate_cache(cache)) if _NAME.fullmatch(name) and _count_named(name) < SMALL]
    if len(small) >= LOOSE:
        merge_files(store, cache, small)


def merge_files(store: Store, cache: VerdictCache, names: Sequence[str]) -> None:
    """Make one file of several; where two processes do at once, both files stand and the next merge makes them one."""
    verdicts: dict[str, str] = {}
    for some in _read_files(store, cache, names):
        verdicts |= some
    merged = _write_file(store, cache, verdicts, f"-{len(verdicts)}")
    for name in names:
        if name != merged:
            with suppress(FileNotFoundError):
                store.fs.rm_file(store.full(f"{locate_cache(cache)}/{name}"))


def _write_file(store: Store, cache: VerdictCache, verdicts: Mapping[str, str], suffix: str = "") -> str:
    """Write verdicts as one file, whose name is returned."""
    data = io.BytesIO()
    rows = sorted(verdicts.items())
    pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row").write_parquet(data)
    name = f"{hashlib.sha256(data.getvalue()).hexdigest()[:24]}{suffix}.parquet"
    store.write(f"{locate_cache(cache)}/{name}", data.getvalue())
    return name


def _count_named(name: str) -> int:
    """The verdicts that a file's name says it holds; 0 of a unit's."""
    match = _NAME.fullmatch(name)
    return int(match[1] or 0) if match else 0
