"""`estimate`: finds the first wrong step by rollouts from a solution's prefixes.

Sources: Math-Shepherd (arXiv 2312.08935), OmegaPRM (arXiv 2406.06592), and for
the consensus of judge and rollouts Lessons of Developing PRMs (arXiv 2501.07301).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from schemas.columns.labels import ACTIVE_COLUMN, ESTIMATE_COLUMNS, ESTIMATE_LABEL, JUDGE_COLUMNS
from schemas.contract import Column, Contract
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Reply, Request
from schemas.task import Asking, Conversation, Fit, Outcome
from tasks.evaluation.score import wilson
from tasks.llm.read_channels import find_obstacle
from tasks.localize import search
from tasks.localize.active.conversation import SEARCHED_COLUMNS, SearchedRow, open_asker, search_rows, search_table
from tasks.localize.active.outcome import REASONS
from tasks.localize.active.votes import merge_votes
from tasks.localize.estimate_parameters import EstimateParameters, FittedEstimateParameters, check_estimate
from tasks.localize.rollout_budget import Prior, RolloutRule, Seen, fit_prior
from tasks.localize.rollout_counts import START, RolloutTally, Search
from tasks.localize.rollout_rounds import Asker, Rounds, Row, count_rollouts, open_row, request_next, run_searches
from tasks.verify.task import VERSION as VERIFIER

HARDLY = "the completer hardly ever succeeds from before the step"
"""Why a step through which no rollout succeeds is not called wrong."""
NEEDS = ("solution_id", "question", "options", "answer", "rationale", "steps", "verdict")
PILOT_ROLLOUTS = 8
"""Rollouts from each prefix that the pilot of `auto` asks for."""


def estimate(part: pl.DataFrame, rules: EstimateParameters, names: Mapping[str, ModelId]) -> Conversation:
    """Adds the estimate's columns to each solution; rejects nothing: what cannot be estimated is undecided.

    Args:
        part: Solutions with their steps and gold answers; for `witness` with a judge's label.
        rules: The model, the method, and the number of rollouts.
        names: How requests name each model of the recipe.

    Yields:
        The requests of a round, for all rows that still need rollouts.

    Returns:
        All rows with the rollouts of each prefix that was tested, and the label: a step counted from 0, -1 for none, null where it is undecided.

    """
    asker, rows = open_asker(rules, names), _rows(part, rules)
    if rules.method == "active":
        answered = yield from search_rows(list(rows.values()), rules, names, asker)
        return _add_columns(part, [_describe_searched(*pair, answered, rules) for pair in _pair(part, rows)], rules)
    prior = (yield from _pilot(rows.values(), rules, asker)) if rules.rollouts == "auto" else None
    rule = prior.rule(rules.precision) if prior else None
    searched = {i: row for i, row in rows.items() if not row.tally.right or rules.label == "soft"}
    methods = ((row, partial(_search, row, rules, rule)) for row in searched.values())
    soft, sound = rules.label == "soft", _count_sound(rules)
    yield from _roll_out(
        ((row, search.search_soundly(row.tally, method, sound, soft)) for row, method in methods), asker
    )
    how = _how(rules, prior, rule)
    return _add_columns(part, [_columns(*pair, how, rules) for pair in _pair(part, rows)], rules)


def _roll_out(searches: Iterable[tuple[Row, Search]], asker: Asker) -> Rounds:
    """Carry searches of solutions on to their ends."""
    return run_searches(searches, partial(request_next, asker=asker), partial(count_rollouts, asker=asker))


def _pair(part: pl.DataFrame, rows: Mapping[int, Row]) -> Iterator[tuple[Mapping[str, Any], Row | None]]:
    """The values of each solution, and what was asked about it."""
    return ((values, rows.get(i)) for i, values in enumerate(part.iter_rows(named=True)))


def _add_columns(part: pl.DataFrame, added: Sequence[Mapping[str, Any]], rules: EstimateParameters) -> Outcome:
    schema = to_polars_schema(Contract("estimates", "", _added(rules), ""))
    return Outcome(part.drop(schema, strict=False).hstack(pl.DataFrame(added, schema=schema)), part.clear())


def _describe_searched(
    values: Mapping[str, Any], row: Row | None, searched: Mapping[str, SearchedRow], rules: EstimateParameters
) -> dict[str, Any]:
    """The columns of a solution of which the search, and all that it knows, says where it goes wrong."""
    mine = searched[values["solution_id"]] if row else None
    if row:
        for prefix in row.tally.prefixes:
            row.tally.close(prefix, _count_sound(rules))
    columns = _columns(values, row, _how_searched(rules), rules)
    judged = merge_votes(values, mine.cast if mine else ()) if rules.judge else {}
    if not mine or row is None or row.tally.right:
        return {**columns, **judged, ACTIVE_COLUMN.name: None}
    outcome = mine.outcome
    label = outcome.first_error if outcome.state == "sure" else None
    labels = {"estimate_first_error": label, "estimate_undecided": REASONS.get(outcome.state)}
    return {**columns, **judged, **labels, ACTIVE_COLUMN.name: outcome.probability}


def _rows(part: pl.DataFrame, rules: EstimateParameters) -> dict[int, Row]:
    """The solutions with a verdict, by their number in the part."""
    opened = ((i, open_row(values, rules.prompt, rules.of)) for i, values in enumerate(part.iter_rows(named=True)))
    return {i: row for i, row in opened if row}


def _count_sound(rules: EstimateParameters) -> int:
    """Decided rollouts from before a step that say whether failures behind it mean anything."""
    return PILOT_ROLLOUTS if rules.rollouts == "auto" else rules.rollouts


def _search(row: Row, rules: EstimateParameters, rule: RolloutRule | None) -> Search:
    assert isinstance(rules.rollouts, int) or rule is not None
    if rules.method == "witness":
        before, through = rule or (int(rules.rollouts), int(rules.rollouts))
        return search.search_witness(row.tally, row.values["judge_first_error"], before, through)
    return search.METHODS[rules.method](row.tally, int(rules.rollouts), rules.label == "soft")


def _pilot(
    rows: Iterable[Row], rules: EstimateParameters, asker: Asker
) -> Generator[Sequence[Request], Mapping[str, Reply], Prior]:
    """What the first wrong rows whose judge names a middle step tell of p, q and the judge; the ledger answers them again."""
    pilot = []
    for row in rows:
        judged = row.values["judge_first_error"]
        if not row.tally.right and judged is not None and 0 < judged < len(row.tally.prefixes) - 1:
            around = [row.tally.prefixes[judged - 1], row.tally.prefixes[judged], row.tally.prefixes[-1]]
            pilot.append(Row(row.values, row.messages, RolloutTally(around, False), spent=row.spent))
        if len(pilot) == rules.pilot:
            break
    yield from _roll_out(((row, search.search_every_step(row.tally, PILOT_ROLLOUTS, True)) for row in pilot), asker)
    counts = [
        [Seen(row.tally.count(p, True), row.tally.count(p, False)) for p in row.tally.prefixes[:2]] for row in pilot
    ]
    spent = [tokens for row in pilot for tokens in row.spent.values()]
    before = [(row.values.get("judge_tokens") or 0) + (row.values.get("tokens") or 0) for row in pilot]
    sunk = sum(before) / len(pilot) / max(1.0, sum(spent) / len(spent)) if spent else 0.0
    return fit_prior([(before, through) for before, through in counts], sunk)


def _how(rules: EstimateParameters, prior: Prior | None, rule: RolloutRule | None) -> str:
    """How the labels were made, for people."""
    if rule is not None:
        return (
            f"{rules.method} for precision {rules.precision:g}: {rule.before} before, {rule.through} through; {prior}"
        )
    return f"{rules.method}, {rules.rollouts} rollouts, {rules.label} label"


def _how_searched(rules: EstimateParameters) -> str:
    """How the search went, for people."""
    budget = f", a budget of {rules.budget:,} tokens" if rules.budget else ""
    rounds = f"; {rules.rounds} rounds" if isinstance(rules, FittedEstimateParameters) else ""
    return f"active until {rules.certainty:g}, at most {rules.rollouts} rollouts a prefix{budget}{rounds}"


def _columns(values: Mapping[str, Any], row: Row | None, how: str, rules: EstimateParameters) -> dict[str, Any]:
    """The columns that are added to one solution; `row` is None where its verdict is undecided, or it is not read."""
    if row is None:
        empty = {name: [0] * len(values["steps"]) for name in ("tried", "succeeded", "unclear")}
        unknown = {name: [None] * len(values["steps"]) for name in ("hard", "soft", "soft_low", "soft_high")}
        counts = dict.fromkeys(("start_tried", "start_succeeded", "reused", "rollouts", "rollout_tokens"), 0)
        why_not = "verdict undecided" if values["verdict"] == "undecided" else find_obstacle(values, rules.of)
        nothing = {"estimate_first_error": None, "estimate_undecided": why_not, "estimated_by": how}
        return {**nothing, **empty, **unknown, **counts}
    tally = row.tally
    why = _find_reason(values, tally, rules)
    return {
        "estimate_first_error": tally.first_error if why is None else None,
        "estimate_undecided": why,
        "estimated_by": how,
        "tried": [tally.count_decided(prefix) for prefix in tally.prefixes],
        "succeeded": [tally.count(prefix, True) for prefix in tally.prefixes],
        "unclear": [tally.count(prefix, None) for prefix in tally.prefixes],
        "hard": tally.hard,
        **_share_columns(tally, rules),
        "start_tried": tally.count_decided(START),
        "start_succeeded": tally.count(START, True),
        "reused": sum(rollout.reused for prefix in tally.prefixes[:-1] for rollout in tally.rollouts.get(prefix, ())),
        "rollouts": len(row.spent),
        "rollout_tokens": sum(row.spent.values()),
    }


def _share_columns(tally: RolloutTally, rules: EstimateParameters) -> dict[str, list[float | None]]:
    """The share of each prefix's rollouts that succeeded, with Wilson's interval, where there is one."""
    # A count that was stopped at its first success is no share: of such tries only the first is an unbiased estimate
    # (Girshick, Mosteller and Savage, Ann. Math. Statist. 17, 1946). From the end of a solution nothing goes on: its
    # share is its verdict.
    shares: list[tuple[float | None, float | None, float | None]] = []
    for prefix in tally.prefixes[:-1]:
        tried, succeeded = tally.count_decided(prefix), tally.count(prefix, True)
        known = rules.label == "soft" and isinstance(rules.rollouts, int) and tried >= rules.rollouts
        shares.append((succeeded / tried, *wilson(succeeded, tried)) if known else (None, None, None))
    end = float(tally.right) if rules.label == "soft" else None
    shares.append((end, end, end))
    return {name: [share[i] for share in shares] for i, name in enumerate(("soft", "soft_low", "soft_high"))}


def _find_reason(values: Mapping[str, Any], tally: RolloutTally, rules: EstimateParameters) -> str | None:
    """Why there is no label; None where there is one."""
    if tally.right:
        return None
    if (before := tally.before_error) is not None:
        solves = tally.solves(before, _count_sound(rules))
        return None if solves else "rollouts undecided" if solves is None else HARDLY
    following = tally.prefixes[tally.reached + 1]
    if tally.count_all(following) > tally.count_decided(following):
        return "rollouts undecided"
    if rules.method != "witness":
        return "search ended before"
    judged = values.get("judge_first_error")
    if judged is None:
        return "judge undecided"
    if judged < 0:
        return "judge names no step"
    if tally.reached >= judged:
        return "a rollout through the judge's step succeeds"
    return "no rollout before the judge's step succeeds"


def _added(rules: EstimateParameters) -> tuple[Any, ...]:
    return tuple(_loosen_shares(column, rules) for column in _list_added(rules))


def _loosen_shares(column: Column, rules: EstimateParameters) -> Column:
    """A column as it is where not every step has a share: what reads shares is told so when a build is planned."""
    whole = rules.label == "soft" and rules.method == "every-step"
    return replace(column, nullable=True) if column.name.startswith("soft") and not whole else column


def _list_added(rules: EstimateParameters) -> tuple[Column, ...]:
    if rules.method == "active":
        return (*ESTIMATE_COLUMNS, ACTIVE_COLUMN, *(JUDGE_COLUMNS if rules.judge else ()))
    return ESTIMATE_COLUMNS


def _bound_search(rules: EstimateParameters, rows: pl.DataFrame, times: float) -> dict[str, float]:
    """Tokens that the method active asks of each model at most."""
    if rules.method != "active":
        return {}
    assert isinstance(rules.rollouts, int)
    wrong = rows.filter(pl.col("verdict") == "wrong")
    bounds = {rules.model: float(wrong["steps"].list.len().sum()) * rules.rollouts * rules.max_tokens}
    if judge := rules.judge:
        for model in judge.models:
            bounds[model] = bounds.get(model, 0.0) + rows.height * judge.votes * judge.max_tokens
    return {model: min(tokens * times, rules.budget or tokens * times) for model, tokens in bounds.items()}


def _make_search(rules: EstimateParameters) -> Fit[EstimateParameters] | None:
    """The search all over a table, where the method is one."""
    return (
        Fit(search_table, columns=(*NEEDS, *SEARCHED_COLUMNS), record=FittedEstimateParameters)
        if rules.method == "active"
        else None
    )


ESTIMATE = Asking(
    name="estimate",
    summary="Finds the first wrong step by rollouts: every step, step after step, by halves, around the judges' step, or where it pays.",
    version=f"6 verify {VERIFIER}",  # another verifier gives other labels
    parameters=EstimateParameters,
    needs=NEEDS,
    makes=lambda rules, given: given.having(*_added(rules)),
    check=check_estimate,
    models=EstimateParameters.list_models,
    ask=estimate,
    fit=_make_search,
    rows_per_row=lambda _: 1,
    continues=lambda rules: [rules.model],
    bound=_bound_search,
    labels=(ESTIMATE_LABEL,),
)
