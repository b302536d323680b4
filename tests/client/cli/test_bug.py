"""A bug is one line, a file without data, and exit code 70."""

from __future__ import annotations

import json
import re
import tempfile
from argparse import Namespace
from pathlib import Path

import pytest
from errata.cli import command
from errata.cli.exit_codes import BUG, FAILED


def fail(options: Namespace) -> int:
    try:
        raise KeyError("sk-secret-of-data")
    except KeyError:
        raise RuntimeError("\x1b[31m sk-secret \u202e") from None


def test_what_nobody_foresaw_is_a_line_and_a_file_without_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert command.run_verb(Namespace(run=fail, verb="load")) == BUG == 70
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "sk-secret" not in err
    match = re.search(r"is in (\S+); please send it", err)
    assert match
    text = Path(match[1]).read_text("utf-8")
    assert (
        "verb: load" in text and "builtins.RuntimeError" in text and "test_bug.py:" in text and "sk-secret" not in text
    )
    assert Path(match[1]).stat().st_mode & 0o077 == 0


def test_where_no_file_can_be_written_the_line_is_still_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    assert command.run_verb(Namespace(run=fail, verb="load")) == BUG
    assert "this is a bug (RuntimeError)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("views", None),
        ("counts", None),
        ("funnel", None),
        ("funnel", [1]),
        ("gates", None),
        ("gates", {"a": 1}),
        ("labels", 3),
        ("funnel", [{"table": None}]),
        ("counts", {"mistakes": [{"set": "s", "model": "m", "rows": -1}]}),
        ("recipe", {"title": 7}),
        ("gates", [{"view": "mistakes"}]),
    ],
)
def test_a_manifest_of_odd_parts_is_no_bug(
    disk: str, key: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = Path(disk).rglob("tiny/0.9.0/manifest.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    assert command.main(["show", "tiny@0.9.0", "--store", disk]) == FAILED
    assert f"its `{key}" in capsys.readouterr().err


def test_who_asks_for_more_sees_it_raised() -> None:
    with pytest.raises(RuntimeError):
        command.run_verb(Namespace(run=fail, verb="build", verbose=True))
