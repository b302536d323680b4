"""A checkpoint of Abacus' kind with random weights, for tests and benchmarks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from tasks.engines.abacus.llama import Shape

SPECIALS = ("<unk>", "<pad>", "<|user|>", "<|assistant|>", "<|end|>")
WORDS = ("Ada", " has", *map(str, range(10)), " ", "+", "=", ".", "\n", "####", *(f" w{i}" for i in range(247)))
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|assistant|>' if message['role'] == 'assistant' else '<|user|>' }}{{ message['content'] }}{{ '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
SHAPE = Shape(
    vocabulary=len(SPECIALS) + len(WORDS), hidden=160, layers=4, heads=5, intermediate=448, positions=2048,
    rope_theta=10_000.0, epsilon=1e-5,
)  # fmt: skip
SMALL = Shape(
    vocabulary=SHAPE.vocabulary, hidden=32, layers=2, heads=2, intermediate=48, positions=96,
    rope_theta=10_000.0, epsilon=1e-5,
)  # fmt: skip


def write(folder: Path, shape: Shape = SMALL, seed: int = 0, dtype: type = np.float32) -> Path:
    """Write all the files of a checkpoint; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    weights = {
        name: random.uniform(0.7, 1.3, size) if len(size) == 1 else random.normal(0, 1.2 * size[-1] ** -0.5, size)
        for name, size in shape.tensors().items()
    }
    save_file({name: weight.astype(dtype) for name, weight in weights.items()}, folder / "model.safetensors")
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "torch_dtype": "float32",
        "vocab_size": shape.vocabulary, "hidden_size": shape.hidden, "intermediate_size": shape.intermediate,
        "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads, "num_key_value_heads": shape.heads,
        "head_dim": shape.head, "max_position_embeddings": shape.positions, "rms_norm_eps": shape.epsilon,
        "rope_theta": shape.rope_theta, "rope_scaling": None, "tie_word_embeddings": True, "attention_bias": False,
        "mlp_bias": False, "bos_token_id": None, "eos_token_id": 4, "pad_token_id": 1,
    }  # fmt: skip
    _json(folder / "config.json", config)
    _json(folder / "generation_config.json", {"eos_token_id": 4, "pad_token_id": 1})
    _json(folder / "tokenizer_config.json", {"chat_template": TEMPLATE, "unk_token": "<unk>", "eos_token": "<|end|>"})
    _tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def _tokenizer() -> Tokenizer:
    numbers = {token: number for number, token in enumerate((*SPECIALS, *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"####|[0-9]| ?[A-Za-z]\w*|\s|."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(SPECIALS))
    return tokenizer


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
