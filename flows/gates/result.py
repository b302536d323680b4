"""What was found at a gate, and the error of a release that fails it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from errata.cli import text

from schemas.errors import ApplicationError

EXAMPLES = 5
"""Rows named, at most."""
LONGEST = 200
"""Characters of a value that are shown."""
BRIEF = 60
"""Characters of a value in the message of an error."""


class GateError(ApplicationError):
    """A release does not satisfy its gates; carries what was found at every one."""

    def __init__(self, message: str, results: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message, results)
        self.message, self.results = message, list(results)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Result:
    """What was found at one gate."""

    view: str
    """The table it is about."""
    expectation: str
    """What Great Expectations calls it, or the name of the measure."""
    column: str | None
    says: str
    """What it asks, in a sentence."""
    severity: Literal["fail", "warn"]
    passed: bool | None
    """None where there is nothing to measure it against: it says nothing of the release, and counts nowhere."""
    observed: str | float | int | None
    """What was found; None where it could not be checked, or there is nothing to measure it against."""
    wanted: str
    examples: list[dict[str, Any]] = field(default_factory=list)
    """Rows that are not as wanted: `row` (its key) and `value`."""
    rows: int = 0
    """Rows that were looked at."""
    declared: str = "contract"
    """Where it is declared: `contract`, or the place in the recipe, as `gates[0]`."""
    fault: str | None = None
    """Why it could not be checked."""

    def as_json(self) -> dict[str, Any]:
        """As the manifest has it."""
        return asdict(self)


def format_value(value: object) -> str:
    """A value in a line: cut, and without characters that steer a terminal or turn the direction of writing."""
    line = text.strip_controls(value if isinstance(value, str) else repr(value)).replace("\n", " ")
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def make_example(row: object, value: object) -> dict[str, Any]:
    """One row that is not as wanted."""
    plain = value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
    return {"row": format_value(str(row)), "value": value if plain else format_value(value)}


def round_number(value: float | int | None) -> str | float | int | None:
    """A number as JSON can have it, to ten digits: sums differ in the last ones by the order in which they are added."""
    if value is None or isinstance(value, int):
        return value
    if not math.isfinite(value):
        return str(value)
    return float(f"{value:.10g}")


def format_result(result: Mapping[str, Any]) -> str:
    """One gate that was missed, in a line."""
    about = f"{result['view']}.{result['column']}" if result["column"] else result["view"]
    if result["fault"]:
        return (
            f"{about}: {result['expectation']} could not be checked ({result['fault']}); this says nothing of the data"
        )
    rows = ", ".join(_format_example(row) for row in result["examples"])
    return f"{about}: {result['expectation']}: found {result['observed']}, wanted {result['wanted']}" + (
        f"; for example {rows}" if rows else ""
    )


def _format_example(row: Mapping[str, Any]) -> str:
    value = row["value"]
    brief = textwrap.shorten("null" if value is None else str(value), BRIEF, placeholder=" …")
    return str(row["row"]) if value == row["row"] else f"{row['row']} ({brief})"
