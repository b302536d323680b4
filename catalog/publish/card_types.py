"""What a card says of types of mistakes: how many of each, who decided, and how that compares with the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.publish.card_labels import escape_cell, format_fleiss, format_interval


def render_types(types: Sequence[Mapping[str, Any]], released: int) -> list[str]:
    """The tables of types as Markdown: how many of each, who decided, and how that compares with the truth."""
    lines: list[str] = []
    for entry in types:
        decided = ", ".join(f"{escape_cell(name)} {n:,}" for name, n in entry["by"].items()) or "nobody"
        summary = f"`{entry['table']}`: {entry['typed']:,} of {entry['rows']:,} mistakes typed by `{entry['taxonomy']}`; by {decided}."
        why = ", ".join(f"{escape_cell(name)} {n:,}" for name, n in entry["undecided"].items())
        left = f" {released:,} of them are released." if released < entry["rows"] else ""
        lines += [summary + left + (f" Undecided: {why}." if why else ""), ""]
        if entry["share"] is not None:
            lines += [f"Mean share of the votes for the type that was taken: {100 * entry['share']:.1f} %.", ""]
        lines += ["| type | mistakes | share |", "|---|---:|---:|"]
        lines += [
            f"| {escape_cell(name)} | {n:,} | {100 * n / entry['rows']:.1f} % |" for name, n in entry["types"].items()
        ]
        for by in ("model", "set", "step"):
            if shifts := _render_by(by, entry[f"types_by_{by}"], list(entry["types"])):
                lines += ["", *shifts]
        lines += ["", *_render_shifts(entry), *_render_agreement(entry), *_render_rounds(entry)]
        lines += _render_truth(entry["truth"]) if "truth" in entry else []
    return lines[:-1] if lines and not lines[-1] else lines


def _render_by(dimension: str, counts: Mapping[str, Mapping[str, int]], names: Sequence[str]) -> list[str]:
    """How types shift with the model, the set or the step: shares in percent, one line each."""
    if len(counts) < 2:
        return []
    lines = [
        f"| by {dimension}, % | mistakes | {' | '.join(map(escape_cell, names))} |",
        f"|---|{'---:|' * (len(names) + 1)}",
    ]
    for outer, inner in counts.items():
        total = sum(inner.values())
        shares = " | ".join(f"{100 * inner.get(name, 0) / total:.0f}" for name in names)
        lines.append(f"| {escape_cell(outer)} | {total:,} | {shares} |")
    return lines


def _render_shifts(entry: Mapping[str, Any]) -> list[str]:
    """How strongly the type hangs on model, set and step."""
    shifts = [f"{by} {value:.2f}" for by, value in entry.get("shift", {}).items() if value is not None]
    return (
        [f"How far the type depends on (Cramér's V, 0 not at all, 1 wholly): {', '.join(shifts)}.", ""]
        if shifts
        else []
    )


def _render_agreement(entry: Mapping[str, Any]) -> list[str]:
    """Kappas of those who classify."""
    lines: list[str] = []
    for pair in entry.get("kappa", ()):
        names = " and ".join(map(escape_cell, pair["labellers"]))
        lines += [
            f"Cohen's kappa of {names}: {_format_kappa(pair['cohen'])}{format_interval(pair)} ({pair['rows']:,} mistakes that both type).",
            "",
        ]
    if entry.get("fleiss") is not None:
        lines += [f"Fleiss' kappa of all models: {format_fleiss(entry, 'mistakes')}.", ""]
    for own in entry.get("votes", ()):
        line = (
            f"Votes of {escape_cell(own['model'])} repeat themselves (Fleiss' kappa; no agreement of independent raters): "
            f"{_format_kappa(own['fleiss'])} ({own['rows']:,} mistakes)."
        )
        lines += [line, ""]
    return lines


def _format_kappa(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _render_rounds(entry: Mapping[str, Any]) -> list[str]:
    """How the taxonomy was found: what row round's answers were, and what became of the names."""
    if "found" not in entry:
        return []
    induction = entry["found"]
    lines = [
        f"{escape_cell(induction['source'])} Names proposed: {induction['candidate']}; made types: {induction['new']}; merged: {induction['merge']}; "
        f"folded: {induction['fold']}. All of it, with who decided: `taxonomies/{entry['table']}.yaml`.",
        "", "| round | mistakes | answers that name a type | that propose one | undecided | types then |", "|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    names = ("round", "rows", "known", "proposed", "undecided", "types")
    return [*lines, *(f"| {' | '.join(f'{row[name]:,}' for name in names)} |" for row in induction["rounds"]), ""]


def _render_truth(truth: Mapping[str, Any]) -> list[str]:
    """Accuracy, macro-F1 and the confusion matrix; of a taxonomy that was found the Rand index alone."""
    summary = []
    if "rules" in truth:
        rules = truth["rules"]
        low, high = rules.get("precision_interval", (0.0, 1.0))
        summary += [
            f"Against the truth: accuracy {100 * truth['exact'] / truth['rows']:.1f} % of {truth['rows']:,}, "
            f"macro-F1 {truth['macro_f1']:.3f}; rules decide {100 * rules['decided'] / rules['rows']:.1f} %, of which "
            f"{100 * rules['exact'] / max(1, rules['decided']):.1f} % are right ({100 * low:.1f}-{100 * high:.1f}).",
            "",
        ]
    if truth.get("rand") is not None:
        summary += [
            f"Adjusted Rand index against the true types of {truth['rows']:,} mistakes: {truth['rand']:.3f}.",
            "",
        ]
    confusion, f1 = truth["confusion"], truth.get("f1", {})
    names = sorted({name for row in confusion.values() for name in row} | set(confusion))
    head = [*map(escape_cell, names), *(["F1"] if f1 else [])]
    lines = [f"| true \\ said | {' | '.join(head)} |", f"|---|{'---:|' * len(head)}"]
    for name, row in confusion.items():
        cells = [str(row.get(other, "")) for other in names] + ([f"{f1.get(name, 0):.2f}"] if f1 else [])
        lines.append(f"| {escape_cell(name)} | {' | '.join(cells)} |")
    return [*summary, *lines, ""]
