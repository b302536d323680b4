"""Answers of solutions as numbers: equal where the verifier takes them for equal, whatever they look like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from tasks.dedup.disk_arrays import DiskArray
from tasks.dedup.text_hashes import hash_texts
from tasks.dedup.token_hashes import U64
from tasks.splitmix64 import mix_bits
from tasks.verify.answer_keys import is_same_answer, make_answer_key

UNREAD = np.uint64(0)
COMPARED = 200
"""Answers to one problem without a normal form that are compared with each other; what more there are equal themselves alone."""


def hash_answers(answers: pl.Series) -> U64:
    """A number for each answer; 0 of those that are not known or not read whole."""
    return _number_answers(answers)[0]


def _number_answers(answers: pl.Series) -> tuple[U64, set[str]]:
    """A number for each answer, and those among them that have no normal form."""
    different = answers.unique().drop_nulls().to_list()
    keys = [make_answer_key(answer) for answer in different]
    names = [f"(verbatim) {answer.strip()}" if key is None else key for answer, key in zip(different, keys)]
    hashes = hash_texts(pl.Series(names, dtype=pl.String)).tolist()
    numbers = dict(zip(different, hashes))
    compared = {answer for answer, key in zip(different, keys) if key is None}
    return np.array([numbers.get(answer, 0) for answer in answers.to_list()], np.uint64), compared


def list_compared(answers: pl.Series) -> list[str]:
    """The answers without a normal form, each once; of more than are compared the first, in the order of their texts."""
    return sorted({answer.strip() for answer in _number_answers(answers)[1]})[:COMPARED]


def number_equal(answers: pl.Series, compared: Sequence[str]) -> U64:
    """A number for each answer to one question, equal where they are, 0 where they are not read.

    Args:
        answers: The answers.
        compared: What `list_compared` has of all answers to the question.

    Returns:
        The numbers.

    """
    numbers = hash_answers(answers)
    return _replace_equal(numbers, np.zeros(len(numbers), np.uint64), {0: _number_compared(compared)})


class Answers:
    """Numbers of the answers of many rows, and those answers that must be compared two by two.

    Args:
        folder: An empty folder.
        compared: What `list_compared` has of all answers where they are to one question, whose salt is 0; unless given, answers are
            compared that have the same salt.

    """

    def __init__(self, folder: Path, compared: Sequence[str] | None = None) -> None:
        self._numbers = DiskArray(folder / "answers", np.uint64)
        self._compared: dict[int, dict[str, int]] = defaultdict(dict)
        """Of a problem (by its salt), its answers without a normal form, each with its number."""
        self._complete = compared is not None
        if compared is not None:
            self._compared[0] = _number_compared(compared)

    def add(self, answers: pl.Series, salts: U64) -> None:
        """Append answers; those with different salts are those to different problems."""
        numbers, compared = _number_answers(answers)
        self._numbers.add(numbers)
        for at, answer in enumerate(answers.to_list() if compared and not self._complete else ()):
            if answer in compared:
                self._compared[int(salts[at])][answer.strip()] = int(numbers[at])

    def add_numbers(self, numbers: U64) -> None:
        """Append rows of which only the numbers of their answers are known."""
        self._numbers.add(numbers)

    def close(self, salts: U64) -> U64:
        """A number for each row; equal of equal answers, 0 where the answer is not read.

        Only answers to one problem are compared, so that what its rows are like does not depend on other problems.

        Args:
            salts: Those with which all rows were added.

        Returns:
            The numbers, in the order of the rows.

        """
        return _replace_equal(self._numbers.whole(), salts, self._compared)


def _number_compared(answers: Sequence[str]) -> dict[str, int]:
    return dict(zip(answers, hash_answers(pl.Series(answers, dtype=pl.String)).tolist()))


def _replace_equal(numbers: U64, salts: U64, compared: Mapping[int, dict[str, int]]) -> U64:
    """Numbers of answers of which equal ones have one, given by salt those that are compared two by two."""
    old, new = [], []
    for salt, answers in compared.items():
        same: dict[int, int] = {}
        _unite_equal(answers, same)
        names = np.array(sorted(same), np.uint64)
        old.append(mix_salts(names, np.full(len(names), salt, np.uint64)))
        new.append(np.array([_find_first(int(number), same) for number in names], np.uint64))
    if not any(map(len, old)):
        return numbers
    olds = np.concatenate(old)
    order = np.argsort(olds)
    olds, news = olds[order], np.concatenate(new)[order]
    named = mix_salts(numbers, salts)
    place = np.minimum(np.searchsorted(olds, named), len(olds) - 1)
    return np.where(olds[place] == named, news[place], numbers)


def _unite_equal(answers: dict[str, int], same: dict[int, int]) -> None:
    """Note of each answer that equals one before it (in the order of their texts) that it is that one."""
    kept: list[tuple[str, int]] = []
    for answer, number in sorted(answers.items())[:COMPARED]:
        other = next((first for text, first in kept if is_same_answer(answer, text)), None)
        if other is None:
            kept.append((answer, number))
            continue
        low, high = sorted((_find_first(number, same), _find_first(other, same)))
        if low != high:
            same[high] = low


def _find_first(number: int, same: dict[int, int]) -> int:
    """The smallest number of those that are the same as one."""
    while number in same:
        number = same[number]
    return number


def mix_salts(numbers: U64, salts: U64) -> U64:
    """Salts that are the same only where the answers are, too."""
    return mix_bits(numbers + mix_bits(salts))
