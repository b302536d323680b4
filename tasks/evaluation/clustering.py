"""Types against true ones whatever they are called: how far two partitions of the same mistakes are one.

Source: Hubert and Arabie 1985, Comparing Partitions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import comb

import numpy as np


def compute_adjusted_rand(counts: Mapping[tuple[str, str], int]) -> float | None:
    """The adjusted Rand index: 1 the same partition, 0 as by chance; None where chance alone makes them the same.

    Args:
        counts: How many mistakes are of the one partition's part and of the other's; those that were left undecided are a part, too.

    Returns:
        At most 1, below 0 where the two agree less than by chance.

    """
    first, second = Counter[str](), Counter[str]()
    for (part, other), n in counts.items():
        first[part] += n
        second[other] += n
    pairs = comb(first.total(), 2)
    together = sum(comb(n, 2) for n in counts.values())
    ours, theirs = (sum(comb(n, 2) for n in sizes.values()) for sizes in (first, second))
    if not pairs or ours * theirs * 2 == pairs * (ours + theirs):
        return None
    expected = ours * theirs / pairs
    return (together - expected) / ((ours + theirs) / 2 - expected)


def cramer(counts: Mapping[tuple[str, str], int]) -> float | None:
    """Cramér's V of two ways to part the same mistakes: 0 where one says nothing of the other, 1 where it says all.

    Args:
        counts: How many mistakes are of the one partition's part and of the other's.

    Returns:
        Between 0 and 1; None where one of the two has a single part.

    """
    from scipy.stats.contingency import association  # a second to import: only who asks pays for it

    cells = {pair: n for pair, n in counts.items() if n}
    rows = {part: i for i, part in enumerate(sorted({part for part, _ in cells}))}
    columns = {part: i for i, part in enumerate(sorted({other for _, other in cells}))}
    if min(len(rows), len(columns)) < 2:
        return None
    table = np.zeros((len(rows), len(columns)), np.int64)
    for (part, other), n in cells.items():
        table[rows[part], columns[other]] = n
    return float(association(table, method="cramer"))
