"""What is notified of the progress of a build, as it goes on in this process."""

from __future__ import annotations


class Watcher:
    """Is notified of the progress of a build; what a watcher does not care about, it leaves as it is here."""

    def begin(self, table: str, rows: int | None, done: int) -> None:
        """A table is begun: the rows that come in (None if unknown) and those done in an earlier build."""

    def advance(self, table: str, rows: int, share: float | None) -> None:
        """Rows were worked on; `share` says how much of a source of unknown length is read."""

    def asked(self, table: str, requests: int, known: int) -> None:
        """Models are asked: so many requests, of which the ledger answers some."""

    def waits(self, table: str, reason: str | None) -> None:
        """A table's requests wait for something, such as a model that is being loaded; None: they are answered now."""

    def answered(self, table: str, tokens: int) -> None:
        """A model answered a request with so many tokens."""

    def compacts(self, table: str, files: int) -> None:
        """All units of a table have ended, and their files, so many, are put together."""

    def end(self, table: str, kept: int, rejected: int) -> None:
        """A table is complete."""

    def gated(self, table: str, passed: int, missed: int) -> None:
        """What `table` stands for, the gates, has been checked."""


NOBODY = Watcher()
"""Does nothing."""
