"""The main line of a corpus: the tables from its problems to its first view, with what was left out and what joined on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """Tables of the main line that have the same rows, one after the other."""

    tables: tuple[str, ...]
    rows: int
    """Rows that each of them keeps."""
    lost: tuple[tuple[str, int], ...] = ()
    """Rows that the first of them was given and left out, by reason, the most first."""
    joined: tuple[tuple[str, int], ...] = ()
    """Rows that came from tables off the main line, by table."""

    @property
    def name(self) -> str:
        """The table that it is named by: the first, which made the rows."""
        return self.tables[0]


def trace_main_line(release: Facts) -> tuple[Stage, ...]:
    """The stages of a release's manifest, through the first input of each table.

    Args:
        release: The manifest.

    Returns:
        The stages from the first table to the first view; none where the manifest
        does not tell. A table that keeps all rows of the stage before it is one of that stage.

    """
    steps = {str(step["table"]): step for step in release.get("funnel") or []}
    inputs = _find_inputs(release.get("lineage") or [])
    line = _follow_back(next(iter(release.get("views") or []), ""), inputs)
    if not line or any(name not in steps for name in line):
        return ()
    stages: list[Stage] = []
    for before, name in zip([None, *line], line):
        step = steps[name]
        if stages and step["kept"] == step["rows_in"] == stages[-1].rows:
            stages[-1] = Stage((*stages[-1].tables, name), stages[-1].rows, stages[-1].lost, stages[-1].joined)
            continue
        others = tuple(
            (other, int(steps[other]["kept"])) for other in inputs[name] if other != before and other in steps
        )
        lost = tuple(sorted(step["reasons"].items(), key=lambda item: (-item[1], item[0])))
        stages.append(Stage((name,), int(step["kept"]), lost, others if before else ()))
    return tuple(stages)


def _find_inputs(lineage: Sequence[Facts]) -> dict[str, list[str]]:
    """By table those that it is made from."""
    tables = {entry["fingerprint"]: str(entry["table"]) for entry in lineage}
    return {str(entry["table"]): [tables[of] for of in entry.get("inputs") or [] if of in tables] for entry in lineage}


def _follow_back(view: str, inputs: Mapping[str, Sequence[str]]) -> list[str]:
    """The tables from the beginning to a view, through the first input of each; none where they go round."""
    line: list[str] = []
    name = view
    while name in inputs:
        if name in line:
            return []
        line.append(name)
        name = next(iter(inputs[name]), "")
    return line[::-1]
