"""`errata evaluate` on the tables of a release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from errata.cli.command import main
from errata.cli.exit_codes import DONE, MISSING


def test_the_labels_of_a_release(
    disk: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # extracted is the row's number, or null of every third (tests/client/conftest.py): labels as good as any
    rows = [{"id": f"{split}-{n}", "wrong": n} for split, n in (("train", 0), ("train", 1), ("train", 2), ("test", 0))]
    Path("gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("m.yaml").write_text("{id: id, first_error: wrong}")
    given = (
        "--id",
        "problem_id",
        "--label",
        "extracted",
        "--gold",
        "gold.jsonl",
        "--format",
        "m.yaml",
        "--store",
        disk,
    )
    for name in ("tiny", "tiny@0.10.0", "tiny@0.10.0:mistakes"):
        assert main(["evaluate", name, *given, "--json"]) == DONE
        extracted = json.loads(capsys.readouterr().out)["labellers"]["extracted"]
        assert (extracted["all"]["exact_wrong"]["hits"], extracted["all"]["exact_wrong"]["of"]) == (3, 4)
        assert extracted["all"]["on_wrong"] == {"distances": {"0": 3}, "none": 0, "undecided": 1}
        assert extracted["not_in_gold"] == 2
    for name in ("tyny", "tiny@0.10.0:mistaks"):
        assert main(["evaluate", name, *given]) == MISSING
        assert "no such file, and no release either" in capsys.readouterr().err
