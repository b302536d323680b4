"""What goes on until it is stopped is looked at closely: a command that does not come, does not end, or leaves something is found."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from tests import snippet_going_on
from tests.snippet_going_on import answers, keep_going

SERVING = """
import http.server, sys
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)
print(f"here: http://127.0.0.1:{server.server_port}/", flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("ended", flush=True)
"""
FAULTS = {
    "import time; print('here', flush=True); time.sleep(60)": "exit code",
    "import signal, time; signal.signal(2, signal.SIG_IGN); print('here', flush=True); time.sleep(60)": "goes on",
    "print('here', flush=True)": "ended by itself",
    "print('gone', flush=True)": "ended with exit code 0",
    "import time; time.sleep(60)": "no 'here' within",
    "import subprocess, time; subprocess.Popen(['sleep', '60'], start_new_session=True); print('here', flush=True)\n"
    "try: time.sleep(60)\nexcept KeyboardInterrupt: pass": "still there",
}


def go_on(program: str, awaited: str, folder: Path, meanwhile: float = 0.0) -> None:
    (folder / "program.py").write_text(program, "utf-8")
    with keep_going(f"{sys.executable} program.py", awaited, folder, dict(os.environ)):
        time.sleep(meanwhile)


def test_a_server_is_there_until_it_is_told_to_end(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "program.py").write_text(SERVING, "utf-8")
    with keep_going(f"{sys.executable} program.py {port}", "here: http://127.0.0.1:…/", tmp_path, dict(os.environ)):
        assert answers(f"http://127.0.0.1:{port}/")
    assert not answers(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(("program", "told"), FAULTS.items(), ids=FAULTS.values())
def test_one_that_does_not_go_on_or_end_as_it_should_is_found(
    program: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if told == "still there" and sys.platform != "linux":
        pytest.skip("processes are found in /proc")
    monkeypatch.setattr(snippet_going_on, "SECONDS", 1.0)
    monkeypatch.setattr(snippet_going_on, "LEAVING", 1.0)
    monkeypatch.setattr(snippet_going_on, "STARTING", 1.0 if told.startswith("no ") else 60.0)
    with pytest.raises(AssertionError, match=told):
        go_on(program, "here", tmp_path, 1.0 if told == "ended by itself" else 0.0)
