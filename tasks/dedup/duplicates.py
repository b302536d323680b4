"""Repeats: rows of a table (and of indexes of releases) that are connected, and the one of each component that stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from schemas.frames import batch_frames
from tasks.dedup.components import Components, cluster
from tasks.dedup.disk_arrays import DiskArray, Shelf
from tasks.dedup.embeddings import Embedding, Vectors
from tasks.dedup.release_index import find_paths, hash_texts, read_words
from tasks.dedup.token_hashes import U64, Ints, hash_characters, hash_words, make_constants, normalize_texts
from tasks.splitmix64 import mix_bits

MEMORY = "512MiB"
BATCH = 50_000


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


class Repeats:
    """Takes rows in, some at a time, and then lists which repeat others.

    Memory: some hundred bytes a row; texts and shingles are in files.
    """

    def __init__(self, folder: Path, rules: DuplicateRules, preferred: int) -> None:
        self.rules, self.preferred = rules, preferred
        self.size = 0
        self.texts = DiskArray(folder / "texts", np.uint64) if "exact" in rules.by else None
        self.paths = DiskArray(folder / "paths", np.uint64) if "path" in rules.by else None
        cut = hash_words if rules.unit == "words" else hash_characters
        self.shelf = Shelf(folder, cut, rules.shingle, rules.similarity) if "near" in rules.by else None
        self.vectors = Vectors(folder, rules.embedding, rules.cosine) if rules.embedding else None
        self.file = pa.OSFile(str(folder / "names"), "wb")
        self.names: pa.ipc.RecordBatchStreamWriter | None = None
        self.origins: list[tuple[int, str]] = []
        """Of each batch of `names` the number of its first row, and the release that it is of."""
        self.folder = folder

    def add(self, part: pl.DataFrame) -> None:
        """Take rows in: the key, the problem's id, the rationale and what is preferred, in this order."""
        key, problem, text, *preferred = part.columns
        texts = part[text]
        walks = self.rules.scope == "path" or self.paths is not None
        alike = normalize_texts(texts) if walks or self.texts else texts
        walked = hash_texts(find_paths(alike)) if walks else None
        salts = self._salts(part[problem], walked)
        if self.texts:
            self.texts.add(_salt(hash_texts(alike), salts))
        if self.paths and walked is not None:
            self.paths.add(np.where(walked == 0, walked, _salt(walked, salts)))
        if self.shelf:
            self.shelf.add(texts, salts)
        if self.vectors:
            self.vectors.add(texts, salts)
        ranks = [pl.col(name).is_not_null() if part.schema[name] == pl.String else pl.col(name) for name in preferred]
        ranked = [rank.cast(pl.Float64).fill_nan(None).alias(f"p{i}") for i, rank in enumerate(ranks)]
        self._number(part.select(pl.col(key).alias("key"), *ranked), "")

    def add_index(self, release: str, rows: pl.DataFrame) -> None:
        """Take in the solutions of a release, from its index; none of them is ever rejected."""
        walked = rows["path"].to_numpy()
        salts = self._salts(rows["problem_id"], walked)
        if self.texts:
            self.texts.add(_salt(rows["text"].to_numpy(), salts))
        if self.paths:
            self.paths.add(np.where(walked == 0, walked, _salt(walked, salts)))
        if self.shelf:
            self.shelf.add(read_words(rows), salts)
        ranked = [pl.lit(None, dtype=pl.Float64).alias(f"p{i}") for i in range(self.preferred)]
        self._number(rows.select(pl.col("solution_id").alias("key"), *ranked), release)

    def _salts(self, problems: pl.Series, walked: U64 | None) -> U64:
        """A number for each row that is the same where rows are in each other's scope."""
        if self.rules.scope == "all":
            return np.zeros(len(problems), np.uint64)
        salts = mix_bits(hash_texts(problems))
        return _salt(walked, salts) if self.rules.scope == "path" and walked is not None else salts

    def _number(self, rows: pl.DataFrame, release: str) -> None:
        table = rows.to_arrow()
        if self.names is None:
            self.names = pa.ipc.new_stream(self.file, table.schema)
        for batch in table.to_batches():
            self.names.write_batch(batch)
            self.origins.append((self.size, release))
            self.size += len(batch)

    def reject(self) -> Iterator[pl.DataFrame]:
        """The rows that repeat others: `key`, `reason` and `detail`, some thousands at a time."""
        if self.names is None:
            return
        self.names.close()
        self.file.close()
        yield from self._list_rejections(self._connect_rows())

    def _connect_rows(self) -> Components:
        components = Components(self.size)
        self.same_text = self.texts.whole() if self.texts else None
        self.same_path = self.paths.whole() if self.paths else None
        if self.same_text is not None:
            components.unite_equal(self.same_text, np.arange(self.size))
        if self.same_path is not None:
            walked = np.flatnonzero(self.same_path)
            components.unite_equal(self.same_path[walked], walked)
        if self.shelf:
            keys, sizes = self.shelf.close()
            rows = np.flatnonzero(sizes)
            rows = components.unite_equal(keys[rows], rows)
            cluster(self.shelf.buckets(rows), rows, self.shelf.alike, components)
        if self.vectors:
            keys, rows = self.vectors.close()
            rows = components.unite_equal(keys[rows], rows)
            cluster(self.vectors.buckets(rows), rows, self.vectors.alike, components)
        return components

    def _list_rejections(self, connected: Components) -> Iterator[pl.DataFrame]:
        """The rows of each component but the one that stays, and why."""
        root = connected.root()
        repeated = pl.Series(np.bincount(root, minlength=self.size)[root] > 1)
        if not repeated.any():
            return
        with (
            duckdb.connect(str(self.folder / "members.duckdb")) as database,
            pa.memory_map(str(self.folder / "names")) as names,
            pa.ipc.open_stream(names) as batches,
        ):
            database.execute(f"SET memory_limit = '{MEMORY}'; SET preserve_insertion_order = false")
            for i, members in enumerate(batch_frames(self._list_members(batches, repeated, root), BATCH)):
                database.register("added", members.to_arrow())
                database.execute(f"{'INSERT INTO member' if i else 'CREATE TABLE member AS'} SELECT * FROM added")
                database.unregister("added")
            for batch in database.sql(self._query_keepers()).to_arrow_reader(BATCH):
                yield self._find_reasons(pl.DataFrame(batch))

    def _list_members(
        self, batches: Iterable[pa.RecordBatch], repeated: pl.Series, root: Ints
    ) -> Iterator[pl.DataFrame]:
        """The rows that are repeated, with their numbers and components, batch by batch."""
        for (first, release), batch in zip(self.origins, batches):
            places = slice(first, first + len(batch))
            rows = pl.DataFrame(batch).with_columns(
                row=pl.int_range(first, first + len(batch)), release=pl.lit(release), root=pl.Series(root[places])
            )
            yield rows.filter(repeated[places])

    def _query_keepers(self) -> str:
        """The query for the rows that do not stay, each with the one of its component that does."""
        chosen = "".join(f"p{i} DESC NULLS LAST, " for i in range(self.preferred))
        return f"""
            SELECT key, row, keeper, keeper_key, keeper_release FROM (
                SELECT key, row, release, first(row) OVER w AS keeper, first(key) OVER w AS keeper_key,
                       first(release) OVER w AS keeper_release
                FROM member
                WINDOW w AS (PARTITION BY root ORDER BY release = '', release, {chosen} key, row
                             ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))
            WHERE release = '' AND (key <> keeper_key OR keeper_release <> '')
        """

    def _find_reasons(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Why each row is rejected: by what it is most surely a repeat of the one that stays."""
        rejected, other = rows["row"].to_numpy(), rows["keeper"].to_numpy()
        reasons = np.full(len(rejected), "", object)
        evidence = np.full(len(rejected), "", object)
        left = np.ones(len(rejected), bool)

        def say(where: np.ndarray, reason: str, words: np.ndarray | str) -> None:
            reasons[where], evidence[where] = reason, words
            left[where] = False

        if self.same_text is not None:
            say(self.same_text[rejected] == self.same_text[other], "duplicate", "the same text as ")
        if self.same_path is not None:
            same = left & (self.same_path[rejected] == self.same_path[other]) & (self.same_path[rejected] != 0)
            say(same, "same equations", "the same equations as ")
        if self.shelf and left.any():
            shares = np.zeros(len(rejected))
            shares[left] = self.shelf.jaccard(rejected[left], other[left])
            texts = np.array([f"similarity {share:.2f} to " for share in shares], object)
            say(near := left & (shares > 0), "near duplicate", texts[near])
        if self.vectors and left.any():
            cosines = self.vectors.cosine(rejected, other)
            texts = np.array([f"cosine {cosine:.2f} to " for cosine in cosines], object)
            say(meant := left.copy(), "same meaning", texts[meant])
        if left.any():
            say(left.copy(), "near duplicate", "through others, to ")
        frame = rows.with_columns(
            pl.Series("reason", reasons, dtype=pl.String), pl.Series("evidence", evidence, dtype=pl.String)
        )
        where = (
            pl.when(pl.col("keeper_release") != "")
            .then(pl.lit(" of ") + pl.col("keeper_release"))
            .otherwise(pl.lit(""))
        )
        released = pl.when(pl.col("keeper_release") != "").then(pl.lit("in an earlier release: ") + pl.col("reason"))
        return frame.select(
            "key",
            released.otherwise("reason").alias("reason"),
            (pl.col("evidence") + pl.col("keeper_key") + where).alias("detail"),
        )


def _salt(values: U64, salts: U64) -> U64:
    return mix_bits(values * make_constants(4)[3] + salts)
