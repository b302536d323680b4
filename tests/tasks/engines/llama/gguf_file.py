"""GGUF files of a few hundred bytes: a head without weights."""

from __future__ import annotations

import struct
from pathlib import Path

TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"
U32, TEXT, ARRAY = 4, 8, 9


def encode_text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def encode_pair(key: str, value: str | int | list[str] | list[int]) -> bytes:
    """A key with its value, as GGUF has them."""
    head = encode_text(key)
    if isinstance(value, str):
        return head + struct.pack("<I", TEXT) + encode_text(value)
    if isinstance(value, int):
        return head + struct.pack("<II", U32, value)
    kind = TEXT if value and isinstance(value[0], str) else U32
    items = b"".join(encode_text(item) if isinstance(item, str) else struct.pack("<I", item) for item in value)
    return head + struct.pack("<IIQ", ARRAY, kind, len(value)) + items


def write_gguf(path: Path, *, template: str = TEMPLATE, version: int = 3, name: str = "Tiny") -> Path:
    """A file with the head of a model."""
    pairs = [
        encode_pair("general.architecture", "llama"),
        encode_pair("general.name", name),
        encode_pair("llama.context_length", 8192),
        encode_pair("tokenizer.ggml.tokens", ["<s>", "a", "ü"]),
        encode_pair("tokenizer.ggml.token_type", [1, 2, 3]),
        *([encode_pair("tokenizer.chat_template", template)] if template else []),
    ]
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", version, 0, len(pairs)) + b"".join(pairs))
    return path
