"""The stages, one module each. `TASKS` is what a recipe can call."""

from __future__ import annotations

import copyreg
from collections.abc import Sequence
from typing import Any

from schemas.labels import Label, LabelKind
from schemas.task import Rejects, Task
from tasks.balance import BALANCE
from tasks.classify.task import CLASSIFY
from tasks.compare import COMPARE
from tasks.contrast import CONTRAST
from tasks.corrections.continuations import CONTINUE
from tasks.corrections.correct import CORRECT
from tasks.corrections.revise import REVISE
from tasks.corrections.smooth import SMOOTH
from tasks.corrections.splice import SPLICE
from tasks.corrections.step_pairs import PAIRS
from tasks.dedup.decontaminate import DECONTAMINATE
from tasks.dedup.deduplicate import DEDUPLICATE
from tasks.frequent_errors import COMMONEST
from tasks.generate import GENERATE
from tasks.inject.task import INJECT
from tasks.localize.agree import AGREE
from tasks.localize.estimate import ESTIMATE
from tasks.localize.judge import JUDGE
from tasks.localize.locate import LOCATE
from tasks.localize.values import VALUES
from tasks.programs.as_python import AS_PYTHON
from tasks.programs.partial import PARTIAL
from tasks.programs.run_programs import RUN
from tasks.quality.checklist import CHECKLIST
from tasks.quality.consistency import CONSISTENCY
from tasks.quality.label_errors import LABEL_ERRORS
from tasks.quality.p_true import P_TRUE
from tasks.quality.text import QUALITY
from tasks.release import RELEASE
from tasks.search.nodes import NODES
from tasks.search.search import SEARCH
from tasks.select import SELECT
from tasks.sources.evidence import EVIDENCE_TASK
from tasks.sources.import_ import IMPORT
from tasks.sources.load import LOAD
from tasks.sources.truth import TRUTH_TASK
from tasks.split import SPLIT
from tasks.synthetic.task import WORLD
from tasks.take import TAKE
from tasks.verify.gold import GOLD
from tasks.verify.task import VERIFY
from tasks.views.preference import PREFERENCE
from tasks.views.task import VIEW

_ALL: tuple[Task[Any], ...] = (
    LOAD, IMPORT, EVIDENCE_TASK, WORLD, GENERATE, SPLIT, GOLD, VERIFY, AS_PYTHON, RUN, PARTIAL, CONTRAST, COMPARE, INJECT, TRUTH_TASK, LOCATE, JUDGE, ESTIMATE, SEARCH, NODES, VALUES, AGREE, CONTINUE, CORRECT, PAIRS, SPLICE, SMOOTH, REVISE, CLASSIFY, COMMONEST, QUALITY, CONSISTENCY, P_TRUE, CHECKLIST, LABEL_ERRORS,
    SELECT, BALANCE, TAKE, DEDUPLICATE, DECONTAMINATE, VIEW, PREFERENCE, RELEASE,
)  # fmt: skip
TASKS: dict[str, Task[Any]] = {task.name: task for task in _ALL}


def find_task(name: str) -> Task[Any]:
    """The task that a recipe calls so."""
    return TASKS[name]


def _reduce_task(task: Task[Any]) -> tuple[Any, tuple[str]]:
    """What pickle writes of a task: its name, as its functions are code that is there on the other side, too."""
    return find_task, (task.name,)


for _kind in {type(_task) for _task in _ALL}:
    copyreg.pickle(_kind, _reduce_task)


def list_labels(kind: LabelKind) -> tuple[Label, ...]:
    """The labels of a kind that tasks declare, each column once, the one to be believed most first."""
    labels = [label for task in TASKS.values() for label in task.labels if label.kind == kind]
    by_column: dict[str, Label] = {}
    for label in sorted(labels, key=lambda label: -label.rank):
        by_column.setdefault(label.column, label)
    return tuple(by_column.values())


def find_label(task: str, kind: LabelKind, columns: Sequence[str] | None = None) -> Label | None:
    """The label of a kind that a task decides, in a table of these columns where they are given; None where there is none."""
    labels = TASKS[task].labels if task in TASKS else ()
    return next(
        (label for label in labels if label.kind == kind and (columns is None or label.column in columns)), None
    )


def find_rejects(task: str) -> Rejects | None:
    """What the rows are that a task is there to reject; None of one that is there for something else."""
    return TASKS[task].rejects if task in TASKS else None
