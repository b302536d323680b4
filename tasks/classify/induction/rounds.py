"""The rounds in which a taxonomy is found: mistakes are asked about, names proposed, joined and counted, until it is stable.

The mistakes of each round are chosen by their ids alone, and what is asked
depends on nothing but them and the types so far: neither the parts of a table
nor the order of its rows change a request.

The idea is MWPES-300K's (Sun et al. 2025); of its procedure no more is
published than that it classifies dynamically, so the rounds are our own.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

import polars as pl

from schemas.model_id import ModelId
from schemas.recipe.taxonomy import Taxonomy, normalize_name
from schemas.request import Reply, Request, Sampling
from tasks.classify.induction import keywords
from tasks.classify.induction.merge import fold_rare_names, merge_names
from tasks.classify.induction.open_reply import Proposal, parse_proposal, resolve_name
from tasks.classify.induction.state import Growth, Voice
from tasks.classify.parameters import ClassifyParameters, Dynamic
from tasks.classify.requests import SEEN, Row, fill_prompt, has_mistake, make_schema, request_votes
from tasks.classify.rules import RULE_TAXONOMY, apply_rules
from tasks.llm import prompts
from tasks.llm.judge_reply import collect_material

RULES, JUDGE = "rules", "judge"
Finding = Generator[Sequence[Request], Mapping[str, Reply], ClassifyParameters]


def induce_taxonomy(parts: Iterable[pl.DataFrame], rules: ClassifyParameters, names: Mapping[str, ModelId]) -> Finding:
    """Finds the taxonomy of a whole table, in rounds; returns the parameters with which its rows are then labelled."""
    dynamic = rules.dynamic
    assert dynamic is not None
    decider = names[dynamic.decider] if dynamic.decider else None
    growth = Growth(rules.taxonomy, dynamic.least)
    before = len(growth.rounds)
    rows = sample_mistakes(parts, dynamic.rows * dynamic.rounds, dynamic.causes)
    if dynamic.by == "keywords":
        assert decider is not None
        yield from keywords.grow(growth, rows, dynamic.causes, dynamic.rounds, decider)
        stable = True
    else:
        stable = yield from _run_rounds(growth, rows, rules, dynamic, names)
    yield from fold_rare_names(growth, decider)
    source = _describe_source(growth, rows, before, stable, dynamic)
    taxonomy = growth.freeze(dynamic.name, source, _map_ruled_kinds(growth, rules.taxonomy))
    prompt = dynamic.prompt if "types" not in prompts.list_fields(dynamic.prompt) else rules.prompt
    changes = {"taxonomy": taxonomy, "dynamic": None, "prompt": prompt}
    return rules.model_copy(update=changes | ({"judged_in": taxonomy.taxonomy} if rules.judged_in else {}))


def sample_mistakes(parts: Iterable[pl.DataFrame], most: int, causes: str) -> list[Row]:
    """The mistakes that rounds ask about: those whose ids' hashes are the smallest, in that order."""
    heap: list[tuple[int, str, Row]] = []
    for part in parts:
        for row in _select_mistakes(part, causes):
            number = int.from_bytes(hashlib.blake2b(row["solution_id"].encode(), digest_size=8).digest())
            if len(heap) < most:
                heapq.heappush(heap, (-number, row["solution_id"], row))
            elif -number > heap[0][0]:
                heapq.heapreplace(heap, (-number, row["solution_id"], row))
    return [row for *_, row in sorted(heap, key=lambda entry: (-entry[0], entry[1]))]


def _select_mistakes(part: pl.DataFrame, causes: str) -> Iterator[Row]:
    columns = [name for name in ("solution_id", *SEEN, causes) if name in part.columns]
    yield from filter(has_mistake, part.select(list(dict.fromkeys(columns))).to_dicts())


def _run_rounds(
    growth: Growth, rows: Sequence[Row], rules: ClassifyParameters, dynamic: Dynamic, names: Mapping[str, ModelId]
) -> Generator[Sequence[Request], Mapping[str, Reply], bool]:
    """Rounds until so many on end have added no type; whether they came to that."""
    decider = names[dynamic.decider] if dynamic.decider else None
    quiet = 0
    for number in range(dynamic.rounds):
        # where there are fewer mistakes than that, the first ones are asked about again, with the types known now
        sample = (
            [rows[i % len(rows)] for i in range(number * dynamic.rows, (number + 1) * dynamic.rows)] if rows else []
        )
        before = list(growth.types)
        sample = list({row["solution_id"]: row for row in sample}.values())
        answers = yield from _collect_proposals(growth, sample, rules, dynamic, names)
        growth.count_answers(answers, len(sample))
        yield from merge_names(growth, decider)
        growth.promote()
        quiet = quiet + 1 if growth.types == before else 0
        if quiet == dynamic.stable:
            return True
    return False


def _collect_proposals(
    growth: Growth, rows: Sequence[Row], rules: ClassifyParameters, dynamic: Dynamic, names: Mapping[str, ModelId]
) -> Generator[Sequence[Request], Mapping[str, Reply], dict[Voice, Proposal]]:
    """What rules, and where they say nothing models (or without any the judge before), call each mistake."""
    types = growth.make_taxonomy()
    free = "types" not in prompts.list_fields(dynamic.prompt)
    models = [names[model] for model in rules.models]
    sampling = Sampling(rules.max_tokens, rules.temperature, rules.top_p, (), make_schema(dynamic.prompt, types, True))
    answers: dict[Voice, Proposal] = {}
    requests: list[tuple[Row, str, Request]] = []
    for row in rows:
        id_ = row["solution_id"]
        if kind := _find_ruled_kind(row, rules):
            answers[id_, RULES] = proposal = _translate_kind(kind, RULE_TAXONOMY, rules.taxonomy, types)
            growth.ruled[kind] = normalize_name(proposal.type or proposal.name)
        elif models:
            messages = fill_prompt(dynamic.prompt, row, types, rules.reference)
            requests += [(row, who, request) for who, request in request_votes(messages, sampling, models, 1)]
        else:
            answers[id_, JUDGE] = _translate_kind(row.get("judge_kind") or "", rules.judged_in, rules.taxonomy, types)
    replies: Mapping[str, Reply] = (yield [request for *_, request in requests]) if requests else {}
    for row, who, request in requests:
        material = collect_material({**row, "text": None})
        answers[row["solution_id"], who] = parse_proposal(
            replies[request.id], row["first_error"], material, types, free
        )
    return answers


def _find_ruled_kind(row: Row, rules: ClassifyParameters) -> str | None:
    finding = apply_rules(row, row["first_error"]) if rules.rules else None
    return finding.kind if finding else None


def _translate_kind(kind: str, spoken: str, start: Taxonomy | None, types: Taxonomy | None) -> Proposal:
    """A kind that somebody names in another taxonomy's words: the type that it is, or else a proposal."""
    known = start.translated(spoken, kind) if start and kind else None
    return Proposal(known) if known else resolve_name(kind, "", types)


def _map_ruled_kinds(growth: Growth, start: Taxonomy | None) -> dict[str, dict[str, str]]:
    """What the kinds that rules named have become, where the taxonomy to begin with does not say it."""
    known = start.from_.get(RULE_TAXONOMY, {}) if start else {}
    return {
        RULE_TAXONOMY: {
            kind: growth.name(growth.root(key)) for kind, key in sorted(growth.ruled.items()) if kind not in known
        }
    }


def _describe_source(growth: Growth, rows: Sequence[Row], before: int, stable: bool, dynamic: Dynamic) -> str:
    """How the taxonomy was found, in a sentence."""
    rounds = len(growth.rounds) - before
    end = "stable" if stable else f"not stable after {rounds} rounds"
    how = "by proposals" if dynamic.by == "classifier" else f"from keywords of `{dynamic.causes}`"
    decided = (
        f"`{dynamic.decider}` decided on merges and folds" if dynamic.decider else "rules decided on merges and folds"
    )
    return f"Found {how} in {rounds} rounds among {len(rows):,} mistakes; {end}; {decided}."
