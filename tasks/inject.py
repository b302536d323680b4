"""`inject`: makes wrong solutions from right ones, with a known first wrong step and a known kind of mistake.

They are the free test set of whoever finds and names mistakes. Nothing is kept
that did not become wrong: the answer is another one, and one edit says why.
"""

from __future__ import annotations

import re
from fractions import Fraction
from random import Random
from typing import Any

import polars as pl
from pydantic import Field

from schemas.contract import DETAIL, REASON, Contract
from schemas.forms import polars_schema
from schemas.labels import INJECT_COLUMNS
from schemas.tables import VERDICT_COLUMNS
from schemas.task import Outcome, Parameters, PerPart
from tasks.classification.injection import KINDS, Injected, Kind, injected
from tasks.identity import digest, solution_id

ADDED = polars_schema(Contract("injections", "", INJECT_COLUMNS, ""))
NOT_RIGHT, NO_EDIT, NOT_PLAIN = "not a right solution", "no edit makes it wrong", "steps are not the text"
_LEAKS = re.compile(
    r"\b(?:mistak\w*|incorrect\w*|wrong\w*|errors?|erroneous\w*|correction|actually|oops|wait|let me (?:check|re\w+))\b",
    re.IGNORECASE,
)


class InjectParameters(Parameters):
    """What `inject` is told."""

    kinds: list[Kind] = Field(
        list(KINDS),
        min_length=1,
        description="The kinds of mistakes, of the taxonomy `abacus`, each as often as it can be made.",
    )
    share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="The share of solutions that are made wrong; the others are kept right, as `injected_at` -1.",
    )
    most_changed: int = Field(
        12, ge=1, le=1_000, description="Characters that the one edit may replace or write, at most."
    )
    seed: int = Field(0, ge=0, description="Another seed makes other mistakes.")


def inject(part: pl.DataFrame, rules: InjectParameters) -> Outcome:
    """The solutions of a part, made wrong; those of which that cannot be done are rejected with the reason."""
    made: list[dict[str, Any] | str] = [_made(row, rules) for row in part.to_dicts()]
    good = pl.Series([not isinstance(one, str) for one in made], dtype=pl.Boolean)
    new = [one for one in made if not isinstance(one, str)]
    stale = [*(column.name for column in VERDICT_COLUMNS), *ADDED]
    kept = part.filter(good).drop(stale, strict=False)
    changed = ("solution_id", "text", "rationale", "steps")
    schema = {**{name: part.schema[name] for name in changed}, **ADDED}
    told = pl.DataFrame(new, schema=schema, orient="row")
    kept = kept.with_columns(told[name] for name in changed).hstack(told.select(ADDED.names()))
    rejected = part.filter(~good).with_columns(
        pl.Series(REASON.name, [one for one in made if isinstance(one, str)], dtype=pl.String),
        pl.lit(None, pl.String).alias(DETAIL.name),
    )
    return Outcome(kept, rejected)


def _made(row: dict[str, Any], rules: InjectParameters) -> dict[str, Any] | str:
    """What becomes of a row: its new columns, or why nothing does."""
    answer = _number(row["answer"])
    if row["verdict"] != "right":
        return NOT_RIGHT
    if row["text"] != row["rationale"] or _located(row["text"], row["steps"]) is None:
        return NOT_PLAIN
    if _LEAKS.search(row["text"]):
        return "words of a mistake"
    random = Random(digest("inject", str(rules.seed), row["solution_id"]))  # noqa: S311
    if random.random() >= rules.share:
        return {name: row[name] for name in ("solution_id", "text", "rationale", "steps")} | _columns(row, None)
    found = injected(row["question"], row["steps"], answer, rules.kinds, random) if answer is not None else None
    if found is None:
        return NO_EDIT
    if max(len(found.before), len(found.after)) > rules.most_changed:
        return "the edit is too long"
    text = _located(row["text"], row["steps"], found.steps)
    assert text is not None
    key = solution_id(row["problem_id"], row["model"], row["sampling"], row["sample"], text)
    return {"solution_id": key, "text": text, "rationale": text, "steps": list(found.steps)} | _columns(row, found)


def _columns(row: dict[str, Any], found: Injected | None) -> dict[str, Any]:
    edit = f"{found.before.strip()} → {found.after.strip()}" if found else None
    return {
        "injected_at": found.at if found else -1, "injected_type": found.kind if found else None,
        "injected_edit": edit, "injected_from": row["solution_id"],
    }  # fmt: skip


def _number(text: str) -> Fraction | None:
    text = text.replace(",", "").strip()
    return Fraction(text) if re.fullmatch(r"\d{1,12}", text) else None


def _located(text: str, steps: list[str], instead: tuple[str, ...] | None = None) -> str | None:
    """A text with its steps, one after the other, replaced by others; None where they do not stand in it."""
    found, at = "", 0
    for step, other in zip(steps, instead or steps):
        start = text.find(step, at)
        if start < 0:
            return None
        found += text[at:start] + other
        at = start + len(step)
    return found + text[at:]


def _makes(_: InjectParameters, contract: Contract) -> Contract:
    stale = {column.name for column in VERDICT_COLUMNS}
    kept = tuple(column for column in contract.columns if column.name not in stale)
    return Contract(contract.name, contract.meaning, kept, contract.key).having(*INJECT_COLUMNS)


INJECT = PerPart(
    name="inject",
    summary="Makes wrong solutions from right ones, with a known first wrong step and kind of mistake: one edit, and what follows.",
    version="1",
    parameters=InjectParameters,
    needs=("solution_id", "problem_id", "question", "answer", "model", "sampling", "sample", "text", "rationale", "steps", "verdict"),
    makes=_makes,
    run=inject,
)  # fmt: skip
