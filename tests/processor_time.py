"""Bounds on the processor's time that this thread takes: unlike the clock's, it does not grow where the machine is busy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bound_time(seconds: float) -> Iterator[None]:
    """Fail where the block takes this thread more of the processor's time."""
    began = time.thread_time()
    yield
    took = time.thread_time() - began
    assert took < seconds, f"it took {took:.1f} s of the processor's time, expected less than {seconds:g} s"
