"""Lineage: from a row of a release back to the completions and labels it came from, and from a model on to its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import errata
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from errata.cli import text
from errata.errors import NotFound
from errata.release.find import Release
from errata.release.load import describe_damage, list_rows

from catalog.ledger.segments import FOLDER, Segment, read_segment
from catalog.storage import Store
from catalog.tables import Manifest, TableFolder
from tasks import TASKS

IDS = ("solution_id", "id", "row_id", "prompt_id", "request_id", "problem_id")
"""What a row can be called by, the nearest first."""
ANSWER = ("request", "model", "revision", "engine", "at", "temperature", "top_p", "sample", "limit", "stop", "finish", "prompt_tokens", "tokens", "prompt", "text")  # fmt: skip
"""What the ledger tells of a completion."""


@dataclass(frozen=True)
class LineageTable:
    """A table that a release was made from, still in the store."""

    name: str
    task: str
    fingerprint: str
    parameters: dict[str, Any]
    folder: TableFolder
    manifest: Manifest

    def where(self, column: str, values: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Its rows with one of these values, part by part."""
        for part in self.manifest.receipt.parts if column in self.manifest.columns else ():
            hit = self.folder.read(part, [column])[column].is_in(list(values))
            if hit.any():
                yield self.folder.read(part).filter(hit)


def _read_tables(release: Release, store: Store) -> tuple[list[LineageTable], list[str]]:
    """The tables of a release's lineage, and the names of those that are gone."""
    tables, gone = [], []
    for entry in release.manifest.get("lineage", []):
        folder = TableFolder(store, entry["task"], entry["fingerprint"])
        manifest = folder.read_manifest()
        if manifest is not None:
            tables.append(
                LineageTable(entry["table"], entry["task"], entry["fingerprint"], entry["parameters"], folder, manifest)
            )
        elif not (entry["task"] in TASKS and TASKS[entry["task"]].publishes):
            gone.append(entry["table"])
    return tables, gone


def trace_row(name: str, id: str, store: str) -> dict[str, Any]:
    """All that is known of a row: itself, each table it passed with what that added, and every completion."""
    release = errata.open_release(name, store)
    matches = [(view, split, row) for view in release.views for split, row in _find_rows(release, view, id)]
    if not matches:
        raise NotFound(
            f"{release.name}: has no row {id[:80]!r} (looked at {', '.join(IDS)}); errata load shows its rows"
        )
    own: dict[str, str] = {}
    for _, _, row in matches:
        own |= {column: row[column] for column in IDS if isinstance(row.get(column), str) and column not in own}
    own.setdefault("solution_id", own.get("id", ""))
    tables, gone = _read_tables(release, Store(store))
    steps, seen, requests = [], set[str](), set[str]()
    for table in tables:
        key = next(
            (
                column
                for column in ("solution_id", "problem_id")
                if column in table.manifest.columns and own.get(column)
            ),
            None,
        )
        rows = [row for part in table.where(key, [own[key]]) for row in part.to_dicts()] if key else []
        for row in rows[:1] if key == "problem_id" else rows:
            requests |= set(_list_requests(row))
            added = {column: value for column, value in row.items() if column not in seen}
            steps.append({"table": table.name, "task": table.task, "fingerprint": table.fingerprint, "parameters": table.parameters, "added": added})  # fmt: skip
            seen |= row.keys()
    return {
        "release": release.pin,
        "row": own,
        "views": [{"view": view, "split": split} for view, split, _ in matches],
        "tables": steps,
        "gone": gone,
        "completions": _read_completions(Store(store), requests),
    }


@contextmanager
def _open_parquet(release: Release, file: dict[str, Any]) -> Iterator[Any]:
    """A file of a release, open; `Unreadable` where it cannot be read."""
    try:
        with release.open(file) as opened:
            yield pq.ParquetFile(opened)
    except (OSError, pa.ArrowException) as error:
        raise describe_damage(release, error) from None


def _find_rows(release: Release, view: str, id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a view that bear an id: those that are called by it, else those of the problem."""
    for file in release.files(view):
        with _open_parquet(release, file) as whole:
            for column in (name for name in IDS if name in whole.schema_arrow.names):
                rows = whole.read(use_threads=False).filter(pc.equal(pc.field(column), id))
                if rows.num_rows:
                    yield from ((file["split"], row) for row in list_rows(release, rows))
                    break


def _list_requests(row: dict[str, Any]) -> Iterator[str]:
    """The ledger's keys that a row names."""
    for column, value in row.items():
        if _names_requests(column):
            yield from [value] if isinstance(value, str) else [item for item in value or [] if isinstance(item, str)]


def _names_requests(column: str) -> bool:
    return column == "request_id" or column.endswith(("_request", "_request_id", "_requests", "requests"))


def _read_ledger(store: Store, columns: Sequence[str]) -> Iterator[Any]:
    """Columns of the ledger's segments."""
    for segment in map(Segment.named, store.names(FOLDER)):
        if segment is not None:
            yield read_segment(store, segment, columns)


def _read_completions(store: Store, requests: Iterable[str]) -> list[dict[str, Any]]:
    """What the ledger holds of some requests."""
    wanted = sorted(set(requests))
    completions: dict[str, dict[str, Any]] = {}
    for segment in _read_ledger(store, ANSWER) if wanted else ():
        rows = segment.filter(pc.field("request").isin(pa.array(wanted, pa.string())))
        for row in rows.to_pylist():
            row["at"] = _format_time(row["at"])
            completions.setdefault(row["request"], row)
    return [completions[request] for request in wanted if request in completions]


def _format_time(seconds: float) -> str:
    """Seconds since 1970 as an ISO date and time (UTC); as they are, where no calendar has them."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def trace_model(name: str, model: str, store: str) -> dict[str, Any]:
    """All rows of a release that a model (or one revision of it: MODEL@REVISION) wrote, or was asked about."""
    release = errata.open_release(name, store)
    bare, _, revision = model.partition("@")
    place = Store(store)
    requests: set[str] = set()
    for asked in _read_ledger(place, ("request", "model", "revision")):
        mine = pc.field("model") == bare
        requests |= set(
            asked.filter(mine & (pc.field("revision") == revision) if revision else mine)["request"].to_pylist()
        )
    ids: dict[str, set[str]] = {}
    tables, gone = _read_tables(release, place)
    for table in tables:
        if "solution_id" in table.manifest.columns:
            ids.setdefault(table.name, set()).update(_find_touched(table, model, requests))
    every = sorted(set().union(*ids.values()) | _find_written(release, model))
    views = {view: _count_rows(release, view, every) for view in release.views}
    return {
        "release": release.pin, "model": model, "requests": len(requests), "tables": {name: len(rows) for name, rows in ids.items()},
        "views": views, "gone": gone, "rows": every,
    }  # fmt: skip


def _find_touched(table: LineageTable, model: str, requests: set[str]) -> set[str]:
    """The solutions in a table that a model wrote, or that one of its completions is about."""
    ids: set[str] = set()
    columns = [name for name in table.manifest.columns if name in ("solution_id", "model") or _names_requests(name)]
    for part in table.manifest.receipt.parts:
        for row in table.folder.read(part, columns).iter_rows(named=True):
            if _is_model(model, row.get("model")) or not requests.isdisjoint(_list_requests(row)):
                ids.add(row["solution_id"])
    return ids


def _is_model(model: str, name: str | None) -> bool:
    """Whether a row's model, which may name its revision, is the one that is asked for, which need not."""
    return name is not None and model in (name, name.partition("@")[0])


def _find_written(release: Release, model: str) -> set[str]:
    """The solutions in a release's own rows that a model wrote."""
    ids: set[str] = set()
    for view in release.views:
        for file in release.files(view):
            with _open_parquet(release, file) as whole:
                if {"solution_id", "model"} <= set(whole.schema_arrow.names):
                    rows = whole.read(columns=["solution_id", "model"], use_threads=False)
                    names = [name for name in rows["model"].unique().to_pylist() if _is_model(model, name)]
                    written = pc.field("model").isin(pa.array(names, rows.schema.field("model").type))
                    ids |= set(rows.filter(written)["solution_id"].to_pylist())
    return ids


def _count_rows(release: Release, view: str, ids: Sequence[str]) -> int:
    """The rows of a view among these solutions."""
    count = 0
    for file in release.files(view):
        with _open_parquet(release, file) as whole:
            column = next((name for name in ("solution_id", "id") if name in whole.schema_arrow.names), None)
            if column:
                rows = whole.read(columns=[column], use_threads=False)
                count += rows.filter(pc.field(column).isin(pa.array(ids, rows.schema.field(column).type))).num_rows
    return count


def format_row(trace: dict[str, Any]) -> str:
    """A row's lineage for a reader."""
    parts = [trace["release"], "  ".join(f"{column} {value}" for column, value in trace["row"].items() if value)]
    parts.append("in " + ", ".join(f"{entry['view']}/{entry['split']}" for entry in trace["views"]))
    for step in trace["tables"]:
        lines = [f"\n{step['table']}  ({step['task']} {step['fingerprint']})"]
        lines += [f"  {column}: {_shorten(value)}" for column, value in step["added"].items() if value is not None]
        parts.append("\n".join(lines))
    for completion in trace["completions"]:
        head = f"\ncompletion {completion['request']} of {completion['model']} {completion['revision']}, {completion['engine']}, {completion['at']}"
        parts.append(
            "\n".join(
                [
                    head,
                    *(f"  {name}: {_shorten(completion[name])}" for name in ANSWER[5:] if completion[name] is not None),
                ]
            )
        )
    if trace["gone"]:
        parts.append(f"\nno longer in the store: {', '.join(trace['gone'])}")
    return "\n".join(parts)


def _shorten(value: object) -> str:
    line = " ".join(str(value).split())
    return line if len(line) <= 200 else f"{line[:199]}…"


def format_model(trace: dict[str, Any]) -> str:
    """A model's rows for a reader."""
    tables = text.format_table(
        ["table", "solutions touched"], [[name, count] for name, count in trace["tables"].items()]
    )
    views = text.format_table(["view", "rows touched"], [[name, count] for name, count in trace["views"].items()])
    head = f"{trace['release']}\n{trace['model']}: {trace['requests']:,} completions in the ledger"
    rows = "\n".join(trace["rows"])
    return f"{head}\n\n{tables}\n\n{views}\n\n{rows}"
