"""Losses of small models on examples of which they are known, as JSON: run in the environment with torch."""

import json
from types import SimpleNamespace

import torch

from infra.teaching.examples import Example, Pair
from infra.teaching.losses import compare_margins, compute_dpo_loss, compute_sft_loss, compute_step_loss

WORDS = 4
LIKELY = 2.0


def say(likely: int) -> SimpleNamespace:
    """A model that gives one token a higher logit, whatever it has read."""
    logits = torch.zeros(WORDS)
    logits[likely] = LIKELY
    return SimpleNamespace(model=lambda tokens: logits.expand(*tokens.shape, WORDS), head=lambda hidden: hidden)


learned = Example((0, 1, 2), (0.0, 1.0, 0.0))
other = Example((0, 3), (0.0, 1.0))
print(
    json.dumps(
        {
            "margins": float(compare_margins(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0]), 1.0)),
            "sft": float(compute_sft_loss(say(1), [learned], "cpu")),
            "sft, padded": float(compute_sft_loss(say(1), [learned, other], "cpu")),
            "dpo, same": float(compute_dpo_loss(say(1), say(1), [Pair(learned, other)], "cpu")),
            "dpo, better": float(compute_dpo_loss(say(1), say(3), [Pair(learned, other)], "cpu")),
            "steps": float(
                compute_step_loss(
                    lambda tokens: tokens.unsqueeze(-1).float(),
                    lambda hidden: hidden - 1,
                    [Example((0, 1, 2), (0.0,) * 3, ((1, 1.0), (2, 0.0)))],
                    "cpu",
                )
            ),
        }
    )
)
