"""Models that make solutions wrong: each writes one step anew, and the rest is worked out by rules or gone on from there.

Asked for all steps at once, a model of 1.5 billion parameters gave one solution
in 1,437 that could be kept: it left steps out, changed others, or changed none.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from schemas.model_id import ModelId
from schemas.request import Completion, Reply, Request, Sampling
from tasks.classify.requests import Row, list_types
from tasks.inject.carry_on import carry_on, find_result, list_places
from tasks.inject.edit_names import ANOTHER_KIND, find_kind, is_surely_wrong, list_fitting_edits
from tasks.inject.edits import Name
from tasks.inject.filters import UNCHANGED, WORDS, leaks_mistake
from tasks.inject.parameters import InjectParameters
from tasks.inject.propagate import Injected
from tasks.inject.reply import parse_rewriting
from tasks.llm import prompts
from tasks.llm.judge_reply import CUT_OFF, EMPTY
from tasks.llm.prompt_guard import fill_fields, strip_marks
from tasks.llm.question import format_question
from tasks.sources.content_ids import digest
from tasks.split import split_steps

NOT_CERTAIN, NOT_SURE = "what follows is not certain", "whether it is wrong is not certain"
SAMPLES: Mapping[Name, tuple[int, str]] = {
    "another result": (45, "gains 8 pens and loses 3: 30 + 8 - 3"),
    "another given number": (33, "gains 6 pens and loses 3: 30 + 6 - 3"),
    "another earlier result": (25, "gains 8 pens and loses 3: 20 + 8 - 3"),
    "another known number": (30, "gains 8 pens and loses 8: 30 + 8 - 8"),
    "another sign": (41, "gains 8 pens and loses 3: 30 + 8 + 3"),
    "several numbers": (34, "gains 6 pens and loses 2: 30 + 6 - 2"),
    "swapped terms": (25, "gains 8 pens and loses 3: 30 + 3 - 8"),
    "term left out": (38, "gains 8 pens and loses 3: 30 + 8"),
    "another word": (41, "gains 8 pens and gains 3: 30 + 8 + 3"),
}
"""What becomes of the step of the prompt's example by each edit that models are asked for: its result, and the rest."""
Rewriting = Generator[Sequence[Request], Mapping[str, Reply], dict[int, Injected | str]]


@dataclass(frozen=True)
class RewritingRequest:
    """One step of a solution to be written anew, with one mistake."""

    model: ModelId
    kind: str
    at: int
    """The step, counted from 0."""
    request: Request


def find_places(row: Row, rules: InjectParameters) -> list[int]:
    """The steps that a model may write anew: those that allow a type that is wanted, and whose consequences can be worked out."""
    all_but_last = range(len(row["steps"]) - 1)
    places = list_places(row["question"], row["steps"]) if rules.rest == "rules" else all_but_last
    return [at for at in places if list_fitting_edits(row, at, rules)]


def rewrite_solutions(
    rows: Mapping[int, Row], rules: InjectParameters, names: Mapping[str, ModelId], attempt: int
) -> Rewriting:
    """Has one step of each solution written anew.

    Args:
        rows: Solutions of which a step may be written anew, by their number.
        rules: The types of mistakes, the models, and how the rest comes about.
        names: How requests name each model.
        attempt: How often each was asked about before.

    Yields:
        The requests of a round: for the steps, and where models go on from them for the rest.

    Returns:
        For each solution the wrong one, or why there is none.

    """
    queries = {i: request_rewriting(row, rules, names, attempt) for i, row in rows.items()}
    replies = yield [query.request for query in queries.values()]
    results: dict[int, Injected | str] = {}
    prefixes: dict[int, tuple[str, Request]] = {}
    for i, query in queries.items():
        row = rows[i]
        step, fault = parse_rewriting(replies[query.request.id], row["steps"], query.at)
        kind = None if fault else find_kind(row["steps"][query.at], step, query.kind, rules)
        queries[i] = query = replace(query, kind=kind or query.kind)
        results[i] = fault or _carry_on(row, query, step, rules)
        if isinstance(results[i], str) and (results[i] != NOT_CERTAIN or rules.rest == "rules"):
            continue
        if not kind:
            results[i] = ANOTHER_KIND
        elif isinstance(results[i], str) and not is_surely_wrong(row["steps"][query.at], step):
            results[i] = NOT_SURE
        elif isinstance(results[i], str):
            prefixes[i] = step, _request_continuation(row, query, step, rules)
    if prefixes:
        replies = yield [request for _, request in prefixes.values()]
        for i, (step, request) in prefixes.items():
            results[i] = _join(rows[i], queries[i], step, request.prefix, replies[request.id])
    return results


def request_rewriting(
    row: Row, rules: InjectParameters, names: Mapping[str, ModelId], attempt: int
) -> RewritingRequest:
    """Who is asked to write which step of a row anew, with what mistake that fits there; each attempt takes another step, while there are some."""
    random = Random(digest("inject by", str(rules.seed), row["solution_id"]))  # noqa: S311
    model, places = names[random.choice(rules.models)], find_places(row, rules)
    at = random.sample(places, len(places))[attempt % len(places)]
    edits = list_fitting_edits(row, at, rules)
    kind = random.choice(list(edits))
    fields = fill_fields({**row, "text": None}, (), False)
    fields |= {"type": _describe_type(kind, edits[kind], rules), "number": str(at + 1)}
    fields |= {"step": strip_marks(row["steps"][at], fields["mark"]), "result": find_result(row["steps"][at])}
    fields |= _make_sample(kind, edits[kind], rules)
    sampling = Sampling(rules.max_tokens, rules.temperature, rules.top_p)
    return RewritingRequest(model, kind, at, model.ask(prompts.fill(rules.prompt, fields), sampling, attempt))


def _describe_type(kind: str, edits: Sequence[Name], rules: InjectParameters) -> str:
    """A type as a model is told it; with the taxonomy's example only where the prompt shows none of it: models copy it."""
    only = rules.taxonomy.model_copy(update={"types": {kind: rules.taxonomy.types[kind]}})
    return f"{kind}: {rules.taxonomy.types[kind].definition}" if edits else list_types(only).removeprefix("- ")


def _make_sample(kind: str, edits: Sequence[Name], rules: InjectParameters) -> dict[str, str]:
    """What a prompt shows as an example: a mistake of the very type that is asked for, where rules know how it is made."""
    name: Name = next((name for name in edits if name in SAMPLES), "another result")
    result, rest = SAMPLES[name]
    told = _describe_type(kind, edits, rules) if edits else "calculation: The arithmetic is wrong."
    return {"sample_type": told, "sample": f"{result}:\n1. He {rest} = {result} pens."}


def _carry_on(row: Row, query: RewritingRequest, step: str, rules: InjectParameters) -> Injected | str:
    """The solution with its step written anew, and what follows by rules."""
    old = row["steps"][query.at]
    if step == old:
        return UNCHANGED
    if leaks_mistake(old, step):
        return WORDS
    steps = carry_on(row["question"], row["steps"], query.at, step) if rules.rest != "continuation" else None
    return _make_injected(query, row["steps"], steps) if steps else NOT_CERTAIN


def _request_continuation(row: Row, query: RewritingRequest, step: str, rules: InjectParameters) -> Request:
    """Asks the model to solve on behind its own mistake."""
    text, end = row["text"], 0
    for earlier in row["steps"][: query.at]:
        end = text.index(earlier, end) + len(earlier)
    start = text.index(row["steps"][query.at], end)
    behind = start + len(row["steps"][query.at])
    prefix = text[:start] + step + text[behind : text.index(row["steps"][query.at + 1], behind)]
    question = format_question(row["question"], row["options"])
    messages = prompts.fill(prompts.find_template("solve"), {"question": question})
    sampling = Sampling(rules.max_tokens, rules.temperature, rules.top_p)
    return query.model.ask(messages, sampling, query.request.sample, prefix)


def _join(row: Row, query: RewritingRequest, step: str, prefix: str, reply: Reply) -> Injected | str:
    """The solution as a model went on behind the step."""
    if not isinstance(reply, Completion):
        return reply.reason
    if reply.finish == "length":
        return CUT_OFF
    if not reply.text.strip():
        return EMPTY
    steps = (*row["steps"][: query.at], step, *split_steps(reply.text)[0])
    return _make_injected(query, row["steps"], steps, (prefix + reply.text).strip())


def _make_injected(
    query: RewritingRequest, before: Sequence[str], after: Sequence[str], text: str | None = None
) -> Injected:
    edit = _diff(before[query.at], after[query.at])
    return Injected(tuple(after), query.at, query.kind, query.model.describe(), edit, text=text)


def _diff(old: str, new: str) -> str:
    """The step as it was and as it is, without what they have in common at their ends."""
    start = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
    end = next((i for i, (a, b) in enumerate(zip(old[start:][::-1], new[start:][::-1])) if a != b), 0)
    return f"{old[start : len(old) - end].strip()} → {new[start : len(new) - end].strip()}"
