"""When a request is given up for good, and when it is the endpoint that is given up.

A request that fails each time it is tried is one the endpoint cannot answer,
if it answers others: it fails for good, and the build goes on. Where nothing
else is answered either, the endpoint is away or broken, and the build stops
before it takes that for the requests' fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.request import EngineError, Failure

FUTILE = 8
"""Requests that find nobody, or that fail before any was answered, after which it is the endpoint that fails."""
MANY = 64
"""Requests held back after which they are given up, whatever comes: who counts them stops the build."""
UNANSWERED = "no answer"


class AttemptsSpent(EngineError):
    """A request was tried as often as it may be, and brought nothing."""

    def __init__(self, message: str, problem: str, answers: int, is_away: bool) -> None:
        super().__init__(message)
        self.problem = problem
        """What was found."""
        self.answers = answers
        """The answers to others that had come when the last attempt began."""
        self.is_away = is_away
        """Whether the last attempt met nobody, or nobody who has time."""


@dataclass(frozen=True)
class Unanswered:
    """A request whose attempts are spent."""

    failure: Failure
    """Its reply, if it is the request that is at fault."""
    error: AttemptsSpent
    """What is raised where it was the endpoint's fault."""


class GivingUp:
    """Holds back what failed until an answer to something else shows that the endpoint is not to blame.

    Args:
        has_answered: Whether the model is known to have answered before this engine was opened.

    """

    def __init__(self, has_answered: Callable[[], bool]) -> None:
        self.answers = 0
        self._has_answered = has_answered
        self._held: list[Unanswered] = []

    def _ever(self) -> bool:
        """Whether anything was ever answered."""
        return bool(self.answers) or self._has_answered()

    def count_answers(self, answers: int) -> None:
        """So many more answers came."""
        self.answers += answers

    def hold(self, unanswered: Unanswered) -> None:
        """Take a request whose attempts are spent; raises its error where it is the endpoint that fails."""
        self._held.append(unanswered)
        since = sum(each.error.answers == self.answers for each in self._held)
        if since >= FUTILE and (unanswered.error.is_away or not self._ever()):
            raise unanswered.error

    def release(self) -> list[Failure]:
        """The failures of those requests during or after whose last attempt something else was answered."""
        if len(self._held) >= MANY:
            return self.release_last()
        failures = [each.failure for each in self._held if each.error.answers < self.answers]
        self._held = [each for each in self._held if each.error.answers >= self.answers]
        return failures

    def release_last(self) -> list[Failure]:
        """The failures of the last requests, to which nothing can be compared any more.

        Returns:
            All that is still held back.

        Raises:
            AttemptsSpent: Nobody is there or has time, or nothing was ever answered.

        """
        held, self._held = self._held, []
        if held and (held[-1].error.is_away or not self._ever()):
            raise held[-1].error
        return [each.failure for each in held]
