"""Tests with the real TRL, which lies in an environment of its own: `make test-trl`."""

import os
from pathlib import Path

import pytest

PYTHON = os.environ.get("ERRATA_TRL_PYTHON")
collect_ignore_glob = [] if PYTHON else ["test_*.py"]


@pytest.fixture(scope="session")
def python() -> str:
    """The Python that has TRL."""
    assert PYTHON
    return str(Path(PYTHON).absolute())
