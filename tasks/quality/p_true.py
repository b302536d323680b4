"""`p-true`: how probable a model finds it that a solution's answer is true, beside answers of its own.

P(True) of Kadavath et al. 2022 (arXiv 2207.05221, section 4): the model is shown
the question, some answers that it drew itself at temperature 1, and the proposed
one, and is asked whether that is (A) true or (B) false. What counts is not what
it says but the probability of A beside that of B, so one token is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from pydantic import Field

from schemas.columns.certainty import P_TRUE_COLUMNS
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Message, Reply, Request, Sampling, replace_surrogates
from schemas.task import Asking, Conversation, Outcome, Parameters
from tasks.llm import prompts
from tasks.llm.channels import split_channels
from tasks.llm.prompt_guard import mark, strip_marks
from tasks.llm.prompts import Template
from tasks.llm.question import format_question
from tasks.llm.sampling import MaxTokens
from tasks.verify.compare import choose_answer_kind
from tasks.verify.task import find_answer

ADDED = to_polars_schema(Contract("p_true", "", P_TRUE_COLUMNS, ""))
TRUE, FALSE = "A", "B"
LONGEST = 200
"""Characters of an answer that are shown."""
SHOWN = "Answers that came to mind:"
NO_ANSWER, NEITHER = "no answer", "neither letter is likely"


class PTrueParameters(Parameters):
    """Parameters of `p-true`."""

    model: str = Field(
        description="The model that is asked, by its name under `models:`; the paper asks the one that solved."
    )
    samples: int = Field(
        5,
        ge=0,
        le=100,
        description="Own answers that it is shown besides, drawn at temperature 1; the paper's number is 5.",
    )
    prompt: Template = Field(
        "is-true",
        validate_default=True,
        description="A prompt of ours by its name, or a text with {question}, {answer} and {samples}, to be answered with A for true and B "
        "for false.",
    )
    solve_prompt: Template = Field(
        "solve",
        validate_default=True,
        description="The prompt by which its own answers are drawn; with that of `generate`, what was drawn there is not asked again.",
    )
    max_tokens: MaxTokens = Field(
        1024, description="Tokens of a solution of its own; of one cut off there no answer is shown."
    )

    def count_answer_tokens(self) -> int | None:
        """Of a solution of its own; none where none is shown."""
        return self.max_tokens if self.samples else None

    def list_prompts(self, _: str) -> Mapping[str, str]:
        """The templates, by the parameters that choose them."""
        return {"prompt": self.prompt, **({"solve_prompt": self.solve_prompt} if self.samples else {})}


def measure_p_true(part: pl.DataFrame, rules: PTrueParameters, names: Mapping[str, ModelId]) -> Conversation:
    """Adds `p_true`, the probability that the model gives the row's answer; rejects nothing.

    Args:
        part: Verified solutions.
        rules: The model, its prompts, and how many answers of its own it is shown.
        names: How requests name each model of the recipe.

    Yields:
        The solutions of its own, once for each problem, then one request for each different answer.

    Returns:
        All rows; `p_true` is null where the row has no answer, or the model gives neither letter.

    """
    model, rows = names[rules.model], part.select("question", "options", "answer", "extracted").to_dicts()
    solving = [_request_solutions(row, rules, model) if row["extracted"] else [] for row in rows]
    drawn: Mapping[str, Reply] = {}
    if any(solving):
        drawn = yield [request for requests in solving for request in requests]
    asks = [
        _ask_whether_true(row, rules, model, [drawn[request.id] for request in requests]) if row["extracted"] else None
        for row, requests in zip(rows, solving)
    ]
    replies = yield [ask for ask in asks if ask is not None]
    added = [_read_p_true(replies[ask.id], ask) if ask else _describe(None, NO_ANSWER) for ask in asks]
    measured = pl.DataFrame(added, schema=ADDED, orient="row")
    return Outcome(pl.concat([part.drop(ADDED, strict=False), measured], how="horizontal"), part.clear())


def _request_solutions(row: Mapping[str, Any], rules: PTrueParameters, model: ModelId) -> list[Request]:
    question = format_question(row["question"], row["options"])
    messages = prompts.fill(rules.solve_prompt, {"question": question})
    return [model.ask(messages, Sampling(rules.max_tokens), sample) for sample in range(rules.samples)]


def _ask_whether_true(
    row: Mapping[str, Any], rules: PTrueParameters, model: ModelId, drawn: Sequence[Reply]
) -> Request:
    sign = mark({**row, "text": row["extracted"]})
    kind = choose_answer_kind(row["answer"], row["options"])
    answers = [answer for reply in drawn if (answer := _find_own_answer(reply, kind))]
    fields = {
        "question": strip_marks(format_question(row["question"], row["options"]), sign),
        "answer": _shorten(row["extracted"], sign),
        "samples": list_samples([_shorten(answer, sign) for answer in answers]),
    }
    messages: tuple[Message, ...] = prompts.fill(rules.prompt, fields)
    return replace(model.ask(messages, Sampling(1, 0.0)), choices=(TRUE, FALSE))


def list_samples(answers: Sequence[str]) -> str:
    """What the prompt shows of answers that were drawn: a line for each; nothing of none."""
    return "\n- ".join([SHOWN, *answers]) + "\n" if answers else ""


def _find_own_answer(reply: Reply, kind: Any) -> str | None:
    """The answer of a solution; None where it has none, or was cut off."""
    if not isinstance(reply, Completion) or reply.finish == "length":
        return None
    text = split_channels(replace_surrogates(reply.text), apart=replace_surrogates(reply.thinking)).text
    extraction = find_answer({"text": text, "rationale": text, "stated": None}, kind)
    return extraction.answer if extraction else None


def _shorten(answer: str, sign: str) -> str:
    """An answer on one line, without what might pass for anything else."""
    line = " ".join(strip_marks(answer, sign).split())
    return line if len(line) <= LONGEST else line[:LONGEST] + "…"


def _read_p_true(reply: Reply, request: Request) -> dict[str, Any]:
    if not isinstance(reply, Completion):
        return _describe(None, reply.reason, request)
    shares = reply.compute_choice_shares(request)
    return _describe(shares.get(TRUE), None if shares else NEITHER, request)


def _describe(share: float | None, undecided: str | None, request: Request | None = None) -> dict[str, Any]:
    return {"p_true": share, "p_true_undecided": undecided, "p_true_request": request.id if request else None}


def _check(parameters: PTrueParameters, _: Contract) -> list[str]:
    """Prompts without a place for what they are about."""
    fields, solving = prompts.list_fields(parameters.prompt), prompts.list_fields(parameters.solve_prompt)
    needed = ["question", "answer", *(["samples"] if parameters.samples else [])]
    faults = [f"prompt: has no {{{name}}}; put it where it belongs" for name in needed if name not in fields]
    if parameters.samples and "question" not in solving:
        faults.append("solve_prompt: has no {question}; put it where the problem belongs")
    return faults


P_TRUE = Asking(
    name="p-true",
    summary="Adds how probable a model finds it that the answer is true: P(True), one token a row beside answers of its own.",
    version="1",
    parameters=PTrueParameters,
    needs=("solution_id", "question", "options", "answer", "extracted"),
    makes=lambda _, contract: contract.having(*P_TRUE_COLUMNS),
    check=_check,
    models=lambda parameters: [parameters.model],
    prompts=PTrueParameters.list_prompts,
    ask=measure_p_true,
    rows_per_row=lambda _: 1,
)
