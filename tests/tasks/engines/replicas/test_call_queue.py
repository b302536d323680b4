"""Requests are dealt out by what they begin with and by load, and a death costs nobody an answer."""

from __future__ import annotations

import pytest

from schemas.request import EngineError, Message, Request, Sampling
from tasks.engines.replicas.call_queue import CallQueue, Sent, find_replica

MOST = 8


def ask(problem: int, sample: int = 0, prefix: str = "") -> Request:
    return Request(
        "m", "", (Message("system", "solve"), Message("user", f"problem {problem}")), Sampling(9), sample, prefix
    )


def meant_for(replica: int, count: int, replicas: int = 2) -> list[Request]:
    """Requests about problems that are meant for a replica."""
    of_it = [ask(problem) for problem in range(40 * count) if find_replica(ask(problem), replicas) == replica]
    return of_it[:count]


def take(queue: CallQueue, places: dict[int, int]) -> dict[int, list[Sent]]:
    taken: dict[int, list[Sent]] = {}
    for replica, sent in queue.take(places):
        taken.setdefault(replica, []).append(sent)
    return taken


@pytest.mark.parametrize("replicas", [1, 2, 3, 8])
def test_what_begins_alike_is_meant_for_one_replica_and_problems_are_spread(replicas: int) -> None:
    counts = [0] * replicas
    for problem in range(400):
        replica = find_replica(ask(problem), replicas)
        turns = (*ask(problem).messages, Message("assistant", "2"), Message("user", "again"))
        later = Request("m", "", turns, Sampling(50), 3, "so")
        assert {find_replica(ask(problem, sample, "x" * sample), replicas) for sample in range(5)} == {replica}
        assert find_replica(later, replicas) == replica, "a conversation stays where its beginning was read"
        counts[replica] += 1
    assert min(counts) > 400 / replicas * 0.6


def test_each_replica_gets_its_own_and_who_runs_out_of_work_gets_another_s() -> None:
    queue = CallQueue(2)
    ours, others = meant_for(0, 30), meant_for(1, 5)
    queue.add([*ours, *others])
    taken = take(queue, {0: MOST, 1: MOST})
    assert [sent.request for sent in taken[0]] == ours[:MOST]
    assert [sent.request for sent in taken[1]] == others, "five of eight places are enough to do"
    for sent in taken[1][:3]:
        queue.settle(sent.number)
    (stolen,) = take(queue, {0: MOST, 1: MOST}).items()
    assert stolen[0] == 1 and [sent.request for sent in stolen[1]] == ours[-1:-3:-1], "from the end"


def test_what_is_meant_for_a_replica_that_is_away_goes_to_the_others() -> None:
    queue = CallQueue(3)
    requests = [ask(problem) for problem in range(12)]
    queue.add(requests)
    taken = take(queue, {0: MOST, 2: MOST})
    assert {sent.request for sents in taken.values() for sent in sents} == set(requests)


def test_what_was_inside_a_replica_that_died_goes_first_to_the_others_and_nothing_twice() -> None:
    queue = CallQueue(2)
    queue.add([*meant_for(0, 20), *meant_for(1, 20)])
    before = take(queue, {0: MOST, 1: MOST})
    queue.settle(before[0][0].number)
    assert queue.return_inside(0)
    for sent in before[1]:
        queue.settle(sent.number)
    after = take(queue, {1: MOST})[1]
    assert [sent.number for sent in after[:7]] == [sent.number for sent in before[0][1:]]
    assert before[0][0].number not in {sent.number for sent in after}


def test_what_was_inside_two_deaths_is_what_kills_and_a_death_beside_it_is_not() -> None:
    queue = CallQueue(3)
    call = queue.add([request for replica in range(3) for request in meant_for(replica, MOST, 3)])
    take(queue, dict.fromkeys(range(3), MOST))
    assert queue.return_inside(0)
    assert queue.return_inside(1), "nothing of it was inside the other"
    take(queue, {0: MOST, 2: MOST})
    assert not queue.return_inside(0)
    queue.fail("gone")
    reply = call.replies.get_nowait()
    assert isinstance(reply, EngineError) and queue.is_empty and not queue.has_inside(2)


def test_a_call_that_is_withdrawn_says_where_its_requests_are() -> None:
    queue = CallQueue(2)
    call = queue.add([*meant_for(0, 3), *meant_for(1, 2)])
    taken = take(queue, {0: MOST, 1: MOST})
    assert queue.withdraw(call) == {replica: [sent.number for sent in sents] for replica, sents in taken.items()}
    assert queue.is_empty and not queue.take({0: MOST, 1: MOST})
