"""Embeddings of texts from a table of token vectors, offline and without a network: the mean of a text's tokens.

The table is any `model.safetensors` with a `tokenizer.json` beside it: a static
embedding (Model2Vec's `embeddings`, WordLlama's), or the input embeddings of a
language model. Such a mean knows which words a text has and not their order; it
finds what says the same with the same or kindred words. Sentence encoders are
not run. One that does not know the words of the texts, or for which unrelated
texts are alike, is refused.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from math import acos, ceil, log, pi
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load
from tokenizers import Tokenizer

from tasks.dedup.disk_arrays import DiskArray
from tasks.dedup.text_hashes import hash_texts
from tasks.dedup.token_hashes import U64, Ints, hash_number_sets, hash_words, make_constants, normalize_form
from tasks.splitmix64 import mix_bits

FILES = ("tokenizer.json", "model.safetensors")
TABLES = ("embeddings", "embedding.weight", "embed_tokens.weight", "word_embeddings.weight", "wte.weight")
"""How the names of tensors end that hold a vector for each token."""
SLICE = 1024
IN_A_CELL = 24
"""Rows of a cell, about, where all have the same scope."""
MISSED = 0.002
BLOCK = 50_000
MOST_UNKNOWN = 0.05
"""The share of a corpus' tokens that an embedding may not know."""
CALIBRATION = 2_000
"""Pairs of texts of different problems, at most, whose cosines say whether an embedding tells them apart."""
LEAST_PAIRS = 50
MOST_ALIKE = 0.01
"""The share of those pairs that may reach the cosine asked for."""
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
Floats = NDArray[np.float32]


class EmbeddingError(ValueError):
    """The files are no embedding; the message says which and why."""


class Embedding:
    """A vector for each token of a tokenizer."""

    def __init__(self, tokenizer: bytes, model: bytes) -> None:
        try:
            tensors = load(model)
            self.tokenizer = Tokenizer.from_str(tokenizer.decode("utf-8"))
        except (SafetensorError, ValueError, TypeError, KeyError) as error:
            raise EmbeddingError(f"is no safetensors file of NumPy's number types ({error})") from None
        except Exception as error:  # tokenizers raises plain Exception
            raise EmbeddingError(f"tokenizer.json cannot be read ({error})") from None
        tables = [value for name, value in sorted(tensors.items()) if name.endswith(TABLES) and value.ndim == 2]
        if not tables:
            raise EmbeddingError(
                f"no tensor whose name ends in {', '.join(TABLES)}; there are {', '.join(sorted(tensors))[:200]}"
            )
        if len(tables[0]) < self.tokenizer.get_vocab_size():
            raise EmbeddingError(
                f"{len(tables[0])} vectors for {self.tokenizer.get_vocab_size()} tokens; they belong to each other?"
            )
        table = tables[0].astype(np.float32)
        self.table: Floats = table - table.mean(axis=0)  # what all tokens share tells none apart
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        named = json.loads(self.tokenizer.to_str())["model"].get("unk_token")
        vocabulary = self.tokenizer.get_vocab(with_added_tokens=True)
        self.unknown = [number for word, number in vocabulary.items() if word == named or _BYTE.fullmatch(word)]
        """The tokens that stand for what has none: the unknown one, and bytes."""
        self.tokens = self.unknown_tokens = 0
        """Of all texts so far."""

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return int(self.table.shape[1])

    def refuse_unknown(self) -> None:
        """Raise `EmbeddingError` where too many tokens of all texts so far are unknown to it."""
        share = self.unknown_tokens / max(self.tokens, 1)
        if share > MOST_UNKNOWN:
            raise EmbeddingError(
                f"does not know the texts: {share:.0%} of their tokens are unknown to it, and {MOST_UNKNOWN:.0%} may be"
            )

    def vectors(self, texts: list[str]) -> Floats:
        """The vectors of texts, of length 1 (0 of a text without tokens), shape (texts, width)."""
        encodings = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        result = np.zeros((len(texts), self.width), np.float32)
        for i, encoding in enumerate(encodings):
            if encoding.ids:
                result[i] = self.table[encoding.ids].mean(axis=0)
                self.tokens += len(encoding.ids)
                self.unknown_tokens += int(np.isin(encoding.ids, self.unknown).sum())
        lengths = np.linalg.norm(result, axis=1, keepdims=True)
        np.divide(result, lengths, out=result, where=lengths > 1e-6)
        return result


def simplify_texts(texts: pl.Series) -> pl.Series:
    """Texts in the form in which they are embedded."""
    return pl.Series("text", [" ".join(normalize_form(text).split()) for text in texts.to_list()], dtype=pl.String)


def refuse_strange(embedding: Embedding, sample: pl.DataFrame, least: float) -> None:
    """Refuse an embedding that does not know the words of a table, or does not tell unrelated texts apart.

    Args:
        embedding: The embedding.
        sample: Texts of the table and the problem of each, as `draw_sample` has them.
        least: The cosine from which on texts are alike.

    Raises:
        EmbeddingError: It is of no use for them.

    """
    vectors = embedding.vectors(sample["text"].to_list())
    embedding.refuse_unknown()
    rows = np.flatnonzero(vectors.any(axis=1))
    problems = sample["problem"].gather(rows)
    apart = np.flatnonzero((problems.slice(1) != problems.head(-1)).to_numpy())[:CALIBRATION] if len(rows) else rows
    if len(apart) < LEAST_PAIRS:
        return
    cosines = np.einsum("ij,ij->i", vectors[rows[apart]], vectors[rows[apart + 1]])
    alike = float((cosines >= least).mean())
    if alike > MOST_ALIKE:
        raise EmbeddingError(
            f"does not tell the texts apart: of {len(apart):,} pairs of texts of different problems {alike:.0%} have a cosine of "
            f"{least:g} or more; their 99th percentile is {np.quantile(cosines, 0.99):.3f}, so ask for a higher cosine"
        )


class Vectors:
    """The vectors of many texts, in a file."""

    def __init__(self, folder: Path, embedding: Embedding, cosine: float) -> None:
        self.embedding, self.least = embedding, cosine
        self._vectors = DiskArray(folder / "vectors", np.float32)
        self._keys = DiskArray(folder / "vector-keys", np.uint64)
        self._numbers = DiskArray(folder / "vector-numbers", np.uint64)

    def add(self, texts: pl.Series) -> None:
        """Append texts."""
        simple = simplify_texts(texts)
        self._numbers.add(hash_number_sets(hash_words(texts)))
        for at in range(0, len(simple), SLICE):
            self._vectors.add(self.embedding.vectors(simple[at : at + SLICE].to_list()).ravel())
        self._keys.add(hash_texts(simple))

    def close(self, salts: U64) -> Ints:
        """End the adding: the rows that have a vector.

        Args:
            salts: A number for each text; those with different ones are never alike, as are those with other numbers or
                operators in them.

        Returns:
            Their numbers, ascending.

        """
        self._area, flat = self._vectors.mapped()
        self.values = flat.reshape(-1, self.embedding.width)
        nonzero = [self.values[at : at + BLOCK].any(axis=1) for at in range(0, len(self.values), BLOCK)]
        self.salts = mix_bits(self._numbers.whole() + salts)
        return np.flatnonzero(np.concatenate([np.zeros(0, bool), *nonzero]))

    def keys(self, rows: Ints) -> U64:
        """A hash of each of some texts, with the salt in it."""
        return mix_bits(self._keys.take(rows) + self.salts[rows])

    def buckets(self, rows: Ints) -> Iterator[U64]:
        """Cells of kindred vectors: the sides of random planes on which they lie (Charikar, 2002).

        As many planes as leave few rows of a scope in a cell, and as many tables
        of cells as leave a pair at the threshold apart in all of them with a
        chance of `MISSED`. Small scopes need no plane: all of their pairs are compared.

        Args:
            rows: The numbers of the vectors.

        Yields:
            For each table of cells the cell of each row; a row whose scope needs no further table is in one of its own.

        """
        salts = self.salts[rows]
        _, scope, sizes = np.unique(salts, return_inverse=True, return_counts=True)
        planes = np.ceil(np.log2(np.maximum(sizes / IN_A_CELL, 1))).astype(np.int64)
        tables = np.array([self._count_tables(int(count)) for count in planes], np.int64)
        most = int(planes.max(initial=0))
        for number in range(int(tables.max(initial=0))):
            # plane by plane, so that the first ones are the same however many there are
            normals = np.random.default_rng([1, number]).standard_normal((most, self.embedding.width))
            cells = mix_bits(np.arange(1, len(rows) + 1).astype(np.uint64))
            inside = np.flatnonzero(tables[scope] > number)
            sides = self._find_sides(rows[inside], normals)
            sides &= (np.uint64(1) << planes[scope[inside]].astype(np.uint64)) - np.uint64(1)
            cells[inside] = mix_bits(sides * make_constants(5)[4] + salts[inside])
            yield cells

    def _count_tables(self, planes: int) -> int:
        """The tables of cells that so many planes ask for."""
        together = (1 - acos(min(self.least, 1.0)) / pi) ** planes
        return 1 if together >= 1 else ceil(log(MISSED) / log(1 - together))

    def _find_sides(self, rows: Ints, normals: NDArray[np.float64]) -> U64:
        """On which side of each plane vectors lie, a bit a plane; in double precision, that it is the same beside any others."""
        powers = np.uint64(1) << np.arange(len(normals), dtype=np.uint64)
        sides = np.zeros(len(rows), np.uint64)
        for at in range(0, len(rows), BLOCK):
            vectors = self.values[rows[at : at + BLOCK]].astype(np.float64)
            sides[at : at + BLOCK] = ((vectors @ normals.T) > 0) @ powers
        self._forget()
        return sides

    def alike(self, a: Ints, b: Ints) -> NDArray[np.bool_]:
        """Whether the vectors of each pair are as near as the threshold asks."""
        return self.measure(a, b) >= self.least

    def measure(self, a: Ints, b: Ints) -> NDArray[np.float64]:
        """The cosine of each pair."""
        cosines = np.zeros(len(a))
        for at in range(0, len(a), BLOCK):
            left, right = self.values[a[at : at + BLOCK]], self.values[b[at : at + BLOCK]]
            cosines[at : at + BLOCK] = np.einsum("ij,ij->i", left, right)
        self._forget()
        return cosines

    def _forget(self) -> None:
        if self._area is not None:
            self._area.madvise(mmap.MADV_DONTNEED)
