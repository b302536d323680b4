"""Units of work: what they say while they run, and how their errors travel."""

from typing import Any

from flows.running.unit_executor import Message, Unit, make_portable, run_unit
from flows.running.watcher import Watcher
from schemas.task import TaskError


class Odd(Exception):
    """An error that cannot be made from its arguments alone."""

    def __init__(self, number: int, two: int) -> None:
        super().__init__(f"{number} and {two}")


def test_errors_travel_with_their_cause_or_as_words() -> None:
    error = TaskError("a fault")
    error.__cause__ = OSError(28, "no space")
    result, cause = make_portable(error)
    assert result is error and isinstance(cause, OSError)
    result, cause = make_portable(Odd(1, 2))
    assert (type(result), str(result), cause) == (RuntimeError, "Odd: 1 and 2", None)


def count(rows: int, watcher: Watcher) -> int:
    watcher.advance("verified", rows, 0.5)
    if not rows:
        raise TaskError("no rows")
    return rows + 1


def test_a_unit_says_how_far_it_is_and_then_what_became_of_it() -> None:
    messages: list[Message] = []
    run_unit(Unit("verified, unit 0", count, (2,)), messages.append)
    assert messages == [("advance", ("verified", 2, 0.5)), ("done", 3)]
    failed: list[Any] = []
    run_unit(Unit("verified, unit 1", count, (0,)), failed.append)
    kind, (error, cause) = failed[-1]
    assert (kind, type(error), str(error), cause) == ("failed", TaskError, "no rows", None)
