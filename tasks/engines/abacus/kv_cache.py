"""Completions that began together, and what attention keeps of them.

Rows of one cohort are always equally long beyond their prompts, so nothing is
computed for padding there; rows of one prompt share its keys and values. Rows
that end leave at once, their places taken by the last rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.engines.abacus.llama import Array, Llama, softmax

GROWTH = 32
"""Positions by which the room for keys and values grows, at least."""
Index = NDArray[np.intp]


class Cohort:
    """Rows, each under one of some prompts; `made` tokens of every row have gone through the network."""

    def __init__(self, llama: Llama, prompts: Sequence[Sequence[int]], copies: Sequence[int]) -> None:
        self.llama, self.made = llama, 0
        self.lengths: Index = np.array([len(prompt) for prompt in prompts], np.intp)
        self.width = max(copies)
        """Rows of one prompt, at most."""
        self.prompt = np.repeat(np.arange(len(prompts)), copies)
        """The prompt of each row."""
        self.seat = np.concatenate([np.arange(number) for number in copies])
        """The place of each row among those of its prompt."""
        longest = int(self.lengths.max())
        # scores of several rows at once are quicker from keys that lie crosswise: (…, heads, head, length)
        self.shared_keys = self._room(len(prompts), longest)[0].swapaxes(-1, -2).copy()
        self.shared_values = self._room(len(prompts), longest)[1]
        self.own = self._room(len(self.prompt), 0)
        self.logits = self._read(prompts)[self.prompt]
        """What comes next in each row: (rows, vocabulary)."""
        self.padding = np.where(np.arange(longest) < self.lengths[:, None], 0, -np.inf).astype(llama.dtype)

    def __len__(self) -> int:
        return len(self.prompt)

    def _room(self, rows: int, length: int) -> Array:
        shape = self.llama.shape
        return np.zeros((2, shape.layers, rows, shape.heads, length, shape.head), self.llama.dtype)

    def _read(self, prompts: Sequence[Sequence[int]]) -> Array:
        """Fill in the prompts' keys and values, a few prompts at a time; their logits."""
        longest = int(self.lengths.max())
        tokens = np.array([[*prompt, *[0] * (longest - len(prompt))] for prompt in prompts], np.intp)
        few = max(1, 2048 // longest)
        return np.concatenate([
            self.llama.read(
                tokens[a : a + few], self.lengths[a : a + few],
                (self.shared_keys[:, a : a + few].swapaxes(-1, -2), self.shared_values[:, a : a + few]),
            )
            for a in range(0, len(tokens), few)
        ])  # fmt: skip

    def turns(self) -> Array:
        """The rows' rotary turns at their next position."""
        return np.asarray(self.llama.turns[self.lengths[self.prompt] + self.made])

    def lengthen(self) -> None:
        """Make room for one more position of each row."""
        room = self.own.shape[4]
        if self.made == room:
            longer = self._room(len(self), room + max(GROWTH, room // 2))
            longer[:, :, :, :, :room] = self.own[:, :, : len(self)]
            self.own = longer

    def attend(self, number: int, parts: Array) -> Array:
        """What the heads bring (rows, hidden) in one layer for queries, keys and values (rows, 3, heads, head)."""
        rows, last = len(self), self.made + 1
        self.own[:, number, :rows, :, self.made] = parts[:, 1:].swapaxes(0, 1)
        keys, values = self.own[:, number, :rows, :, :last]
        query = parts[:, 0]
        before = self.padding.shape[1]
        weights = np.empty((*query.shape[:2], before + last), query.dtype)
        weights[..., :before] = self._rowwise(self._seated(query) @ self.shared_keys[number])
        weights[..., :before] += self.padding[self.prompt][:, None]
        np.matmul(keys, query[..., None], out=weights[..., before:, None])
        softmax(weights)
        mixed = (weights[..., None, before:] @ values)[..., 0, :]
        mixed += self._rowwise(self._seated(weights[..., :before]) @ self.shared_values[number])
        return np.asarray(mixed.reshape(rows, -1))

    def _seated(self, rows: Array) -> Array:
        """(rows, heads, n) as (prompts, heads, seats, n); seats without a row are zero."""
        if self.width == 1:  # then rows and prompts are in the same order
            return rows[:, :, None]
        seated = np.zeros((len(self.lengths), self.width, *rows.shape[1:]), rows.dtype)
        seated[self.prompt, self.seat] = rows
        return seated.swapaxes(1, 2)

    def _rowwise(self, seated: Array) -> Array:
        return seated[self.prompt, :, self.seat]

    def leave(self, ended: NDArray[np.bool_]) -> tuple[Index, Index, int]:
        """Drop rows: places now free, the rows to move there, and how many remain; the caller moves its own alike."""
        holes, movers, rows = _moves(~ended)
        self.own[:, :, holes, :, : self.made] = self.own[:, :, movers, :, : self.made]
        for of_rows in (self.prompt, self.seat):
            of_rows[holes] = of_rows[movers]
        self.prompt, self.seat = self.prompt[:rows], self.seat[:rows]
        self._leave_prompts()
        return holes, movers, rows

    def _leave_prompts(self) -> None:
        used = np.zeros(len(self.lengths), np.bool_)
        used[self.prompt] = True
        if used.all():
            return
        holes, movers, prompts = _moves(used)
        for kept in (self.shared_keys, self.shared_values):
            kept[:, holes] = kept[:, movers]
        self.shared_keys, self.shared_values = self.shared_keys[:, :prompts], self.shared_values[:, :prompts]
        for of_prompts in (self.lengths, self.padding):
            of_prompts[holes] = of_prompts[movers]
        self.lengths, self.padding = self.lengths[:prompts], self.padding[:prompts]
        place = np.arange(len(used))
        place[movers] = holes
        self.prompt = place[self.prompt]


def _moves(stay: NDArray[np.bool_]) -> tuple[Index, Index, int]:
    number = int(stay.sum())
    return np.flatnonzero(~stay[:number]), number + np.flatnonzero(stay[number:]), number


def advance_cohorts(llama: Llama, cohorts: Sequence[Cohort], tokens: Sequence[NDArray[np.intp]]) -> None:
    """Put one token of each row through the network; each cohort's `logits` then say what comes next."""
    x = llama.embedding[np.concatenate(tokens)]
    for cohort in cohorts:
        cohort.lengthen()
    turns = np.concatenate([cohort.turns() for cohort in cohorts])
    borders = np.cumsum([0, *map(len, cohorts)])
    places = [slice(a, b) for a, b in pairwise(borders)]
    for number, layer in enumerate(llama.layers):
        parts = llama.attending(layer, x, turns)
        mixed = [cohort.attend(number, parts[place]) for cohort, place in zip(cohorts, places)]
        x = llama.ended(layer, x, np.concatenate(mixed))
    logits: Any = llama.logits(x)
    for cohort, place in zip(cohorts, places):
        cohort.made += 1
        cohort.logits = logits[place]
