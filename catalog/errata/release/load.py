"""The rows of a release as files, Arrow, Polars or `datasets`, from the disk or as a stream."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from .. import cache
from ..errors import ErrataError, Unreadable
from .find import Release, open_release

Form = Literal["arrow", "polars", "pandas", "datasets", "paths"]
DOWNLOADS = 8
"""Files downloaded at once."""
_SLICE = re.compile(r"([^\[\]]+)\[(?:(-?\d{1,18})(%)?)?:(?:(-?\d{1,18})(%)?)?\]")
PIECES = 4
"""Pieces of a file that a stream of `datasets` shares out among the workers of a loader."""
BATCH = 1_000
"""Rows read at a time where not all are wanted at once."""


def load(
    name: str, view: str | None = None, split: str | None = None, store: str | None = None, form: Form = "arrow",
    stream: bool = False,
) -> Any:  # fmt: skip
    """The rows of a release, e.g. `load("mwpes@^1.2", view="stepwise", split="train", form="datasets")`.

    Every file is downloaded once, into a cache shared by all processes, and
    compared with its checksum. A store on this disk is used in place.

    Args:
        name: `corpus`, its newest version; or with `@1.2.3`, `@^1.2`, `@~1.2`, `@>=1.0,<2`, `@tag`, `@1.2.3#sha256:…`.
        view: The row format; else the release's first.
        split: `train`, `validation`, `test`, …, or a slice of one: `train[:1000]`, `train[10%:20%]`, `test[-50:]`; else all
            splits one after the other, which is said on the logger `errata`, as tests among them are not for training.
        store: A path or URL; else that of the environment variable ERRATA_STORE, or `store` in the current folder.
        form: What is returned, as below.
        stream: Whether rows are read as they are asked for: nothing is downloaded beforehand, and no checksum compared.

    Returns:
        By `form`:

        - `arrow`: a `pyarrow.Table`; as a stream a `pyarrow.RecordBatchReader`
        - `polars`: a `polars.DataFrame`; as a stream a `polars.LazyFrame`
        - `pandas`: a `pandas.DataFrame`; as a stream an iterator of some rows each
        - `datasets`: a `datasets.Dataset`, mapped from the disk; as a stream a `datasets.IterableDataset`
        - `paths`: a list of Parquet files on this disk; as a stream their `corpus://` URLs

    Raises:
        ErrataError: What was asked for is wrong, or the release cannot be read: `NotFound`, `Yanked`, `Locked`, `Unreadable`, `Unreachable`.

    """
    if form not in get_args(Form):
        raise ErrataError(f"unknown form {form!r}; there are {', '.join(get_args(Form))}")
    release = open_release(name, store)
    split, cut = parse_split(split)
    files = release.files(view, split)
    if joined := list_joined(files, split):
        splits = ", ".join(joined)
        logging.getLogger("errata").warning("%s: splits %s are joined; name one (split=…)", release.name, splits)
    rows = None if cut is None else cut.locate(sum(file["rows"] for file in files))
    if rows is not None and form == "paths":
        raise ErrataError(f"{name}: files hold whole splits; ask for split='{split}', or for another form than paths")
    with _explain_missing(form):
        if stream:
            return _STREAMS[form](release, files, rows)
        paths = pull(release, files)
        return [str(path) for path in paths] if form == "paths" else _FORMS[form](release, paths, rows)


def list_joined(files: Sequence[dict[str, Any]], split: str | None) -> list[str]:
    """The splits that are put one after the other, where none was named and there are several."""
    splits = list(dict.fromkeys(str(file["split"]) for file in files))
    return splits if split is None and len(splits) > 1 else []


@contextmanager
def _explain_missing(form: str) -> Iterator[None]:
    """Say what to install where a library is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("polars", "pandas", "datasets"):
            raise
        extra = f"errata[{error.name}]" if error.name != "pandas" else "pandas"
        raise ErrataError(f"form={form!r} needs {error.name}, which is not installed: pip install '{extra}'") from None


@dataclass(frozen=True)
class SplitSlice:
    """Which rows of a split: from one to before another, in rows or in percent of them; negative ones count from the end."""

    start: int | None
    stop: int | None
    percent: tuple[bool, bool] = (False, False)

    def locate(self, rows: int) -> range:
        """The numbers of the rows, of so many."""
        ends = [
            None if end is None else round(rows * end / 100) if share else end
            for end, share in zip((self.start, self.stop), self.percent)
        ]
        return range(rows)[slice(*ends)]


def parse_split(split: str | None) -> tuple[str | None, SplitSlice | None]:
    """A split and which of its rows, as `train[:1000]`; `ErrataError` where that is no slice."""
    if split is None or not split.endswith("]"):
        return split, None
    match = _SLICE.fullmatch(split)
    if match is None:
        raise ErrataError(f"split {split[:60]!r}: expected a slice such as train[:1000], train[10%:20%] or train[-50:]")
    name, start, of_start, stop, of_stop = match.groups()
    return name, SplitSlice(int(start) if start else None, int(stop) if stop else None, (bool(of_start), bool(of_stop)))


def pull(release: Release, files: Sequence[dict[str, Any]], report: Callable[[int], None] | None = None) -> list[Path]:
    """The files on this disk, downloaded where they are not; `report` is called with the rows of each when it is there."""

    def fetch(file: dict[str, Any]) -> Path:
        path = release.path(file)
        if report:
            report(file.get("rows", 0))
        return path

    if all(release.local(file) for file in files[:1]) and report is None:
        return [fetch(file) for file in files]
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        return list(pool.map(fetch, files))


def read_batches(release: Release, files: Sequence[dict[str, Any]], limit: int | None = None) -> Any:
    """Rows as a `pyarrow.RecordBatchReader` that holds some of them at a time, each file's bytes compared with its checksum."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def read() -> Any:
        left = limit
        for file in files:
            if left is not None and left <= 0:
                return
            for batch in pq.ParquetFile(release.path(file)).iter_batches(BATCH, use_threads=False):
                rows = batch if left is None else batch.slice(0, max(0, left))
                left = None if left is None else left - rows.num_rows
                yield rows
                if left == 0:
                    return

    try:
        schema = pq.read_schema(release.path(files[0]))
        return pa.RecordBatchReader.from_batches(schema, _explain_errors(release, read()))
    except (OSError, pa.ArrowException) as error:
        raise describe_damage(release, error) from None


def read_first(release: Release, count: int) -> list[dict[str, Any]]:
    """The first rows of the first view; no more row groups are read, or downloaded, than they need."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = []
    for file in release.files():
        if len(rows) >= count:
            break
        try:
            with release.open(file) as opened:
                parquet = pq.ParquetFile(opened)
                # whole groups: a program that ends soon after it left off reading batches is aborted by a thread of Arrow's, now and then
                for group in range(parquet.num_row_groups):
                    table = parquet.read_row_group(group, use_threads=False)
                    rows += list_rows(release, table.slice(0, count - len(rows)))
                    if len(rows) >= count:
                        break
        except (OSError, pa.ArrowException) as error:
            raise describe_damage(release, error) from None
    return rows


def list_rows(release: Release, rows: Any) -> list[dict[str, Any]]:
    """Rows of an Arrow table or batch as Python's values; `Unreadable` where it has none for one of them, as for times of a zone that nobody knows."""
    try:
        return list(rows.to_pylist())
    except (ValueError, LookupError, OverflowError) as error:
        raise describe_damage(release, error) from None


def _explain_errors(release: Release, batches: Any) -> Any:
    """Batches; `Unreadable` where one cannot be read."""
    import pyarrow as pa

    try:
        yield from batches
    except (OSError, pa.ArrowException) as error:
        raise describe_damage(release, error) from None


def describe_damage(release: Release, error: Exception) -> Unreadable:
    """The error where a file of a release is no Parquet, or Python cannot have what it holds."""
    hint = f"`errata verify {release.name}` tells more"
    return Unreadable(f"{release.url}: a file of it cannot be read as Parquet ({error}); {hint}")


def _load_arrow(release: Release, paths: Sequence[Path], rows: range | None = None) -> Any:
    table = _read_arrow(release, paths)
    return table if rows is None else table.slice(rows.start, len(rows))


def _read_arrow(release: Release, paths: Sequence[Path]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def groups(path: Path) -> list[tuple[Path, list[int]]]:
        """A file's row groups in as many runs as there are processors."""
        count = pq.ParquetFile(path).num_row_groups
        each = max(1, -(-count // (os.cpu_count() or 1)))
        return [(path, list(range(at, min(at + each, count)))) for at in range(0, count, each)] or [(path, [])]

    def read(piece: tuple[Path, list[int]]) -> Any:
        # threads of ours, which have ended when this returns: of Arrow's one may outlive the read and abort
        # the interpreter's exit (apache/arrow#34314)
        return pq.ParquetFile(piece[0]).read_row_groups(piece[1], use_threads=False)

    try:
        pieces = [piece for path in paths for piece in groups(path)]
        if len(pieces) == 1:
            return read(pieces[0])
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return pa.concat_tables(pool.map(read, pieces))
    except (OSError, pa.ArrowException) as error:
        raise describe_damage(release, error) from None


def _load_polars(release: Release, paths: Sequence[Path], rows: range | None = None) -> Any:
    import polars

    return polars.from_arrow(_load_arrow(release, paths, rows))


def _load_pandas(release: Release, paths: Sequence[Path], rows: range | None = None) -> Any:
    import pandas  # noqa: F401  # what is missing is known before the rows are read

    return _load_arrow(release, paths, rows).to_pandas()


def _load_datasets(release: Release, paths: Sequence[Path], rows: range | None = None) -> Any:
    import datasets

    names = [str(path) for path in paths]
    # as Arrow files in the cache, which all processes of a machine map and share
    dataset = datasets.Dataset.from_parquet(names, cache_dir=str(cache.find_root() / "datasets"))
    return dataset if rows is None else dataset.select(rows)


def list_urls(release: Release, files: Sequence[dict[str, Any]]) -> list[str]:
    """The files by the `corpus://` protocol."""
    return [f"corpus://{release.name}/{file['path']}" for file in files]


def _stream_arrow(release: Release, files: Sequence[dict[str, Any]], rows: range | None = None) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def batches() -> Any:
        for file in files:
            with release.open(file) as opened:
                yield from pq.ParquetFile(opened).iter_batches(use_threads=False)

    with release.open(files[0]) as opened:
        schema = pq.read_schema(opened)
    chosen = batches() if rows is None else cut_batches(batches(), rows)
    return pa.RecordBatchReader.from_batches(schema, _explain_errors(release, chosen))


def cut_batches(batches: Any, rows: range) -> Any:
    """The rows of some numbers, of batches that follow each other."""
    at = 0
    for batch in batches:
        if at >= rows.stop:
            return
        start = max(0, rows.start - at)
        if start < batch.num_rows:
            yield batch.slice(start, min(batch.num_rows, rows.stop - at) - start)
        at += batch.num_rows


def _stream_polars(release: Release, files: Sequence[dict[str, Any]], rows: range | None = None) -> Any:
    import polars
    import pyarrow.dataset as ds

    from .filesystem import CorpusFileSystem

    fs = CorpusFileSystem(store=release.store)
    dataset = ds.dataset(
        [url.removeprefix("corpus://") for url in list_urls(release, files)], filesystem=fs, format="parquet"
    )
    scanned = polars.scan_pyarrow_dataset(dataset)
    return scanned if rows is None else scanned.slice(rows.start, len(rows))


def _stream_pandas(release: Release, files: Sequence[dict[str, Any]], rows: range | None = None) -> Any:
    import pandas  # noqa: F401

    return (batch.to_pandas() for batch in _stream_arrow(release, files, rows))


def _stream_datasets(release: Release, files: Sequence[dict[str, Any]], rows: range | None = None) -> Any:
    import datasets
    import pyarrow.parquet as pq

    with release.open(files[0]) as opened:
        features = datasets.Features.from_arrow_schema(pq.read_schema(opened))
    pieces = _list_pieces(files, rows)
    # a list among the arguments is what `datasets` shares out among workers
    arguments = {"release": release, "pieces": pieces}
    return datasets.IterableDataset.from_generator(_read_pieces, features=features, gen_kwargs=arguments)


def _list_pieces(files: Sequence[dict[str, Any]], rows: range | None) -> list[tuple[dict[str, Any], int, int]]:
    """Runs of rows of the files, several of each, so that each worker of a loader gets some."""
    pieces, at = [], 0
    for file in files:
        first = max(0, rows.start - at) if rows is not None else 0
        last = min(file["rows"], rows.stop - at) if rows is not None else file["rows"]
        at += file["rows"]
        each = max(1, -(-(last - first) // PIECES))
        pieces += [(file, start, min(start + each, last)) for start in range(first, last, each)]
    return pieces


def _read_pieces(release: Release, pieces: Sequence[tuple[dict[str, Any], int, int]]) -> Iterator[dict[str, Any]]:
    """The rows of some pieces; no more row groups are read than they lie in."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for file, start, stop in pieces:
        try:
            with release.open(file) as opened:
                parquet = pq.ParquetFile(opened)
                at = 0
                for group in range(parquet.num_row_groups):
                    height = parquet.metadata.row_group(group).num_rows
                    if at < stop and at + height > start:
                        inside = range(max(0, start - at), min(height, stop - at))
                        batches = parquet.iter_batches(BATCH, [group], use_threads=False)
                        for batch in cut_batches(batches, inside):
                            yield from list_rows(release, batch)
                    at += height
        except (OSError, pa.ArrowException) as error:
            raise describe_damage(release, error) from None


def _stream_paths(release: Release, files: Sequence[dict[str, Any]], rows: range | None = None) -> list[str]:
    return list_urls(release, files)


_FORMS: dict[str, Callable[[Release, Sequence[Path], range | None], Any]] = {
    "arrow": _load_arrow, "polars": _load_polars, "pandas": _load_pandas, "datasets": _load_datasets,
}  # fmt: skip
_STREAMS: dict[str, Callable[[Release, Sequence[dict[str, Any]], range | None], Any]] = {
    "arrow": _stream_arrow, "polars": _stream_polars, "pandas": _stream_pandas, "datasets": _stream_datasets, "paths": _stream_paths,
}  # fmt: skip
