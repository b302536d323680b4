"""What can go wrong in the application, as a tree, each with the exit code of the command that meets it.

ApplicationError         1  what people can mend; the message says where, what was found and what to do
├── RecipeError          2  a recipe is wrong
├── TaskError            2  a task's parameters do not fit the data
├── SourceError          2  a source cannot be read
├── OutsideError         2  a recipe names a file that it may not read
├── EvaluationError      2  labels and gold cannot be compared
├── ViewError            2  the rows of a release cannot be viewed
├── ComparisonError      2  the rows of two releases cannot be compared
├── PublishError         4  a version is published already with other content
├── GateError            1  a release does not satisfy its gates
├── NothingLeft          1  a view has no rows
├── ContractError        1  a table does not keep its contract
├── AccountingError      1  rows went missing, or appeared from nowhere
├── StoreError           1  the store cannot be read or written
├── EngineError          1  a model cannot be asked
│   ├── AttemptsSpent    1  a request was tried as often as it may be
│   ├── BudgetError      1  what a recipe lets a model cost is spent
│   ├── PortTakenError   1  another program listens where a server was to
│   └── SandboxError     1  programs cannot be run on this machine
├── ModelFileError       1  weights cannot be fetched
├── ProcessError         1  a process ended without a word
├── ClusterError         1  a Ray cluster cannot be used
│   └── PlaceError       2  what is said to be a cluster's address is none
└── ServerError          1  Prefect's server does not answer

Those of releases are the client's (`errata.errors`), which knows nothing of the application.
"""

from __future__ import annotations

from typing import ClassVar


class ApplicationError(Exception):
    """Something people can mend: a command shows the message without a traceback and ends with `exit_code`."""

    exit_code: ClassVar[int] = 1
