"""`classify`: says of what type the mistake in the first wrong step is, how grave, where it stands, and why.

First come rules, which need no model and say so; then models with their
votes; then, where it speaks of types we know, the kind that a judge named. A
reply that cannot be read is undecided. All rows are kept. The types are those
of a taxonomy that is given, or that is found in the mistakes first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from schemas.columns.labels import CLASSIFY_COLUMNS, CLASSIFY_LABEL
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId as Model
from schemas.recipe.taxonomy import Taxonomy
from schemas.request import Completion, Reply, Request, Sampling
from schemas.task import Asking, Conversation, Fit, Outcome
from tasks.classify.induction.rounds import induce_taxonomy
from tasks.classify.parameters import ClassifyParameters, check_parameters
from tasks.classify.reply import TypeVote, vote
from tasks.classify.requests import SEEN, Row, fill_prompt, has_mistake, make_schema, request_votes
from tasks.classify.rules import RULE_TAXONOMY, RuleFinding, apply_rules
from tasks.llm.judge_reply import collect_material, keep_reply
from tasks.llm.read_channels import find_obstacle, show_channel
from tasks.llm.voting import find_majority, find_most_frequent

ADDED = to_polars_schema(Contract("classifications", "", CLASSIFY_COLUMNS, ""))
NO_WRONG_STEP, NOT_CLASSIFIED = "no wrong step", "not classified"


def request_types(row: Row, rules: ClassifyParameters, names: Mapping[str, Model]) -> list[tuple[str, Request]]:
    """The votes to be asked for about one row, each with the name of who gives it."""
    messages = fill_prompt(rules.prompt, row, rules.types, rules.reference)
    sampling = Sampling(
        rules.max_tokens, rules.temperature, rules.top_p, (), make_schema(rules.prompt, rules.types, False)
    )
    return request_votes(messages, sampling, [names[model] for model in rules.models], rules.votes)


def classify(part: pl.DataFrame, rules: ClassifyParameters, names: Mapping[str, Model]) -> Conversation:
    """Classifies the mistakes of a part: by rules, and what they leave in one round of votes; rejects nothing.

    Where the taxonomy is yet to be found, it is found in this part alone.

    Args:
        part: Solutions whose first wrong step is known.
        rules: The taxonomy, or how one is to be found; the models, and how often each is asked.
        names: How requests name each model of the recipe.

    Yields:
        The requests of a round; none where rules say all.

    Returns:
        All rows with a type of the taxonomy, or `undecided` and the reason.

    """
    if rules.dynamic is not None:
        rules = yield from induce_taxonomy([part], rules, names)
    shown = part.select(name for name in SEEN if name in part.columns).iter_rows(named=True)
    rows = [show_channel(row, rules.of) for row in shown]
    findings = [_classify_by_rules(row, rules) for row in rows]
    asks = [
        [] if ruled or not _is_read(row, rules) else request_types(row, rules, names)
        for row, ruled in zip(rows, findings)
    ]
    requests = [request for pairs in asks for _, request in pairs]
    replies: Mapping[str, Reply] = {}
    if requests:
        replies = yield requests
    added = [_make_columns(row, ruled, pairs, replies, rules) for row, ruled, pairs in zip(rows, findings, asks)]
    typed = pl.DataFrame(added, schema=ADDED, orient="row")
    return Outcome(pl.concat([part.drop(ADDED, strict=False), typed], how="horizontal"), part.clear())


def _classify_by_rules(row: Row, rules: ClassifyParameters) -> tuple[str, RuleFinding] | None:
    """The finding of rules about a row, with its type in the taxonomy."""
    if not rules.rules or not _is_read(row, rules):
        return None
    finding = apply_rules(row, row["first_error"])
    name = rules.types.translated(RULE_TAXONOMY, finding.kind) if finding else None
    return (name, finding) if finding and name else None


def _make_columns(
    row: Row,
    ruled: tuple[str, RuleFinding] | None,
    requests: Sequence[tuple[str, Request]],
    replies: Mapping[str, Reply],
    rules: ClassifyParameters,
) -> dict[str, Any]:
    """The columns that are added to one row."""
    came = [replies[request.id] for _, request in requests]
    material = collect_material({**row, "text": None}) if requests else None
    votes = (
        [vote(reply, row["first_error"], row["steps"][row["first_error"]], material, rules.types) for reply in came]
        if material
        else []
    )
    if ruled:
        decided = _decide_by_rule(*ruled)
    else:
        decided = _decide_by_votes(votes, rules.types) if votes else _leave_undecided(row, rules)
        if decided["error_type"] is None and _is_read(row, rules):
            decided |= _decide_by_judge(row, rules)
    return {
        "taxonomy": rules.types.id,
        **decided,
        "error_definition": rules.types.types[decided["error_type"]].definition if decided["error_type"] else None,
        "classifiers": [who for who, _ in requests],
        "classifier_types": [ballot.type or "" for ballot in votes],
        "classifier_faults": [ballot.fault for ballot in votes],
        "classifier_replies": [keep_reply(reply) for reply in came],
        "classifier_requests": [request.id for _, request in requests],
        "classifier_tokens": sum(reply.tokens for reply in came if isinstance(reply, Completion)),
    }


def _make_decision(name: str | None, by: str | None, **more: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("type_undecided", "error_severity", "error_from", "error_to", "error_cause", "type_share"))
    return {"error_type": name, "typed_by": by, **empty, **more}


def _decide_by_rule(name: str, finding: RuleFinding) -> dict[str, Any]:
    return _make_decision(
        name, f"rule: {finding.rule}", error_severity=finding.severity, error_from=finding.start, error_to=finding.end,
        error_cause=finding.cause,
    )  # fmt: skip


def _is_read(row: Row, rules: ClassifyParameters) -> bool:
    """Whether there is a mistake, in what is to be read."""
    return has_mistake(row) and not find_obstacle(row, rules.of)


def _leave_undecided(row: Row, rules: ClassifyParameters) -> dict[str, Any]:
    obstacle = find_obstacle(row, rules.of) if has_mistake(row) else NO_WRONG_STEP
    return _make_decision(None, None, type_undecided=obstacle or NOT_CLASSIFIED)


def _decide_by_votes(votes: Sequence[TypeVote], taxonomy: Taxonomy) -> dict[str, Any]:
    """The type that more than half of all votes name; place, severity and cause from those that name it."""
    labels = taxonomy.labels()
    numbers = [labels.index(ballot.type) if ballot.type is not None else None for ballot in votes]
    together = find_majority(numbers, [ballot.fault for ballot in votes])
    if together.label is None:
        return _make_decision(None, None, type_undecided=together.undecided)
    name = labels[together.label]
    same = [ballot for ballot in votes if ballot.type == name]
    span = next((ballot.span for ballot in same if ballot.span), (None, None))
    return _make_decision(
        name, "models", error_from=span[0], error_to=span[1], type_share=together.share,
        error_severity=find_most_frequent([ballot.severity for ballot in same if ballot.severity]),
        error_cause=next((ballot.cause for ballot in same if ballot.cause), None),
    )  # fmt: skip


def _decide_by_judge(row: Row, rules: ClassifyParameters) -> dict[str, Any]:
    """The kind that a judge named, where it is a type that we know."""
    kind = row.get("judge_kind") if rules.judged_in else None
    name = rules.types.translated(rules.judged_in, kind) if kind else None
    return {"error_type": name, "typed_by": "judge", "type_undecided": None} if name else {}


def _make_induction(parameters: ClassifyParameters) -> Fit[ClassifyParameters] | None:
    """The finding of the taxonomy, where it is to be found."""
    return Fit(induce_taxonomy, parameters.dynamic.rows) if parameters.dynamic else None


CLASSIFY = Asking(
    name="classify",
    summary="Says of what type, how grave and where the mistake in the first wrong step is, and why: by rules, then by models.",
    version="9",
    parameters=ClassifyParameters,
    needs=("solution_id", "question", "options", "steps", "first_error"),
    makes=lambda _, contract: contract.having(*CLASSIFY_COLUMNS),
    check=check_parameters,
    models=ClassifyParameters.list_models,
    prompts=ClassifyParameters.list_prompts,
    ask=classify,
    fit=_make_induction,
    rows_per_row=lambda _: 1,
    labels=(CLASSIFY_LABEL,),
    shows=("taxonomy", "error_severity", "error_from", "error_to"),
)
