"""Which texts say what a test item says in other words: all of its numbers, and most of the words that tell it from others.

Words weigh the more the fewer items have them (inverse document frequency), and
those that all problem statements have weigh nothing. A paraphrase keeps names,
numbers and what the problem is about; its order, its function words and its
grammar it does not keep.
"""

from __future__ import annotations

import duckdb
import polars as pl

from tasks.dedup.item_words import USUAL
from tasks.verify.number import WORDS

FEW = 20
"""Pairs are found by two words in no more items than these."""
LEAST, SURE = 0.45, 0.65
"""The share of the weight of an item's words, and of the text's (less a tenth), that is a hit, and that is sure with three numbers."""
SMOOTHED = 100
"""Items that have no word, added to all: in small test sets all words weigh about the same."""
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_FIGURES = {word: str(value) for value, word in enumerate(WORDS)} | {
    **{word: str(10 * value) for value, word in enumerate(_TENS, 2)},
    "half": "0.5", "halves": "0.5", "twice": "2", "double": "2", "thrice": "3", "triple": "3", "dozen": "12", "hundred": "100",
    "third": "3", "thirds": "3", "fourth": "4", "quarter": "4", "fifth": "5", "fifths": "5", "fourths": "4", "quarters": "4",
}  # fmt: skip
"""Words for numbers, and the figure that stands for the same in another wording."""
_WORD = r"\d+(?:,\d{3})*(?:\.\d+)?|\p{L}+"


class WordOverlap:
    """Keeps the words of test items in a database, and finds the items whose words and numbers a text has."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self.database = database
        database.execute("CREATE TABLE token (item BIGINT, word UBIGINT, number BOOL)")
        database.execute("CREATE TEMP TABLE word_hit (text BIGINT, item BIGINT, share DOUBLE, sure BOOL)")

    def keep(self, first: int, items: pl.Series) -> None:
        """Keep the words of items in plain form, the first of which has this number."""
        tokens = read_tokens(items).select(item=pl.col("text") + first, word="word", number="number")
        self.database.register("added", tokens.to_arrow())
        self.database.execute("INSERT INTO token SELECT * FROM added")
        self.database.unregister("added")

    def close(self) -> None:
        """End the keeping: weigh the words, and each item as a whole."""
        ((items,),) = self.database.execute("SELECT count(DISTINCT item) FROM token").fetchall()
        self.items = items + SMOOTHED
        self.database.execute(f"""
            CREATE TABLE weight AS SELECT word, count(*) AS items, ln({self.items} / count(*)) AS weight FROM token GROUP BY word;
            CREATE TABLE item_weight AS SELECT item, sum(weight) AS weight, count_if(number) AS numbers,
                count_if(NOT number) AS words FROM token JOIN weight USING (word) GROUP BY item
                HAVING numbers >= 2 AND words >= 4;
            CREATE TABLE rare_word AS SELECT word, item FROM token SEMI JOIN item_weight USING (item) JOIN weight USING (word)
                WHERE items <= {FEW};
        """)

    def find(self, texts: pl.Series) -> None:
        """Make the table `word_hit` of the pairs of texts in plain form and items: `text`, `item`, `share`, `sure`."""
        self.database.register("added", read_tokens(texts).to_arrow())
        self.database.execute("CREATE OR REPLACE TEMP TABLE spoken AS SELECT * FROM added")
        self.database.unregister("added")
        self.database.execute(f"""
            CREATE OR REPLACE TEMP TABLE word_hit AS
            WITH pair AS MATERIALIZED (
                SELECT text, item FROM spoken JOIN rare_word USING (word) GROUP BY ALL HAVING count(*) >= 2
            ), own AS (
                SELECT text, sum(coalesce(weight, ln({self.items}))) AS weight
                FROM spoken SEMI JOIN pair USING (text) LEFT JOIN weight USING (word) GROUP BY text
            ), shared AS (
                SELECT text, item, sum(weight) AS weight, count_if(number) AS numbers
                FROM pair JOIN spoken USING (text) JOIN token USING (item, word, number) JOIN weight USING (word) GROUP BY ALL
            )
            SELECT text, item, s.weight / i.weight AS share, least(s.weight / i.weight, s.weight / own.weight + 0.1) AS score,
                score >= {SURE} AND i.numbers >= 3 AS sure
            FROM shared s JOIN item_weight i USING (item) JOIN own USING (text)
            WHERE s.numbers = i.numbers AND score >= {LEAST}
        """)


def read_tokens(texts: pl.Series) -> pl.DataFrame:
    """The words of texts in plain form, each once, without those of all problem statements; numbers as figures.

    Args:
        texts: The texts.

    Returns:
        `text` (its number), a hash of the `word` (of this process) and whether it is a `number`. The number 1 is none: `one` is seldom counted.

    """
    frame = pl.DataFrame({"text": pl.int_range(len(texts), eager=True), "word": texts.str.extract_all(_WORD)})
    words = frame.explode("word").drop_nulls().filter(~pl.col("word").is_in(USUAL))
    words = words.with_columns(pl.col("word").replace(_FIGURES).str.replace_all(",", "", literal=True))
    number = pl.col("word").str.contains(r"^\d")
    words = words.with_columns(
        number=number,
        word=pl.when(number)
        .then(pl.col("word").str.replace(r"\.0*$|(\.\d*[1-9])0+$", "${1}"))
        .otherwise(pl.col("word").str.replace(r"(\p{L}{2})s$", "${1}")),
    )
    short = ~pl.col("number") & (pl.col("word").str.len_chars() < 3) & pl.col("word").str.contains(r"^[a-z]")
    words = words.filter(~short & ~pl.col("word").is_in(["1", "0"]))
    return words.with_columns(pl.col("word").hash()).unique()
