"""The stages, one module each. `TASKS` is what a recipe can call."""

from __future__ import annotations

from typing import Any

from schemas.task import Task
from tasks.classify.task import CLASSIFY
from tasks.contrast import CONTRAST
from tasks.dedup.decontaminate import DECONTAMINATE
from tasks.dedup.deduplicate import DEDUPLICATE
from tasks.frequent_errors import COMMONEST
from tasks.generate import GENERATE
from tasks.inject.task import INJECT
from tasks.localize.agree import AGREE
from tasks.localize.estimate import ESTIMATE
from tasks.localize.judge import JUDGE
from tasks.localize.locate import LOCATE
from tasks.quality.consistency import CONSISTENCY
from tasks.quality.label_errors import LABEL_ERRORS
from tasks.quality.text import QUALITY
from tasks.release import RELEASE
from tasks.select import SELECT
from tasks.sources.import_ import IMPORT
from tasks.sources.load import LOAD
from tasks.split import SPLIT
from tasks.synthetic.task import WORLD
from tasks.verify.gold import GOLD
from tasks.verify.task import VERIFY
from tasks.views.preference import PREFERENCE
from tasks.views.task import VIEW

_ALL: tuple[Task[Any], ...] = (
    LOAD, IMPORT, WORLD, GENERATE, SPLIT, GOLD, VERIFY, CONTRAST, INJECT, LOCATE, JUDGE, ESTIMATE, AGREE, CLASSIFY, COMMONEST, QUALITY, CONSISTENCY, LABEL_ERRORS,
    SELECT, DEDUPLICATE, DECONTAMINATE, VIEW, PREFERENCE, RELEASE,
)  # fmt: skip
TASKS: dict[str, Task[Any]] = {task.name: task for task in _ALL}
