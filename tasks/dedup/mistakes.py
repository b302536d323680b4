"""Which mistake a solution makes: what it calculates, and where it first goes wrong.

The path of a solution is its calculations in their order; a mistake is the
calculations in any order and, where the first wrong step is known, the
calculation that stands there. Steps are not compared by their number: one
solution says in one step what another says in two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tasks.arithmetic.calculation_paths import UnreadStatement, resolve_statements, resolve_steps, write_calculations
from tasks.dedup.text_hashes import hash_texts
from tasks.dedup.token_hashes import U64

LOCATED = ("steps", "first_error")
"""The columns that say where a solution first goes wrong."""


def write_path(text: str) -> str:
    """The calculations of a solution in normal form and in order, joined by semicolons; empty where not all are read."""
    try:
        return ";".join(written for written, _ in write_calculations(resolve_statements(text)))
    except (UnreadStatement, RecursionError):
        return ""


def write_mistake(text: str, path: str, steps: Sequence[str] | None, first_error: int | None) -> str:
    """What makes a mistake this one and no other; empty where its calculations are not read.

    Args:
        text: The solution.
        path: Its path, as `write_path` has it.
        steps: Its steps, where they are known.
        first_error: The first wrong step, counted from 0; None where it is not known.

    Returns:
        The calculations in the order of their signs, and behind a bar the first wrong one.

    """
    if not path or not text:
        return ""
    calculations = ";".join(sorted(path.split(";")))
    if steps is None or first_error is None or not 0 <= first_error < len(steps):
        return calculations
    return f"{calculations}|{_find_wrong_calculation(steps, first_error)}"


def _find_wrong_calculation(steps: Sequence[str], wrong: int) -> str:
    """The first calculation of a wrong step that does not hold, else its last; of a step without, how many are before it."""
    try:
        placed = resolve_steps(steps)
    except (UnreadStatement, RecursionError):
        return f"step {wrong}"
    place = {id(statement): step for step, statement in placed}
    written = [
        (text, place[id(statement)], statement) for text, statement in write_calculations([s for _, s in placed])
    ]
    own = [(text, statement) for text, step, statement in written if step == wrong]
    if not own:
        return f"after {sum(step < wrong for _, step, _ in written)}"
    return next((text for text, statement in own if statement.holds is False), own[-1][0])


def hash_calculations(part: pl.DataFrame, located: bool = True) -> tuple[U64, U64]:
    """A hash of each solution's path, and of its mistake; 0 where its calculations are not read.

    Args:
        part: The rationale, and the columns `LOCATED` where there are any.
        located: Whether the mistake is wanted, too.

    Returns:
        Both hashes of each row; the second is 0 where it is not wanted.

    """
    texts = part["rationale"].to_list()
    paths = [write_path(text) for text in texts]
    if not located:
        return hash_texts(pl.Series(paths, dtype=pl.String)), np.zeros(len(texts), np.uint64)
    known = set(LOCATED) <= set(part.columns)
    steps, errors = (part[name].to_list() if known else [None] * len(texts) for name in LOCATED)
    mistakes = [write_mistake(*row) for row in zip(texts, paths, steps, errors)]
    return hash_texts(pl.Series(paths, dtype=pl.String)), hash_texts(pl.Series(mistakes, dtype=pl.String))
