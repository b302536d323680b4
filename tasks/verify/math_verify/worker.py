"""A process that compares expressions with math-verify: one JSON request a line in, one reply a line out.

Run as a script, so that it imports nothing of ours; its last two arguments are
the descriptors of its requests and of its replies. It is killed from outside at
its time limit; its own alarm ends it where its parent has died meanwhile.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import runpy
import signal
import sys
from pathlib import Path

_END_WITH_PARENT = Path(__file__).parents[2] / "end_with_parent.py"
LATER = 70
"""Seconds after its parent's limit at which a worker ends itself: later than a parent that waits for the first reply, on
however busy a machine, or that would find its worker dead."""
swallowed: list[BaseException] = []
"""Failures inside math-verify that it takes for "not equal"; they make an answer undecided, not wrong."""


def watch(name: str) -> None:
    """Note what goes wrong in a function that math-verify's comparisons call and guard."""
    from math_verify import grader

    guarded = getattr(grader, name)

    def noted(*arguments: object, **options: object) -> object:
        try:
            return guarded(*arguments, **options)
        except Exception as error:
            swallowed.append(error)
            raise

    setattr(grader, name, noted)


def compare(gold: str, answer: str) -> str:
    """`equal`, `different`, or why it is neither."""
    from math_verify import parse, verify

    parsed = []
    for text, fault in ((gold, "gold unparsable"), (answer, "unparsable")):
        expressions = parse(text if "$" in text or "\\boxed" in text else f"${text}$", parsing_timeout=None)
        expressions = [expression for expression in expressions if not isinstance(expression, str)]
        if not expressions:
            return fault
        parsed.append(expressions)
    swallowed.clear()
    try:
        equal = verify(parsed[0], parsed[1], timeout_seconds=None, raise_on_error=True)
    except MemoryError:
        raise
    except Exception:
        return "comparison failed"
    if swallowed and not equal:
        return "too large" if isinstance(swallowed[0], MemoryError | RecursionError) else "comparison failed"
    return "equal" if equal else "different"


def main(seconds: int, mebibytes: int, requests: int, replies: int) -> None:
    """Answer requests until they end."""
    runpy.run_path(str(_END_WITH_PARENT))["end_with_parent"](requests)  # the import of sympy takes seconds
    limit = mebibytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    logging.disable(logging.CRITICAL)
    watch("simplify")
    compare("1", "1")  # imports sympy before the time of any pair runs
    with os.fdopen(requests, encoding="utf-8") as lines, os.fdopen(replies, "w", encoding="utf-8") as out:
        for line in lines:
            signal.alarm(seconds + LATER)
            gold, answer = json.loads(line)
            try:
                reply = compare(gold, answer)
            except (MemoryError, RecursionError, OverflowError):
                reply = "too large"
            signal.alarm(0)
            print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
