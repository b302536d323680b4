"""A table of a preview as text: what it was made from, the rows that it added something to, and those it rejected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from errata.cli import text
from errata.cli.columns import wrap_text

from flows.planning.plan import Plan, TableJob
from flows.running.losses import format_losses, shorten_line
from flows.running.preview import Questions, TablePreview
from schemas.columns.gold import GOLD_STEP
from schemas.contract import Column
from tasks import list_labels
from tasks.sources.field_mapping import list_rules

FIELDS = 6
"""Columns of a row that are shown."""
LINES = 2
"""Lines of a value."""
ABOUT = ("question", "prompt", "text")
"""What a row is known by, where its table adds nothing to it."""
PLUMBING = (
    "source", "sampling", "sample", "thinking_tokens", "thinking_finished", "step_rule", "steps_of", "extracted_from", "extracted_to",
)  # fmt: skip
"""Columns that tell a reader little."""


def format_preview(preview: TablePreview, plan: Plan, width: int) -> str:
    """A table of a preview, in a width."""
    job = preview.job
    lines = [_format_head(preview, plan)]
    lines += _indent("asks", _describe_questions(preview.questions), width) if preview.questions else []
    if preview.why_not:
        return "\n".join([*lines, *_indent("not made", preview.why_not, width)])
    lines += _format_mapping(job, width)
    lines += [line for at, row in enumerate(preview.rows, 1) for line in _format_row(at, row, job, width)]
    lines += [line for loss in format_losses(preview.losses) for line in _indent("rejected", loss, width)]
    return "\n".join(lines)


def _format_head(preview: TablePreview, plan: Plan) -> str:
    job = preview.job
    table = next(table for table in plan.recipe.tables if table.name == job.name)
    inputs = [f"{name}: {of}" for name, of in zip(table.input_names, table.inputs)] or table.inputs
    made_from = ", ".join([*inputs, *(source.name for source in job.sources[:3])])
    rest = f" and {len(job.sources) - 3} more" if len(job.sources) > 3 else ""
    head = f"{job.name} ← {job.task}" + (f" of {made_from}{rest}" if made_from else "")
    if preview.manifest is None:
        return head
    receipt = preview.manifest.receipt
    counts = f"{receipt.rows_in:,} in, {receipt.rows_kept():,} kept"
    return f"{head}: {counts}" + (f", {receipt.rows_rejected():,} rejected" if receipt.rows_rejected() else "")


def _format_mapping(job: TableJob, width: int) -> list[str]:
    """What each column was mapped from, where the table is read from files."""
    given = job.parameters.model_fields_set
    rules = {key: rule for key, rule in list_rules(job.parameters).items() if key.split(".")[0] in given}
    if not job.sources or not rules:
        return []
    name_width = max(map(len, rules))
    return [
        "     mapped",
        *(line for key, rule in rules.items() for line in _wrap(f"       {key:<{name_width}} ← ", str(rule), width)),
    ]


def _describe_questions(questions: Questions) -> str:
    """How much is asked, and the first of it."""
    counts = f"{questions.requests:,} requests, {questions.known:,} of them in the ledger" if questions.requests else ""
    if questions.first is None:
        return counts or "models, about what others answer"
    request = questions.first
    first = f"{request.model}, at most {request.sampling.max_tokens:,} tokens: {request.messages[-1].content}"
    return "; ".join(part for part in (counts, f"first of {first}") if part)


def _format_row(at: int, row: dict[str, Any], job: TableJob, width: int) -> list[str]:
    """A row by the columns that its table has added."""
    columns = _choose_columns(row, job)
    name_width = max((len(name) for name, _ in columns), default=0)
    lines: list[str] = []
    for i, (name, value) in enumerate(columns):
        first = f"{at:>3}  {name:<{name_width}}  " if i == 0 else f"     {name:<{name_width}}  "
        lines += _wrap(first, value, width)
    return lines


def _choose_columns(row: dict[str, Any], job: TableJob) -> list[tuple[str, str]]:
    """The columns that a table has added and that say something; where it added none, what the row is about and its labels."""
    before = set(job.input_contract.names()) if job.inputs else set()
    added = [column for column in job.contract.columns if column.name not in before and _is_shown(column, row)]
    if added:
        by_value = {
            value: name for name, value in ((c.name, format_value(row[c.name], c.name)) for c in reversed(added))
        }
        return [(name, value) for value, name in reversed(by_value.items())][:FIELDS]
    labels = {label.column for kind in ("verdict", "step", "type") for label in list_labels(kind)}
    about = next((name for name in ABOUT if row.get(name)), job.contract.key)
    names = [about, *(name for name in job.contract.names() if name in labels and row.get(name) is not None)]
    return [(name, format_value(row[name], name)) for name in names[:FIELDS]]


def _is_shown(column: Column, row: dict[str, Any]) -> bool:
    plumbing = column.name.endswith("_id") or column.name in PLUMBING
    value = row.get(column.name)
    return not plumbing and (
        any(item not in (None, "") for item in value) if isinstance(value, list) else value not in (None, "")
    )


def format_value(value: Any, column: str = "") -> str:
    """A value on one line; steps, which data count from 0, are counted from 1 beside it, and so are the texts of a list."""
    if isinstance(value, int) and column in {GOLD_STEP, *(label.column for label in list_labels("step"))}:
        return f"{value} (step {value + 1})" if value >= 0 else f"{value} (no step)"
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "  ".join(f"[{number}] {item}" for number, item in enumerate(value, 1))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _indent(name: str, value: str, width: int) -> list[str]:
    return _wrap(f"     {name}: ", value, width)


def _wrap(first: str, value: str, width: int) -> list[str]:
    """A value behind a name, in no more lines than a value may have."""
    room = width - len(first)
    wrapped: Sequence[str] = wrap_text(shorten_line(text.strip_controls(value), LINES * room), room, hang=0)
    if len(wrapped) > LINES:
        wrapped = [*wrapped[: LINES - 1], f"{wrapped[LINES - 1][: room - 1]}…"]
    return [f"{first if i == 0 else ' ' * len(first)}{part}".rstrip() for i, part in enumerate(wrapped)]
