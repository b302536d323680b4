"""The columns of a table's parts: every file has those of the contract, of the same types, in the same order."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.parts import ROW, ParquetFile
from catalog.storage import StoreError
from catalog.tables import AGAIN, Manifest, TableFolder
from flows.gates.result import EXAMPLES, Result, make_example
from flows.planning.plan import TableJob
from schemas.frames import to_polars_schema

WANTED = "every part has the columns of the contract, in their order and types"

Schema = dict[str, pl.DataType]


def check_columns(work: TableJob, manifest: Manifest) -> Result:
    """What the parts of a table have instead of its contract's columns; only the ends of the files are read."""
    wanted = to_polars_schema(work.contract)
    parts, known = manifest.receipt.parts, dict[str, Schema]()
    differences = [
        (part.path, _describe_difference(_read_schema(work.folder(), part, known), wanted)) for part in parts
    ]
    drifted = [(path, difference) for path, difference in differences if difference]
    return Result(
        view=work.name, expectation="same_columns", column=None, says=f"{WANTED}.", severity="fail", passed=not drifted,
        observed=f"{len(drifted)} of {len(parts)} parts that differ", wanted=WANTED,
        examples=[make_example(path, difference) for path, difference in drifted[:EXAMPLES]],
        rows=manifest.receipt.rows_kept(),
    )  # fmt: skip


def _read_schema(folder: TableFolder, part: ParquetFile, known: dict[str, Schema]) -> Schema:
    """The columns of a part, each as the file has it in which it lies; what is known of files is not read again."""
    path, base = f"{folder.path}/{part.path}", part.base
    if path not in known:
        known[path] = _read_file_schema(folder, path)
    own = known[path]
    if base is None:
        return own
    shared = _read_schema(TableFolder.named(folder.store, base.table), base.part, known)
    columns = own | {name: shared[name] for name in base.columns if name in shared}
    names = [*base.order, *(name for name in own if name not in base.order and name != ROW)]
    return {name: columns[name] for name in names if name in columns}


def _read_file_schema(folder: TableFolder, path: str) -> Schema:
    try:
        with folder.store.fs.open(folder.store.full(path), "rb") as file:
            frame = pl.from_arrow(pq.read_schema(file).empty_table())
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{folder.store.link(path)}: cannot be read ({error}); {AGAIN}") from None
    assert isinstance(frame, pl.DataFrame)
    return dict(frame.schema)


def _describe_difference(actual: Mapping[str, pl.DataType], wanted: Mapping[str, pl.DataType]) -> str:
    """How the columns of a part differ, in a line; empty where they do not."""
    differences = [f"lacks {name}" for name in wanted if name not in actual]
    differences += [f"{name} is too many" for name in actual if name not in wanted]
    differences += [
        f"{name} is {actual[name]}, not {kind}" for name, kind in wanted.items() if actual.get(name, kind) != kind
    ]
    if not differences and list(actual) != list(wanted):
        at = next(i for i, (column, other) in enumerate(zip(actual, wanted)) if column != other)
        differences = [f"column {at + 1} is {list(actual)[at]}, not {list(wanted)[at]}"]
    return "; ".join(differences)
