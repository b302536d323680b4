"""The figures of a campaign: what was tried, what survived, and each kind of loss, of which none may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LOSSES = ("lost rows", "fabricated mistakes", "tracebacks", "hangs", "orphans", "secrets", "other")
"""What is counted against the product; `other` is what differs from an undisturbed build, or should have been refused."""


@dataclass
class Figures:
    """What became of some trials."""

    tried: int = 0
    survived: int = 0
    losses: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    """What else there were so many of: kills, kinds of misbehaviour, mutants."""
    failures: list[str] = field(default_factory=list)
    skipped: str = ""
    """Why nothing was tried."""

    def lose(self, kind: str, what: str, many: int = 1) -> None:
        """Count a loss, and say what it is."""
        assert kind in LOSSES, kind
        self.losses[kind] += many
        self.failures.append(f"{kind}: {what}")

    def add(self, other: Figures) -> None:
        """Add those of more trials."""
        self.tried += other.tried
        self.survived += other.survived
        self.losses += other.losses
        self.counts += other.counts
        self.failures += other.failures
        self.skipped = other.skipped or self.skipped

    def as_json(self) -> dict[str, Any]:
        """As a value that JSON holds."""
        return {
            "tried": self.tried, "survived": self.survived, "losses": {kind: self.losses[kind] for kind in LOSSES},
            "counts": dict(self.counts), "failures": self.failures, "skipped": self.skipped,
        }  # fmt: skip


def format_table(figures: Mapping[str, Figures]) -> str:
    """All figures as a table of Markdown, a part a row, their sum last."""
    total = Figures()
    for part in figures.values():
        total.add(part)
    total.skipped = ""
    head = ["part", "tried", "survived", *LOSSES, "of which"]
    rows = [head, ["---", *["---:"] * (len(head) - 2), "---"]]
    rows += [_format_row(name, part) for name, part in [*figures.items(), ("all", total)]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _format_row(name: str, figures: Figures) -> list[str]:
    numbers: Iterable[int] = (figures.tried, figures.survived, *(figures.losses[kind] for kind in LOSSES))
    which = figures.skipped or ", ".join(f"{count:,} {kind}" for kind, count in sorted(figures.counts.items()))
    return [name, *(f"{number:,}" for number in numbers), which]
