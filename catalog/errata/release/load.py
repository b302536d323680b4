"""The rows of a release as files, Arrow, Polars or `datasets`, from the disk or as a stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, get_args

from .. import cache
from ..errors import ErrataError, Unreadable
from .find import Release, open_release

Form = Literal["arrow", "polars", "datasets", "paths"]
DOWNLOADS = 8
"""Files downloaded at once."""
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
        split: `train`, `validation`, `test`, …; else all.
        store: A path or URL; else that of the environment variable ERRATA_STORE, or `store` in the current folder.
        form: What is returned, as below.
        stream: Whether rows are read as they are asked for: nothing is downloaded beforehand, and no checksum compared.

    Returns:
        By `form`:

        - `arrow`: a `pyarrow.Table`; as a stream a `pyarrow.RecordBatchReader`
        - `polars`: a `polars.DataFrame`; as a stream a `polars.LazyFrame`
        - `datasets`: a `datasets.Dataset`, mapped from the disk; as a stream a `datasets.IterableDataset`
        - `paths`: a list of Parquet files on this disk; as a stream their `corpus://` URLs

    Raises:
        ErrataError: What was asked for is wrong, or the release cannot be read: `NotFound`, `Yanked`, `Locked`, `Unreadable`, `Unreachable`.

    """
    if form not in get_args(Form):
        raise ErrataError(f"unknown form {form!r}; there are {', '.join(get_args(Form))}")
    release = open_release(name, store)
    files = release.files(view, split)
    if stream:
        return _STREAMS[form](release, files)
    paths = pull(release, files)
    return [str(path) for path in paths] if form == "paths" else _FORMS[form](release, paths)


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
        raise _describe_damage(release, error) from None


def read_first(release: Release, count: int) -> list[dict[str, Any]]:
    """The first rows of the first view; no more is read, or downloaded, than they need."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = []
    for file in release.files():
        if len(rows) >= count:
            break
        try:
            with release.open(file) as opened:
                for batch in pq.ParquetFile(opened).iter_batches(max(1, min(count, BATCH)), use_threads=False):
                    rows += batch.slice(0, count - len(rows)).to_pylist()
                    if len(rows) >= count:
                        break
        except (OSError, pa.ArrowException) as error:
            raise _describe_damage(release, error) from None
    return rows


def _explain_errors(release: Release, batches: Any) -> Any:
    """Batches; `Unreadable` where one cannot be read."""
    import pyarrow as pa

    try:
        yield from batches
    except (OSError, pa.ArrowException) as error:
        raise _describe_damage(release, error) from None


def _describe_damage(release: Release, error: Exception) -> Unreadable:
    hint = f"`errata verify {release.name}` tells more"
    return Unreadable(f"{release.url}: a file of it cannot be read as Parquet ({error}); {hint}")


def _load_arrow(release: Release, paths: Sequence[Path]) -> Any:
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
        raise _describe_damage(release, error) from None


def _load_polars(release: Release, paths: Sequence[Path]) -> Any:
    import polars

    return polars.from_arrow(_load_arrow(release, paths))


def _load_datasets(release: Release, paths: Sequence[Path]) -> Any:
    import datasets

    names = [str(path) for path in paths]
    # as Arrow files in the cache, which all processes of a machine map and share
    return datasets.Dataset.from_parquet(names, cache_dir=str(cache.find_root() / "datasets"))


def list_urls(release: Release, files: Sequence[dict[str, Any]]) -> list[str]:
    """The files by the `corpus://` protocol."""
    return [f"corpus://{release.name}/{file['path']}" for file in files]


def _stream_arrow(release: Release, files: Sequence[dict[str, Any]]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def batches() -> Any:
        for file in files:
            with release.open(file) as opened:
                yield from pq.ParquetFile(opened).iter_batches(use_threads=False)

    with release.open(files[0]) as opened:
        schema = pq.read_schema(opened)
    return pa.RecordBatchReader.from_batches(schema, _explain_errors(release, batches()))


def _stream_polars(release: Release, files: Sequence[dict[str, Any]]) -> Any:
    import polars
    import pyarrow.dataset as ds

    from .filesystem import CorpusFileSystem

    fs = CorpusFileSystem(store=release.store)
    dataset = ds.dataset(
        [url.removeprefix("corpus://") for url in list_urls(release, files)], filesystem=fs, format="parquet"
    )
    return polars.scan_pyarrow_dataset(dataset)


def _stream_datasets(release: Release, files: Sequence[dict[str, Any]]) -> Any:
    import datasets

    from .filesystem import CorpusFileSystem  # noqa: F401  # it registers itself, and `datasets` looks for it

    options = {"store": release.store}
    return datasets.load_dataset(
        "parquet", data_files={"all": list_urls(release, files)}, split="all", streaming=True, storage_options=options
    )


def _stream_paths(release: Release, files: Sequence[dict[str, Any]]) -> list[str]:
    return list_urls(release, files)


_FORMS: dict[str, Callable[[Release, Sequence[Path]], Any]] = {
    "arrow": _load_arrow, "polars": _load_polars, "datasets": _load_datasets,
}  # fmt: skip
_STREAMS: dict[str, Callable[[Release, Sequence[dict[str, Any]]], Any]] = {
    "arrow": _stream_arrow, "polars": _stream_polars, "datasets": _stream_datasets, "paths": _stream_paths,
}  # fmt: skip
