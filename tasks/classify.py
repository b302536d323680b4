"""`classify`: says of what type the mistake in the first wrong step is, how grave, where it stands, and why.

First come rules, which need no model and say so; then models with their
votes; then, where it speaks of types we know, the kind that a judge named. A
reply that cannot be read is undecided. All rows are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from pydantic import Field

from schemas.contract import Contract
from schemas.forms import polars_schema
from schemas.labels import CLASSIFY_COLUMNS, SEVERITIES
from schemas.request import Completion, Reply, Request, Sampling
from schemas.task import Asking, Conversation, Outcome, Parameters
from schemas.task import Named as Model
from schemas.taxonomy import Named, Taxonomy
from tasks import prompts
from tasks.classification.reply import Vote, vote
from tasks.classification.rules import SPOKEN, Finding, finding
from tasks.judging.fences import fields
from tasks.judging.majority import commonest, majority
from tasks.judging.reply import LONGEST_KEPT, shown, storable
from tasks.prompts import Template

ADDED = polars_schema(Contract("classifications", "", CLASSIFY_COLUMNS, ""))
SEEN = ("question", "options", "steps", "text", "answer", "reference", "first_error", "judge_kind")
"""The columns of which rules or a classifier see something, where the table has them."""
NO_WRONG_STEP, NOBODY = "no wrong step", "nobody says"
Row = Mapping[str, Any]


class ClassifyParameters(Parameters):
    """What `classify` is told."""

    taxonomy: Named = Field(
        description="A taxonomy of `catalog/taxonomies` by its name, or a YAML file beside the recipe."
    )
    rules: bool = Field(True, description="Whether rules, which need no model, decide what they are sure of.")
    models: list[str] = Field([], description="The models that classify the rest, by their names under `models:`.")
    prompt: Template = Field(
        "classify",
        validate_default=True,
        description="A prompt of ours by its name, or a text with {question}, {steps} (fenced, through the wrong one) and "
        "{types}; also {number} of the wrong step, {reference} and {mark}.",
    )
    votes: int = Field(1, ge=1, le=1_000, description="Votes on each mistake by each model; greedy has but one.")
    temperature: float = Field(0.0, ge=0, le=5, description="0 takes the likeliest token each time (greedy).")
    top_p: float = Field(1.0, gt=0, le=1, description="Draw from the likeliest tokens that have this probability.")
    max_tokens: int = Field(1024, ge=1, le=1_000_000, description="Tokens of a vote; one cut off is undecided.")
    reference: bool = Field(False, description="Whether models see the problem's right solution; rules always do.")
    judged_in: str = Field(
        "", description="The taxonomy that `judge_kind` speaks; it then decides where rules and models do not."
    )


def schema(rules: ClassifyParameters) -> str:
    """The JSON schema of a vote; empty where the prompt does not ask for that JSON."""
    if '"type"' not in rules.prompt:
        return ""
    # the cause comes first: a model that has written it chooses better than one that answers at once
    found = {
        "cause": {"type": "string"},
        "span": {"type": "string"},
        "severity": {"type": "string", "enum": list(SEVERITIES)},
        "type": {"type": "string", "enum": list(rules.taxonomy.labels())},
    }
    return json.dumps({"type": "object", "properties": found, "required": list(found), "additionalProperties": False})


def listed(taxonomy: Taxonomy) -> str:
    """The types as a classifier sees them: name, definition, example."""
    lines = []
    for name in taxonomy.labels():
        one = taxonomy.types[name]
        example = f' Example: "{one.example.step}" ({one.example.why})' if one.example else ""
        lines.append(f"- {name}: {one.definition}{example}")
    return "\n".join(lines)


def requests(row: Row, rules: ClassifyParameters, names: Mapping[str, Model]) -> list[tuple[str, Request]]:
    """The votes to be asked for about one row, each with the name of who gives it."""
    at = row["first_error"]
    seen = {**row, "steps": row["steps"][: at + 1], "text": None}
    filled = fields(seen, (), rules.reference) | {"number": str(at + 1), "types": listed(rules.taxonomy)}
    messages = prompts.fill(rules.prompt, filled)
    sampling = Sampling(rules.max_tokens, rules.temperature, rules.top_p, (), schema(rules))
    found = []
    for model in rules.models:
        named = names[model]
        who = "@".join(filter(None, (named.model, named.revision)))
        for number in range(rules.votes):
            found.append((f"{who} #{number}", Request(named.model, named.revision, messages, sampling, number)))
    return found


def classify(part: pl.DataFrame, rules: ClassifyParameters, names: Mapping[str, Model]) -> Conversation:
    """Classifies the mistakes of a part: by rules, and what they leave in one round of votes; rejects nothing."""
    rows = part.select(name for name in SEEN if name in part.columns).to_dicts()
    findings = [_ruled(row, rules) for row in rows]
    asks = [[] if found or not _has_mistake(row) else requests(row, rules, names) for row, found in zip(rows, findings)]
    wanted = [request for some in asks for _, request in some]
    replies: Mapping[str, Reply] = {}
    if wanted:
        replies = yield wanted
    added = [_added(row, found, some, replies, rules) for row, found, some in zip(rows, findings, asks)]
    typed = pl.DataFrame(added, schema=ADDED, orient="row")
    return Outcome(pl.concat([part.drop(ADDED, strict=False), typed], how="horizontal"), part.clear())


def _has_mistake(row: Row) -> bool:
    at = row["first_error"]
    return at is not None and 0 <= at < len(row["steps"])


def _ruled(row: Row, rules: ClassifyParameters) -> tuple[str, Finding] | None:
    """What rules say of a row, with the type that it is in the taxonomy."""
    if not rules.rules or not _has_mistake(row):
        return None
    found = finding(row, row["first_error"])
    name = rules.taxonomy.translated(SPOKEN, found.kind) if found else None
    return (name, found) if found and name else None


def _added(
    row: Row,
    ruled: tuple[str, Finding] | None,
    asked: Sequence[tuple[str, Request]],
    replies: Mapping[str, Reply],
    rules: ClassifyParameters,
) -> dict[str, Any]:
    """The columns that are added to one row."""
    came = [replies[request.id] for _, request in asked]
    material = shown({**row, "text": None}) if asked else None
    votes = (
        [vote(reply, row["steps"][row["first_error"]], material, rules.taxonomy) for reply in came] if material else []
    )
    if ruled:
        decided = _by_rule(*ruled)
    else:
        decided = _by_models(votes, rules.taxonomy) if votes else _nobody(row)
        if decided["error_type"] is None and _has_mistake(row):
            decided |= _by_judge(row, rules)
    return {
        "taxonomy": rules.taxonomy.id,
        **decided,
        "error_definition": rules.taxonomy.types[decided["error_type"]].definition if decided["error_type"] else None,
        "classifiers": [who for who, _ in asked],
        "classifier_types": [one.type or "" for one in votes],
        "classifier_faults": [one.fault for one in votes],
        "classifier_replies": [_kept(reply) for reply in came],
        "classifier_requests": [request.id for _, request in asked],
        "classifier_tokens": sum(reply.tokens for reply in came if isinstance(reply, Completion)),
    }


def _kept(reply: Reply) -> str:
    """A reply as it came, as far as it is kept; of one that was refused what was found."""
    return storable(reply.text[:LONGEST_KEPT] if isinstance(reply, Completion) else reply.detail[:LONGEST_KEPT])


def _decided(name: str | None, by: str | None, **more: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("type_undecided", "error_severity", "error_from", "error_to", "error_cause", "type_share"))
    return {"error_type": name, "typed_by": by, **empty, **more}


def _by_rule(name: str, found: Finding) -> dict[str, Any]:
    return _decided(
        name, f"rule: {found.rule}", error_severity=found.severity, error_from=found.start, error_to=found.end,
        error_cause=found.cause,
    )  # fmt: skip


def _nobody(row: Row) -> dict[str, Any]:
    return _decided(None, None, type_undecided=NOBODY if _has_mistake(row) else NO_WRONG_STEP)


def _by_models(votes: Sequence[Vote], taxonomy: Taxonomy) -> dict[str, Any]:
    """The type that more than half of all votes name; place, severity and cause from those that name it."""
    labels = taxonomy.labels()
    numbers = [labels.index(one.type) if one.type is not None else None for one in votes]
    together = majority(numbers, [one.fault for one in votes])
    if together.label is None:
        return _decided(None, None, type_undecided=together.undecided)
    name = labels[together.label]
    same = [one for one in votes if one.type == name]
    span = next((one.span for one in same if one.span), (None, None))
    return _decided(
        name, "models", error_from=span[0], error_to=span[1], type_share=together.share,
        error_severity=commonest([one.severity for one in same if one.severity]),
        error_cause=next((one.cause for one in same if one.cause), None),
    )  # fmt: skip


def _by_judge(row: Row, rules: ClassifyParameters) -> dict[str, Any]:
    """The kind that a judge named, where it is a type that we know."""
    kind = row.get("judge_kind") if rules.judged_in else None
    name = rules.taxonomy.translated(rules.judged_in, kind) if kind else None
    return {"error_type": name, "typed_by": "judge", "type_undecided": None} if name else {}


def _check(parameters: ClassifyParameters, contract: Contract) -> list[str]:
    """Parameters that cannot be meant, and columns that they need."""
    faults, columns = [], contract.names()
    taxonomy = parameters.taxonomy
    there = prompts.fields(parameters.prompt)
    if not (parameters.rules or parameters.models or parameters.judged_in):
        faults.append("models: nobody classifies; name models, or leave `rules` on")
    if parameters.rules and not (parameters.models or parameters.judged_in) and not _speaks(taxonomy, SPOKEN):
        faults.append(
            f"rules: taxonomy '{taxonomy.taxonomy}' maps no type of '{SPOKEN}', which rules speak; name models"
        )
    faults += [f"prompt: has no {{{name}}}; put it in" for name in ("question", "steps", "types") if name not in there]
    if parameters.reference and "reference" not in there:
        faults.append("reference: the prompt has no {reference}; put it where the right solution belongs")
    if parameters.reference and "reference" not in columns:
        faults.append("reference: the table has no column 'reference'; classify without")
    if parameters.judged_in and not _speaks(taxonomy, parameters.judged_in):
        faults.append(
            f"judged_in: taxonomy '{taxonomy.taxonomy}' maps no type of '{parameters.judged_in[:60]}'; it maps those of "
            f"{', '.join(taxonomy.from_) or 'no other'}"
        )
    if parameters.judged_in and "judge_kind" not in columns:
        faults.append("judged_in: the table has no column 'judge_kind'; put `judge` before")
    if len(set(parameters.models)) < len(parameters.models):
        faults.append("models: names a model twice; keep one and raise `votes`")
    if parameters.temperature == 0 and parameters.votes > 1:
        faults.append("votes: temperature 0 gives the same vote each time; raise `temperature`, or leave 1 vote")
    return faults


def _speaks(taxonomy: Taxonomy, other: str) -> bool:
    return other == taxonomy.taxonomy or other in taxonomy.from_


CLASSIFY = Asking(
    name="classify",
    summary="Says of what type, how grave and where the mistake in the first wrong step is, and why: by rules, then by models.",
    version="2",
    parameters=ClassifyParameters,
    needs=("solution_id", "question", "options", "steps", "first_error"),
    makes=lambda _, contract: contract.having(*CLASSIFY_COLUMNS),
    check=_check,
    models=lambda parameters: parameters.models,
    ask=classify,
    rows_per_row=lambda _: 1,
)
