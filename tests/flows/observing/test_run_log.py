"""The log of a run, and a server that goes away: what is left out, and what is said once."""

from __future__ import annotations

import logging
import sys
from typing import Any

import httpx
import pytest

from flows.gates.result import GateError
from flows.observing import absence
from flows.observing.absence import AbsenceFilter, skip_where_absent
from flows.observing.run_log import RunLogFilter


def record(name: str, level: int, error: Exception | None = None) -> logging.LogRecord:
    try:
        if error:
            raise error
    except Exception:
        return logging.LogRecord(name, level, "", 0, "Encountered exception: %r", (error,), sys.exc_info())
    return logging.LogRecord(name, level, "", 0, "Finished in state %s", ("Completed()",), None)


def test_an_error_that_people_can_mend_is_a_line_and_its_units_say_nothing() -> None:
    entry = record("prefect.flow_runs", logging.ERROR, GateError("r.yaml:3: gates[0]: missed\nnothing was released"))
    assert RunLogFilter().filter(entry)
    assert logging.Formatter().format(entry) == "r.yaml:3: gates[0]: missed | nothing was released"
    assert not RunLogFilter().filter(record("prefect.task_runs", logging.ERROR, GateError("x")))


def test_a_bug_keeps_its_traceback() -> None:
    entry = record("prefect.flow_runs", logging.ERROR, KeyError("x"))
    assert RunLogFilter().filter(entry)
    assert "Traceback" in logging.Formatter().format(entry)


def test_units_are_heard_where_something_is_wrong() -> None:
    assert not RunLogFilter().filter(record("prefect.task_runs", logging.INFO))
    assert RunLogFilter().filter(record("prefect.task_runs", logging.WARNING))
    assert RunLogFilter().filter(record("prefect.flow_runs", logging.INFO))


def test_an_absence_is_said_once_until_it_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[tuple[Any, ...]] = []

    class Log:
        def info(self, *words: Any) -> None:
            lines.append(words)

    monkeypatch.setattr(absence, "get_run_logger", Log)
    for what in ("the funnel", "the gates", "the funnel"):
        with skip_where_absent(what):
            raise httpx.ConnectError("refused")
    broken = logging.LogRecord(
        "prefect._internal", logging.ERROR, "", 0, "Service %r failed to process item %r", ("a", "b"), None
    )
    assert not AbsenceFilter().filter(broken)
    assert (
        capsys.readouterr().err
        == "Prefect's server does not answer: the build goes on, and its pages will miss the funnel\n"
    )
    with skip_where_absent("the release"):
        pass
    assert lines == [("the server answers again; its pages miss %s", "some of its units, the funnel, the gates")]
    with pytest.raises(KeyError), skip_where_absent("the release"):
        raise KeyError
