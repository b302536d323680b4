"""`label-errors`: which labels are probably wrong, given those of other labellers, by confident learning.

The probability of each label of a row comes from the other labellers alone,
each weighed by its accuracy (Dawid and Skene, 1979, with one accuracy for a
labeller, estimated by expectation maximisation over their labels and the
questioned one). A labeller is one voice, however often it votes and under how
many names: its votes are counted before, and labellers that always say the same
are taken for one. A label is flagged where another is the likeliest, and
likelier than is usual for rows that bear it (Northcutt and others, 1911.00068).
All that is computed from is how often each combination of labels occurs, so
that the rows may be any number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from schemas.columns.labels import AGREE_LABEL, CLASSIFY_LABEL, JUDGE_LABEL
from schemas.columns.quality import LABEL_COLUMNS
from schemas.contract import Contract
from schemas.task import Files, OneOrMore, Parameters, Records, Rows, TaskError
from schemas.whole_table import Aggregate, Cut, WholeTable
from tasks.smallest_hashes import add_up

SEPARATOR = "\x1f"
OF = "\x1d"
"""Between a voice and its label."""
MISSING = "\x1e"
ROUNDS = 100
COMBINATIONS = 200_000
ALIKE, TOGETHER = 0.995, 20
"""Labellers that say the same in this share of the rows that both label, of so many at least, are one voice."""
RATERS = {label.votes.values: label.votes.raters for label in (JUDGE_LABEL, AGREE_LABEL, CLASSIFY_LABEL) if label.votes}
"""By the name of a column of votes that of the column which says whose each is."""
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class LabelErrorsParameters(Parameters):
    """Parameters of `label-errors`."""

    given: str = Field(
        min_length=1, description="The column with the label that is questioned: a verdict, a type, a first wrong step."
    )
    labels: OneOrMore[str] = Field(
        min_length=1,
        description="Columns with the labels of others, each of another labeller; a list holds the votes of one, or of those "
        "that `judges`, `labellers` or `classifiers` name.",
    )
    nothing: list[str] = Field(["undecided", ""], description="Labels that say nothing.")


def label_errors(
    table: Rows, beside: Sequence[Rows | Records | Files], parameters: LabelErrorsParameters, _: Path
) -> Iterable[pl.DataFrame]:
    """The columns of `LABEL_COLUMNS`, of all rows.

    Args:
        table: The key and the labels, part by part.
        beside: What is found of each combination of labels.
        parameters: The questioned label and those of others.

    Yields:
        Frames of `key` and the columns, in the order of the table.

    """
    (judged,) = cast(Rows, beside[-1])
    for part in table:
        keys = part.select(key=pl.nth(0), combination=_combined(part, parameters))
        yield keys.join(judged, on="combination", how="left", maintain_order="left").drop("combination")


def _count(table: Rows, parameters: LabelErrorsParameters, _: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """How often each combination of labels occurs."""
    counts = (_combined(part, parameters).alias("combination").value_counts(name="n") for part in table)
    return _add([_NO_COUNTS, *counts])


def _judge(summaries: Rows, _: LabelErrorsParameters, __: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return _judge_combinations(dict(_add(summaries).iter_rows()))


_NO_COUNTS = pl.DataFrame(schema={"combination": pl.String(), "n": pl.Int64()})


def _add(counts: Rows) -> pl.DataFrame:
    """Counts added up; `TaskError` where there are too many combinations of labels for them to say anything."""
    total = add_up(counts, ["combination"])
    if total.height > COMBINATIONS:
        raise TaskError(
            f"labels: more than {COMBINATIONS:,} combinations of labels; name columns of verdicts, types or steps"
        )
    return total


def _combined(part: pl.DataFrame, parameters: LabelErrorsParameters) -> pl.Series:
    """The labels of each row in one text: the questioned one, then each voice and its label, by the voices' names."""
    votes = [_list_votes(part, name, parameters) for name in parameters.labels]
    spoken = (
        pl.concat(votes)
        .drop_nulls()
        .group_by("row", "voice")
        .agg(pl.col("label").mode())
        .filter(pl.col("label").list.len() == 1)  # a labeller whose votes are divided says nothing
        .select("row", text=pl.col("voice") + OF + pl.col("label").list.first())
        .group_by("row")
        .agg(pl.col("text").sort().str.join(SEPARATOR))
    )
    given = part.select(given=_format_label(pl.col(parameters.given), parameters).fill_null(MISSING)).with_row_index(
        "row"
    )
    return given.join(spoken, on="row", how="left", maintain_order="left").select(
        combination=pl.concat_str("given", "text", separator=SEPARATOR, ignore_nulls=True)
    )["combination"]


def _format_label(label: pl.Expr, parameters: LabelErrorsParameters) -> pl.Expr:
    """A label as text; null where it says nothing."""
    text = label.cast(pl.String)
    return pl.when(text.is_in(parameters.nothing)).then(None).otherwise(text)


def _list_votes(part: pl.DataFrame, name: str, parameters: LabelErrorsParameters) -> pl.DataFrame:
    """The votes of a column: `row`, `voice` and `label`; the voice is the model of a rater, else the column."""
    rows = part.select(row=pl.int_range(pl.len(), dtype=pl.UInt32), label=pl.col(name))
    raters = RATERS.get(name, "")
    if isinstance(part.schema[name], pl.List):
        if raters in part.columns:
            rows = rows.with_columns(voice=part[raters]).explode("label", "voice")
            rows = rows.with_columns(pl.col("voice").str.replace(r" #[^#]*$", ""))
        else:
            rows = rows.explode("label")
    voice = pl.col("voice") if "voice" in rows.columns else pl.lit(name)
    return rows.select("row", voice=voice, label=_format_label(pl.col("label"), parameters))


def _judge_combinations(counts: Mapping[str, int]) -> pl.DataFrame:
    """What is found of each combination of labels."""
    combinations = sorted(counts)
    split = [combination.split(SEPARATOR) for combination in combinations]
    spoken = [dict(vote.split(OF, 1) for vote in labels[1:]) for labels in split]
    weight = np.array([counts[combination] for combination in combinations], np.float64)
    classes = sorted({label for labels in spoken for label in labels.values()} | {row[0] for row in split} - {MISSING})
    number = {label: i for i, label in enumerate(classes)} | {MISSING: -1}
    voices = sorted({voice for labels in spoken for voice in labels})
    given = np.array([number[labels[0]] for labels in split], np.int64)
    votes = [[number[labels.get(voice, MISSING)] for voice in voices] for labels in spoken]
    others = merge_copies(np.array(votes, np.int64).reshape(len(votes), len(voices)), weight)
    silent = (others < 0).all(axis=1)
    accuracy, prior = fit_accuracy(np.column_stack([given, others]), weight * ~silent, len(classes))
    probable = posterior(others, accuracy[1:], prior)
    flagged, likely = find_confident_errors(given, probable, weight * ~silent)
    quality = probable[np.arange(len(given)), np.maximum(given, 0)] if classes else np.zeros(len(given))
    names = pl.Series([classes[i] for i in likely] if classes else [None] * len(given), dtype=pl.String)
    speaks = pl.Series(~silent)
    compared = speaks & pl.Series(given >= 0)
    return pl.DataFrame({"combination": pl.Series(combinations, dtype=pl.String)}).with_columns(
        pl.when(compared).then(pl.Series(flagged)).alias("label_error"),
        pl.when(speaks).then(names).alias("likely_label"),
        pl.when(compared).then(pl.Series(quality)).alias("label_quality"),
    )


def merge_copies(votes: Ints, weight: Floats) -> Ints:
    """The votes with labellers that always say the same as one (the label on which they agree, where they do).

    Args:
        votes: The class that each labeller names, -1 for none, shape (rows, labellers).
        weight: How often each row occurs.

    Returns:
        Shape (rows, voices), each in the place of the first of its labellers.

    """
    merged: list[Ints] = []
    for column in votes.T:
        for i, voice in enumerate(merged):
            both = (voice >= 0) & (column >= 0)
            together = weight[both].sum()
            if together >= TOGETHER and weight[both & (voice == column)].sum() >= ALIKE * together:
                merged[i] = np.where(both & (voice != column), -1, np.maximum(voice, column))
                break
        else:
            merged.append(column)
    return np.stack(merged, axis=1) if merged else votes


def fit_accuracy(votes: Ints, weight: Floats, classes: int) -> tuple[Floats, Floats]:
    """How often each labeller is right and how frequent each class is, by expectation maximisation.

    Args:
        votes: The class that each labeller names, -1 for none, shape (rows, labellers).
        weight: How often each row occurs.
        classes: How many there are.

    Returns:
        Shapes (labellers,) and (classes,).

    """
    voted = votes >= 0
    accuracy = np.full(votes.shape[1], 0.8)
    prior = np.full(classes, 1 / max(1, classes))
    for _ in range(ROUNDS):
        probable = posterior(votes, accuracy, prior)
        right = np.take_along_axis(probable, np.maximum(votes, 0), axis=1) * voted if classes else probable
        # four right and one wrong are added to each labeller's votes, and one to each class
        renewed = ((right * weight[:, None]).sum(axis=0) + 4) / ((voted * weight[:, None]).sum(axis=0) + 5)
        prior = ((probable * weight[:, None]).sum(axis=0) + 1) / (weight.sum() + classes)
        renewed = np.minimum(renewed, 1 - 1e-6)
        if np.abs(renewed - accuracy).max(initial=0) < 1e-9:
            break
        accuracy = renewed
    return accuracy, prior


def posterior(votes: Ints, accuracy: Floats, prior: Floats) -> Floats:
    """The probability of each class for each row of votes (-1: none), shape (rows, classes).

    Args:
        votes: The class that each labeller names, shape (rows, labellers).
        accuracy: How often each is right, shape (labellers,).
        prior: How frequent each class is, shape (classes,).

    Returns:
        Probabilities that sum to 1 in each row.

    """
    classes = len(prior)
    if not classes:
        return np.zeros((len(votes), 0))
    right, wrong = np.log(accuracy), np.log((1 - accuracy) / max(1, classes - 1))
    hit = votes[:, :, None] == np.arange(classes)
    score = np.log(prior) + (np.where(hit, right[:, None], wrong[:, None]) * (votes >= 0)[:, :, None]).sum(axis=1)
    probable = np.exp(score - score.max(axis=1, keepdims=True))
    return np.asarray(probable / probable.sum(axis=1, keepdims=True))


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
    """Whether the given label of each row is probably wrong, and the likeliest label.

    A row is flagged where, of the classes that are as probable as is usual for
    them, another than the given one is the most probable; never where none is
    more probable than the given one.

    Args:
        given: The label of each row, -1 for none, shape (rows,).
        probable: The probability of each label, shape (rows, classes).
        weight: How often each row occurs.

    Returns:
        Both of shape (rows,).

    """
    if not probable.shape[1]:
        return np.zeros(len(given), bool), np.zeros(len(given), np.int64)
    sure = np.where(probable >= label_thresholds(given, probable, weight) - 1e-9, probable, -1)
    best = sure.argmax(axis=1)
    own = probable[np.arange(len(given)), np.maximum(given, 0)]
    flagged = (given >= 0) & (sure.max(axis=1) >= 0) & (best != given) & (own < probable.max(axis=1) - 1e-9)
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


def _list_columns(parameters: LabelErrorsParameters, contract: Contract) -> Sequence[str]:
    """The labels, and whose each vote is where the table says so."""
    there = {column.name for column in contract.columns}
    raters = [RATERS[name] for name in parameters.labels if RATERS.get(name) in there]
    return list(dict.fromkeys((parameters.given, *parameters.labels, *raters)))


LABEL_ERRORS = WholeTable(
    name="label-errors",
    summary="Adds whether a label is probably wrong, given those of other labellers (confident learning), and the likelier one.",
    version="2",
    parameters=LabelErrorsParameters,
    needs=("source",),  # which every table has: any will do
    makes=lambda _, contract: contract.having(*LABEL_COLUMNS),
    check=_check,
    reads=_list_columns,
    aggregates=lambda _: [Aggregate(_count, _judge)],
    cut=lambda _: Cut(),
    decide=label_errors,
)
