"""Sources and stores as other machines see them: what is copied, and what is refused."""

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.sources import SourceError
from catalog.storage import Store
from flows.planning.plan import Plan
from flows.running import ray_node
from flows.running.ray_connection import ClusterError
from flows.running.run_plan import materialize
from flows.running.staging import list_sources, stage_sources
from flows.running.units_on import choose_place, describe_place, open_unit_executor
from tests.command import files_of
from tests.flows.running.test_table import make, row


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make(tmp_path, [row("1. a")], [row("1. b", "Who?")], str(tmp_path / "store"))


def test_what_is_not_seen_is_read_in_the_store_and_makes_the_same_table(plan: Plan, tmp_path: Path) -> None:
    one, two = plan.jobs[0].sources
    staged = stage_sources(plan, [two.url])
    assert staged.jobs[0].sources[0] == one
    copy = staged.jobs[0].sources[1]
    digest = hashlib.sha256((tmp_path / "b.jsonl").read_bytes()).hexdigest()
    assert (copy.url, copy.name) == (f"file://{tmp_path}/store/sources/{digest}/b.jsonl", "b.jsonl")
    (tmp_path / "b.jsonl").unlink()
    done = materialize(staged).done["generations"]
    assert (done.fingerprint, done.receipt.rows_kept()) == (plan.jobs[0].fingerprint, 2)
    assert stage_sources(plan, [two.url]).jobs[0].sources[1].url == copy.url, "it is there already"


def test_a_source_that_has_changed_is_not_copied(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    before = files_of(tmp_path / "store")
    with pytest.raises(SourceError) as raised:
        stage_sources(plan, [plan.jobs[0].sources[0].url])
    assert str(raised.value) == "a.jsonl: has changed since it was planned; build again"
    assert files_of(tmp_path / "store") == before


def test_data_sets_in_folders_are_not_copied(plan: Plan, tmp_path: Path) -> None:
    rows = replace(plan.jobs[0].sources[0], url=f"hf://{tmp_path}", name="rows")
    job = replace(plan.jobs[0], sources=(rows,))
    with pytest.raises(SourceError, match=r"^rows: is a data set in a folder that not all nodes see; put it on a disk"):
        stage_sources(replace(plan, jobs=(job, *plan.jobs[1:])), [rows.url])


def test_a_file_of_chunks_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "s"))
    store.write_chunks("a/b", iter([b"one", b"two"]))

    def fail() -> Iterator[bytes]:
        yield b"half"
        raise SourceError("no more")

    with pytest.raises(SourceError):
        store.write_chunks("a/c", fail())
    assert files_of(tmp_path / "s") == {"a/b": b"onetwo"}


def test_a_node_says_what_it_lacks(plan: Plan, tmp_path: Path) -> None:
    own = ray_node.describe_code()
    assert ray_node.find_code_fault(own) is None
    assert ray_node.find_code_fault({**own, "polars": "1.0"}) == (
        f"runs other code than the build: polars {own['polars']} for 1.0; install the same commit and lock there"
    )
    store = Store(plan.store)
    marker, content = ray_node.write_marker(store)
    assert ray_node.find_store_fault(store.url, marker, content) is None
    assert "has another store at" in str(ray_node.find_store_fault(store.url, marker, b"other"))
    assert "does not see the store" in str(ray_node.find_store_fault(str(tmp_path / "elsewhere"), marker, content))
    assert not (tmp_path / "elsewhere").exists(), "asking makes nothing"
    sources = [(source.url, source.stamp) for source in list_sources(plan)]
    assert ray_node.list_unseen(sources) == []
    (tmp_path / "a.jsonl").unlink()
    assert ray_node.list_unseen([*sources, ("hf:///nowhere", "")]) == [sources[0][0], "hf:///nowhere"]


def test_the_command_the_environment_and_the_configuration_say_where(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = tmp_path / "config.toml"
    monkeypatch.setenv("ERRATA_CONFIG", str(configuration))
    monkeypatch.delenv("ERRATA_ON", raising=False)
    assert choose_place(None) == "local" and describe_place(None, plan) is None
    configuration.write_text('[build]\non = "ray://one:6379"\n')
    assert choose_place(None) == "ray://one:6379"
    monkeypatch.setenv("ERRATA_ON", "ray://two:6379")
    assert choose_place(None) == "ray://two:6379"
    assert choose_place("local") == "local"
    monkeypatch.setitem(sys.modules, "ray", None)
    for act in (describe_place, open_unit_executor):
        with pytest.raises(ClusterError, match=r"^ray://two:6379: Ray is not installed here"):
            act(None, plan)
