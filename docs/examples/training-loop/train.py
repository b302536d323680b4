"""A training loop over a release, without torch: tells right solutions from wrong ones by their words.

    $ errata build docs/examples/own-csv/recipe.yaml
    $ .venv/bin/python docs/examples/training-loop/train.py own-csv@^0.1

The model is a logistic regression in plain Python, so that the loop shows
nothing but what every loop has: rows of a split, epochs, a seed, a score on
the other split, and the release's pin beside the result.
"""

from __future__ import annotations

import itertools
import math
import random
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import errata

VIEW = "unpaired"
EPOCHS = 20
RATE = 0.1
Weights = dict[str, float]


def features(row: dict[str, Any]) -> set[str]:
    """The words of a solution, and the pairs of neighbours among them."""
    words = row["completion"].split()
    return {*words, *(" ".join(pair) for pair in itertools.pairwise(words))}


def predict(weights: Weights, row: dict[str, Any]) -> float:
    """The probability that a solution is right."""
    return 1 / (1 + math.exp(-sum(weights[name] for name in features(row))))


def train(rows: list[dict[str, Any]], epochs: int = EPOCHS, seed: int = 0) -> Weights:
    """Go through the rows some times, in another order each time, and follow the gradient."""
    weights: Weights = defaultdict(float)
    order = random.Random(seed)  # noqa: S311  # repeatable, and no secret
    for _ in range(epochs):
        for row in order.sample(rows, len(rows)):
            step = RATE * (row["label"] - predict(weights, row))
            for name in features(row):
                weights[name] += step
    return weights


def accuracy(weights: Weights, rows: Iterable[dict[str, Any]]) -> float:
    """The share of rows whose label is the likelier one."""
    hits = [(predict(weights, row) > 0.5) == row["label"] for row in rows]
    return sum(hits) / len(hits)


def main(name: str, store: str | None = None) -> dict[str, Any]:
    """Train on the split `train` of a release and measure on `test`.

    Args:
        name: The release, as `own-csv@^0.1`.
        store: Where it lies; else that of ERRATA_STORE, or `store`.

    Returns:
        What to keep of the run: the release's pin, rows and accuracy by split.

    """
    splits = {split: errata.load(name, view=VIEW, split=split, store=store).to_pylist() for split in ("train", "test")}
    weights = train(splits["train"])
    result: dict[str, Any] = {"release": errata.open_release(name, store).pin}
    for split, rows in splits.items():
        result[split] = {"rows": len(rows), "accuracy": round(accuracy(weights, rows), 3)}
    return result


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
