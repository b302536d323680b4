"""How like two kinds of mistakes are called: what proposes that they are one.

Likeness only proposes. Where no model decides, one rule does: two names are
one where a single slip tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.recipe.taxonomy import normalize_name

ALIKE = 0.3
"""Dice's coefficient from which two kinds are held beside each other."""
LETTERS = 5
"""Letters of the shorter name from which a slip is taken for one: `sum` and `sun` are two words."""
SLIP = "rule: one slip tells the names apart"


def split_trigrams(text: str) -> frozenset[str]:
    """The runs of three letters of a text, blanks round each word counted."""
    padded = f"  {normalize_name(text)} "
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2)) - {"   "}


def dice(first: frozenset[str], other: frozenset[str]) -> float:
    """Twice what two sets share by what they have: 0 nothing, 1 all (Dice 1945)."""
    return 2 * len(first & other) / (len(first) + len(other)) if first and other else 0.0


def is_misspelling(name: str, other: str) -> bool:
    """Whether two names are at most one slip apart: a letter too many, too few, another, or two changed round."""
    a, b = sorted((normalize_name(name), normalize_name(other)), key=len)
    if a == b:
        return True
    return len(a) >= LETTERS and len(b) - len(a) <= 1 and _is_single_edit(a, b)


def _is_single_edit(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether one edit makes the shorter the other, which is no longer by more than one."""
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), len(a))
    if len(a) < len(b):
        return a[at:] == b[at + 1 :]
    swapped = a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :]
    return a[at + 1 :] == b[at + 1 :] or swapped
