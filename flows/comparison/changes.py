"""What became of rows and labels between two releases: counts, transitions, and answers that were right and are wrong now.

Source: MUSCLE (arXiv 2407.09435, section 3) for negative flips; the interval is
the percentile bootstrap over problems (Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from flows.comparison.matching import Matching, match_rows
from flows.comparison.narrow_rows import CONTENT, KINDS, ComparisonError, ReleasedRows, read_narrow
from flows.report.statistics.examples import NAME, shorten
from schemas.labels import LabelKind
from tasks.evaluation.score import wilson

FACTS = (
    "in_both",
    "changed",
    "same",
    "only_before",
    "only_after",
    "flip",
    "fixed",
    *(f"{kind}_changed" for kind in KINDS),
)
"""The columns of `Changes.rows` that are true or false."""
NAMES = 200
"""Models and sets, those of most rows, that a page offers to filter by."""
_RESAMPLES = 2000


@dataclass(frozen=True)
class Changes:
    """The rows of two releases, each pair and each row alone once, with what became of its labels."""

    before: ReleasedRows
    after: ReleasedRows
    rows: pl.DataFrame
    """`id`, `before_key`, `after_key`, `row_before`, `row_after` (their numbers in the views), `rule`, `model`, `set`, `problem`, `same_solution`, each label as `verdict_before`
    and so on, and `FACTS`. Ordered by id."""
    models: tuple[tuple[str, str], ...]
    by_question: bool
    """Whether problems were told apart by their text."""
    share: float
    """The share of the problems that was looked at."""

    @property
    def matched(self) -> int:
        """Rows that are in both."""
        return int(self.rows["in_both"].sum())


def compare_rows(before: ReleasedRows, after: ReleasedRows, most: int | None = None) -> Changes:
    """Compare the rows of two releases.

    Args:
        before: Those of the earlier one.
        after: Those of the later one.
        most: About so many rows of both together are looked at: those of a share of the problems; else all.

    Returns:
        Every row of both, once.

    Raises:
        ComparisonError: No row of one belongs to a row of the other.

    """
    total = before.source.rows + after.source.rows
    share = 1.0 if most is None or total <= most else most / total
    common = set(before.source.columns) & set(after.source.columns)
    content = next((name for name in CONTENT if name in common), None)
    for by_question in (False, True):
        old, new = (read_narrow(side, content, by_question, share) for side in (before, after))
        matching = match_rows(old, new)
        if matching.rows["rule"].drop_nulls().len() or "question" not in common:
            break
    if not matching.rows["rule"].drop_nulls().len():
        raise ComparisonError(
            f"{after.release} and {before.release} have no row in common: {new.height:,} of {after.source.name} and {old.height:,} of "
            f"{before.source.name}, by id, by problem, model and sample, and by the problem's text; compare releases about the same problems"
        )
    return Changes(before, after, _join_labels(matching, old, new), matching.models, by_question, share)


def _join_labels(matching: Matching, old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """The matched rows with the labels of both sides, and what changed."""
    kept = ("row", "model", "set", "problem", "content", *KINDS)
    rows = matching.rows
    for side, key, name in ((old, "before_key", "before"), (new, "after_key", "after")):
        labels = {f"{column}_{name}": side[column] if column in side.columns else None for column in kept}
        rows = rows.join(side.select(pl.col("key").alias(key), **labels), on=key, how="left", maintain_order="none")
    both = pl.col("before_key").is_not_null() & pl.col("after_key").is_not_null()
    rows = rows.with_columns(
        id=pl.coalesce("after_key", "before_key"), in_both=both,
        only_before=pl.col("after_key").is_null(), only_after=pl.col("before_key").is_null(),
        **{name: pl.coalesce(f"{name}_after", f"{name}_before") for name in ("model", "set", "problem")},
        same_solution=pl.col("content_before") == pl.col("content_after"),
        **{f"{kind}_changed": both & (pl.col(f"{kind}_before") != pl.col(f"{kind}_after")).fill_null(False) for kind in KINDS},
        **{
            name: both & (pl.col("verdict_before") == was).fill_null(False) & (pl.col("verdict_after") == now).fill_null(False)
            for name, was, now in (("flip", "right", "wrong"), ("fixed", "wrong", "right"))
        },
    )  # fmt: skip
    changed = pl.any_horizontal(*(f"{kind}_changed" for kind in KINDS))
    rows = rows.with_columns(changed=changed).with_columns(same=pl.col("in_both") & ~pl.col("changed"))
    names = [f"{kind}_{side}" for kind in KINDS for side in ("before", "after")]
    shown = {name: _shorten_values(rows[name]) for name in ("model", "set", "model_before", *names)}
    columns = [
        "id",
        "before_key",
        "after_key",
        "row_before",
        "row_after",
        "rule",
        "model",
        "set",
        "problem",
        "same_solution",
        "model_before",
    ]
    return rows.with_columns(**shown).select(*columns, *names, *FACTS).sort("id")


def _shorten_values(values: pl.Series) -> pl.Series:
    """Values as a page shows them, each looked at once."""
    if values.dtype != pl.String:
        return values.cast(pl.String)
    names = {value: shorten(value, NAME) for value in values.drop_nulls().unique()}
    return values.replace_strict(names, return_dtype=pl.String) if names else values


def summarize_changes(changes: Changes) -> dict[str, Any]:
    """What a report says of the changes, but for the rows themselves: counts, transitions of labels, negative flips."""
    rows = changes.rows
    counts = {name: int(rows[name].sum()) for name in FACTS}
    both = rows.filter("in_both")
    rules = both["rule"].value_counts().sort("count", "rule", descending=[True, False]).rows()
    same = both["same_solution"]
    return {
        "before": changes.before.release, "after": changes.after.release, "view": changes.after.source.name,
        "rows_before": counts["in_both"] + counts["only_before"], "rows_after": counts["in_both"] + counts["only_after"],
        "counts": counts, "rules": [list(rule) for rule in rules], "by_question": changes.by_question,
        "models": [[shorten(name, NAME) for name in pair] for pair in changes.models], "share": changes.share,
        "same_solutions": None if same.null_count() else int(same.sum()),
        "values": {name: rows[name].drop_nulls().value_counts().sort("count", name, descending=[True, False])[name].head(NAMES).sort().to_list() for name in ("model", "set")},
        "labels": {kind: _count_transitions(changes, kind) for kind in KINDS},
        "flips": measure_flips(both) if "right" in set(both["verdict_before"].drop_nulls().unique()) else None,
    }  # fmt: skip


def _count_transitions(changes: Changes, kind: LabelKind) -> dict[str, Any] | None:
    """Rows by their label before and now, null on the side that lacks the row; None where not both releases have the label."""
    columns = [changes.before.label(kind), changes.after.label(kind)]
    if None in columns:
        return None
    names = [f"{kind}_before", f"{kind}_after"]
    cells = changes.rows.group_by(names).len().sort("len", *names, descending=[True, False, False], nulls_last=True)
    return {"columns": columns, "changed": int(changes.rows[f"{kind}_changed"].sum()), "cells": [list(cell) for cell in cells.rows()]}  # fmt: skip


def measure_flips(both: pl.DataFrame) -> dict[str, Any] | None:
    """How many of the answers that were right are wrong now.

    Args:
        both: Rows that are in both releases: `verdict_before`, `verdict_after`, `flip` and `problem`.

    Returns:
        `could`: the rows that were right and are decided now, of `problems`; `flips` of them; `share` and its 95 %
        `interval`, by drawing whole problems. None where nothing could flip.

    """
    could = both.filter((pl.col("verdict_before") == "right") & pl.col("verdict_after").is_in(["right", "wrong"]))
    if could.is_empty():
        return None
    problems = could.group_by("problem").agg(could=pl.len(), flips=pl.col("flip").sum())
    kinds = problems.group_by("could", "flips").len().sort("could", "flips")
    flips = int(could["flip"].sum())
    interval = _draw_interval(kinds["could"].to_list(), kinds["flips"].to_list(), kinds["len"].to_list())
    if flips in (0, could.height):
        interval = wilson(flips * problems.height // could.height, problems.height)
    return {
        "could": could.height, "flips": flips, "problems": problems.height, "share": flips / could.height,
        "interval": [round(end, 6) for end in interval],
    }  # fmt: skip


def _draw_interval(could: Sequence[int], flips: Sequence[int], problems: Sequence[int]) -> tuple[float, float]:
    """The interval of a share, drawing problems anew; those alike are drawn together, which is the same and soon done."""
    of = np.array(problems)
    drawn = np.random.default_rng(0).multinomial(int(of.sum()), of / of.sum(), size=_RESAMPLES)
    shares = (drawn @ np.array(flips)) / (drawn @ np.array(could))
    low, high = np.percentile(shares, (2.5, 97.5))
    return float(low), float(high)
