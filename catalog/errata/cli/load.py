"""`errata load`: the rows of a release, as JSON lines, CSV or Parquet."""

from __future__ import annotations

import codecs
import csv
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ErrataError
from ..release.find import Release, open_release
from ..release.load import cut_batches, list_joined, list_rows, parse_split, read_batches
from .exit_codes import DONE
from .terminal import TerminalBytes
from .verb import RELEASE, Verb

GROUP_ROWS = 50_000
"""Rows of a row group of a Parquet file that is written, about."""


def load(options: Namespace) -> int:
    """`errata load`."""
    release = open_release(options.name, options.store)
    split, cut = parse_split(options.split)
    files = release.files(options.view, split)
    suffix = Path(options.output or "").suffix.lstrip(".").lower()
    form = options.format or (suffix if suffix in ("csv", "parquet") else "jsonl")
    rows = read_batches(release, files, options.limit if cut is None else None)
    if cut is not None:
        import pyarrow as pa

        chosen = cut.locate(sum(file["rows"] for file in files))
        chosen = chosen if options.limit is None else chosen[: max(0, options.limit)]
        rows = pa.RecordBatchReader.from_batches(rows.schema, cut_batches(rows, chosen))
    if options.output:
        with open(f"{options.output}.part", "wb") as file:
            _WRITERS[form](release, rows, file)
        os.replace(f"{options.output}.part", options.output)
    else:
        if (shown := sys.stdout.isatty()) and form == "parquet":
            raise ErrataError("Parquet is nothing to show in a terminal; name a file with --output")
        out: Any = TerminalBytes(sys.stdout) if shown else sys.stdout.buffer
        _WRITERS[form](release, rows, out)
        out.flush()
    if joined := list_joined(files, split):
        print(f"errata: splits {', '.join(joined)} are joined; name one with --split", file=sys.stderr)
    return DONE


def _write_parquet(_: Release, rows: Any, file: Any) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(file, rows.schema) as writer:
        for table in _collect_groups(rows):
            writer.write_table(table)


def _collect_groups(rows: Any) -> Iterator[Any]:
    """The rows in tables that make row groups of a good size."""
    import pyarrow as pa

    waiting: list[Any] = []
    for batch in rows:
        waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= GROUP_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _write_csv(release: Release, rows: Any, file: Any) -> None:
    """Lists are written as JSON."""
    writer = csv.writer(codecs.getwriter("utf-8")(file))
    writer.writerow(rows.schema.names)
    for row in _iterate_rows(release, rows):
        writer.writerow(
            [json.dumps(v, ensure_ascii=False, default=str) if isinstance(v, list) else v for v in row.values()]
        )


def _write_json_lines(release: Release, rows: Any, file: Any) -> None:
    for row in _iterate_rows(release, rows):
        file.write(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")


def _iterate_rows(release: Release, rows: Any) -> Iterator[dict[str, Any]]:
    return (row for batch in rows for row in list_rows(release, batch))


_WRITERS = {"jsonl": _write_json_lines, "csv": _write_csv, "parquet": _write_parquet}


def _add_load(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]", help=RELEASE)
    parser.add_argument("--view", help="the row format (default: the release's first)")
    parser.add_argument(
        "--split", help="train, validation, test, … or a slice: train[:1000], train[10%%:20%%] (default: all)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most N rows")
    parser.add_argument("--format", choices=[*_WRITERS], help="default: by the name of --output, else jsonl")
    parser.add_argument("--output", metavar="FILE", help="default: standard output")


LOAD = Verb(
    "load",
    "Write the rows of a release.",
    ("errata load mwpes --split test | head", "errata load mwpes@1.0.0 --output rows.parquet"),
    load,
    _add_load,
    "JSON lines, CSV or Parquet, to a file or to standard output.",
)
