"""Which texts mean what a test item means, by an embedding of the recipe's choice: paraphrases, and translations if it knows both languages.

A high cosine alone says what a problem is about, not which problem it is: with
it a text must have all numbers of the item, or the cosine must be half as far
from 1 as it need be otherwise.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from schemas.task import TaskError
from tasks.dedup.disk_arrays import DiskArray
from tasks.dedup.embeddings import Embedding, EmbeddingError

BLOCK = 100_000
"""Items that are compared together."""
NEAREST = 5
"""Items of a block that are looked at for a text, those of the highest cosines."""


class MeaningOverlap:
    """Keeps the vectors of test items in a file, and finds the items near a text; words and numbers are a `WordOverlap`'s."""

    def __init__(self, database: duckdb.DuckDBPyConnection, folder: Path, embedding: Embedding, cosine: float) -> None:
        self.database, self.embedding, self.least = database, embedding, cosine
        self._vectors = DiskArray(folder / "item-vectors", np.float32)

    def keep(self, items: pl.Series) -> None:
        """Keep the vectors of items in plain form, which are numbered in the order they come in."""
        self._vectors.add(self.embedding.vectors(items.to_list()).ravel())

    def try_embedding(self, texts: pl.Series) -> None:
        """Raise `TaskError` where too many tokens of some texts of the table, in plain form, are unknown to the embedding."""
        self.embedding.vectors(texts.to_list())
        self._refuse_unknown()

    def close(self) -> None:
        """End the keeping; what `try_embedding` raises of the items, together with those texts."""
        self._refuse_unknown()
        _, values = self._vectors.mapped()
        self.values = values.reshape(-1, self.embedding.width)
        self.database.execute(
            "CREATE TABLE numbers AS SELECT item, count(*) AS numbers FROM token WHERE number GROUP BY item"
        )

    def find(self, texts: pl.Series) -> None:
        """Make the table `meaning_hit` of the pairs of texts in plain form and items: `text`, `item`, `cosine`, `same`, `sure`."""
        vectors = self.embedding.vectors(texts.to_list())
        near = []
        for at in range(0, len(self.values), BLOCK):
            cosines = vectors @ self.values[at : at + BLOCK].T
            width = min(NEAREST, cosines.shape[1])
            best = np.argpartition(-cosines, width - 1, axis=1)[:, :width]
            frame = pl.DataFrame(
                {
                    "text": np.repeat(np.arange(len(texts)), width),
                    "item": best.ravel() + at,
                    "cosine": np.take_along_axis(cosines, best, axis=1).ravel().astype(np.float64),
                }
            )
            near.append(frame.filter(pl.col("cosine") >= self.least))
        self.database.register("added", pl.concat(near).to_arrow())
        self.database.execute(f"""
            CREATE OR REPLACE TEMP TABLE meaning_hit AS
            WITH shared AS (
                SELECT n.text, n.item, count(*) AS shared
                FROM added n JOIN token k ON k.item = n.item AND k.number JOIN spoken s ON s.text = n.text AND s.word = k.word GROUP BY ALL
            )
            SELECT text, item, cosine, coalesce(shared = numbers AND numbers >= 2, false) AS same,
                same AND cosine >= {(1 + self.least) / 2} AS sure
            FROM added LEFT JOIN shared USING (text, item) LEFT JOIN numbers USING (item)
            WHERE same OR cosine >= {(1 + self.least) / 2}
        """)
        self.database.unregister("added")

    def _refuse_unknown(self) -> None:
        try:
            self.embedding.refuse_unknown()
        except EmbeddingError as error:
            raise TaskError(f"embedding: {error}; name one of their language, or leave it out") from None
