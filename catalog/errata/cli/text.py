"""Releases as text for a terminal."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from ..release.find import Release
from . import columns
from .exit_codes import FAILED
from .terminal import shorten_lines

LONGEST = 5_000
"""Characters of a text that an example shows; a model may have written a million."""


def strip_controls(text: object) -> str:
    """Text without the control characters with which a model's words could steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else "\ufffd" for c in str(text))


def print_error(error: Exception) -> int:
    """Print an error in a line; its exit code."""
    print(shorten_lines(f"errata: {strip_controls(error)}"), file=sys.stderr)
    return int(getattr(error, "exit_code", FAILED))


def format_table(head: Sequence[str], rows: Sequence[Sequence[object]], left: int = 1, width: int | None = None) -> str:
    """Columns of text: the first `left` flush left, the others flush right; in `width` cells if that is given."""

    def shown(cell: object) -> str:
        return f"{cell:,}" if isinstance(cell, int) else strip_controls(cell).replace("\n", " ")

    return columns.format_columns(
        [shown(name) for name in head], [[shown(cell) for cell in row] for row in rows], left, width
    )


def wrap_lines(text: str, width: int | None) -> str:
    """Text in lines of a width; words that are longer, such as paths, stay whole."""
    if width is None:
        return text
    wrap = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(part for line in text.split("\n") for part in wrap.wrap(line) or [""])


def format_funnel(steps: Sequence[dict[str, Any]], width: int | None = None) -> str:
    """Rows in, kept and rejected of each table, and under each the reasons."""
    rows: list[list[object]] = []
    for step in steps:
        rows.append([step["table"], step["task"], step["rows_in"], step["kept"], step["rejected"]])
        reasons = sorted(step["reasons"].items(), key=lambda item: (-item[1], item[0]))
        rows += [[f"    {reason}", "", "", "", n] for reason, n in reasons]
    return format_table(["table", "task", "in", "kept", "rejected"], rows, left=2, width=width)


def format_labels(entries: Sequence[dict[str, Any]], width: int | None = None) -> str:
    """The labels of first wrong steps: how many there are, how many of those that name a step are exact, what was asked."""
    rows: list[list[object]] = []
    for entry in entries:
        precision, interval = "-", ""
        if {"named", "exact", "interval"} <= entry.keys():
            low, high = entry["interval"]
            precision, interval = f"{100 * entry['exact'] / entry['named']:.1f} %", f"{100 * low:.1f}-{100 * high:.1f}"
        share = f"{100 * entry['labelled'] / max(1, entry['rows']):.0f} %"
        rows.append(
            [
                entry["table"],
                entry["task"],
                entry["rows"],
                share,
                precision,
                interval,
                entry.get("replies", ""),
                entry.get("tokens", ""),
            ]
        )
    head = ["labels of", "task", "solutions", "labelled", "precision", "95 %", "asked", "tokens"]
    lines = [wrap_lines(line, width) for line in (*_format_kappas(entries), *_format_right(entries))]
    return "\n".join([format_table(head, rows, left=2, width=width), *lines]) if rows else ""


def _format_right(entries: Sequence[dict[str, Any]]) -> list[str]:
    """What labels say of solutions without a wrong step, and of right answers with one."""
    lines = []
    for entry in entries:
        if f1 := entry.get("f1"):
            (right, of_right), (wrong, of_wrong) = f1["right"], f1["wrong"]
            lines.append(
                f"F1 in {entry['table']}: {100 * f1['f1']:.1f} (exact {wrong:,} of {of_wrong:,} with a wrong step, {right:,} of {of_right:,} without)"
            )
        if none := entry.get("none"):
            low, high = none["interval"]
            expected = f", {100 * none['expected']:.1f} % expected" if "expected" in none else ""
            lines.append(
                f"No wrong step in {entry['table']}: said of {none['labels']:,}, {100 * none['exact'] / none['labels']:.1f} % rightly "
                f"({100 * low:.1f}-{100 * high:.1f}{expected})"
            )
        if flawed := entry.get("flawed"):
            lines.append(
                f"Right answers with a wrong step in {entry['table']}: {flawed['rows']:,}; said of {flawed['named']:,}, "
                f"the step rightly of {flawed['exact']:,}"
            )
    return [strip_controls(line) for line in lines]


def _format_kappas(entries: Sequence[dict[str, Any]]) -> list[str]:
    """Kappas of independent labellers, what one confirmed that tested another's steps, and what precision labels expect."""
    lines = []
    for entry in entries:
        pairs = entry.get("kappa", ())
        for pair in pairs:
            names = " and ".join(name.partition("@")[0] for name in pair["labellers"])
            lines.append(
                f"Cohen's kappa in {entry['table']}, {names}: {_format_kappa(pair['cohen'])}{_format_interval(pair)} ({pair['rows']:,} solutions)"
            )
        for tested in entry.get("confirmed", ()):
            name = tested["labeller"].partition("@")[0]
            lines.append(
                f"Confirmed in {entry['table']}: {tested['confirmed']:,} of {tested['of']:,} steps of {name}, by {tested['by']}"
            )
        if "expected" in entry:
            lines.append(f"Precision expected in {entry['table']}: {100 * entry['expected']:.1f} %")
        if len(pairs) > 1:
            lines.append(f"Fleiss' kappa in {entry['table']}: {_format_fleiss(entry, 'solutions')}")
    return [strip_controls(line) for line in lines]


def _format_kappa(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _format_fleiss(entry: dict[str, Any], what: str) -> str:
    """Fleiss' kappa with its interval and number, where the release has them."""
    rows = f" ({entry['fleiss_rows']:,} {what})" if "fleiss_rows" in entry else ""
    return f"{_format_kappa(entry.get('fleiss'))}{_format_interval(entry, 'fleiss_interval')}{rows}"


def _format_interval(pair: dict[str, Any], key: str = "interval") -> str:
    interval = pair.get(key)
    return f", 95 %: {interval[0]:.2f} to {interval[1]:.2f}" if interval else ""


def format_types(entries: Sequence[dict[str, Any]], width: int | None = None) -> str:
    """The types of mistakes: how many there are of each, and, where the truth is known, how often that is right."""
    texts = []
    for entry in entries:
        truth = entry.get("truth", {})
        rows = [
            [name, n, f"{100 * n / max(1, entry['rows']):.1f}", *_format_f1(truth, name)]
            for name, n in entry["types"].items()
        ]
        head = [f"type ({entry['taxonomy']})", "mistakes", "%", *(["F1"] if "f1" in truth else [])]
        texts.append(format_table([strip_controls(cell) for cell in head], rows, width=width))
        texts += [wrap_lines(text, width) for text in (_format_induction(entry), _format_agreement(entry)) if text]
        if truth.get("rand") is not None:
            shown = f"adjusted Rand index against the true types of {truth['rows']:,} mistakes: {truth['rand']:.3f}"
            texts.append(wrap_lines(shown, width))
        if "rules" in truth:
            rules = truth["rules"]
            shown = (
                f"against the truth: accuracy {100 * truth['exact'] / truth['rows']:.1f} %, macro-F1 {truth['macro_f1']:.3f}; "
                f"rules decide {100 * rules['decided'] / rules['rows']:.1f} %, "
                f"{100 * rules['exact'] / max(1, rules['decided']):.1f} % of it rightly"
            )
            texts.append(wrap_lines(shown, width))
        if truth:
            texts.append(_format_confusion(truth["confusion"], width))
    return "\n\n".join(texts)


def format_gates(gates: Sequence[dict[str, Any]], width: int = 80) -> str:
    """The gates of a recipe and those that were missed; of what follows from contracts only how many there are."""
    own = [gate for gate in gates if gate.get("declared") != "contract" or gate["passed"] is not True]
    rows: list[list[object]] = []
    for gate in own:
        about = f"{gate['view']}.{gate['column']}" if gate["column"] else gate["view"]
        name = str(gate["expectation"]).removeprefix("expect_").removeprefix("column_").replace("_", " ")
        seen = "not checked" if gate.get("fault") else "-" if gate["passed"] is None else gate["observed"]
        seen = f"{seen:.4g}" if isinstance(seen, float) else f"{seen:,}" if isinstance(seen, int) else seen
        mark = _name_outcome(gate)
        rows.append(
            [
                shorten(name, 22),
                shorten(about, 15),
                shorten(_format_bounds(gate), max(12, width - 62)),
                shorten(seen, 16),
                mark,
            ]
        )
    met = sum(gate not in own for gate in gates)
    lines = [format_table(["gate", "of", "wanted", "found", ""], rows, left=5)] if rows else []
    if met:
        lines.append(f"{met} expectations that follow from the columns' contracts were met")
    return "\n".join(lines)


def _name_outcome(gate: dict[str, Any]) -> str:
    """Whether a gate holds; one that there is nothing yet to measure against is no passed one."""
    if gate["passed"] is None:
        return "not measured"
    return "passed" if gate["passed"] else "WARNING" if gate["severity"] == "warn" else "MISSED"


def _format_bounds(gate: dict[str, Any]) -> str:
    """What is wanted, without the name of the expectation, which stands beside it."""
    wanted = str(gate["wanted"])
    return wanted.partition(": ")[2] if str(gate["expectation"]).startswith("expect_") and ": " in wanted else wanted


def shorten(value: object, width: int) -> str:
    """A value on one line of at most so many characters."""
    line = " ".join(strip_controls(value).split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _format_f1(truth: dict[str, Any], name: str) -> list[object]:
    return [f"{truth['f1'][name]:.2f}" if name in truth["f1"] else "-"] if "f1" in truth else []


def _format_induction(entry: dict[str, Any]) -> str:
    """How a taxonomy was found in the mistakes, if it was."""
    if "found" not in entry:
        return ""
    induction = entry["found"]
    names = ("round", "rows", "known", "proposed", "undecided", "types")
    rounds = format_table(
        ["round", "mistakes", *names[2:]], [[row[name] for name in names] for row in induction["rounds"]]
    )
    summary = f"{induction['candidate']} names proposed, {induction['merge']} merged, {induction['fold']} folded: taxonomies/{entry['table']}.yaml"
    return "\n".join([strip_controls(induction["source"]), strip_controls(summary), rounds])


def _format_agreement(entry: dict[str, Any]) -> str:
    """Kappas of those who classify, and how far types depend on model, set and step."""
    lines = []
    for pair in entry.get("kappa", ()):
        names = " and ".join(name.partition("@")[0] for name in pair["labellers"])
        lines.append(
            f"Cohen's kappa of types, {names}: {_format_kappa(pair['cohen'])}{_format_interval(pair)} ({pair['rows']:,} mistakes)"
        )
    if entry.get("fleiss") is not None:
        lines.append(f"Fleiss' kappa of types, all models: {_format_fleiss(entry, 'mistakes')}")
    for own in entry.get("votes", ()):
        name = own["model"].partition("@")[0]
        lines.append(
            f"Votes of {name} on types repeat themselves (Fleiss' kappa, no agreement of independent raters): {_format_kappa(own['fleiss'])} ({own['rows']:,} mistakes)"
        )
    shifts = [f"{by} {value:.2f}" for by, value in entry.get("shift", {}).items() if value is not None]
    lines += [f"types depend on (Cramér's V): {', '.join(shifts)}"] if shifts else []
    return "\n".join(map(strip_controls, lines))


def _format_confusion(counts: dict[str, dict[str, int]], width: int | None) -> str:
    """How often each true type is said to be each type, as a table; what is said is numbered."""
    names = sorted({name for row in counts.values() for name in row} | set(counts))
    head = ["true \\ said", *(f"({i})" for i in range(1, len(names) + 1))]
    order = {name: f"({i}) {name}" for i, name in enumerate(names, 1)}
    rows = [
        [strip_controls(order[name]), *(counts.get(name, {}).get(predicted, "") for predicted in names)]
        for name in names
    ]
    return format_table(head, rows, width=width)


def format_counts_of_views(release: Release, width: int = 100) -> str:
    """Rows by model and set of each view, once for views that have the same; named where there are several."""
    views: dict[str, list[str]] = {}
    for view in release.views:
        if shown := format_counts(release, view, width):
            views.setdefault(shown, []).append(view)
    if len(release.views) == 1:
        return "\n".join(views)
    return "\n\n".join(
        f"{wrap_lines(strip_controls(', '.join(names)), width)}\n{shown}" for shown, names in views.items()
    )


def format_counts(release: Release, view: str, width: int = 100) -> str:
    """Rows by model and set; the smallest sets are folded into one column where the width is not enough."""
    entries = release.manifest.get("counts", {}).get(view, [])
    by_set: dict[str, int] = {}
    for entry in entries:
        by_set[entry["set"]] = by_set.get(entry["set"], 0) + entry["rows"]
    models = sorted({str(entry["model"]) for entry in entries})
    longest = max((len(model) for model in models), default=0)
    room = width - min(longest, max(columns.LEAST, width // 2)) - 9
    shown: list[str] = []
    for name in sorted(by_set, key=lambda name: (-by_set[name], name)):
        room -= max(len(name), len(f"{by_set[name]:,}")) + 2
        if room < 0:
            break
        shown.append(name)
    folded = [name for name in by_set if name not in shown]

    def row(model: str | None) -> list[object]:
        rows = {
            name: sum(x["rows"] for x in entries if x["set"] == name and model in (None, x["model"])) for name in by_set
        }
        rest = [sum(rows[name] for name in folded)] if folded else []
        return [model or "all", *(rows[name] for name in shown), *rest, sum(rows.values())]

    head = ["model", *shown, *([f"{len(folded)} more"] if folded else []), "all"]
    shown_rows = [row(model) for model in (*models, *([None] if len(models) > 1 else []))]
    return format_table(head, shown_rows, width=width) if models else ""


def format_example(row: dict[str, Any], width: int) -> str:
    """One row for a reader: the question, the steps, counted from 1, with the first wrong one marked, the answer beside gold."""

    def wrapped(text: object, indent: str, first: str = "") -> str:
        cut = strip_controls(str(text)[:LONGEST])
        lines = [part for line in cut.split("\n") for part in columns.wrap_text(line, width - len(indent), hang=0)]
        lines = lines if len(lines) <= 12 else [*lines[:11], "…"]
        return "\n".join((first if i == 0 and first else indent) + line for i, line in enumerate(lines))

    head = " · ".join(str(row[name]) for name in ("set", "model", "sampling", "verdict") if row.get(name))
    parts = [wrapped(head, ""), wrapped(row.get("question", ""), "  ")]
    for i, step in enumerate(row.get("steps") or []):
        mark = "✗" if i == row.get("first_error") else " "
        parts.append(wrapped(step, "      ", f"{mark} {i + 1:>2}. "))
    if row.get("answer") is not None:
        parts.append(wrapped(f"gold {row['answer']}, found {row.get('extracted') or 'none'}", "  "))
    return "\n".join(parts)


def format_splits(release: Release, width: int | None = None) -> str:
    """Rows by view and split."""
    rows: dict[tuple[str, str], int] = {}
    for view in release.views:
        for file in release.files(view):
            rows[(view, file["split"])] = rows.get((view, file["split"]), 0) + file["rows"]
    return format_table(
        ["view", "split", "rows"], [[view, split, n] for (view, split), n in rows.items()], left=2, width=width
    )
