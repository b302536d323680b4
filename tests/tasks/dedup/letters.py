"""An embedding that knows every letter of ASCII and nothing of words, for tests."""

from __future__ import annotations

import numpy as np
from safetensors.numpy import save
from tokenizers import Tokenizer
from tokenizers.models import BPE


def make_embedding() -> tuple[bytes, bytes]:
    """The bytes of tokenizer.json and of model.safetensors."""
    letters = {chr(code): code - 32 for code in range(32, 127)}
    vectors = np.random.default_rng(1).standard_normal((len(letters), 16)).astype(np.float32)
    return Tokenizer(BPE(letters, [])).to_str().encode(), save({"embeddings": vectors})
