"""`label-errors`: which labels are probably wrong, given those of other labellers, by confident learning.

The probability of each label of a row comes from the other labellers alone,
each weighed by its accuracy (Dawid and Skene, 1979, with one accuracy for a
labeller, estimated by expectation maximisation). A label is flagged where
another is likelier than is usual for rows that bear it (Northcutt and others,
1911.00068). All that is computed from is how often each combination of labels
occurs, so that the rows may be any number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from schemas.columns.quality import LABEL_COLUMNS
from schemas.contract import Contract
from schemas.task import Files, OneOrMore, Parameters, Records, Rows, TaskError, WholeTable

SEPARATOR = "\x1f"
MISSING = "\x1e"
ROUNDS = 100
COMBINATIONS = 200_000
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class LabelErrorsParameters(Parameters):
    """Parameters of `label-errors`."""

    given: str = Field(
        min_length=1, description="The column with the label that is questioned: a verdict, a type, a first wrong step."
    )
    labels: OneOrMore[str] = Field(
        min_length=1,
        description="Columns with the labels of others; a list holds one of each labeller, in the same order in all rows.",
    )
    nothing: list[str] = Field(["undecided", ""], description="Labels that say nothing.")


def label_errors(
    table: Rows, _: Sequence[Rows | Records | Files], parameters: LabelErrorsParameters, __: Path
) -> Iterable[pl.DataFrame]:
    """The columns of `LABEL_COLUMNS`, of all rows.

    Args:
        table: The key and the labels, part by part; gone through twice.
        parameters: The questioned label and those of others.

    Yields:
        Frames of `key` and the columns, in the order of the table.

    Raises:
        TaskError: There are too many combinations of labels for counts of them to say anything.

    """
    counts: Counter[str] = Counter()
    for part in table:
        counts.update(dict(_combined(part, parameters).value_counts().iter_rows()))
        if len(counts) > COMBINATIONS:
            raise TaskError(
                f"labels: more than {COMBINATIONS:,} combinations of labels; name columns of verdicts, types or steps"
            )
    judged = _judge_combinations(counts)
    for part in table:
        keys = part.select(key=pl.nth(0), combination=_combined(part, parameters))
        yield keys.join(judged, on="combination", how="left", maintain_order="left").drop("combination")


def _combined(part: pl.DataFrame, parameters: LabelErrorsParameters) -> pl.Series:
    """The labels of each row in one text: the questioned one, then the others'."""

    def format_label(label: pl.Expr) -> pl.Expr:
        text = label.cast(pl.String)
        return pl.when(text.is_in(parameters.nothing)).then(None).otherwise(text).fill_null(MISSING)

    texts = [format_label(pl.col(parameters.given))]
    for name in parameters.labels:
        if isinstance(part.schema[name], pl.List):
            items = pl.col(name).list.eval(format_label(pl.element())).list.join(SEPARATOR)
            texts.append(pl.when(pl.col(name).list.len() > 0).then(items).otherwise(pl.lit(MISSING)).fill_null(MISSING))
        else:
            texts.append(format_label(pl.col(name)))
    return part.select(combination=pl.concat_str(texts, separator=SEPARATOR)).to_series()


def _judge_combinations(counts: Counter[str]) -> pl.DataFrame:
    """What is found of each combination of labels."""
    combinations = sorted(counts)
    split = [combination.split(SEPARATOR) for combination in combinations]
    weight = np.array([counts[combination] for combination in combinations], np.float64)
    classes = sorted({label for labels in split for label in labels if label != MISSING})
    number = {label: i for i, label in enumerate(classes)} | {MISSING: -1}
    wide = max((len(labels) for labels in split), default=1)
    votes = np.array(
        [[number[label] for label in labels] + [-1] * (wide - len(labels)) for labels in split], np.int64
    ).reshape(-1, wide)
    given, others = votes[:, 0], votes[:, 1:]
    probable = posterior(others, weight, len(classes))
    flagged, likely = find_confident_errors(given, probable, weight)
    silent = (others < 0).all(axis=1)
    quality = probable[np.arange(len(given)), np.maximum(given, 0)] if classes else np.zeros(len(given))
    names = pl.Series([classes[i] for i in likely] if classes else [None] * len(given), dtype=pl.String)
    spoken = pl.Series(~silent)
    compared = spoken & pl.Series(given >= 0)
    return pl.DataFrame({"combination": pl.Series(combinations, dtype=pl.String)}).with_columns(
        pl.when(compared).then(pl.Series(flagged)).alias("label_error"),
        pl.when(spoken).then(names).alias("likely_label"),
        pl.when(compared).then(pl.Series(quality)).alias("label_quality"),
    )


def posterior(votes: Ints, weight: Floats, classes: int) -> Floats:
    """The probability of each class for each row of votes (-1: none), shape (rows, classes)."""
    if not classes:
        return np.zeros((len(votes), 0))
    voted = votes >= 0
    hit = (votes[:, :, None] == np.arange(classes)) & voted[:, :, None]
    accuracy = np.full(votes.shape[1], 0.8)
    prior = np.full(classes, 1 / classes)
    for _ in range(ROUNDS):
        right, wrong = np.log(accuracy), np.log((1 - accuracy) / max(1, classes - 1))
        score = np.log(prior) + (np.where(hit, right[:, None], wrong[:, None]) * voted[:, :, None]).sum(axis=1)
        probable = np.exp(score - score.max(axis=1, keepdims=True))
        probable /= probable.sum(axis=1, keepdims=True)
        agreed = (hit * probable[:, None, :]).sum(axis=2)
        # four right and one wrong are added to each labeller's votes, and one to each class
        renewed = ((agreed * weight[:, None]).sum(axis=0) + 4) / ((voted * weight[:, None]).sum(axis=0) + 5)
        prior = ((probable * weight[:, None]).sum(axis=0) + 1) / (weight.sum() + classes)
        if np.abs(renewed - accuracy).max(initial=0) < 1e-9:
            break
        accuracy = np.minimum(renewed, 1 - 1e-6)
    return np.asarray(probable)


def label_thresholds(given: Ints, probable: Floats, weight: Floats) -> Floats:
    """How probable each label is on average where it is given; infinity where it never is.

    Args:
        given: The label of each row, -1 for none, shape (rows,).
        probable: The probability of each label, shape (rows, classes).
        weight: How often each row occurs.

    Returns:
        Shape (classes,).
    """
    classes = probable.shape[1]
    bearing = (given[:, None] == np.arange(classes)) * weight[:, None]
    total = bearing.sum(axis=0)
    return np.where(total > 0, (bearing * probable).sum(axis=0) / np.where(total > 0, total, 1), np.inf)


def find_confident_errors(given: Ints, probable: Floats, weight: Floats) -> tuple[NDArray[np.bool_], Ints]:
    """Whether the given label of each row is probably wrong, and the likeliest label: arguments as of `label_thresholds`."""
    if not probable.shape[1]:
        return np.zeros(len(given), bool), np.zeros(len(given), np.int64)
    sure = np.where(probable >= label_thresholds(given, probable, weight) - 1e-9, probable, -1)
    best = sure.argmax(axis=1)
    flagged = (given >= 0) & (sure.max(axis=1) >= 0) & (best != given)
    return flagged, np.where(flagged, best, probable.argmax(axis=1))


def _check(parameters: LabelErrorsParameters, contract: Contract) -> list[str]:
    kinds = {column.name: column.kind for column in contract.columns}
    faults = []
    if parameters.given not in kinds or kinds[parameters.given] in ("strings", "integers", "numbers"):
        faults.append(
            f"given: the table has no column '{parameters.given}' of single labels; there are {', '.join(kinds)}"
        )
    for name in parameters.labels:
        if name not in kinds:
            faults.append(f"labels: the table has no column '{name}'; there are {', '.join(kinds)}")
        elif name == parameters.given:
            faults.append(f"labels: '{name}' is the label that is questioned; name those of others")
    return faults


LABEL_ERRORS = WholeTable(
    name="label-errors",
    summary="Adds whether a label is probably wrong, given those of other labellers (confident learning), and the likelier one.",
    version="1",
    parameters=LabelErrorsParameters,
    needs=("source",),  # which every table has: any will do
    makes=lambda _, contract: contract.having(*LABEL_COLUMNS),
    check=_check,
    reads=lambda parameters, _: (parameters.given, *parameters.labels),
    run=label_errors,
)
