"""The parameters of `revise`, and what of them cannot be meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from schemas.contract import Contract
from schemas.task import Parameters
from tasks.conditions import find_condition_faults
from tasks.llm import prompts
from tasks.llm.prompts import Template
from tasks.llm.sampling import MaxTokens, Stop, Temperature, TopP, find_repeated_model
from tasks.localize.judge_parameters import JudgeParameters
from tasks.verify.task import Answers

Feedback = Literal["none", "verdict", "critique", "reference", "merged", "run"]
RUN_COLUMNS = ("error_type", "traceback")
"""What the interpreter said of an attempt."""
CRITICS: dict[Feedback, tuple[int, int]] = {"critique": (1, 1), "reference": (1, 1), "merged": (2, 20)}
"""How many critics each feedback takes."""
SCORING = JudgeParameters(models=["scorer"], form="likelihood")
"""How a scorer is asked: as a judge that says one word after each step."""


class ReviseParameters(Parameters):
    """Parameters of `revise`."""

    actor: str = Field(description="The model that revises, by its name under `models:`.")
    feedback: Feedback = Field(
        "critique",
        description="What it is told of an attempt. none: to look again. verdict: right or wrong. critique: what a critic says. "
        "reference: what a critic says who sees the right solution. merged: what two critics or more agree on. run: what running its "
        "program came to (columns `error_type` and `traceback`); the revision is undecided until `run` has run it.",
    )
    critics: list[str] = Field([], max_length=20, description="The models that criticize: one, or of merged several.")
    scorer: str | None = Field(
        None,
        description="A model that gives each step of an attempt a probability of being right, one word a step, as `judge` does in the form "
        "likelihood. Critics and the actor are shown the scores, and those of revisions in the next turn.",
    )
    turns: int = Field(1, ge=1, le=20, description="Revisions of each solution, one after the other, at most.")
    samples: int = Field(1, ge=1, le=100, description="Revisions after the same feedback; the next turn goes on from a right one, else the first.")  # fmt: skip
    history: Literal["whole", "last", "none"] = Field(
        "whole", description="What the actor sees of attempts before: all, the last, or none of them."
    )
    stop: Literal["right", "content", "turns"] = Field(
        "right",
        description="When a chain ends early. right: its attempt is right. content: critics find nothing wrong. turns: never.",
    )
    keep: Literal["all", "better", "best", "success"] = Field(
        "all",
        description="Attempts that are kept, by their reward: all; better than the one before; better than all before; right ones. The first "
        "is kept but for success.",
    )
    helps: float | None = Field(
        None, ge=0, le=1, description="Revisions are kept only where at least this share of the `samples` after their feedback that are judged is right."
    )  # fmt: skip
    when: str | None = Field(
        None, min_length=1, description="A SQL condition over the table's columns: solutions that do not meet it are not revised."
    )  # fmt: skip
    name_earlier: bool = Field(False, description="Whether the actor is told which earlier answers were wrong.")
    temperature: Temperature = 1.0
    warmer: float = Field(0.0, ge=0, le=1, description="By how much the temperature rises each turn.")
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(1024, description="Tokens of a revision; one cut off there is dropped.")
    stop_texts: Stop = Field([], description="Texts that end a revision.")
    critique_tokens: MaxTokens = Field(2048, description="Tokens of a critique; one cut off there ends the chain.")
    critique_temperature: Temperature = 0.0
    prompt: Template = Field(
        "solve", validate_default=True, description="The prompt that the first attempts were asked by."
    )
    critique_prompt: Template = Field("critique", validate_default=True, description="The prompt of critics.")
    answers: Answers = Field("auto", description="What sort of answer the problems ask for, as in `verify`.")

    def list_models(self) -> list[str]:
        """The models that are asked."""
        return list(dict.fromkeys([self.actor, *self.critics, *filter(None, [self.scorer])]))

    def list_prompts(self, model: str) -> dict[str, str]:
        """The prompts that a model is asked by: to revise, to criticize, or both."""
        revises = {"prompt": self.prompt, "feedback": find_feedback_prompt(self.feedback)}
        criticizes = {"critique_prompt": self.critique_prompt}
        scores = {"scorer": SCORING.template} if model == self.scorer else {}
        return (revises if model == self.actor else {}) | (criticizes if model in self.critics else {}) | scores


def find_feedback_prompt(feedback: Feedback) -> str:
    """The prompt that tells a reviser what is said of its attempt: however a critique came about, it is one."""
    return prompts.find_template(f"revise-{'critique' if feedback in CRITICS else feedback}")


def check_parameters(rules: ReviseParameters, contract: Contract) -> list[str]:
    """Parameters that cannot be meant, and columns that they need."""
    return list(_find_faults(rules, contract))


def _find_faults(rules: ReviseParameters, contract: Contract) -> Iterator[str]:
    fewest, most = CRITICS.get(rules.feedback, (0, 0))
    if not fewest <= len(rules.critics) <= most:
        wanted = "none" if not most else f"{fewest}" if fewest == most else f"{fewest} to {most}"
        yield f"critics: feedback {rules.feedback} takes {wanted}, found {len(rules.critics)}; change either"
    yield from (fault.replace("models:", "critics:") for fault in find_repeated_model(rules.critics))
    if rules.scorer and rules.feedback == "run":
        yield "scorer: steps of programs are not scored; take another feedback than run, or leave it out"
    if rules.feedback == "run":
        missing = [name for name in RUN_COLUMNS if name not in contract.names()]
        if missing:
            yield f"feedback: run needs the column '{missing[0]}', which the table has not; run its programs first"
        if rules.turns > 1:
            yield "turns: revisions are not run again, so feedback run has one turn; revise the revisions in a table of their own"
        for name, other in (
            ("samples", rules.samples > 1),
            ("keep", rules.keep != "all"),
            ("helps", rules.helps is not None),
        ):
            if other:
                yield f"{name}: no revision has a verdict until `run` has run it; leave it out, and select behind `run`"
    if rules.stop == "content" and not rules.critics:
        yield "stop: content is of critics; name some, or stop where an attempt is right"
    if rules.samples > 1 and rules.temperature == 0:
        yield "samples: temperature 0 gives the same revision each time; raise `temperature`, or leave 1 sample"
    if "question" not in prompts.list_fields(rules.prompt):
        yield "prompt: has no {question}; put it where the problem belongs"
    for name in ("question", "steps", *(["verdict"] if rules.scorer and rules.critics else [])):
        if name not in prompts.list_fields(rules.critique_prompt):
            yield f"critique_prompt: has no {{{name}}}; put it where it belongs"
    if rules.when is not None:
        yield from (f"when: {fault}" for fault in find_condition_faults(rules.when, contract))
