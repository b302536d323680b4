"""Bad data and bad places: rejected rows with a reason or one clear line, and nothing half-written."""

import json
from pathlib import Path

import polars as pl
import pytest

from tests.building import build
from tests.command import SAMPLE, errata, run_here

RECIPE = """\
corpus: bad
version: 0.1.0
title: Bad input
license: MIT
tables:
  generations:
    task: import
    files: ["${data}/generations.jsonl"]
    set: {value: s}
    question: question
    answer: gold
    model: {value: m}
    sample: sample
    text: text
  steps: {task: split, from: generations}
  verified: {task: verify, from: steps}
  mistakes: {task: deduplicate, from: verified}
  release: {task: release, from: mistakes, splits: {all: 1}}
"""


def row(**change: object) -> bytes:
    values = {"question": "How many?", "gold": "3", "sample": 0, "text": "There are 3.", **change}
    return json.dumps({key: value for key, value in values.items() if value != "absent"}).encode()


LINES = {
    row(): None,
    row(sample=1, text="There  ARE 3. "): "duplicate",
    row(sample="0"): "duplicate id",
    row(gold="absent"): "missing field",
    row(gold=" "): "empty field",
    row(gold=[3]): "wrong type",
    row(text=""): "empty completion",
    row(text="x" * 5_000_000): "too long",
    row(text="There\0are 3."): "NUL in text",
    row(text="There are \ud800 3."): "not JSON",
    row(sample="first"): "wrong type",
    row(text="caf\u00e9 3.").replace(b"\\u00e9", b"\xe9"): "not UTF-8",
    b'{"question": "How many?", "gold"': "not JSON",
    row(sample=2, text="\n".join(f"{i}. x" for i in range(1, 5_002))): "too many steps",
    row(sample=3, text="\u202e\u0000".replace("\u0000", "") + "There are 3!"): None,
}


def test_every_bad_row_is_rejected_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    (tmp_path / "generations.jsonl").write_bytes(b"\n".join(LINES))
    manifest = build(tmp_path / "r.yaml", tmp_path / "s", tmp_path)
    reasons: dict[str, int] = {}
    for step in manifest["funnel"]:
        for reason, n in step["reasons"].items():
            reasons[reason] = reasons.get(reason, 0) + n
    expected = [reason for reason in LINES.values() if reason]
    assert reasons == {reason: expected.count(reason) for reason in expected}
    assert sum(file.get("rows", 0) for file in manifest["files"]) == len(LINES) - len(expected)
    (imported,) = (tmp_path / "s" / "tables").glob("import-*")
    rejected = pl.read_parquet(imported / "rejected" / "*.parquet")
    assert (
        rejected.filter(pl.col("reason") == "too long")["detail"].item()
        == "text has 5000000 characters, at most 1000000 are taken; raise `longest`"
    )
    assert rejected["raw"].str.len_chars().max() <= 10_000  # type: ignore[operator]
    assert rejected["source"].is_unique().all()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "generations.jsonl: holds no record"),
        (row().decode().encode("utf-16"), "generations.jsonl: is UTF-16"),
        (None, "generations.jsonl: no such file"),
        (b"{}\n" * 3, "is in none of the first 3 records of generations.jsonl"),
    ],
    ids=["empty", "utf-16", "missing", "nothing in it"],
)
def test_a_source_without_use_is_one_clear_line(
    data: bytes | None, expected: str, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    if data is not None:
        (tmp_path / "generations.jsonl").write_bytes(data)
    result = errata(
        "build",
        str(tmp_path / "r.yaml"),
        "--data",
        str(tmp_path),
        "--store",
        str(tmp_path / "s"),
        environment=environment,
    )
    assert result.returncode in (1, 2)
    last = result.stderr.strip().split("\n")[-1]
    assert expected in last
    assert "Traceback" not in result.stderr
    assert not list((tmp_path / "s").glob("releases/*/*"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["build", "no/such.yaml"], "no/such.yaml:1: cannot be read (No such file or directory)"),
        (["plan", "RECIPE"], "r.yaml:8: tables.generations.files: begins with ${data} and no data folder was given"),
        (["plan", "RECIPE", "--data", "/no/such/folder"], "generations.jsonl: no such file at /no/such/folder/generations.jsonl"),
        (["build", str(SAMPLE), "--store", "/proc/errata"], "cannot be written"),
        (["build", str(SAMPLE), "--store", "floppy://a"], "give a path or a URL"),
        (["list", "--store", "floppy://a"], "floppy://a"),
    ],
)  # fmt: skip
def test_a_wrong_place_is_one_clear_line(
    arguments: list[str], expected: str, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    given = [str(tmp_path / "r.yaml") if argument == "RECIPE" else argument for argument in arguments]
    result = errata(*given, environment=environment, cwd=tmp_path)
    assert result.returncode in (1, 2)
    assert expected in result.stderr
    assert len(result.stderr.strip().split("\n")) == 1


def test_a_prefect_server_that_is_not_there_is_one_clear_line(environment: dict[str, str], tmp_path: Path) -> None:
    away = {**environment, "PREFECT_API_URL": "http://127.0.0.1:1/api"}
    result = errata("build", str(SAMPLE), "--store", str(tmp_path / "s"), environment=away)
    assert result.returncode == 1
    assert result.stderr.strip().split("\n")[-1].startswith("Prefect: Failed to reach API at http://127.0.0.1:1/api")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("verb", ["build", "plan"])
def test_a_place_that_is_none_is_a_usage_error_before_anything_is_read(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run_here(capsys, verb, "no-such-recipe.yaml", "--on", "dask")
    assert (result.code, result.out) == (2, "")
    assert result.err == "--on 'dask': is no place to run units; expected local, ray, or ray://HOST:PORT\n"
    monkeypatch.setenv("ERRATA_ON", "ray://head")
    assert run_here(capsys, verb, "no-such-recipe.yaml").err.startswith("ERRATA_ON 'ray://head': is no place")
