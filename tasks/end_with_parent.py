"""Ends a process with the one that started it, from its first moment on: what imports for long, or hangs, would not see that nobody asks any more.

Run by path before anything else is imported; it imports nothing of ours.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable

_MILLISECONDS = 2000
"""Between two looks at whether the parent is still the same: a copy of the pipe in some fork of it would hide its end."""


def end_with_parent(descriptor: int, warn: Callable[[], object] = lambda: None, seconds: float = 0.0) -> None:
    """Kill this process and its group when its parent is gone; returns at once.

    Args:
        descriptor: A pipe whose other end the parent holds open; nothing is read from it.
        warn: Is called when the parent is gone.
        seconds: How long the process may go on after that.

    """
    parent = os.getppid()

    def wait() -> None:
        poll = select.poll()
        poll.register(descriptor, 0)
        while os.getppid() == parent and not poll.poll(_MILLISECONDS):
            pass
        warn()
        time.sleep(seconds)
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
