"""`python -m errata.cli`."""

from .end import run

run()
