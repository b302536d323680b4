"""What a version's number means: PATCH the same rows, MINOR only more of them, MAJOR anything.

Before 1.0.0 everything may still change, so MINOR means nothing there
(https://semver.org, 4); PATCH is the same rows even then.
"""

from __future__ import annotations

from typing import Literal

from ..release.names import parse_version
from .difference import Difference

Step = Literal["PATCH", "MINOR", "MAJOR"]


def find_required_step(difference: Difference) -> Step:
    """The least step that what differs needs."""
    return "MAJOR" if difference.removes else "MINOR" if difference.adds else "PATCH"


def bump(before: str, step: Step) -> str:
    """The version that follows by a step."""
    major, minor, patch = parse_version(before)
    if step == "PATCH":
        return f"{major}.{minor}.{patch + 1}"
    if step == "MINOR" or major == 0:
        return f"{major}.{minor + 1}.0"
    return f"{major + 1}.0.0"


def find_step(before: str, after: str) -> Step:
    """The step between two versions."""
    old, new = parse_version(before), parse_version(after)
    if old[0] != new[0] or (new[0] == 0 and old[1] != new[1]):
        return "MAJOR"
    return "MINOR" if old[1] != new[1] else "PATCH"


def find_violation(difference: Difference, before: str, after: str) -> str | None:
    """Why the step to `after` is too small, given what differs from `before`; None if it does not."""
    needed, actual = find_required_step(difference), find_step(before, after)
    order: list[Step] = ["PATCH", "MINOR", "MAJOR"]
    if order.index(actual) >= order.index(needed):
        return None
    meaning = {"PATCH": "the same rows", "MINOR": "only more rows"}[actual]
    return f"{after} after {before} means {meaning} ({actual}), but this is {needed}: {describe(difference)}; use {bump(before, needed)}"


def describe(difference: Difference) -> str:
    """What differs, in a line."""
    parts = [f"view {view} added" for view in difference.views_added] + [
        f"view {view} removed" for view in difference.views_removed
    ]
    for each in difference.views:
        counts = [("added", each.added), ("removed", each.removed), ("changed", each.changed)]
        changes = [f"{count:,} {change}" for change, count in counts if count]
        changes += _describe_columns(each.columns_added, "added") + _describe_columns(each.columns_removed, "removed")
        changes += [f"column {name} was {old}, is {new}" for name, old, new in each.columns_retyped]
        parts += [f"{each.view}: {', '.join(changes)}"] if changes else []
    return "; ".join(parts) or "nothing differs"


def _describe_columns(names: list[str], change: str) -> list[str]:
    return [f"{len(names)} columns {change}"] if len(names) > 3 else [f"column {name} {change}" for name in names]
