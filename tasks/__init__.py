"""The stages, one module each. `TASKS` is what a recipe can call."""

from __future__ import annotations

from typing import Any

from schemas.task import Task
from tasks.consistency import CONSISTENCY
from tasks.decontaminate import DECONTAMINATE
from tasks.deduplicate import DEDUPLICATE
from tasks.generate import GENERATE
from tasks.gold import GOLD
from tasks.label_errors import LABEL_ERRORS
from tasks.load import LOAD
from tasks.quality import QUALITY
from tasks.recorded import IMPORT
from tasks.release import RELEASE
from tasks.select import SELECT
from tasks.split import SPLIT
from tasks.verify import VERIFY
from tasks.world.table import WORLD

TASKS: dict[str, Task[Any]] = {
    task.name: task
    for task in (
        LOAD,
        IMPORT,
        WORLD,
        GENERATE,
        SPLIT,
        GOLD,
        VERIFY,
        SELECT,
        DEDUPLICATE,
        DECONTAMINATE,
        QUALITY,
        CONSISTENCY,
        LABEL_ERRORS,
        RELEASE,
    )
}
