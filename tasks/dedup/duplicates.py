"""Repeats: rows of a table (and of indexes of releases) that are alike, and the one of each group that stays.

No two rows are alike whose answers differ, in whatever way they are compared;
a row whose answer is not read is like another only where their text is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tasks.dedup.answers import UNREAD, Answers, mix_salts
from tasks.dedup.components import Components, cluster
from tasks.dedup.disk_arrays import DiskArray, Shelf
from tasks.dedup.embeddings import Embedding, Vectors
from tasks.dedup.mistakes import hash_calculations
from tasks.dedup.rejections import Members, Reasons
from tasks.dedup.release_index import SCHEMA, read_words
from tasks.dedup.text_hashes import hash_texts
from tasks.dedup.token_hashes import U64, Ints, hash_characters, hash_words, normalize_texts
from tasks.splitmix64 import mix_bits

EXTRACTED = "extracted"
ROWS_OF_A_SHARE = 1_000_000
"""Rows, about, that are compared at a time."""


class OldIndexError(ValueError):
    """The index of a release lacks what it is compared by."""


@dataclass(frozen=True)
class DuplicateRules:
    """What makes two rows repeat each other."""

    by: tuple[str, ...]
    scope: str
    similarity: float
    shingle: int
    unit: str
    embedding: Embedding | None
    cosine: float
    prefer: tuple[str, ...] = ()
    across_answers: bool = False
    clusters: str = "star"


@dataclass(frozen=True)
class _Facts:
    """What rows are compared by, besides their words."""

    problems: U64
    texts: U64 | None
    paths: U64 | None
    mistakes: U64 | None


class Repeats:
    """Takes rows in, some at a time, and then lists which repeat others.

    They are compared in shares, one after the other, so that no row of one is
    like any of another: by the digest of what makes them alike, in `near` and
    `semantic` that of their scope, answer and numbers. Memory: some hundred
    bytes a row; texts and shingles are in files.

    Args:
        folder: An empty folder.
        rules: What makes two rows repeat each other.
        shares: How many shares, which changes no result; as many as the rows ask for unless given.
        compared: With the scope of all rows those of their answers that are compared two by two (`answers.list_compared`); unless
            given, those of the rows that are taken in.

    """

    def __init__(
        self, folder: Path, rules: DuplicateRules, shares: int = 0, compared: Sequence[str] | None = None
    ) -> None:
        self.rules, self._shares = rules, shares
        by = rules.by
        self.walks = rules.scope == "path" or bool({"path", "mistake", "semantic"} & set(by))
        self.texts = DiskArray(folder / "texts", np.uint64) if "exact" in by else None
        self.paths = DiskArray(folder / "paths", np.uint64) if self.walks else None
        self.mistakes = DiskArray(folder / "mistakes", np.uint64) if "mistake" in by or "semantic" in by else None
        self.problems = DiskArray(folder / "problems", np.uint64)
        self.answers = None if rules.across_answers else Answers(folder, compared)
        cut = hash_words if rules.unit == "words" else hash_characters
        self.shelf = Shelf(folder, cut, rules.shingle, rules.similarity) if "near" in by else None
        self.vectors = Vectors(folder, rules.embedding, rules.cosine) if rules.embedding else None
        self.members = Members(folder, len(rules.prefer))

    def add(self, part: pl.DataFrame) -> None:
        """Take rows in: the key first, and the columns that are compared and preferred, by their names."""
        texts = part["rationale"]
        paths = mistakes = None
        if self.walks:
            paths, mistakes = hash_calculations(part, located=self.mistakes is not None)
        exact = hash_texts(normalize_texts(texts)) if self.texts else None
        facts = _Facts(self._salt_problems(part["problem_id"], paths), exact, paths, mistakes)
        self._add(facts)
        if self.answers:
            nothing = pl.repeat(None, len(part), dtype=pl.String, eager=True)
            self.answers.add(part[EXTRACTED] if EXTRACTED in part.columns else nothing, facts.problems)
        if self.shelf:
            self.shelf.add(texts)
        if self.vectors:
            self.vectors.add(texts)
        key = part.columns[0]
        ranks = [pl.col(n).is_not_null() if part.schema[n] == pl.String else pl.col(n) for n in self.rules.prefer]
        ranked = [rank.cast(pl.Float64).fill_nan(None).alias(f"p{i}") for i, rank in enumerate(ranks)]
        self.members.add(part.select(pl.col(key).alias("key"), *ranked), "")

    def add_index(self, release: str, rows: pl.DataFrame) -> None:
        """Take in the solutions of a release, from its index; none of them is ever rejected.

        Raises:
            OldIndexError: An earlier version made the index, and it lacks what rows are compared by.

        """
        if missing := [name for name in SCHEMA.names() if name not in rows.columns]:
            raise OldIndexError(f"the index of {release} lacks {', '.join(missing)}")
        paths = rows["path"].to_numpy()
        self._add(
            _Facts(
                self._salt_problems(rows["problem_id"], paths),
                rows["text"].to_numpy(),
                paths,
                rows["mistake"].to_numpy(),
            )
        )
        if self.answers:
            self.answers.add_numbers(rows["answer"].to_numpy())
        if self.shelf:
            self.shelf.add_words(read_words(rows), rows["figures"].to_numpy())
        ranked = [pl.lit(None, dtype=pl.Float64).alias(f"p{i}") for i in range(len(self.rules.prefer))]
        self.members.add(rows.select(pl.col("solution_id").alias("key"), *ranked), release)

    def _add(self, facts: _Facts) -> None:
        self.problems.add(facts.problems)
        for column, values in ((self.texts, facts.texts), (self.paths, facts.paths), (self.mistakes, facts.mistakes)):
            if column is not None and values is not None:
                column.add(values)

    def _salt_problems(self, problems: pl.Series, paths: U64 | None) -> U64:
        """A number for each row that is the same where rows are in each other's scope."""
        if self.rules.scope == "all":
            return np.zeros(len(problems), np.uint64)
        salts = mix_bits(hash_texts(problems))
        return mix_salts(paths, salts) if self.rules.scope == "path" and paths is not None else salts

    def reject(self) -> Iterator[pl.DataFrame]:
        """The rows that repeat others: `key`, `reason` and `detail`, some thousands at a time."""
        if not self.members.close():
            return
        self._shares = self._shares or -(-self.members.size // ROWS_OF_A_SHARE)
        components, reasons = self._connect_rows()
        yield from self.members.reject(components.root(), reasons, self.rules.clusters == "star", self._shares)

    def _connect_rows(self) -> tuple[Components, Reasons]:
        """Rows that are alike, directly or through others, and how they are."""
        components = Components(self.members.size)
        salts = self.problems.whole()
        answers = None if self.answers is None else self.answers.close(salts)
        whole = salts if answers is None else mix_salts(answers, salts)
        read = np.ones(len(salts), np.bool_) if answers is None else answers != UNREAD
        del salts, answers
        reasons = Reasons()
        if self.texts:
            reasons.text = mix_salts(self.texts.whole(), whole)
            self._unite_equal(reasons.text, np.arange(len(whole)), components)
        reasons.path = self._unite_keys(self.paths if "path" in self.rules.by else None, whole, read, components)
        reasons.mistake = self._unite_keys(
            self.mistakes if "mistake" in self.rules.by else None, whole, read, components
        )
        if self.shelf:
            self.shelf.close(_set_apart(whole, read))
            self._cluster(self.shelf, np.flatnonzero((self.shelf.sizes > 0) & read), components)
            reasons.shelf = self.shelf
        if self.vectors and self.mistakes:
            # what is calculated, where it is read, says more than the words round it
            calculated = mix_salts(self.mistakes.whole(), _set_apart(whole, read))
            rows = self.vectors.close(calculated)
            self._cluster(self.vectors, rows[read[rows]], components)
            reasons.vectors = self.vectors
        return components, reasons

    def _unite_keys(
        self, column: DiskArray[np.uint64] | None, salts: U64, read: np.ndarray, components: Components
    ) -> U64 | None:
        """Connect rows with the same key, and give the keys; 0 is that of rows without."""
        if column is None:
            return None
        values = column.whole()
        keys = np.where((values == 0) | ~read, np.uint64(0), mix_salts(values, salts))
        self._unite_equal(keys, np.flatnonzero(keys), components)
        return keys

    def _unite_equal(self, keys: U64, rows: Ints, components: Components) -> None:
        """Connect those of the rows that have the same key, one share of the keys after the other."""
        for some in self._split(keys, rows):
            components.unite_equal(keys[some], some)

    def _cluster(self, measured: Shelf | Vectors, rows: Ints, components: Components) -> None:
        """Connect those of the rows that are alike, one share of their scopes after the other; nothing is alike across scopes."""
        for some in self._split(measured.salts, rows):
            once = components.unite_equal(measured.keys(some), some)
            cluster(measured.buckets(once), once, measured.alike, components)

    def _split(self, keys: U64, rows: Ints) -> Iterator[Ints]:
        """Rows by shares of their keys, so that those with the same key are in one."""
        if self._shares < 2:
            yield rows
            return
        share = (keys[rows] % np.uint64(self._shares)).astype(np.uint16)
        for number in range(self._shares):
            yield rows[share == number]


def _set_apart(salts: U64, read: np.ndarray) -> U64:
    """Salts of which those of rows whose answer is not read are like no other."""
    alone = mix_bits(salts + np.arange(1, len(salts) + 1).astype(np.uint64))
    return np.where(read, salts, alone)
