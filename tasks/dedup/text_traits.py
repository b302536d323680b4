"""What a text can be found by in others: its n-grams, plain and masked, its words as a whole, and its short sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.dedup.masking import Mask, mask_texts
from tasks.dedup.minhash import hash_windows
from tasks.dedup.token_hashes import U64, Words, hash_words, make_constants
from tasks.splitmix64 import mix_bits

MEANING, WORDS, MASKED, SENTENCE, EXACT = 250, 251, 252, 253, 254
"""Kinds of traits beside those of the rules, which are numbered from 0."""
SENTENCES = 3
"""A short item may be so many sentences of a text, one after the other."""
LONGEST_WORD = 12
"""Characters of a word in a short item, on average and at most."""
SCHEMA = {"kind": pl.UInt8, "hash": pl.UInt64, "text": pl.Int64, "place": pl.Int64}
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class NGrams:
    """A test item is in a text if runs of `length` words that both have cover this share of the item's words."""

    length: int
    coverage: float


CHANGED = NGrams(8, 0.5)
"""The least that is said of masked texts; what is sure is in `ngram_overlap._VERDICT`."""


@dataclass(frozen=True)
class Traits:
    """What some texts can be found by, of one kind."""

    kind: int
    hashes: U64
    text: Ints
    """The number of each one's text."""
    place: Ints
    """The number of its first word there."""

    def take(self, chosen: NDArray[np.bool_]) -> pl.DataFrame:
        """Those that are chosen, as rows of `SCHEMA`."""
        columns = {"hash": self.hashes[chosen], "text": self.text[chosen], "place": self.place[chosen]}
        return pl.DataFrame({"kind": np.full(int(chosen.sum()), self.kind), **columns}, schema=SCHEMA)


@dataclass(frozen=True)
class TraitReader:
    """Reads what texts can be found by."""

    rules: tuple[NGrams, ...]
    masks: tuple[Mask, ...]

    @property
    def shortest(self) -> int:
        """Words of the shortest n-gram; a text of fewer is found as a whole."""
        return min((rule.length for rule in (*self.rules, CHANGED)), default=0)

    def read_layers(self, texts: pl.Series) -> list[tuple[pl.Series, Words]]:
        """The texts in plain form, and masked if they are to be; and the words of each."""
        layers = [mask_texts(texts, ())] + [mask_texts(texts, self.masks)] * bool(self.masks)
        return [(layer, hash_words(layer)) for layer in layers]

    def read_traits(self, layers: list[tuple[pl.Series, Words]]) -> list[Traits]:
        """What the texts can be found by, as wholes and by n-grams."""
        plain = layers[0][1]
        everyone = np.arange(len(plain.ends))[plain.counts() > 0]
        traits = [
            Traits(EXACT, _of_kind(hash_sequences(plain), EXACT)[everyone], everyone, np.zeros(len(everyone), np.int64))
        ]
        kinds = [(kind, plain, rule) for kind, rule in enumerate(self.rules)] + [
            (MASKED, masked, CHANGED) for _, masked in layers[1:]
        ]
        for kind, words, rule in kinds:
            hashes, runs = hash_windows(words, rule.length)
            text = np.repeat(np.arange(len(runs)), runs)
            place = np.arange(len(hashes)) - np.repeat(np.cumsum(runs) - runs, runs)
            complete = words.counts()[text] >= rule.length
            traits.append(Traits(kind, _of_kind(hashes[complete], kind), text[complete], place[complete]))
        return traits

    def read_short_items(self, words: Words) -> Traits:
        """The items that have fewer words than an n-gram, as wholes."""
        counts = words.counts()
        short = np.flatnonzero((counts > 1) & (counts < self.shortest))
        return Traits(SENTENCE, _of_kind(hash_sequences(words), SENTENCE)[short], short, np.zeros(len(short), np.int64))

    def read_sentences(self, texts: pl.Series) -> Traits:
        """The short sentences of texts, and up to three in a row that are short together; not texts that are one."""
        ended = texts.str.replace_all(r"[.?!:;]+(?:\s+|$)|\s*\n+\s*", "\x1f").str.strip_chars("\x1f ")
        pieces = pl.DataFrame({"text": pl.int_range(len(texts), eager=True), "piece": ended.str.split("\x1f")})
        pieces = pieces.filter(pl.col("piece").list.len() > 1).explode("piece")
        # so few words have no more characters, or are too long for a test item
        piece = pl.when(pl.col("piece").str.len_bytes() <= LONGEST_WORD * self.shortest).then("piece")
        runs = []
        for count in range(1, SENTENCES + 1):
            together = pl.concat_str([piece.shift(-i) for i in range(count)], separator=" ")
            runs.append(
                pieces.select("text", piece=pl.when(pl.col("text") == pl.col("text").shift(1 - count)).then(together))
            )
        short = pl.concat(runs).drop_nulls()
        short = short.filter(pl.col("piece").str.len_bytes() <= LONGEST_WORD * self.shortest)
        words = hash_words(mask_texts(short["piece"], ()))
        chosen = (words.counts() > 1) & (words.counts() < self.shortest)
        hashes, text = _of_kind(hash_sequences(words), SENTENCE)[chosen], short["text"].to_numpy()[chosen]
        return Traits(SENTENCE, hashes, text.astype(np.int64), np.zeros(len(text), np.int64))


def hash_sequences(words: Words) -> U64:
    """A hash of each text's words in their order; equal where the words are, whatever stands between them."""
    counts = words.counts()
    place = np.arange(len(words.hashes), dtype=np.uint64) - np.repeat((words.ends - counts).astype(np.uint64), counts)
    summed = np.zeros(len(words.hashes) + 1, np.uint64)
    np.cumsum(mix_bits(words.hashes.astype(np.uint64) | (place << np.uint64(32))), out=summed[1:])
    return mix_bits(summed[words.ends] - summed[words.ends - counts] + counts.astype(np.uint64))


def _of_kind(hashes: U64, kind: int) -> U64:
    return mix_bits(hashes + make_constants(kind + 1)[kind])
