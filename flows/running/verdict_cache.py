"""Verdicts across builds: opinions and judgements on pairs are kept in the store, by the version that came to them.

One Parquet file for each unit of work that found out anything, under a name
made from its content, so that builds side by side cannot overwrite each other.
Where there are many, who saves next merges them: the merged file is there
before the others go, so a verdict may stand in two files, but is never in none.
What is merged is cut by the first digits of its keys once it is large, and each
piece is merged by itself from then on.

A process takes over all of them while they fit its memory; beyond, each unit
looks up the keys of its pairs at once, in the files that can hold them.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial

import polars as pl

from catalog.storage import Store
from tasks.verify.math_verify.pool import compared
from tasks.verify.memo import VerdictCache
from tasks.verify.task import JUDGED

COLUMNS = ("key", "said")
CACHES = (compared.memory, JUDGED)
LOOSE, LOOSE_PIECES, SMALL = 64, 16, 65_536
"""Small files from which on they are merged, those of a piece likewise, and the verdicts of a file that is small no more."""
PAGE_BYTES = 8192
"""Of a page: what is unpacked to get at one verdict."""
THREADS = 8
"""Files that are read at once."""
_NAME = re.compile(r"[0-9a-f]{24}(?:-p([0-9a-f]+))?(?:-([0-9]+))?\.parquet")
"""The names of files; a merged one's says how many verdicts it holds, a piece's how their keys begin."""
_loaded: set[str] = set()


@contextmanager
def use_verdict_cache(store: Store, caches: Sequence[VerdictCache] = CACHES) -> Iterator[None]:
    """Take over the verdicts of the store, and save new ones when the work is done."""
    for cache in caches:
        load_verdicts(store, cache)
    yield
    for cache in caches:
        save_verdicts(store, cache)


def locate_cache(cache: VerdictCache) -> str:
    """Where a cache lies in a store."""
    return f"memory/{cache.name}-{re.sub(r'[^0-9a-z.]+', '-', cache.version)}"


def load_verdicts(store: Store, cache: VerdictCache) -> None:
    """Load what earlier builds have kept, once for each store in the life of a process; what is too much is looked up instead."""
    place = store.full(locate_cache(cache))
    if place in _loaded:
        return
    _loaded.add(place)
    cache.find = None
    names = store.names(locate_cache(cache))
    if not cache.has_room(sum(map(_count_named, names))):
        cache.find = partial(find_verdicts, store, cache)
        return
    for verdicts in _read_files(store, cache, names):
        if not cache.has_room(len(verdicts)):
            cache.find = partial(find_verdicts, store, cache)
            return
        cache.learn(verdicts)


def find_verdicts(store: Store, cache: VerdictCache, keys: Collection[str]) -> dict[str, str]:
    """What the store has by some keys; each file that can hold any of them is gone through once."""
    names = store.names(locate_cache(cache))
    return {key: verdict for some in _read_files(store, cache, names, keys) for key, verdict in some.items()}


def _read_files(
    store: Store, cache: VerdictCache, names: Sequence[str], keys: Collection[str] | None = None
) -> Iterator[dict[str, str]]:
    """The verdicts of files, by some keys or all; none of one that another process has merged away: what it held may be found out again."""

    def read(name: str) -> dict[str, str]:
        begin = _name_piece(name)
        wanted = None if keys is None else [key for key in keys if key.startswith(begin)]
        if wanted is not None and not wanted:
            return {}
        path = f"{locate_cache(cache)}/{name}"
        try:
            rows = pl.scan_parquet(store.full(path) if store.local else io.BytesIO(store.read(path)), glob=False)
            if wanted is not None:
                rows = rows.filter(pl.col("key").is_in(pl.Series(sorted(wanted)).implode()))
            return dict(rows.select(COLUMNS).collect().iter_rows())
        except FileNotFoundError:
            return {}

    with ThreadPoolExecutor(THREADS) as threads:
        # largest first: of what there is no room for, it is the small files that stay unread
        yield from threads.map(read, sorted(names, key=_count_named, reverse=True))


def save_verdicts(store: Store, cache: VerdictCache) -> None:
    """Write what was found out since the last time, and merge the small files where there are many."""
    fresh = cache.take_fresh()
    if not fresh:
        return
    _write_file(store, cache, fresh)
    pieces: dict[str, list[str]] = defaultdict(list)
    for name in store.names(locate_cache(cache)):
        if _NAME.fullmatch(name) and _count_named(name) < SMALL:
            pieces[_name_piece(name)].append(name)
    for begin, small in sorted(pieces.items()):
        if len(small) >= (LOOSE_PIECES if begin else LOOSE):
            merge_files(store, cache, small)


def merge_files(store: Store, cache: VerdictCache, names: Sequence[str]) -> None:
    """Make few files of several of one piece; where two processes do at once, all files stand and the next merge makes them few."""
    verdicts: dict[str, str] = {}
    for some in _read_files(store, cache, names):
        verdicts |= some
    begin = _name_piece(names[0])
    cut = len(verdicts) >= SMALL and all(len(key) > len(begin) for key in verdicts)
    pieces: dict[str, dict[str, str]] = defaultdict(dict)
    for key, verdict in verdicts.items():
        pieces[key[: len(begin) + 1] if cut else begin][key] = verdict
    merged = {
        _write_file(store, cache, piece, f"{'-p' if inside else ''}{inside}-{len(piece)}")
        for inside, piece in sorted(pieces.items())
    }
    for name in names:
        if name not in merged:
            with suppress(FileNotFoundError):
                store.fs.rm_file(store.full(f"{locate_cache(cache)}/{name}"))


def _write_file(store: Store, cache: VerdictCache, verdicts: Mapping[str, str], suffix: str = "") -> str:
    """Write verdicts as one file, whose name is returned."""
    data = io.BytesIO()
    rows = sorted(verdicts.items())
    pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row").write_parquet(
        data, row_group_size=SMALL, data_page_size=PAGE_BYTES
    )
    name = f"{hashlib.sha256(data.getvalue()).hexdigest()[:24]}{suffix}.parquet"
    store.write(f"{locate_cache(cache)}/{name}", data.getvalue())
    return name


def _count_named(name: str) -> int:
    """The verdicts that a file's name says it holds; 0 of a unit's."""
    match = _NAME.fullmatch(name)
    return int(match[2] or 0) if match else 0


def _name_piece(name: str) -> str:
    """How all keys of a file begin, as its name says."""
    match = _NAME.fullmatch(name)
    return (match[1] or "") if match else ""
