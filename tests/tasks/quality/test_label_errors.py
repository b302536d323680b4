"""`label-errors`: planted wrong labels are flagged, right ones are not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from cleanlab.count import compute_confident_joint, get_confident_thresholds
from cleanlab.filter import find_label_issues

from schemas.columns.quality import LABEL_COLUMNS
from schemas.contract import Column, Contract
from schemas.frames import check
from tasks.quality.label_errors import LABEL_ERRORS, LabelErrorsParameters, find_confident_errors, label_thresholds

KINDS = ["arithmetic", "misread", "logic", "unit"]


def flag_rows(table: pl.DataFrame, size: int = 1000, **parameters: Any) -> pl.DataFrame:
    given = LabelErrorsParameters(**{"given": "kind", "labels": ["x", "y"], **parameters})
    parts = [table[at : at + size] for at in range(0, table.height, size)]
    result = pl.concat(LABEL_ERRORS.run(parts, [], given, Path()))
    check(result.drop("key"), Contract("l", "", LABEL_COLUMNS, "none"), "test")
    return result


def planted(rows: int, wrong: float, noise: Sequence[float]) -> tuple[pl.DataFrame, pl.Series]:
    """A table in which a share of labels is wrong and each labeller errs now and then; and which labels are wrong."""
    chance = random.Random(1)
    truth = [chance.choices(KINDS, [6, 3, 2, 1])[0] for _ in range(rows)]

    def noisy(text: str, rate: float) -> str:
        return chance.choice([kind for kind in KINDS if kind != text]) if chance.random() < rate else text

    columns = {
        name: [noisy(item, rate) for item in truth] for name, rate in zip(("kind", "x", "y", "z"), (wrong, *noise))
    }
    table = pl.DataFrame({"id": [f"{i:05d}" for i in range(rows)], **columns})
    return table, table["kind"] != pl.Series(truth)


def test_planted_errors_are_flagged_and_few_others() -> None:
    table, wrong = planted(4000, 0.08, (0.1, 0.1, 0.15))
    result = flag_rows(table, labels=["x", "y", "z"])
    flagged = result["label_error"]
    assert int((flagged & wrong).sum()) > 0.9 * int(wrong.sum())
    assert int((flagged & wrong).sum()) > 0.85 * int(flagged.sum())
    assert result.filter(flagged)["label_quality"].mean() < 0.2 < 0.8 < result.filter(~flagged)["label_quality"].mean()  # type: ignore[operator]


def test_a_labeller_that_guesses_is_not_believed() -> None:
    table, wrong = planted(4000, 0.05, (0.05, 0.75, 0.75))
    flagged = flag_rows(table, labels=["x", "y", "z"])["label_error"]
    assert int((flagged & wrong).sum()) > 0.4 * int(flagged.sum())
    alone = pl.Series((table["y"] == table["z"]) & (table["y"] != table["kind"]) & (table["x"] == table["kind"]))
    assert not (flagged & alone & ~wrong).any()


def test_labels_in_lists_and_of_numbers_and_those_that_say_nothing() -> None:
    steps = pl.Series(
        [[2, 2], [2, None], [None, None], None, [], [2, 2], [-1, -1]] + [[i % 4, i % 4] for i in range(40)],
        dtype=pl.List(pl.Int64),
    )
    table = pl.DataFrame(
        {"id": range(47), "kind": [2, 2, 2, 2, 2, 0, None] + [i % 4 for i in range(40)], "labels": steps}
    )
    result = flag_rows(table.with_columns(pl.col("id").cast(pl.String)), labels="labels")
    assert result["label_error"][:7].to_list() == [False, False, None, None, None, True, None]
    assert result["likely_label"][:7].to_list() == ["2", "2", None, None, None, "2", "-1"]
    assert not result["label_error"][7:].any()


def test_undecided_says_nothing() -> None:
    table = pl.DataFrame(
        {"id": ["a", "b"], "kind": ["right", "wrong"], "x": ["undecided", "wrong"], "y": ["", "wrong"]}
    )
    assert flag_rows(table)["label_error"].to_list() == [None, False]
    assert flag_rows(table, nothing=[])["label_error"].null_count() == 0


def test_order_and_parts_do_not_matter() -> None:
    table, _ = planted(500, 0.1, (0.1, 0.2, 0.2))
    result, other = flag_rows(table), flag_rows(table.reverse(), size=77)
    assert result.equals(other.reverse())


def test_all_labels_the_same_or_none() -> None:
    table = pl.DataFrame({"id": ["a", "b"], "kind": ["x", "x"], "x": ["x", "x"], "y": ["x", None]})
    assert flag_rows(table)["label_error"].to_list() == [False, False]
    empty = pl.DataFrame(
        {"id": ["a"], "kind": [None], "x": [None], "y": [None]},
        schema=dict.fromkeys(("id", "kind", "x", "y"), pl.String),
    )
    assert flag_rows(empty)["label_error"].to_list() == [None]


@pytest.mark.parametrize(
    ("given", "labels", "expected"),
    [
        ("knd", ["x"], "given: the table has no column 'knd' of single labels; there are kind, x, many"),
        ("many", ["x"], "given: the table has no column 'many' of single labels"),
        ("kind", ["z"], "labels: the table has no column 'z'"),
        ("kind", ["kind"], "labels: 'kind' is the label that is questioned"),
    ],
)
def test_columns_that_do_not_fit_are_told(given: str, labels: list[str], expected: str) -> None:
    contract = Contract(
        "t", "", (Column("kind", "string", ""), Column("x", "string", ""), Column("many", "strings", "")), "kind"
    )
    (fault,) = LABEL_ERRORS.check(LabelErrorsParameters(given=given, labels=labels), contract)
    assert fault.startswith(expected)


@pytest.mark.parametrize("seed", range(20))
def test_confident_learning_is_that_of_cleanlab(seed: int) -> None:
    """Thresholds, the confident joint and the rows flagged, of random labels and probabilities; rows come many times."""
    chance = np.random.default_rng(seed)
    classes, rows = int(chance.integers(2, 6)), 200
    probable = chance.dirichlet(np.full(classes, 0.5), rows)
    given = np.array([chance.choice(classes, p=row) for row in probable])
    given[:classes] = range(classes)  # cleanlab wants each
    times = chance.integers(1, 5, rows)
    labels, likely = np.repeat(given, times), np.repeat(probable, times, axis=0)

    flagged, likeliest = find_confident_errors(given, probable, times.astype(np.float64))
    thresholds = label_thresholds(given, probable, times.astype(np.float64))
    joint, indices = compute_confident_joint(
        labels, likely, calibrate=False, return_indices_of_off_diagonals=True, multi_label=False
    )
    own = np.zeros((classes, classes), np.int64)
    sure = flagged | (probable[np.arange(rows), given] >= thresholds[given])
    np.add.at(own, (given[sure], np.where(flagged, likeliest, given)[sure]), times[sure])
    assert thresholds == pytest.approx(get_confident_thresholds(labels, likely))
    assert np.array_equal(own, joint)
    repeated = np.repeat(flagged, times)
    assert np.flatnonzero(repeated).tolist() == sorted(indices)
    # its filter spares those whose given label is the likeliest all the same
    issues = find_label_issues(labels, likely, filter_by="confident_learning", n_jobs=1)
    assert np.array_equal(issues, repeated & (likely.argmax(axis=1) != labels))
