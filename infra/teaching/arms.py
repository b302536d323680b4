"""The arms of the benchmark: what each trains on, and which are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Loss = Literal["sft", "dpo", "prm"]


@dataclass(frozen=True)
class Arm:
    """One way to train: a loss, and the views whose rows it takes in turn."""

    loss: Loss
    recipe: str
    views: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """What a run is made with; results of other settings are not mixed with it."""

    problems: int = 600
    """Of each corpus."""
    exam: int = 300
    """Problems that no corpus and no lesson of Abacus has seen."""
    updates: int = 200
    tokens: int = 4_000
    """In an update of `sft`."""
    rows: int = 16
    """In an update of `dpo` and `prm`: pairs, or solutions."""


ARMS: dict[str, Arm] = {
    "right": Arm("sft", "lemma", ("prompt-completion",)),
    "right + splices": Arm("sft", "lemma", ("prompt-completion", "self-correction")),
    "whole pairs": Arm("dpo", "step_pairs", ("preference",)),
    "step pairs": Arm("dpo", "step_pairs", ("step-preference",)),
    "rollouts": Arm("prm", "prm", ("stepwise-rollouts",)),
    "consensus": Arm("prm", "prm", ("stepwise",)),
}
COMPARISONS = (("right + splices", "right"), ("step pairs", "whole pairs"), ("consensus", "rollouts"))
"""Each arm beside the one that it is to be better than."""
RATES: dict[Loss, float] = {"sft": 3e-4, "dpo": 3e-5, "prm": 5e-4}
"""Peak learning rates: that of `sft` was chosen between two on seed 0; the others were set, not searched."""
