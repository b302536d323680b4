"""The verbs of the `errata` command that need the application."""
