"""Trials: a judge's forms and numbers of votes, each asked about the same rows, and how right each is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from flows.calibration.selftest import GOLD
from schemas.model_id import ModelId
from schemas.request import Reply, Request
from tasks.evaluation.score import Share
from tasks.localize.judge import JUDGE
from tasks.localize.judge_parameters import Form, JudgeParameters

Ask = Callable[[Sequence[Request]], Mapping[str, Reply]]
AS_IS = "as it is"


@dataclass(frozen=True)
class Trial:
    """One way to ask a judge."""

    name: str
    changes: Mapping[str, Any]
    """What of the table's parameters it changes."""


@dataclass(frozen=True)
class TrialResult:
    """What a trial came to."""

    trial: Trial
    wrong: Share
    """Of the wrong solutions those whose first wrong step is named."""
    right: Share
    """Of the right solutions those that are called right."""
    usable: Share
    """Of all solutions those that are labelled."""
    tokens: float
    """Tokens of the replies about a solution, the mean."""
    faults: Mapping[str, int]

    @property
    def rightness(self) -> float:
        """The harmonic mean of exact wrong and right ones, as ProcessBench's F1; of one kind alone its share."""
        wrong, right = self.wrong.rate, self.right.rate
        if wrong is None or right is None:
            return wrong or right or 0.0
        return 2 * wrong * right / (wrong + right) if wrong + right else 0.0


def list_trials(
    parameters: JudgeParameters, forms: Sequence[Form], votes: Sequence[int], columns: Sequence[str]
) -> list[Trial]:
    """The table as it is, then each form with each number of votes; none that shows what the rows lack.

    Args:
        parameters: The table's own.
        forms: The forms to try.
        votes: The numbers of votes; one is greedy.
        columns: The columns of the rows.

    Returns:
        The trials; likelihoods have no votes, one being as good as many.

    """
    trials = [Trial(AS_IS, {})]
    for form in forms:
        if form == "pairwise" and "reference" not in columns:
            continue
        for number in votes if form != "likelihood" else [1]:
            warm = {} if number == 1 else {"votes": number, "temperature": parameters.temperature or 0.7}
            greedy = {"votes": 1, "temperature": 0.0} if number == 1 else {}
            changes = {"form": form, "prompt": None, **warm, **greedy}
            trials.append(Trial(f"{form}, {number} vote{'s' if number > 1 else ''}", changes))
    return trials


def run_trial(
    trial: Trial, rows: pl.DataFrame, parameters: JudgeParameters, names: Mapping[str, ModelId], ask: Ask
) -> TrialResult:
    """Has the rows judged, and holds the labels against the gold."""
    conversation = JUDGE.ask(rows, parameters.model_copy(update=trial.changes), names)
    try:
        requests = next(conversation)
        while True:
            requests = conversation.send(ask(requests))
    except StopIteration as end:
        judged: pl.DataFrame = end.value.kept
    gold, label = judged[GOLD], judged["judge_first_error"]
    is_wrong, exact = gold >= 0, label.eq_missing(gold)
    faults = judged.filter(label.is_null())["judge_undecided"].value_counts(sort=True)
    return TrialResult(
        trial,
        Share(int((exact & is_wrong).sum()), int(is_wrong.sum())),
        Share(int((exact & ~is_wrong).sum()), int((~is_wrong).sum())),
        Share(judged.height - label.null_count(), judged.height),
        float(judged["judge_tokens"].sum()) / max(1, judged.height),
        dict(faults.iter_rows()),
    )


def choose_best(results: Sequence[TrialResult]) -> TrialResult:
    """The rightest, of equals the one of fewest tokens; the first of several."""
    return min(results, key=lambda result: (-round(result.rightness, 9), result.tokens))
