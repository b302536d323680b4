"""The shape of a release's manifest: what must be in it for any verb to read it. Keys that are not named may hold anything."""

from __future__ import annotations

from typing import Any

from .shapes import ANY, COUNT, FLAG, NUMBER, PLAIN, POSITIVE, TEXT, Dependent, Each, OrNull

_COUNTS = Each(COUNT)
_INTERVAL = (NUMBER, NUMBER)
_NOISE = {
    "name": TEXT, "named": COUNT, "known?": POSITIVE, "wrong?": COUNT, "interval?": _INTERVAL, "expected?": NUMBER,
}  # fmt: skip
_KAPPA = {
    "labellers": (TEXT, TEXT), "rows": COUNT, "cohen": OrNull(NUMBER), "interval?": OrNull(_INTERVAL),
}  # fmt: skip
_FLEISS: dict[str, Any] = {"fleiss?": OrNull(NUMBER), "fleiss_interval?": OrNull(_INTERVAL), "fleiss_rows?": COUNT}
_CONFIRMED = {"labeller": TEXT, "by": TEXT, "confirmed": COUNT, "of": COUNT, "interval?": OrNull(_INTERVAL)}
_STEP = {"table": TEXT, "task": TEXT, "rows_in": COUNT, "kept": COUNT, "rejected": COUNT, "reasons": _COUNTS}
_LABELS: dict[str, Any] = {
    "table": TEXT, "task": TEXT, "how?": TEXT, "rows": COUNT, "labelled": COUNT, "named?": POSITIVE, "exact?": COUNT,
    "interval?": _INTERVAL, "replies?": COUNT, "tokens?": COUNT, "expected?": NUMBER, "ece?": NUMBER, **_FLEISS,
    "kappa?": [_KAPPA], "confirmed?": [_CONFIRMED], "noise?": Each([_NOISE]),
    "f1?": {"f1": NUMBER, "right": (COUNT, COUNT), "wrong": (COUNT, COUNT)},
    "none?": {"labels": POSITIVE, "exact": COUNT, "interval": _INTERVAL, "expected?": NUMBER},
    "flawed?": {"rows": COUNT, "named": COUNT, "exact": COUNT, "interval?": _INTERVAL},
    "reliability?": [{"from": NUMBER, "known": POSITIVE, "expected": NUMBER, "right": COUNT, "interval": _INTERVAL}],
}  # fmt: skip
_ROUND = dict.fromkeys(("round", "rows", "known", "proposed", "undecided", "types"), COUNT)
_TRUTH: dict[str, Any] = {
    "rows": POSITIVE, "decided?": COUNT, "exact?": COUNT, "f1?": Each(NUMBER), "macro_f1?": NUMBER, "rand?": OrNull(NUMBER),
    "confusion": Each(_COUNTS), "rules?": Dependent(("exact", "macro_f1"), {"decided": COUNT, "rows": POSITIVE, "exact": COUNT}),
}  # fmt: skip
_TYPES: dict[str, Any] = {
    "table": TEXT, "taxonomy": TEXT, "rows": COUNT, "typed?": COUNT, "types": _COUNTS, "by?": _COUNTS, "undecided?": _COUNTS,
    "share?": OrNull(NUMBER), **_FLEISS, "kappa?": [_KAPPA], "shift?": Each(OrNull(NUMBER)),
    "votes?": [{"model": TEXT, "rows": COUNT, "fleiss": OrNull(NUMBER)}], "truth?": _TRUTH,
    "found?": {"source": TEXT, "candidate": COUNT, "merge": COUNT, "fold": COUNT, "rounds": [_ROUND]},
    **{f"types_by_{name}?": Each(_COUNTS) for name in ("model", "set", "step")},
}  # fmt: skip
_GATE = {
    "view": TEXT, "column": OrNull(TEXT), "expectation": TEXT, "says?": TEXT, "severity": TEXT, "passed": OrNull(FLAG), "declared?": TEXT,
    "observed": OrNull(PLAIN), "wanted": PLAIN, "fault?": OrNull(TEXT), "rows?": COUNT, "examples?": [ANY],
}  # fmt: skip
_LINEAGE = {"table": TEXT, "task": TEXT, "fingerprint": TEXT, "parameters": Each(ANY), "inputs?": ANY}
MANIFEST: dict[str, Any] = {
    "corpus": TEXT, "version": TEXT, "fingerprint?": TEXT, "views?": [TEXT],
    "columns": Each([{"name": TEXT, "meaning?": TEXT, "type?": TEXT, "null?": FLAG, "filled?": COUNT}]),
    "counts?": Each([{"split?": TEXT, "set": TEXT, "model": TEXT, "rows": COUNT}]),
    "recipe": {"title": TEXT, "license?": TEXT, "text?": TEXT},
    "keys?": Each(OrNull(TEXT)), "software?": {"errata": TEXT},
    "funnel": [_STEP], "labels?": [_LABELS], "types?": [_TYPES], "gates?": [_GATE], "lineage?": [_LINEAGE],
}  # fmt: skip
PUBLISHED: dict[str, Any] = {
    "fingerprint": TEXT, "files": [{"path": TEXT, "sha256": TEXT, "split?": TEXT}],
    **{name: MANIFEST[name] for name in ("funnel", "views?", "gates?")},
}  # fmt: skip
"""What a build asks of the manifest that is there already under its version."""
