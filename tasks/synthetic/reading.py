"""The reading of the world's questions: their words back into the program that they were written from.

Each sentence is held against the events of `story`, which are played again with
the sentence's own numbers in place of drawn ones; so the grammar stands in one
place, and what can be told can be read.
"""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any

from tasks.synthetic import story as events
from tasks.synthetic.problems import LEVELS, Problem
from tasks.synthetic.story import Story
from tasks.synthetic.vocabulary import BOXES, BOYS, GIRLS, THINGS

_BEGIN = re.compile(r"(?P<name>[A-Z][a-z]+) (?:has|starts with) (?P<total>\d{1,9}) (?P<thing>[a-z]+)\.")
_ASKED = re.compile(r"How many (?P<thing>[a-z]+) does (?P<name>[A-Z][a-z]+) have (?:now|in the end)\?")
_SENTENCE = re.compile(r"(?<=[.?]) ")
EVENTS = (
    *dict.fromkeys(event for level in LEVELS.values() for event, _ in level.events), events.tell_sale, events.distract,
)  # fmt: skip
"""All that can happen in a story."""
LONGEST = 4_000
"""Characters of a question that is looked at; the world's longest have some 1,500."""
UNBOUNDED = 10**9
"""No result is too large: the levels' bounds are for drawing."""


class _Choices(Random):  # noqa: S311
    """Draws what a sentence has: its numbers where some are chosen, its thing, and both sides of a coin in turn."""

    def __init__(self, sentence: str, coin: float) -> None:
        super().__init__(0)
        self.sentence, self.coin = sentence, coin
        self.numbers = [int(number) for number in re.findall(r"\d{1,9}", sentence)]

    def random(self) -> float:
        """The side of the coin that is tried."""
        return self.coin

    def choice(self, seq: Any) -> Any:
        """What stands in the sentence of what there is to choose from; anything where nothing does."""
        known = (*self.numbers, tuple(self.numbers), *re.findall(r"[a-z]+", self.sentence))
        mentioned = [item for item in seq if item in known]
        return mentioned[0] if mentioned else seq[0]


class _Mismatch(Exception):
    """The sentence does not tell the event."""


@dataclass
class _ReadStory(Story):
    """A story whose next sentence is known: its numbers are read, and its words compared."""

    sentence: str = ""
    numbers: list[int] = field(default_factory=list)

    def quantity(self, low: int, high: int) -> int:
        """The next number of the sentence, whatever the bounds."""
        if not self.numbers:
            raise _Mismatch
        self.quantities.append(self.numbers.pop(0))
        return self.quantities[-1]

    def tell(self, *phrasings: str) -> None:
        """Compare the sentence with the phrasings of an event."""
        matches = (_compile_phrasing(phrasing).fullmatch(self.sentence) for phrasing in phrasings)
        if not any(match and self._fits(match.groupdict()) for match in matches):
            raise _Mismatch

    def _fits(self, words: dict[str, str]) -> bool:
        """Whether names, things and numbers at their places are those of the story."""
        numbers = [str(quantity) for quantity in self.quantities[:-3:-1]]
        expected = {"n": (self.name, "She", "she", "He", "he"), "i": (self.name,), "o": GIRLS + BOYS, "b": BOXES}
        expected |= {"t": (self.thing,), "x": tuple(numbers[:1]), "y": tuple(numbers[1:])}
        return all(word in expected[place] for place, word in words.items())


@lru_cache(maxsize=256)
def _compile_phrasing(phrasing: str) -> re.Pattern[str]:
    """A phrasing, its first letter large or small, with what stands at each of its places; a place that comes again is the same."""
    pieces = re.split(r"\{([a-z])\}", phrasing)
    pattern = "".join(
        re.escape(piece) if i % 2 == 0 else rf"(?P={piece})" if piece in pieces[1:i:2] else rf"(?P<{piece}>\w+)"
        for i, piece in enumerate(pieces)
    )
    return re.compile(pattern if pattern.startswith("(") else f"(?:{pattern[0]}|{pattern[0].upper()}){pattern[1:]}")


@lru_cache(maxsize=4096)
def read_problem(question: str) -> Problem | None:
    """The problem that a question of the world asks.

    Args:
        question: Its text.

    Returns:
        The problem with its program; None where the text is no question of the world.

    """
    sentences = _SENTENCE.split(question.strip()) if len(question) <= LONGEST else []
    first, *told, asked = sentences if len(sentences) > 1 else ("", "")
    begin, end = _BEGIN.fullmatch(first), _ASKED.fullmatch(asked)
    if not begin or not end or begin["name"] != end["name"] or begin["thing"] not in THINGS:
        return None
    if begin["name"] not in GIRLS + BOYS or int(begin["total"]) < 1:
        return None
    name, total = begin["name"], int(begin["total"])
    story: _ReadStory | None = _ReadStory(Random(0), UNBOUNDED, name, "", begin["thing"], [], total)  # noqa: S311
    assert story is not None
    story.quantities.append(total)
    for sentence in told:
        story = _read_sentence(story, sentence)
        if story is None:
            return None
    return Problem(question, story.program()) if story.nodes and story.thing == end["thing"] else None


def _read_sentence(story: _ReadStory, sentence: str) -> _ReadStory | None:
    """The story with what a sentence tells; None where it tells nothing that can happen."""
    for event in EVENTS:
        for coin in (0.0, 0.99):
            played = _copy_story(story, sentence, coin)
            try:
                happened = event(played)
            except (_Mismatch, IndexError, ZeroDivisionError):
                continue
            if happened is not False and played.total > 0:
                return played
    return None


def _copy_story(story: _ReadStory, sentence: str, coin: float) -> _ReadStory:
    played = copy(story)
    random = _Choices(sentence, coin)
    played.random, played.sentence, played.numbers = random, sentence, random.numbers[:]
    played.quantities, played.nodes, played.spare = story.quantities[:], story.nodes[:], story.spare[:]
    played.others = ["", ""]
    return played
