"""A model that writes four steps of letters: right as long as none is x, of which it never recovers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import polars as pl

from schemas.columns.problems import PROBLEMS
from schemas.contract import Contract
from schemas.frames import check, to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Reply, Request
from schemas.task import Outcome
from tasks.search.nodes import NODES, NodesParameters
from tasks.search.parameters import SearchParameters
from tasks.search.search import SEARCH

NAMED = {"small": ModelId("small", "r1")}
LENGTH = 4
SLIPS = 0.25
"""The share of next steps behind a right one that are x."""


def table(*questions: str, **change: Any) -> pl.DataFrame:
    """Problems of these questions."""
    rows = [
        {"problem_id": f"{i:024x}", "set": "s", "question": question, "answer": "7", "source": f"f:{i}", **change}
        for i, question in enumerate(questions)
    ]
    return pl.DataFrame(rows, schema=to_polars_schema(PROBLEMS))


def reply(request: Request, text: str, finish: Any = "stop", **more: Any) -> Completion:
    return Completion(request.id, text, finish, 1024, 10, 5, None, "scripted", 0.0, **more)


def write(request: Request) -> Reply:
    """Goes on from the letters that are there: a or b, and x by chance; the answer is 7 where none is x."""
    random = Random(request.id)
    letters = [line.partition(". ")[2] for line in request.prefix.splitlines()]
    new: list[str] = []
    while len(letters) + len(new) < LENGTH:
        new.append("x" if "x" in [*letters, *new] or random.random() < SLIPS else random.choice("ab"))
    begun = "" if not request.prefix or request.prefix.endswith("\n") else "\n"
    lines = [f"{len(letters) + i}. {letter}" for i, letter in enumerate(new, 1)]
    return reply(request, begun + "\n".join([*lines, f"#### {8 if 'x' in [*letters, *new] else 7}"]))


def search(
    part: pl.DataFrame, say: Callable[[Request], Reply] = write, **given: Any
) -> tuple[list[tuple[Request, Reply]], Outcome]:
    """What was asked and answered, and the trees, which keep their contract and account for every problem."""
    rules = SearchParameters.model_validate({"model": "small", **given})
    contract = Contract(PROBLEMS.name, "", PROBLEMS.columns, PROBLEMS.key)
    assert SEARCH.check(rules, contract) == []
    conversation = SEARCH.ask(part, rules, NAMED)
    asked: list[tuple[Request, Reply]] = []
    try:
        requests: Sequence[Request] = next(conversation)
        while True:
            replies = {request.id: say(request) for request in requests}
            asked += [(request, replies[request.id]) for request in requests]
            requests = conversation.send(replies)
    except StopIteration as end:
        outcome: Outcome = end.value
    made = SEARCH.makes(rules, contract)
    check(outcome.kept.select(made.names()), made, "test")
    assert outcome.kept.height + outcome.rejected.height == part.height
    return asked, outcome


def list_nodes(trees: pl.DataFrame) -> list[dict[str, Any]]:
    """The nodes of trees, which keep their contract and account for every state."""
    outcome = NODES.run(trees, NodesParameters())
    made = NODES.makes(NodesParameters(), SEARCH.makes(SearchParameters(model="small"), PROBLEMS))
    check(outcome.kept.select(made.names()), made, "test")
    count = NODES.rows_of(NodesParameters())
    assert count is not None and count(trees) == outcome.kept.height + outcome.rejected.height
    return outcome.kept.to_dicts()
