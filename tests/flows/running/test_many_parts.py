"""Tables of more parts than a manifest lists itself, and stores whose tables are of the first format, through the command line."""

import json
from pathlib import Path

import polars as pl
import pytest

from catalog.storage import Store, StoreError
from catalog.tables import MANY, TableFolder, format_canonical_json
from flows.planning.plan import Plan, make_plan
from flows.publishing.publish import publish_release
from flows.running import compaction, run_plan
from flows.running.run_plan import materialize
from tests.command import run_here
from tests.flows.running.executors import Backwards

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
tables:
  generations: {task: import, files: "*.jsonl", set: set, question: q, answer: a, model: m, text: t}
  verified: {task: verify, from: generations}
  wrong: {task: select, from: verified, where: "verdict = 'wrong'"}
  release: {task: release, from: wrong, splits: {all: 1}}
"""


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are not put together, so that tables have a part for each file of records."""
    for module in (compaction, run_plan):
        monkeypatch.setattr(module, "MANY", 10**6)


def build(folder: Path, files: int) -> Plan:
    """A release of two rows a file, one of which is wrong."""
    (folder / "r.yaml").write_text(RECIPE)
    for number in range(files):
        rows = [
            {"set": "s", "q": f"Question {number}?", "a": "7", "m": "m", "t": f"So it is {value}."} for value in (7, 8)
        ]
        (folder / f"{number:03d}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = materialize(make_plan(str(folder / "r.yaml"), None, str(folder / "store")), Backwards())
    publish_release(plan)
    return plan


def read_table(plan: Plan, name: str) -> pl.DataFrame:
    (job,) = [job for job in plan.jobs if job.name == name]
    manifest = job.folder().read_manifest()
    assert manifest is not None
    return pl.concat(job.folder().read(part) for part in manifest.receipt.parts)


def test_receipts_and_lists_of_many_parts_are_files_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = MANY + 3
    plan = build(tmp_path, count)
    for name in ("generations", "verified", "wrong"):
        folder = next(job.folder() for job in plan.jobs if job.name == name)
        place = tmp_path / "store" / folder.path
        value = json.loads((place / "manifest.json").read_text())
        assert value["list"] and value["receipt"]["parts"] == []
        manifest = folder.read_manifest()
        assert manifest is not None and len(manifest.receipt.parts) == count
        receipts = pl.read_parquet(place / "receipts.parquet")
        assert receipts.height == count and receipts["rows_in"].sum() == manifest.receipt.rows_in == 2 * count
        assert receipts["kept"].sum() == manifest.receipt.rows_kept()
        assert receipts["rejected"].sum() == manifest.receipt.rows_rejected()
        assert not list((place / "receipts").glob("[0-9]*.json"))
    assert read_table(plan, "wrong")["text"].to_list() == ["So it is 8."] * count
    result = run_here(capsys, "build", str(tmp_path / "r.yaml"), "--store", plan.store)
    assert result.code == 0 and "released already, nothing to do" in result.out


def test_a_list_of_parts_that_has_changed_is_an_error(tmp_path: Path) -> None:
    plan = build(tmp_path, MANY + 1)
    folder = next(job.folder() for job in plan.jobs if job.name == "wrong")
    path = tmp_path / "store" / folder.path / "parts.parquet"
    pl.read_parquet(path).head(MANY).write_parquet(path)
    with pytest.raises(StoreError, match=r"parts\.parquet: its bytes have changed since it was written"):
        folder.read_manifest()
    path.unlink()
    with pytest.raises(StoreError, match=r"parts\.parquet: is missing"):
        folder.read_manifest()


def write_first_format(store: Store) -> None:
    """Make a store's tables those of the first format: parts with all columns, every file in the manifest, nothing else."""
    folders = [TableFolder(store, *name.rsplit("-", 1)) for name in store.names("tables")]
    manifests = [(folder, folder.read_manifest()) for folder in folders]
    # all are read before any is written: they are read from each other's parts
    rows = {
        (folder.path, part.path): folder.read(part)
        for folder, manifest in manifests
        if manifest
        for part in (*manifest.receipt.parts, *manifest.receipt.rejected)
    }
    for folder, manifest in manifests:
        assert manifest is not None
        files = {
            kind: [folder.write(part.path, rows[folder.path, part.path]).as_json() for part in parts]
            for kind, parts in (("parts", manifest.receipt.parts), ("rejected", manifest.receipt.rejected))
        }
        value = {**vars(manifest), "receipt": {**vars(manifest.receipt), **files}, "format": 1}
        del value["shares"]
        store.write(f"{folder.path}/manifest.json", format_canonical_json(value))
    store.fs.rm_file(store.full("store.json"))


@pytest.mark.parametrize("files", [3, MANY + 1])
def test_a_store_of_the_first_format_is_migrated_and_built_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: int
) -> None:
    plan = build(tmp_path, files)
    recipe, store = str(tmp_path / "r.yaml"), plan.store
    before = {name: read_table(plan, name) for name in ("generations", "verified", "wrong")}
    tables = Store(store).names("tables")
    write_first_format(Store(store))
    (tmp_path / "store" / "tables" / f"verify-{'0' * 24}" / "receipts").mkdir(parents=True)
    refused = run_here(capsys, "build", recipe, "--store", store)
    assert refused.code != 0 and "its tables are of format 1" in refused.err and "errata migrate --store" in refused.err
    migrated = run_here(capsys, "migrate", "--store", store)
    assert migrated.code == 0, migrated.err
    assert migrated.out.splitlines()[-1] == f"{len(tables) + 1} tables migrated"
    assert f"tables/verify-{'0' * 24}: was not complete, and was removed" in migrated.out
    assert run_here(capsys, "migrate", "--store", store).out == "nothing to migrate\n"
    result = run_here(capsys, "build", recipe, "--store", store)
    assert result.code == 0 and "released already, nothing to do" in result.out, result.err
    assert all(read_table(plan, name).equals(rows) for name, rows in before.items())
    assert all(make_plan(recipe, None, store).done[job.name] for job in plan.jobs[:3])
