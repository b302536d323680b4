"""The columns of programs that were run, and of how far they go right."""

from __future__ import annotations

from schemas.contract import Column

RUN_COLUMNS = (
    Column("code", "string", "The program in the completion: its last block fenced as Python, else its last fenced one, or all of it; null where it has none.", nullable=True),
    Column("ran", "boolean", "Whether the program came to an end of its own, by its last statement or an exception."),
    Column("exit", "integer", "The status of its process, minus the number of the signal that ended it; null where it was stopped at a limit.", nullable=True),
    Column("error_type", "string", "The exception that ended it; null where none did.", nullable=True),
    Column("traceback", "string", "Where the exception came up: lines of the program and of the tests alone, without paths; null where there was none.", nullable=True),
    Column("line", "integer", "The line of the program, from 1, at which the exception came up; null where it did not in the program.", nullable=True, at_least=0),
)  # fmt: skip
STATE_COLUMNS = (
    Column("states", "strings", "The values of its variables, sorted, names ignored, after each statement: JSON, or a digest of long ones; null where it did not come to its end.", nullable=True),
    Column("reference_states", "strings", "The states of the reference, where that is a program that comes to its end; null where it is none.", nullable=True),
)  # fmt: skip
PARTIAL_COLUMNS = (
    Column("right_statements", "integer", "Statements up to the furthest state that a right program of the problem reaches, too; null where states are not known.", nullable=True, at_least=0),
    Column("states_first_error", "integer", "The 0-based index of the statement behind these; -1 of a right program, null where states are not known.", nullable=True, at_least=-1),
    Column("partial_program", "string", "These statements; of a right program all of it.", nullable=True),
    Column("partial_state", "string", "The state behind them, as in `states`; empty brackets before the first.", nullable=True),
)  # fmt: skip
