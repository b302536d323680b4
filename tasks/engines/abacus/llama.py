"""A small Llama in NumPy: its layers, and whole sequences through them.

Between load and use the weights change shape but not meaning: the gains of the
norms and the scale of the scores are multiplied into the matrices that follow
them, and the two coordinates of a rotary pair stand side by side, so that one
complex product turns them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""Numbers of the network's own type, float32 or float64."""


@dataclass(frozen=True)
class Shape:
    """The sizes of the network; every head has keys and values of its own."""

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions: int
    rope_theta: float
    epsilon: float

    @property
    def head(self) -> int:
        """Numbers in one head."""
        return self.hidden // self.heads

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The names of its weights, as Hugging Face names them, and their shapes (outputs, inputs)."""
        hidden, inner = self.hidden, self.intermediate
        layer = {
            **{f"self_attn.{name}_proj": (hidden, hidden) for name in "qkvo"},
            "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden), "mlp.down_proj": (hidden, inner),
            "input_layernorm": (hidden,), "post_attention_layernorm": (hidden,),
        }  # fmt: skip
        shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (self.vocabulary, hidden)}
        for number in range(self.layers):
            shapes |= {f"model.layers.{number}.{name}.weight": shape for name, shape in layer.items()}
        return shapes | {"model.norm.weight": (hidden,)}


class Layer(NamedTuple):
    """The matrices of one layer, (inputs, outputs)."""

    attend: Array
    """To queries, keys and values: (hidden, 3 * hidden)."""
    mix: Array
    """From the heads' values: (hidden, hidden)."""
    widen: Array
    """To gate and content: (hidden, 2 * intermediate)."""
    narrow: Array
    """(intermediate, hidden)."""


class Llama:
    """The network in one number type. It holds nothing of what it computes, so threads may share it."""

    def __init__(self, shape: Shape, tensors: Mapping[str, Array], dtype: type[np.floating[Any]]) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        double = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
        self.embedding = double["model.embed_tokens.weight"].astype(dtype)
        self.head = self._matrix(double["model.embed_tokens.weight"] * double["model.norm.weight"])
        self.layers = [self._layer(double, f"model.layers.{number}") for number in range(shape.layers)]
        frequency = shape.rope_theta ** (-np.arange(0, shape.head, 2) / shape.head)
        self.turns = np.exp(1j * np.outer(np.arange(shape.positions), frequency))
        self.turns = self.turns.astype(np.result_type(dtype, np.complex64))
        """What turns the pairs of a head at each position: (positions, head / 2), complex."""

    def _matrix(self, weight: Array) -> Array:
        return np.ascontiguousarray(weight.T.astype(self.dtype))

    def _layer(self, tensors: Mapping[str, Array], name: str) -> Layer:
        def weight(part: str) -> Array:
            return tensors[f"{name}.{part}.weight"]

        def paired(matrix: Array) -> Array:
            halves = matrix.reshape(self.shape.heads, 2, self.shape.head // 2, self.shape.hidden)
            return halves.swapaxes(1, 2).reshape(matrix.shape)

        queries = paired(weight("self_attn.q_proj")) / np.sqrt(self.shape.head)
        keys, values = paired(weight("self_attn.k_proj")), weight("self_attn.v_proj")
        attend = np.concatenate((queries, keys, values)) * weight("input_layernorm")
        widen = np.concatenate((weight("mlp.gate_proj"), weight("mlp.up_proj"))) * weight("post_attention_layernorm")
        return Layer(*map(self._matrix, (attend, weight("self_attn.o_proj"), widen, weight("mlp.down_proj"))))

    def normed(self, x: Array) -> Array:
        """Rows (n, hidden) at root mean square 1; the gain is in the matrix that comes next."""
        square = np.einsum("ij,ij->i", x, x) / self.shape.hidden + self.shape.epsilon
        return np.asarray(x * (1 / np.sqrt(square))[:, None])

    def attending(self, layer: Layer, x: Array, turns: Array) -> Array:
        """Queries, keys and values (n, 3, heads, head) of rows (n, hidden), turned by (n, head / 2)."""
        parts = (self.normed(x) @ layer.attend).reshape(len(x), 3, self.shape.heads, self.shape.head)
        pairs = parts.view(turns.dtype)[:, :2]
        pairs *= turns[:, None, None, :]
        return parts

    def ended(self, layer: Layer, x: Array, mixed: Array) -> Array:
        """Rows (n, hidden) after a layer, from those before it and what the heads brought (n, hidden)."""
        x = x + mixed @ layer.mix
        wide = self.normed(x) @ layer.widen
        gate, content = wide[:, : self.shape.intermediate], wide[:, self.shape.intermediate :]
        inner = np.exp(-gate)
        inner += 1
        np.divide(gate, inner, out=inner)
        inner *= content
        return np.asarray(x + inner @ layer.narrow)

    def logits(self, x: Array) -> Array:
        """Logits (n, vocabulary) of rows (n, hidden)."""
        return np.asarray(self.normed(x) @ self.head)

    def read(
        self, tokens: NDArray[np.intp], lengths: NDArray[np.intp], keep: tuple[Array, Array] | None = None
    ) -> Array:
        """Read sequences, and predict what follows the last token of each.

        Args:
            tokens: Token ids, shape (n, length), padded at the right.
            lengths: The length of each sequence.
            keep: Keys and values, of shape (layers, n, heads, length, head) each, that are filled in.

        Returns:
            Logits, shape (n, vocabulary).

        """
        return self.logits(self.through(tokens, keep)[np.arange(len(tokens)), lengths - 1])

    def through(self, tokens: NDArray[np.intp], keep: tuple[Array, Array] | None = None) -> Array:
        """What the layers make of sequences (n, length): (n, length, hidden); `keep` is filled in as by `read`."""
        n, length = tokens.shape
        x = self.embedding[tokens.reshape(-1)]
        turns = np.tile(self.turns[:length], (n, 1))
        future = np.triu(np.full((length, length), -np.inf, self.dtype), 1)
        for number, layer in enumerate(self.layers):
            parts = self.attending(layer, x, turns).reshape(n, length, 3, *self._heads)
            query, key, value = parts.transpose(2, 0, 3, 1, 4)
            if keep:
                keep[0][number], keep[1][number] = key, value
            weights = query @ key.swapaxes(-1, -2)
            weights += future
            mixed = softmax(weights) @ value
            x = self.ended(layer, x, mixed.swapaxes(1, 2).reshape(n * length, -1))
        return np.asarray(x.reshape(n, length, -1))

    @property
    def _heads(self) -> tuple[int, int]:
        return self.shape.heads, self.shape.head


def softmax(scores: Array) -> Array:
    """Over the last axis, in place."""
    scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(-1, keepdims=True)
    return scores
