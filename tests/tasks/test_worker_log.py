"""Logs of processes: the last lines at hand, all of them in a file that holds no secret and grows no further than it may."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks import worker_log
from tasks.worker_log import KEPT, LINES, WorkerLog


def test_all_lines_are_in_the_file_and_the_last_at_hand(tmp_path: Path) -> None:
    log = WorkerLog(tmp_path / "new" / "logs", "llama")
    assert log.path and log.path.parent == tmp_path / "new" / "logs"
    assert log.path.name.endswith(f"-{os.getpid()}-llama.log")
    for number in range(3 * LINES):
        log.append(f"line {number}")
    assert log.path.read_text().splitlines() == [f"line {number}" for number in range(3 * LINES)], "also while it runs"
    log.close()
    log.append("a last word")
    assert log.tail(2) == [f"line {3 * LINES - 1}", "a last word"] and len(log.tail(1000)) == LINES


def test_secrets_reach_neither(tmp_path: Path) -> None:
    log = WorkerLog(tmp_path, "llama")
    log.append("GET https://user:word@host/x Authorization: Bearer abcdef hf_0123456789")
    log.append("half a character: \ud800")
    assert log.path
    shown, text = log.tail(2)[0], log.path.read_text()
    log.close()
    assert shown == "GET https://***host/x Authorization: *** ***" and text.startswith(f"{shown}\n")


def test_files_are_few_and_no_larger_than_they_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_log, "LARGEST", 100)
    logs = [WorkerLog(tmp_path, "vllm") for _ in range(KEPT + 5)]
    paths = {log.path for log in logs}
    assert len(paths) == KEPT + 5 and len(list(tmp_path.iterdir())) == KEPT
    for _ in range(20):
        logs[-1].append("x" * 20)
    for log in logs:
        log.close()
    assert logs[-1].path and logs[-1].path.stat().st_size <= 100 and len(logs[-1].tail(100)) == 20


def test_where_no_file_can_be_written_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file, no folder")
    log = WorkerLog(tmp_path / "logs", "llama")
    log.append("a line")
    assert log.path is None and log.tail(1) == ["a line"]
