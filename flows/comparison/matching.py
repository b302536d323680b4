"""Which rows of two releases belong together: those of one id, else those of one problem, model and sample.

A rule matches a row only where exactly one is left on either side that it
fits, so that chance decides nothing. Rows of a model that is in one release
alone meet those of the model that stands for it in the other: another revision
of the same name, or the only one that is left on each side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

RULES = (
    ("id", ("key",)),
    ("problem, model, sampling and sample", ("problem", "model", "sampling", "sample")),
    ("problem, sampling and sample, of the other model", ("problem", "partner", "sampling", "sample")),
    ("problem and sample, of the other model", ("problem", "partner", "sample")),
    ("problem alone", ("problem", "partner")),
)
"""What two rows must have in common, the surest first."""


@dataclass(frozen=True)
class Matching:
    """The rows of two releases, each once: beside its partner, or alone."""

    rows: pl.DataFrame
    """`before_key`, `after_key` (null where there is none) and `rule`, by which they belong together."""
    models: tuple[tuple[str, str], ...]
    """Models that stand for each other: the one before, the one after."""


def match_rows(before: pl.DataFrame, after: pl.DataFrame) -> Matching:
    """Match the rows of two releases.

    Args:
        before: Rows with a `key` that none has twice, and those of `problem`, `model`, `sampling` and `sample` that they have.
        after: Those of the other release, likewise.

    Returns:
        Every row of both, once.

    """
    models = pair_models(*(side["model"].unique() if "model" in side.columns else [] for side in (before, after)))
    old = _name_partners(before, after, dict(models))
    new = _name_partners(after, before, {name: name for _, name in models})
    matched = []
    for rule, columns in RULES:
        if not all(name in side.columns for side in (old, new) for name in columns):
            continue
        found = _join_unique(old, new, columns).with_columns(rule=pl.lit(rule))
        matched.append(found)
        old = old.join(found, left_on="key", right_on="before_key", how="anti")
        new = new.join(found, left_on="key", right_on="after_key", how="anti")
    alone = [old.select(before_key="key"), new.select(after_key="key")]
    return Matching(pl.concat([*matched, *alone], how="diagonal_relaxed"), models)


def pair_models(before: Iterable[str], after: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The models of which only one release has rows, each with the one that stands for it in the other.

    Args:
        before: The models of a release, as `name@revision` or `name`.
        after: Those of the other.

    Returns:
        Pairs of the one before and the one after: of the same name where each release has one of it; the last on either
        side belong together, too. None of others.

    """
    common = set(before) & set(after)
    old, new = sorted(set(before) - common), sorted(set(after) - common)
    names = [Counter(model.partition("@")[0] for model in side) for side in (old, new)]
    pairs = [
        (a, b)
        for a in old
        for b in new
        if (name := a.partition("@")[0]) == b.partition("@")[0] and names[0][name] == names[1][name] == 1
    ]
    rest = [[model for model in side if not any(model in pair for pair in pairs)] for side in (old, new)]
    return (*pairs, (rest[0][0], rest[1][0])) if len(rest[0]) == len(rest[1]) == 1 else tuple(pairs)


def _name_partners(rows: pl.DataFrame, others: pl.DataFrame, partners: dict[str, str]) -> pl.DataFrame:
    """Rows with the model that stands for theirs, null where none does; of rows without models any problem's may belong together."""
    if "model" not in rows.columns or "model" not in others.columns:
        return rows.with_columns(partner=pl.lit(""))
    return rows.with_columns(
        partner=pl.col("model").replace_strict(partners, default=None, return_dtype=pl.String)
        if partners
        else pl.lit(None, pl.String)
    )


def _join_unique(old: pl.DataFrame, new: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """The rows that have these values in common with exactly one of the other side, and share them with none of their own."""
    sides = [
        side.drop_nulls(columns)
        .filter(pl.struct(columns).is_unique() if len(columns) > 1 else pl.col(columns[0]).is_unique())
        .select(*[pl.col(name).alias(f"on_{name}") for name in columns], pl.col("key").alias(key))
        for side, key in ((old, "before_key"), (new, "after_key"))
    ]
    return sides[0].join(sides[1], on=[f"on_{name}" for name in columns]).select("before_key", "after_key")
