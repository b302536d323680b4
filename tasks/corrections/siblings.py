"""Siblings: different ways on from one beginning, of which the one that succeeds most often stands beside the one that does least.

Source: Monte Carlo tree search boosts reasoning via iterative preference
learning (MCTS-DPO, arXiv 2405.00451), whose label smoothing goes by how often
each of the two was visited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.contract import Contract
from schemas.frames import Why
from tasks.corrections.bare_steps import strip_answer
from tasks.sources.content_ids import digest, normalize_text

Row = Mapping[str, Any]
NODES = ("node_id", "steps_before", "step", "q", "tried", "model")
"""The columns of a search's nodes that siblings are read from."""
CONTINUED = ("solution_id", "steps_before", "next_step", "verdict", "model", "text")
"""The columns of continuations that they are read from: each is one try of its next step."""


@dataclass
class Sibling:
    """A way on from a beginning, and how often it was tried."""

    before: tuple[str, ...]
    step: str
    indices: list[int] = field(default_factory=list)
    """The rows that tried it."""
    tried: int = 0
    succeeded: float = 0.0

    @property
    def q(self) -> float:
        """The share of tries that succeeded."""
        return self.succeeded / self.tried


def pair_siblings(rows: Sequence[Row]) -> Iterator[tuple[int, dict[str, Any] | Why]]:
    """For each row of a problem the sides of a pair that it stands for, or why it stands for none.

    Args:
        rows: Continuations, or nodes of a search, of one problem.

    Yields:
        The number of the row, and the sides (of the first row that tried the better step) or reason and detail.

    """
    families: dict[tuple[str, ...], dict[str, Sibling]] = {}
    for i, row in enumerate(rows):
        before, step = tuple(row["steps_before"]), strip_answer(row["next_step"] if "next_step" in row else row["step"])
        tried, succeeded = _count_tries(row)
        if not tried:
            yield i, ("undecided, or never tried", None)
            continue
        sibling = families.setdefault(before, {}).setdefault(normalize_text(step), Sibling(before, step))
        sibling.indices.append(i)
        sibling.tried += tried
        sibling.succeeded += succeeded
    for family in families.values():
        yield from _pair_family(rows, list(family.values()))


def _count_tries(row: Row) -> tuple[int, float]:
    """How often a row tried its step, and how often that succeeded; an undecided verdict is no try."""
    if "next_step" not in row:
        return row["tried"], row["q"] * row["tried"] if row["tried"] else 0.0
    return int(row["verdict"] != "undecided"), float(row["verdict"] == "right")


def _pair_family(rows: Sequence[Row], family: Sequence[Sibling]) -> Iterator[tuple[int, dict[str, Any] | Why]]:
    """The pair of the siblings behind one beginning; of equals the one that was tried more often, then by digest."""
    best = max(family, key=lambda sibling: (sibling.q, sibling.tried, digest("sibling", sibling.step)))
    worst = min(family, key=lambda sibling: (sibling.q, -sibling.tried, digest("sibling", sibling.step)))
    indices = [i for sibling in family for i in sibling.indices]
    if best.q == worst.q:
        reason = "the only way on that was tried" if len(family) == 1 else "all ways on succeed equally often"
        yield from ((i, (reason, f"{best.tried} tries")) for i in indices)
        return
    stands = _choose_row(rows, best, "right")
    yield stands, _make_sides(rows, best, worst, stands)
    yield from ((i, ("a try of siblings that are paired", None)) for i in indices if i != stands)


def _choose_row(rows: Sequence[Row], sibling: Sibling, verdict: str) -> int:
    """The first of a sibling's rows that came out so, or its first."""
    return next((i for i in sibling.indices if rows[i].get("verdict") == verdict), sibling.indices[0])


def _make_sides(rows: Sequence[Row], best: Sibling, worst: Sibling, stands: int) -> dict[str, Any]:
    lost = _choose_row(rows, worst, "wrong")
    confidence = 1 / (1 + worst.tried / max(1, best.tried))
    sides = {
        "steps_before": list(best.before), "number": len(best.before), "q_chosen": best.q, "q_rejected": worst.q,
        "confidence": confidence, "epsilon": min(1 - confidence, 0.5),
    }  # fmt: skip
    for side, sibling, row in (("chosen", best, rows[stands]), ("rejected", worst, rows[lost])):
        whole = row["text"] if "next_step" in row else "\n".join([*sibling.before, sibling.step])
        sides |= {side: sibling.step, f"{side}_whole": whole, f"{side}_by": row["model"]}
    return sides | {"rejected_id": rows[lost]["solution_id" if "next_step" in rows[lost] else "node_id"]}


def find_missing(given: Contract) -> str | None:
    """The first column that siblings lack in a table; None where it has continuations or nodes whole."""
    kind = NODES if "node_id" in given.names() else CONTINUED
    return next((name for name in kind if name not in given.names()), None)
