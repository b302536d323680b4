"""`generate`: has models solve problems, each setting of sampling as often as it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from schemas.columns.certainty import STATISTIC_COLUMNS
from schemas.columns.problems import ASKED_COLUMNS, COMPLETION_COLUMNS, SOLUTION_ID
from schemas.contract import DETAIL, REASON, Column, Contract
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId
from schemas.recipe.settings import FurtherSampling
from schemas.request import Completion, Message, Reply, Request, Sampling, Statistic, replace_surrogates
from schemas.task import Asking, Conversation, Outcome, Parameters
from tasks.llm import prompts
from tasks.llm.channels import split_channels
from tasks.llm.prompts import Template
from tasks.llm.question import format_question
from tasks.llm.sampling import MaxTokens, Stop, Temperature, TopP, describe_sampling, find_repeated_model
from tasks.sources.content_ids import identify_solution

LONGEST = 1_000_000
"""Characters of a completion that become a row; no solution is longer."""


class Setting(FurtherSampling, Parameters):
    """One way to sample."""

    temperature: Temperature = 1.0
    top_p: TopP = 1.0
    samples: int = Field(1, ge=1, le=10_000, description="Solutions of each problem; greedy has but one.")

    @model_serializer(mode="wrap")
    def _list_values(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what is left to the server: a table that sets none of it has the fingerprint that it always had."""
        return {name: value for name, value in serialize(self).items() if value is not None}


class GenerateParameters(Parameters):
    """Parameters of `generate`."""

    models: list[str] = Field(min_length=1, description="The models that solve, by their names under `models:`.")
    prompt: Template = Field(
        "solve", validate_default=True, description="A prompt of ours by its name, or a text with {question}."
    )
    sampling: list[Setting] = Field(
        [Setting()], min_length=1, description="Each model answers each problem in all these ways."
    )
    max_tokens: MaxTokens = Field(1024, description="Tokens of a solution; one cut off there is rejected.")
    stop: Stop = Field([], description="Texts that end a solution.")
    logprobs: bool = Field(
        False,
        description="Whether each solution gets its log-probability, which `quality` and `consistency` use; vLLM is half as fast with it.",
    )
    statistics: list[Statistic] = Field(
        [],
        max_length=len(STATISTIC_COLUMNS),
        description="What else is kept of each solution's tokens, a column each. `self_certainty` needs the whole vocabulary, which `abacus` "
        "and `vllm` give; `token_logprobs` is the list itself. With any of them there is the log-probability, too.",
    )

    @model_serializer(mode="wrap")
    def _list_values(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `logprobs` and `statistics` where they are not set: such a table has the fingerprint that it always had."""
        return {
            name: value for name, value in serialize(self).items() if name not in ("logprobs", "statistics") or value
        }


@dataclass(frozen=True)
class SolutionRequest:
    """One solution to be asked for."""

    row: int
    strategy: str
    request: Request


def request_solutions(
    part: pl.DataFrame, rules: GenerateParameters, names: Mapping[str, ModelId]
) -> Iterator[SolutionRequest]:
    """All requests about a part: for each model and problem, each setting's samples together."""
    prompts_of = [_messages(row, rules.prompt) for row in part.select("question", "options").iter_rows(named=True)]
    for model in rules.models:
        named = names[model]
        for row, messages in enumerate(prompts_of):
            for setting in rules.sampling:
                sampling = Sampling(
                    rules.max_tokens, setting.temperature, setting.top_p, tuple(rules.stop), **setting.list_set()
                )
                strategy = describe_sampling(named.ask(messages, sampling), named)
                for sample in range(setting.samples):
                    request = named.ask(messages, sampling, sample)
                    needed = rules.logprobs or bool(rules.statistics)
                    request = replace(request, logprobs=needed, statistics=tuple(rules.statistics))
                    yield SolutionRequest(row, strategy, request)


def _messages(row: Mapping[str, Any], template: str) -> tuple[Message, ...]:
    return prompts.fill(template, {"question": format_question(row["question"], row["options"])})


def generate(part: pl.DataFrame, rules: GenerateParameters, names: Mapping[str, ModelId]) -> Conversation:
    """Solutions of the problems of a part; completions that were cut off, empty or refused are rejected.

    Args:
        part: Problems.
        rules: Models, prompt, settings of sampling, and the longest completion in tokens.
        names: How requests name each model of the recipe.

    Yields:
        All requests of the part at once, in one round.

    Returns:
        A row for each problem, model, setting and sample.

    """
    asks = list(request_solutions(part, rules, names))
    replies = yield [ask.request for ask in asks]
    faults = [find_fault(replies[ask.request.id], rules.max_tokens) for ask in asks]
    kept = [(ask, replies[ask.request.id]) for ask, fault in zip(asks, faults) if fault is None]
    dropped = [(ask, fault) for ask, fault in zip(asks, faults) if fault is not None]
    return Outcome(_make_solutions(part, kept, rules), _make_rejected(part, dropped))


def find_fault(reply: Reply, limit: int) -> tuple[str, str] | None:
    """Why a reply is no solution: reason and detail; None where it is one."""
    if not isinstance(reply, Completion):
        return reply.reason, reply.detail
    if reply.finish == "length":
        early = 0 < reply.tokens < limit
        by = f" by the server or the end of its context, where {limit} were allowed" if early else ""
        within = "" if reply.thinking_finished else ", within its thoughts"
        return "truncated completion", f"cut off at {reply.tokens if early else limit} tokens{by}{within}"
    if not reply.text.strip() and reply.tool_calls:
        return "tool call", "the model called a tool in place of an answer"
    if not reply.text.strip() and not reply.thinking.strip():
        return "empty completion", "no character but white space"
    if (length := len(reply.text) + len(reply.thinking)) > LONGEST:
        return "too long", f"{length} characters, at most {LONGEST}"
    return None


def _make_solutions(
    part: pl.DataFrame, kept: Sequence[tuple[SolutionRequest, Reply]], rules: GenerateParameters
) -> pl.DataFrame:
    """The rows of solutions: those of their problems, and what was answered."""
    prompt = prompts.name_prompt(rules.prompt)
    rows = part[[ask.row for ask, _ in kept]]
    ids = part["problem_id"].to_list()
    solutions = []
    for ask, reply in kept:
        assert isinstance(reply, Completion)
        model = str(ModelId(ask.request.model, ask.request.revision))
        how = f"{ask.strategy}, prompt {prompt}"
        channels = split_channels(replace_surrogates(reply.text), apart=replace_surrogates(reply.thinking))
        text, thinking = channels.text, channels.thinking or None
        key = identify_solution(ids[ask.row], model, how, ask.request.sample, text, thinking)
        finished = channels.is_finished and reply.thinking_finished
        thought = (thinking, reply.thinking_tokens, finished) if thinking else (None, None, None)
        solutions.append(
            (
                key,
                model,
                how,
                ask.request.sample,
                text,
                text,
                *thought,
                None,
                ask.request.id,
                reply.tokens,
                reply.known_logprob,
                *(reply.find_statistic(name) for name in rules.statistics),
            )
        )
    columns = (SOLUTION_ID, *COMPLETION_COLUMNS, *ASKED_COLUMNS, *_list_statistics(rules))
    schema = to_polars_schema(Contract("solutions", "", columns, SOLUTION_ID.name))
    return rows.hstack(pl.DataFrame(solutions, schema=schema, orient="row"))


def _make_rejected(part: pl.DataFrame, dropped: Sequence[tuple[SolutionRequest, tuple[str, str]]]) -> pl.DataFrame:
    """The problems whose solution is none, once for each, with who was asked and what came."""
    rows = part[[ask.row for ask, _ in dropped]]
    reasons = [reason for _, (reason, _) in dropped]
    details = [
        f"{ask.request.model}, {ask.strategy}, sample {ask.request.sample}: {detail}" for ask, (_, detail) in dropped
    ]
    return rows.with_columns(
        pl.Series(REASON.name, reasons, dtype=pl.String), pl.Series(DETAIL.name, details, dtype=pl.String)
    )


def _check(parameters: GenerateParameters, _: Contract) -> list[str]:
    """Parameters that cannot be meant: no question in the prompt, a model or a setting twice, greedy more than once."""
    faults = []
    if "question" not in prompts.list_fields(parameters.prompt):
        faults.append("prompt: has no {question}; put it where the problem belongs")
    faults += find_repeated_model(parameters.models)
    ways = [tuple((setting.model_dump() | {"samples": 1}).items()) for setting in parameters.sampling]
    if len(set(ways)) < len(ways):
        faults.append("sampling: has the same setting twice; keep one and raise its `samples`")
    if any(setting.temperature == 0 and setting.samples > 1 for setting in parameters.sampling):
        faults.append("sampling: temperature 0 gives the same solution each time; leave `samples` at 1")
    if len(set(parameters.statistics)) < len(parameters.statistics):
        faults.append("statistics: names one thing twice; keep one")
    return faults


def _list_statistics(rules: GenerateParameters) -> list[Column]:
    return [STATISTIC_COLUMNS[name] for name in rules.statistics]


def _makes(parameters: GenerateParameters, contract: Contract) -> Contract:
    columns = (SOLUTION_ID, *(c for c in contract.columns if c.name != SOLUTION_ID.name))
    solutions = Contract("solutions", "One solution of one model a row, with its problem.", columns, SOLUTION_ID.name)
    return solutions.having(*COMPLETION_COLUMNS, *ASKED_COLUMNS, *_list_statistics(parameters))


GENERATE = Asking(
    name="generate",
    summary="Has models solve problems: models × problems × sampling settings × samples.",
    version="3",
    parameters=GenerateParameters,
    needs=("problem_id", "question", "options"),
    makes=_makes,
    check=_check,
    models=lambda parameters: parameters.models,
    statistics=lambda parameters: parameters.statistics,
    ask=generate,
    rows_per_row=lambda parameters: len(parameters.models) * sum(setting.samples for setting in parameters.sampling),
)
