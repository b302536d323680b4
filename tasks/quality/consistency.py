"""`consistency`: how far the solutions of a problem agree in their answers, by number and by likelihood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from schemas.columns.quality import CONSISTENCY_COLUMNS
from schemas.contract import Contract
from schemas.task import Files, Parameters, Records, Rows
from schemas.whole_table import Cut, WholeTable
from tasks.database import open_database
from tasks.dedup.text_hashes import hash_texts
from tasks.dedup.token_hashes import normalize_texts
from tasks.verify.vectorized import shorten_numbers

BATCH = 100_000


class ConsistencyParameters(Parameters):
    """Parameters of `consistency`: none."""


def measure_consistency(
    table: Rows, _: Sequence[Rows | Records | Files], __: ConsistencyParameters, folder: Path
) -> Iterable[pl.DataFrame]:
    """The columns of `CONSISTENCY_COLUMNS`, of all rows.

    Answers are the same where their shortest decimal forms are, or else their
    texts but for case and white space. RPC adds up each different text once.

    Args:
        table: The key and the columns that the task reads, part by part.
        folder: An empty folder, for what does not fit the memory.

    Yields:
        Frames of `key` and the columns; each row of the table is in one of them.

    """
    with open_database(folder) as database:
        database.execute(
            "CREATE TABLE solution (key VARCHAR, problem VARCHAR, answer VARCHAR, shown VARCHAR, text UBIGINT, p DOUBLE)"
        )
        for part in table:
            database.register("added", _narrow(part).to_arrow())
            database.execute("INSERT INTO solution BY NAME SELECT * FROM added")
            database.unregister("added")
        for batch in database.sql(_QUERY).to_arrow_reader(BATCH):
            yield pl.DataFrame(batch)


def _narrow(part: pl.DataFrame) -> pl.DataFrame:
    has = {"logprob", "tokens"} <= set(part.columns)
    mean = (pl.col("logprob") / pl.col("tokens")).clip(upper_bound=0).exp() if has else pl.lit(None, pl.Float64)
    loose = normalize_texts(part["extracted"].fill_null("")).replace("", None)
    return part.select(
        key=pl.nth(0),
        problem="problem_id",
        answer=pl.coalesce(shorten_numbers(part["extracted"]), loose),
        shown="extracted",
        text=pl.Series(hash_texts(part["rationale"])),
        p=pl.when(pl.col("tokens") > 0).then(mean) if has else mean,
    )


_QUERY = """
    WITH once AS (
        SELECT problem, answer, text, max(p) AS p, count(*) = count(p) AS known FROM solution
        WHERE answer IS NOT NULL GROUP BY ALL
    ), likely AS (
        SELECT problem, answer, CASE WHEN bool_and(bool_and(known)) OVER w AND sum(sum(p)) OVER w > 0
               THEN least(1, sum(p) / sum(sum(p)) OVER w) END AS likelihood
        FROM once GROUP BY problem, answer WINDOW w AS (PARTITION BY problem)
    ), counted AS (
        SELECT problem, answer, count(*) AS n, min(shown) AS shown FROM solution WHERE answer IS NOT NULL GROUP BY ALL
    ), compared AS (
        SELECT *, sum(n) OVER (PARTITION BY problem) AS whole,
               first(shown) OVER (PARTITION BY problem ORDER BY n DESC, answer) AS most,
               max(n) OVER (PARTITION BY problem) AS largest
        FROM counted
    ), problems AS (
        SELECT problem, any_value(whole) AS whole, any_value(most) AS most, any_value(largest) AS largest
        FROM compared GROUP BY problem
    )
    SELECT s.key, coalesce(q.whole, 0)::BIGINT AS answers, c.n / q.whole AS answer_share, q.most AS majority_answer,
           q.largest / q.whole AS majority_share, l.likelihood AS perplexity_consistency
    FROM solution s LEFT JOIN problems q ON q.problem = s.problem
    LEFT JOIN counted c ON c.problem = s.problem AND c.answer = s.answer
    LEFT JOIN likely l ON l.problem = s.problem AND l.answer = s.answer
"""


def _reads(_: ConsistencyParameters, given: Contract) -> Sequence[str]:
    asked = [name for name in ("logprob", "tokens") if name in given.names()]
    return ("problem_id", "rationale", "extracted", *asked)


CONSISTENCY = WholeTable(
    name="consistency",
    summary="Adds how far the solutions of a problem agree in their answers: majority, share, RPC's perplexity consistency.",
    version="2",
    parameters=ConsistencyParameters,
    needs=("solution_id", "problem_id", "rationale", "extracted"),
    makes=lambda _, contract: contract.having(*CONSISTENCY_COLUMNS),
    cut=lambda _: Cut(lambda rows, _, __: hash_texts(rows["problem_id"])),
    reads=_reads,
    decide=measure_consistency,
)
