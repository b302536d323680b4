"""A build whose model breaks off again and again, and is started again until it ends."""

from __future__ import annotations

from collections.abc import Callable, Collection

from catalog.ledger import Ledger
from catalog.storage import Store
from flows.planning.plan import Plan
from schemas.request import EngineError, Reply, Request
from tests.flows.running.test_inference import House


def build_with_breaks(
    house: House, store: str, build: Callable[[], Plan], *, every: int, least: int, requests: Collection[str]
) -> Plan:
    """Build with a model that breaks off behind so many answers, until the build ends: each request is answered once.

    Args:
        house: Where the models are, with what they say.
        store: An empty store that `build` writes to.
        build: Makes all tables.
        every: Answers between two breaks.
        least: Breaks, at the least, that the build must meet.
        requests: The ids of all requests of a build that nothing breaks off.

    Returns:
        The plan that was built at last.

    """
    say, answered, breaks = house.say, list[str](), [0]

    def break_off(request: Request) -> Reply:
        if len(answered) // every > breaks[-1]:
            breaks.append(len(answered) // every)
            raise EngineError(f"model {request.model!r}: the line is down")
        answered.append(request.id)
        return say(request)

    house.say, stops, plan = break_off, 0, None
    while plan is None:
        try:
            plan = build()
        except EngineError:
            stops += 1
    house.say = say
    assert stops >= least
    assert sorted(answered) == sorted(requests)
    assert len(Ledger(Store(store))) == len(requests)
    return plan
