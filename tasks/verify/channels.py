"""Which channels of a completion are read for the answer."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from tasks.llm.channels import Of
from tasks.llm.read_channels import UNFINISHED

SPAN = ("extracted_from", "extracted_to")


def judge_channels(part: pl.DataFrame, of: Of, judge: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """The verdicts on what is to be read of each row; an unfinished thought is undecided, whatever stands in it.

    Args:
        part: Solutions, with the columns of their thoughts or without.
        of: `text`, `thinking`, or `both`: the thinking where no answer is found in the text.
        judge: Gives the verdicts on `text`, `rationale` and `stated` of rows.

    Returns:
        What `judge` gives, a row for each row; what was found in the thinking after the text has no span.

    """
    if "thinking" not in part.columns:
        part = part.with_columns(thinking=pl.lit(None, pl.String), thinking_finished=pl.lit(None, pl.Boolean))
    thinking = pl.col("thinking").fill_null("")
    thoughts = part.with_columns(text=thinking, rationale=thinking, stated=pl.lit(None, pl.String))
    verdicts = judge(thoughts if of == "thinking" else part)
    if of == "both":
        silent = verdicts["extracted"].is_null() & part["thinking"].is_not_null()
        again = judge(thoughts.filter(silent)).with_columns(pl.lit(None, pl.Int64).alias(name) for name in SPAN)
        rows = pl.concat([(~silent).arg_true(), silent.arg_true()])
        verdicts = pl.concat([verdicts.filter(~silent), again])[rows.arg_sort()]
    unfinished = (~part["thinking_finished"]).fill_null(value=False)
    open_ = {**dict.fromkeys(verdicts.columns), "verdict": "undecided", "undecided": UNFINISHED}
    return verdicts.with_columns(
        pl.when(unfinished).then(pl.lit(value, verdicts.schema[name])).otherwise(pl.col(name)).alias(name)
        for name, value in open_.items()
    )
