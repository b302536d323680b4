"""Releases as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from .releases import Release


def plain(text: object) -> str:
    """Text without the control characters with which a model's words could steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else "\ufffd" for c in str(text))


def table(head: Sequence[str], rows: Sequence[Sequence[object]], left: int = 1) -> str:
    """Columns of text: the first `left` flush left, the others flush right."""

    def shown(cell: object) -> str:
        return f"{cell:,}" if isinstance(cell, int) else plain(cell).replace("\n", " ")

    names, cells = [shown(name) for name in head], [[shown(cell) for cell in row] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells), 0) for i, name in enumerate(names)]

    def line(row: Sequence[str]) -> str:
        return "  ".join(c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip()

    return "\n".join([line(names), line(["─" * width for width in widths]), *(line(row) for row in cells)])


def funnel(steps: Sequence[dict[str, Any]]) -> str:
    """Rows in, kept and rejected of each table, and under each the reasons."""
    rows: list[list[object]] = []
    for step in steps:
        rows.append([step["table"], step["task"], step["rows_in"], step["kept"], step["rejected"]])
        reasons = sorted(step["reasons"].items(), key=lambda found: (-found[1], found[0]))
        rows += [[f"    {reason}", "", "", "", n] for reason, n in reasons]
    return table(["table", "task", "in", "kept", "rejected"], rows, left=2)


def labels(found: Sequence[dict[str, Any]]) -> str:
    """The labels of first wrong steps: how many there are, how many of those that name a step are exact, what was asked."""
    rows: list[list[object]] = []
    for one in found:
        precision, interval = "-", ""
        if "exact" in one:
            low, high = one["interval"]
            precision, interval = f"{100 * one['exact'] / one['named']:.1f} %", f"{100 * low:.1f}-{100 * high:.1f}"
        share = f"{100 * one['labelled'] / max(1, one['rows']):.0f} %"
        rows.append(
            [
                one["table"],
                one["task"],
                one["rows"],
                share,
                precision,
                interval,
                one.get("replies", ""),
                one.get("tokens", ""),
            ]
        )
    head = ["labels of", "task", "solutions", "labelled", "precision", "95 %", "asked", "tokens"]
    return "\n".join([table(head, rows, left=2), *_kappas(found)]) if rows else ""


def _kappas(found: Sequence[dict[str, Any]]) -> list[str]:
    """Cohen's kappa of each pair of labellers, and Fleiss' where there are more than two."""
    lines = []
    for one in found:
        pairs = one.get("kappa", ())
        for pair in pairs:
            names = " and ".join(name.partition("@")[0] for name in pair["labellers"])
            lines.append(
                f"Cohen's kappa in {one['table']}, {names}: {_kappa(pair['cohen'])} ({pair['rows']:,} solutions)"
            )
        if len(pairs) > 1:
            lines.append(f"Fleiss' kappa in {one['table']}: {_kappa(one.get('fleiss'))}")
    return [plain(line) for line in lines]


def _kappa(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def types(found: Sequence[dict[str, Any]]) -> str:
    """The types of mistakes: how many there are of each, and, where the truth is known, how often that is right."""
    texts = []
    for one in found:
        truth = one.get("truth", {})
        rows = [
            [name, n, f"{100 * n / max(1, one['rows']):.1f}", *_f1(truth, name)] for name, n in one["types"].items()
        ]
        head = [f"type ({one['taxonomy']})", "mistakes", "%", *(["F1"] if truth else [])]
        texts.append(table([plain(cell) for cell in head], rows))
        if truth:
            rules = truth["rules"]
            texts.append(
                f"against the truth: accuracy {100 * truth['exact'] / truth['rows']:.1f} %, macro-F1 {truth['macro_f1']:.3f}; "
                f"rules decide {100 * rules['decided'] / rules['rows']:.1f} %, "
                f"{100 * rules['exact'] / max(1, rules['decided']):.1f} % of it rightly"
            )
            texts.append(_confusion(truth["confusion"]))
    return "\n\n".join(texts)


def gates(found: Sequence[dict[str, Any]], width: int = 80) -> str:
    """The gates of a recipe and those that were missed; of what follows from contracts only how many there are."""
    own = [one for one in found if one["declared"] != "contract" or not one["passed"]]
    rows: list[list[object]] = []
    for one in own:
        about = f"{one['view']}.{one['column']}" if one["column"] else one["view"]
        name = str(one["expectation"]).removeprefix("expect_").removeprefix("column_").replace("_", " ")
        seen = "not checked" if one["fault"] else one["observed"]
        seen = f"{seen:.4g}" if isinstance(seen, float) else f"{seen:,}" if isinstance(seen, int) else seen
        mark = "passed" if one["passed"] else "WARNING" if one["severity"] == "warn" else "MISSED"
        rows.append(
            [_brief(name, 22), _brief(about, 15), _brief(_bounds(one), max(12, width - 62)), _brief(seen, 16), mark]
        )
    met = sum(one not in own for one in found)
    lines = [table(["gate", "of", "wanted", "found", ""], rows, left=5)] if rows else []
    if met:
        lines.append(f"{met} expectations that follow from the columns' contracts were met")
    return "\n".join(lines)


def _bounds(one: dict[str, Any]) -> str:
    """What is wanted, without the name of the expectation, which stands beside it."""
    wanted = str(one["wanted"])
    return wanted.partition(": ")[2] if str(one["expectation"]).startswith("expect_") and ": " in wanted else wanted


def _brief(value: object, width: int) -> str:
    line = " ".join(plain(value).split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _f1(truth: dict[str, Any], name: str) -> list[object]:
    return [f"{truth['f1'][name]:.2f}" if name in truth["f1"] else "-"] if truth else []


def _confusion(found: dict[str, dict[str, int]]) -> str:
    """How often each true type is said to be each type, as a table; what is said is numbered."""
    names = sorted({name for row in found.values() for name in row} | set(found))
    head = ["true \\ said", *(f"({i})" for i in range(1, len(names) + 1))]
    order = {name: f"({i}) {name}" for i, name in enumerate(names, 1)}
    rows = [[plain(order[name]), *(found.get(name, {}).get(one, "") for one in names)] for name in names]
    return table(head, rows)


def counts(release: Release, view: str, width: int = 100) -> str:
    """Rows by model and set; the smallest sets are folded into one column where the width is not enough."""
    found = release.manifest["counts"].get(view, [])
    by_set: dict[str, int] = {}
    for one in found:
        by_set[one["set"]] = by_set.get(one["set"], 0) + one["rows"]
    models = sorted({str(one["model"]) for one in found})
    room = width - max((len(model) for model in models), default=0) - 9
    shown: list[str] = []
    for name in sorted(by_set, key=lambda name: (-by_set[name], name)):
        room -= max(len(name), len(f"{by_set[name]:,}")) + 2
        if room < 0:
            break
        shown.append(name)
    folded = [name for name in by_set if name not in shown]

    def row(model: str | None) -> list[object]:
        rows = {
            name: sum(x["rows"] for x in found if x["set"] == name and model in (None, x["model"])) for name in by_set
        }
        rest = [sum(rows[name] for name in folded)] if folded else []
        return [model or "all", *(rows[name] for name in shown), *rest, sum(rows.values())]

    head = ["model", *shown, *([f"{len(folded)} more"] if folded else []), "all"]
    return table(head, [row(model) for model in (*models, *([None] if len(models) > 1 else []))]) if models else ""


def example(row: dict[str, Any], width: int) -> str:
    """One row for a reader: the question, the steps with the first wrong one marked, the answer beside gold."""

    def wrapped(text: object, indent: str, first: str = "") -> str:
        lines = [part for line in plain(text).split("\n") for part in textwrap.wrap(line, width - len(indent)) or [""]]
        lines = lines if len(lines) <= 12 else [*lines[:11], "…"]
        return "\n".join((first if i == 0 and first else indent) + line for i, line in enumerate(lines))

    head = " · ".join(str(row[name]) for name in ("set", "model", "sampling", "verdict") if row.get(name))
    parts = [plain(head), wrapped(row.get("question", ""), "  ")]
    for i, step in enumerate(row.get("steps") or []):
        mark = "✗" if i == row.get("first_error") else " "
        parts.append(wrapped(step, "      ", f"{mark} {i:>2}. "))
    if row.get("answer") is not None:
        parts.append(f"  gold {plain(row['answer'])}, found {plain(row.get('extracted') or 'none')}")
    return "\n".join(parts)


def splits(release: Release) -> str:
    """Rows by view and split."""
    rows: dict[tuple[str, str], int] = {}
    for view in release.views:
        for file in release.files(view):
            rows[(view, file["split"])] = rows.get((view, file["split"]), 0) + file["rows"]
    return table(["view", "split", "rows"], [[view, split, n] for (view, split), n in rows.items()], left=2)
