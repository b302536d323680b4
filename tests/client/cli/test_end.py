"""The command's process ends with all that it began, and with the code that it was given."""

from __future__ import annotations

import subprocess
import sys

import pytest
from errata.cli import command, end
from errata.cli.exit_codes import INTERRUPTED

PROGRAM = """
import atexit, sys, threading, time
from errata.cli.end import end_process
atexit.register(lambda: print("called at the end"))
written = threading.Event()
threading.Thread(target=lambda: (written.wait(), time.sleep(0.3), print("a thread is done"))).start()
sys.stdout.write("waits to be written\\n")
written.set()
end_process(7)
"""


def test_threads_what_is_called_at_the_end_and_what_waits_to_be_written_are_not_lost() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300)
    assert done.returncode == 7
    assert done.stdout.splitlines() == ["waits to be written", "a thread is done", "called at the end"]
    assert done.stderr == ""


def test_the_command_ends_with_its_exit_code() -> None:
    for arguments, code in ((["list", "--store", "/nowhere/at/all"], 0), (["show", "nothing@1.0.0"], 3), (["show"], 2)):
        done = subprocess.run(
            [sys.executable, "-m", "errata.cli", *arguments], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == code, done


HIDING = """
import os, signal, sys, time
from errata.cli import command, end
def hide(name):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    except BaseException as error:
        raise ValueError("an error of its own") from error
command.importlib.import_module = hide
sys.argv = ["errata", "build", "x.yaml"]
end.run_command()
"""


def test_an_interruption_of_which_a_library_makes_another_error_is_one_line() -> None:
    done = subprocess.run([sys.executable, "-c", HIDING], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "errata: interrupted; start it again to go on\n")


def test_an_interruption_while_the_application_is_imported_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    codes: list[int] = []
    monkeypatch.setattr(command, "_find_application", interrupt)
    monkeypatch.setattr(end, "end_process", codes.append)
    monkeypatch.setattr(sys, "argv", ["errata", "build", "x.yaml"])
    end.run_command()
    assert codes == [INTERRUPTED]
    assert capsys.readouterr().err == "errata: interrupted; start it again to go on\n"
