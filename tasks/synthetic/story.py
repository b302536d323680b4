"""Stories: one event after another happens to what somebody has, and the program grows along."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tasks.arithmetic.expressions import Operator
from tasks.synthetic.program import Program, ProgramStep, Ref
from tasks.synthetic.vocabulary import BOXES, BOYS, COINS, DAYS, GIRLS, THINGS


@dataclass
class Story:
    """A problem in the making."""

    random: Random
    largest: int
    """No result is larger."""
    name: str
    she: str
    thing: str
    others: list[str]
    """People not yet spoken of."""
    total: int = 0
    """What there is now."""
    last: Ref = field(default_factory=lambda: Ref("q", 0))
    """The operand that stands for it."""
    sentences: list[str] = field(default_factory=list)
    quantities: list[int] = field(default_factory=list)
    spare: list[int] = field(default_factory=list)
    nodes: list[ProgramStep] = field(default_factory=list)

    def quantity(self, low: int, high: int) -> int:
        """A number for the text, seldom one that it has already."""
        for _ in range(4):
            number = self.random.randint(low, high)
            if number not in self.quantities:
                break
        self.quantities.append(number)
        return number

    @property
    def here(self) -> Ref:
        """The quantity named last."""
        return Ref("q", len(self.quantities) - 1)

    def calculate(self, operator: Operator, left: Ref, right: Ref, unit: str) -> Ref:
        """Add a calculation and return its result."""
        self.nodes.append(ProgramStep(operator, left, right, unit))
        return Ref("s", len(self.nodes) - 1)

    def go_on(self, operator: Operator, right: Ref, total: int) -> None:
        """The total changes."""
        self.last, self.total = self.calculate(operator, self.last, right, self.thing), total

    def tell(self, *phrasings: str) -> None:
        """Add a sentence in one of its phrasings; {x} is the quantity named last, {y} the one before it."""
        known = self.sentences[-1].startswith((self.name, self.she.capitalize()))
        subject = self.she if known and self.random.random() < 0.5 else self.name
        words = {"n": subject, "i": self.name, "t": self.thing, "x": self.quantities[-1]}
        if len(self.quantities) > 1:
            words["y"] = self.quantities[-2]
        text = self.random.choice(phrasings).format(**words, o=self.others[-1], b=self.random.choice(BOXES))
        self.sentences.append(text[0].upper() + text[1:])

    def program(self) -> Program:
        """The program so far."""
        return Program(tuple(self.quantities), tuple(self.nodes), tuple(self.spare))


def begin(random: Random, largest: int) -> Story:
    """Somebody has something."""
    girl = random.random() < 0.5
    names = random.sample(GIRLS + BOYS, 12)
    name = random.choice(GIRLS if girl else BOYS)
    story = Story(
        random, largest, name, "she" if girl else "he", random.choice(THINGS), [n for n in names if n != name]
    )
    story.total = story.quantity(2, max(12, largest // 6))
    story.sentences.append(
        random.choice((f"{name} has {story.total} {story.thing}.", f"{name} starts with {story.total} {story.thing}."))
    )
    return story


def tell_gain(story: Story) -> bool:
    """More come."""
    room = story.largest - story.total
    if room < 2:
        return False
    number = story.quantity(2, min(room, max(9, story.largest // 5)))
    story.tell("{n} buys {x} more.", "{n} finds {x} {t}.", "{o} gives {i} {x} {t}.", "then {n} gets {x} more {t}.")
    story.go_on("+", story.here, story.total + number)
    return True


def tell_loss(story: Story) -> bool:
    """Some go."""
    if story.total < 4:
        return False
    number = story.quantity(2, min(story.total - 1, max(9, story.largest // 5)))
    story.tell(
        "{n} gives {x} {t} to {o}.", "{n} loses {x} of them.", "then {n} sells {x} {t}.", "{o} takes {x} of the {t}."
    )
    story.go_on("-", story.here, story.total - number)
    return True


def tell_boxes(story: Story) -> bool:
    """Boxes of equally many come."""
    each_most = min(12, (story.largest - story.total) // 2)
    if each_most < 2:
        return False
    count = story.quantity(2, 9)
    each = story.quantity(2, max(2, min(12, (story.largest - story.total) // count)))
    if story.total + count * each > story.largest:
        story.quantities[-2:] = []
        return False
    story.tell(
        "{n} buys {y} {b} with {x} {t} each.",
        "{o} brings {y} {b} of {x} {t}.",
        "then {n} fills {y} {b} with {x} more {t} each.",
    )
    more = story.calculate("*", Ref("q", len(story.quantities) - 2), story.here, story.thing)
    story.go_on("+", more, story.total + count * each)
    return True


def tell_multiple(story: Story) -> bool:
    """There are several times as many."""
    most = min(9, story.largest // story.total)
    if most < 2:
        return False
    number = story.quantity(2, most)
    story.tell(
        "soon {n} has {x} times as many.",
        "the {t} become {x} times as many.",
        "in the end {n} has {x} times as many {t}.",
    )
    story.go_on("*", story.here, story.total * number)
    return True


def tell_sharing(story: Story) -> bool:
    """They are divided equally and one part is kept."""
    fits = [n for n in range(2, 10) if story.total % n == 0 and story.total // n >= 2]
    if not fits:
        return False
    number = story.random.choice(fits)
    story.quantities.append(number)
    story.tell(
        "{n} divides them equally among {x} {b} and keeps one.", "{n} makes {x} equal piles of {t} and keeps one pile.",
        "{x} friends share the {t} equally and {i} is one of them.",
    )  # fmt: skip
    story.go_on("/", story.here, story.total // number)
    return True


def tell_comparison(story: Story) -> bool:
    """Somebody with more, or fewer, than that gives all of theirs."""
    more = story.random.random() < 0.5
    if story.total * 2 + 9 > story.largest or (not more and story.total < 4):
        return False
    number = story.quantity(2, 9 if more else min(9, story.total - 1))
    theirs = story.total + number if more else story.total - number
    word = "more" if more else "fewer"
    story.tell(
        f"{{o}} has {{x}} {word} {{t}} than {{i}} and gives {{i}} all of them.",
        f"{{n}} gets all {{t}} of {{o}}, who has {{x}} {word}.",
    )
    story.others.pop()
    side = story.calculate("+" if more else "-", story.last, story.here, story.thing)
    story.go_on("+", side, story.total + theirs)
    return True


def tell_daily_gain(story: Story) -> bool:
    """Every day of some weeks brings equally many."""
    weeks = story.quantity(2, 4)
    each = story.quantity(2, 5)
    if story.total + weeks * 7 * each > story.largest:
        story.quantities[-2:] = []
        return False
    story.tell("for {y} weeks {n} gets {x} {t} every day.", "during {y} weeks {o} brings {x} {t} a day.")
    days = story.calculate("*", Ref("q", len(story.quantities) - 2), Ref("c", 7), DAYS)
    more = story.calculate("*", days, story.here, story.thing)
    story.go_on("+", more, story.total + weeks * 7 * each)
    return True


def tell_dozens(story: Story) -> bool:
    """Dozens come."""
    number = story.quantity(2, 6)
    if story.total + number * 12 > story.largest:
        story.quantities.pop()
        return False
    story.tell("{n} buys {x} dozen {t}.", "{o} sends {i} {x} dozen {t}.")
    more = story.calculate("*", story.here, Ref("c", 12), story.thing)
    story.go_on("+", more, story.total + number * 12)
    return True


def tell_fraction(story: Story) -> bool:
    """A fraction goes."""
    fits = [(a, b) for b in range(2, 8) for a in range(1, min(b, 4)) if story.total % b == 0 and (a == 1 or b % a)]
    if not fits or story.total < 4:
        return False
    above, below = story.random.choice(fits)
    story.quantities += [above, below]
    story.tell("{n} gives {y}/{x} of the {t} to {o}.", "{n} sells {y}/{x} of them.", "{y}/{x} of the {t} get lost.")
    part = story.calculate("/", story.last, story.here, story.thing)
    if above > 1:
        part = story.calculate("*", part, Ref("q", len(story.quantities) - 2), story.thing)
    story.go_on("-", part, story.total - story.total // below * above)
    return True


def tell_percentage(story: Story) -> bool:
    """A percentage goes or comes."""
    more = story.random.random() < 0.4
    fits = [p for p in range(5, 100, 5) if story.total * p % 100 == 0]
    fits = [p for p in fits if not more or story.total * (100 + p) // 100 <= story.largest]
    if not fits:
        return False
    number = story.random.choice(fits)
    story.quantities.append(number)
    if more:
        story.tell("the {t} grow by {x} percent.", "{n} gets {x} percent more {t}.")
    else:
        story.tell("{n} loses {x} percent of them.", "{x} percent of the {t} are sold.")
    product = story.calculate("*", story.last, story.here, story.thing)
    part = story.calculate("/", product, Ref("c", 100), story.thing)
    change = story.total * number // 100
    story.go_on("+" if more else "-", part, story.total + (change if more else -change))
    return True


def tell_sale(story: Story) -> bool:
    """All are sold: from now on there are coins."""
    most = min(9, story.largest // story.total)
    if most < 2:
        return False
    number = story.quantity(2, most)
    story.tell(
        "{n} sells all {t} for {x} coins each.", "for each of the {t} {i} gets {x} coins and has no other coins."
    )
    story.thing = COINS
    story.go_on("*", story.here, story.total * number)
    return True


def distract(story: Story) -> None:
    """A number that has nothing to do with the question."""
    story.quantity(2, 30)
    story.spare.append(len(story.quantities) - 1)
    other = story.random.choice([t for t in THINGS if t != story.thing])
    story.tell(
        "{o} is {x} years old.",
        "{o} has {x} " + other + ".",
        "it is a walk of {x} minutes.",
        "there are {x} " + other + " on the table.",
    )
