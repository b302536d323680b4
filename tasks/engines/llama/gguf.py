"""GGUF, the files of llama.cpp: what stands at a model's head, read without llama.cpp.

The layout is that of ggml's specification (docs/gguf.md), versions 2 and 3: a
magic number, counts, and then key by key a type and a value, little-endian. A
file may come from anywhere: every length is held against the bytes that are left.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from schemas.request import EngineError

WITHOUT_TEMPLATE = (
    "it has no chat template, so it is no model for conversations; choose one that was trained on them, or have it go on "
    "with texts by `api: completions`"
)
MAGIC = b"GGUF"
VERSIONS = (2, 3)
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_MOST_KEYS = 100_000
_LONGEST_TEXT = 4 * 2**20
"""Bytes of a text that is kept, at most; chat templates have tens of thousands."""


class _Malformed(Exception):
    """No GGUF, or one that ends too early; what is wrong with it."""


@dataclass(frozen=True)
class ModelFile:
    """What is known of a model from its file."""

    name: str
    """As it calls itself; empty where it does not."""
    architecture: str
    context: int | None
    """Tokens that it was trained on, at most."""
    has_chat_template: bool


def read_model_file(path: str | Path) -> ModelFile:
    """What a GGUF file says of its model.

    Args:
        path: The file.

    Returns:
        Its name, architecture, context and whether it has a chat template.

    Raises:
        EngineError: The file is not there, or no GGUF.

    """
    try:
        with Path(path).open("rb") as stream:
            values = _read_metadata(stream, Path(path).stat().st_size)
    except OSError as error:
        raise EngineError(f"{path}: cannot be read ({error.strerror}); expected a GGUF file") from None
    except (_Malformed, UnicodeDecodeError, struct.error) as error:
        raise EngineError(f"{path}: {error}; expected a GGUF file, version 2 or 3, as llama.cpp reads it") from None
    architecture = _take_text(values, "general.architecture")
    context = values.get(f"{architecture}.context_length")
    return ModelFile(
        _take_text(values, "general.name"), architecture, context if isinstance(context, int) else None,
        bool(_take_text(values, "tokenizer.chat_template")),
    )  # fmt: skip


def _take_text(values: Mapping[str, object], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _read_metadata(stream: BinaryIO, size: int) -> dict[str, object]:
    if (magic := stream.read(4)) != MAGIC:
        raise _Malformed(f"it begins with {magic!r}, not with {MAGIC!r}")
    version, _, count = struct.unpack("<IQQ", stream.read(20))
    if version not in VERSIONS:
        raise _Malformed(f"it is of version {version}")
    if count > _MOST_KEYS:
        raise _Malformed(f"it claims to have {count:,} keys")
    values: dict[str, object] = {}
    for _ in range(count):
        key = _read_text(stream, size)
        values[key] = _read_value(stream, size, *struct.unpack("<I", stream.read(4)))
    return values


def _read_text(stream: BinaryIO, size: int) -> str:
    length = _read_length(stream, size)
    if length > _LONGEST_TEXT:
        raise _Malformed(f"it holds a text of {length:,} bytes")
    return stream.read(length).decode()


def _read_length(stream: BinaryIO, size: int) -> int:
    (length,) = struct.unpack("<Q", stream.read(8))
    if length > size - stream.tell():
        raise _Malformed("it ends within its metadata")
    return int(length)


def _read_value(stream: BinaryIO, size: int, kind: int) -> object:
    """A number or a text; arrays (of tokens, scores) are passed over."""
    if kind in _NUMBERS:
        layout = "<" + _NUMBERS[kind]
        return struct.unpack(layout, stream.read(struct.calcsize(layout)))[0]
    if kind == _TEXT:
        return _read_text(stream, size)
    if kind != _ARRAY:
        raise _Malformed(f"it holds a value of the unknown type {kind}")
    (inner,) = struct.unpack("<I", stream.read(4))
    length = _read_length(stream, size)
    if inner in _NUMBERS:
        stream.seek(length * struct.calcsize("<" + _NUMBERS[inner]), 1)
        return None
    if inner != _TEXT:
        raise _Malformed(f"it holds an array of the type {inner}")
    for _ in range(length):
        stream.seek(_read_length(stream, size), 1)
    return None
