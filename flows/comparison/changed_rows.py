"""Rows of two releases as they are shown side by side: each side as the examples of a report are, cut to what a page can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from flows.comparison.changes import Changes
from flows.comparison.narrow_rows import KINDS, ReleasedRows
from flows.report.statistics.examples import Examples, estimate_size, make_example

EACH, BYTES = 8, 500_000
"""Rows of each kind of change in a page, and the bytes of all, at most."""
ORDER = ("flip", "fixed", "verdict_changed", "step_changed", "type_changed", "only_before", "only_after", "same")
"""Facts in the order in which rows are shown; each row has one of them."""
_LABELS = [f"{kind}_{side}" for kind in KINDS for side in ("before", "after")]
FACT_NAMES = {
    "changed": "changed", "flip": "flip", "fixed": "fixed", "verdict_changed": "verdict", "step_changed": "step", "type_changed": "type",
    "only_before": "before", "only_after": "after", "same": "same", "in_both": "both",
}  # fmt: skip
"""What the addresses of a page call the facts of a row."""


def choose_changed_rows(changes: Changes) -> list[dict[str, Any]]:
    """A few rows of each kind of change, those of rare transitions too, as many as there is room for."""
    kind = pl.coalesce(*(pl.when(pl.col(name)).then(pl.lit(i)) for i, name in enumerate(ORDER)))
    rows = changes.rows.with_columns(kind=kind)
    # the second of a transition comes after the first of all others: ids are hashes, so chance chooses
    rows = rows.with_columns(turn=pl.int_range(pl.len()).over("kind", *_LABELS)).sort("turn", "id")
    rows = rows.group_by("kind", maintain_order=True).head(EACH).sort("kind", "turn", "id")
    wide = [
        _fetch_rows(side, rows[column].drop_nulls().to_list())
        for side, column in ((changes.before, "before_key"), (changes.after, "after_key"))
    ]
    examples, room = [], BYTES
    for row in rows.to_dicts():
        example = make_changed_row(row, changes, wide[0].get(row["before_key"]), wide[1].get(row["after_key"]))
        room -= sum(estimate_size(side) for side in (example["before"], example["after"]) if side)
        if room < 0:
            break
        examples.append(example)
    return examples


def make_changed_row(
    row: Mapping[str, Any], changes: Changes, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What is shown of a row.

    Args:
        row: One of `Changes.rows`.
        changes: Those that it is of.
        before: The whole row of the earlier release; None where it has none.
        after: That of the later one, likewise.

    Returns:
        Its id, what became of it, its labels, and both sides as examples.

    """
    sides = {
        name: None if side is None else _make_side(side, released)
        for name, side, released in (("before", before, changes.before), ("after", after, changes.after))
    }
    whole = sides["after"] or sides["before"] or {}
    return {
        "id": whole["id"], "kinds": [name for fact, name in FACT_NAMES.items() if row[fact]], "rule": row["rule"],
        "same_solution": row["same_solution"], "model": row["model"], "model_before": row["model_before"], "set": row["set"],
        **{name: row[name] for name in _LABELS}, **sides,
    }  # fmt: skip


def _make_side(row: Mapping[str, Any], released: ReleasedRows) -> dict[str, Any]:
    kind = released.label("type")
    return make_example({**row, "kind": row.get(kind or "") or ""}, released.key)


def _fetch_rows(released: ReleasedRows, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Whole rows by their keys, of a table that is gone through once."""
    wanted = [name for name in released.source.columns if name in Examples(released.key).wants]
    found: dict[str, dict[str, Any]] = {}
    for part in released.source.read(wanted) if keys else ():
        rows = part.filter(pl.col(released.key).cast(pl.String).is_in(keys))
        found |= {str(row[released.key]): row for row in rows.to_dicts()}
    return found
