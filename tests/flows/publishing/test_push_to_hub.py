"""A push to the Hub: whatever request is refused, lost or cut, main holds one release whole, and the next push ends well."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import errata
import huggingface_hub
import pytest
from errata import ErrataError, Unreadable
from huggingface_hub.utils import _http

from catalog.publish.publish import PublishError
from catalog.storage import StoreError
from flows.publishing.push import push
from tests.client.conftest import flip, put, splits
from tests.flows.publishing.hub import FAULTS, Fault, Hub, Tree, name_commit, serve_hub
from tests.golden import check

TARGET = "hf://datasets/us/tiny"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with two versions of `tiny`, which have files of different names and contents."""
    store = str(tmp_path_factory.mktemp("push") / "store")
    for version in ("0.9.0", "1.0.0"):
        put(store, "tiny", version, splits(version))
    return store


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stand-in, and a client that does not wait before it tries again; large files go by LFS, not by Xet."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)
    monkeypatch.setenv("HF_TOKEN", "hf_testing")
    with serve_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def list_files(store: str, version: str) -> Tree:
    """The files of a release."""
    release = errata.open_release(f"tiny@{version}", store)
    paths = [file["path"] for file in release.manifest["files"]]
    return {path: Path(release.url, path).read_bytes() for path in [*paths, "manifest.json"]}


def test_a_release_is_one_commit_and_its_version_a_tag(store: str, hub: Hub) -> None:
    result = push("tiny@0.9.0", TARGET, store, private=True)
    assert result == f"tiny@0.9.0 is published: {hub.url}/datasets/us/tiny/tree/{name_commit(1)}, tag 0.9.0"
    assert hub.files == list_files(store, "0.9.0")
    assert (hub.main, hub.tags) == (name_commit(1), {"0.9.0": name_commit(1)})
    assert hub.repositories[0]["name"] == "tiny" and hub.repositories[0]["type"] == "dataset"
    assert hub.commits[hub.main][".gitattributes"] == b"*", "the Hub's own file stays"
    puts = [i for i, request in enumerate(hub.asked) if request.startswith("PUT")]
    commits = [i for i, request in enumerate(hub.asked) if "/commit/" in request]
    tags = [i for i, request in enumerate(hub.asked) if "/tag/" in request]
    assert puts and len(commits) == len(tags) == 1 and max(puts) < commits[0] < tags[0]


def test_a_later_release_takes_the_place_of_the_one_before(store: str, hub: Hub) -> None:
    hub.commits[hub.main]["old/notes.txt"] = b"of somebody"
    push("tiny@0.9.0", TARGET, store)
    push("tiny@1.0.0", TARGET, store)
    assert hub.files == list_files(store, "1.0.0")
    assert hub.tags == {"0.9.0": name_commit(1), "1.0.0": name_commit(2)}


def test_pushed_twice_is_there_already(store: str, hub: Hub) -> None:
    push("tiny@1.0.0", TARGET, store)
    assert "tiny@1.0.0 is there already: " in push("tiny@1.0.0", TARGET, store)
    assert len(hub.commits) == 2


def test_another_release_of_the_version_is_refused(store: str, hub: Hub, tmp_path: Path) -> None:
    push("tiny@1.0.0", TARGET, store)
    put(str(tmp_path), "tiny", "1.0.0", splits("0.9.0"))
    with pytest.raises(PublishError, match=r"has the tag 1.0.0 already, of another release"):
        push("tiny@1.0.0", TARGET, str(tmp_path))
    assert hub.files == list_files(store, "1.0.0")


def test_six_hundred_files_are_one_commit(hub: Hub, tmp_path: Path) -> None:
    rows = splits("1.0.0")["train"]
    put(str(tmp_path), "tiny", "1.0.0", {f"part{i}": rows for i in range(300)})
    push("tiny", TARGET, str(tmp_path))
    assert len(hub.files) > 600 and hub.files == list_files(str(tmp_path), "1.0.0")
    assert len([request for request in hub.asked if "/commit/" in request]) == 1


def catch(act: Callable[[], object]) -> str:
    """The text of the error of a push; empty where it has none."""
    try:
        act()
    except (StoreError, PublishError) as error:
        return str(error)
    return ""


def choose(fault: Fault, lasting: bool, first: int, number: int) -> Fault | None:
    """What goes wrong with a request: with the first one, or with all from it on."""
    return fault if number == first or (lasting and number > first) else None


def count_requests(store: str) -> int:
    """The requests of a push of a release over another."""
    with serve_hub() as hub, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", hub.url)
        push("tiny@0.9.0", TARGET, store)
        before = len(hub.asked)
        push("tiny@1.0.0", TARGET, store)
        return len(hub.asked) - before


@pytest.mark.parametrize("lasting", [False, True], ids=["one request", "all from there on"])
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_goes_wrong_main_holds_one_release_whole(
    store: str, hub: Hub, monkeypatch: pytest.MonkeyPatch, fault: Fault, lasting: bool
) -> None:
    old, new = list_files(store, "0.9.0"), list_files(store, "1.0.0")
    failed = 0
    requests = count_requests(store)
    assert requests >= 10
    for at in range(requests):
        hub.reset()
        push("tiny@0.9.0", TARGET, store)
        before = len(hub.asked)
        hub.fault = partial(choose, fault, lasting, before + at)
        error = catch(lambda: push("tiny@1.0.0", TARGET, store))
        if error:
            failed += 1
            assert error.startswith(f"{TARGET}: ") and "push again" in error and "\n" not in error
        else:
            assert hub.files == new and hub.tags["1.0.0"] == hub.main
        for commit, tree in hub.commits.items():
            files = {path: content for path, content in tree.items() if path != ".gitattributes"}
            assert files in ({}, old, new), f"request {at}: {commit} is a mixture"
        assert hub.files in (old, new)
        assert hub.commits[hub.tags["0.9.0"]].items() >= old.items(), "the release before is whole under its tag"
        hub.fault = lambda number: None
        push("tiny@1.0.0", TARGET, store)
        assert hub.files == new and hub.tags["1.0.0"] == hub.main
        assert len(hub.commits) == 3, f"request {at}: the files were committed twice"
    assert failed >= (requests if fault == "refused" and lasting else 1)


def test_of_two_pushers_at_once_one_wins_and_the_other_is_told(store: str, hub: Hub) -> None:
    push("tiny@0.9.0", TARGET, store)
    both = Barrier(2)

    def meet(path: str) -> None:
        """Both have uploaded all before the first commits."""
        if "/commit/" in path:
            try:
                both.wait(120)
            except BrokenBarrierError:
                raise AssertionError("only one of two pushers came to its commit") from None

    hub.meets = meet
    put(store, "tiny", "1.1.0", {**splits("1.0.0"), "more": splits("1.0.0")["test"]})
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(push, f"tiny@{version}", TARGET, store) for version in ("1.0.0", "1.1.0")]
        errors = [result.exception() for result in results]
    (error,) = [error for error in errors if error]
    assert isinstance(error, PublishError)
    assert "somebody else published there meanwhile (main is at " in str(error)
    winner, loser = ("1.0.0", "1.1.0") if errors[1] else ("1.1.0", "1.0.0")
    assert hub.files == list_files(store, winner)
    assert hub.tags.keys() == {"0.9.0", winner}
    hub.meets = lambda path: None
    push(f"tiny@{loser}", TARGET, store)
    assert hub.files == list_files(store, loser)


def test_what_is_told_of_a_push_that_fails(store: str, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    def tell(case: str, of: str, fault: Fault, lasting: bool = False) -> None:
        hub.reset()
        seen = False

        def choose(number: int) -> Fault | None:
            nonlocal seen
            hit = of in hub.asked[number] or (lasting and seen)
            seen = seen or hit
            return fault if hit else None

        hub.fault = choose
        with pytest.raises((StoreError, PublishError)) as error:
            push("tiny@1.0.0", TARGET, store)
        text = str(error.value).replace(hub.url, "http://hub")
        # which of several files is refused first is chance
        texts.append(f"# {case}\n" + re.sub(r"'\w+/\w+-00000\.parquet'|(?<=/large/)\w+", "FILE", text))

    tell("no rights", "/repos/create", "refused")
    tell("a large file is refused", "PUT", "refused")
    tell("the commit is refused", "/commit/", "refused")
    tell("the commit is not answered, nor is anything after", "/commit/", "lost", lasting=True)
    tell("what was committed is not shown", "/tree/" + name_commit(1), "refused")
    tell("the tag is refused", "/tag/", "refused")
    tell("the tag is not answered, nor is anything after", "/tag/", "dropped", lasting=True)
    hub.reset()
    hub.tags["1.0.0"] = hub.main
    with pytest.raises(PublishError) as error:
        push("tiny@1.0.0", TARGET, store)
    texts.append(f"# the version is another release\n{error.value}")
    hub.reset()

    def overtake(path: str) -> None:
        if "/commit/" in path:
            hub.main = name_commit(7)
            hub.commits[hub.main] = {"README.md": b"theirs"}

    hub.meets = overtake
    with pytest.raises(PublishError) as error:
        push("tiny@1.0.0", TARGET, store)
    texts.append(f"# somebody else was faster\n{error.value}")
    hub.reset()
    commit = hub.commit

    def leave_out(body: bytes) -> tuple[object, int]:
        answer = commit(body)
        del hub.commits[hub.main]["README.md"]
        return answer

    monkeypatch.setattr(hub, "commit", leave_out)
    with pytest.raises(StoreError) as other:
        push("tiny@1.0.0", TARGET, store)
    texts.append(f"# the Hub left a file out\n{other.value}".replace(hub.url, "http://hub"))
    check(Path(__file__).with_name("push-errors.txt"), "\n\n".join(texts) + "\n")


@pytest.mark.parametrize(
    "target", ["hf://datasets/us", "hf://us/tiny", "hf://datasets/a/b/c", "hf://datasets/../x", "hf://datasets/u s/x"]
)
def test_what_names_no_dataset_is_told(store: str, hub: Hub, target: str) -> None:
    with pytest.raises(ErrataError, match=r"names no dataset of the Hub"):
        push("tiny", target, store)
    assert hub.files == {}


def test_a_hub_that_does_not_answer_is_told(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"hf://datasets/us/tiny: cannot be published \(.*refused.*HF_TOKEN"):
        push("tiny", TARGET, store)


def test_a_damaged_release_is_not_pushed(hub: Hub, tmp_path: Path) -> None:
    flip(Path(put(str(tmp_path), "tiny", "1.0.0", splits("1.0.0"))) / "README.md")
    with pytest.raises(Unreadable, match=r"README.md: its bytes changed .*; it is not pushed until it is whole"):
        push("tiny", TARGET, str(tmp_path))
    assert hub.files == {} and hub.asked == []
