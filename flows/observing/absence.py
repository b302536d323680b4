"""A server of Prefect's that goes away while a build runs: said once, and none of the build's trouble."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging import get_run_logger

AWAY = (httpx.TransportError, PrefectHTTPStatusError)
"""What Prefect's client raises where its server does not answer, or cannot."""
_missing: set[str] = set()
"""What is missing from the pages, since the server went away."""


@contextmanager
def skip_where_absent(what: str) -> Iterator[None]:
    """Go on where the server does not answer; the first time it is said what the pages will miss."""
    try:
        yield
    except AWAY:
        note_absence(what)
    else:
        if _missing:
            get_run_logger().info("the server answers again; its pages miss %s", ", ".join(sorted(_missing)))
            _missing.clear()


def note_absence(what: str) -> None:
    """Say that the server does not answer, once until it does again."""
    if not _missing:
        print(f"Prefect's server does not answer: the build goes on, and its pages will miss {what}", file=sys.stderr)
    _missing.add(what)


class AbsenceFilter(logging.Filter):
    """Has one line in the place of those that Prefect writes for each event it could not send."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown."""
        if not str(record.msg).startswith("Service %r failed to process"):
            return True
        note_absence("some of its units")
        return False
