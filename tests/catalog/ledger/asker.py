"""One of several that ask the same, a line for each answer paid: `python -m tests.catalog.ledger.asker STORE QUESTIONS SEED SECONDS HELD`."""

from __future__ import annotations

import random
import sys
import time

from catalog.ledger import Ledger, leases
from catalog.ledger.leases import Leases
from catalog.storage import Store
from tests.catalog.ledger.rows import answer, request

WINDOW = 40


def ask_all(store: Store, questions: int, seed: int, held: int) -> int:
    """Ask all questions in an order of one's own, a window at a time, as a build does; how many answers were paid.

    Where so many are to be `held`, it does nothing more when it has them, within its lease, until it is killed.
    """
    ledger, mine, paid = Ledger(store), Leases(store), 0
    order = [request(i) for i in range(questions)]
    random.Random(seed).shuffle(order)
    with ledger.writer("corpus", "table", count=16) as writer:
        for begin in range(0, questions, WINDOW):
            window = order[begin : begin + WINDOW]
            known = ledger.find(window)
            while missing := [item for item in window if item.id not in known]:
                with mine.take(missing) as lease:
                    ledger.refresh()
                    there = ledger.find(lease.requests)
                    for item in lease.requests:
                        if item.id not in there:
                            writer.append(item, answer(item))
                            paid += 1
                            print(item.id, flush=True)
                            if paid == held:
                                time.sleep(3600)
                    writer.flush()
                mine.wait(lease.others, lambda: False)
                ledger.refresh()
                known = ledger.find(window)
    return paid


if __name__ == "__main__":
    leases.SECONDS, leases.POLL = float(sys.argv[4]), 0.02
    ask_all(Store(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[5]))
