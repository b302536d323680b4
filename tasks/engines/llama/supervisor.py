"""Runs a program that lives no longer than who asked for it, however that one ended.

Run by path with the program's command, and behind it two descriptors of pipes,
as `tasks.worker_process` has them: the end of the first is the end of who
asked. It imports nothing of ours. What the program prints is its log; it ends
as the program ends, with the same exit code or by the same signal.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import threading

_SET_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""
_SECONDS = 2.0
"""Between two looks at whether the parent is still the same."""


def request_death_signal() -> None:
    """Have the kernel kill this process as soon as its parent's thread is gone, where the system knows how."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def wait_for_end(descriptor: int) -> None:
    """Wait until the pipe ends or the parent has, and kill this process group."""
    parent = os.getppid()
    while os.getppid() == parent:  # a copy of the pipe in some fork of the parent would hide its end
        if select.select([descriptor], [], [], _SECONDS)[0] and not os.read(descriptor, 1 << 16):
            break
    end_group()


def end_group() -> None:
    """Kill every process of this group, this one too."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main(command: list[str], requests: int) -> None:
    """Run the command to its end."""
    # of this thread, the main one, which lives as long as the process
    program = subprocess.Popen(command, preexec_fn=request_death_signal)  # no other thread runs yet
    threading.Thread(target=wait_for_end, args=[requests], daemon=True).start()
    code = program.wait()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    *words, from_parent, _ = sys.argv[1:]
    main(words, int(from_parent))
