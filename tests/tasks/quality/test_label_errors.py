"""`label-errors`: planted wrong labels are flagged, right ones are not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from cleanlab.count import get_confident_thresholds
from cleanlab.filter import find_label_issues

from schemas.columns.quality import LABEL_COLUMNS
from schemas.contract import Column, Contract
from schemas.frames import check
from tasks.quality.label_errors import (
    LABEL_ERRORS,
    LabelErrorsParameters,
    find_confident_errors,
    fit_accuracy,
    label_thresholds,
    posterior,
)

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


def test_a_labeller_is_one_voice_however_often_it_votes() -> None:
    """Five votes of a judge that is right in 70 % do not outvote a labeller that is right in 95 %."""
    table, wrong = planted(4000, 0.04, (0.05, 0.3))
    copies = [pl.col("y").alias(f"y{i}") for i in range(4)]
    votes = table.with_columns(*copies).with_columns(votes=pl.concat_list("y", *(f"y{i}" for i in range(4))))
    single = flag_rows(table, labels=["x", "y"])
    names = ["m@1 #0", "m@1 #1", "m@1 #2", "m@1 #3", "n@1 #0"]
    as_judges = votes.with_columns(
        judges=pl.lit(names), judge_labels=pl.concat_list("y", "y", "y", "y", "x")
    )  # fmt: skip
    for result in (
        flag_rows(votes, labels=["x", "y", "y0", "y1", "y2", "y3"]),
        flag_rows(votes, labels=["x", "votes"]),
        flag_rows(as_judges, labels=["judge_labels"]),
    ):
        assert result.equals(single)
    flagged = single["label_error"]
    assert int((flagged & wrong).sum()) >= 0.6 * int(wrong.sum())
    assert int((flagged & wrong).sum()) >= 0.5 * int(flagged.sum())


def test_a_labeller_whose_votes_are_divided_says_nothing() -> None:
    votes = [["arithmetic", "misread"], ["arithmetic", "misread", "misread"], ["logic", None]] + [
        [kind] for kind in KINDS * 10
    ]
    table = pl.DataFrame({"id": [f"{i:02d}" for i in range(43)], "kind": ["arithmetic"] * 3 + KINDS * 10, "x": votes})
    assert flag_rows(table, labels="x")["likely_label"][:3].to_list() == [None, "misread", "logic"]


def test_labellers_that_only_mostly_agree_are_two() -> None:
    table, _ = planted(2000, 0.1, (0.02, 0.02))
    both, alone = flag_rows(table), flag_rows(table, labels="x")
    assert float(both["label_quality"].max()) > float(alone["label_quality"].max())  # type: ignore[arg-type]


@pytest.mark.parametrize("part", range(8))
def test_flags_are_those_of_cleanlab(part: int) -> None:
    """Of 400 random tables, fifty in each part: of any classes, labellers, shares of wrong and of missing labels."""
    flags, tables = 0, 0
    for seed in range(part * 50, part * 50 + 50):
        chance = np.random.default_rng(seed)
        classes, labellers, rows = int(chance.integers(2, 6)), int(chance.integers(1, 5)), int(chance.integers(60, 300))
        truth = chance.choice(classes, rows, p=chance.dirichlet(np.full(classes, 2.0)))
        truth[:classes] = range(classes)
        rates = chance.uniform(0.02, 0.6, labellers + 1)
        noisy = [np.where(chance.random(rows) < rate, chance.integers(0, classes, rows), truth) for rate in rates]
        noisy[0][:classes] = range(classes)  # cleanlab wants each
        missing = chance.random((labellers, rows)) < chance.uniform(0, 0.4)
        columns = {f"x{i}": pl.Series(noisy[i + 1]).set(pl.Series(missing[i]), None) for i in range(labellers)}
        table = pl.DataFrame({"id": range(rows), "kind": noisy[0], **columns}).with_columns(
            pl.col("id").cast(pl.String)
        )
        result = flag_rows(table, labels=list(columns))

        votes = np.stack([np.where(missing[i], -1, noisy[i + 1]) for i in range(labellers)], axis=1)
        spoken = (votes >= 0).any(axis=1)
        labels, votes = noisy[0][spoken], votes[spoken]
        accuracy, prior = fit_accuracy(np.column_stack([labels, votes]), np.ones(len(votes)), classes)
        probable = posterior(votes, accuracy[1:], prior)
        if len(np.unique(labels)) < classes:
            continue
        tables += 1
        issues = find_label_issues(labels, probable, filter_by="confident_learning", n_jobs=1)
        assert np.array_equal(issues, result["label_error"].to_numpy()[spoken].astype(bool)), f"seed {seed}"
        assert result["label_error"].is_null().to_numpy().tolist() == (~spoken).tolist()
        likeliest = probable[np.arange(len(labels)), labels] >= probable.max(axis=1)
        assert not issues[likeliest].any()
        flags += int(issues.sum())
    assert flags > 50 and tables > 45


@pytest.mark.parametrize("seed", range(20))
def test_confident_learning_is_that_of_cleanlab(seed: int) -> None:
    """Thresholds and the rows flagged, of random labels and probabilities; rows come many times."""
    chance = np.random.default_rng(seed)
    classes, rows = int(chance.integers(2, 6)), 200
    probable = chance.dirichlet(np.full(classes, 0.5), rows)
    given = np.array([chance.choice(classes, p=row) for row in probable])
    given[:classes] = range(classes)  # cleanlab wants each
    times = chance.integers(1, 5, rows)
    labels, likely = np.repeat(given, times), np.repeat(probable, times, axis=0)

    flagged, likeliest = find_confident_errors(given, probable, times.astype(np.float64))
    thresholds = label_thresholds(given, probable, times.astype(np.float64))
    assert thresholds == pytest.approx(get_confident_thresholds(labels, likely))
    assert (likeliest[flagged] != given[flagged]).all()
    issues = find_label_issues(labels, likely, filter_by="confident_learning", n_jobs=1)
    assert np.array_equal(issues, np.repeat(flagged, times))
