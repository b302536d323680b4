"""`inject`: makes wrong solutions from right ones, with a known first wrong step and a known type of mistake.

Rules make them, or models that are told the type. They are the free test set of
whoever finds and names mistakes. Nothing is kept that the answer checker does
not call wrong, and nothing that changes more than it must or gives itself away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from random import Random
from typing import Any

import polars as pl
from pydantic import Field

from schemas.columns.gold import GOLD_COLUMNS
from schemas.columns.labels import INJECT_COLUMNS
from schemas.columns.problems import VERDICT_COLUMNS
from schemas.contract import DETAIL, REASON, Contract
from schemas.frames import to_polars_schema
from schemas.recipe.taxonomy import Named, Taxonomy
from schemas.request import Reply, Request, Sampling
from schemas.task import Asking, Conversation, Outcome, Parameters
from schemas.task import ModelId as Model
from tasks.classify.requests import list_types
from tasks.classify.rules import RULE_TAXONOMY
from tasks.inject.edits import NAMES, TYPES_OF_EDITS, Name
from tasks.inject.filters import LEAKS, WORDS, find_rejection
from tasks.inject.propagate import Injected, inject_mistake
from tasks.inject.reply import parse_rewriting
from tasks.llm import prompts
from tasks.llm.prompt_guard import fill_fields
from tasks.llm.prompts import Template
from tasks.llm.sampling import MaxTokens, Temperature, TopP, find_repeated_model
from tasks.sources.content_ids import digest, identify_solution
from tasks.verify.math_verify.pool import compared
from tasks.verify.task import JUDGED, NEEDED, judge_rows
from tasks.verify.task import VERSION as CHECKER

VERDICT = to_polars_schema(Contract("verdicts", "", VERDICT_COLUMNS, ""))
ADDED = to_polars_schema(Contract("injections", "", INJECT_COLUMNS, ""))
CHANGED = ("solution_id", "text", "rationale", "steps", *VERDICT)
NOT_RIGHT, NOT_PLAIN, NO_EDIT = "not a right solution", "steps are not the text", "no edit makes it wrong"
STILL_RIGHT, UNDECIDED, OTHERWISE = "still right", "undecided", "gives the answer otherwise"
Row = Mapping[str, Any]


class InjectParameters(Parameters):
    """Parameters of `inject`."""

    taxonomy: Named = Field(
        description="A taxonomy of `catalog/taxonomies` by its name, or a YAML file beside the recipe."
    )
    kinds: list[str] = Field(
        [],
        description="The types of mistakes to make, each as often as it can be; all of the taxonomy if none is named.",
    )
    models: list[str] = Field(
        [], description="The models that write them, by their names under `models:`; without any, rules do."
    )
    prompt: Template = Field(
        "inject",
        validate_default=True,
        description="A prompt of ours by its name, or a text with {question}, {steps} (fenced) and {type}; also {mark}.",
    )
    attempts: int = Field(
        2, ge=1, le=100, description="How often a model is asked for a solution, until what it makes can be kept."
    )
    temperature: Temperature = 1.0
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(2048, description="Tokens of a solution; one cut off is not kept.")
    share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="The share that stays wrong; the others, which could be made wrong as well, are kept as they were, "
        "`injected_at` -1.",
    )
    most_changed: float = Field(
        0.4, gt=0, le=1, description="The share of a solution's characters that may change, with all that follows."
    )
    seed: int = Field(0, ge=0, description="Another seed makes other mistakes.")


def make_schema(rules: InjectParameters) -> str:
    """The JSON schema of a reply; empty where the prompt does not ask for that JSON."""
    if '"steps"' not in rules.prompt:
        return ""
    # the cause comes first: a model that has planned the mistake makes it better than one that writes at once
    properties = {
        "cause": {"type": "string"},
        "first_error": {"type": "integer"},
        "steps": {"type": "array", "items": {"type": "string"}},
    }
    return json.dumps(
        {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    )


def list_edit_types(rules: InjectParameters) -> dict[Name, str]:
    """The edits that rules can make, with the type that each makes in the taxonomy."""
    own = rules.taxonomy.taxonomy
    spoken = any(own in names for names in TYPES_OF_EDITS.values())
    types = {}
    for name in NAMES:
        kind = (
            TYPES_OF_EDITS[name].get(own)
            if spoken
            else rules.taxonomy.translated(RULE_TAXONOMY, TYPES_OF_EDITS[name][RULE_TAXONOMY])
        )
        if kind and kind in (rules.kinds or rules.taxonomy.labels()):
            types[name] = kind
    return types


def request(row: Row, rules: InjectParameters, names: Mapping[str, Model], attempt: int) -> tuple[str, str, Request]:
    """Who is asked to make what of a row (name and type), and how."""
    random = Random(digest("inject by", str(rules.seed), row["solution_id"]))  # noqa: S311
    kind, model = random.choice(_list_kinds(rules)), names[random.choice(rules.models)]
    only = rules.taxonomy.model_copy(update={"types": {kind: rules.taxonomy.types[kind]}})
    filled = fill_fields({**row, "text": None}, (), False) | {"type": list_types(only).removeprefix("- ")}
    sampling = Sampling(rules.max_tokens, rules.temperature, rules.top_p, (), make_schema(rules))
    return model.describe(), kind, model.ask(prompts.fill(rules.prompt, filled), sampling, attempt)


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
        injected = {i: _inject_by_rule(rows[i], rules) for i in waiting}
        _verify_injections(rows, injected, results, rules)
    for attempt in range(rules.attempts if rules.models else 0):
        queries = {i: request(rows[i], rules, names, attempt) for i in waiting}
        if not queries:
            break
        replies = yield [query for _, _, query in queries.values()]
        _verify_injections(rows, {i: _read_injection(rows[i], *queries[i], replies) for i in waiting}, results, rules)
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


def _read_injection(row: Row, who: str, kind: str, query: Request, replies: Mapping[str, Reply]) -> Injected | str:
    rewriting = parse_rewriting(replies[query.id], row["steps"])
    if isinstance(rewriting, str):
        return rewriting
    text = _diff_step(row["steps"], rewriting.steps, rewriting.at)
    return Injected(rewriting.steps, rewriting.at, kind, who, text, rewriting.cause)


def _diff_step(before: Sequence[str], after: Sequence[str], at: int) -> str:
    """The step as it was and as it is, without what they have in common at their ends."""
    old, new = (steps[at] if 0 <= at < len(steps) else "" for steps in (before, after))
    start = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
    end = next((i for i, (a, b) in enumerate(zip(old[start:][::-1], new[start:][::-1])) if a != b), 0)
    return f"{old[start : len(old) - end].strip()} → {new[start : len(new) - end].strip()}"


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
        elif why := find_rejection(rows[i]["steps"], injection.steps, injection.at, rules.most_changed):
            results[i] = why
        else:
            fitting[i] = injection, _write_text(rows[i], injection)
    needed = [{name: rows[i][name] for name in NEEDED} | {"text": text, "rationale": text} for i, (_, text) in fitting.items()]  # fmt: skip
    frame = pl.DataFrame(needed, schema_overrides={"options": pl.List(pl.String), "stated": pl.String})
    judged = judge_rows(frame, "auto", compared, JUDGED).to_dicts() if needed else []
    for (i, (injection, text)), verdict in zip(fitting.items(), judged):
        results[i] = _make_columns(rows[i], injection, text, verdict, rules)


def _make_columns(
    row: Row, injection: Injected, text: str, verdict: Row, rules: InjectParameters
) -> dict[str, Any] | str:
    """What becomes of a row: its new columns, or why nothing does."""
    if verdict["verdict"] != "wrong":
        return STILL_RIGHT if verdict["verdict"] == "right" else f"{UNDECIDED}: {verdict['undecided']}"
    if verdict["extracted_by"] != row["extracted_by"]:
        return OTHERWISE
    about = {"injected_taxonomy": rules.taxonomy.id, "injected_from": row["solution_id"]}
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
    return Outcome(kept.hstack(new.select(ADDED.names())), rejected)


def _list_kinds(rules: InjectParameters) -> list[str]:
    return rules.kinds or list(rules.taxonomy.labels())


def _check(parameters: InjectParameters, contract: Contract) -> list[str]:
    """Parameters that cannot be meant."""
    taxonomy, fields = parameters.taxonomy, prompts.list_fields(parameters.prompt)
    strange = [kind for kind in parameters.kinds if kind not in taxonomy.labels()]
    faults = [f"kinds: taxonomy '{taxonomy.taxonomy}' has no type '{kind[:60]}'; it has {_abbreviate_names(taxonomy.labels())}" for kind in strange]  # fmt: skip
    if len(set(parameters.kinds)) < len(parameters.kinds):
        faults.append("kinds: names a type twice; keep one")
    if not parameters.models and not strange:
        faults += _check_kinds(parameters, taxonomy)
    faults += [f"prompt: has no {{{name}}}; put it in" for name in ("question", "steps", "type") if name not in fields]
    faults += find_repeated_model(parameters.models)
    if parameters.models and parameters.temperature == 0 and parameters.attempts > 1:
        faults.append("attempts: temperature 0 makes the same each time; raise `temperature`, or leave 1 attempt")
    return faults


def _check_kinds(parameters: InjectParameters, taxonomy: Taxonomy) -> list[str]:
    """Types that rules cannot make."""
    able = sorted(set(list_edit_types(parameters.model_copy(update={"kinds": []})).values()))
    if not able:
        return [f"models: rules make no type of taxonomy '{taxonomy.taxonomy}'; name models"]
    return [
        f"kinds: rules make no '{kind}', only {_abbreviate_names(able)}; name models" for kind in parameters.kinds if kind not in able
    ]  # fmt: skip


def _abbreviate_names(names: Sequence[str]) -> str:
    return ", ".join(names)


INJECT = Asking(
    name="inject",
    summary="Makes wrong solutions from right ones, with a known first wrong step and type of mistake, by rules or by models.",
    version=f"3 verify {CHECKER}",
    parameters=InjectParameters,
    needs=("solution_id", "problem_id", "question", "options", "answer", "model", "sampling", "sample", "text", "rationale", "stated", "steps", "verdict", "undecided", "extracted_by"),
    makes=lambda _, contract: contract.without(*GOLD_COLUMNS).having(*INJECT_COLUMNS),
    check=_check,
    models=lambda parameters: parameters.models,
    ask=inject,
    rows_per_row=lambda _: 1,
)  # fmt: skip
