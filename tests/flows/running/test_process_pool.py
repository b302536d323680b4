"""Units of work in processes of their own: the same tables, the same errors, and an end with who began them."""

import os
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from errata.cli import command

from catalog.sources import SourceError
from flows.planning.plan import Plan, TableJob
from flows.running import process_pool
from flows.running.calls import make_unit, prepare, run_batch
from flows.running.complete import complete_table
from flows.running.kinds import find_kind
from flows.running.partitions import PartitionBatch
from flows.running.unit_executor import ProcessError
from flows.running.watcher import NOBODY, Watcher
from tests.command import ROOT, files_of
from tests.flows.running.test_table import make, row

PARENT = """
import sys
from flows.planning import plan as planning
from flows.running import process_pool
from flows.running.calls import make_unit
from flows.running.kinds import find_kind
from flows.running.watcher import NOBODY
plan = planning.make_plan(sys.argv[1], None, sys.argv[2])
worker = process_pool.UnitWorker(1)
print(worker.process.pid, flush=True)
worker.run(make_unit(plan.jobs[0], find_kind(plan.jobs[0]).list_pending()[0]), NOBODY)
print("done", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    rows = [row(f"{i}. {i} + 1 = {i + 1}\nThe answer is {i % 5}.", model=f"m{i}") for i in range(60)]
    return make(tmp_path, rows[:40], [*rows[40:], row(" ")], str(tmp_path / "beside"))


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[process_pool.ProcessPool]:
    monkeypatch.setattr(process_pool, "ROWS", 1)
    with process_pool.ProcessPool() as pool:
        pool.count = 2
        yield pool


class Diary(Watcher):
    """Takes down how far partitions are."""

    def __init__(self) -> None:
        self.advances: list[tuple[str, int, float | None]] = []

    def advance(self, table: str, rows: int, share: float | None) -> None:
        self.advances.append((table, rows, share))


def complete(plan: Plan, pool: process_pool.ProcessPool | None) -> list[tuple[str, int, float | None]]:
    diary = Diary()
    for work in plan.jobs[:-1]:
        prepare(work)
        pending = find_kind(work).list_pending()
        assert not pool or pool.should_run(work, pending)
        run_batch(work, PartitionBatch(pending), pool, watcher=diary)
        complete_table(work)
    return diary.advances


def read_rows_in(job: TableJob, partition: str) -> int:
    """The rows that came in, as a partition's commit says."""
    commit = job.folder().read_commit(partition)
    assert commit, "it was committed"
    return commit.rows_in


def fail(error: Exception) -> Callable[[Namespace], int]:
    """A verb that ends in an error."""

    def run(_: Namespace) -> int:
        raise error

    return run


def test_tables_made_beside_are_those_made_here(plan: Plan, begun: process_pool.ProcessPool, tmp_path: Path) -> None:
    beside = complete(plan, begun)
    assert begun.started
    (tmp_path / "here").mkdir()
    here = make(
        tmp_path / "here",
        [row(f"{i}. {i} + 1 = {i + 1}\nThe answer is {i % 5}.", model=f"m{i}") for i in range(40)],
        [*(row(f"{i}. {i} + 1 = {i + 1}\nThe answer is {i % 5}.", model=f"m{i}") for i in range(40, 60)), row(" ")],
        str(tmp_path / "own"),
    )
    assert sorted(complete(here, None), key=repr) == sorted(beside, key=repr)
    assert files_of(tmp_path / "own") == files_of(tmp_path / "beside")


def test_modules_in_folders_that_prefect_puts_first_do_not_stand_for_pythons_own(
    plan: Plan, begun: process_pool.ProcessPool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Prefect does so with `flows`, when it loads a flow by its file; a module there may bear any name."""
    (tmp_path / "select.py").write_text("raise SystemExit('not the one of Python')\n")
    monkeypatch.setattr(sys, "path", [str(ROOT / "flows"), "", *sys.path])
    monkeypatch.chdir(tmp_path)
    job = plan.jobs[0]
    begun.run([make_unit(job, find_kind(job).list_pending()[0])], NOBODY)
    assert read_rows_in(job, "00000") == 40


def test_small_work_and_a_store_in_memory_stay_in_this_process(plan: Plan, tmp_path: Path) -> None:
    work = plan.jobs[0]
    units = find_kind(work).partitions
    with process_pool.ProcessPool() as pool:
        pool.count = 2
        assert not pool.should_run(work, units)
        assert work.sources[0].size == (tmp_path / "a.jsonl").stat().st_size
        large = [replace(unit, source=replace(work.sources[0], size=2**30)) for unit in units]
        assert pool.should_run(work, large)
        assert not pool.should_run(replace(work, store="memory://m"), large)
        assert not pool.started
        pool.count = 1  # one processor: nothing is done beside
        assert not pool.should_run(work, large)


def test_what_is_raised_beside_is_raised_here(plan: Plan, begun: process_pool.ProcessPool, tmp_path: Path) -> None:
    work = plan.jobs[0]
    unit = find_kind(work).list_pending()[0]
    (tmp_path / "a.jsonl").write_text((tmp_path / "a.jsonl").read_text() + "\n")
    with pytest.raises(SourceError) as raised:
        begun.run([make_unit(work, unit)], NOBODY)
    assert str(raised.value) == "a.jsonl: has changed while it was read; build again"
    assert "flows/running/kinds/from_files.py" in "".join(raised.value.__notes__), "where it was raised is not told"
    (tmp_path / "a.jsonl").unlink()
    with pytest.raises(FileNotFoundError):
        begun.run([make_unit(work, unit)], NOBODY)
    begun.run([make_unit(work, find_kind(work).list_pending()[1])], NOBODY)
    assert read_rows_in(work, "00001") == 21, "the process is of use afterwards"


@pytest.mark.kill
def test_a_process_that_is_killed_is_told_and_replaced(
    plan: Plan, begun: process_pool.ProcessPool, capsys: pytest.CaptureFixture[str]
) -> None:
    work = plan.jobs[0]
    unit = find_kind(work).list_pending()[0]
    worker = process_pool.UnitWorker(1)
    os.kill(worker.process.pid, signal.SIGSTOP)  # or it might be done too soon
    threading.Timer(0.5, worker.process.kill).start()
    with pytest.raises(ProcessError) as raised:
        worker.run(make_unit(work, unit), NOBODY)
    assert str(raised.value) == (
        "generations, unit 00000: the process at work on it ended (signal 9, for want of memory maybe); build again"
    )
    assert command.run_verb(Namespace(run=fail(raised.value))) == 1
    assert capsys.readouterr().err == f"{raised.value}\n"
    begun._idle.put(worker)
    begun.run([make_unit(work, unit)], NOBODY)
    assert read_rows_in(work, unit.name) == 40


def test_units_at_work_are_cut_off_when_a_build_ends(plan: Plan) -> None:
    work = plan.jobs[0]
    unit = find_kind(work).list_pending()[0]
    at_work, errors = threading.Event(), []

    class Dawdler(Watcher):
        def advance(self, table: str, rows: int, share: float | None) -> None:
            at_work.set()
            time.sleep(1)

    def do(begun: process_pool.ProcessPool) -> None:
        try:
            for _ in range(100):
                begun.run([make_unit(work, unit)], Dawdler())
        except (ProcessError, ValueError) as error:
            errors.append(error)

    with process_pool.ProcessPool() as begun:
        thread = threading.Thread(target=do, args=(begun,))
        thread.start()
        assert at_work.wait(60)
    thread.join()
    assert len(errors) == 1 and isinstance(errors[0], ProcessError)
    assert not any(worker.process.alive for worker in begun._started)
    for _ in range(3):  # more than there are processes: none waits for ever
        with pytest.raises(ProcessError, match=r"was not begun, because the build has ended; build again$"):
            begun.run([make_unit(work, unit)], NOBODY)


def test_a_process_that_cannot_begin_tells_why(
    plan: Plan, begun: process_pool.ProcessPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.chdir("/")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.setattr(sys, "executable", "/bin/sh")  # which does not know the arguments
    with pytest.raises(ProcessError, match=r"ended \(exit code \d+\): .+; build again$"):
        begun.run([make_unit(plan.jobs[0], find_kind(plan.jobs[0]).list_pending()[0])], NOBODY)


@pytest.mark.kill
def test_a_process_ends_with_who_began_it_however_that_ends(plan: Plan, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "r.yaml"), str(tmp_path / "store")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"},
    ) as parent:  # fmt: skip
        assert parent.stdout
        child = Path(f"/proc/{int(parent.stdout.readline())}/cmdline")
        assert parent.stdout.readline() == "done\n"
        assert child.read_bytes()
        parent.kill()
    end = time.monotonic() + 120
    while child.exists() and child.read_bytes():
        assert time.monotonic() < end, "it goes on without its parent"
        time.sleep(0.05)
