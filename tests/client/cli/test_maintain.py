"""The verbs of who owns a store, and of who compares its releases, as people type them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from errata.cli.command import main
from errata.cli.exit_codes import DONE, FAILED, MISSING, WRONG

from tests.client.conftest import flip, put, row, splits

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(disk: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, on the store on disk."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ERRATA_STORE", disk)
    return lambda *arguments: (main(list(arguments)), *capsys.readouterr())


def test_tags_are_set_shown_and_removed(run: Run) -> None:
    assert run("tag", "tiny@0.9.0", "stable") == (DONE, "tiny@stable is tiny@0.9.0 now\n", "")
    assert run("tag", "tiny@^0.10", "stable", "--reason", "more rows")[0] == DONE
    out = run("tag", "tiny")[1]
    tags, history = out.split("\n\n")
    assert [line.split() for line in tags.splitlines()[2:]] == [["latest", "0.10.0"], ["stable", "0.10.0"]]
    assert [line.split()[1:] for line in history.splitlines()[2:]] == [
        ["tag", "stable", "0.9.0"], ["tag", "stable", "0.9.0", "0.10.0", "more", "rows"],
    ]  # fmt: skip
    assert run("load", "tiny@stable", "--limit", "1")[0] == DONE
    assert run("tag", "tiny", "stable", "--delete") == (DONE, "tiny@stable names nothing any more\n", "")
    assert run("load", "tiny@stable")[0] == MISSING
    assert run("tag", "nothing")[0] == MISSING
    assert run("tag", "tiny@0.9.0", "1.x")[0] == WRONG


def test_a_withdrawn_version_is_told_as_a_line(run: Run) -> None:
    assert run("yank", "tiny@0.10.0", "--reason", "svamp is wrong") == (
        DONE,
        "tiny@0.10.0 is withdrawn: svamp is wrong\n",
        "",
    )
    assert run("show", "tiny")[1].startswith("tiny@0.9.0 ")
    code, out, err = run("load", "tiny@0.10.0", "--split", "train")
    assert (code, err) == (DONE, "errata: warning: tiny@0.10.0 was yanked: svamp is wrong\n")
    code, out, err = run("load", "tiny@^0.10")
    assert (code, out) == (WRONG, "") and err.startswith(
        "errata: tiny@^0.10: tiny@0.10.0 was yanked (svamp is wrong); name"
    )
    assert "svamp is wrong" in run("tag", "tiny")[1]
    assert run("restore", "tiny@0.10.0", "--reason", "it is not")[0] == DONE
    assert run("deprecate", "tiny", "--reason", "old")[0] == WRONG


def test_a_difference_is_told_as_text_json_and_a_page(run: Run, disk: str, tmp_path: Path) -> None:
    changed = [item | ({"verdict": "right"} if n == 0 else {}) for n, item in enumerate(splits("0.10.0")["train"])]
    put(disk, "tiny", "0.11.0", {"train": changed, "test": splits("0.10.0")["test"]})
    code, out, err = run("diff", "tiny@0.9.0", "tiny@0.10.0")
    assert (code, err) == (DONE, "")
    assert out.startswith("tiny@0.9.0 → tiny@0.10.0: MINOR (at least 0.10.0): mistakes: 1 added; questions: 1 added\n")
    _, out, _ = run("diff", "tiny@0.10.0", "tiny@0.11.0")
    assert "mistakes: label  before  after  rows\n" in out and "verdict          wrong   right     1" in out
    _, out, _ = run("diff", "tiny@0.10.0", "tiny@0.11.0", "--format", "json")
    document = json.loads(out)
    assert (document["removes"], document["views"][0]["relabelled"]) == (
        True, [{"column": "verdict", "before": "wrong", "after": "right", "rows": 1}],
    )  # fmt: skip
    assert run("diff", "tiny@0.10.0", "tiny@0.11.0", "--output", "changes.html") == (DONE, "", "")
    page = Path("changes.html").read_text()
    assert page.startswith("<!doctype html>") and "Relabelled" in page and "<td>wrong<td>right<td>1" in page
    assert "http" not in page and "<script" not in page


def test_a_page_cannot_be_steered_by_a_models_text(run: Run, disk: str) -> None:
    evil = "<script>alert(1)</script>"
    for version, model in (("3.0.0", "good"), ("4.0.0", evil)):
        put(disk, "evil", version, {"train": [row(1, "train") | {"model": model, "problem_id": f"<b>{version}"}]})
    _, page, _ = run("diff", "evil@3.0.0", "evil@4.0.0", "--format", "html")
    assert "<script" not in page and "<b>3" not in page and "&lt;script&gt;" in page


def test_gc_shows_and_removes(run: Run, disk: str) -> None:
    assert run("gc") == (DONE, "no garbage\n", "")
    staged = Path(disk, "releases", "tiny", ".errata-tmp-0")
    staged.mkdir()
    (staged / "x").write_bytes(b"12345")
    assert run("gc") == (DONE, "no garbage\n", "")  # somebody may be at work
    code, out, _ = run("gc", "--older-than", "0")
    assert code == DONE and out.splitlines()[2].split() == [
        "releases/tiny/.errata-tmp-0", "a", "staged", "release", "1", "5", "0.0",
    ]  # fmt: skip
    assert staged.exists()
    assert run("gc", "--older-than", "0", "--remove")[1].endswith("1 removed\n")
    assert not staged.exists() and run("verify", "tiny")[0] == DONE


def test_a_signature_is_made_and_checked(run: Run, disk: str, newest: Path, tmp_path: Path) -> None:
    for name in ("owner", "other"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name, "-C", name], check=True, cwd=tmp_path
        )
    public = {name: Path(f"{name}.pub").read_text() for name in ("owner", "other")}
    Path("signers").write_text(f"owner@example.org {public['owner']}")
    Path("others").write_text(f"other@example.org {public['other']}")
    assert "is not signed" in run("verify", "tiny", "--signers", "signers")[2]
    assert run("sign", "tiny@0.10.0", "--key", "owner")[0] == DONE
    assert (
        run("verify", "tiny", "--signers", "signers")[1]
        == "tiny@0.10.0: 5 files, all as released, signed by owner@example.org\n"
    )
    code, _, err = run("verify", "tiny", "--signers", "others")
    assert code == FAILED and "is signed by nobody in others" in err
    manifest = newest / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    code, _, err = run("verify", "tiny", "--signers", "signers")
    assert code == FAILED and "do not use it" in err
    flip(newest / "README.md")
    assert run("verify", "tiny", "--signers", "signers")[0] == FAILED
    assert run("sign", "tiny", "--key", "nokey")[0] == WRONG
    assert run("verify", "tiny@0.9.0", "--signers", "nosigners")[0] == WRONG
