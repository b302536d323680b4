"""`release`: lays the rows of a corpus out in splits, by problem."""

from __future__ import annotations

from math import isclose

import polars as pl
from pydantic import Field, field_serializer, model_validator

from schemas.task import Parameters, Publication
from tasks.sources.content_ids import digest


class ReleaseParameters(Parameters):
    """Parameters of `release`."""

    splits: dict[str, float] = Field(
        {"train": 0.9, "validation": 0.05, "test": 0.05},
        min_length=1,
        description="The splits and the share of problems in each; the shares add up to 1.",
    )

    @field_serializer("splits")
    def _in_order(self, splits: dict[str, float]) -> list[tuple[str, float]]:
        """As pairs: which problem is in which split depends on their order, so the fingerprint must too."""
        return list(splits.items())

    @model_validator(mode="after")
    def _check_shares(self) -> ReleaseParameters:
        total = sum(self.splits.values())
        if not isclose(total, 1, abs_tol=1e-9) or any(share <= 0 for share in self.splits.values()):
            raise ValueError(f"the splits' shares must be above 0 and add up to 1, found {total:g} in all")
        if any(not name.isidentifier() for name in self.splits):
            raise ValueError(f"a split's name has letters, digits and _, found {list(self.splits)}")
        return self


def split_of(problem: str, seed: int, splits: dict[str, float]) -> str:
    """The split of a problem: its id and the seed choose a point between 0 and 1.

    Args:
        problem: The problem's id.
        seed: The recipe's seed.
        splits: The share of problems of each split, in their order.

    Returns:
        The split's name.

    """
    point = int(digest("split", str(seed), problem)[:13], 16) / 16**13
    for name, share in splits.items():
        point -= share
        if point < 0:
            return name
    return next(reversed(splits))


def assign_splits(part: pl.DataFrame, parameters: ReleaseParameters, seed: int) -> dict[str, pl.DataFrame]:
    """The rows of each split, in the order of the part; no problem is in two.

    Args:
        part: Rows of a view.
        parameters: The splits and the share of problems in each.
        seed: The recipe's seed.

    Returns:
        The rows by split; a split without rows has an empty frame.

    """
    chosen = {
        problem: split_of(problem, seed, parameters.splits)
        for problem in part["problem_id"].unique(maintain_order=True)
    }
    where = part["problem_id"].replace_strict(chosen, return_dtype=pl.String) if chosen else part["problem_id"]
    return {name: part.filter(where == name) for name in parameters.splits}


RELEASE = Publication(
    name="release",
    summary="Publishes the tables it is made from as an immutable version, each a view, split by problem.",
    version="1",
    parameters=ReleaseParameters,
    needs=("problem_id",),
    run=assign_splits,
)
