"""Which texts of a table stand in test sets: the same, as a sentence of their own, or in large part by n-grams, masked or not.

Both sides may be larger than the memory. The n-grams of the table are marked in a
bitmap of fixed size before; the test sets are gone through once to keep those of
their n-grams that are marked, in DuckDB on disk, and the table to join them. A
pair is a hit by the words of the item that the text has, too, but not by stock
phrases; where these words hardly tell the item from others, the hit is doubtful.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from tasks.database import open_database
from tasks.dedup.bitmap import Bitmap
from tasks.dedup.embeddings import Embedding
from tasks.dedup.item_words import PHRASES, read_item_words
from tasks.dedup.masking import MASKS, mask_texts
from tasks.dedup.meaning_overlap import MeaningOverlap
from tasks.dedup.minhash import hash_windows
from tasks.dedup.text_traits import CHANGED, EXACT, MASKED, MEANING, SENTENCE, WORDS, Ints, TraitReader, hash_sequences
from tasks.dedup.token_hashes import Words, hash_words
from tasks.dedup.word_overlap import WordOverlap

COMMON = 1_000
"""An n-gram in more test items than these is a turn of phrase: it finds no pair, and counts in those that others find."""
STOCK, STOCK_SHARE = 20, 0.02
"""An n-gram in as many items, and in this share of all, is a stock phrase: its words do not count."""
QUOTED = 160
_WORD = re.compile(r"[a-z0-9\u0080-\u07ff]+|[-+*/=<>%^|]|[\u0800-\U0010ffff]")
_QUOTED_MASKS = {MASKS["numbers"]: "#", MASKS["names"]: "@", MASKS["units"]: "¤"}
_VERDICT = {
    0: """covered > 0 AND covered >= coverage * words AND specific > 0,
          (content >= 4 AND specific >= least(1, 1.5 * coverage) * all_specific) OR (covered >= 0.9 * words AND specific >= 0.9 * all_specific)""",
    1: """covered > 0 AND ((covered >= coverage * words AND content >= 4) OR (covered >= 0.8 * words AND content >= 1)),
          content >= 0.75 * all_content AND ((covered >= 0.7 * words AND content >= 6) OR (covered >= 0.8 * words AND content >= 4)
          OR (covered >= 0.95 * words AND content >= if(words < 24, 2, 1)))""",
}
"""For plain texts and for masked ones: whether a pair is a hit, and whether that is sure.

`covered` of an item's `words` are in runs that the text has; `content` of these are words that say something, `specific`
words that say something or numbers, `all_content` and `all_specific` those of the whole item.
"""


class Overlap:
    """Finds texts of test sets in others: `keep` all test items, `close`, then ask for the `hits` of texts.

    Args:
        folder: An empty folder.
        traits: What texts are found by.
        marked: The traits of all texts.
        phrases: Stock phrases, beside the usual ones.
        paraphrases: Whether the same is found in other words, too.
        embedding: By which the same meaning is found, too.
        cosine: Of embedding.

    """

    def __init__(
        self,
        folder: Path,
        traits: TraitReader,
        marked: Bitmap,
        phrases: Sequence[str] = (),
        paraphrases: bool = True,
        embedding: Embedding | None = None,
        cosine: float = 0.8,
    ) -> None:
        self.traits, self.paraphrases = traits, paraphrases
        self.marked, self.kept = marked, Bitmap()
        self.items = 0
        self.short_items = False
        self.phrases = [_hash_phrase(phrase) for phrase in (*PHRASES, *phrases)]
        self.database = open_database(folder)
        self.database.execute("CREATE TABLE gram (kind UTINYINT, hash UBIGINT, item BIGINT, place BIGINT)")
        self.database.execute("CREATE TABLE item (item BIGINT, name VARCHAR, source VARCHAR, template UBIGINT)")
        self.database.execute(
            "CREATE TABLE word (item BIGINT, layer UTINYINT, place BIGINT, content BOOL, specific BOOL, stock BOOL)"
        )
        self.words = WordOverlap(self.database)
        self.database.execute(
            "CREATE TEMP TABLE meaning_hit (text BIGINT, item BIGINT, cosine DOUBLE, same BOOL, sure BOOL)"
        )
        self.meaning = MeaningOverlap(self.database, folder, embedding, cosine) if embedding else None
        self.database.execute("CREATE TABLE rule (kind UTINYINT, layer UTINYINT, length INT, coverage DOUBLE)")
        kinds = [(kind, 0, rule) for kind, rule in enumerate(traits.rules)] + [(MASKED, 1, CHANGED)] * bool(
            traits.masks
        )
        for kind, layer, rule in kinds:
            self.database.execute("INSERT INTO rule VALUES (?, ?, ?, ?)", [kind, layer, rule.length, rule.coverage])

    def try_embedding(self, texts: pl.Series) -> None:
        """Raise `TaskError` where too many tokens of some texts of the table are unknown to the embedding."""
        if self.meaning:
            self.meaning.try_embedding(mask_texts(texts, ()))

    def keep(self, name: str, sources: pl.Series, texts: pl.Series) -> None:
        """Keep of the items of a test set what is marked."""
        layers = self.traits.read_layers(texts)
        frames = []
        for traits in (*self.traits.read_traits(layers), self.traits.read_short_items(layers[0][1])):
            # sentences are not marked, for hardly any test set has items so short: all of these are kept
            marked = self.marked.has(traits.hashes) | (traits.kind == SENTENCE)
            self.short_items |= traits.kind == SENTENCE and bool(marked.any())
            self.kept.add(traits.hashes[marked])
            frames.append(traits.take(marked))
        grams = pl.concat(frames).with_columns(pl.col("text") + self.items).rename({"text": "item"})
        words = pl.concat([self._read_words(number, *layer) for number, layer in enumerate(layers)])
        numbers = np.arange(self.items, self.items + len(texts))
        items = pl.DataFrame({"item": numbers, "source": sources, "template": hash_sequences(layers[-1][1])})
        wanted = grams.select("item").unique()
        self._insert("gram", grams)
        self._insert("item", items.with_columns(name=pl.lit(name)))
        if self.paraphrases:
            self.words.keep(self.items, layers[0][0])
        if self.meaning:
            self.meaning.keep(layers[0][0])
        self._insert("word", words.join(wanted, on="item", how="semi"))
        self.items += len(texts)

    def close(self) -> None:
        """End the keeping: find the stock phrases, and count the words of each item up to each of its places."""
        self.words.close()
        if self.meaning:
            self.meaning.close()
        least = max(STOCK, STOCK_SHARE * self.items)
        self.database.execute(f"""
            CREATE TABLE often AS SELECT kind, hash, count(DISTINCT template) AS items FROM gram JOIN item USING (item) GROUP BY ALL;
            CREATE TABLE rare AS SELECT kind, hash FROM often WHERE items <= {COMMON};
            CREATE TABLE usual AS SELECT DISTINCT item, layer, unnest(range(place, place + length)) AS place
                FROM gram JOIN rule USING (kind) SEMI JOIN (SELECT * FROM often WHERE items >= {least}) USING (kind, hash);
            CREATE TABLE total AS SELECT item, layer, place,
                    coalesce(sum(CAST(counts AS INT)) OVER before, 0) AS words,
                    coalesce(sum(CAST(counts AND content AS INT)) OVER before, 0) AS content,
                    coalesce(sum(CAST(counts AND specific AS INT)) OVER before, 0) AS specific
                FROM (SELECT word.*, NOT stock AND usual.item IS NULL AS counts FROM word LEFT JOIN usual USING (item, layer, place))
                WINDOW before AS (PARTITION BY item, layer ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING);
            CREATE TABLE whole AS SELECT item, layer, max(words) AS words, max(content) AS all_content, max(specific) AS all_specific FROM total GROUP BY ALL;
        """)

    def hits(self, texts: pl.Series) -> pl.DataFrame:
        """The best hit of each text that has one.

        Args:
            texts: As they are in the table.

        Returns:
            `text` (its number), `name` of the test set, `kind` of the hit, `evidence`, and whether it is `sure`.

        """
        layers = self.traits.read_layers(texts)
        traits = [*self.traits.read_traits(layers), *([self.traits.read_sentences(texts)] if self.short_items else [])]
        frames = [traits.take(self.kept.has(traits.hashes)) for traits in traits]
        self.database.register("added", pl.concat(frames).to_arrow())
        self.database.execute(
            "CREATE OR REPLACE TEMP TABLE trait AS SELECT t.* FROM added t SEMI JOIN gram USING (kind, hash)"
        )
        self.database.unregister("added")
        if self.paraphrases:
            self.words.find(layers[0][0])
        if self.meaning:
            self.meaning.find(layers[0][0])
        best = pl.DataFrame(self.database.sql(_BEST).to_arrow_table())
        spelled = [self._describe(row, layers) for row in best.iter_rows(named=True)]
        kinds, evidence = zip(*spelled) if spelled else ((), ())
        return best.select("text", "name", "sure").with_columns(
            pl.Series("kind", kinds, dtype=pl.String), pl.Series("evidence", evidence, dtype=pl.String)
        )

    def _read_words(self, number: int, items: pl.Series, words: Words) -> pl.DataFrame:
        """The words of items in a layer, with one behind the last that says nothing; stock phrases are known here if given."""
        stock = np.zeros(len(words.hashes), bool)
        for length, phrase in self.phrases:
            hashes, runs = hash_windows(words, length)
            complete = np.repeat(words.counts() >= length, runs)
            begins = np.arange(len(hashes)) + np.repeat(words.ends - words.counts() - (np.cumsum(runs) - runs), runs)
            for at in begins[complete & (hashes == phrase)]:
                stock[at : at + length] = True
        frame = read_item_words(items).with_columns(pl.Series("stock", stock), layer=pl.lit(number, pl.UInt8))
        ends = pl.DataFrame({"item": np.arange(len(items)), "place": words.counts()}).with_columns(
            content=False, specific=False, stock=True, layer=pl.lit(number, pl.UInt8)
        )
        return pl.concat([frame, ends], how="diagonal_relaxed").with_columns(pl.col("item") + self.items)

    def _describe(self, hit: dict[str, object], layers: list[tuple[pl.Series, Words]]) -> tuple[str, str]:
        """The kind of a hit, and what speaks for it."""
        kind, source = hit["number"], hit["source"]
        stock = "" if hit["sure"] or kind in (SENTENCE, MASKED) else ", which is made of stock phrases"
        if kind == EXACT:
            return "the same text", f"{source}: the same text{stock}"
        if kind == SENTENCE:
            return "a sentence", f"{source}: all of it is a sentence here"
        if kind == WORDS:
            share = float(str(hit["share"])) + 1
            return "other words", f"{source}: all of its numbers, and {share:.0%} of its words by their weight"
        if kind == MEANING:
            numbers = "all of its numbers, and " if hit["words"] else ""
            return "same meaning", f"{source}: {numbers}a cosine of {float(str(hit['share'])) + 2:.2f}"
        layer, rule = (1, CHANGED) if kind == MASKED else (0, self.traits.rules[int(str(kind))])
        places = hit["spots"]
        assert isinstance(places, list)
        first, last = _longest(places, rule.length)
        spelled = [_QUOTED_MASKS.get(word, word) for word in _WORD.findall(layers[layer][0][int(str(hit["text"]))])]
        quote = " ".join(spelled[first:last])
        quote = quote if len(quote) <= QUOTED else f"{quote[: QUOTED - 1]}…"
        changed = f"but for its {' and '.join(self.traits.masks)} " if layer else ""
        return (f"{' and '.join(self.traits.masks)} changed" if layer else "n-grams"), (
            f"{source}: {changed}{float(str(hit['share'])):.0%} of its {hit['words']} words by {rule.length}-grams, "
            f"the longest run here words {first + 1}-{last}: “{quote}”"
        )

    def _insert(self, table: str, rows: pl.DataFrame) -> None:
        if rows.height:
            self.database.register("added", rows.to_arrow())
            self.database.execute(f"INSERT INTO {table} BY NAME SELECT * FROM added")
            self.database.unregister("added")


_BEST = f"""
    WITH pair AS (
        SELECT DISTINCT kind, t.text, g.item FROM trait t SEMI JOIN rare USING (kind, hash) JOIN gram g USING (kind, hash)
    ), shared AS (
        SELECT p.kind, p.text, p.item, g.place, min(t.place) AS here FROM pair p
        JOIN trait t ON t.text = p.text AND t.kind = p.kind
        JOIN gram g ON g.item = p.item AND g.kind = p.kind AND g.hash = t.hash GROUP BY ALL
    ), run AS (
        SELECT shared.*, layer, least(place + length,
            coalesce(lead(place) OVER (PARTITION BY kind, text, item ORDER BY place), place + length)) AS until
        FROM shared JOIN rule USING (kind)
    ), sums AS (
        SELECT kind, text, item, layer, sum(b.words - a.words) AS covered, sum(b.content - a.content) AS content,
            sum(b.specific - a.specific) AS specific, list(here ORDER BY here) AS spots
        FROM run JOIN total a USING (item, layer, place)
        JOIN total b ON b.item = run.item AND b.layer = run.layer AND b.place = run.until GROUP BY ALL
    ), hit AS (
        SELECT kind, text, item, covered / words AS share, words, spots, verdict[1] AS alike, verdict[2] AS sure
        FROM (SELECT *, CASE layer WHEN 0 THEN [{_VERDICT[0]}] ELSE [{_VERDICT[1]}] END AS verdict
              FROM sums JOIN whole USING (item, layer) JOIN rule USING (kind, layer))
        UNION ALL
        SELECT kind, text, item, CASE kind WHEN {EXACT} THEN 3 ELSE 2 END, 0, []::BIGINT[],
            kind = {EXACT} OR all_specific > 0, all_specific > 0
        FROM pair JOIN whole USING (item) WHERE kind IN ({SENTENCE}, {EXACT}) AND layer = 0
        UNION ALL
        SELECT {WORDS}, text, item, share - 1, 0, []::BIGINT[], true, sure FROM word_hit
        UNION ALL
        SELECT {MEANING}, text, item, cosine - 2, same::INT, []::BIGINT[], true, sure FROM meaning_hit
    )
    SELECT text, kind AS number, share, CAST(words AS BIGINT) AS words, spots, sure, name, source
    FROM hit JOIN item USING (item) WHERE alike
    QUALIFY row_number() OVER (PARTITION BY text ORDER BY sure DESC, share DESC, item, kind) = 1 ORDER BY text
"""
"""The query for the best hit of each text: sure before doubtful, the same text before a sentence, then by share."""


def list_distinct_texts(part: pl.DataFrame, column: str) -> tuple[pl.Series, Ints]:
    """The texts of a column, each once, and which of them each row has; many solutions have one question."""
    texts = part[column].fill_null("")
    once = texts.unique(maintain_order=True)
    number = {text: i for i, text in enumerate(once.to_list())}
    return once, np.array([number[text] for text in texts.to_list()], np.int64)


def split_batches(texts: pl.Series, size: int) -> Iterator[pl.Series]:
    """Texts, so many at a time."""
    for at in range(0, len(texts), size):
        yield texts[at : at + size]


def _hash_phrase(phrase: str) -> tuple[int, int]:
    """The number of words of a phrase, and the hash of a window of them."""
    words = hash_words(mask_texts(pl.Series([phrase]), ()))
    length = max(1, int(words.counts()[0]))
    return length, int(next(iter(hash_windows(words, length)[0]), 0))


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
