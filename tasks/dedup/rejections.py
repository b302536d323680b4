"""Of rows that are alike the one that stays, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from schemas.frames import batch_frames
from tasks.database import open_database
from tasks.dedup.disk_arrays import Shelf
from tasks.dedup.embeddings import Vectors
from tasks.dedup.token_hashes import U64, Ints

BATCH = 50_000
PAIRS = 500_000
"""Pairs that are compared together."""
Marks = NDArray[np.bool_]


@dataclass
class Reasons:
    """In which ways rows can be alike; each where it is asked for."""

    text: U64 | None = None
    path: U64 | None = None
    """0 of rows without."""
    mistake: U64 | None = None
    shelf: Shelf | None = None
    vectors: Vectors | None = None

    def compare(self, a: Ints, b: Ints) -> Marks:
        """Whether the rows of each pair are alike, directly."""
        return np.concatenate(
            [
                np.zeros(0, np.bool_),
                *(self._compare(a[at : at + PAIRS], b[at : at + PAIRS]) for at in range(0, len(a), PAIRS)),
            ]
        )

    def _compare(self, a: Ints, b: Ints) -> Marks:
        alike = np.zeros(len(a), np.bool_)
        if self.text is not None:
            alike |= self.text[a] == self.text[b]
        for keys in (self.path, self.mistake):
            if keys is not None:
                alike |= (keys[a] == keys[b]) & (keys[a] != 0)
        for measured in (self.shelf, self.vectors):
            if measured is not None:
                left = np.flatnonzero(~alike & (measured.salts[a] == measured.salts[b]))
                alike[left] = measured.alike(a[left], b[left])
        return alike

    def explain(self, rejected: Ints, keepers: Ints) -> tuple[list[str], list[str]]:
        """Why each row is rejected, by what it most surely repeats of the one that stays, and that in words."""
        reasons = np.full(len(rejected), "near duplicate", object)
        evidence = np.full(len(rejected), "through others, to ", object)
        left = np.ones(len(rejected), np.bool_)

        def say(where: Marks, reason: str, words: str | NDArray[np.object_]) -> None:
            reasons[where], evidence[where] = reason, words if isinstance(words, str) else words[where]
            left[where] = False

        if self.text is not None:
            say(self.text[rejected] == self.text[keepers], "duplicate", "the same text as ")
        for keys, reason, words in (
            (self.mistake, "same mistake", "the same mistake as "), (self.path, "same equations", "the same equations as ")
        ):  # fmt: skip
            if keys is not None:
                say(left & (keys[rejected] == keys[keepers]) & (keys[rejected] != 0), reason, words)
        for measured, reason, name in (
            (self.shelf, "near duplicate", "similarity"),
            (self.vectors, "same meaning", "cosine"),
        ):
            if measured is not None and left.any():
                values = measured.measure(rejected, keepers)
                texts = np.array([f"{name} {value:.2f} to " for value in values], object)
                say(left & (measured.salts[rejected] == measured.salts[keepers]) & (values > 0), reason, texts)
        return list(reasons), list(evidence)


class Members:
    """The keys of rows with what they are preferred by, in a file, and which of those that are alike stays."""

    def __init__(self, folder: Path, preferred: int) -> None:
        self.folder, self.preferred = folder, preferred
        self.size = 0
        self._file = pa.OSFile(str(folder / "names"), "wb")
        self._names: pa.ipc.RecordBatchStreamWriter | None = None
        self._origins: list[tuple[int, str]] = []
        """Of each batch the number of its first row, and the release that it is of."""

    def add(self, rows: pl.DataFrame, release: str) -> None:
        """Number rows, in the order they come in; those of a release stay."""
        table = rows.to_arrow()
        if self._names is None:
            self._names = pa.ipc.new_stream(self._file, table.schema)
        for batch in table.to_batches():
            self._names.write_batch(batch)
            self._origins.append((self.size, release))
            self.size += len(batch)

    def close(self) -> bool:
        """End the adding; whether there are rows."""
        if self._names is None:
            return False
        self._names.close()
        self._file.close()
        return True

    def reject(self, root: Ints, reasons: Reasons, star: bool, shares: int) -> Iterator[pl.DataFrame]:
        """The rows that do not stay: `key`, `reason` and `detail`.

        Args:
            root: The component of each row: rows that are alike directly or through others.
            reasons: How rows are alike.
            star: Whether each must be like the row that stays itself, and not through others.
            shares: Of the components, that are looked at one after the other.

        Yields:
            Some thousands of rows at a time.

        """
        repeated = pl.Series(np.bincount(root, minlength=self.size)[root] > 1)
        if not repeated.any():
            return
        with (
            open_database(self.folder) as database,
            pa.memory_map(str(self.folder / "names")) as names,
            pa.ipc.open_stream(names) as batches,
        ):
            for i, members in enumerate(batch_frames(self._list_members(batches, repeated, root), BATCH)):
                database.register("added", members.to_arrow())
                database.execute(f"{'INSERT INTO member' if i else 'CREATE TABLE member AS'} SELECT * FROM added")
                database.unregister("added")
            for share in range(shares):
                yield from self._reject_share(database, f"root % {shares} = {share}", reasons, star)

    def _reject_share(
        self, database: duckdb.DuckDBPyConnection, where: str, reasons: Reasons, star: bool
    ) -> Iterator[pl.DataFrame]:
        """The rows that do not stay, of the components that are asked for."""
        ordered = database.sql(self._query_order(where)).fetchnumpy()
        rows, roots, released = ordered["row"].astype(np.int64), ordered["root"], ordered["released"].astype(np.bool_)
        rejected, keepers = _choose_keepers(rows, roots, released, reasons if star else None)
        chosen = pl.DataFrame({"row": rejected, "keeper": keepers})
        database.register("chosen", chosen.to_arrow())
        for batch in database.sql(_QUERY_NAMES).to_arrow_reader(BATCH):
            yield _explain_rows(pl.DataFrame(batch), reasons)
        database.unregister("chosen")

    def _list_members(
        self, batches: Iterable[pa.RecordBatch], repeated: pl.Series, root: Ints
    ) -> Iterator[pl.DataFrame]:
        """The rows that are repeated, with their numbers and components, batch by batch."""
        for (first, release), batch in zip(self._origins, batches):
            places = slice(first, first + len(batch))
            rows = pl.DataFrame(batch).with_columns(
                row=pl.int_range(first, first + len(batch)), release=pl.lit(release), root=pl.Series(root[places])
            )
            yield rows.filter(repeated[places])

    def _query_order(self, where: str) -> str:
        """The query for the members of each component of some, the ones that rather stay first."""
        chosen = "".join(f"p{i} DESC NULLS LAST, " for i in range(self.preferred))
        return f"""SELECT row, root, release <> '' AS released FROM member WHERE {where}
                   ORDER BY root, release = '', release, {chosen} key, row"""


_QUERY_NAMES = """
    SELECT member.key, chosen.row, chosen.keeper, stays.key AS keeper_key, stays.release AS keeper_release
    FROM chosen JOIN member ON member.row = chosen.row JOIN member AS stays ON stays.row = chosen.keeper
    WHERE member.key <> stays.key OR stays.release <> ''
"""


def _choose_keepers(rows: Ints, roots: Ints, released: Marks, reasons: Reasons | None) -> tuple[Ints, Ints]:
    """The rows that do not stay, each with the one that does.

    Args:
        rows: Members of components, those of one component together, the ones that rather stay first.
        roots: The component of each.
        released: Whether each is of a release: it stays whatever it is like.
        reasons: How rows are alike, where each must be like its keeper; None where one of a component stays.

    Returns:
        Both as numbers of rows, in pairs.

    """
    rejected, keepers = [rows[:0]], [rows[:0]]
    while len(rows):
        first = np.concatenate([[True], roots[1:] != roots[:-1]])
        keeper = rows[first][np.cumsum(first) - 1]
        alike = ~first & ~released
        if reasons is not None:
            tried = np.flatnonzero(alike)
            alike[tried] = reasons.compare(rows[tried], keeper[tried])
        rejected.append(rows[alike])
        keepers.append(keeper[alike])
        left = ~(first | alike) if reasons is not None else np.zeros(len(rows), np.bool_)
        rows, roots, released = rows[left], roots[left], released[left]
    return np.concatenate(rejected), np.concatenate(keepers)


def _explain_rows(rows: pl.DataFrame, reasons: Reasons) -> pl.DataFrame:
    """Why each row is rejected: by what it is most surely a repeat of the one that stays."""
    reason, evidence = reasons.explain(rows["row"].to_numpy(), rows["keeper"].to_numpy())
    frame = rows.with_columns(
        pl.Series("reason", reason, dtype=pl.String), pl.Series("evidence", evidence, dtype=pl.String)
    )
    released = pl.col("keeper_release") != ""
    where = pl.when(released).then(pl.lit(" of ") + pl.col("keeper_release")).otherwise(pl.lit(""))
    named = pl.when(released).then(pl.lit("in an earlier release: ") + pl.col("reason")).otherwise("reason")
    return frame.select(
        "key", named.alias("reason"), (pl.col("evidence") + pl.col("keeper_key") + where).alias("detail")
    )
