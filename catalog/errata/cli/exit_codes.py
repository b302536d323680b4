"""The exit codes of the `errata` command."""

DONE, FAILED, WRONG, MISSING, REFUSED = range(5)
BUG = 70
INTERRUPTED = 130
