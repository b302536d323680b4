"""Solutions whose first wrong step is known, with evidence drawn from the model that the posterior assumes, or another."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.labels import Label, Votes

LABELS = (Label(column="judge_first_error", kind="step", votes=Votes("judges", "judge_labels")),)


def simulate(
    rows: int, seed: int = 0, hit: float = 0.5, rollouts: int = 8, votes: int = 4, easy: float = 0.5
) -> list[dict[str, Any]]:
    """Wrong solutions of 3 to 9 steps: a problem's own success rate before the first wrong step, 0.03 behind; votes that hit or stray."""
    random = np.random.default_rng(seed)
    result = []
    for number in range(rows):
        length = int(random.integers(3, 10))
        truth = int(random.integers(length))
        rate = random.beta(4 * easy, 4 * (1 - easy))
        chances = [rate if step < truth else 0.03 for step in range(length - 1)]
        labels = [truth if random.random() < hit else int(random.integers(-1, length)) for _ in range(votes)]
        result.append(
            {
                "solution_id": f"s{number}", "problem_id": f"p{number // 2}", "question": "", "steps": ["so"] * length, "verdict": "wrong",
                "tried": [rollouts] * (length - 1) + [1], "succeeded": [int(random.binomial(rollouts, chance)) for chance in chances] + [0],
                "judges": [f"judge #{vote}" for vote in range(votes)], "judge_labels": labels, "gold_first_error": truth,
            }
        )  # fmt: skip
    return result


def simulate_right(
    rows: int, seed: int = 0, flawed: float = 0.1, seen: float = 0.5, votes: int = 4
) -> list[dict[str, Any]]:
    """Right answers, of which some have a wrong step; judges name that of some of these, and else stray now and then."""
    random = np.random.default_rng(seed)
    result = []
    for number in range(rows):
        length = int(random.integers(3, 10))
        truth = int(random.integers(length)) if random.random() < flawed else -1
        shows = truth >= 0 and random.random() < seen
        stray = int(random.integers(length))
        labels = [(truth if shows else -1) if random.random() < 0.85 else stray for _ in range(votes)]
        result.append(
            {
                "solution_id": f"r{number}", "problem_id": f"q{number // 2}", "question": "", "steps": ["so"] * length, "verdict": "right",
                "judges": [f"judge #{vote}" for vote in range(votes)], "judge_labels": labels, "gold_first_error": truth,
            }
        )  # fmt: skip
    return result


def hide_truth(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without gold."""
    return [{**row, "gold_first_error": None} for row in rows]
