"""`checklist`: has a model answer a list of questions about each solution with yes or no; the share of yes is its score.

Source: TICK (arXiv 2410.03608, section 3): a yes/no list is easier to agree on than a
score, and the share of yes is one. There a model writes a list for each instruction;
here all solutions share one, that of the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import polars as pl
from pydantic import Field

from schemas.columns.checklist import CHECKLIST_COLUMNS
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Reply, Request, Sampling, replace_surrogates
from schemas.task import Asking, Conversation, Outcome, Parameters
from tasks.generate import find_fault
from tasks.llm import prompts
from tasks.llm.channels import split_channels
from tasks.llm.judge_reply import UNPARSABLE
from tasks.llm.prompt_guard import fill_fields
from tasks.llm.prompts import Template
from tasks.llm.sampling import MaxTokens

ADDED = to_polars_schema(Contract("checklist", "", CHECKLIST_COLUMNS, ""))
NO_STEPS = "no steps"
_QUESTION = re.compile(r"^(\d+)\. ", re.MULTILINE)
_ANSWER = re.compile(r"^[\s*_>-]*(\d+)[.):]?[\s*_]*(yes|no)\b", re.IGNORECASE | re.MULTILINE)


class ChecklistParameters(Parameters):
    """Parameters of `checklist`."""

    model: str = Field(description="The model that is asked, by its name under `models:`.")
    prompt: Template = Field(
        "checklist",
        validate_default=True,
        description="A prompt of ours by its name, or a text with {question}, {steps} and lines of questions that begin with `1. `, `2. ` "
        "and so on, each to be answered with yes for what is right.",
    )
    max_tokens: MaxTokens = Field(256, description="Tokens of the answers; ones cut off there are undecided.")

    @property
    def questions(self) -> int:
        """How many questions the list has."""
        return len(_QUESTION.findall(self.prompt))

    def count_answer_tokens(self) -> int | None:
        """Those of the answers."""
        return self.max_tokens


def answer_checklists(part: pl.DataFrame, rules: ChecklistParameters, names: Mapping[str, ModelId]) -> Conversation:
    """Adds a model's answers to a list of questions, and the share of yes; rejects nothing.

    Args:
        part: Solutions with their steps.
        rules: The model, and the prompt with the list.
        names: How requests name each model of the recipe.

    Yields:
        One request for each solution, all in one round.

    Returns:
        All rows; the share is null where a question is not answered, or answered twice differently.

    """
    model, rows = names[rules.model], part.to_dicts()
    asks = [_ask_about(row, rules, model) if row["steps"] else None for row in rows]
    replies = yield [ask for ask in asks if ask is not None]
    added = [_read_answers(replies[ask.id], ask, rules) if ask else _describe([], NO_STEPS) for ask in asks]
    answered = pl.DataFrame(added, schema=ADDED, orient="row")
    return Outcome(pl.concat([part.drop(ADDED, strict=False), answered], how="horizontal"), part.clear())


def _ask_about(row: Mapping[str, Any], rules: ChecklistParameters, model: ModelId) -> Request:
    shown = {**row, "thoughts": None, "reference": None}
    return model.ask(prompts.fill(rules.prompt, fill_fields(shown, (), False)), Sampling(rules.max_tokens, 0.0))


def _read_answers(reply: Reply, request: Request, rules: ChecklistParameters) -> dict[str, Any]:
    fault = find_fault(reply, rules.max_tokens)
    if fault is not None:
        return _describe([], fault[0], request)
    text = split_channels(replace_surrogates(reply.text), apart="").text  # type: ignore[union-attr]
    answers = parse_answers(text, rules.questions)
    return _describe(answers, None if answers else UNPARSABLE, request)


def parse_answers(text: str, questions: int) -> list[str]:
    """The answers to so many questions, in their order.

    Args:
        text: A reply: a line for each, its number and yes or no.
        questions: How many there are.

    Returns:
        `yes` or `no` for each; none where one is missing, answered in two ways, or of no question.

    """
    words_of: dict[int, set[str]] = {}
    for number, word in _ANSWER.findall(text):
        words_of.setdefault(int(number[:9]), set()).add(word.casefold())
    if set(words_of) != set(range(1, questions + 1)) or any(len(words) > 1 for words in words_of.values()):
        return []
    return [next(iter(words_of[number])) for number in range(1, questions + 1)]


def _describe(answers: list[str], undecided: str | None, request: Request | None = None) -> dict[str, Any]:
    return {
        "checklist_answers": answers,
        "checklist_share": answers.count("yes") / len(answers) if answers else None,
        "checklist_undecided": undecided,
        "checklist_request": request.id if request else None,
    }


def _check(parameters: ChecklistParameters, _: Contract) -> list[str]:
    """Prompts without a place for what they are about, or without a list."""
    fields = prompts.list_fields(parameters.prompt)
    faults = [f"prompt: has no {{{name}}}; put it where it belongs" for name in ("question", "steps") if name not in fields]  # fmt: skip
    numbers = [int(number[:9]) for number in _QUESTION.findall(parameters.prompt)]
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        faults.append("prompt: its questions are no list from 1; begin each line of a question with `1. `, `2. ` and so on")  # fmt: skip
    return faults


CHECKLIST = Asking(
    name="checklist",
    summary="Has a model answer a list of yes/no questions about each solution; the share of yes is a score.",
    version="1",
    parameters=ChecklistParameters,
    needs=("solution_id", "question", "options", "text", "steps"),
    makes=lambda _, contract: contract.having(*CHECKLIST_COLUMNS),
    check=_check,
    models=lambda parameters: [parameters.model],
    prompts=lambda parameters, _: {"prompt": parameters.prompt},
    ask=answer_checklists,
    rows_per_row=lambda _: 1,
)
