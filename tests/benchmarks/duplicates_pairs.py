"""Labelled pairs of wrong solutions, by kind: the same mistake in another form, or another mistake in nearly the same form.

A solution is some calculations, each with the words round it. One is rendered
twice in different forms, or once as it is and once with one thing changed that
makes it another mistake; whatever is not changed stays the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

Tree = tuple[Any, ...] | int | str
"""A number, the name of a variable, or an operator with its operands."""
CASES = 32
"""Solutions of which each kind of pair is made."""
SUBJECTS = (
    "pens", "apples", "marbles", "tickets", "cookies", "stamps", "hours of work", "metres of rope", "dollars", "litres of paint",
)  # fmt: skip
NAMES = ("Ada", "Bruno", "Chen", "Dalia", "Emeka", "Freya", "Goran", "Hana")
TEN = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
)
BOILERPLATE = (
    "Let us work through this problem carefully and step by step so that no detail of the question is lost on the way.",
    "We first list everything that the question tells us, then decide which quantity is asked for, and only then calculate.",
    "It is always a good idea to check at the end whether the result makes sense in the situation that is described.",
    "Having followed all of these steps in order, we can now state the final answer with confidence and move on.",
)
OTHER_BOILERPLATE = (
    "I will take the question one piece at a time.", "Here is what is known, and what has to be worked out from it.",
    "The numbers look plausible for such a story.", "That settles it.",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A calculation with what it is said to come to."""

    left: Tree
    right: Tree


@dataclass(frozen=True)
class Solution:
    """A wrong solution before it is written down."""

    who: str
    what: str
    steps: tuple[Step, ...]
    answer: str


@dataclass(frozen=True)
class Pair:
    """Two solutions of one problem, with what they are to each other."""

    kind: str
    same: bool
    """Whether they make the same mistake."""
    text: str
    answer: str
    other: str
    other_answer: str


Style = Callable[[Tree], str]


def write_plain(tree: Tree, inside: bool = False) -> str:
    """A calculation in plain signs, its powers and roots in Unicode."""
    if not isinstance(tree, tuple):
        return str(tree)
    if tree[0] == "^":
        return f"{write_plain(tree[1], True)}{'⁰¹²³⁴⁵⁶⁷⁸⁹'[tree[2]]}"
    if tree[0] == "root":
        return f"√{write_plain(tree[1], True)}"
    text = f" {tree[0]} ".join(write_plain(part, True) for part in tree[1:])
    return f"({text})" if inside else text


def write_latex(tree: Tree, inside: bool = False) -> str:
    """A calculation as LaTeX has it."""
    if not isinstance(tree, tuple):
        return str(tree)
    if tree[0] == "^":
        return f"{write_latex(tree[1], True)}^{{{tree[2]}}}"
    if tree[0] == "root":
        return rf"\sqrt{{{write_latex(tree[1])}}}"
    if tree[0] == "/":
        return rf"\frac{{{write_latex(tree[1])}}}{{{write_latex(tree[2])}}}"
    sign = {"*": r"\times", "+": "+", "-": "-"}[tree[0]]
    text = f" {sign} ".join(write_latex(part, True) for part in tree[1:])
    return rf"\left({text}\right)" if inside else text


def write_words(tree: Tree, inside: bool = False) -> str:
    """A calculation with words for its signs and its small numbers."""
    if isinstance(tree, int):
        return TEN[tree] if 2 <= tree < len(TEN) else str(tree)
    if not isinstance(tree, tuple):
        return tree
    if tree[0] == "^":
        return f"{write_words(tree[1], True)} {'squared' if tree[2] == 2 else 'cubed'}"
    if tree[0] == "root":
        return f"sqrt({write_words(tree[1])})"
    sign = {"*": "times", "/": "divided by", "+": "plus", "-": "minus"}[tree[0]]
    text = f" {sign} ".join(write_words(part, True) for part in tree[1:])
    return f"({text})" if inside else text


def write_tight(tree: Tree, inside: bool = False) -> str:
    """A calculation without spaces, its products with x or ×, its powers with ^."""
    if not isinstance(tree, tuple):
        return str(tree)
    if tree[0] == "^":
        return f"{write_tight(tree[1], True)}^{tree[2]}"
    if tree[0] == "root":
        return f"sqrt({write_tight(tree[1])})"
    text = {"*": "×", "/": "÷", "+": "+", "-": "−"}[tree[0]].join(write_tight(part, True) for part in tree[1:])
    return f"({text})" if inside else text


def write(solution: Solution, style: Style = write_plain, equals: str = "=", words: int = 0) -> str:
    """The text of a solution: `words` chooses the wording, `style` the form of its calculations."""
    opening = (
        f"{solution.who} needs to know how many {solution.what} there are.",
        f"We want the number of {solution.what} that {solution.who} has in the end.",
        f"Question about {solution.what}; {solution.who} is the person.",
    )
    leads = (
        ("First we get", "Next we get", "After that we get", "Finally we get"),
        ("To begin with,", "Going on,", "With this,", "So at last"),
        ("Start:", "Then:", "Then:", "End:"),
    )[words]
    lines = [opening[words]]
    for i, step in enumerate(solution.steps):
        value = style(step.right)
        lines.append(f"{leads[min(i, 3)]} {style(step.left)} {equals} {value} {solution.what}.")
    closing = ("The answer is {}.", "Therefore the answer is {}.", "#### {}")[words]
    return " ".join([*lines, closing.format(solution.answer)])


def make_solution(chance: random.Random) -> Solution:
    """A solution of three or four steps, one of which is miscalculated, and an answer that is its last result."""
    a, b, c, d = (chance.randrange(3, 13) for _ in range(4))
    slip = chance.choice([-2, -1, 1, 2])
    shape = chance.randrange(6)
    if shape == 0:
        e = a * b + slip
        steps = [Step(("*", a, b), e), Step(("+", e, c), e + c), Step(("-", e + c, d), e + c - d)]
    elif shape == 1:
        e = a + b + c + slip
        steps = [Step(("+", a, b, c), e), Step(("*", e, d), e * d), Step(("-", e * d, a), e * d - a)]
    elif shape == 2:
        e, f = a**2, (a**2 + b) * c + slip
        steps = [Step(("^", a, 2), e), Step(("*", ("+", e, b), c), f), Step(("-", f, d), f - d)]
    elif shape == 3:
        e = a * d + slip
        steps = [
            Step(("root", a * a), a),
            Step(("*", a, d), e),
            Step(("+", e, b), e + b),
            Step(("*", e + b, 2), 2 * (e + b)),
        ]
    elif shape == 4:
        e = c * d + slip
        steps = [Step(("/", a * b, b), a), Step(("*", c, d), e), Step(("+", a, e), a + e)]
    else:
        e = a - (a + b) + slip
        steps = [
            Step(("-", a, a + b), e),
            Step(("+", e, ("*", c, d)), e + c * d),
            Step(("*", e + c * d, 3), 3 * (e + c * d)),
        ]
    return Solution(chance.choice(NAMES), chance.choice(SUBJECTS), tuple(steps), str(steps[-1].right))


def list_pairs() -> Iterator[Pair]:
    """All pairs, kind by kind; always the same."""
    for number in range(CASES):
        chance = random.Random(number)
        solution = make_solution(chance)
        yield from _list_repeats(solution, chance)
        yield from _list_different(solution, chance)


def _pair(kind: str, same: bool, solution: Solution, text: str, other: str, answer: str | None = None) -> Pair:
    return Pair(kind, same, text, solution.answer, other, solution.answer if answer is None else answer)


def _list_repeats(solution: Solution, chance: random.Random) -> Iterator[Pair]:
    text = write(solution)
    noise = (
        text.replace(" ", "\u00a0", 2).replace(" - ", " − ").replace(". ", ".\n ").replace("The answer", "THE  ANSWER")
    )
    yield _pair("copy with noise", True, solution, text, f"\ufeff{noise} ")
    yield _pair("same path in other words", True, solution, text, write(solution, words=1 + chance.randrange(2)))
    yield _pair(
        "same path as LaTeX", True, solution, text, write(solution, lambda tree: f"${write_latex(tree)}$", words=1)
    )
    yield _pair("same path in other signs", True, solution, text, write(solution, write_tight, words=2))
    yield _pair("numbers in words", True, solution, text, write(solution, write_words, "equals", words=1))
    arabic = write(solution, words=1).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    yield _pair("numbers in other figures", True, solution, text, arabic)
    wordy = (
        f"{BOILERPLATE[0]} {BOILERPLATE[1]} {text} {BOILERPLATE[3]}",
        f"{OTHER_BOILERPLATE[0]} {text} {OTHER_BOILERPLATE[3]}",
    )
    yield _pair("reworded round it", True, solution, *wordy)
    long = " ".join([*BOILERPLATE, text])
    yield _pair(
        "two words changed",
        True,
        solution,
        long,
        long.replace("carefully", "slowly").replace("confidence", "certainty"),
    )
    turned = replace(solution, steps=tuple(replace(step, left=_turn(step.left)) for step in solution.steps))
    yield _pair("operands reordered", True, solution, text, write(turned, words=1))
    extra = Step(("+", 21, 34), 55)
    longer = replace(solution, steps=(solution.steps[0], extra, *solution.steps[1:]))
    moved = replace(solution, steps=(extra, *solution.steps))
    yield _pair("steps reordered", True, solution, write(longer), write(moved, words=1))


def _turn(tree: Tree) -> Tree:
    """The operands of sums and products the other way round."""
    if not isinstance(tree, tuple) or tree[0] not in ("+", "*"):
        return tree
    return (tree[0], *reversed([_turn(part) for part in tree[1:]]))


def _list_different(solution: Solution, chance: random.Random) -> Iterator[Pair]:
    text = write(solution)
    words = chance.randrange(2)
    for kind, change in (
        ("other number", _change_number), ("other operator", _change_operator), ("other sign of a result", _change_sign),
        ("other brackets", _change_brackets), ("power or root left out", _change_power),
    ):  # fmt: skip
        at, step = change(solution, chance)
        changed = replace(solution, steps=(*solution.steps[:at], step, *solution.steps[at + 1 :]))
        unchanged = solution if at < len(solution.steps) else replace(solution, steps=(*solution.steps, _base(kind)))
        yield _pair(kind, False, solution, write(unchanged), write(changed, words=words))
    yield _pair(
        "other answer",
        False,
        solution,
        text,
        write(replace(solution, answer=f"{solution.answer}0")),
        f"{solution.answer}0",
    )
    a = chance.randrange(2, 13)
    root, minus = (
        f"We solve x^2 = {a * a}. So x = {value}. {write(replace(solution, steps=solution.steps[-1:]))}"
        for value in (a, -a)
    )
    yield _pair("other root", False, solution, root, minus)
    long = " ".join([*BOILERPLATE[:2], text, *BOILERPLATE[2:]])
    at, step = _change_number(solution, chance)
    changed = replace(solution, steps=(*solution.steps[:at], step, *solution.steps[at + 1 :]))
    other = " ".join([*BOILERPLATE[:2], write(changed), *BOILERPLATE[2:]])
    yield _pair("boilerplate with another number", False, solution, long, other)
    at, step = _change_operator(solution, chance)
    changed = replace(solution, steps=(*solution.steps[:at], step, *solution.steps[at + 1 :]))
    other = " ".join([*BOILERPLATE[:2], write(changed), *BOILERPLATE[2:]])
    yield _pair("boilerplate with another operator", False, solution, long, other)
    more, less = (f"{' '.join(BOILERPLATE)} There are three {word} than before. {text}" for word in ("more", "fewer"))
    yield _pair(
        "boilerplate with another word for an operator", False, solution, f"{more} 3 + 5 = 9", f"{less} 3 - 5 = 9"
    )


def _change_number(solution: Solution, chance: random.Random) -> tuple[int, Step]:
    """A step with one operand replaced, its result as it was."""
    at = chance.randrange(len(solution.steps))
    step = solution.steps[at]
    return at, replace(step, left=_replace_leaf(step.left, chance))


def _replace_leaf(tree: Tree, chance: random.Random) -> Tree:
    if isinstance(tree, int):
        return tree + chance.choice([1, 2, 3, 10])
    if isinstance(tree, str):
        return tree
    if tree[0] == "^":
        return ("^", _replace_leaf(tree[1], chance), tree[2])
    return (tree[0], _replace_leaf(tree[1], chance), *tree[2:])


def _change_operator(solution: Solution, chance: random.Random) -> tuple[int, Step]:
    """A step with another operator, its result as it was."""
    steps = [
        (i, step) for i, step in enumerate(solution.steps) if isinstance(step.left, tuple) and step.left[0] in "+-*/"
    ]
    at, step = chance.choice(steps)
    assert isinstance(step.left, tuple)
    sign = chance.choice([other for other in "+-*/" if other != step.left[0]])
    return at, replace(step, left=(sign, *step.left[1:]))


def _change_sign(solution: Solution, chance: random.Random) -> tuple[int, Step]:
    at = chance.randrange(len(solution.steps))
    step = solution.steps[at]
    assert isinstance(step.right, int)
    return at, replace(step, right=-step.right)


def _base(kind: str) -> Step:
    """The step that is added to a solution to be changed where it has none of its kind."""
    return Step(("*", ("+", 2, 3), 4), 20) if kind == "other brackets" else Step(("^", 5, 2), 25)


def _change_brackets(solution: Solution, _: random.Random) -> tuple[int, Step]:
    return len(solution.steps), Step(("+", 2, ("*", 3, 4)), 20)


def _change_power(solution: Solution, chance: random.Random) -> tuple[int, Step]:
    return len(solution.steps), Step((52, 5, ("root", 5))[chance.randrange(3)], 25)
