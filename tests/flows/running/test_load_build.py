"""Problems from every kind of file, loaded, joined and released."""

import gzip
import json
from pathlib import Path

import errata as client
import polars as pl
import pytest

from flows.build import is_transient
from tests.building import build
from tests.command import SAMPLE

RECIPE = """\
corpus: problems
version: 0.1.0
title: Problems
license: Apache-2.0
tables:
  lines: {{task: load, files: "${{data}}/*.jsonl.gz", {fields}}}
  csv: {{task: load, files: "${{data}}/c.csv", {fields}}}
  columns: {{task: load, files: "${{data}}/d.parquet", {fields}, options: {{path: options, optional: true}}}}
  folder: {{task: load, files: "hf://{folder}?split=train", {fields}}}
  all: {{task: select, from: [lines, csv, columns, folder], where: "length(question) > 0"}}
  release: {{task: release, from: [all, lines], splits: {{train: 0.5, test: 0.5}}}}
"""
FIELDS = "set: set, question: question, answer: answer, reference: solution"


def test_problems_of_every_kind_of_file_become_a_release(tmp_path: Path) -> None:
    lines = (SAMPLE.parent / "sample" / "problems.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(lines[:10]).encode()))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress("\n".join(lines[8:20]).encode()))
    pl.DataFrame(rows[20:30]).drop("options").write_csv(tmp_path / "c.csv")
    pl.DataFrame(rows[30:36], infer_schema_length=None).write_parquet(tmp_path / "d.parquet")
    (tmp_path / "hub").mkdir()
    pl.DataFrame(rows[35:], infer_schema_length=None).write_parquet(tmp_path / "hub" / "train.parquet")
    (tmp_path / "r.yaml").write_text(RECIPE.format(fields=FIELDS, folder=tmp_path / "hub"))
    build(tmp_path / "r.yaml", tmp_path / "s", tmp_path)
    release = client.open_release("problems", str(tmp_path / "s"))
    steps = {step["table"]: step for step in release.manifest["funnel"]}
    assert steps["lines"]["rows_in"] == 22
    assert steps["lines"]["reasons"] == {"duplicate id": 2}  # two problems stand in both files
    assert steps["all"]["rows_in"] == 20 + 10 + 6 + 5
    assert release.views == ["all", "lines"]
    table = client.load("problems", store=str(tmp_path / "s"), form="polars")
    assert set(table["question"]) == {row["question"] for row in rows}
    assert client.load("problems", view="lines", store=str(tmp_path / "s")).num_rows == 20


class Ended:
    """A state of a task run that has failed."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def result(self, raise_on_failure: bool) -> Exception:
        assert not raise_on_failure
        return self.error


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (TimeoutError("slow"), True), (ConnectionResetError("reset"), True), (OSError("busy"), True),
        (FileNotFoundError("gone"), False), (PermissionError("no"), False), (ValueError("data"), False),
    ],
)  # fmt: skip
def test_a_unit_is_tried_again_after_trouble_with_storage_only(error: Exception, again: bool) -> None:
    assert is_transient(None, None, Ended(error)) is again  # type: ignore[arg-type]
