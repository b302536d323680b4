"""`python -m errata.cli`."""

from .end import run_command

run_command()
