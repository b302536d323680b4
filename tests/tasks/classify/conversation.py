"""Carries `classify`'s conversations on with a fake model: a function from request to text."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

import polars as pl

from schemas.columns.labels import AGREE_COLUMNS, JUDGE_COLUMNS
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Reply, Request
from tasks.classify.parameters import ClassifyParameters
from tasks.classify.task import CLASSIFY

GIVEN = SOLUTIONS.having(*STEP_COLUMNS, *JUDGE_COLUMNS, *AGREE_COLUMNS)
NAMES = {"a": ModelId("small", "r1"), "b": ModelId("big", "")}
Said = Callable[[Request], str]
T = TypeVar("T")


def rows(kinds: Sequence[str | None]) -> pl.DataFrame:
    """Mistakes of which no rule says anything; the wrong step's words hold the kind that a fake model may read there."""
    result: list[dict[str, Any]] = []
    for i, kind in enumerate(kinds):
        row: dict[str, Any] = {column.name: [] if column.kind.endswith("s") else None for column in GIVEN.columns}
        row |= {"solution_id": f"{i:024x}", "problem_id": f"{i:024x}", "set": "s", "answer": "58", "options": None}
        row |= {"question": f"How many figs has Ada, problem {i}?", "model": "m", "sampling": "greedy", "sample": 0}
        row |= {"source": f"f:{i}", "step_rule": "lines", "text": "t", "rationale": "t", "agreement": 1.0}
        row |= {
            "steps": ["I begin.", f"It looks like [{kind}] to me, number {i}."],
            "first_error": 1,
            "judge_kind": kind,
        }
        row |= {"confidence": 1.0, "judge_tokens": 0}
        result.append(row)
    return pl.DataFrame(result, schema=to_polars_schema(GIVEN))


def rules(**given: Any) -> ClassifyParameters:
    return ClassifyParameters.model_validate({"rules": False, "models": ["a"], "dynamic": {}, **given})


def text(request: Request) -> str:
    return "\n".join(message.content for message in request.messages)


def kind_in(request: Request) -> str:
    """What the wrong step's words hold; empty where none is shown."""
    _, result, rest = text(request).rpartition("It looks like [")
    return rest.partition("]")[0] if result else ""


def is_round(request: Request) -> bool:
    return "propose a new kind" in text(request)


def known_types(request: Request) -> list[str]:
    """The types that a request lists."""
    return [line[2:].partition(": ")[0] for line in text(request).split("\n") if line.startswith("- ")]


def new(name: str, definition: str = "") -> str:
    return json.dumps({"cause": "C.", "type": "new", "name": name, "definition": definition})


def named(name: str) -> str:
    return json.dumps({"cause": "C.", "type": name})


def proposing(request: Request) -> str:
    """A classifier that names what it reads: a type of the list where it stands there, a new one where it does not."""
    kind = kind_in(request)
    return named(kind) if kind in known_types(request) else new(kind)


def talked(conversation: Generator[Sequence[Request], Mapping[str, Reply], T], say: Said) -> tuple[list[Request], T]:
    """A conversation to its end: what was asked, and what it returned."""
    asked: list[Request] = []
    try:
        some = next(conversation)
        while True:
            asked += some
            replies: Mapping[str, Reply] = {item.id: reply(item, say(item)) for item in some}
            some = conversation.send(replies)
    except StopIteration as end:
        return asked, end.value


def reply(request: Request, value: str) -> Completion:
    return Completion(request.id, value, "stop", request.sampling.max_tokens, 20, 9, None, "fake 1", 0.0)


def classified(part: pl.DataFrame, given: ClassifyParameters, say: Said) -> tuple[list[Request], pl.DataFrame]:
    asked, outcome = talked(CLASSIFY.ask(part, given, NAMES), say)
    assert outcome.rejected.height == 0
    assert outcome.kept["solution_id"].to_list() == part["solution_id"].to_list()
    return asked, outcome.kept


def settled(
    parts: Sequence[pl.DataFrame], given: ClassifyParameters, say: Said
) -> tuple[list[Request], ClassifyParameters]:
    begin = CLASSIFY.fit(given)
    assert begin is not None
    return talked(begin.ask(parts, given, NAMES), say)
