import json
import uuid
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.parts import ParquetFile
from catalog.storage import Store, StoreError
from catalog.tables import (
    Manifest,
    PartitionCommit,
    TableFolder,
    compute_fingerprint,
    format_canonical_json,
    read_rows,
    sum_commits,
)
from schemas.contract import Column, Contract
from schemas.frames import to_polars_schema

CONTRACT = Contract(
    "rows",
    "Rows.",
    (Column("id", "string", "Id."), Column("n", "integer", "N.", nullable=True), Column("parts", "strings", "Parts.", nullable=True)),
    key="id",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)
TEXTS = st.text(st.characters(codec="utf-8"))
ROWS = st.lists(
    st.fixed_dictionaries(
        {"id": TEXTS, "n": st.none() | st.integers(-(2**63), 2**63 - 1), "parts": st.none() | st.lists(TEXTS)}
    ), max_size=20,
)  # fmt: skip


def folder() -> TableFolder:
    return TableFolder(Store(f"memory://{uuid.uuid4().hex}"), "split", "f" * 24)


@given(ROWS)
def test_what_is_written_is_read(rows: list[dict[str, object]]) -> None:
    frame = pl.DataFrame(rows, schema=to_polars_schema(CONTRACT))
    place = folder()
    part = place.write("parts/00000-00000.parquet", frame)
    assert part.rows == frame.height
    assert place.read(part).equals(frame, null_equal=True)
    assert place.read(part).schema == frame.schema
    assert place.write("parts/00000-00001.parquet", frame).sha256 == part.sha256


@given(st.dictionaries(st.text(), JSON))
def test_a_fingerprint_does_not_depend_on_the_order_of_parameters(parameters: dict[str, object]) -> None:
    turned = dict(reversed(parameters.items()))
    assert compute_fingerprint("split", "1", parameters, ["a"]) == compute_fingerprint("split", "1", turned, ["a"])


@given(st.tuples(st.text(), st.text(), st.lists(st.text())), st.tuples(st.text(), st.text(), st.lists(st.text())))
def test_a_fingerprint_tells_task_version_and_inputs_apart(
    texts: tuple[str, str, list[str]], other: tuple[str, str, list[str]]
) -> None:
    marks = [compute_fingerprint(task, version, {}, inputs) for task, version, inputs in (texts, other)]
    assert (marks[0] == marks[1]) == (texts == other)


def test_a_fingerprint_is_the_same_on_every_machine() -> None:
    assert compute_fingerprint("split", "1", {"rule": "auto", "most": 256}, ["0" * 24]) == "d3cb87b2f6931bce47cf0ffd"


@given(JSON)
def test_canonical_json_is_one_spelling(value: object) -> None:
    import json

    assert format_canonical_json(json.loads(format_canonical_json(value))) == format_canonical_json(value)


def test_a_table_is_complete_when_its_manifest_exists_and_never_changes() -> None:
    place = folder()
    assert place.read_manifest() is None
    part = place.write("parts/00000-00000.parquet", pl.DataFrame({"id": ["a"], "n": [1], "parts": [["x"]]}))
    manifest = Manifest(
        place.path[-24:], "split", "1", {"most": 3}, ["i"], ["id"], PartitionCommit(2, [part], [], {"odd": 1})
    )
    place.complete(manifest)
    place.complete(Manifest("other", "split", "1", {}, [], [], PartitionCommit(0)))
    assert place.read_manifest() == manifest
    assert [frame.height for frame in read_rows(place, CONTRACT, manifest)] == [1]


def test_a_table_without_rows_still_has_its_columns() -> None:
    manifest = Manifest("f", "split", "1", {}, [], [], PartitionCommit(0))
    (frame,) = read_rows(folder(), CONTRACT, manifest)
    assert frame.schema == to_polars_schema(CONTRACT)


def test_receipts_add_up() -> None:
    commit = PartitionCommit(3, [ParquetFile("a", 2, "")], [ParquetFile("b", 1, "")], {"odd": 1})
    two = PartitionCommit(2, [], [ParquetFile("c", 2, "")], {"odd": 1, "late": 1})
    both = sum_commits([commit, two])
    assert (both.rows_in, both.rows_kept(), both.rows_rejected()) == (5, 2, 3)
    assert both.reasons == {"late": 1, "odd": 2}
    place = folder()
    place.commit("00000", both)
    assert place.read_commit("00000") == both


@pytest.mark.parametrize("damage", [b"", b"PAR1 not really", None])
def test_a_part_whose_bytes_changed_is_not_read(damage: bytes | None) -> None:
    place = folder()
    part = place.write("parts/00000-00000.parquet", pl.DataFrame({"id": ["a"]}))
    if damage is None:
        place.store.fs.rm_file(place.store.full(f"{place.path}/{part.path}"))
    else:
        place.store.write(f"{place.path}/{part.path}", damage)
    with pytest.raises(
        StoreError, match=r"00000-00000.parquet: (is missing|its bytes have changed).*; remove the table's folder"
    ):
        place.read(part)


@pytest.mark.parametrize("name", ["manifest.json", "receipts/00000.json"])
def test_a_manifest_or_receipt_that_lacks_something_says_where(name: str) -> None:
    place = folder()
    place.store.write(f"{place.path}/{name}", b"{}")
    with pytest.raises(StoreError, match=f"{name}: no (manifest of a table|receipt) .*; remove the table's folder"):
        place.read_manifest() if name == "manifest.json" else place.read_commit("00000")


@pytest.mark.parametrize(
    "change",
    [{"path": "../../../../../../../../dev/zero"}, {"path": "/dev/zero"}, {"base": {"table": "a-0/../..", "part": {}, "columns": [], "order": [], "selected": False}}],
)  # fmt: skip
@pytest.mark.parametrize("name", ["manifest.json", "receipts/00000.json"])
def test_a_stranger_chooses_no_path_outside_of_the_store(name: str, change: dict[str, object], tmp_path: Path) -> None:
    place = TableFolder(Store(str(tmp_path)), "rows", "0" * 24)
    receipt = PartitionCommit(1, [place.write("parts/x.parquet", pl.DataFrame({"id": ["a"]}))])
    place.commit("00000", receipt)
    place.complete(Manifest("0" * 24, "rows", "1", {}, [], ["id"], receipt))
    value = json.loads(place.store.read(f"{place.path}/{name}"))
    (value["receipt"] if name == "manifest.json" else value)["parts"][0] |= change
    place.store.write(f"{place.path}/{name}", json.dumps(value).encode())
    with pytest.raises(StoreError, match=r"its `.*parts\.0\..*`.*expected .*; remove the table's folder"):
        place.read_manifest() if name == "manifest.json" else place.read_commit("00000")
