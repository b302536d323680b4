"""Rows that try to break out of a page."""

from typing import Any

import polars as pl

from schemas.columns.labels import AGREE_COLUMNS, CLASSIFY_COLUMNS, JUDGE_COLUMNS
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from tasks.sources.content_ids import digest

CONTRACT: Contract = SOLUTIONS.having(
    *STEP_COLUMNS, *VERDICT_COLUMNS, *JUDGE_COLUMNS, *AGREE_COLUMNS, *CLASSIFY_COLUMNS
)
NASTY = (
    "<script>window.hacked = 1</script>",
    "</script><img src=x onerror='window.hacked = 2'>",
    "<!--<script>window.hacked = 3",
    "\u202etfel ot thgir \u2066 and never back",
    "' onmouseover='window.hacked = 4' x='",
    '"><svg onload=window.hacked=5>',
    "{{ 7 * 7 }} {% raw %} \u2028 line \u2029 paragraph",
    "\x00\x1b[31m bell\x07",
    "https://example.com/track.png ![x](https://example.com/y.png)",
    "]]></style><style>*{display:none}",
    "__proto__",
    "constructor",
)
LONG = "<b>\u202e" * 250_000


def rows(count: int = 120) -> pl.DataFrame:
    """Each text, model, set and type is nasty, and some lines have a million characters."""
    schema = to_polars_schema(CONTRACT)
    return pl.DataFrame([_row(number, schema) for number in range(count)], schema=schema)


def _row(number: int, schema: pl.Schema) -> dict[str, Any]:
    nasty = [NASTY[(number + i) % len(NASTY)] for i in range(len(NASTY))]
    texts = {name: nasty[i % len(nasty)] for i, (name, kind) in enumerate(schema.items()) if kind == pl.String}
    lists = {name: nasty[:3] for name, kind in schema.items() if kind == pl.List(pl.String)}
    numbers = {name: 1 for name, kind in schema.items() if kind in (pl.Int64, pl.Float64)}
    steps = [*nasty[:4], LONG if number % 10 == 0 else nasty[5]]
    return {
        **dict.fromkeys(schema), **texts, **lists, **numbers, "solution_id": digest("hostile", str(number)),
        "problem_id": digest("problem", str(number // 3)), "verdict": "wrong", "undecided": None, "steps": steps,
        "question": LONG if number % 7 == 0 else nasty[0], "model": nasty[1], "set": nasty[2], "error_type": nasty[number % 5],
        "judge_labels": [1, 2, None], "judge_likelihoods": [], "labels": [1], "first_error": number % 5, "error_severity": "major",
    }  # fmt: skip


HEAD: dict[str, Any] = {
    "fingerprint": "hostile",
    "recipe": {"title": NASTY[1], "license": NASTY[0], "text": ""},
    "columns": {"mistakes": [{"name": column.name, "meaning": column.meaning} for column in CONTRACT.columns]},
    "keys": {"mistakes": "solution_id"},
    "funnel": [
        {"table": NASTY[0], "task": "verify", "rows_in": 200, "kept": 120, "rejected": 80, "reasons": {NASTY[1]: 80}}
    ],
    "gates": [
        {
            "view": NASTY[0], "expectation": NASTY[1], "column": NASTY[2], "says": NASTY[3], "severity": "fail", "passed": False,
            "observed": NASTY[4], "wanted": 0.5, "examples": [NASTY[5], LONG], "rows": 120,
        }
    ],
}  # fmt: skip
