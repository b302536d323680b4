"""Types of mistakes against the true ones: accuracy, precision, F1, confusion."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tasks.evaluation.score import wilson

UNDECIDED = "undecided"


@dataclass
class Confusion:
    """How often each true type was labelled as each type."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, truth: str, predicted: str | None) -> None:
        """Count a row by its true and its predicted type; None where it was undecided."""
        self.counts[truth, predicted or UNDECIDED] += 1

    @property
    def rows(self) -> int:
        """All rows."""
        return self.counts.total()

    @property
    def decided(self) -> int:
        """Rows with a predicted type."""
        return sum(n for (_, predicted), n in self.counts.items() if predicted != UNDECIDED)

    @property
    def exact(self) -> int:
        """Rows whose predicted type is the true one."""
        return sum(n for (truth, predicted), n in self.counts.items() if truth == predicted)

    def names(self) -> list[str]:
        """All types that are true or predicted of some row, the commonest true ones first."""
        true: Counter[str] = Counter()
        for (truth, predicted), n in self.counts.items():
            true[truth] += n
            true[predicted] += 0
        del true[UNDECIDED]
        return sorted(true, key=lambda name: (-true[name], name))

    def true(self) -> list[str]:
        """The types that are true of some row, the commonest first."""
        true_types = {truth for truth, _ in self.counts}
        return [name for name in self.names() if name in true_types]

    def f1(self, name: str) -> float:
        """The harmonic mean of a type's precision and recall (2 exact / (true + predicted)); 0 where it is never right."""
        exact = self.counts[name, name]
        true = sum(n for (truth, _), n in self.counts.items() if truth == name)
        predicted = sum(n for (_, label), n in self.counts.items() if label == name)
        return 2 * exact / (true + predicted) if true + predicted else 0.0

    def macro_f1(self) -> float:
        """The plain mean of F1 over the types that are true of some row."""
        true = sorted({truth for truth, _ in self.counts})
        return sum(map(self.f1, true)) / len(true) if true else 0.0

    def summarize(self, brief: bool = False) -> dict[str, Any]:
        """All figures, rounded, for manifests; `brief` without F1 and confusion."""
        figures: dict[str, Any] = {"rows": self.rows, "decided": self.decided, "exact": self.exact}
        if self.decided:
            figures["precision_interval"] = [round(end, 4) for end in wilson(self.exact, self.decided)]
        if brief:
            return figures
        confusion: dict[str, dict[str, int]] = {}
        for (truth, predicted), n in sorted(self.counts.items()):
            confusion.setdefault(truth, {})[predicted] = n
        f1 = {name: round(self.f1(name), 4) for name in self.names()}
        return figures | {"macro_f1": round(self.macro_f1(), 4), "f1": f1, "confusion": confusion}
