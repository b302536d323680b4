"""The stages, one module each. `TASKS` is what a recipe can call."""

from __future__ import annotations

from typing import Any

from schemas.task import Task
from tasks.agree import AGREE
from tasks.classify import CLASSIFY
from tasks.commonest import COMMONEST
from tasks.consistency import CONSISTENCY
from tasks.contrast import CONTRAST
from tasks.decontaminate import DECONTAMINATE
from tasks.deduplicate import DEDUPLICATE
from tasks.estimate import ESTIMATE
from tasks.generate import GENERATE
from tasks.gold import GOLD
from tasks.inject import INJECT
from tasks.judge import JUDGE
from tasks.label_errors import LABEL_ERRORS
from tasks.load import LOAD
from tasks.locate import LOCATE
from tasks.quality import QUALITY
from tasks.recorded import IMPORT
from tasks.release import RELEASE
from tasks.select import SELECT
from tasks.split import SPLIT
from tasks.verify import VERIFY
from tasks.views.preference import PREFERENCE
from tasks.views.view import VIEW
from tasks.world.table import WORLD

_ALL: tuple[Task[Any], ...] = (
    LOAD, IMPORT, WORLD, GENERATE, SPLIT, GOLD, VERIFY, CONTRAST, INJECT, LOCATE, JUDGE, ESTIMATE, AGREE, CLASSIFY, COMMONEST, QUALITY, CONSISTENCY, LABEL_ERRORS,
    SELECT, DEDUPLICATE, DECONTAMINATE, VIEW, PREFERENCE, RELEASE,
)  # fmt: skip
TASKS: dict[str, Task[Any]] = {task.name: task for task in _ALL}
