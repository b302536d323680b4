"""Abacus: a small Llama in plain PyTorch, its parameters named as Hugging Face names them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

INITIAL_DEVIATION = 0.02
PERIODS = (2, 5, 10, 20, 50, 100, 200, 400, 800, 1600)
WAVE = 0.4


@dataclass(frozen=True)
class Shape:
    """The sizes of the network; every head has keys and values of its own."""

    vocabulary: int
    hidden: int = 160
    layers: int = 4
    heads: int = 5
    intermediate: int = 448
    positions: int = 2048
    rope_theta: float = 10_000.0
    epsilon: float = 1e-5

    @property
    def head(self) -> int:
        """Numbers in one head."""
        return self.hidden // self.heads


class Norm(nn.Module):
    """Root-mean-square normalisation with a learnt gain."""

    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Of and to (..., size)."""
        return self.weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon))


def rotate_positions(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions in the layout of Hugging Face: the halves of a head are the two coordinates."""
    first, second = x.chunk(2, -1)
    return x * cosine + torch.cat((-second, first), -1) * sine


class Attention(nn.Module):
    """Causal self-attention; padding stands at the right, so it needs no mask of its own."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.head = shape.heads, shape.head
        self.q_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.k_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.v_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.o_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """Of and to (batch, length, hidden)."""
        batch, length, hidden = x.shape
        weight = torch.cat((self.q_proj.weight, self.k_proj.weight, self.v_proj.weight))  # one product for all three
        parts = functional.linear(x, weight).view(batch, length, 3, self.heads, self.head).permute(2, 0, 3, 1, 4)
        q, k, v = parts.unbind(0)
        q, k = rotate_positions(q, cosine, sine), rotate_positions(k, cosine, sine)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, hidden))


class Perceptron(nn.Module):
    """The gated feed-forward part."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
        self.down_proj = nn.Linear(shape.intermediate, shape.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Of and to (batch, length, hidden)."""
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """Attention, then the perceptron, each after its norm and added to what came in."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.mlp = Perceptron(shape)
        self.input_layernorm = Norm(shape.hidden, shape.epsilon)
        self.post_attention_layernorm = Norm(shape.hidden, shape.epsilon)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """Of and to (batch, length, hidden)."""
        x = x + self.self_attn(self.input_layernorm(x), cosine, sine)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    """All but the head: from tokens to what is said about each."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.hidden)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.hidden, shape.epsilon)
        frequency = shape.rope_theta ** (-torch.arange(0, shape.head, 2).float() / shape.head)
        angle = torch.outer(torch.arange(shape.positions).float(), frequency).repeat(1, 2)
        self.register_buffer("cosine", angle.cos(), persistent=False)
        self.register_buffer("sine", angle.sin(), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """From token numbers (batch, length) to (batch, length, hidden)."""
        length = tokens.shape[1]
        cosine, sine = self.cosine[:length], self.sine[:length]
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, cosine, sine)
        return self.norm(x)


class Abacus(nn.Module):
    """The whole network; the head is the embedding's own matrix."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Body(shape)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                # what adds to the residual stream starts smaller, so that depth does not let it grow
                ends = name.endswith(("o_proj.weight", "down_proj.weight"))
                spread = parameter.shape[1] ** -0.5 * ((2 * shape.layers) ** -0.5 if ends else 1.0)
                nn.init.normal_(parameter, std=INITIAL_DEVIATION if "embed" in name else spread)

    def count(self, values: dict[int, int]) -> None:
        """Begin with the tokens of numbers as waves of their value, {token: value}.

        Sums and differences are turns of these waves: calculating is learned
        in minutes, and from tokens without order it is not in an hour.
        """
        with torch.no_grad():
            for token, value in values.items():
                angles = 2 * torch.pi * value / torch.tensor(PERIODS)
                waves = torch.cat((angles.cos(), angles.sin())) * WAVE
                self.model.embed_tokens.weight[token, : len(waves)] = waves

    def head(self, hidden: Tensor) -> Tensor:
        """Logits (..., vocabulary) of hidden states (..., hidden)."""
        return functional.linear(hidden, self.model.embed_tokens.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """From token numbers (batch, length) to logits (batch, length, vocabulary)."""
        return self.head(self.model(tokens))


def export(model: Abacus, folder: Path, end: int, padding: int) -> None:
    """Write config.json, generation_config.json and model.safetensors (float32) as Hugging Face reads them."""
    shape = model.shape
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "torch_dtype": "float32",
        "vocab_size": shape.vocabulary, "hidden_size": shape.hidden, "intermediate_size": shape.intermediate,
        "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads, "num_key_value_heads": shape.heads,
        "head_dim": shape.head, "max_position_embeddings": shape.positions, "rms_norm_eps": shape.epsilon,
        "rope_theta": shape.rope_theta, "rope_scaling": None, "tie_word_embeddings": True,
        "attention_bias": False, "mlp_bias": False, "attention_dropout": 0.0, "initializer_range": INITIAL_DEVIATION,
        "bos_token_id": None, "eos_token_id": end, "pad_token_id": padding, "use_cache": True,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "config.json", config)
    _write(folder / "generation_config.json", {"eos_token_id": end, "pad_token_id": padding})
    weights = {name: tensor.detach().float().contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "model.part", metadata={"format": "pt"})
    (folder / "model.part").replace(folder / "model.safetensors")


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
