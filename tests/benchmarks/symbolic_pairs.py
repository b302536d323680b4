"""Symbolic pairs of known truth: gold answers rewritten, so that their value stays, and changed, so that it does not."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types import read_answer
from tests.benchmarks.symbolic_changes import CHANGING, OPEN
from tests.benchmarks.symbolic_golds import strip_signs
from tests.benchmarks.symbolic_rewritings import KEEPING


@dataclass(frozen=True)
class Pair:
    """A gold answer and another, of which it is known whether they are the same."""

    gold: str
    answer: str
    same: bool
    change: str
    """The name of what was done to gold."""
    type: str
    """The type gold was read as."""


def make_pairs(gold: str, each: int, chance: random.Random) -> Iterator[Pair]:
    """Pairs of a gold answer: with itself, rewritten (once or twice), and changed (and then dressed otherwise)."""
    try:
        type_ = read_answer(gold).type
    except UnreadableFormula:
        type_ = "not read"
    text = strip_signs(gold)
    yield Pair(gold, gold, True, "itself", type_)
    for same, changes in ((True, KEEPING), (False, CHANGING)):
        lettered = re.fullmatch(
            r"\\text\{\([A-J]\)\}", text
        )  # behind an option's letter stands its text, whatever it is
        names = [
            name
            for name in changes
            if not (lettered and name in OPEN) and changes[name](text, random.Random(0)) is not None
        ]
        for at in range(each if names else 0):
            name = names[at % len(names)]
            answer = changes[name](text, chance)
            if answer is None:
                continue
            if chance.random() < 0.3 and name != "not understood" and (also := KEEPING["dress"](answer, chance)):
                answer = also
            yield Pair(gold, answer, same, name, type_)
