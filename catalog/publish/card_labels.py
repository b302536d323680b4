"""What a card says of labels of first wrong steps: how many, how exact, and who agrees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

NO_NOISE = "Label noise by length and by type of the mistake: not measured; no table of this release says where a solution first goes wrong."
NOISE = {
    "length": "no truth is known of solutions whose steps are counted, and no label has a probability",
    "depth": "no truth is known, and no label has a probability",
    "type": "of no row the true type of the mistake is known",
}
"""Why the noise of labels is not measured by what they are counted by."""


def render_labels(labels: Sequence[Mapping[str, Any]], before: Collection[str] = ()) -> list[str]:
    """The tables of labels as Markdown: solutions, labels, precision with its interval, what was asked, kappas.

    Args:
        labels: What was measured of each table of labels.
        before: The tables that released rows come from; noise is of the last table of labels among them, not of a control's.

    Returns:
        The lines.

    """
    lines = [
        "Precision: of the labels that name a step, those that name the true one (95 %, Wilson); where no truth is known, -. "
        "Expected: what follows from the labels' own probabilities. F1: the harmonic mean of the shares of exact labels among solutions "
        "with a wrong step and among those without, a row without a label not being exact (as in ProcessBench).",
        "", "| table | labels by | solutions | labelled | precision | F1 | asked | tokens |", "|---|---|---:|---:|---|---:|---:|---:|",
    ]  # fmt: skip
    for entry in labels:
        precision = "-"
        if "exact" in entry:
            low, high = entry["interval"]
            precision = f"{100 * entry['exact'] / entry['named']:.1f} % ({100 * low:.1f}-{100 * high:.1f})"
        if "expected" in entry:
            precision += f", {100 * entry['expected']:.1f} % expected"
        share = f"{entry['labelled']:,} ({100 * entry['labelled'] / max(1, entry['rows']):.0f} %)"
        by = ", ".join(filter(None, [entry["task"], entry["how"]]))
        spent = " | ".join(f"{entry[name]:,}" if name in entry else "" for name in ("replies", "tokens"))
        f1 = f"{100 * entry['f1']['f1']:.1f} %" if "f1" in entry else "-"
        lines.append(f"| {entry['table']} | {by} | {entry['rows']:,} | {share} | {precision} | {f1} | {spent} |")
    for entry in labels:
        if len(entry.get("kappa", ())) > 1 and entry["fleiss"] is not None:
            lines += ["", f"Fleiss' kappa in {entry['table']}, all labellers: {format_fleiss(entry, 'solutions')}."]
        for pair in entry.get("kappa", ()):
            kappa = "not measured" if pair["cohen"] is None else f"{pair['cohen']:.3f}"
            lines += [
                "",
                f"Cohen's kappa in {entry['table']}, {' and '.join(pair['labellers'])}: {kappa}{format_interval(pair)} "
                f"({pair['rows']:,} solutions).",
            ]
        for tested in entry.get("confirmed", ()):
            lines += ["", f"{_describe_confirmed(entry['table'], tested)}."]
        lines += _render_right(entry)
    released = [entry for entry in labels if entry["table"] in before]
    return [*lines, "", *_render_noise(released or labels)]


def escape_cell(text: object) -> str:
    """A text that breaks no cell of a table."""
    return str(text).replace("|", "/").replace("<", "‹").replace("\n", " ")


def format_interval(pair: Mapping[str, Any]) -> str:
    """The interval of a pair's kappa; empty where it has none."""
    interval = pair.get("interval")
    return f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""


def format_fleiss(entry: Mapping[str, Any], what: str) -> str:
    """Fleiss' kappa with its interval, and how many `what` it is of, where a release says so."""
    interval = entry.get("fleiss_interval")
    low_high = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    return f"{entry['fleiss']:.3f}{low_high}" + (
        f" ({entry['fleiss_rows']:,} {what})" if "fleiss_rows" in entry else ""
    )


def _render_right(entry: Mapping[str, Any]) -> list[str]:
    """What is said of solutions without a wrong step, and of right answers with one, where the truth is known."""
    lines: list[str] = []
    if none := entry.get("none"):
        low, high = none["interval"]
        expected = f", {100 * none['expected']:.1f} % expected" if "expected" in none else ""
        lines += [
            "",
            f"In {entry['table']}, {none['labels']:,} labels say that no step is wrong, {100 * none['exact'] / none['labels']:.1f} % of them "
            f"rightly ({100 * low:.1f}-{100 * high:.1f}){expected}.",
        ]
    if flawed := entry.get("flawed"):
        interval = (
            ""
            if "interval" not in flawed
            else f" ({100 * flawed['interval'][0]:.1f}-{100 * flawed['interval'][1]:.1f} %)"
        )
        lines += [
            "",
            f"In {entry['table']}, {flawed['rows']:,} solutions come to the right answer by a wrong step; such a step is named in "
            f"{flawed['named']:,} right answers, the true one in {flawed['exact']:,}{interval}.",
        ]
    return lines


def _describe_confirmed(table: str, tested: Mapping[str, Any]) -> str:
    """What one labeller confirmed of the steps that another named; no agreement of independent ones."""
    share = ""
    if tested["of"]:
        low, high = tested["interval"]
        share = f" ({100 * tested['confirmed'] / tested['of']:.1f} %, {100 * low:.1f}-{100 * high:.1f})"
    return (
        f"In {table}, {tested['by']} tested the steps that {tested['labeller']} names, and confirmed {tested['confirmed']:,} of "
        f"{tested['of']:,}{share}"
    )


def _render_noise(labels: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many labels are wrong by length, depth and type, of the last table of labels of which that is known or expected."""
    entry = next((entry for entry in reversed(labels) if entry.get("noise")), None)
    if entry is None:
        return ["Label noise by length and by type: not measured; no truth is known, and no label has a probability."]
    lines = [
        f"Label noise in {entry['table']}: of the labels that name a step, those that name a wrong one (95 %, Wilson), by the "
        "solution's steps, by the place of the named step, and by the type of the true mistake; and how many should be.",
        "", "| by | | labels | wrong | expected |", "|---|---|---:|---:|---:|",
    ]  # fmt: skip
    for kind, groups in entry["noise"].items():
        for group in groups:
            wrong = "-"
            if "known" in group:
                low, high = group["interval"]
                wrong = f"{100 * group['wrong'] / group['known']:.1f} % ({100 * low:.1f}-{100 * high:.1f})"
            expected = f"{100 * group['expected']:.1f} %" if "expected" in group else "-"
            lines.append(f"| {kind} | {escape_cell(group['name'])} | {group['named']:,} | {wrong} | {expected} |")
    missing = [
        f"Label noise by {kind}: not measured; {why}." for kind, why in NOISE.items() if not entry["noise"].get(kind)
    ]
    return [*lines, *(line for sentence in missing for line in ("", sentence))]
