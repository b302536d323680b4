"""`continue`: goes on from a wrong solution before, or through, its first wrong step, and keeps what comes to the right answer.

Sources: Step-DPO (arXiv 2406.18629, section 3.2), whose chosen steps are first
steps of right continuations by the model that made the mistake; its twenty
samples are the default.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.columns.corrections import CARRIED, CONTINUATIONS
from schemas.columns.problems import SOLUTION_ID
from schemas.contract import Contract
from schemas.frames import reject_rows, to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Message, Reply, Request, Sampling, replace_surrogates
from schemas.task import Asking, Conversation, OneOrMore, Outcome, Parameters
from tasks.generate import find_fault
from tasks.llm import prompts
from tasks.llm.channels import split_channels
from tasks.llm.prompts import Template
from tasks.llm.question import format_question
from tasks.llm.read_channels import Reads, find_obstacle
from tasks.llm.sampling import MaxTokens, Stop, Temperature, TopP, describe_sampling
from tasks.localize.rollout_counts import START
from tasks.localize.rollouts import list_channel_prefixes
from tasks.sources.content_ids import identify_solution, normalize_text
from tasks.split import has_several_steps, split_continuation
from tasks.verify.math_verify.pool import compared
from tasks.verify.task import VERSION as VERIFIER
from tasks.verify.task import Answers, judge_rows

Place = Literal["before error", "through error"]
Keep = Literal["right", "wrong", "all"]
WINDOW = 20_000
"""Continuations of one round, about: they are held in memory."""
UNLOCATED = "no located mistake"


class ContinueParameters(Parameters):
    """Parameters of `continue`."""

    model: str = Field(description="The model that goes on, by its name under `models:`.")
    at: OneOrMore[Place] = Field(
        ["before error"],
        min_length=1,
        max_length=2,
        description="Where it begins: before error, through error, or both.",
    )
    keep: Keep = Field(
        "right", description="Continuations that are kept, by their final answers: right, wrong, or all."
    )
    samples: int = Field(20, ge=1, le=1000, description="Continuations that are asked for at each place at most.")
    most: int = Field(
        1,
        ge=1,
        le=1000,
        description="Continuations that are kept at each place; once they are found no more are asked for.",
    )
    distinct: bool = Field(True, description="Keep of several with the same next step the first alone.")
    prompt: Template = Field("solve", validate_default=True, description="The prompt that the model goes on from.")
    temperature: Temperature = Field(1.0, gt=0, description="Of the continuations.")
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(1024, description="Tokens of a continuation; one cut off there is not kept.")
    stop: Stop = Field([], description="Texts that end a continuation.")
    of: Reads = None
    answers: Answers = Field("auto", description="What sort of answer the problems ask for, as in `verify`.")


@dataclass
class Beginning:
    """A place where a solution is gone on from, and what has come of it."""

    row: Mapping[str, Any]
    place: Place
    messages: tuple[Message, ...]
    prefix: str
    steps: list[str]
    wrong_step: str
    sample: int = 0
    """The number of the next request."""
    tries: int = 0
    kept: list[dict[str, Any]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    """Why continuations were not kept."""
    right: int = 0

    def request_next(self, model: ModelId, sampling: Sampling) -> Request:
        """The next request, as `estimate` asks: the solution's own is passed over."""
        while True:
            request = model.ask(self.messages, sampling, self.sample, self.prefix)
            self.sample += 1
            if request.id != self.row.get("request_id"):
                self.tries += 1
                return request


def continue_solutions(part: pl.DataFrame, rules: ContinueParameters, names: Mapping[str, ModelId]) -> Conversation:
    """Continuations of located mistakes, a row each.

    Args:
        part: Solutions with their steps and `first_error`.
        rules: The model, where it begins, and what is kept.
        names: How requests name each model of the recipe.

    Yields:
        The requests of a round, for places that have not enough: as many as were asked for before.

    Returns:
        `most` rows for each solution and place; where fewer are kept the solution is rejected as often, with what came.

    """
    sampling = Sampling(rules.max_tokens, rules.temperature, rules.top_p, tuple(rules.stop))
    model = names[rules.model]
    rows = list(part.iter_rows(named=True))
    faults = [_find_fault(row, rules.of) for row in rows]
    beginnings = {
        (i, place): _begin(row, place, rules) for i, row in enumerate(rows) if faults[i] is None for place in rules.at
    }
    while open_ := [beginning for beginning in beginnings.values() if _is_open(beginning, rules)]:
        asked: list[tuple[Beginning, Request]] = []
        for beginning in open_:
            wanted = min(beginning.tries or rules.most, rules.samples - beginning.tries) if len(asked) < WINDOW else 0
            asked += [(beginning, beginning.request_next(model, sampling)) for _ in range(wanted)]
        replies = yield [request for _, request in asked]
        _sort_out([(beginning, request, replies[request.id]) for beginning, request in asked], rules, model)
    return _gather(part, rules, faults, beginnings)


def _find_fault(row: Mapping[str, Any], of: Reads) -> tuple[str, str | None] | None:
    """Why a solution is not gone on from: reason and detail; None where it is."""
    if fault := find_location_fault(row):
        return fault
    obstacle = find_obstacle(row, of)
    return (obstacle, None) if obstacle else None


def find_location_fault(row: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """Why a solution has no first wrong step that is known: reason and detail; None where it has."""
    first = row["first_error"]
    if first is None or first < 0:
        return UNLOCATED, row.get("first_error_undecided")
    if first >= len(row["steps"]):
        return "a first wrong step that the solution does not have", f"step {first} of {len(row['steps'])}"
    return None


def _begin(row: Mapping[str, Any], place: Place, rules: ContinueParameters) -> Beginning:
    messages = prompts.fill(rules.prompt, {"question": format_question(row["question"], row["options"])})
    first = row["first_error"] + (place == "through error")
    prefix = list_channel_prefixes(row, rules.of)[first - 1] if first else START
    return Beginning(row, place, messages, prefix, row["steps"][:first], row["steps"][row["first_error"]])


def _is_open(beginning: Beginning, rules: ContinueParameters) -> bool:
    return len(beginning.kept) < rules.most and beginning.tries < rules.samples


def _sort_out(answered: Sequence[tuple[Beginning, Request, Reply]], rules: ContinueParameters, model: ModelId) -> None:
    """Keep or drop each continuation of a round, in the order in which they were asked for."""
    whole: list[tuple[Beginning, Request, Completion, dict[str, Any]]] = []
    for beginning, request, reply in answered:
        if fault := find_fault(reply, rules.max_tokens):
            beginning.dropped[fault[0]] += 1
        elif isinstance(reply, Completion):
            whole.append((beginning, request, reply, _read(beginning, reply)))
    texts = [
        {**written, **{name: beginning.row[name] for name in ("answer", "options", "question")}}
        for beginning, _, _, written in whole
    ]
    schema = {name: pl.String() for name in ("text", "rationale", "stated", "answer", "question")}
    frame = pl.DataFrame(texts, schema={**schema, "options": pl.List(pl.String)}, strict=False)
    verdicts = judge_rows(frame, rules.answers, compared).to_dicts()
    for (beginning, request, reply, written), verdict in zip(whole, verdicts, strict=True):
        beginning.right += verdict["verdict"] == "right"
        reason = _find_reason(beginning, written, verdict["verdict"], rules)
        if reason:
            beginning.dropped[reason] += 1
        else:
            beginning.kept.append(_make_row(beginning, request, reply, written | verdict, rules, model))


def _read(beginning: Beginning, reply: Completion) -> dict[str, Any]:
    """The solution that a beginning and its continuation are: its channels and its steps."""
    channels = split_channels(
        replace_surrogates(beginning.prefix + reply.text), apart=replace_surrogates(reply.thinking)
    )
    own, rule = split_continuation(
        beginning.steps,
        beginning.row.get("step_rule"),
        channels.thinking if beginning.row.get("steps_of") == "thinking" else channels.text,
        split_channels(replace_surrogates(reply.text)).text,
    )
    return {
        "text": channels.text, "rationale": channels.text, "stated": None, "thinking": channels.thinking or None,
        "thinking_finished": channels.is_finished if channels.thinking else None, "thinking_tokens": None,
        "steps": [*beginning.steps, *own], "step_rule": rule, "steps_of": beginning.row.get("steps_of"), "own": own,
    }  # fmt: skip


def _find_reason(beginning: Beginning, written: Mapping[str, Any], verdict: str, rules: ContinueParameters) -> str:
    """Why a continuation is not kept; empty where it is."""
    if rules.keep != "all" and verdict != rules.keep:
        return verdict
    if not written["own"]:
        return "no step"
    if has_several_steps(written["own"][0], beginning.row.get("step_rule") or "auto"):
        return "several steps in one"
    own = normalize_text(written["own"][0])
    if rules.keep != "all" and beginning.place == "before error" and own == normalize_text(beginning.wrong_step):
        return "the wrong step again"
    if rules.distinct and own in {normalize_text(row["next_step"]) for row in beginning.kept}:
        return "a next step that is kept"
    return "" if len(beginning.kept) < rules.most else "more than are kept"


def _make_row(
    beginning: Beginning,
    request: Request,
    reply: Completion,
    written: Mapping[str, Any],
    rules: ContinueParameters,
    model: ModelId,
) -> dict[str, Any]:
    row = beginning.row
    asked = describe_sampling(request, model)
    how = f"{asked}, prompt {prompts.name_prompt(rules.prompt)}, {beginning.place} of {row['solution_id']}"
    name = str(ModelId(request.model, request.revision))
    key = identify_solution(row["problem_id"], name, how, request.sample, written["text"], written["thinking"])
    carried = {column.name: row[column.name] for column in CARRIED if column.name in row}
    return {
        **carried, **{name: value for name, value in written.items() if name != "own"}, SOLUTION_ID.name: key, "model": name,
        "sampling": how, "sample": request.sample, "request_id": request.id, "tokens": reply.tokens, "logprob": reply.known_logprob,
        "from_id": row["solution_id"], "from_text": row["text"], "from_steps": row["steps"], **describe_mistake(row), "continued": beginning.place, "steps_before": beginning.steps,
        "wrong_step": beginning.wrong_step, "next_step": written["own"][0],
    }  # fmt: skip


def describe_mistake(row: Mapping[str, Any]) -> dict[str, str | None]:
    """What is known of a located mistake: its type and cause (of `classify`), and the reason of the first judge who names its step."""
    votes = zip(row.get("judge_labels") or [], row.get("judge_reasons") or [])
    reason = next((reason for label, reason in votes if label == row["first_error"] and reason), None)
    return {"wrong_type": row.get("error_type"), "wrong_cause": row.get("error_cause"), "wrong_reason": reason}


def _gather(
    part: pl.DataFrame,
    rules: ContinueParameters,
    faults: Sequence[tuple[str, str | None] | None],
    beginnings: Mapping[tuple[int, Place], Beginning],
) -> Outcome:
    """The continuations, and the solutions that have too few, once for each that is missing."""
    rows, dropped, why = [], [], []
    for i, fault in enumerate(faults):
        for place in rules.at:
            beginning = beginnings.get((i, place))
            kept = beginning.kept if beginning else []
            rows += [{**row, "tries": beginning.tries, "tries_right": beginning.right} for row in kept if beginning]
            reasons = [fault or _describe(beginning, rules) for _ in range(rules.most - len(kept))]
            dropped += [i] * len(reasons)
            why += reasons
    schema = to_polars_schema(
        _makes(rules, Contract("", "", tuple(column for column in CARRIED if column.name in part.columns), ""))
    )
    return Outcome(pl.DataFrame(rows, schema=schema), reject_rows(part[dropped], why))


def _describe(beginning: Beginning | None, rules: ContinueParameters) -> tuple[str, str]:
    """Why a place has too few continuations, with what came of those that were asked for."""
    assert beginning is not None
    came = ", ".join(f"{count} {reason}" for reason, count in sorted(beginning.dropped.items()))
    kind = "" if rules.keep == "all" else f"{rules.keep} "
    detail = f"{beginning.place}: {beginning.tries} asked for, {len(beginning.kept)} kept"
    return f"fewer {kind}continuations than wanted", f"{detail}; {came}" if came else detail


def _makes(_: ContinueParameters, given: Contract) -> Contract:
    carried = [column for column in CARRIED if column.name in given.names()]
    own = [column for column in CONTINUATIONS.columns if column not in CARRIED]
    return Contract(CONTINUATIONS.name, CONTINUATIONS.meaning, (own[0], *carried, *own[1:]), CONTINUATIONS.key)


def _check(rules: ContinueParameters, _: Contract) -> Iterable[str]:
    if "question" not in prompts.list_fields(rules.prompt):
        yield "prompt: has no {question}; put it where the problem belongs"
    if len(set(rules.at)) < len(rules.at):
        yield "at: names a place twice; keep one"
    if rules.most > rules.samples:
        yield f"most: {rules.most} of {rules.samples} samples cannot be kept; raise `samples`, or lower `most`"


CONTINUE = Asking(
    name="continue",
    summary="Goes on from wrong solutions before or through their first wrong step, and keeps what comes to the right answer.",
    version=f"3 verify {VERIFIER}",
    parameters=ContinueParameters,
    needs=("solution_id", "problem_id", "question", "options", "answer", "text", "rationale", "steps", "first_error"),
    makes=_makes,
    check=lambda rules, given: list(_check(rules, given)),
    models=lambda rules: [rules.model],
    ask=continue_solutions,
    rows_per_row=lambda rules: len(rules.at) * rules.most,
    continues=lambda rules: [rules.model],
)
