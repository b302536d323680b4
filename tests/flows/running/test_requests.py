"""How many requests to an object store a build makes: few for each unit, and a million rows have few units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from aiobotocore.httpsession import AIOHTTPSession  # type: ignore[import-untyped]

from catalog import parts
from catalog.records import read as record_reading
from catalog.tables import MANY
from flows.planning.plan import make_plan
from flows.running import commit, compaction, partitions, run_plan
from flows.running.run_plan import materialize
from tests.benchmarks import scale_rows
from tests.benchmarks.scale_formats import recipe
from tests.objectstore import s3

MOST = 2_000
"""Requests for a million rows, at most."""
SMALLER = 96
"""How many times smaller units, row groups and parts are here than in a build, so that few rows are many units."""
FEW, MORE = 4, 12
"""Units of a table, at two sizes: what is between them is the requests of eight units."""


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """The requests that are sent to S3 on loopback, by method."""
    for module, name in (
        (parts, "WHOLE_BYTES"),
        (commit, "PART_BYTES"),
        (compaction, "PART_BYTES"),
        (partitions, "UNIT_ROWS"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name) // SMALLER)
    rows = parts.GROUP_ROWS // SMALLER
    for module, name in ((parts, "GROUP_ROWS"), (partitions, "GROUP_ROWS"), (record_reading, "BATCH_ROWS")):
        monkeypatch.setattr(module, name, rows)
    monkeypatch.setattr(partitions, "UNITS", 1)
    counts: Counter[str] = Counter()
    send = AIOHTTPSession.send

    async def count(self: AIOHTTPSession, request: Any) -> Any:
        counts[request.method] += 1
        return await send(self, request)

    monkeypatch.setattr(AIOHTTPSession, "send", count)
    with s3("shelf", "moto") as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        yield counts
        fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.mark.build
@pytest.mark.parametrize("many", [MANY, 1], ids=["files", "compacted"])
def test_a_million_rows_take_few_requests(
    tmp_path: Path, requests: Counter[str], monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    for module in (compaction, run_plan):
        monkeypatch.setattr(module, "MANY", many)
    counted = {}
    for units in (FEW, MORE):
        folder = tmp_path / str(units)
        folder.mkdir()
        rows = units * partitions.UNIT_ROWS
        (folder / "solutions-000.jsonl").write_text("".join(scale_rows.lines(range(rows))))
        (folder / "six.yaml").write_text(recipe())
        plan = make_plan(str(folder / "six.yaml"), None, f"s3://shelf/{units}")
        requests.clear()
        done = materialize(plan).done
        counted[units] = requests.total()
        assert [done[job.name].receipt.rows_in for job in plan.jobs[:-2]] == [rows] * 5
        parts_of = done["t_select"].receipt.parts
        assert parts_of[0].base is not None
        assert ("compacted-" in parts_of[0].path) == (many == 1)
    each = (counted[MORE] - counted[FEW]) / (MORE - FEW)
    million = counted[FEW] + each * (1_000_000 / (partitions.UNIT_ROWS * SMALLER) - FEW)
    print(f"\n{counted[FEW]} requests for {FEW} units, {each:.1f} for each more: {million:.0f} for a million rows")
    assert each > 5 * 2, "each unit of the five stages reads and writes: else nothing was counted"
    assert million <= MOST
