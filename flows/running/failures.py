"""The share of a table's requests that may fail for good; where more do, the build stops before rows are lost by the thousand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from threading import Lock

from flows.planning.plan import TableJob
from schemas.request import EngineError, Failure, Reply

SHOWN = 3
"""Reasons that are named, the most frequent first."""


class FailureShare:
    """Counts the requests of a table and those that failed; may be used by several threads.

    One failure alone never stops a build, unless none is allowed.
    """

    def __init__(self, work: TableJob) -> None:
        self._work = work
        self._asked = 0
        self._failed: dict[str, Failure] = {}
        self._lock = Lock()

    def expect(self, requests: int, replies: Iterable[Reply]) -> None:
        """Count requests that are asked for, and of the replies those that are failures.

        Args:
            requests: How many more are asked for.
            replies: What came, or was known.

        Raises:
            EngineError: More have failed than may.

        """
        with self._lock:
            self._asked += requests
            self._failed |= {reply.request: reply for reply in replies if isinstance(reply, Failure)}
            failed, share = len(self._failed), self._work.failures
            if failed > (max(1.0, share * self._asked) if share else 0):
                raise EngineError(self._describe())

    def _describe(self) -> str:
        reasons = Counter(failure.reason for failure in self._failed.values())
        examples = {failure.reason: failure.detail for failure in reversed(self._failed.values())}
        shown = "; ".join(f"{n:,} × {reason} ({examples[reason]})" for reason, n in reasons.most_common(SHOWN))
        return (
            f"table '{self._work.name}': {len(self._failed):,} of {self._asked:,} requests failed for good, where "
            f"{self._work.failures * 100:.3g} % may: {shown}. The ledger knows them, so that they are not asked again: mend the cause and "
            f"build with --retry-failed, or raise `failures` of the table to go on without their rows"
        )
