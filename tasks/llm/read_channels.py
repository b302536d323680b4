"""Which channels of a solution a stage reads: the one that its steps were cut from, unless a recipe says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from tasks.llm.channels import Of

Reads = Annotated[
    Of | None,
    Field(
        description="What is read: by default the channel that the steps are of; text or thinking only where the steps are of "
        "it; both shows the thoughts before the steps of a text, too."
    ),
]
CHANNEL_COLUMNS = ("thinking", "thinking_finished", "steps_of")
"""The columns of a solution that say what it was thought, and of what its steps are."""
UNFINISHED, OTHER = "unfinished thought", "steps of another channel"


def find_obstacle(row: Mapping[str, Any], of: Of | None) -> str | None:
    """Why a solution is not judged, in few words; None where it can be."""
    if row.get("thinking_finished") is False:
        return UNFINISHED
    return OTHER if of in ("text", "thinking") and (row.get("steps_of") or "text") != of else None


def show_channel(row: Mapping[str, Any], of: Of | None) -> dict[str, Any]:
    """A solution as it is shown: `text` is of the channel of its steps, `thoughts` come before it where both are read."""
    thinking, steps_of = row.get("thinking"), row.get("steps_of") or "text"
    if thinking and steps_of == "thinking":
        return {**row, "text": thinking}
    if thinking and steps_of == "both":
        return {**row, "text": f"{thinking}\n\n{row.get('text') or ''}"}
    return {**row, "thoughts": thinking} if of == "both" else dict(row)
