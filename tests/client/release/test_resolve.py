"""Which release a name means: tags, ranges, pins, what was withdrawn, and what is known without the store."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import errata
import fsspec
import pytest
from errata import ErrataError, ErrataWarning, NotFound, Unreachable, Unreadable, Yanked

from catalog.storage import Store
from catalog.tags import note, tag
from tests.client.conftest import put, splits

VERSIONS = ["1.0.0", "1.1.0", "1.2.0", "2.0.0"]


@pytest.fixture
def many(tmp_path: Path) -> Store:
    """A store with four versions of `tiny`."""
    for version in VERSIONS:
        put(str(tmp_path / "many"), "tiny", version, splits("0.10.0"))
    return Store(str(tmp_path / "many"))


def opened(name: str, store: Store) -> str:
    return errata.open_release(name, store.url).name.partition("@")[2]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("tiny", "2.0.0"), ("tiny@latest", "2.0.0"), ("tiny@^1.0", "1.2.0"), ("tiny@~1.1", "1.1.0"), ("tiny@<1.2", "1.1.0"),
     ("tiny@>=1.1,<2", "1.2.0"), ("tiny@1.0.0", "1.0.0")],
)  # fmt: skip
def test_the_newest_version_that_fits_is_taken(many: Store, asked: str, expected: str) -> None:
    assert opened(asked, many) == expected


def test_a_tag_moves_and_keeps_its_history(many: Store) -> None:
    tag(many, "tiny", "stable", "1.1.0")
    assert opened("tiny@stable", many) == "1.1.0"
    tag(many, "tiny", "stable", "1.2.0", "better")
    assert opened("tiny@stable", many) == "1.2.0"
    tag(many, "tiny", "stable", None)
    with pytest.raises(NotFound, match="'tiny' has no tag 'stable'; there are latest"):
        opened("tiny@stable", many)
    events = [json.loads(many.read(f"releases/tiny/history/{n:08d}.json")) for n in (1, 2, 3)]
    assert [(event["version"], event["before"], event["reason"]) for event in events] == [
        ("1.1.0", None, ""), ("1.2.0", "1.1.0", "better"), (None, "1.2.0", ""),
    ]  # fmt: skip
    assert all(event["time"].endswith("+00:00") for event in events)


def test_latest_can_be_held_back_and_let_go(many: Store) -> None:
    tag(many, "tiny", "latest", "1.2.0")
    assert opened("tiny", many) == opened("tiny@latest", many) == "1.2.0"
    tag(many, "tiny", "latest", None)
    assert opened("tiny", many) == "2.0.0"


def test_a_yanked_version_is_only_for_who_names_it(many: Store) -> None:
    note(many, "tiny", "2.0.0", "yank", "wrong answers in svamp")
    note(many, "tiny", "1.2.0", "yank", "the same")
    assert opened("tiny", many) == opened("tiny@^1", many) == "1.1.0"
    with pytest.raises(
        Yanked, match=r"tiny@\^2: tiny@2.0.0 was yanked \(wrong answers in svamp\); name tiny@2.0.0 exactly"
    ):
        opened("tiny@^2", many)
    with pytest.warns(ErrataWarning, match=r"tiny@2.0.0 was yanked: wrong answers in svamp"):
        assert errata.load("tiny@2.0.0", store=many.url).num_rows == 6
    note(many, "tiny", "2.0.0", "restore", "it was fine")
    assert opened("tiny", many) == "2.0.0"


def test_a_deprecated_version_warns(many: Store) -> None:
    note(many, "tiny", "2.0.0", "deprecate", "use 3 soon")
    with pytest.warns(ErrataWarning, match=r"tiny@2.0.0 is deprecated: use 3 soon"):
        assert opened("tiny", many) == "2.0.0"


def test_what_is_tagged_is_not_yanked_and_what_is_yanked_not_tagged(many: Store) -> None:
    tag(many, "tiny", "stable", "1.1.0")
    with pytest.raises(ErrataError, match=r"tiny@1.1.0 is tagged stable; move or remove that first"):
        note(many, "tiny", "1.1.0", "yank", "bad")
    note(many, "tiny", "1.0.0", "yank", "bad")
    with pytest.raises(ErrataError, match=r"tiny@1.0.0 was yanked \(bad\); tag another version"):
        tag(many, "tiny", "stable", "1.0.0")


@pytest.mark.parametrize("name", ["", "1.0", "-x", "X", "a/b", "../x", "a\0", "x" * 65, "a b"])
def test_a_tag_that_is_none_is_refused(many: Store, name: str) -> None:
    with pytest.raises(ErrataError, match="a tag begins with a letter"):
        tag(many, "tiny", name, "1.0.0")


def test_marks_of_nothing_are_refused(many: Store) -> None:
    with pytest.raises(NotFound, match=r"'tiny' has no version 9.9.9; there are 1.0.0, 1.1.0, 1.2.0, 2.0.0"):
        tag(many, "tiny", "stable", "9.9.9")
    with pytest.raises(NotFound, match="no tag 'stble'"):
        tag(many, "tiny", "stble", None)
    with pytest.raises(ErrataError, match="needs a reason"):
        note(many, "tiny", "1.0.0", "yank", " ")
    with pytest.raises(ErrataError, match="nothing to restore"):
        note(many, "tiny", "1.0.0", "restore", "why not")
    with pytest.raises(ErrataError, match="names no release"):
        note(many, "../x", "1.0.0", "yank", "bad")


def test_a_tag_is_guessed(many: Store) -> None:
    tag(many, "tiny", "stable", "1.1.0")
    with pytest.raises(NotFound, match="did you mean 'stable'"):
        opened("tiny@stabel", many)


def test_a_pin_gives_that_release_and_no_other(many: Store) -> None:
    pin = errata.open_release("tiny@1.1.0", many.url).pin
    assert errata.open_release(pin, many.url).name == "tiny@1.1.0"
    manifest = Path(many.url, "releases", "tiny", "1.1.0", "manifest.json")
    other = "tiny@1.1.0#sha256:" + "0" * 64
    with pytest.raises(Unreadable, match=r"1.1.0/manifest.json: its SHA-256 is .*…, pinned is 0000000000000000…"):
        errata.open_release(other, many.url)
    manifest.write_text(manifest.read_text() + " ")
    shutil.rmtree(Path(errata.cache.find_root()))
    with pytest.raises(Unreadable, match="this is not the release that was pinned"):
        errata.open_release(pin, many.url)


def test_events_that_are_none_are_told(many: Store) -> None:
    tag(many, "tiny", "stable", "1.1.0")
    for content in ("{", "null", "{}", '{"number": 1, "tags": {"x": "../.."}, "notices": {}}'):
        Path(many.url, "releases/tiny/history/00000001.json").write_text(content)
        with pytest.raises(Unreadable, match=r"history/00000001.json: (not the JSON|holds no tags)"):
            opened("tiny", many)


@pytest.fixture
def remote(many: Store) -> str:
    """The same store on a file system that is not this disk, and that can vanish."""
    memory = fsspec.filesystem("memory")
    memory.put(f"{many.url}/", "/far", recursive=True)
    return "memory://far"


def test_what_was_seen_is_known_without_the_store(remote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = errata.load("tiny@^1", store=remote).to_pylist()
    fsspec.filesystem("memory").rm("/far", recursive=True)
    monkeypatch.setenv("ERRATA_OFFLINE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert errata.load("tiny@^1", store=remote).to_pylist() == rows
        assert opened("tiny@1.2.0", Store(remote)) == "1.2.0"
    with pytest.raises(NotFound, match=r"cache of memory://far: 'tiny' has no version 2.0.0; there are 1.2.0"):
        errata.load("tiny@2.0.0", store=remote)
    with pytest.raises(Unreachable, match="is not asked while ERRATA_OFFLINE is set"):
        errata.load("other", store=remote)
    with pytest.raises(ErrataError, match=r"questions/train-00000.parquet is not in the cache; unset ERRATA_OFFLINE"):
        errata.load("tiny@1.2.0", "questions", "train", store=remote)


def test_a_store_that_does_not_answer_is_told_and_the_cache_is_used(
    remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = errata.load("tiny", store=remote).to_pylist()

    def gone(*_: object, **__: object) -> None:
        raise ConnectionResetError("connection reset by peer")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "ls", gone)
    with pytest.warns(
        ErrataWarning, match=r"memory://far: cannot be read \(connection reset by peer\).*what the cache holds"
    ):
        assert errata.load("tiny", store=remote).to_pylist() == rows
    with pytest.raises(Unreachable, match="store memory://far: cannot be read"):
        errata.load("other", store=remote)
