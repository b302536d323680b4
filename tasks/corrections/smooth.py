"""`smooth`: a model writes the turn and the end of self-corrections anew, and its words are kept where they say the same.

Source: LEMMA (arXiv 2503.17439, section 3.3), whose teacher connects both
pieces. Here the beginning stays to the letter, so that the wrong step can still
be masked, and three checks stand between the model and the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import polars as pl
from pydantic import Field

from schemas.columns.corrections import SMOOTHED_COLUMNS
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Reply, Request, Sampling
from schemas.task import Asking, Conversation, Outcome, Parameters
from tasks.arithmetic.equations import find_equations
from tasks.arithmetic.expressions import Calculation
from tasks.corrections.named_texts import describe_texts, read_texts
from tasks.corrections.segments import Segment
from tasks.corrections.splice import SOURCE_WORDS, identify_splice, judge_splices
from tasks.llm import prompts
from tasks.llm.judge_reply import keep_reply
from tasks.llm.prompt_guard import mark, strip_marks
from tasks.llm.prompts import Template
from tasks.llm.question import format_question
from tasks.llm.sampling import MaxTokens, Temperature, TopP
from tasks.verify.task import VERSION as VERIFIER

Row = Mapping[str, Any]
SMOOTHED = ("fix", "restart")
"""The styles that have a turn in words before a right end."""
OTHER_EQUATIONS, OTHER_ANSWER, SOURCE, SAME = (
    "other equations", "another final answer", "tells how the row was made", "changes nothing",
)  # fmt: skip
NO_TURN, MASKED = "has no turn in words", "its words are masked already"
ADDED = to_polars_schema(Contract("smoothed", "", SMOOTHED_COLUMNS, ""))
_SCHEMA = describe_texts({"turn": 600, "end": None})


class SmoothParameters(Parameters):
    """Parameters of `smooth`."""

    model: str = Field(description="The model that writes, by its name under `models:`.")
    prompt: Template = Field(
        "smooth",
        validate_default=True,
        description="A prompt of ours by its name, or a text with {question}, {beginning}, {turn} and {end}; also {mark}.",
    )
    temperature: Temperature = 0.0
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(
        1024, description="Tokens of what it writes; where it is cut off the plain splice stays."
    )


def rewrite_splices(part: pl.DataFrame, rules: SmoothParameters, names: Mapping[str, ModelId]) -> Conversation:
    """Self-corrections with turn and end in a model's words, where these say the same.

    Args:
        part: Rows of `splice`.
        rules: Who writes, and how.
        names: How requests name each model of the recipe.

    Yields:
        The one round of requests.

    Returns:
        All rows: smoothed, or as they were with the reason.

    """
    rows = list(part.iter_rows(named=True))
    faults = [_find_obstacle(row) for row in rows]
    requests = [None if fault else _request(row, rules, names[rules.model]) for row, fault in zip(rows, faults)]
    replies = yield [request for request in requests if request]
    by = str(names[rules.model])
    written = [_read(row, replies[request.id], by) if request else row for row, request in zip(rows, requests)]
    verdicts = judge_splices([row if isinstance(row, dict) else plain for row, plain in zip(written, rows)])
    kept: list[Row] = []
    for plain, request, fault, row, verdict in zip(rows, requests, faults, written, verdicts):
        reason = fault or _find_reason(plain, row, verdict["verdict"])
        chosen = plain if reason or isinstance(row, str) else row
        reply = replies[request.id] if request else None
        kept.append(
            {
                **chosen, "smoothed_by": None if reason else by, "not_smoothed": reason or None,
                "smooth_reply": keep_reply(reply) if reply else None, "smooth_request": request.id if request else None,
            }
        )  # fmt: skip
    schema = part.drop(ADDED, strict=False).schema | ADDED
    return Outcome(pl.DataFrame(kept, schema=schema), part.clear())


def _find_obstacle(row: Row) -> str:
    """Why nobody is asked about a row; empty where somebody is."""
    if row["style"] not in SMOOTHED:
        return NO_TURN
    count = sum(segment["kind"] in ("transition", "revision") for segment in row["segments"])
    return MASKED if count > 2 else ""


def _request(row: Row, rules: SmoothParameters, model: ModelId) -> Request:
    before, turn, end = _cut(row["segments"])
    sign = mark({**row, "steps": [turn, end]})
    texts = {
        "question": format_question(row["question"], row["options"]),
        "beginning": "".join(segment["text"] for segment in before[1:]),
        "turn": turn["text"].strip(),
        "end": end["text"],
    }
    fields = {name: strip_marks(text, sign) for name, text in texts.items()} | {"mark": sign}
    sampling = Sampling(
        rules.max_tokens, rules.temperature, rules.top_p, schema=_SCHEMA if '"turn"' in rules.prompt else ""
    )
    return model.ask(prompts.fill(rules.prompt, fields), sampling)


def _cut(segments: Sequence[Segment]) -> tuple[list[Segment], Segment, Segment]:
    """What stands before the turn, the turn, and the end."""
    *before, turn, end = segments
    return before, turn, end


def _read(row: Row, reply: Reply, by: str) -> dict[str, Any] | str:
    """The row with the turn and the end of a reply; or why there is none."""
    texts = read_texts(reply, ("turn", "end"))
    if isinstance(texts, str):
        return texts
    before, turn, end = _cut(row["segments"])
    new = [*before, {**turn, "text": f"\n{texts['turn']}\n", "by": by}, {**end, "text": texts["end"], "by": by}]
    whole = "".join(segment["text"] for segment in new[1:])
    return {
        **row,
        "segments": new,
        "text": whole,
        "spliced_id": identify_splice(row["problem_id"], row["style"], whole),
    }


def _find_reason(plain: Row, row: Row | str, verdict: str) -> str:
    """Why what a model wrote is not kept; empty where it is."""
    if isinstance(row, str):
        return row
    old, new = (_list_behind(each) for each in (plain, row))
    if old == new:
        return SAME
    if list_equations(old) != list_equations(new):
        return OTHER_EQUATIONS
    if verdict != "right":
        return OTHER_ANSWER
    return SOURCE if SOURCE_WORDS.search(new) else ""


def _list_behind(row: Row) -> str:
    return "".join(segment["text"] for segment in row["segments"][-2:])


def list_equations(text: str) -> list[tuple[Calculation, Fraction]]:
    """The equations of a text in their order: left side and result."""
    return [
        (equation.calculation, equation.result.value) for line in text.split("\n") for equation in find_equations(line)
    ]


def _makes(_: SmoothParameters, given: Contract) -> Contract:
    return given.having(*SMOOTHED_COLUMNS)


def _check(rules: SmoothParameters, _: Contract) -> list[str]:
    missing = [
        name for name in ("question", "beginning", "turn", "end") if name not in prompts.list_fields(rules.prompt)
    ]
    return [f"prompt: has no {{{name}}}; put it in" for name in missing]


SMOOTH = Asking(
    name="smooth",
    summary="Has a model connect the pieces of self-corrections, and keeps its words where equations and answer stay the same.",
    version=f"3 verify {VERIFIER}",
    parameters=SmoothParameters,
    needs=("spliced_id", "style", "segments", "text", "problem_id", "question", "options", "answer"),
    makes=_makes,
    check=_check,
    models=lambda rules: [rules.model],
    ask=rewrite_splices,
    rows_per_row=lambda _: 1,
)
