from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from tasks.engines.abacus.kv_cache import Cohort, advance_cohorts
from tasks.engines.abacus.llama import Llama
from tests.tasks.engines.abacus.tiny_checkpoint import SMALL, write

Float = NDArray[np.float64]
Weights = dict[str, Float]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    folder: Path = write(tmp_path_factory.mktemp("abacus"))
    return {name: tensor.astype(np.float64) for name, tensor in load_file(folder / "model.safetensors").items()}


def norm(x: Float, gain: Float) -> Float:
    return np.asarray(gain * x / np.sqrt((x**2).mean(-1, keepdims=True) + SMALL.epsilon))


def rotated(x: Float) -> Float:
    """Halves of a head are the two coordinates, as Hugging Face has it; (heads, length, head)."""
    half = SMALL.head // 2
    angle = np.outer(np.arange(x.shape[1]), SMALL.rope_theta ** (-np.arange(half) / half))
    first, second = x[..., :half], x[..., half:]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.concatenate((first * cosine - second * sine, second * cosine + first * sine), -1)


def reference(weights: Weights, tokens: list[int]) -> Float:
    """Logits after each token, written straight from the definition of Llama."""
    x = weights["model.embed_tokens.weight"][tokens]
    for number in range(SMALL.layers):
        layer = {name.split(".", 3)[3]: w for name, w in weights.items() if name.startswith(f"model.layers.{number}.")}
        h = norm(x, layer["input_layernorm.weight"])
        q, k, v = (
            (h @ layer[f"self_attn.{name}_proj.weight"].T).reshape(len(tokens), SMALL.heads, -1).swapaxes(0, 1)
            for name in "qkv"
        )
        scores = rotated(q) @ rotated(k).swapaxes(1, 2) / SMALL.head**0.5
        scores[:, np.triu(np.ones((len(tokens), len(tokens)), bool), 1)] = -np.inf
        share = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        x = x + (share @ v).swapaxes(0, 1).reshape(x.shape) @ layer["self_attn.o_proj.weight"].T
        h = norm(x, layer["post_attention_layernorm.weight"])
        gate = h @ layer["mlp.gate_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ layer["mlp.up_proj.weight"].T)) @ layer["mlp.down_proj.weight"].T
    return np.asarray(norm(x, weights["model.norm.weight"]) @ weights["model.embed_tokens.weight"].T)


def test_whole_sequences_give_the_reference_logits(weights: Weights) -> None:
    llama = Llama(SMALL, weights, np.float64)
    random = np.random.default_rng(1)
    lengths = np.array([1, 7, 30])
    tokens = random.integers(0, SMALL.vocabulary, (3, 30))
    expected = [reference(weights, tokens[row, :length].tolist())[-1] for row, length in enumerate(lengths)]
    assert np.abs(llama.read(tokens, lengths) - expected).max() < 1e-11


def test_rows_that_share_prompts_and_leave_keep_to_the_reference(weights: Weights) -> None:
    llama = Llama(SMALL, weights, np.float32)
    random = np.random.default_rng(2)
    prompts = [random.integers(0, SMALL.vocabulary, number).tolist() for number in (9, 14, 3, 1)]
    cohort = Cohort(llama, prompts, [2, 4, 1, 3])
    sequences = [list(prompts[prompt]) for prompt in cohort.prompt]
    seen = set()
    for place in range(70):
        expected = [reference(weights, sequence)[-1] for sequence in sequences]
        assert np.abs(cohort.logits - expected).max() < 1e-4
        if place % 9 == 5 and len(cohort) > 1:
            ended = random.random(len(cohort)) < 0.35
            ended[0] |= place == 5
            holes, movers, rows = cohort.leave(ended)
            for hole, mover in zip(holes, movers):
                sequences[hole] = sequences[mover]
            del sequences[rows:]
        seen.add((len(cohort), len(cohort.lengths)))
        tokens = random.integers(0, SMALL.vocabulary, len(cohort))
        for sequence, token in zip(sequences, tokens):
            sequence.append(int(token))
        advance_cohorts(llama, [cohort], [tokens])
        if not len(cohort):
            break
    assert len({rows for rows, _ in seen}) > 3 and len({prompts_left for _, prompts_left in seen}) > 1


def test_a_gate_far_below_zero_is_zero(weights: Weights) -> None:
    loud = {name: w * (4000 if "gate_proj" in name else 1) for name, w in weights.items()}
    with np.errstate(over="ignore"):
        single = Llama(SMALL, loud, np.float32).read(np.array([[5, 6]]), np.array([2]))
    assert np.isfinite(single).all()
