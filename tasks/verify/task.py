"""`verify`: extracts the final answer and judges it right, wrong or undecided.

A row never becomes a mistake because a checker failed: what cannot be read or
compared is undecided, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from importlib.metadata import version
from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.columns.problems import VERDICT_COLUMNS, VERDICT_LABEL
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.task import Outcome, Parameters, PerRow
from tasks.llm.channels import Of, is_unfinished_thought
from tasks.llm.read_channels import UNFINISHED
from tasks.verify.channels import judge_channels
from tasks.verify.compare import check_absence, check_afterword, check_presence, choose_answer_kind, judge_answer
from tasks.verify.extract import extract
from tasks.verify.extraction import AnswerKind, Extraction
from tasks.verify.final_text import find_final_text
from tasks.verify.judgement import Compare, Judgement
from tasks.verify.marked_answers import find_json_answer, find_keyed, has_blank_answer
from tasks.verify.math_verify.pool import compared
from tasks.verify.memo import PASSING, VerdictCache, hash_key
from tasks.verify.truncation import is_broken_off
from tasks.verify.vectorized import judge_plain_pairs

ADDED = to_polars_schema(Contract("verdicts", "", VERDICT_COLUMNS, ""))
PAIR = ("gold", "answer", "kind", "options", "question", "context")
"""What a judgement depends on; rows that share it are judged once."""
NEEDED = ("answer", "options", "rationale", "stated", "text", "question")
VERSION = f"10 math-verify {version('math-verify')}"
"""Another math-verify gives other verdicts."""
JUDGED = VerdictCache("judgements", f"verify {VERSION}")
"""The judgements on pairs that are no plain numbers, by all that they depend on."""


NO_GOLD = "no gold answer"
"""Why a verdict is undecided of a problem whose source says no answer."""
_OPEN = Judgement("undecided", "", "no answer")
_BROKEN = Judgement("undecided", "", "breaks off")
_UNFINISHED = Judgement("undecided", "", UNFINISHED)


Answers = Literal["auto", "number", "choice", "text", "yes or no", "date", "expression"]
"""The sorts of answers that a recipe may ask for; `auto` takes it from each gold answer."""


class VerifyParameters(Parameters):
    """Parameters of `verify`."""

    answers: Answers = Field(
        "auto", description="What sort of answer the problems ask for; auto takes it from each gold answer."
    )
    of: Of = Field(
        "text", description="What is read: the text, the thinking, or both: the thinking where the text has no answer."
    )


def find_answer(row: dict[str, Any], kind: AnswerKind) -> Extraction | None:
    """The final answer of a completion: a marked one, or else what it ends with; from its reasoning, or else from the whole of it."""
    whole = row["text"]
    if row["stated"] is None and whole != row["rationale"] and kind != "choice":
        extraction = find_keyed(whole, kind)
        if extraction is not None:
            return extraction
    stated = row["stated"] if row["stated"] is not None or whole != row["rationale"] else find_json_answer(whole)
    extraction = extract(row["rationale"], stated, kind, marked_only=True)
    if extraction is None and whole != row["rationale"]:
        extraction = extract(whole, None, kind, marked_only=True)
    if extraction is not None or has_blank_answer(whole):
        return extraction
    extraction = extract(row["rationale"], None, kind)
    if extraction is None and whole != row["rationale"]:
        extraction = extract(whole, None, kind)
    return find_keyed(whole, kind) if extraction is None and not is_broken_off(whole) else extraction


def judge_pair(pair: Mapping[str, Any], compare: Compare, memory: VerdictCache | None) -> Judgement:
    """The judgement on a pair (columns `PAIR`): as it is remembered, or made now."""
    key = _make_key(pair) if memory else ""
    if memory and (known := memory.get(key)):
        return Judgement(*json.loads(known))
    extraction = Extraction(pair["answer"], "", pair["context"])
    judgement = judge_answer(pair["gold"], extraction, pair["kind"], pair["options"] or (), pair["question"], compare)
    if memory:
        memory.add(key, json.dumps(astuple(judgement)), lasting=judgement.opinion not in PASSING)
    return judgement


def _make_key(pair: Mapping[str, Any]) -> str:
    return hash_key(*(pair[name] for name in PAIR))


def judge_pairs(pairs: pl.DataFrame, compare: Compare, memory: VerdictCache | None = None) -> list[Judgement]:
    """The judgement on each pair of gold and found answer (columns `PAIR`), equal ones judged once."""
    verdicts = judge_plain_pairs(pairs)
    plain = {True: Judgement("right", "numeric", proved=True), False: Judgement("wrong", "numeric", proved=True)}
    judgements: list[Judgement] = [plain.get(verdict, _OPEN) for verdict in verdicts]
    once = (
        pairs.select(PAIR)
        .with_row_index("index")
        .filter(verdicts.is_null())
        .group_by(PAIR, maintain_order=True)
        .agg("index")
    )
    if memory:
        memory.look_up([_make_key(row) for row in once.iter_rows(named=True)])
    for row in once.iter_rows(named=True):
        judgement = judge_pair(row, compare, memory)
        for index in row["index"]:
            judgements[index] = judgement
    return judgements


def pair_answers(part: pl.DataFrame, answers: str) -> tuple[pl.DataFrame, list[Extraction | None]]:
    """What was found in each row, and the pairs (columns `PAIR` and `at`, the row) of those in which an answer was."""
    rows = part.select(NEEDED).to_dicts()
    kinds = {}
    extractions: list[Extraction | None] = []
    pairs = []
    for at, row in enumerate(rows):
        key = row["answer"], bool(row["options"])
        if key not in kinds:
            kinds[key] = choose_answer_kind(row["answer"], row["options"]) if answers == "auto" else answers
        kind: AnswerKind = kinds[key]  # type: ignore[assignment]
        extraction = find_answer(row, kind)
        extractions.append(extraction)
        if extraction is not None:
            pairs.append(
                (row["answer"], extraction.answer, kind, row["options"], row["question"], extraction.context, at)
            )
    columns: dict[str, Any] = {**dict.fromkeys(PAIR, pl.String), "options": pl.List(pl.String), "at": pl.Int64}
    return pl.DataFrame(pairs, schema=columns, orient="row"), extractions


def _list_added(row: Sequence[Any], extraction: Extraction | None, judged: Judgement) -> dict[str, Any]:
    """The columns that are added to one row (text, rationale, gold)."""
    text, rationale, gold = row
    if not gold:
        return {**dict.fromkeys(ADDED), "verdict": "undecided", "undecided": NO_GOLD}
    span = None
    if extraction is None and is_unfinished_thought(text):
        judged = _UNFINISHED
    elif extraction is None and is_broken_off(find_final_text(text)):
        judged = _BROKEN
    if extraction is not None:
        for second_look in (check_absence, check_presence, check_afterword):
            judged = second_look(judged, gold, extraction, text)
        # of an answer in JSON the text holds what was escaped: only what stands there to the letter has a span
        within = replace(extraction, near=None) if text != rationale or extraction.rule == "stated" else extraction
        span = within.span(text)
    return {
        "verdict": judged.verdict,
        "undecided": judged.undecided,
        "extracted": extraction.answer if extraction else None,
        "extracted_by": extraction.rule if extraction else None,
        "extracted_from": span[0] if span else None,
        "extracted_to": span[1] if span else None,
        "compared_by": judged.rule if extraction else None,
        "second_opinion": judged.opinion,
    }


def judge_rows(part: pl.DataFrame, answers: str, compare: Compare, memory: VerdictCache | None = None) -> pl.DataFrame:
    """The columns that `verify` adds, for each row of a part."""
    pairs, extractions = pair_answers(part, answers)
    judgements = dict(zip(pairs["at"], judge_pairs(pairs, compare, memory)))
    rows = part.select("text", "rationale", "answer").iter_rows()
    added = [
        _list_added(row, extraction, judgements.get(at, _OPEN))
        for at, (row, extraction) in enumerate(zip(rows, extractions))
    ]
    return pl.DataFrame(added, schema=ADDED)


def verify_solutions(part: pl.DataFrame, parameters: VerifyParameters) -> Outcome:
    """Adds verdict, reason, extracted answer, its span and the rules that found and compared it; rejects nothing.

    Args:
        part: Solutions with their problems' gold answers.
        parameters: The kind of answers, and how they are compared.

    Returns:
        All rows; those that are `undecided` say why.

    """
    added = judge_channels(part, parameters.of, lambda read: judge_rows(read, parameters.answers, compared, JUDGED))
    return Outcome(pl.concat([part.drop(ADDED, strict=False), added], how="horizontal"), part.clear())


def _add_verdict(_: VerifyParameters, contract: Contract) -> Contract:
    return contract.having(*VERDICT_COLUMNS)


VERIFY = PerRow(
    name="verify",
    summary="Extracts the final answer and compares it with gold: right, wrong, or undecided with a reason.",
    version=VERSION,
    parameters=VerifyParameters,
    needs=NEEDED,
    makes=_add_verdict,
    run=verify_solutions,
    labels=(VERDICT_LABEL,),
)
