"""Examples of a report: a few rows of each type, with what labellers said of them, bounded in number and in bytes."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, get_args

import polars as pl

from flows.report.statistics.mistakes import UNDECIDED
from schemas.labels import LabelKind, Votes
from tasks import list_labels
from tasks.llm.question import format_question

EACH, ALL = 12, 180
"""Examples of a type, and of all, at most."""
LIKE = 3
"""Of those of a type, so many of one model before another's turn comes."""
BYTES = 1_000_000
"""Of all examples as they stand in a page, at most."""
QUESTION, STEP, STEPS, REASON, NAME = 1_200, 500, 40, 500, 120
"""Characters that are shown of each, and steps."""
TEXTS = (
    "question", "options", "answer", "extracted", "verdict", "steps", "rationale", "text", "error_severity", "typed_by", "reference",
)  # fmt: skip
_KEYS = ("model", "set", "error_type")
_SAID = ("model", "set", "verdict", "typed_by", "error_severity", "answer", "extracted")


class Examples:
    """Picks rows: of each type those with the smallest ids, which are hashes, so that chance chooses."""

    def __init__(self, key: str) -> None:
        self.key = key
        columns = [name for kind in get_args(LabelKind) for label in list_labels(kind) for name in label.columns()]
        self.wants = tuple(dict.fromkeys((key, *_KEYS, *columns, *TEXTS)))
        self.chosen: pl.DataFrame | None = None

    def add(self, part: pl.DataFrame) -> None:
        """Look at a part."""
        kind = pl.col("error_type").fill_null(UNDECIDED) if "error_type" in part.columns else pl.lit("")
        rows = _choose_best(part.with_columns(kind=kind), self.key)
        both = rows if self.chosen is None else pl.concat([self.chosen, rows], how="diagonal_relaxed")
        self.chosen = _choose_best(both, self.key)

    def choose(self) -> list[dict[str, Any]]:
        """The examples, the first of each type before the second of any, as many as there is room for."""
        if self.chosen is None:
            return []
        turn = pl.int_range(pl.len()).over("kind")
        rows = self.chosen.with_columns(turn=turn).sort("turn", "kind", self.key)
        examples, room = [], BYTES
        for row in rows.head(ALL).iter_rows(named=True):
            example = make_example(row, self.key)
            room -= estimate_size(example)
            if room < 0:
                break
            examples.append(example)
        return sorted(examples, key=lambda example: example["type"])


def _choose_best(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """Few rows of each type, of different models where there are."""
    model = pl.col("model") if "model" in rows.columns else pl.lit("")
    rows = rows.sort(key).with_columns(_turn=pl.int_range(pl.len()).over("kind", model) // LIKE)
    return rows.sort("_turn", key).group_by("kind", maintain_order=True).head(EACH).drop("_turn")


def make_example(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What is shown of a row; `kind` is its type."""
    steps = row.get("steps") or [row.get("rationale") or row.get("text") or ""]
    at = next((row[label.column] for label in list_labels("step") if row.get(label.column) is not None), None)
    begin = max(0, min((at or 0) - STEPS // 2, len(steps) - STEPS))
    return {
        "id": shorten(row[key], NAME), "type": shorten(row["kind"], NAME),
        **{name: None if row.get(name) is None else shorten(row[name], NAME) for name in _SAID},
        "question": shorten(format_question(row.get("question") or "", row.get("options")), QUESTION),
        "first_error": at, "begin": begin, "length": len(steps),
        "steps": [shorten(step, STEP) for step in steps[begin : begin + STEPS]],
        "values": _list_values(row, begin, min(len(steps), begin + STEPS)),
        "reference": None if row.get("reference") is None else shorten(row["reference"], QUESTION),
        "reasons": _list_reasons(row),
    }  # fmt: skip


def _list_values(row: Mapping[str, Any], begin: int, end: int) -> list[float | None]:
    """The share of right rollouts after each step that is shown, of the first estimate that has them; none where none was made."""
    values: Sequence[float | None] = next(
        (row[label.values] for label in list_labels("step") if label.values and row.get(label.values)), []
    )
    shown = [None if value is None else round(float(value), 4) for value in values[begin:end]]
    return [*shown, *[None] * (end - begin - len(shown))] if shown else []


def _list_reasons(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each labeller says, and why."""
    votes, alone = [], []
    for label in list_labels("step"):
        if label.votes and label.votes.reasons:
            votes += _format_votes(row, label.votes)
        elif not label.votes and row.get(label.column) is not None:
            by = label.title or label.rater or label.column
            alone.append({"by": by, "label": row[label.column], "kind": "", "says": shorten(row.get(label.cause or "") or "", REASON)})  # fmt: skip
    for label in list_labels("type"):
        if row.get(label.cause or ""):
            by = shorten(row.get(label.method or "") or "classification", NAME)
            alone.append({"by": by, "label": None, "kind": "", "says": shorten(row[label.cause or ""], REASON)})
    return [*votes[:8], *alone]


def _format_votes(row: Mapping[str, Any], votes: Votes) -> list[dict[str, Any]]:
    columns = [row.get(name or "") or [] for name in (votes.raters, votes.values, votes.errors, votes.reasons)]
    return [
        {
            "by": shorten(by, NAME),
            "label": value,
            "kind": shorten(kind or "", NAME),
            "says": shorten(says or "", REASON),
        }
        for by, value, kind, says in zip_longest(*columns)
        if by is not None
    ]


def shorten(text: object, most: int) -> str:
    """A text that is not too long, without characters that no page may hold."""
    whole = str(text)
    cut = whole[:most]
    plain = "".join(c if (c >= " " and c != "\x7f") or c in "\n\t" else "\ufffd" for c in cut)
    return plain if len(whole) <= most else f"{plain}… ({len(whole) - most:,} characters more)"


def estimate_size(example: dict[str, Any]) -> int:
    """The bytes of an example in a page, about: twice, since what can be searched stands there again in part."""
    return len(html.escape(str(example)).encode()) + 60 * len(example["steps"]) + 600
