"""How sure models were of their answers, and how well that tells right ones from wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.evaluation.discrimination import measure_discrimination

SIGNALS: Mapping[str, int] = {
    "p_true": 1, "checklist_share": 1, "self_certainty": 1, "min_k20": 1, "zlib_ratio": -1, "mean_logprob": 1, "answer_share": 1, "perplexity_consistency": 1,
}  # fmt: skip
"""Columns that say how sure a model was, and whether the larger (1) or the smaller number (-1) is surer."""
MEAN, SUM, TOKENS = "mean_logprob", "logprob", "tokens"


class AnswerCertainty:
    """Gathers numbers beside verdicts, part by part; of each row five bytes are kept for each number."""

    wants = ("verdict", *SIGNALS, SUM, TOKENS)

    def __init__(self) -> None:
        self._scores: dict[str, list[NDArray[np.float32]]] = {}
        self._right: dict[str, list[NDArray[np.bool_]]] = {}

    def add(self, part: pl.DataFrame) -> None:
        """Look at the rows of a part whose verdict is decided."""
        part = part.filter(pl.col("verdict").is_in(["right", "wrong"]))
        if MEAN not in part.columns and {SUM, TOKENS} <= set(part.columns):
            part = part.with_columns(pl.when(pl.col(TOKENS) > 0).then(pl.col(SUM) / pl.col(TOKENS)).alias(MEAN))
        for name in SIGNALS.keys() & set(part.columns):
            known = part.select("verdict", pl.col(name).cast(pl.Float32)).drop_nulls().filter(pl.col(name).is_not_nan())
            self._scores.setdefault(name, []).append(known[name].to_numpy())
            self._right.setdefault(name, []).append((known["verdict"] == "right").to_numpy())

    def summarize(self, table: str) -> dict[str, Any] | None:
        """Of each number how well it tells right answers, the most telling first; None where no row has any."""
        signals = []
        for name, sign in SIGNALS.items():
            scores = np.concatenate(self._scores.get(name) or [np.zeros(0, np.float32)]) * sign
            right = np.concatenate(self._right.get(name) or [np.zeros(0, np.bool_)])
            if len(scores):
                pairs = list(zip(scores.tolist(), right.tolist()))
                signals.append({"name": name, **asdict(measure_discrimination(pairs))})
        signals.sort(key=lambda signal: -(signal["auroc"] or 0.0))
        return {"table": table, "signals": signals} if signals else None
