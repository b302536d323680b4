"""The engine `python`: what programs come to, and what hostile ones do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.programs import ProgramJob, ProgramRun
from schemas.recipe.models import Python
from schemas.request import Completion, EngineError, Failure, Message, Request, Sampling
from tasks.engines.python import open_engine
from tasks.engines.python.engine import PythonEngine, describe_revision
from tasks.engines.python.sandbox import Limits, SandboxError, find_fault, run_program
from tests.hostile_programs import FEW, list_programs
from tests.sandbox_outside import attack, place_canaries

needs_sandbox = pytest.mark.skipif(bool(find_fault()), reason=find_fault() or "")
SHORT = Limits(seconds=2)
"""For programs that come to no end by themselves."""
PATIENT = Limits(seconds=120)
"""For programs that do, on however busy a machine."""
THREADS = "import threading\ndef work():\n    while True: sum(range(10 ** 5))\nthreads = [threading.Thread(target=work) for _ in range(4)]"
"""Four threads that would use processor time faster than the clock goes."""


def run(program: str, limits: Limits = PATIENT, **wanted: object) -> ProgramRun:
    return run_program(ProgramJob.model_validate({"program": program} | wanted), limits)


def ask(engine: PythonEngine, *contents: str) -> list[object]:
    requests = [Request("python", "", (Message("user", content),), Sampling(1)) for content in contents]
    replies = {reply.request: reply for reply in engine.answer(requests)}
    return [replies[request.id] for request in requests]


@needs_sandbox
def test_what_a_program_prints_and_computes_is_reported() -> None:
    result = run("x = 2\nanswer = x * 21\nprint('so', answer)", answer="answer", states=True)
    assert (result.ended, result.exit, result.stdout) == ("done", 0, "so 42\n")
    assert result.report is not None and result.report.answer == "42"
    assert [json.loads(state) for state in result.report.states] == [["2"], ["2", "42"], ["2", "42"]]


@needs_sandbox
def test_processor_time_that_is_up_is_told_before_it_kills() -> None:
    soft, hard = run("import resource; print(*resource.getrlimit(resource.RLIMIT_CPU))").stdout.split()
    assert (int(soft), int(hard)) == (PATIENT.seconds, PATIENT.seconds + 1)


@needs_sandbox
def test_tests_run_until_one_fails() -> None:
    result = run(
        "def double(x):\n    return x + x", tests=["assert double(2) == 4", "assert double(3) == 7", "assert False"]
    )
    assert result.report is not None
    assert (result.ended, result.report.passed, result.report.error_type, result.report.line) == (
        "exception",
        1,
        "AssertionError",
        None,
    )


@needs_sandbox
def test_what_sets_tests_up_is_no_test() -> None:
    setup = '"""Tests."""\nimport math\nMETADATA = {}\ndef check(candidate):\n    assert candidate(2) == 4'
    result = run("def double(x):\n    return x + x", tests=[setup])
    assert result.report is not None and (result.ended, result.report.passed) == ("done", 0)
    result = run("def double(x):\n    return x + x", tests=[f"{setup}\ncheck(double)"])
    assert result.report is not None and (result.ended, result.report.passed) == ("done", 1)


@needs_sandbox
def test_a_traceback_has_the_lines_of_the_program_alone() -> None:
    report = run("def f(x):\n    return 1 / x\n\nf(0)").report
    assert report is not None and report.line == 2
    assert report.traceback == (
        'Traceback (most recent call last):\n  File "<program>", line 4, in <module>\n  File "<program>", line 2, in f\n'
        "ZeroDivisionError: division by zero"
    )


@needs_sandbox
@pytest.mark.parametrize(
    ("program", "refusal"),
    [
        ("x = bytearray(4 << 30)", "memory limit"), ("import numpy", "missing module"), ("import os; os.fork()", "refused by the sandbox"),
        ("open('data.txt')", "refused by the sandbox"), ("1 / 0", None), ("import jsn", "missing module"), ("assert False", None),
        ("import winreg", "missing module"), ("import os.pathh", None), ("import socket; socket.socketpair()", "refused by the sandbox"),
        (f"{THREADS}\nfor thread in threads: thread.start()", "refused by the sandbox"),
        ("import asyncio\nasync def main(): await asyncio.to_thread(print)\nasyncio.run(main())", "refused by the sandbox"),
        ("try:\n    import numpy\nexcept ImportError:\n    raise ValueError('no numpy')", "missing module"),
    ],
)  # fmt: skip
def test_what_may_be_the_sandboxs_doing_is_told_apart(program: str, refusal: str | None) -> None:
    report = run(program).report
    assert report is not None and (report.ended, report.refusal) == ("exception", refusal)


@needs_sandbox
@pytest.mark.parametrize(
    ("program", "ended", "exit"),
    [
        ("while True: pass", "time limit", None), ("while True: print('x' * 99)", "output limit", None), ("import os; os._exit(3)", "exit", 3),
        ("import os; os.kill(os.getpid(), 9)", "signal", -9),
        ("import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 3))\nwhile True: pass", "time limit", None),
        (f"{THREADS}\nfor thread in threads:\n    try: thread.start()\n    except RuntimeError: pass\nwork()", "time limit", None),
        ("import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", "time limit", None),
    ],
)  # fmt: skip
def test_a_program_that_does_not_come_to_its_end_has_no_report(program: str, ended: str, exit: int | None) -> None:
    result = run(program, SHORT if ended == "time limit" else PATIENT)
    assert (result.ended, result.exit, result.report) == (ended, exit, None)


@needs_sandbox
def test_a_sandbox_that_does_not_stand_in_time_is_no_time_limit_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.engines.python.sandbox.START_SECONDS", 0)
    with pytest.raises(SandboxError, match=r"did not stand after 0 s; .*--retry-failed"):
        run("1")


@needs_sandbox
def test_nothing_but_its_own_small_folder_can_be_written() -> None:
    program = "import os\nanswer = [folder for folder, _, _ in os.walk('/') if os.access(folder, os.W_OK)]\nfiles = os.statvfs('/tmp')\nprint(files.f_blocks * files.f_frsize)"
    result = run(program, answer="answer")
    assert result.report is not None and result.report.answer == "['/tmp']"
    assert int(result.stdout) == PATIENT.files * 2**20


@needs_sandbox
@pytest.mark.parametrize(
    ("program", "exit"),
    [("import sys; sys.exit(10**30 + 3)", 3), ("import sys; sys.exit('bad')", 1), ("import sys; sys.exit()", 0), ("1 / 0", 1)],
)  # fmt: skip
def test_the_status_is_that_of_a_process(program: str, exit: int) -> None:
    result = run(program)
    assert (result.ended, result.exit) == ("exception", exit)


@needs_sandbox
@pytest.mark.parametrize("field", ['"line": 1' + "0" * 30, '"exit": 256', '"passed": 1' + "0" * 30, '"line": -1'])
def test_a_made_up_report_has_no_number_that_no_table_holds(field: str) -> None:
    result = run(f'import os, sys\nos.write(int(sys.argv[1]), b\'{{"ended": "exception", {field}}}\')\nos._exit(0)')
    assert (result.ended, result.report) == ("exit", None)


@needs_sandbox
def test_large_values_cost_a_state_no_time_and_odd_names_no_verdict() -> None:
    program = "a = [0] * 1000\nb = [a] * 1000\nc = [b] * 1000\nglobals()[1] = 2\nd = [d for d in range(3)]"
    report = run(program, states=True, answer="d").report
    assert report is not None and (report.ended, report.answer) == ("done", "[0, 1, 2]")
    assert len(set(report.states[:4])) == 1, "what is large is no part of a state"


def test_a_machine_without_room_fails_a_request_and_not_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("tasks.engines.python.sandbox.subprocess.Popen", refuse)
    with pytest.raises(SandboxError, match=r"could not be begun .*Too many open files.*; build again when"):
        run("1")


@needs_sandbox
def test_a_main_guard_future_imports_and_data_classes_work() -> None:
    program = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass Pair:\n    x: Unknown\n"
        "if __name__ == '__main__':\n    print(Pair('a line'))"
    )
    assert run(program).stdout == "Pair(x='a line')\n"


@needs_sandbox
@pytest.mark.parametrize("name", FEW)
def test_a_hostile_program_ends_and_reaches_nothing(name: str, tmp_path: Path) -> None:
    with place_canaries(tmp_path) as outside:
        program = list_programs(outside.list_values())[name]
        assert attack(name, program, outside, SHORT)[1] == []


@needs_sandbox
def test_the_engine_answers_each_request_and_fails_what_is_no_program() -> None:
    engine = PythonEngine(Python(engine="python"))
    first, second, none = ask(
        engine, ProgramJob(program="print(1)").model_dump_json(), ProgramJob(program="1 / 0").model_dump_json(), "{}"
    )
    assert isinstance(first, Completion) and json.loads(first.text)["stdout"] == "1\n"
    assert isinstance(second, Completion) and json.loads(second.text)["report"]["error_type"] == "ZeroDivisionError"
    assert isinstance(none, Failure) and none.reason == "no program"


def test_without_bubblewrap_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.engines.python.sandbox.shutil.which", lambda _: None)
    find_fault.cache_clear()
    try:
        with pytest.raises(EngineError, match=r"bubblewrap \(`bwrap`\), which is not on this machine; install it"):
            open_engine(Python(engine="python"), lambda: (0, 0.0))
    finally:
        find_fault.cache_clear()


def test_other_limits_are_another_model() -> None:
    assert describe_revision(Python(engine="python")) != describe_revision(Python(engine="python", seconds=6))
