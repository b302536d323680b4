"""Problems of the world: one dial, millions of them, and none both for training and for testing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from tasks.sources.content_ids import digest, identify_problem
from tasks.synthetic import story as events
from tasks.synthetic.program import Program
from tasks.synthetic.story import Story

Side = Literal["train", "test"]
Event = Callable[[Story], bool]
TESTED = 10
"""One problem in so many is for testing, by its id."""


@dataclass(frozen=True)
class Level:
    """A setting of the dial."""

    fewest: int
    """Calculations, at least,"""
    most: int
    """and at most."""
    largest: int
    """No result is larger (a product on the way to a percentage may be)."""
    events: tuple[tuple[Event, int], ...]
    """What can happen, with the calculations it takes at most."""
    distracts: float = 0.0
    """How often a problem has a number that it does not need."""


_CHANGES = ((events.tell_gain, 1), (events.tell_loss, 1))
_PRODUCTS = (*_CHANGES, (events.tell_boxes, 2), (events.tell_multiple, 1), (events.tell_sharing, 1))
_WHOLE = (*_PRODUCTS, (events.tell_comparison, 2), (events.tell_daily_gain, 3), (events.tell_dozens, 2))
_PARTS = (*_WHOLE, (events.tell_fraction, 3), (events.tell_percentage, 3))
LEVELS = {
    1: Level(2, 3, 60, _CHANGES),
    2: Level(2, 5, 100, _PRODUCTS),
    3: Level(2, 8, 400, _WHOLE, 0.3),
    4: Level(2, 8, 400, _PARTS, 0.5),
    5: Level(8, 20, 200, _WHOLE, 0.3),
    6: Level(8, 20, 400, _PARTS, 0.5),
}
DEFAULT = 3


@dataclass(frozen=True)
class Problem:
    """A word problem and its truth."""

    question: str
    program: Program

    @property
    def answer(self) -> int:
        """What the program comes to."""
        return int(self.program.results()[-1])


def choose_side(question: str) -> Side:
    """Whether a problem is for training or for testing: its words and numbers say, so it is never both."""
    return "test" if int(identify_problem(question, None)[:8], 16) % TESTED == 0 else "train"


def draw(random: Random, level: int = DEFAULT) -> Problem:
    """A problem of a level, of either side."""
    dial = LEVELS[level]
    story = events.begin(random, dial.largest)
    steps = random.randint(dial.fewest, dial.most)
    distracted = random.randint(1, steps) if random.random() < dial.distracts else 0
    sold = random.random() < 0.15 and level > 2
    while len(story.nodes) < steps:
        room = steps - len(story.nodes)
        if distracted and len(story.nodes) >= distracted:
            events.distract(story)
            distracted = 0
        if sold and room == 1 and events.tell_sale(story):
            break
        random.choice([event for event, most in dial.events if most <= room])(story)
    when = random.choice(("now", "in the end"))
    story.sentences.append(f"How many {story.thing} does {story.name} have {when}?")
    return Problem(" ".join(story.sentences), story.program())


def make_problem(seed: int, index: int, level: int = DEFAULT, which: Side = "test") -> Problem:
    """Problem number `index` of a side: the same wherever and whenever it is made."""
    random = Random(digest("world", str(seed), str(index), str(level), which))  # noqa: S311
    while True:
        problem = draw(random, level)
        if choose_side(problem.question) == which:
            return problem
