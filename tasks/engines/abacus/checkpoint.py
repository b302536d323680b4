"""A checkpoint folder as Hugging Face writes it: the network's weights, the tokenizer and the end marks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from safetensors import SafetensorError
from safetensors.numpy import load
from tokenizers import Tokenizer

from schemas.request import EngineError, Message
from tasks.engines.abacus.llama import Array, Shape

FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
_SAME = {
    "hidden_act": "silu",
    "rope_scaling": None,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "mlp_bias": False,
}


@dataclass(frozen=True)
class Checkpoint:
    """What a folder holds."""

    shape: Shape
    tensors: Mapping[str, Array]
    ends: tuple[int, ...]
    """Tokens that end an answer."""
    tokenizer: Tokenizer
    pieces: tuple[str, ...]
    """The text of each token; a text is its tokens' pieces joined."""

    def encode(self, messages: Sequence[Message], prefix: str) -> list[int]:
        """The tokens of a conversation in which the answer begins with `prefix`; UnicodeEncodeError if it is no text."""
        text = render_conversation(messages, prefix)
        text.encode()  # the tokenizer takes lone surrogates with an error of no name
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)


def render_conversation(messages: Sequence[Message], prefix: str) -> str:
    """The conversation as the checkpoint's chat template writes it; a system message is one more of the user."""
    turns = (
        f"<|{'assistant' if message.role == 'assistant' else 'user'}|>{message.content}<|end|>" for message in messages
    )
    return "".join(turns) + "<|assistant|>" + prefix


def digest_checkpoint(folder: Path) -> str:
    """32 hexadecimal digits of all that the answers depend on; `EngineError` where a file is missing."""
    digest = hashlib.blake2b(digest_size=16)
    for name in FILES:
        data = _read(folder, name)
        digest.update(f"{name} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def open_checkpoint(folder: Path) -> Checkpoint:
    """Read a folder; `EngineError` where it is not whole or not of this kind of network."""
    shape = _shape(folder)
    tokenizer = _tokenizer(folder, shape)
    ends = _json(folder, "generation_config.json").get("eos_token_id")
    ends = [ends] if isinstance(ends, int) else ends
    if not isinstance(ends, list) or not all(isinstance(end, int) and 0 <= end < shape.vocabulary for end in ends):
        _wrong(folder, "generation_config.json", f"eos_token_id is {ends!r}, not tokens of {shape.vocabulary}")
    pieces = (tokenizer.decode([token], skip_special_tokens=True) for token in range(shape.vocabulary))
    return Checkpoint(shape, _tensors(folder, shape), tuple(ends), tokenizer, tuple(pieces))


def _shape(folder: Path) -> Shape:
    config = _json(folder, "config.json")
    rope = config.get("rope_parameters") or {}
    try:
        heads = config["num_attention_heads"]
        shape = Shape(
            vocabulary=config["vocab_size"], hidden=config["hidden_size"], layers=config["num_hidden_layers"],
            heads=heads, intermediate=config["intermediate_size"], positions=config["max_position_embeddings"],
            rope_theta=float(config["rope_theta"] if "rope_theta" in config else rope["rope_theta"]),
            epsilon=float(config["rms_norm_eps"]),
        )  # fmt: skip
        values = {"model_type": config["model_type"], "num_key_value_heads": config.get("num_key_value_heads", heads)}
        values |= {"head_dim": config.get("head_dim", shape.head), "rope_type": rope.get("rope_type", "default")}
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        _wrong(folder, "config.json", f"no sizes of a Llama ({type(error).__name__}: {error})")
    expected = {"model_type": "llama", "num_key_value_heads": heads, "head_dim": shape.head, "rope_type": "default"}
    values |= {key: config.get(key, value) for key, value in _SAME.items()}
    for key, value in (expected | _SAME).items():
        if values[key] != value:
            _wrong(folder, "config.json", f"{key} is {values[key]!r}, but this engine knows only {value!r}")
    return shape


def _tensors(folder: Path, shape: Shape) -> dict[str, Array]:
    try:
        tensors: dict[str, Any] = load(_read(folder, "model.safetensors"))
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        _wrong(folder, "model.safetensors", f"cannot be read as float32 or float16 weights ({error})")
    for name, expected in shape.tensors().items():
        actual = tensors[name].shape if name in tensors else None
        if actual != expected:
            _wrong(folder, "model.safetensors", f"{name} has shape {actual}, by config.json it is {expected}")
    return tensors


def _tokenizer(folder: Path, shape: Shape) -> Tokenizer:
    decoder = _json(folder, "tokenizer.json").get("decoder")
    if not isinstance(decoder, dict) or decoder.get("type") != "Fuse":
        _wrong(folder, "tokenizer.json", f"its decoder is {decoder!r}; pieces are joined only by one of type 'Fuse'")
    try:
        tokenizer = Tokenizer.from_str(_read(folder, "tokenizer.json").decode())
    except Exception as error:  # the library raises nothing narrower
        _wrong(folder, "tokenizer.json", f"no tokenizer ({error})")
    if tokenizer.get_vocab_size() > shape.vocabulary:
        _wrong(
            folder, "tokenizer.json", f"{tokenizer.get_vocab_size()} tokens, but the network knows {shape.vocabulary}"
        )
    return tokenizer


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        return dict(json.loads(_read(folder, name)))
    except (ValueError, TypeError) as error:
        _wrong(folder, name, f"no JSON mapping ({error})")


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        _wrong(folder, name, error.strerror or str(error))


def _wrong(folder: Path, name: str, problem: str) -> NoReturn:
    raise EngineError(
        f"model 'abacus': {folder / name}: {problem}; give the folder of a whole checkpoint of Abacus' kind"
    )
