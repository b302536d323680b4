"""The log of a run: a line a table, and a line for what ends it."""

from __future__ import annotations

import logging

from flows.observing.absence import AbsenceFilter
from schemas.errors import ApplicationError

LOGGERS = ("", "prefect.flow_runs", "prefect.task_runs")
"""Whose handlers show what a run logs: the terminal's, and those that send it to the server."""


class RunLogFilter(logging.Filter):
    """Leaves out what Prefect says of each unit, and the traceback of an error that people can mend."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown; of such an error the message remains, in a line."""
        of_unit = record.name.startswith("prefect.task_runs")
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if isinstance(error, ApplicationError):
            record.msg, record.args = " | ".join(str(error).splitlines()), ()
            record.exc_info = record.exc_text = None
            return not of_unit  # the run says it, too
        return not of_unit or record.levelno >= logging.WARNING


def install_filters() -> None:
    """Have the handlers of runs use the filters; to be called once Prefect has set them up."""
    for name in LOGGERS:
        _add(name, RunLogFilter())
    _add("prefect._internal", AbsenceFilter())
    # Prefect writes two lines to the terminal for each batch of a log that it could not send
    logging.raiseExceptions = False


def _add(name: str, new: logging.Filter) -> None:
    for handler in logging.getLogger(name).handlers:
        if not any(isinstance(each, type(new)) for each in handler.filters):
            handler.addFilter(new)
