"""`inject`: makes wrong solutions from right ones, with a known first wrong step and a known type of mistake.

Rules make them, or models that are told the type and write one step anew: what
follows from it is worked out by rules, or the model goes on from there. They
are the free test set of whoever finds and names mistakes. Nothing is kept that the answer checker does
not call wrong, and nothing that changes more than it must or gives itself away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from random import Random
from typing import Any

import polars as pl

from schemas.columns.gold import GOLD_COLUMNS
from schemas.columns.labels import INJECT_COLUMNS
from schemas.columns.problems import THINKING_COLUMNS, VERDICT_COLUMNS
from schemas.contract import DETAIL, REASON, Contract
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId as Model
from schemas.task import Asking, Conversation, Outcome
from tasks.inject.filters import LEAKS, WORDS, find_rejection, find_rejection_of_continuation
from tasks.inject.parameters import InjectParameters, check_parameters, list_edit_types
from tasks.inject.propagate import Injected, inject_mistake
from tasks.inject.rewriting import find_places, rewrite_solutions
from tasks.sources.content_ids import digest, identify_solution
from tasks.verify.math_verify.pool import compared
from tasks.verify.task import JUDGED, NEEDED, judge_rows
from tasks.verify.task import VERSION as CHECKER

THINKING = [column.name for column in THINKING_COLUMNS]
VERDICT = to_polars_schema(Contract("verdicts", "", VERDICT_COLUMNS, ""))
ADDED = to_polars_schema(Contract("injections", "", INJECT_COLUMNS, ""))
CHANGED = ("solution_id", "text", "rationale", "steps", *VERDICT)
NOT_RIGHT, NOT_PLAIN, NO_EDIT = "not a right solution", "steps are not the text", "no edit makes it wrong"
NO_PLACE = "no step from which rules are certain what follows"
STILL_RIGHT, UNDECIDED, OTHERWISE = "still right", "undecided", "gives the answer otherwise"
Row = Mapping[str, Any]


def inject(part: pl.DataFrame, rules: InjectParameters, names: Mapping[str, Model]) -> Conversation:
    """The solutions of a part, made wrong; those of which that cannot be done are rejected with the reason.

    Models are asked in rounds: again about those whose rewriting was not kept.

    Args:
        part: Right solutions with their steps.
        rules: The types to make, by which rules and models, and how much of a text may change.
        names: How requests name each model of the recipe.

    Yields:
        The requests of a round; none where rules make all mistakes.

    Returns:
        Solutions whose first wrong step (`injected_at`, counted from 0) and type are known.

    """
    rows = part.to_dicts()
    results: list[dict[str, Any] | str] = [_find_obstacle(row) for row in rows]
    waiting = [i for i, why in enumerate(results) if not why]
    if not rules.models:
        _verify_injections(rows, {i: _inject_by_rule(rows[i], rules) for i in waiting}, results, rules)
    else:
        for i in waiting:
            results[i] = "" if find_places(rows[i], rules) else NO_PLACE
        waiting = [i for i in waiting if not results[i]]
    for attempt in range(rules.attempts if rules.models else 0):
        if not waiting:
            break
        injected = yield from rewrite_solutions({i: rows[i] for i in waiting}, rules, names, attempt)
        _verify_injections(rows, injected, results, rules)
        waiting = [i for i in waiting if isinstance(results[i], str)]
    return _make_outcome(part, results)


def _find_obstacle(row: Row) -> str:
    """Why nothing can be made of a row; empty where something may be."""
    if row["verdict"] != "right":
        return NOT_RIGHT
    if not row["steps"] or row["text"] != row["rationale"] or _find_gaps(row["text"], row["steps"]) is None:
        return NOT_PLAIN
    return WORDS if LEAKS.search(row["text"]) else ""


def _inject_by_rule(row: Row, rules: InjectParameters) -> Injected | str:
    random = Random(digest("inject", str(rules.seed), row["solution_id"]))  # noqa: S311
    answer = row["answer"].replace(",", "").strip()
    if not re.fullmatch(r"\d{1,12}", answer):
        return NO_EDIT
    return inject_mistake(row["question"], row["steps"], Fraction(answer), list_edit_types(rules), random) or NO_EDIT


def _verify_injections(
    rows: Sequence[Row],
    injected: Mapping[int, Injected | str],
    results: list[dict[str, Any] | str],
    rules: InjectParameters,
) -> None:
    """Put in what was made of rows where it can be kept, and why not elsewhere."""
    fitting: dict[int, tuple[Injected, str]] = {}
    for i, injection in injected.items():
        if isinstance(injection, str):
            results[i] = injection
        elif why := _find_rejection(rows[i], injection, rules):
            results[i] = why
        else:
            fitting[i] = injection, injection.text or _write_text(rows[i], injection)
    needed = [{name: rows[i][name] for name in NEEDED} | {"text": text, "rationale": text} for i, (_, text) in fitting.items()]  # fmt: skip
    frame = pl.DataFrame(needed, schema_overrides={"options": pl.List(pl.String), "stated": pl.String})
    judged = judge_rows(frame, "auto", compared, JUDGED).to_dicts() if needed else []
    for (i, (injection, text)), verdict in zip(fitting.items(), judged):
        results[i] = _make_columns(rows[i], injection, text, verdict, rules)


def _find_rejection(row: Row, injection: Injected, rules: InjectParameters) -> str:
    """Why what was made of a row is not kept; empty where it may be."""
    if injection.text is not None:
        return find_rejection_of_continuation(row["steps"], injection.steps, injection.at)
    return find_rejection(row["steps"], injection.steps, injection.at, rules.most_changed)


def _make_columns(
    row: Row, injection: Injected, text: str, verdict: Row, rules: InjectParameters
) -> dict[str, Any] | str:
    """What becomes of a row: its new columns, or why nothing does."""
    if verdict["verdict"] != "wrong":
        return STILL_RIGHT if verdict["verdict"] == "right" else f"{UNDECIDED}: {verdict['undecided']}"
    if verdict["extracted_by"] != row["extracted_by"]:
        return OTHERWISE
    about = {
        "injected_taxonomy": rules.taxonomy.id,
        "injected_from": row["solution_id"],
        "injected_original": row["steps"],
    }
    if Random(digest("share", str(rules.seed), row["solution_id"])).random() >= rules.share:  # noqa: S311
        nothing = dict.fromkeys(("injected_type", "injected_by", "injected_edit", "injected_cause"))
        return {name: row[name] for name in CHANGED} | about | nothing | {"injected_at": -1}
    key = identify_solution(row["problem_id"], row["model"], row["sampling"], row["sample"], text)
    columns = {"injected_at": injection.at, "injected_type": injection.type, "injected_by": injection.by}
    columns |= {"injected_edit": injection.edit, "injected_cause": injection.cause}
    new = {"solution_id": key, "text": text, "rationale": text, "steps": list(injection.steps)}
    return new | dict(verdict) | about | columns


def _find_gaps(text: str, steps: Sequence[str]) -> list[str] | None:
    """What stands before, between and behind a text's steps; None where they do not stand in it one after the other."""
    gaps, at = [], 0
    for step in steps:
        start = text.find(step, at)
        if start < 0:
            return None
        gaps.append(text[at:start])
        at = start + len(step)
    return [*gaps, text[at:]]


def _write_text(row: Row, injection: Injected) -> str:
    """The solution with other steps; between them stands what stood there before."""
    gaps = _find_gaps(row["text"], row["steps"])
    assert gaps is not None
    if len(injection.steps) < len(row["steps"]):
        del gaps[injection.at + 1 if injection.at < len(injection.steps) else injection.at]
    elif len(injection.steps) > len(row["steps"]):
        gaps.insert(max(1, injection.at), gaps[1] if len(gaps) > 2 else "\n")
    return "".join(gap + step for gap, step in zip(gaps, injection.steps)) + gaps[-1]


def _make_outcome(part: pl.DataFrame, results: Sequence[dict[str, Any] | str]) -> Outcome:
    good = pl.Series([not isinstance(result, str) for result in results], dtype=pl.Boolean)
    new = pl.DataFrame(
        [result for result in results if not isinstance(result, str)],
        schema={**{name: part.schema[name] for name in CHANGED}, **ADDED},
    )
    kept = part.filter(good).drop(ADDED, strict=False).with_columns(new[name] for name in CHANGED)
    rejected = part.filter(~good).with_columns(
        pl.Series(REASON.name, [result for result in results if isinstance(result, str)], dtype=pl.String),
        pl.lit(None, pl.String).alias(DETAIL.name),
    )
    # the thoughts led to the solution as it was, and to none that was made of it
    own = pl.col("injected_at") < 0
    thoughts = [pl.when(own).then(name).alias(name) for name in THINKING if name in part.columns]
    return Outcome(kept.hstack(new.select(ADDED.names())).with_columns(thoughts), rejected)


INJECT = Asking(
    name="inject",
    summary="Makes wrong solutions from right ones, with a known first wrong step and type of mistake, by rules or by models.",
    version=f"12 verify {CHECKER}",
    parameters=InjectParameters,
    needs=("solution_id", "problem_id", "question", "options", "answer", "model", "sampling", "sample", "text", "rationale", "stated", "steps", "verdict", "undecided", "extracted_by"),
    makes=lambda _, contract: contract.without(*GOLD_COLUMNS).having(*INJECT_COLUMNS),
    check=check_parameters,
    models=lambda parameters: parameters.models,
    ask=inject,
    rows_per_row=lambda _: 1,
    continues=lambda parameters: parameters.models if parameters.rest != "rules" else (),
)  # fmt: skip
