"""Rows that cannot be used, as text: how many by reason, each with the first."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

from errata.cli import text

from flows.metrics.narrow_table import WIDTH
from tasks.evaluation.fields import Rejected


def format_rejected(what: str, rejected: Sequence[Rejected]) -> str:
    """Rows that cannot be used by reason, with where the first of each is; nothing of none."""
    if not rejected:
        return ""
    lines = [f"{len(rejected):,} {what} cannot be used:"]
    for reason, n in sorted(Counter(row.reason for row in rejected).items()):
        first = next(row for row in rejected if row.reason == reason)
        lines.append(f"  {n:,} {reason}, the first {first.source}: {first.detail}")
    return fill_lines(lines)


def fill_lines(lines: Iterable[str]) -> str:
    """Lines of a remark in the width of a table."""
    return "\n".join(textwrap.fill(text.strip_controls(line), WIDTH, subsequent_indent="    ") for line in lines)
