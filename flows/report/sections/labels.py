"""The sections about labels: how labellers agree, and the values of Monte-Carlo estimation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flows.report import plots
from flows.report.elements import (
    PageTable,
    Plot,
    Section,
    format_brief,
    format_count,
    format_kappa,
    format_model,
    format_percent,
    format_share,
    make_unmeasured,
    name_step,
)
from flows.report.statistics.agreement import BINS, LATEST, SIDES

Facts = Mapping[str, Any]


def show_labellers(release: Facts, statistics: Facts) -> Section:
    """Who agrees with whom about the first wrong step, and how far labels can be trusted."""
    name, title, summary = "labellers", "Agreement of labellers", statistics["labellers"]
    labels = release.get("labels") or []
    trusted = _tabulate_quality(labels)
    kappas = [
        pair for label in labels for pair in label.get("kappa", ()) if not summary or label["table"] == summary["table"]
    ]
    pairs = [*(summary["pairs"] if summary else kappas)]
    if summary and summary["sample"]:  # the kappas of the manifest are of all
        every = {tuple(pair["labellers"]): pair for pair in kappas}
        pairs = [{**pair, **every.get(tuple(pair["labellers"]), {})} for pair in pairs]
    tables = (_tabulate_confirmed(labels), _tabulate_right(labels), _plot_reliability(labels), _tabulate_noise(labels))
    extra = [table for table in tables if table is not None]
    if not pairs:
        if not labels:
            return make_unmeasured(name, title, "Not measured: nobody labelled first wrong steps for this release.")
        lead = "No two labellers are independent of each other: there is no agreement to measure."
        return Section(name, title, lead, (*extra, trusted))
    table = PageTable(
        "Cohen's kappa of each pair", ("labeller", "other labeller", "solutions", "the same step", "kappa", "95 %"),
        [[*(format_model(labeller)[:80] for labeller in pair["labellers"]), format_count(pair["rows"]), format_percent(pair.get("share")), format_kappa(pair["cohen"]), _format_span(pair.get("interval"))] for pair in pairs],
        left=2,
    )  # fmt: skip
    parts: list[Plot | PageTable] = []
    if len(pairs) > 1:
        parts.append(_plot_kappas(pairs, table))
    else:
        parts.append(table)
    parts += [_plot_matrix(pair, i) for i, pair in enumerate(pairs) if pair.get("matrix")]
    known = [pair["cohen"] for pair in pairs if pair["cohen"] is not None]
    lead = (
        f"Cohen's kappa {format_kappa(min(known))} to {format_kappa(max(known))} over {len(pairs)} pairs."
        if len(known) > 1
        else f"Cohen's kappa {format_kappa(known[0] if known else None)} over {format_count(pairs[0]['rows'])} solutions that both decide."
    )
    sample = bool(summary and summary["sample"])
    lead += _describe_fleiss(summary, labels) if summary and len(pairs) > 1 else ""
    notes = (
        "A solution that one of the two leaves undecided is left out: kappa is of those that both decide. 1 is always the same step, 0 is as by chance.",
        *(["Matrices and shares are of a random sample of the problems."] if sample else []),
    )
    return Section(name, title, lead, (*parts, *extra, trusted), notes)


def _describe_fleiss(summary: Facts, labels: Sequence[Facts]) -> str:
    """Fleiss' kappa with its interval and the solutions that it is of: of the whole table, where pairs are of a sample."""
    whole = next((label for label in labels if label["table"] == summary["table"]), None) if summary["sample"] else None
    facts = summary if whole is None else whole
    if facts["fleiss"] is None:
        return ""
    rows = facts["all"] if whole is None else facts.get("fleiss_rows")
    span = _format_span(facts.get("fleiss_interval"))
    sentence = f" Fleiss' kappa of all labellers is {format_kappa(facts['fleiss'])}{f' ({span})' if span else ''}"
    return sentence + ("." if rows is None else f", over {format_count(rows)} solutions.")


def _tabulate_confirmed(labels: Sequence[Facts]) -> PageTable | None:
    """What one labeller confirmed that tested the steps which another names."""
    rows = [
        [
            label["table"], format_model(entry["labeller"])[:80], entry["by"],
            f"{format_count(entry['confirmed'])} of {format_count(entry['of'])}", _format_interval(entry["interval"]),
        ]
        for label in labels
        for entry in label.get("confirmed", ())
    ]  # fmt: skip
    title = "Confirmed: steps that one labeller names and another tested alone; they are not independent"
    return PageTable(title, ("table", "labeller", "tested by", "confirmed", "95 %"), rows, left=3) if rows else None


def _tabulate_right(labels: Sequence[Facts]) -> PageTable | None:
    """What is said of solutions without a wrong step, and of right answers with one, where the truth is known."""
    rows = []
    for label in labels:
        if none := label.get("none"):
            rightly = format_share(none["exact"], none["labels"])
            sure = format_percent(none["expected"]) if "expected" in none else ""
            rows.append([label["table"], "no step is wrong", "", format_count(none["labels"]), rightly, _format_interval(none["interval"]), sure])  # fmt: skip
        if flawed := label.get("flawed"):
            rightly = format_share(flawed["exact"], flawed["named"]) if flawed["named"] else ""
            rows.append([label["table"], "right answer, wrong step", format_count(flawed["rows"]), format_count(flawed["named"]), rightly, _format_interval(flawed.get("interval")), ""])  # fmt: skip
    title = "Right answers: those of which labels say that no step is wrong, and those with a wrong step"
    return (
        PageTable(title, ("table", "said", "there are", "labels", "rightly", "95 %", "expected"), rows, left=2)
        if rows
        else None
    )


def _plot_reliability(labels: Sequence[Facts]) -> Plot | None:
    """What probabilities say beside what is, of the last table of which that is known."""
    label = next((label for label in reversed(labels) if label.get("reliability")), None)
    if label is None:
        return None
    bins = label["reliability"]
    rows = [
        [
            f"{100 * part['from']:.0f}–{100 * part['from'] + 10:.0f} %", format_count(part["known"]), format_percent(part["expected"]),
            format_share(part["right"], part["known"]), _format_interval(part["interval"]),
        ]
        for part in bins
    ]  # fmt: skip
    title = f"Reliability of “{label['table']}”: what labels say of themselves, and how often they are right"
    table = PageTable(title, ("said", "labels", "said on average", "right", "95 %"), rows)
    names = [row[0] for row in rows]
    data = [
        {"name": name, "part": part, "n": value}
        for name, each in zip(names, bins)
        for part, value in (("said", 100 * each["expected"]), ("right", 100 * each["right"] / each["known"]))
    ]
    says = "Columns: how sure labels are, and how many of them are right; of calibrated ones both are as high."
    return Plot(
        "reliability", title, says, plots.plot_columns(data, names, ("said", "right"), "said", "percent"), table
    )


def _tabulate_noise(labels: Sequence[Facts]) -> PageTable | None:
    """How many labels are wrong by length, depth and type, of the last table of which that is known or expected."""
    label = next((label for label in reversed(labels) if label.get("noise")), None)
    if label is None:
        return None
    rows = [
        [
            kind, group["name"][:80], format_count(group["named"]),
            format_share(group["wrong"], group["known"]) if "known" in group else "not known", _format_interval(group.get("interval")),
            format_percent(group.get("expected")),
        ]
        for kind, groups in label["noise"].items()
        for group in groups
    ]  # fmt: skip
    title = f"Label noise in “{label['table']}”: labels that name a wrong step"
    return PageTable(title, ("by", "group", "labels", "wrong", "95 %", "expected"), rows, left=2)


def _format_span(interval: Sequence[float] | None) -> str:
    return "" if not interval else f"{interval[0]:.2f} to {interval[1]:.2f}"


def _format_interval(interval: Sequence[float] | None) -> str:
    return "" if not interval else f"{100 * interval[0]:.1f}–{100 * interval[1]:.1f} %"


def _plot_kappas(pairs: Sequence[Facts], table: PageTable) -> Plot:
    names = list(dict.fromkeys(format_model(name) for pair in pairs for name in pair["labellers"]))
    data = []
    for pair in pairs:
        first, other = map(format_model, pair["labellers"])
        value = pair["cohen"]
        for x, y in ((first, other), (other, first)):
            data.append(
                {
                    "x": x,
                    "y": y,
                    "value": max(0.0, value or 0.0),
                    "label": "–" if value is None else f"{value:.2f}",
                    "says": f"kappa {format_kappa(value)} ({_format_span(pair.get('interval'))}) over {format_count(pair['rows'])} solutions",
                }
            )
    spec = plots.plot_heat(data, names, names, "", "", 1.0, turned=True)
    return Plot(
        "kappas",
        "Cohen's kappa of each pair",
        "A matrix of labellers with the kappa of each pair.",
        spec,
        table,
        width=200 + 60 * len(names),
    )


def _plot_matrix(pair: Facts, i: int) -> Plot:
    """Which steps the one names where the other names another."""
    first, other = (format_model(name)[:60] for name in pair["labellers"])
    cells = {(a, b): n for a, b, n in pair["matrix"]}
    places = range(min(min(key) for key in cells), max(max(key) for key in cells) + 1)
    names = [name_step(at, LATEST) for at in places]
    rows = [
        [name_step(a, LATEST), *(format_count(cells[a, b]) if (a, b) in cells else "" for b in places)] for a in places
    ]
    table = PageTable(f"First wrong step by {first} (down) and by {other} (across)", ("step", *names), rows)
    data = [
        {
            "x": name_step(b, LATEST),
            "y": name_step(a, LATEST),
            "value": n,
            "label": format_brief(n),
            "says": f"{format_count(n)} solutions",
        }
        for (a, b), n in cells.items()
    ]
    spec = plots.plot_heat(data, names, names, other, first, max(cells.values()))
    says = f"A matrix: the step named by {first} against the one named by {other}; on the diagonal they agree."
    return Plot(
        f"matrix-{i}", f"{first} against {other}: the step each names", says, spec, table, width=110 + 40 * len(names)
    )


def _tabulate_quality(labels: Sequence[Facts]) -> PageTable:
    rows = []
    for label in labels:
        precision = "not measured"
        if "exact" in label:
            low, high = label["interval"]
            precision = f"{format_share(label['exact'], label['named'])} ({100 * low:.1f}–{100 * high:.1f})"
        if "expected" in label:
            precision += f", {100 * label['expected']:.1f} % expected"
        rows.append(
            [
                label["table"],
                label["how"] or label["task"],
                format_count(label["rows"]),
                format_share(label["labelled"], label["rows"]),
                precision,
                format_percent(label["f1"]["f1"]) if "f1" in label else "",
                format_count(label.get("replies")),
                format_count(label.get("tokens")),
            ]
        )
    head = ("table", "by", "solutions", "labelled", "precision (95 %)", "F1", "replies", "tokens")
    return PageTable(
        "How far each table of labels can be trusted: exact steps among those named, where the truth is known",
        head,
        rows,
        left=2,
    )


def show_rollouts(_: Facts, statistics: Facts) -> Section:
    """The spread of Monte-Carlo values."""
    name, title = "rollouts", "Monte-Carlo values"
    if not statistics["rollouts"]:
        return make_unmeasured(
            name, title, "Not measured: no rollouts were made for this release, or it does not hold them."
        )
    parts, sentences = [], []
    bins = [f"{i / BINS:.1f}–{(i + 1) / BINS:.1f}" for i in range(BINS)]
    for i, summary in enumerate(statistics["rollouts"]):
        counts = {(side, at): n for side, at, n in summary["bins"]}
        sides = [side for side in SIDES if any(key[0] == side for key in counts)]
        rows = [[bins[at], *(format_count(counts.get((side, at), 0)) for side in sides)] for at in range(BINS)]
        table = PageTable(
            f"Prefixes of “{summary['table']}” by the share of their rollouts that succeed", ("share", *sides), rows
        )
        data = [
            {"name": bins[at], "part": side, "n": counts.get((side, at), 0)} for side in sides for at in range(BINS)
        ]
        spec = plots.plot_columns(data, bins, sides, "share of rollouts that succeed", "prefixes")
        says = "Columns: how many prefixes have which share of successful rollouts, by where they end."
        parts.append(Plot(f"rollouts-{i}", f"{summary['table']}: {summary['how']}"[:160], says, spec, table))
        extreme = sum(n for (_, at), n in counts.items() if at in (0, BINS - 1))
        sentences.append(
            f"in “{summary['table']}” {format_share(extreme, summary['prefixes'])} of {format_count(summary['prefixes'])} prefixes succeed nearly never or nearly always"
        )
    lead = f"{'; '.join(sentences)}.".capitalize()
    notes = (
        "The value of a prefix is the share of its rollouts that come to the right answer. Methods that stop early try few of each prefix: one that a later prefix's success shows to be good may have the value 0 itself.",
    )
    return Section(name, title, lead, tuple(parts), notes)
