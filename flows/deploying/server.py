"""Prefect's server: our defaults for it, and the error where it does not answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import ApplicationError

SETTINGS = Path(__file__).parents[2] / "infra" / "prefect.env"
_UNREACHABLE = ("Failed to reach API", "Timed out while attempting to connect", "Server must have been started")
"""What Prefect says where it could not reach its server, or start one."""


class ServerError(ApplicationError):
    """Prefect's server does not answer."""


def apply_settings(verbose: bool) -> None:
    """Give Prefect our defaults, but for what the environment says already; to be called before Prefect is imported."""
    lines = [line for line in SETTINGS.read_text().splitlines() if line and not line.startswith("#")]
    for name, _, value in (line.partition("=") for line in lines):
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO" if verbose else "CRITICAL")


@contextmanager
def explain_unreachable() -> Iterator[None]:
    """Raise `ServerError` where Prefect could not reach its server."""
    try:
        yield
    except RuntimeError as error:
        if not any(words in str(error) for words in _UNREACHABLE):
            raise
        hint = "start a server there (make server), or unset PREFECT_API_URL"
        raise ServerError(f"Prefect: {error}; {hint}") from error
