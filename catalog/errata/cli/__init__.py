"""The `errata` command."""

from .command import main
from .end import run_command

__all__ = ["main", "run_command"]
