"""Inputs of different shapes are joined by key, and every key is accounted for."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.storage import Store, StoreError
from catalog.tables import Manifest, PartitionCommit, TableFolder
from flows.planning.plan import TableJob
from flows.running import exchange, key_table
from flows.running.kinds import find_kind, join, partitioned, run_partition
from flows.running.sample import PilotSample
from flows.running.watcher import NOBODY
from schemas.contract import Column, Contract
from schemas.frames import to_polars_schema
from schemas.recipe.joins import join_contracts
from schemas.request import Reply, Request
from schemas.task import Fit, Input, Outcome, Parameters, PerRow, Rows
from tasks import TASKS
from tests.flows.running.executors import UnitsHere, make_table
from tests.flows.running.test_table import read

NAMES = ("first", "second", "third")
SCHEMAS = {
    name: Contract(
        name, "", (Column("id", "string", "Key."), Column("same", "string", "In all."), Column(f"list_{name}", "integers", "Its own.")), "id"
    )
    for name in NAMES
}  # fmt: skip
ADDED = Column("total", "integer", "The sum of all lists.")


def total(rows: pl.DataFrame, _: Parameters) -> Outcome:
    """Sum the lists; rows whose sum is divisible by 7 are rejected."""
    lists = [name for name in rows.columns if name.startswith("list_")]
    rows = rows.with_columns(sum((pl.col(name).list.sum() for name in lists), pl.lit(0)).alias("total"))
    bad = pl.col("total") % 7 == 0
    return Outcome(rows.filter(~bad), rows.filter(bad).with_columns(reason=pl.lit("seven"), detail=pl.lit(None)))


TASK = PerRow(
    name="total", summary="Sums.", version="1", parameters=Parameters, needs=("id",),
    inputs=tuple(Input(name, (f"list_{name}",)) for name in NAMES), makes=lambda _, contract: contract.having(ADDED), run=total,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "total", TASK)


def write_table(store: str, name: str, files: Sequence[Sequence[int]]) -> tuple[str, str]:
    """A complete table of rows with these numbers as keys, in files."""
    folder = TableFolder(Store(store), name, "f")
    parts = []
    for i, numbers in enumerate(files):
        if numbers:
            rows = [{"id": f"k{n}", "same": f"of {name}", f"list_{name}": [n, len(name)]} for n in numbers]
            parts.append(folder.write(f"parts/{i}.parquet", pl.DataFrame(rows, schema=to_polars_schema(SCHEMAS[name]))))
    count = sum(len(numbers) for numbers in files)
    columns = list(SCHEMAS[name].names())
    folder.complete(Manifest("f", name, "1", {}, [], columns, PartitionCommit(count, parts)))
    return name, "f"


def make_job(store: str, tables: Sequence[Sequence[Sequence[int]]]) -> TableJob:
    names = NAMES[: len(tables)]
    inputs = tuple(write_table(store, name, files) for name, files in zip(names, tables))
    given = join_contracts([SCHEMAS[name] for name in names])
    makes = TASK.makes(Parameters(), given)
    return TableJob("t", store, "total", "g", Parameters(), makes, given, inputs, (), "c", input_names=names)


def split(numbers: set[int], files: int) -> list[list[int]]:
    ordered = sorted(numbers, key=lambda number: number * 7919 % 101)
    return [ordered[i::files] for i in range(files)]


KEYS = st.sets(st.integers(0, 30), max_size=25)


@settings(max_examples=20, deadline=None)
@given(st.lists(KEYS, min_size=2, max_size=3), st.integers(1, 4), st.sampled_from([2, 50_000]))
def test_every_key_is_kept_or_rejected_once(tables: list[set[int]], files: int, batch: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_table, "BATCH", batch)
        patch.setitem(TASKS, "total", TASK)
        job = make_job(f"memory://{uuid.uuid4().hex}", [split(keys, files) for keys in tables])
        commit = make_table(job).receipt
    union, both = set.union(*tables), set.intersection(*tables)
    assert commit.rows_in == commit.rows_kept() + commit.rows_rejected() == len(union)
    wanted = Counter(
        next((f"no {name}" for name, keys in zip(NAMES, tables) if number not in keys), "seven")
        for number in union
        if number not in both or (len(tables) * number + sum(map(len, NAMES[: len(tables)]))) % 7 == 0
    )
    assert commit.reasons == wanted
    if commit.rows_kept():
        rows = read(job)
        assert set(rows["id"]) == {f"k{number}" for number in both} - ids(job, "seven")
        for row in rows.iter_rows(named=True):
            number = int(row["id"][1:])
            assert row["same"] == "of first"  # what all have is the first one's
            assert all(row[f"list_{name}"] == [number, len(name)] for name in NAMES[: len(tables)])


def ids(job: TableJob, reason: str) -> set[str]:
    manifest = job.folder().read_manifest()
    assert manifest
    if not manifest.receipt.rejected:
        return set()
    return set(read(job, "rejected").filter(pl.col("reason") == reason)["id"])


def test_a_rejected_row_shows_what_is_known_of_it() -> None:
    job = make_job(f"memory://{uuid.uuid4().hex}", [[[1, 2], [3]], [[3, 4]]])
    commit = make_table(job).receipt
    assert commit.reasons == {"no first": 1, "no second": 2}
    rows = {row["id"]: row for row in read(job, "rejected").iter_rows(named=True)}
    assert rows["k1"]["list_first"] == [1, 5] and rows["k1"]["list_second"] is None
    assert rows["k4"]["list_second"] == [4, 6] and rows["k4"]["list_first"] is None
    assert rows["k4"]["detail"] == "id k4 is not in its table"


def test_rows_keep_the_order_of_the_first_input() -> None:
    job = make_job(f"memory://{uuid.uuid4().hex}", [[[6, 1], [3]], [[1], [6, 3]]])
    make_table(job)
    assert read(job)["id"].to_list() == ["k6", "k1", "k3"]


def test_a_join_that_was_cut_off_goes_on_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = [[[1, 2], [3, 4]], [[3, 1], [5]], [[1, 3, 6]]]
    whole = make_job(f"memory://{uuid.uuid4().hex}", tables)
    make_table(whole)
    job = make_job(f"memory://{uuid.uuid4().hex}", tables)

    class Cut(Exception):
        pass

    commit_before = TableFolder.commit
    cuts = writes = 0

    def cut(self: TableFolder, name: str, commit: PartitionCommit) -> None:
        nonlocal writes
        if writes == cuts:
            raise Cut
        writes += 1
        commit_before(self, name, commit)

    with monkeypatch.context() as patch:
        patch.setattr(TableFolder, "commit", cut)
        while True:
            try:
                writes = 0
                make_table(job)
                break
            except Cut:
                cuts += 1  # each time a commit later
    assert cuts > 3
    assert read(job).equals(read(whole))
    assert read(job, "rejected").sort("id").equals(read(whole, "rejected").sort("id"))


def test_what_was_joined_is_not_joined_again(monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(f"memory://{uuid.uuid4().hex}", [[[1, 2]], [[2, 3]]])
    kind = find_kind(job)
    kind.prepare()
    joins: list[object] = []
    monkeypatch.setattr(type(kind), "_write_alone", lambda *_: joins.append(1))
    find_kind(job).prepare()
    assert joins == []


def test_samples_are_joined_by_key() -> None:
    job = make_job(f"memory://{uuid.uuid4().hex}", [[[1]], [[1]]])
    kind = find_kind(job)
    first = pl.DataFrame([{"id": "k1", "same": "a", "list_first": [1]}, {"id": "k2", "same": "a", "list_first": [2]}])
    second = pl.DataFrame(
        [{"id": "k2", "same": "b", "list_second": [5]}, {"id": "k3", "same": "b", "list_second": [6]}]
    )
    sample = kind.combine([PilotSample(first, 100.0), PilotSample(second, 90.0)])
    assert sample is not None
    assert sample.rows.to_dicts() == [{"id": "k2", "same": "a", "list_first": [2], "list_second": [5]}]
    assert sample.of == 90.0
    assert kind.combine([PilotSample(first, 100.0)]) is None


def test_what_is_settled_beforehand_is_settled_about_joined_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    class Settled(Parameters):
        ids: list[str]
        columns: list[str]

    def settle(parts: Rows, _: Parameters, __: object) -> Generator[Sequence[Request], Mapping[str, Reply], Parameters]:
        yield from ()
        frame = pl.concat(list(parts))
        return Settled(ids=sorted(frame["id"]), columns=frame.columns)

    def run(rows: pl.DataFrame, rules: Parameters) -> Outcome:
        assert isinstance(rules, Settled) and set(rows["id"]) <= set(rules.ids) == {"k2", "k3", "k5"}
        assert rules.columns == ["id", "list_second"]
        return total(rows, rules)

    fit: Fit[Parameters] = Fit(settle, columns=("list_second",), record=Settled)
    monkeypatch.setitem(TASKS, "total", replace(TASK, fit=lambda _: fit, run=run))
    job = make_job(f"memory://{uuid.uuid4().hex}", [[[1, 2], [3, 5]], [[3, 4, 5], [2]]])
    assert make_table(job).receipt.rows_in == 5


def test_what_was_joined_is_never_taken_for_nothing_where_it_is_missing() -> None:
    job = make_job(f"memory://{uuid.uuid4().hex}", [[[1, 2]], [[2, 3]]])
    kind = find_kind(job)
    kind.prepare()
    for partition in kind.partitions:
        path = f"{kind.preparation.path}/receipts/joined-{partition.name}.json"
        kind.folder.store.fs.rm_file(kind.folder.store.full(path))
        with pytest.raises(
            StoreError, match=rf"t: .*joined-{partition.name}\.json: is missing, .*; remove the table's"
        ):
            run_partition(job, partition, NOBODY)


@settings(max_examples=10, deadline=None)
@given(st.lists(KEYS, min_size=2, max_size=3), st.integers(1, 4))
def test_any_number_of_shares_joins_the_same(tables: list[set[int]], files: int) -> None:
    made = []
    for shares in (1, 2, 7, 64):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(exchange, "ROWS_OF_A_SHARE", 1 if shares > 1 else 1000)
            patch.setattr(exchange, "MOST_SHARES", shares)
            patch.setattr(partitioned, "ROWS_OF_A_BATCH", 64 // shares)
            patch.setattr(join, "ROWS_OF_A_FILE", 3)
            patch.setitem(TASKS, "total", TASK)
            job = make_job(f"memory://{uuid.uuid4().hex}", [split(keys, files) for keys in tables])
            find_kind(job).prepare(UnitsHere())
            sums = make_table(job).receipt
            assert not find_kind(job).folder.store.names(find_kind(job).preparation.path)
        made.append([(file.path, file.rows, file.sha256) for file in (*sums.parts, *sums.rejected)])
    assert all(other == made[0] for other in made)
