"""How well labels of the first wrong step agree with gold: exact locations, their F1, retention, distances.

As ProcessBench scores (arXiv 2412.06559, section 4): a label is exact where it
names gold's step, or none where gold has none; a row that was not decided, or
has no label at all, is not exact. F1 is the harmonic mean of the exact share
of wrong and of right rows, by set, and then the plain mean of the sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

NONE = -1
"""The label of a solution without a wrong step."""
Labels = Mapping[str, int | None]
"""One labeller's label by id: the 0-based index of the first wrong step, NONE, or None where it is undecided."""
_Z = 1.959963984540054
LENGTHS = ((1, 1), (2, 5), (6, 7), (8, 20), (21, None))
"""Numbers of steps that are taken together, both ends included: short solutions have 2-5 steps, long ones 8-20."""


@dataclass(frozen=True, slots=True)
class Gold:
    """What is known of one solution."""

    id: str
    first_error: int
    """The 0-based index of its first wrong step, or NONE."""
    steps: int | None
    """How many steps it has; None where the gold does not say."""
    set: str
    source: str
    """File and line (or row) it was read from."""
    type: str | None = None
    """Of what type its mistake is; None where there is none or the gold does not say,"""
    taxonomy: str = ""
    """and of which taxonomy that is, by name; empty where the gold does not say."""
    wrong: tuple[bool | None, ...] = ()
    """Of every step whether it is wrong, None where that is open; empty where gold is the first wrong one alone."""


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @property
    def rate(self) -> float | None:
        """The share, 0 to 1; None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of Wilson; None of nothing."""
        return wilson(self.hits, self.of) if self.of else None


def compute_f1(wrong: Share, right: Share) -> float | None:
    """The harmonic mean of the exact shares of wrong and right rows; None where there are none of either."""
    a, b = wrong.rate, right.rate
    if a is None or b is None:
        return None
    return 2 * a * b / (a + b) if a + b else 0.0


@dataclass(frozen=True)
class Score:
    """One labeller against gold, on some rows."""

    wrong: Share
    """Exact labels among the rows that gold calls wrong: the recall of the location."""
    right: Share
    """Exact labels among the rows that gold calls right."""
    located: Share
    """Exact labels among those that name a step, whatever gold calls the row: the precision of the location."""
    kept_wrong: Share
    """Labels, steps or none, among the wrong rows: their retention."""
    kept_right: Share
    """Labels, steps or none, among the right rows."""
    distances: Mapping[int, int]
    """Of the wrong rows whose label names a step: how many lie so many steps after gold's (before it: below 0)."""
    absent: int
    """Rows that have no label because the labels have no such row; each counts as undecided."""

    @property
    def f1(self) -> float | None:
        """The harmonic mean of the exact shares; None where there are no wrong or no right rows."""
        return compute_f1(self.wrong, self.right)

    @property
    def kept(self) -> Share:
        """Labels among all rows: the retention."""
        return Share(self.kept_wrong.hits + self.kept_right.hits, self.kept_wrong.of + self.kept_right.of)

    @property
    def missed(self) -> int:
        """Wrong rows whose label says that no step is wrong."""
        return self.kept_wrong.hits - sum(self.distances.values())

    @property
    def alarms(self) -> int:
        """Right rows whose label names a step."""
        return self.kept_right.hits - self.right.hits


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of Wilson (1927) for a share.

    In closed form, not by `scipy.stats.binomtest`, which a test holds it to: `estimate` asks for an interval per step of
    each row, and scipy, which works a p-value out as well, takes two thousand times as long.

    Args:
        hits: Successes.
        of: Trials, at least one.

    Returns:
        The lower and the upper end, from 0 to 1.
    """
    share, square = hits / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of * of))
    # at the ends the formula is exactly 0 or 1, which rounding would miss
    return (0.0 if hits == 0 else middle - half, 1.0 if hits == of else middle + half)


def score(gold: Iterable[Gold], labels: Labels) -> Score:
    """Compare labels with gold; labels of rows that gold does not have are not looked at."""
    seen: Counter[str] = Counter()
    distances: Counter[int] = Counter()
    for row in gold:
        kind = "right" if row.first_error == NONE else "wrong"
        label = labels.get(row.id)
        exact = label == row.first_error
        seen.update(
            {kind: 1, f"exact {kind}": exact, f"kept {kind}": label is not None, "absent": row.id not in labels}
        )
        if label is not None and label != NONE:
            seen.update({"named": 1, "exact named": exact})
            if kind == "wrong":
                distances[label - row.first_error] += 1
    return Score(
        Share(seen["exact wrong"], seen["wrong"]),
        Share(seen["exact right"], seen["right"]),
        Share(seen["exact named"], seen["named"]),
        Share(seen["kept wrong"], seen["wrong"]),
        Share(seen["kept right"], seen["right"]),
        dict(sorted(distances.items())),
        seen["absent"],
    )


def score_groups(gold: Sequence[Gold], labels: Labels, group: Callable[[Gold], str]) -> dict[str, Score]:
    """The score of each group of rows, groups in the order of their first row."""
    groups: dict[str, list[Gold]] = {}
    for row in gold:
        groups.setdefault(group(row), []).append(row)
    return {name: score(rows, labels) for name, rows in groups.items()}


def average_f1(scores: Iterable[Score]) -> float | None:
    """The plain mean of the F1 of several sets, those left out that have none; None where all are."""
    values = [set_score.f1 for set_score in scores if set_score.f1 is not None]
    return sum(values) / len(values) if values else None


def name_length_range(row: Gold) -> str:
    """The range of LENGTHS that a row's number of steps lies in."""
    if row.steps is None:
        return "unknown"
    low, high = next((low, high) for low, high in LENGTHS if row.steps <= (high or row.steps))
    return f"{low}+ steps" if high is None else "1 step" if high == 1 else f"{low}-{high} steps"
