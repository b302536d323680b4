"""`errata.lock`: what a training repository uses, and nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import errata
import pytest
from errata import ErrataError, Locked
from errata.cli.command import main
from errata.cli.exit_codes import DONE, FAILED, WRONG
from errata.release.lock import Pin, read_pins, write_lock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client.conftest import put, splits

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(disk: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, in a folder of its own, on the store on disk."""
    (tmp_path / "training").mkdir()
    monkeypatch.chdir(tmp_path / "training")
    monkeypatch.setenv("ERRATA_STORE", disk)
    return lambda *arguments: (main(list(arguments)), *capsys.readouterr())


def test_what_is_locked_is_what_is_loaded(run: Run, disk: str) -> None:
    code, out, err = run("lock", "tiny@^0")
    assert (code, err) == (DONE, "") and out.splitlines()[2].split() == ["tiny@^0", "0.10.0", disk]
    put(disk, "tiny", "0.11.0", splits("0.10.0"))
    assert errata.open_release("tiny@^0").name == "tiny@0.10.0"
    assert errata.open_release("tiny").name == "tiny@0.10.0"  # the pin fits this, too
    assert errata.open_release("tiny@0.9.0").name == "tiny@0.9.0"  # but not this
    assert errata.open_release("tiny@>=0.11").name == "tiny@0.11.0"
    assert run("lock", "--check")[:2] == (FAILED, "tiny@^0: 0.10.0 is pinned, 0.11.0 is there\n")
    assert run("lock", "--upgrade")[0] == DONE
    assert errata.open_release("tiny@^0").name == "tiny@0.11.0"
    assert run("lock", "--check")[:2] == (DONE, "1 pinned, all as they were\n")


def test_the_file_is_one_that_people_can_read(run: Run, disk: str) -> None:
    run("lock", "tiny@~0.9", "other")
    text = Path("errata.lock").read_text()
    assert text.startswith(
        "# The releases that are used here, as `errata lock` pinned them. Commit this file.\nformat = 1\n"
    )
    assert tomllib.loads(text)["release"] == [
        {"asked": name, "version": item.manifest["version"], "digest": f"sha256:{item.digest}", "store": disk}
        for name, item in (
            ("other", errata.open_release("other@1.0.0")),
            ("tiny@~0.9", errata.open_release("tiny@0.9.0")),
        )
    ]


def test_another_release_under_the_locked_version_is_refused(run: Run, disk: str) -> None:
    run("lock", "tiny")
    manifest = Path(disk, "releases", "tiny", "0.10.0", "manifest.json")
    manifest.write_text(manifest.read_text().replace("0.10.0", "0.10.0") + "\n")
    for path in Path(errata.cache.find_root(), "manifests").glob("*"):
        path.unlink()
    with pytest.raises(Locked, match=r"pinned is .* by errata.lock; this is not the release that was locked"):
        errata.load("tiny")
    assert run("lock", "--check")[0] == WRONG


def test_pull_fetches_all_that_is_locked(run: Run) -> None:
    assert run("pull")[2] == "errata: errata.lock pins nothing; name a release, or pin one with: errata lock NAME\n"
    run("lock", "tiny@0.9.0", "other")
    code, out, _ = run("pull")
    assert (code, len(out.splitlines())) == (DONE, 2)
    assert out.startswith("other@1.0.0#sha256:") and "5 files, 12 rows, all as released" in out


def test_pull_copies_a_release_that_datasets_can_load(run: Run, tmp_path: Path) -> None:
    assert run("pull", "tiny", "--output", "data")[:2] == (DONE, "tiny@0.10.0: data\n")
    assert sorted(str(path.relative_to("data")) for path in Path("data").rglob("*.*")) == [
        "README.md", "manifest.json", "mistakes/test-00000.parquet", "mistakes/train-00000.parquet",
        "questions/test-00000.parquet", "questions/train-00000.parquet",
    ]  # fmt: skip
    assert run("pull", "tiny", "--output", "data")[0] == WRONG


def test_pull_copies_a_view_only(run: Run) -> None:
    assert run("pull", "tiny", "--view", "questions", "--split", "test", "--output", "data")[0] == DONE
    assert [path.name for path in Path("data").rglob("*.parquet")] == ["test-00000.parquet"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("format = 2", "its format is 2, this client reads 1; upgrade"),
        ("x", "not the TOML it should be"),
        ("format = 1\n[[release]]\nasked = 'tiny'", "release 1: expected the texts asked, version, digest, store"),
        (
            "format = 1\n[[release]]\nasked = 'tiny'\nversion = '1'\ndigest = 'x'\nstore = 's'",
            "expected a version 1.2.3",
        ),
        (
            f"format = 1\n[[release]]\nasked = '../x'\nversion = '1.0.0'\ndigest = 'sha256:{'0' * 64}'\nstore = 's'",
            "names no release",
        ),
        ("format = 1\nrelease = 3", "release 1: expected the texts"),
    ],
)
def test_a_lock_file_that_is_none_is_told(run: Run, content: str, expected: str) -> None:
    Path("errata.lock").write_text(content)
    with pytest.raises(Locked, match=expected):
        errata.load("tiny")


def test_a_password_is_never_written(run: Run) -> None:
    with pytest.raises(ErrataError, match="holds a password, which must not be in a lock file"):
        write_lock([Pin("tiny", "1.0.0", "0" * 64, "ftp://me:secret@host/x")])
    assert not Path("errata.lock").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.text(max_size=30))
def test_any_store_survives_the_round_trip(run: Run, store: str) -> None:
    try:
        write_lock([Pin("tiny@^1", "1.0.0", "0" * 64, store)])
    except (ErrataError, ValueError, UnicodeError):
        return
    assert read_pins() == [Pin("tiny@^1", "1.0.0", "0" * 64, store)]
