"""What has shifted between two releases: numbers, and distributions with how far they are apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

MOVED = 8
"""Values of a distribution whose change is reported, the largest."""


def measure_drift(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Measure how far a release is from another.

    Args:
        now: The statistics of the release, as `report.json` holds them.
        before: Those of the other.

    Returns:
        Numbers of both, and distances of distributions: total variation, half
        the sum of the absolute differences of shares, 0 where nothing shifted
        and 1 where nothing is in common.

    """
    numbers = []
    for name, unit in NUMBERS.items():
        old, new = _find_number(before, name), _find_number(now, name)
        if old is not None or new is not None:
            numbers.append({"name": name, "unit": unit, "before": old, "now": new})
    shifts = []
    for name in SHARES:
        old_counts, new_counts = _find_counts(before, name), _find_counts(now, name)
        if old_counts and new_counts:
            shifts.append(_measure_shift(name, old_counts, new_counts))
    return {"before": f"{before['corpus']}@{before['version']}", "numbers": numbers, "shifts": shifts}


NUMBERS = {
    "rows": "rows", "problems": "problems", "models": "models", "sets": "sets", "wrong among decided": "share",
    "undecided verdicts": "share", "mistakes without a type": "share", "labellers agree (Fleiss or Cohen)": "kappa",
    "tokens per released row": "tokens",
}  # fmt: skip
SHARES = ("model", "set", "split", "verdict", "type", "first wrong step", "difficulty")


def _find_number(statistics: Mapping[str, Any], name: str) -> float | None:
    """One of `NUMBERS`; None where it was not measured."""
    rows, verdicts = statistics["rows"], statistics.get("verdicts")
    if name in ("rows", "problems", "models", "sets"):
        value = rows.get(name)
        return None if value is None else float(value)
    if name == "labellers agree (Fleiss or Cohen)":
        labellers = statistics.get("labellers")
        return None if not labellers else labellers["fleiss"]
    if name == "tokens per released row":
        spent = statistics.get("spending")
        tokens = sum(table["tokens"] for table in spent["tables"]) if spent else 0
        return tokens / rows["rows"] if tokens and rows["rows"] else None
    if name == "mistakes without a type":
        return _share((statistics.get("types") or {}).get("types"), ("undecided",))
    counts = dict(verdicts["verdicts"]) if verdicts else None
    if name == "wrong among decided" and counts:
        counts.pop("undecided", None)
        return _share(counts, ("wrong",))
    return _share(counts, ("undecided",))


def _share(counts: Mapping[str, int] | None, names: tuple[str, ...]) -> float | None:
    total = sum(counts.values()) if counts else 0
    return sum((counts or {}).get(name, 0) for name in names) / total if total else None


def _find_counts(statistics: Mapping[str, Any], name: str) -> dict[str, int]:
    """How often each value is there."""
    if name in ("model", "set", "split"):
        return dict(statistics["rows"].get(f"by_{name}", {}))
    if name == "verdict":
        return dict((statistics.get("verdicts") or {}).get("verdicts", {}))
    if name == "type":
        return dict((statistics.get("types") or {}).get("types", {}))
    if name == "difficulty":
        return dict(statistics.get("difficulty") or {})
    places = Counter[str]()
    for at, _, n in (statistics.get("positions") or {}).get("grid", ()):
        places[str(at)] += n
    return dict(places)


def _measure_shift(name: str, old: Mapping[str, int], new: Mapping[str, int]) -> dict[str, Any]:
    """How far two distributions are apart, and what moved most."""
    totals = sum(old.values()), sum(new.values())
    shares = {value: (old.get(value, 0) / totals[0], new.get(value, 0) / totals[1]) for value in {**old, **new}}
    order = sorted(shares, key=lambda value: (-abs(shares[value][1] - shares[value][0]), value))
    distance = sum(abs(b - a) for a, b in shares.values()) / 2
    moved = [[value, *(round(share, 4) for share in shares[value])] for value in order[:MOVED]]
    return {"of": name, "distance": round(distance, 4), "moved": moved, "values": len(shares)}
