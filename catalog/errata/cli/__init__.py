"""The `errata` command."""

from .command import main
from .end import run

__all__ = ["main", "run"]
