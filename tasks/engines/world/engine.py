"""The engine `world`: a teacher whose truth is known, for tests and for measuring what critiques and revisions are worth.

It is no language model. It reads the problem out of a prompt's own words, works
it out, and errs as often as its declaration says; each error is drawn from the
request's id, so the same request always gets the same answer.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from math import exp, isnan, log, nan
from random import Random

from schemas.model_id import ModelId
from schemas.recipe.models import World
from schemas.request import Completion, EngineError, Failure, Reply, Request
from tasks.engines.token_statistics import TokenProbabilities, describe_tokens
from tasks.engines.world import answers, solving
from tasks.engines.world.assignment import ROLES, Assignment, UnknownRoleError, read_assignment
from tasks.sources.content_ids import digest
from tasks.synthetic.problems import Problem

VERSION = "1"
"""Changes when the same request would get another answer."""
TEACHER = "world (no language model)"
"""What tables, cards and reports call it, so that no reader takes its words for a language model's."""
NO_PROBLEM = "no question of the world"
LONGEST_SHOWN = 120


def identify_teacher(model: World) -> ModelId:
    """How requests name a teacher: its skill and its seed are its revision."""
    skill = f"{model.skill.model_dump_json()} {model.seed}"
    return ModelId(TEACHER, f"{VERSION}-{hashlib.blake2b(skill.encode(), digest_size=5).hexdigest()}")


def explain_roles(prompt: str, usual: str | None = None) -> str | None:
    """Why the teacher cannot answer a prompt, and what to do; None where it can.

    Args:
        prompt: The prompt's name, as `name_prompt` gives it.
        usual: The prompt in whose place it stands, if that is known, likewise.

    Returns:
        The fault, in words for the recipe's author.

    """
    name, role = prompt.partition(" ")[0], ROLES.get((usual or "").partition(" ")[0])
    known = [other for other in sorted(ROLES) if role in (None, ROLES[other])]
    if name in known:
        return None
    fault = (
        f"takes the prompt '{prompt}' for another task's" if name in ROLES else f"does not know the prompt '{prompt}'"
    )
    return (
        f"a teacher of known truth {fault}: it knows {', '.join(known)}; ask by one of these, or name a language model"
    )


class WorldEngine:
    """Answers requests about problems of Abacus' world; of another question it is a `Failure`."""

    name = f"world {VERSION}"

    def __init__(self, model: World) -> None:
        self._model = model

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Give the reply to each request, in their order; `EngineError` where a prompt is none that it knows."""
        for request in requests:
            yield self._answer(request)

    def close(self) -> None:
        """Nothing is held."""

    def _answer(self, request: Request) -> Reply:
        try:
            assignment = read_assignment(request)
        except UnknownRoleError:
            last = " ".join(request.messages[-1].content.split())[:LONGEST_SHOWN] if request.messages else ""
            known = ", ".join(sorted(ROLES))
            raise EngineError(
                f"model 'world': the request {request.id} follows no prompt that the teacher knows: …{last!r}; use one of {known} as it "
                "ships, or ask a language model"
            ) from None
        if assignment.problem is None:
            detail = f"the prompt '{assignment.prompt}' asks {' '.join(assignment.fields.get('question', '').split())[:LONGEST_SHOWN]!r}"
            return Failure(
                request.id, NO_PROBLEM, detail, request.sampling.max_tokens, engine=self.name, at=time.time()
            )
        text, logprob = self._write(request, assignment, assignment.problem)
        return self._complete(request, text, logprob)

    def _write(self, request: Request, assignment: Assignment, problem: Problem) -> tuple[str, float | None]:
        skill, random = self._model.skill, Random(digest("world's teacher", assignment.role, request.id))  # noqa: S311
        match assignment.role:
            case "solve" if request.prefix.strip():
                return solving.continue_solution(problem, request.prefix, skill, random), None
            case "solve":
                return solving.solve(problem, skill, random), None
            case "correct":
                return solving.revise(assignment, problem, skill, random), None
            case "mend":
                return solving.mend(assignment, problem, skill, random), None
            case "judge":
                return answers.judge(assignment, problem, skill, random)
            case "critique":
                return answers.write_critique(assignment, problem, skill, random), None
            case "explain":
                return answers.explain(assignment, problem, skill, random), None
            case "rewrite":
                return answers.rewrite(assignment, skill, random), None
            case "checklist":
                return answers.answer_checklist(assignment, problem, skill, random), None
            case "is true":
                return answers.say_whether_true(assignment, problem, skill, random)

    def _complete(self, request: Request, text: str, logprob: float | None) -> Completion:
        """The completion, ended at a stop text or at its limit: a word is a token."""
        sampling, finish = request.sampling, "stop"
        ends = [at for stop in sampling.stop if (at := text.find(stop)) >= 0]
        text = text[: min(ends)] if ends else text
        tokens = len(text.split())
        if tokens > sampling.max_tokens:
            text, tokens, finish = _cut_words(text, sampling.max_tokens), sampling.max_tokens, "length"
        prompt = sum(len(message.content.split()) for message in request.messages) + len(request.prefix.split())
        price = self._model.price.of(prompt, tokens) if self._model.price else None
        if request.needs_logprobs and logprob is None:
            logprob = nan
        limit = sampling.max_tokens
        return Completion(
            request.id, text, "length" if finish == "length" else "stop", limit, prompt, tokens, logprob, self.name, time.time(), price,
            **describe_tokens(request, text, TokenProbabilities(first=_list_first(request, text, logprob))),
        )  # fmt: skip


def _list_first(request: Request, text: str, logprob: float | None) -> list[tuple[str, float]]:
    """The word that it says, and the others that it was given to choose from, which share what is left."""
    others = [choice for choice in request.choices if choice != text]
    if logprob is None or isnan(logprob):
        return []
    left = (1 - exp(logprob)) / len(others) if others else 0.0
    return [(text, logprob), *((choice, log(left)) for choice in others if left > 0)]


def _cut_words(text: str, most: int) -> str:
    """The beginning of a text that has so many words."""
    end = 0
    for _ in range(most):
        while end < len(text) and text[end].isspace():
            end += 1
        while end < len(text) and not text[end].isspace():
            end += 1
    return text[:end]
