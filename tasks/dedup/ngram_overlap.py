"""Which texts of a table stand in test sets: the same, the same but for numbers, or in large part by n-grams.

Both sides may be larger than the memory. The table is gone through once to mark
its n-grams in a bitmap of fixed size, the test sets once to keep those of their
n-grams that are marked, in DuckDB on disk, and the table again to join them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.dedup.minhash import hash_windows
from tasks.dedup.release_index import hash_texts
from tasks.dedup.token_hashes import U64, hash_words, make_constants, normalize_texts
from tasks.splitmix64 import mix_bits

MEMORY = "512MiB"
BITS = 30
"""A bitmap has 2**30 places, 128 MiB: of a hundred million n-grams it lets one in ten pass that is not there."""
COMMON = 1_000
"""An n-gram in more test items than these is a turn of phrase: it finds no pair, and counts in those that others find."""
EXACT, TEMPLATE = 254, 255
QUOTED = 160
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_WORD = re.compile(r"[a-z0-9\u0080-\u07ff]+|[-+*/=<>%^|]|[\u0800-\U0010ffff]")
_SCHEMA = {"kind": pl.UInt8, "hash": pl.UInt64, "text": pl.Int64, "place": pl.Int64}


@dataclass(frozen=True)
class NGrams:
    """A test item is in a text if runs of `length` words that both have cover this share of the item's words."""

    length: int
    coverage: float


class Bitmap:
    """A set of hashes in fixed memory: what was added is always found, and now and then what was not."""

    def __init__(self) -> None:
        self.bits = np.zeros(1 << (BITS - 3), np.uint8)

    def add(self, hashes: U64) -> None:
        """Mark hashes."""
        place = hashes >> np.uint64(64 - BITS)
        np.bitwise_or.at(self.bits, place >> np.uint64(3), self._bit(place))

    def __contains__(self, hashes: object) -> bool:
        raise TypeError("ask `has`: it answers for each")

    def has(self, hashes: U64) -> NDArray[np.bool_]:
        """Which hashes are marked."""
        place = hashes >> np.uint64(64 - BITS)
        marked: NDArray[np.bool_] = (self.bits[place >> np.uint64(3)] & self._bit(place)) != 0
        return marked

    @staticmethod
    def _bit(place: U64) -> NDArray[np.uint8]:
        return np.left_shift(np.uint8(1), (place & np.uint64(7)).astype(np.uint8))


class Overlap:
    """Finds texts of test sets in others: `mark` all texts, `keep` all test items, then ask for the `hits` of texts."""

    def __init__(self, folder: Path, rules: tuple[NGrams, ...], template: bool) -> None:
        self.rules, self.template = rules, template
        self.marked, self.kept = Bitmap(), Bitmap()
        self.items = 0
        self.database = duckdb.connect(str(folder / "overlap.duckdb"))
        self.database.execute(f"SET memory_limit = '{MEMORY}'; SET preserve_insertion_order = false")
        self.database.execute("CREATE TABLE gram (kind UTINYINT, hash UBIGINT, item BIGINT, place BIGINT)")
        self.database.execute("CREATE TABLE item (item BIGINT, name VARCHAR, source VARCHAR, words BIGINT)")

    def mark(self, texts: pl.Series) -> None:
        """Mark all that a text of the table can be found by."""
        for _, hashes, _, _ in self._traits(texts)[1]:
            self.marked.add(hashes)

    def keep(self, name: str, sources: pl.Series, texts: pl.Series) -> None:
        """Keep of the items of a test set what is marked."""
        counts, traits = self._traits(texts)
        frames = []
        for kind, hashes, text, at in traits:
            marked = self.marked.has(hashes)
            self.kept.add(hashes[marked])
            frames.append(_frame(kind, hashes[marked], text[marked], at[marked]))
        grams = pl.concat(frames).with_columns(pl.col("text") + self.items).rename({"text": "item"})
        items = pl.DataFrame(
            {"item": np.arange(self.items, self.items + len(texts)), "source": sources, "words": counts}
        )
        items = items.join(grams.select("item").unique(), on="item", how="semi").with_columns(name=pl.lit(name))
        self._insert("gram", grams)
        self._insert("item", items.select("item", "name", "source", "words"))
        self.items += len(texts)

    def close(self) -> None:
        """End the keeping."""
        self.database.execute(
            f"CREATE TABLE rare AS SELECT kind, hash FROM gram GROUP BY ALL HAVING count(DISTINCT item) <= {COMMON}"
        )

    def hits(self, texts: pl.Series) -> pl.DataFrame:
        """The best hit of each text that has one: `text` (its number), `name` of the test set, and `evidence`."""
        frames = [
            _frame(kind, hashes[kept], text[kept], at[kept])
            for kind, hashes, text, at in self._traits(texts)[1]
            if (kept := self.kept.has(hashes)).any()
        ]
        if not frames:
            return pl.DataFrame(schema={"text": pl.Int64, "name": pl.String, "evidence": pl.String})
        self.database.register("added", pl.concat(frames).to_arrow())
        self.database.execute(
            "CREATE OR REPLACE TEMP TABLE trait AS SELECT t.* FROM added t SEMI JOIN gram USING (kind, hash)"
        )
        self.database.unregister("added")
        best = pl.DataFrame(self.database.sql(self._best()).to_arrow_table())
        evidence = [self._evidence(texts[row["text"]], row) for row in best.iter_rows(named=True)]
        return best.select("text", "name").with_columns(pl.Series("evidence", evidence, dtype=pl.String))

    def _traits(
        self, texts: pl.Series
    ) -> tuple[NDArray[np.int64], list[tuple[int, U64, NDArray[np.int64], NDArray[np.int64]]]]:
        """Words of each text; and kind, hash, text and first word of all that they can be found by."""
        simple = normalize_texts(texts)
        words = hash_words(simple)
        counts = words.counts()
        everyone = np.arange(len(texts))
        zeros = np.zeros(len(texts), np.int64)
        exact = hash_texts(simple)
        traits = [(EXACT, _of_kind(exact, EXACT), everyone, zeros)]
        if self.template:
            masked = pl.Series([_NUMBER.sub("0", text) for text in simple.to_list()], dtype=pl.String)
            traits.append((TEMPLATE, _of_kind(hash_texts(masked), TEMPLATE), everyone, zeros))
        for kind, rule in enumerate(self.rules):
            hashes, runs = hash_windows(words, rule.length)
            text = np.repeat(everyone, runs)
            at = np.arange(len(hashes)) - np.repeat(np.cumsum(runs) - runs, runs)
            complete = counts[text] >= rule.length
            traits.append((kind, _of_kind(hashes[complete], kind), text[complete], at[complete]))
        empty = counts == 0
        return counts, [(kind, h[~empty[t]], t[~empty[t]], a[~empty[t]]) for kind, h, t, a in traits]

    def _best(self) -> str:
        """The query for the best hit of each text: the same, then the largest share, then the same but for numbers."""
        shares = [
            f"""SELECT text, item, {kind} AS kind, covered / words AS share, spots FROM (
                    SELECT text, item, sum(least({rule.length}, coalesce(next - place, {rule.length}))) AS covered,
                           list(here ORDER BY here) AS spots
                    FROM (SELECT *, lead(place) OVER (PARTITION BY text, item ORDER BY place) AS next
                          FROM (SELECT t.text, g.item, g.place, min(t.place) AS here
                                FROM (SELECT DISTINCT t.text, g.item FROM trait t JOIN rare USING (kind, hash)
                                      JOIN gram g USING (kind, hash) WHERE kind = {kind}) pair
                                JOIN trait t ON t.text = pair.text AND t.kind = {kind}
                                JOIN gram g ON g.item = pair.item AND g.kind = {kind} AND g.hash = t.hash GROUP BY ALL))
                    GROUP BY ALL) JOIN item USING (item)
                WHERE covered >= {rule.coverage} * words"""
            for kind, rule in enumerate(self.rules)
        ]
        same = f"SELECT t.text, min(g.item) AS item, kind, CASE kind WHEN {EXACT} THEN 2.0 ELSE -1.0 END AS share, []::BIGINT[] AS spots FROM trait t JOIN gram g USING (kind, hash) WHERE kind >= {EXACT} GROUP BY ALL"
        return f"""
            SELECT text, kind, share, spots, name, source, words
            FROM ({" UNION ALL ".join([same, *shares])}) JOIN item USING (item)
            QUALIFY row_number() OVER (PARTITION BY text ORDER BY share DESC, item, kind) = 1 ORDER BY text
        """

    def _evidence(self, text: str, hit: dict[str, object]) -> str:
        kind = hit["kind"]
        if kind == EXACT:
            return f"{hit['source']}: the same text"
        if kind == TEMPLATE:
            return f"{hit['source']}: the same text but for its numbers"
        rule = self.rules[int(str(kind))]
        places = hit["spots"]
        assert isinstance(places, list)
        first, last = _longest(places, rule.length)
        spelled = [match[0] for match in _WORD.finditer(normalize_texts(pl.Series([text]))[0])]
        quote = " ".join(spelled[first:last])
        quote = quote if len(quote) <= QUOTED else f"{quote[: QUOTED - 1]}…"
        return (
            f"{hit['source']}: {float(str(hit['share'])):.0%} of its {hit['words']} words by {rule.length}-grams, "
            f"the longest run here words {first + 1}-{last}: “{quote}”"
        )

    def _insert(self, table: str, rows: pl.DataFrame) -> None:
        if rows.height:
            self.database.register("added", rows.select(pl.all()).to_arrow())
            self.database.execute(f"INSERT INTO {table} BY NAME SELECT * FROM added")
            self.database.unregister("added")


def list_distinct_texts(part: pl.DataFrame, column: str) -> tuple[pl.Series, NDArray[np.int64]]:
    """The texts of a column, each once, and which of them each row has; many solutions have one question."""
    texts = part[column].fill_null("")
    once = texts.unique(maintain_order=True)
    number = {text: i for i, text in enumerate(once.to_list())}
    return once, np.array([number[text] for text in texts.to_list()], np.int64)


def split_batches(texts: pl.Series, size: int) -> Iterator[pl.Series]:
    """Texts, so many at a time."""
    for at in range(0, len(texts), size):
        yield texts[at : at + size]


def _of_kind(hashes: U64, kind: int) -> U64:
    return mix_bits(hashes + make_constants(kind + 1)[kind])


def _frame(kind: int, hashes: U64, text: NDArray[np.int64], at: NDArray[np.int64]) -> pl.DataFrame:
    return pl.DataFrame({"kind": np.full(len(hashes), kind), "hash": hashes, "text": text, "place": at}, schema=_SCHEMA)


def _longest(places: Iterable[int], length: int) -> tuple[int, int]:
    """The first word of the longest run that n-grams at these places cover, and the word behind its last."""
    best = start = end = -1
    longest = (0, 0)
    for place in places:
        if place > end or start < 0:
            start = place
        end = place + length
        if end - start > best:
            best, longest = end - start, (start, end)
    return longest
