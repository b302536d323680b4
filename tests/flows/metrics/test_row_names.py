"""Every command takes the same names of rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.metrics.row_names import FilesName, TableName, ViewName, check_files, parse_rows_name
from tasks.evaluation.fields import EvaluationError

PIN = "#sha256:" + 64 * "a"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mwpes", ViewName("mwpes", None)),
        ("mwpes@1.0.0", ViewName("mwpes@1.0.0", None)),
        ("mwpes:steps", ViewName("mwpes", "steps")),
        ("mwpes@>=1.0,<2:steps", ViewName("mwpes@>=1.0,<2", "steps")),
        ("mwpes@stable", ViewName("mwpes@stable", None)),
        (f"mwpes@1.0.0{PIN}", ViewName(f"mwpes@1.0.0{PIN}", None)),
        (f"mwpes{PIN}:steps", ViewName(f"mwpes{PIN}", "steps")),
        ("catalog/recipes/abacus.yaml:judged", TableName("catalog/recipes/abacus.yaml", "judged")),
        ("C:r.yml:t", TableName("C:r.yml", "t")),
        ("rows.jsonl", FilesName("rows.jsonl")),
        ("data/*.parquet", FilesName("data/*.parquet")),
        ("s3://bucket/rows.parquet", FilesName("s3://bucket/rows.parquet")),
        ("hf://owner/name@" + 40 * "a", FilesName("hf://owner/name@" + 40 * "a")),
        ("Mwpes", FilesName("Mwpes")),
        ("", FilesName("")),
    ],
)
def test_names(name: str, meant: object) -> None:
    assert parse_rows_name(name) == meant


def test_a_file_that_is_there_is_meant_before_all_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mwpes", "r.yaml:t"):
        assert not isinstance(parse_rows_name(name), FilesName)
        Path(name).write_text("{}")
        assert parse_rows_name(name) == FilesName(name)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text("{}")
    with pytest.raises(EvaluationError, match="is a folder; name a file, several"):
        check_files(str(tmp_path))
    with pytest.raises(EvaluationError, match=r"no such file; did you mean '.*labels\.jsonl'"):
        check_files(str(tmp_path / "lables.jsonl"))
    check_files("s3://bucket/none.jsonl")
