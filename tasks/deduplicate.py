"""`deduplicate`: keeps one of the rows whose normalised text is the same."""

from __future__ import annotations

from typing import Literal

import polars as pl
from pydantic import Field

from schemas.task import Decision, Parameters
from tasks.identity import digest, normal_text


class DeduplicateParameters(Parameters):
    """What `deduplicate` is told."""

    scope: Literal["problem", "all"] = Field(
        "problem", description="Whether only solutions of one problem can repeat each other, or any two rows."
    )


def narrow(part: pl.DataFrame, parameters: DeduplicateParameters) -> pl.DataFrame:
    """Key and a digest of the text's normal form (Unicode NFKC, letter case, white space)."""
    problems = part["problem_id"].to_list() if parameters.scope == "problem" else [""] * part.height
    texts = part["rationale"].to_list()
    digests = [digest(problem, normal_text(text)) for problem, text in zip(problems, texts)]
    return part.select("solution_id").with_columns(pl.Series("digest", digests, dtype=pl.String))


def decide(_: DeduplicateParameters) -> str:
    """The row with the smallest id stays, whatever the order of rows; the others name it."""
    return """
        SELECT solution_id AS key, 'duplicate' AS reason, 'the same text as ' || keeper AS detail
        FROM (SELECT solution_id, min(solution_id) OVER (PARTITION BY digest) AS keeper FROM narrow)
        WHERE solution_id <> keeper
    """


DEDUPLICATE = Decision(
    name="deduplicate",
    summary="Keeps one of the solutions whose normalised text is the same; the others name the one that stays.",
    version="1",
    parameters=DeduplicateParameters,
    needs=("solution_id", "problem_id", "rationale"),
    narrow=narrow,
    decide=decide,
)
