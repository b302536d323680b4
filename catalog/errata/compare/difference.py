"""What differs between two releases: rows by their ids, labels with old and new, columns, distributions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from ..release.find import Release
from .row_fingerprints import SPLIT, ColumnSummary, ViewDigest, digest_rows, find_key, read_frames

EXAMPLES = 10
"""Rows named for each kind of change, at most."""


@dataclass(frozen=True)
class Relabelled:
    """One change of a label, and how many rows it befell."""

    column: str
    before: str
    after: str
    rows: int


@dataclass(frozen=True)
class Shift:
    """How a distribution moved."""

    what: str
    """The column, or its length."""
    before: dict[str, int]
    after: dict[str, int]
    distance: float
    """Total variation: the share of rows that would have to move, from 0 to 1."""


@dataclass
class ViewDifference:
    """What differs in one view."""

    view: str
    before: int
    """Rows."""
    after: int
    added: int = 0
    removed: int = 0
    changed: int = 0
    kept: int = 0
    """Rows that are the same in both, in the same split."""
    columns_added: list[str] = field(default_factory=list)
    columns_removed: list[str] = field(default_factory=list)
    columns_retyped: list[tuple[str, str, str]] = field(default_factory=list)
    """Column, type before, type after."""
    changed_by_column: dict[str, int] = field(default_factory=dict)
    relabelled: list[Relabelled] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    examples: dict[str, list[str]] = field(default_factory=dict)
    """Ids of some rows added, removed and changed."""

    @property
    def same(self) -> bool:
        """Whether every row and column is as it was."""
        return not (
            self.added or self.removed or self.changed
            or self.columns_added or self.columns_removed or self.columns_retyped
        )  # fmt: skip


@dataclass
class Difference:
    """What differs between two releases."""

    before: str
    after: str
    views: list[ViewDifference]
    views_added: list[str]
    views_removed: list[str]

    @property
    def removes(self) -> bool:
        """Whether something that was there is gone or is not as it was."""
        return bool(self.views_removed) or any(
            view.removed or view.changed or view.columns_removed or view.columns_retyped for view in self.views
        )

    @property
    def adds(self) -> bool:
        """Whether something is there that was not."""
        return bool(self.views_added) or any(view.added or view.columns_added for view in self.views)

    def as_json(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {**asdict(self), "adds": self.adds, "removes": self.removes}


def compare_releases(before: Release, after: Release) -> Difference:
    """What differs between two releases."""
    common = [view for view in before.views if view in after.views]
    return Difference(
        before.name,
        after.name,
        [_skip_same_files(before, after, view) or _read(before, after, view) for view in common],
        [view for view in after.views if view not in common],
        [view for view in before.views if view not in common],
    )


def _read(before: Release, after: Release, view: str) -> ViewDifference:
    """The difference of a view, from its rows; those of both releases are gone through side by side."""
    with ThreadPoolExecutor(2) as pool:
        return compare_views(
            view,
            *pool.map(
                lambda release: digest_rows(read_frames(release, view), find_key(release, view)), (before, after)
            ),
        )


def _skip_same_files(before: Release, after: Release, view: str) -> ViewDifference | None:
    """The difference of a view whose files are the same, which need not be read."""

    def known(release: Release) -> list[tuple[str, str]]:
        return [(file["split"], file["sha256"]) for file in release.files(view)]

    if known(before) != known(after):
        return None
    rows = sum(file["rows"] for file in before.files(view))
    return ViewDifference(view, rows, rows, kept=rows)


def compare_views(view: str, before: ViewDigest, after: ViewDigest) -> ViewDifference:
    """What differs in a view, from its two digests."""
    result = ViewDifference(view, before.rows.height, after.rows.height)
    common = [name for name in before.columns if name in after.columns]
    result.columns_added = [name for name in after.columns if name not in common]
    result.columns_removed = [name for name in before.columns if name not in common]
    kinds = {name: (before.columns[name].kind, after.columns[name].kind) for name in common}
    result.columns_retyped = [
        (name, *kind) for name, kind in kinds.items() if kind[0] != kind[1] and before.rows.height and after.rows.height
    ]
    _compare_rows(result, before, after, [name for name in common if name in before.rows and name in after.rows])
    result.shifts = _list_shifts(before, after, common)
    return result


def _compare_rows(result: ViewDifference, before: ViewDigest, after: ViewDigest, common: Sequence[str]) -> None:
    """Count the rows added, removed and changed, and what changed in them."""
    import polars as pl

    old, new = (_number_repeats(digest.rows) for digest in (before, after))
    gone, come = (a.join(b, on="\0key", how="anti")["\0key"] for a, b in ((old, new), (new, old)))
    both = old.select("\0key", *common).join(new.select("\0key", *common), on="\0key", suffix="\0new")
    differs = {name: both[name] != both[f"{name}\0new"] for name in common}
    changed = pl.Series([False], dtype=pl.Boolean).new_from_index(0, both.height)
    for name, differing in differs.items():
        changed = changed | differing
        if count := int(differing.sum()):
            result.changed_by_column[name] = count
            result.relabelled += _list_relabelled(name, both.filter(differing), before, after)
    result.added, result.removed, result.changed = come.len(), gone.len(), int(changed.sum())
    result.kept = both.height - result.changed
    named = {"added": come, "removed": gone, "changed": both["\0key"].filter(changed)}
    result.examples = {change: ids.sort().head(EXAMPLES).to_list() for change, ids in named.items() if ids.len()}


def _number_repeats(rows: Any) -> Any:
    """Rows whose keys differ: of equal ones, the second bears a number."""
    import polars as pl

    if rows["\0key"].is_duplicated().any():
        number = pl.int_range(pl.len()).over("\0key")
        again = pl.col("\0key") + "#" + number.cast(pl.String)
        rows = rows.with_columns(pl.when(number > 0).then(again).otherwise(pl.col("\0key")).alias("\0key"))
    return rows


def _list_relabelled(name: str, rows: Any, before: ViewDigest, after: ViewDigest) -> list[Relabelled]:
    """The changes of a column's labels, the most frequent first; none where it holds no labels."""
    olds, news = before.columns[name].labels, after.columns[name].labels
    if olds is None or news is None:
        return []
    pairs = rows.group_by(name, f"{name}\0new").len().iter_rows()
    result = [Relabelled(name, olds[old], news[new], count) for old, new, count in pairs]
    return sorted(result, key=lambda label: (-label.rows, label.before, label.after))


def _list_shifts(before: ViewDigest, after: ViewDigest, common: Sequence[str]) -> list[Shift]:
    """The distributions that moved, most first."""
    shifts = []
    for name in common:
        old, new = before.columns[name], after.columns[name]
        unit = "items" if "list" in old.kind else "bytes"
        if _is_repetitive(old) and _is_repetitive(new):
            shifts.append(_measure_shift(name, old.counts, new.counts))
        shifts.append(_measure_shift(f"{name}, {unit}", old.lengths, new.lengths))
    return sorted(
        (shift for shift in shifts if shift.distance > 0),
        key=lambda shift: (-shift.distance, shift.what != SPLIT, shift.what),
    )


def _is_repetitive(column: ColumnSummary) -> bool:
    """Whether a column's values come again and again, so that how they are distributed says something."""
    return column.labels is not None and len(column.counts) <= max(4, column.counts.total() // 5)


def _measure_shift(name: str, before: Mapping[str, int], after: Mapping[str, int]) -> Shift:
    old, new = max(1, sum(before.values())), max(1, sum(after.values()))
    keys = before.keys() | after.keys()
    distance = sum(abs(before.get(key, 0) / old - after.get(key, 0) / new) for key in keys) / 2
    return Shift(name, dict(Counter(before).most_common()), dict(Counter(after).most_common()), round(distance, 6))
