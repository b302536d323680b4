"""Texts as numbers: each word, sign of arithmetic or character of a text by a hash that never changes.

Words are runs of letters and digits; signs of arithmetic stand for themselves,
as does each character of a script that writes no spaces; all else separates.
Everything is done on whole columns in NumPy: no Python runs for each text that
is plain ASCII. The hashes are our own because those of Polars and DuckDB may
differ from version to version, and these are kept with releases.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
U32 = NDArray[np.uint32]
Ints = NDArray[np.int64]

_SAME = {
    **dict.fromkeys(map(ord, "‐‑‒–—―−"), "-"),
    **dict.fromkeys(map(ord, "‘’‚‛′`´"), "'"),
    **dict.fromkeys(map(ord, "“”„‟″«»"), '"'),
    **dict.fromkeys(map(ord, "×∙·⋅•"), "*"),
    ord("÷"): "/",
    # what is not seen: soft hyphens, joiners, marks of direction, variation selectors, the byte order mark
    **dict.fromkeys([0xAD, 0x34F, 0x61C, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F)]),
    **dict.fromkeys([*range(0x2060, 0x2070), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE0200)]),
}
LONG = 64
"""Bytes of a word beyond which it is hashed by BLAKE2b: no text can be made to cost more than its length."""
_SEPARATOR, _WORD, _SIGN, _CONTINUES, _LETTER, _ALONE = range(6)


def _kinds() -> bytes:
    """What each byte of UTF-8 is: part of a word, a sign, …, of a character of two bytes or of more."""
    table = np.full(256, _SEPARATOR, np.uint8)
    table[[*range(48, 58), *range(65, 91), *range(97, 123)]] = _WORD
    table[[ord(sign) for sign in "+-*/=<>%^|"]] = _SIGN
    table[0x80:0xC0], table[0xC0:0xE0], table[0xE0:] = _CONTINUES, _LETTER, _ALONE
    return table.tobytes()


_KINDS = _kinds()
_LOWER = bytes(byte + 32 if 65 <= byte < 91 else byte for byte in range(256))


def mixed(values: U64) -> U64:
    """Every bit of the result depends on every bit of the value (the finish of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def constants(count: int) -> U64:
    """As many odd numbers of 64 bits, always the same."""
    return mixed(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) | np.uint64(1)


def plain(texts: pl.Series) -> pl.Series:
    """The texts without what makes no other text: Unicode form, letter case, white space, unseen characters, dashes."""
    return pl.Series([plain_text(text) for text in texts.to_list()], dtype=pl.String)


def _in_plain_form(texts: pl.Series) -> pl.Series:
    """The texts, those that are not ASCII in plain form."""
    other = texts.str.len_bytes() != texts.str.len_chars()
    return texts.scatter(other.arg_true(), plain(texts.filter(other))) if other.any() else texts


def plain_text(text: str) -> str:
    """One text in plain form."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_SAME)
        text = unicodedata.normalize("NFKC", text.casefold())
    return " ".join(text.lower().split())


@dataclass(frozen=True)
class Words:
    """The words of some texts, one text after the other."""

    hashes: U32
    """Shape (words,)."""
    ends: Ints
    """Shape (texts,): the number of words up to the end of each text."""

    def counts(self) -> Ints:
        """The number of words of each text."""
        return np.diff(self.ends, prepend=0)


def words(texts: pl.Series) -> Words:
    """The words of texts, in plain form; of those that are ASCII alone only the letters' case must be made so."""
    raw, offsets = _bytes(_in_plain_form(texts))
    data, kinds = (np.frombuffer(raw.translate(table), np.uint8) for table in (_LOWER, _KINDS))
    is_start, separates = _starts(kinds)
    ended = ~separates[:-1] & (separates[1:] | is_start[1:])
    starts, stops = np.flatnonzero(is_start), np.flatnonzero(ended) + 1
    return Words(_hashed(data, starts, stops), np.searchsorted(starts, offsets[1:]))


def characters(texts: pl.Series) -> Words:
    """The characters of texts, in plain form."""
    texts = plain(texts)
    data = np.frombuffer("".join(texts.to_list()).encode("utf-32-le"), np.uint32)
    ends = texts.str.len_chars().cast(pl.Int64).cum_sum().to_numpy()
    return Words(_short(mixed(data.astype(np.uint64))), ends)


def _bytes(texts: pl.Series) -> tuple[bytes, Ints]:
    """All texts' bytes with a blank behind each and eight at the end, and where each begins (and the last ends)."""
    column = (texts + " ").to_arrow().cast("large_string")
    _, offsets, data = column.buffers()
    found = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    raw = data[found[0] : found[-1]].to_pybytes() if data is not None else b""
    return raw + b" " * 8, found - found[0]


def _starts(kinds: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where words begin, and which bytes belong to none."""
    word, found, separates = kinds == _WORD, kinds == _SIGN, kinds == _SEPARATOR
    after_word = np.concatenate([[False], word[:-1]])
    if kinds.max() > _SIGN:
        # of two bytes: a letter, and the byte before the next is its second one; of three and four: alone
        letter = kinds == _LETTER
        after_word[2:] |= letter[:-2]
        word |= letter
        found |= kinds == _ALONE
    return found | (word & ~after_word), separates


def _hashed(data: NDArray[np.uint8], starts: Ints, stops: Ints) -> U32:
    """A hash of the bytes between each start and stop, eight bytes at a time."""
    eight: U64 = np.ndarray(shape=(len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))
    lengths = stops - starts
    one, other = constants(2)
    found = ((eight[starts] & _first(lengths)) + one) * other
    left = np.flatnonzero((lengths > 8) & (lengths <= LONG))
    done = 8
    while len(left):
        more = eight[starts[left] + done] & _first(lengths[left] - done)
        found[left] = (mixed(found[left]) + more) * other
        done += 8
        left = left[lengths[left] > done]
    for one in np.flatnonzero(lengths > LONG):
        piece = data[starts[one] : stops[one]].tobytes()
        found[one] = int.from_bytes(hashlib.blake2b(piece, digest_size=8).digest(), "little")
    return _short(found)


def _first(count: Ints) -> U64:
    """Masks that leave the first so many of eight bytes (at least one)."""
    return np.uint64(2**64 - 1) >> ((8 - np.minimum(count, 8)) << 3).astype(np.uint64)


def _short(hashes: U64) -> U32:
    """The upper halves."""
    return (hashes >> np.uint64(32)).astype(np.uint32)
