"""Texts as numbers: each word, sign of arithmetic or character of a text by a hash that never changes.

Words are runs of letters and digits; signs of arithmetic stand for themselves,
as does each character of a script that writes no spaces; all else separates.
Everything is done on whole columns in NumPy: no Python runs for each text that
is plain ASCII. The hashes are our own because those of Polars and DuckDB may
differ from version to version, and these are kept with releases.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.plain_unicode import normalize_unicode
from tasks.splitmix64 import GOLDEN, mix_bits
from tasks.verify.number import WORDS

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
_SEPARATOR, _SIGN, _WORD = 1, 3, 4
"""What a byte is: each larger than what may stand before it where it begins a word, and odd but for that of words."""


def _classify_bytes() -> bytes:
    """What each byte of UTF-8 is.

    Of two bytes is a letter, whose second is made one where it stands; of
    more is a character that is a word alone, and of it only the first counts.

    Returns:
        A table of 256 bytes.

    """
    table = np.full(256, _SEPARATOR, np.uint8)
    table[[*range(48, 58), *range(65, 91), *range(97, 123)]] = _WORD
    table[[ord(sign) for sign in "+-*/=<>%^|"]] = _SIGN
    table[0xC0:0xE0], table[0xE0:] = _WORD, _SIGN
    return table.tobytes()


_KINDS = _classify_bytes()


def _mark_bytes(signs: str) -> NDArray[np.bool_]:
    """Which bytes are one of some signs."""
    table = np.zeros(256, np.bool_)
    table[[ord(sign) for sign in signs]] = True
    return table


_FIGURE, _DOUBTFUL, _BEFORE_FIGURE = _mark_bytes("+-*/=<>%^0123456789"), _mark_bytes("-*"), _mark_bytes(".-()")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_MEANINGS = {
    **{word: str(value) for value, word in enumerate(WORDS) if word != "one"},
    **{word: str(10 * value) for value, word in enumerate(_TENS, 2)},
    "plus": "+", "minus": "-", "times": "*", "equals": "=", "percent": "%", "hundred": "100", "thousand": "1000", "dozen": "12",
    **{word: word for word in ["half", "third", "quarter", "twice", "double", "triple", "more", "less", "fewer", "added", "subtracted", "multiplied", "divided", "increased", "decreased", "not", "million", "billion", "√", "π", "≤", "≥", "≠", "±", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "百", "千", "两"]},
}  # fmt: skip
"""Words that are numbers or operators, and what they stand for."""
_LOWER = bytes(byte + 32 if 65 <= byte < 91 else byte for byte in range(256))
_ALL_WORD = np.uint64(int.from_bytes(bytes([_WORD] * 8), "little"))
_ONE = np.uint64(0xFF)


def make_constants(count: int) -> U64:
    """As many odd numbers of 64 bits, always the same."""
    return mix_bits(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)) | np.uint64(1)


def normalize_texts(texts: pl.Series) -> pl.Series:
    """The texts without what makes no other text: Unicode form, letter case, white space, unseen characters, dashes."""
    return pl.Series([normalize_text(text) for text in texts.to_list()], dtype=pl.String)


def _normalize_forms(texts: pl.Series) -> pl.Series:
    """The texts, those that are not ASCII in plain form."""
    other = texts.str.len_bytes() != texts.str.len_chars()
    return texts.scatter(other.arg_true(), normalize_texts(texts.filter(other))) if other.any() else texts


def normalize_text(text: str) -> str:
    """One text in plain form."""
    if not text.isascii():
        text = normalize_unicode(normalize_form(text).casefold())
    return " ".join(text.lower().split())


def normalize_form(text: str) -> str:
    """One text without Unicode's many forms of a sign; letter case and white space stay."""
    return text if text.isascii() else normalize_unicode(text).translate(_SAME)


@dataclass(frozen=True)
class Figures:
    """The words that are numbers or operators, in figures or in words."""

    places: Ints
    """Which words they are."""
    values: U32
    """The hash of what each stands for: that of 5 for five."""


@dataclass(frozen=True)
class Words:
    """The words of some texts, one text after the other."""

    hashes: U32
    """Shape (words,)."""
    ends: Ints
    """Shape (texts,): the number of words up to the end of each text."""
    figures: Figures | None = None
    """Those that are numbers or operators; None where it is not known."""

    def counts(self) -> Ints:
        """The number of words of each text."""
        return np.diff(self.ends, prepend=0)


def hash_words(texts: pl.Series) -> Words:
    """The words of texts, in plain form; of those that are ASCII alone only the letters' case must be made so."""
    raw, offsets = _join_bytes(_normalize_forms(texts))
    data = np.frombuffer(raw.translate(_LOWER), np.uint8)
    kinds = np.frombuffer(bytearray(raw.translate(_KINDS)), np.uint8)
    if not raw.isascii():
        kinds[np.flatnonzero((data >= 0xC0) & (data < 0xE0)) + 1] = _WORD
    begins = kinds == _SIGN
    begins[1:] |= kinds[1:] > kinds[:-1]
    begins[0] = kinds[0] != _SEPARATOR
    starts = np.flatnonzero(begins)
    hashes = _hash_runs(data, kinds, starts)
    return Words(hashes, np.searchsorted(starts, offsets[1:]), _find_figures(data, kinds, starts, hashes))


def _find_figures(data: NDArray[np.uint8], kinds: NDArray[np.uint8], starts: Ints, hashes: U32) -> Figures:
    """Which words are numbers or operators: those with digits, signs, and the words for them."""
    if not len(starts):
        return Figures(starts, hashes)
    digit = (data - np.uint8(48)) < 10  # what is less than 48 is more than 200
    figure = _FIGURE[data[starts]]
    # letters with a digit behind them are part of a name such as x2
    figure[np.searchsorted(starts, np.flatnonzero(digit[1:] & (kinds[:-1] == _WORD) & ~digit[:-1]), "right") - 1] = True
    words, targets, maybe = _read_meanings()
    meant = np.flatnonzero(maybe[hashes >> np.uint32(16)])
    place = np.minimum(np.searchsorted(words, hashes[meant]), len(words) - 1)
    same = words[place] == hashes[meant]
    figure[meant[same]] = True
    places = np.flatnonzero(figure)
    values, begun = hashes[places], starts[places]
    values[np.searchsorted(places, meant[same])] = targets[place[same]]
    _tell_apart(values, data, digit, begun)
    doubtful = np.flatnonzero(_DOUBTFUL[data[begun]])
    none = doubtful[_is_punctuation(data, kinds, digit, begun[doubtful])]
    return Figures(np.delete(places, none), np.delete(values, none)) if len(none) else Figures(places, values)


def _tell_apart(values: U32, data: NDArray[np.uint8], digit: NDArray[np.bool_], begun: Ints) -> None:
    """Give decimals, negative numbers, and what stands behind a bracket, hashes of their own."""
    special = np.flatnonzero(_BEFORE_FIGURE[data[begun - 1]] | (data[begun - 2] == ord(")")))
    begun = begun[special]
    before, earlier, number = data[begun - 1], data[begun - 2], digit[begun]
    plain = (earlier == ord(" ")) | (earlier == ord("=")) | (earlier == ord("(")) | (earlier == ord("$"))
    decimal = (before == ord(".")) & digit[begun - 2] & number
    negative = (before == ord("-")) & plain & number
    closed = (before == ord(")")) | ((before == ord(" ")) & (earlier == ord(")")))
    for kind, where in enumerate((decimal, negative, before == ord("("), closed)):
        values[special[where]] ^= np.uint32((GOLDEN >> 32) + 2 * kind)


def _is_punctuation(
    data: NDArray[np.uint8], kinds: NDArray[np.uint8], digit: NDArray[np.bool_], signs: Ints
) -> NDArray[np.bool_]:
    """Which dashes and stars are no operators: those between letters, and those of bold type."""
    before, after = np.maximum(signs - 1, 0), signs + 1
    between = (kinds[before] == _WORD) & (kinds[after] == _WORD) & ~digit[before] & ~digit[after]
    star = data[signs] == ord("*")
    bold = ((data[before] == ord("*")) & (signs > 0)) | (data[after] == ord("*"))
    result: NDArray[np.bool_] = np.where(star, bold, between)
    return result


@cache
def _read_meanings() -> tuple[U32, U32, NDArray[np.bool_]]:
    """Hashes of words that are numbers or operators, in order, what each stands for, and which upper halves they have."""
    words = list(_MEANINGS)
    data = [np.frombuffer(f"{text}        ".encode(), np.uint8) for text in (*words, *_MEANINGS.values())]
    kinds = [np.frombuffer(piece.tobytes().translate(_KINDS), np.uint8) for piece in data]
    hashes = np.array([_hash_runs(a, b, np.zeros(1, np.int64))[0] for a, b in zip(data, kinds)], np.uint32)
    keys, targets = hashes[: len(words)], hashes[len(words) :]
    order = np.argsort(keys)
    maybe = np.zeros(1 << 16, np.bool_)
    maybe[keys >> np.uint32(16)] = True
    return keys[order], targets[order], maybe


def hash_figures(words: Words) -> U64:
    """A hash of the numbers and operators of each text, in their order; 0 of a text without."""
    if words.figures is None:
        raise ValueError("the words do not say which are numbers")
    ends = np.searchsorted(words.figures.places, words.ends)
    counts = np.diff(ends, prepend=0)
    rank = (np.arange(len(words.figures.places)) - np.repeat(ends - counts, counts)).astype(np.uint64)
    values = mix_bits(words.figures.values.astype(np.uint64) * make_constants(1)[0] + rank)
    return _add_up(values, ends, counts)


def hash_number_sets(words: Words) -> U64:
    """A hash of which numbers and operators each text has, signs of equality aside, in any order and number."""
    if words.figures is None:
        raise ValueError("the words do not say which are numbers")
    telling = words.figures.values != _hash_word("=")
    text = np.searchsorted(words.ends, words.figures.places[telling], side="right").astype(np.uint64)
    pairs = np.unique((text << np.uint64(32)) | words.figures.values[telling])
    ends = np.searchsorted(pairs, np.arange(1, len(words.ends) + 1, dtype=np.uint64) << np.uint64(32))
    return _add_up(mix_bits(pairs & np.uint64(0xFFFFFFFF)), ends, np.diff(ends, prepend=0))


def _add_up(values: U64, ends: Ints, counts: Ints) -> U64:
    """The sums of runs of values."""
    summed = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values, out=summed[1:])
    result: U64 = summed[ends] - summed[ends - counts]
    return result


@cache
def _hash_word(word: str) -> np.uint32:
    return np.uint32(hash_words(pl.Series([word])).hashes[0])


def hash_characters(texts: pl.Series) -> Words:
    """The characters of texts, in plain form."""
    texts = normalize_texts(texts)
    data = np.frombuffer("".join(texts.to_list()).encode("utf-32-le"), np.uint32)
    ends = texts.str.len_chars().cast(pl.Int64).cum_sum().to_numpy()
    return Words(_take_upper_halves(mix_bits(data.astype(np.uint64))), ends)


def _join_bytes(texts: pl.Series) -> tuple[bytes, Ints]:
    """All texts' bytes with a blank behind each and eight at the end, and where each begins (and the last ends)."""
    column = (texts + " ").to_arrow().cast("large_string")
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    raw = data[bounds[0] : bounds[-1]].to_pybytes() if data is not None else b""
    return raw + b" " * 8, bounds - bounds[0]


def _hash_runs(data: NDArray[np.uint8], kinds: NDArray[np.uint8], starts: Ints) -> U32:
    """A hash of the bytes of the word at each start, eight bytes at a time."""
    eight, eight_kinds = (np.ndarray((len(data) - 7,), "<u8", array, strides=(1,)) for array in (data, kinds))
    first, other = make_constants(2)
    own = _mask_words(eight_kinds[starts]) | _ONE
    wide = np.flatnonzero(data[starts] >= 0xE0) if data.max(initial=0) >= 0xE0 else starts[:0]
    own[wide] = np.where(data[starts[wide]] < 0xF0, np.uint64(0xFFFFFF), np.uint64(0xFFFFFFFF))
    hashes = ((eight[starts] & own) + first) * other
    left = np.flatnonzero(own == _EVERY)
    for done in range(8, LONG + 8, 8):
        # the texts end in eight blanks, so that nothing is read behind them
        own = _mask_words(eight_kinds[starts[left] + done])
        left, own = left[own != 0], own[own != 0]
        if not len(left):
            return _take_upper_halves(hashes)
        if done == LONG:
            break
        hashes[left] = (mix_bits(hashes[left]) + (eight[starts[left] + done] & own)) * other
        left = left[own == _EVERY]
    for at in left:
        piece = data[starts[at] : starts[at] + _measure_word(kinds, int(starts[at]))].tobytes()
        hashes[at] = int.from_bytes(hashlib.blake2b(piece, digest_size=8).digest(), "little")
    return _take_upper_halves(hashes)


_EVERY = np.uint64(2**64 - 1)


def _mask_words(kinds: U64) -> U64:
    """Masks of those of eight bytes that go on with a word: all bits below the first byte of another kind."""
    other = kinds ^ _ALL_WORD
    return (other & (~other + np.uint64(1))) - np.uint64(1)


def _measure_word(kinds: NDArray[np.uint8], start: int) -> int:
    """The bytes of a long word."""
    size = LONG
    while not (ends := np.flatnonzero(kinds[start : start + size] != _WORD)).size:
        size *= 2
    return int(ends[0])


def _take_upper_halves(hashes: U64) -> U32:
    """The upper halves."""
    return (hashes >> np.uint64(32)).astype(np.uint32)
