"""The `errata` command.

`list`, `show`, `load`, `verify`, `pull`, `lock` and `diff` work wherever the client is installed; the others need the
application around it and run in a checkout.
"""

from __future__ import annotations

import argparse
import codecs
import csv
import importlib
import io
import json
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ErrataError, ErrataWarning, NotFound, Unreadable
from ..release.find import Release, open_release, releases
from ..release.load import batches, first
from ..storage import STORE
from . import text, verbs
from .arguments import DONE, FAILED, MISSING, WRONG, parser

GROUP_ROWS = 50_000
"""Rows of a row group of a Parquet file that `load` writes, about."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit code."""
    given = parser(RUNS).parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Unicode shows `?`
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", ErrataWarning)
            warnings.showwarning = _warned
            code = int(given.run(given))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except ErrataError as error:
        _complain(error)
        return MISSING if isinstance(error, NotFound) else FAILED if isinstance(error, Unreadable) else WRONG
    except OSError as error:
        if given.verb in ("build", "plan", "gates", "release"):
            raise  # the application tells its own
        _complain(error)
        return FAILED
    except KeyboardInterrupt:
        print("errata: interrupted; start it again to go on", file=sys.stderr)
        return 130


def _complain(error: Exception) -> None:
    print(f"errata: {text.plain(error)}", file=sys.stderr)


def _warned(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as a line."""
    print(f"errata: warning: {text.plain(message)}", file=sys.stderr)


def _application(verb: str) -> Any:
    """The application's command line, where the client lies in a checkout."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "flows" / "cli" / "main.py").is_file():
        raise ErrataError(
            f"`errata {verb}` needs the application: run it in a checkout of Errata (make corpus shows how)"
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return importlib.import_module("flows.cli.main")


def _build(given: argparse.Namespace) -> int:
    store = given.store or os.environ.get(STORE) or "store"
    options = {"verbose": given.verbose, "plain": given.plain, "models": given.model, "auto": given.version == "auto"}
    return int(_application("build").build(given.recipe, given.data, store, **options))


def _plan(given: argparse.Namespace) -> int:
    store = given.store or os.environ.get(STORE) or "store"
    return int(_application("plan").plan(given.recipe, given.data, store, given.pilot, given.model))


def _list(given: argparse.Namespace) -> int:
    rows: list[list[object]] = []
    code = DONE
    for corpus, version in releases(given.store):
        try:
            one = open_release(f"{corpus}@{version}", given.store)
        except Unreadable as error:
            _complain(error)
            code = FAILED
        else:
            rows.append([one.name, _rows(one), one.manifest["recipe"]["title"][:60]])
    if rows:
        print(text.table(["release", "rows", "title"], rows))
    elif code == DONE:
        print("no release in this store", file=sys.stderr)
    return code


def _rows(release: Release) -> int:
    return sum(file["rows"] for file in release.files())


def _show(given: argparse.Namespace) -> int:
    release = open_release(given.name, given.store)
    if given.json:
        print(json.dumps(release.manifest, indent=1))
        return DONE
    width = max(40, shutil.get_terminal_size().columns)
    title = text.lines(text.plain(f"{release.name}  {release.manifest['recipe']['title']}\n{release.url}"), width)
    parts = [title, text.splits(release, width)]
    parts.append(text.funnel(release.manifest["funnel"], width))
    parts.append(text.labels(release.manifest.get("labels", []), width))
    parts.append(text.types(release.manifest.get("types", []), width))
    parts.append(text.gates(release.manifest.get("gates", []), width))
    parts.append(text.counts_of_views(release, width))
    parts += [text.example(row, min(width, 100)) for row in first(release, given.examples)]
    print("\n\n".join(part for part in parts if part))
    return DONE


def _load(given: argparse.Namespace) -> int:
    release = open_release(given.name, given.store)
    files = release.files(given.view, given.split)
    suffix = Path(given.output or "").suffix.lstrip(".").lower()
    form = given.format or (suffix if suffix in ("csv", "parquet") else "jsonl")
    found = batches(release, files, given.limit)
    if given.output:
        with open(f"{given.output}.part", "wb") as file:
            _write(found, form, file)
        os.replace(f"{given.output}.part", given.output)
    else:
        _write(found, form, sys.stdout.buffer)
    return DONE


def _write(rows: Any, form: str, file: Any) -> None:
    """A reader's rows as JSON lines, CSV (lists as JSON) or Parquet, some at a time."""
    if form == "parquet":
        import pyarrow.parquet as pq

        with pq.ParquetWriter(file, rows.schema) as written:
            for table in _tables(rows):
                written.write_table(table)
    elif form == "csv":
        writer = csv.writer(codecs.getwriter("utf-8")(file))
        writer.writerow(rows.schema.names)
        for row in _each(rows):
            writer.writerow([json.dumps(v, ensure_ascii=False) if isinstance(v, list) else v for v in row.values()])
    else:
        for row in _each(rows):
            file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    file.flush()


def _tables(rows: Any) -> Iterator[Any]:
    """The rows in tables that make row groups of a good size."""
    import pyarrow as pa

    waiting: list[Any] = []
    for batch in rows:
        waiting.append(batch)
        if sum(one.num_rows for one in waiting) >= GROUP_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _each(rows: Any) -> Any:
    return (row for batch in rows for row in batch.to_pylist())


def _owner(given: argparse.Namespace) -> int:
    """A verb of who owns the store or makes releases."""
    store = given.store or os.environ.get(STORE) or "store"
    return int(_application(given.verb).owner(given, store))


def _scheduled(given: argparse.Namespace) -> int:
    return int(_application(given.verb).scheduled(given))


def _browse(given: argparse.Namespace) -> int:
    return int(_application("browse").browse(given, given.store or os.environ.get(STORE) or "store"))


def _ledger(given: argparse.Namespace) -> int:
    return int(_application("ledger").ledger(given.store or os.environ.get(STORE) or "store"))


def _report(given: argparse.Namespace) -> int:
    return int(_application("report").report(given, given.store or os.environ.get(STORE) or "store"))


def _evaluate(given: argparse.Namespace) -> int:
    return int(_application("evaluate").evaluate(given, given.store or os.environ.get(STORE) or "store"))


RUNS = {
    "build": _build, "plan": _plan, "ledger": _ledger, "evaluate": _evaluate, "report": _report, "list": _list, "show": _show, "load": _load,
    "verify": verbs.verify, "pull": verbs.pull, "lock": verbs.lock, "diff": verbs.diff, "gates": _owner, "release": _owner, "tag": _owner,
    "deprecate": _owner, "yank": _owner, "restore": _owner, "sign": _owner, "gc": _owner, "trace": _owner, "push": _owner,
    "deploy": _scheduled, "serve": _scheduled, "browse": _browse,
}  # fmt: skip
