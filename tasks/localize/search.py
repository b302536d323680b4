"""The order in which prefixes are tested: every step, step after step, by halves, or only where a judge points.

With the hard label a prefix is left at its first success, which is a witness
for every prefix before it, and with the soft one it gets all its rollouts.
"""

from __future__ import annotations

from collections.abc import Callable

from tasks.localize.rollout_counts import START, RolloutTally, Search, count_needed


def try_prefix(tally: RolloutTally, step: int, rollouts: int, soft: bool) -> Search:
    """Test the prefix through a step, one rollout at a time until a success, or with all its rollouts at once."""
    prefix = tally.prefixes[step]
    while soft and (missing := tally.count_missing(prefix, rollouts)):
        yield {prefix: missing}
    while tally.reached < step and tally.count_missing(prefix, rollouts):
        yield {prefix: 1}
    tally.close(prefix, rollouts)


def search_soundly(tally: RolloutTally, method: Callable[[], Search], rollouts: int, soft: bool) -> Search:
    """Search by a method, and see that the completer succeeds from before the step that is then called wrong."""
    # shares are wanted from the start of the problem, too: it says how hard the problem is
    while soft and (missing := tally.count_missing(START, rollouts)):
        yield {START: missing}
    reached = None
    while reached != tally.reached:  # rollouts from the start may get further than the method did
        yield from method()
        reached = tally.reached
        yield from _test_before_error(tally, rollouts)


def _test_before_error(tally: RolloutTally, rollouts: int) -> Search:
    """Test the prefix before the step that is called wrong, until the completer is seen to succeed from there."""
    while (prefix := tally.before_error) is not None and tally.solves(prefix, rollouts) is None:
        missing = tally.count_missing(prefix, rollouts)
        if not missing:
            return
        yield {prefix: min(missing, count_needed(rollouts) - tally.count(prefix, True))}


def search_every_step(tally: RolloutTally, rollouts: int, soft: bool) -> Search:
    """All prefixes at once (Math-Shepherd, arXiv 2312.08935, section 3.3)."""
    tested = dict(enumerate(tally.prefixes[:-1]))
    while soft and (wanted := {p: n for p in tested.values() if (n := tally.count_missing(p, rollouts))}):
        yield wanted
    while open := [p for i, p in tested.items() if i > tally.reached and tally.count_missing(p, rollouts)]:
        yield dict.fromkeys(open, 1)
    for prefix in tested.values():
        tally.close(prefix, rollouts)


def search_sequentially(tally: RolloutTally, rollouts: int, soft: bool) -> Search:
    """From the first step on, up to the first prefix without a success."""
    for step in range(len(tally.prefixes) - 1):
        yield from try_prefix(tally, step, rollouts, soft)
        if tally.reached < step:
            return


def search_binary(tally: RolloutTally, rollouts: int, soft: bool) -> Search:
    """By halves between the last success and the first failure (OmegaPRM, arXiv 2406.06592, section 3.2)."""
    failed = len(tally.prefixes) - 1
    while tally.reached + 1 < failed:
        middle = (tally.reached + 1 + failed) // 2
        yield from try_prefix(tally, middle, rollouts, soft)
        if tally.reached < middle:
            failed = middle


def search_witness(tally: RolloutTally, judged: int | None, before: int, through: int) -> Search:
    """Only around the step that a judge names: a success before it, and none through it."""
    if judged is None or not 0 <= judged < len(tally.prefixes):
        return
    if judged > 0:
        yield from try_prefix(tally, judged - 1, before, soft=False)
        if tally.reached < judged - 1:
            return
    if judged < len(tally.prefixes) - 1:
        yield from try_prefix(tally, judged, through, soft=False)


METHODS = {"every-step": search_every_step, "sequential": search_sequentially, "binary": search_binary}
