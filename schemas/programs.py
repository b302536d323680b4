"""Programs that are run: what is asked of the engine `python`, and what it answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LONGEST_PROGRAM = 100_000
"""Characters of a program, at most."""
LONGEST_TEXT = 4_000
"""Characters of a traceback or of a value that are kept, at most."""
MOST_STATES = 200
"""Statements after which the state is kept, at most."""

Refusal = Literal["memory limit", "missing module", "refused by the sandbox"]
Ending = Literal["done", "exception", "time limit", "output limit", "exit", "signal"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ProgramJob(_Record):
    """One program to be run, with what is wanted of it. Gold is not among it: where values are compared, they are compared outside."""

    program: str = Field(max_length=LONGEST_PROGRAM)
    tests: list[str] = []
    """Statements that are run behind it, one after the other, until one fails."""
    answer: str = ""
    """The variable whose value is wanted; empty for none."""
    states: bool = False
    """Whether the values of its variables after each statement are wanted."""


class ProgramReport(_Record):
    """What is told from inside of the sandbox. The program shares an interpreter with who tells it: it may be made up."""

    ended: Literal["done", "exception"]
    error_type: str | None = Field(None, max_length=200)
    traceback: str | None = Field(None, max_length=LONGEST_TEXT)
    line: int | None = Field(None, ge=0, le=LONGEST_PROGRAM)
    """The line of the program, from 1, at which the exception came up."""
    refusal: Refusal | None = None
    """Why the exception may be the sandbox's and not the program's."""
    exit: int | None = Field(None, ge=0, le=255)
    """The status that its exception gives a process."""
    passed: int = Field(0, ge=0, le=LONGEST_PROGRAM)
    """Statements of the tests that went through before the first that did not; what sets them up, as a definition, is none."""
    answer: str | None = Field(None, max_length=LONGEST_TEXT)
    """The value that was asked for; None where it has none, or none that is text, a number or made of such."""
    states: list[str] = Field([], max_length=MOST_STATES)
    """The sorted values of its variables after each statement, as JSON, or a digest where they are long."""


class ProgramRun(_Record):
    """What became of a program."""

    ended: Ending
    exit: int | None
    """The status of its process; of one that a signal ended, minus its number."""
    stdout: str
    report: ProgramReport | None
    """None where it came to no end of its own."""
