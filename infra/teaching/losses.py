"""The three losses, in a few lines of torch each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from infra.teaching.examples import Example, Pair

BETA = 0.1
"""How closely DPO holds to the reference; the paper's value for most of its tasks."""


def pad_examples(examples: Sequence[Example], device: str) -> tuple[Tensor, Tensor]:
    """Tokens and weights (batch, length), padded at the right with token 0, whose weight is 0."""
    longest = max(len(example.tokens) for example in examples)
    tokens = torch.zeros(len(examples), longest, dtype=torch.long)
    weights = torch.zeros(len(examples), longest)
    for i, example in enumerate(examples):
        tokens[i, : len(example.tokens)] = torch.tensor(example.tokens)
        weights[i, : len(example.weights)] = torch.tensor(example.weights)
    return tokens.to(device), weights.to(device)


def sum_log_probabilities(model: Any, examples: Sequence[Example], device: str) -> tuple[Tensor, Tensor]:
    """The weighted sum of each example's log-probabilities, and of its weights: (batch,) each.

    Args:
        model: Its `model` gives hidden states, its `head` the logits; only positions that count reach the head.
        examples: What is learnt, with weights.
        device: Where to compute.

    Returns:
        The two sums.

    """
    tokens, weights = pad_examples(examples, device)
    weights = weights[:, 1:]
    counted = weights.flatten().nonzero().squeeze(1)
    hidden = model.model(tokens[:, :-1]).flatten(0, 1)[counted]
    losses = functional.cross_entropy(model.head(hidden), tokens[:, 1:].flatten()[counted], reduction="none")
    sums = torch.zeros(len(examples), device=device)
    places = counted.div(weights.shape[1], rounding_mode="floor")
    return sums.index_add(0, places, -losses * weights.flatten()[counted]), weights.sum(1)


def compute_sft_loss(model: Any, examples: Sequence[Example], device: str) -> Tensor:
    """The weighted mean of the loss on each token."""
    sums, weights = sum_log_probabilities(model, examples, device)
    return -sums.sum() / weights.sum()


def compare_margins(chosen: Tensor, rejected: Tensor, beta: float = BETA) -> Tensor:
    """DPO's loss (arXiv 2305.18290, equation 7), from log π/π_ref of each side (batch,): mean of -log σ(β(chosen - rejected))."""
    return -functional.logsigmoid(beta * (chosen - rejected)).mean()


def compute_dpo_loss(model: Any, reference: Any, pairs: Sequence[Pair], device: str) -> Tensor:
    """DPO's loss; where pairs are of steps it is Step-DPO's (arXiv 2406.18629, equation 4): the beginning is context."""
    examples = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
    sums, _ = sum_log_probabilities(model, examples, device)
    with torch.no_grad():
        before, _ = sum_log_probabilities(reference, examples, device)
    chosen, rejected = (sums - before).chunk(2)
    return compare_margins(chosen, rejected)


def score_steps(
    body: Callable[[Tensor], Tensor], head: nn.Module, examples: Sequence[Example], device: str
) -> list[Tensor]:
    """The logit that each step is right, for each example."""
    tokens, _ = pad_examples(examples, device)
    logits = head(body(tokens)).squeeze(-1)
    return [logits[i, [place for place, _ in example.labels]] for i, example in enumerate(examples)]


def compute_step_loss(
    body: Callable[[Tensor], Tensor], head: nn.Module, examples: Sequence[Example], device: str
) -> Tensor:
    """Binary cross-entropy on each step's label (Math-Shepherd, arXiv 2312.08935, equation 2)."""
    logits = torch.cat(score_steps(body, head, examples, device))
    labels = torch.tensor([label for example in examples for _, label in example.labels], device=device)
    return functional.binary_cross_entropy_with_logits(logits, labels)
