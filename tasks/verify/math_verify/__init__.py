"""The second opinion: math-verify in worker processes that are killed at a limit of time."""
