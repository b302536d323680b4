"""The gates of a plan whose tables are complete: what each asks, what was found, and whether a release may follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from catalog.parts import ParquetFile
from catalog.storage import Store
from flows.gates import schema_drift
from flows.gates.great_expectations import ExpectationTally
from flows.gates.measures import Unmeasurable, measure_gate
from flows.gates.result import GateError, Result, format_result, format_value
from flows.gates.table import GatedTable, TableQuestion
from flows.gates.thresholds import Threshold, compare_thresholds
from flows.planning.plan import Plan, TableJob
from flows.running.process_pool import open_pool
from flows.running.unit_executor import Unit, UnitExecutor
from flows.running.watcher import NOBODY, Watcher
from flows.running.work_folder import explain_full_disk
from schemas.frames import batch_frames
from schemas.recipe.expectations import Arguments
from schemas.recipe.gates import Bounded, Declared, Duplicates

BATCH_ROWS = 50_000
ROWS_OF_A_UNIT = 200_000
"""Rows, about, that another process looks at in one go."""
BATCH_BYTES = 64 * 2**20
Advance = Callable[[int], None]
"""Told of the rows that were looked at."""


def check_gates(
    plan: Plan, advance: Advance = lambda _: None, units: UnitExecutor | None = None
) -> list[dict[str, Any]]:
    """Check the gates of a plan whose tables are complete.

    The columns of the released tables' parts are looked at always, all else
    only where the recipe has `gates`.

    Args:
        plan: The plan.
        advance: Is called with the rows that were looked at.
        units: What looks at parts in other processes; all is done here unless given.

    Returns:
        What was found at each gate that the recipe asks for.

    Raises:
        GateError: Where one that must hold does not.

    """
    results = list_results(plan, advance, units)
    missed = [result for result in results if result["passed"] is False and result["severity"] == "fail"]
    if missed:
        raise GateError(_describe_refusal(plan, missed), results)
    return results if plan.recipe.gates is not None else []


def watch_gates(plan: Plan, watcher: Watcher = NOBODY, units: UnitExecutor | None = None) -> list[dict[str, Any]]:
    """What was found at the gates of a plan, by the executor of its build if it has one; the watcher is notified of how far they are."""
    if plan.recipe.gates is None:
        return check_gates(plan)
    rows = count_released(plan)
    watcher.begin("gates", rows, 0)
    passed, missed = 0, 0
    try:
        with open_pool(Store(plan.store), rows, units) as chosen:
            results = check_gates(plan, lambda rows: watcher.advance("gates", rows, None), chosen)
        passed, missed = _count_passed(results)
        return results
    except GateError as error:
        passed, missed = _count_passed(error.results)
        raise
    finally:
        watcher.gated("gates", passed, missed)


def count_released(plan: Plan) -> int:
    """The rows of the tables that a plan releases, which are complete."""
    return sum(plan.done[name].receipt.rows_kept() for name in plan.recipe.tables[-1].inputs)


def _count_passed(results: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """How many hold and how many do not; what could not be measured is neither."""
    outcomes = Counter(result["passed"] for result in results)
    return outcomes[True], outcomes[False]


def _describe_refusal(plan: Plan, missed: Sequence[Mapping[str, Any]]) -> str:
    """Why nothing is released, a line for each gate, as errors of a recipe are worded."""
    recipe = plan.recipe
    lines = []
    for result in missed:
        key: tuple[str | int, ...] = ("gates",)
        if result["declared"] != "contract":
            key = ("gates", int(result["declared"][len("gates[") : -1]))
        fault = recipe.fault(key, format_result(result))
        where = "gates" if recipe.gates is not None else "columns"
        lines.append(
            str(fault)
            if result["declared"] != "contract"
            else f"{fault.file}:{fault.line}: {where}: {format_result(result)}"
        )
    command = f"errata gates {recipe.file}"
    return "\n".join(
        [*lines, f"nothing was released, and the tables stay as they are: `{command}` shows all gates; mend what is "
         "wrong, or relax the gate in the recipe: tables are not made again for that"]
    )  # fmt: skip


def list_results(
    plan: Plan, advance: Advance = lambda _: None, units: UnitExecutor | None = None
) -> list[dict[str, Any]]:
    """What was found at each gate, whether or not it holds."""
    works = {work.name: work for work in plan.jobs}
    views = plan.recipe.tables[-1].inputs
    gates = plan.recipe.gates
    tables = [gate.table for gate in gates or () if _is_of_rows(gate)]
    columns = {
        name: schema_drift.check_columns(works[name], plan.done[name]) for name in dict.fromkeys((*views, *tables))
    }
    results = [result.as_json() for result in columns.values() if result.view in views or not result.passed]
    if gates is None:
        return results
    held: list[Threshold] = []
    for name, head in columns.items():
        own = [gate for gate in gates if gate.table == name]
        with explain_full_disk(name), GatedTable(works[name], own, contract=name in views) as table:
            if head.passed:
                _scan_rows(table, plan, advance, units)
            else:
                table.fault("the columns of its parts differ")
            held += table.thresholds()
    held += [_measure_gate(gate, plan) for gate in gates if not _is_of_rows(gate)]
    return [*results, *(result.as_json() for result in _sort_results(compare_thresholds(held)))]


def _is_of_rows(gate: Declared) -> bool:
    """Whether a gate is answered by going through the rows of its table."""
    return isinstance(gate.gate, Arguments) or (isinstance(gate.gate, Duplicates) and bool(gate.gate.columns))


def _sort_results(results: Sequence[Result]) -> list[Result]:
    """What contracts ask, then the recipe's gates in its order."""

    def place(result: Result) -> int:
        return -1 if result.declared == "contract" else int(result.declared[len("gates[") : -1])

    return sorted(results, key=place)


def _measure_gate(gate: Declared, plan: Plan) -> Threshold:
    """The value of a measure, yet to be compared with its bounds."""
    assert isinstance(gate.gate, Bounded)
    try:
        value = measure_gate(gate, plan)
    except Unmeasurable as error:
        return Threshold.of_measure(gate, None, fault=format_value(str(error)))
    return Threshold.of_measure(gate, value.value, value.rows, value.examples, value.note)


def _scan_rows(table: GatedTable, plan: Plan, advance: Advance, units: UnitExecutor | None) -> None:
    """Go once through the rows of a table, or have its parts gone through and sum up what was counted of each."""
    parts = plan.done[table.work.name].receipt.parts
    if units is not None and table.each:
        work = [
            Unit(f"gates of {table.work.name}, from {some[0].path}", measure_parts, (table.asked, some))
            for some in _batch_parts(parts)
        ]
        for tallies in units.run(work, NOBODY):
            table.suite.sum_up(tallies)
        needed = table.list_columns(rows=False)
        if not needed:
            table.rows = sum(part.rows for part in parts)
            advance(table.rows)
    else:
        needed = table.list_columns()
    for rows in _read_batches(table.work, parts, needed) if needed else ():
        table.add(rows, each=units is None)
        advance(rows.height)


def measure_parts(question: TableQuestion, parts: Sequence[ParquetFile], watcher: Watcher) -> list[ExpectationTally]:
    """What is counted of some parts of a table of the expectations of its rows."""
    table = GatedTable.of(question)
    for rows in _read_batches(table.work, parts, table.list_columns(whole=False)):
        table.suite.add(rows)
    return table.suite.tallies


def _batch_parts(parts: Sequence[ParquetFile]) -> Iterator[list[ParquetFile]]:
    """Parts of some rows each."""
    batch: list[ParquetFile] = []
    for part in parts:
        batch.append(part)
        if sum(each.rows for each in batch) >= ROWS_OF_A_UNIT:
            yield batch
            batch = []
    if batch:
        yield batch


def _read_batches(work: TableJob, parts: Sequence[ParquetFile], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Rows of a table some ten thousand at a time, however its parts are cut."""
    folder = work.folder()
    frames = (folder.read(part, list(columns)).select(columns) for part in parts)
    for rows in batch_frames(frames, BATCH_ROWS, BATCH_BYTES):
        yield from _split_batch(rows)


def _split_batch(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    pieces = max(-(-rows.height // BATCH_ROWS), -(-int(rows.estimated_size()) // BATCH_BYTES), 1)
    yield from rows.iter_slices(max(1, -(-rows.height // pieces)))
