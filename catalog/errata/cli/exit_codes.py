"""The exit codes of the `errata` command."""

DONE, FAILED, WRONG, MISSING, REFUSED = range(5)
INTERRUPTED = 130
