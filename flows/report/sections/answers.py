"""The sections about answers: verdicts by model and set, how sound and complete they are, exploration and exploitation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flows.report import plots
from flows.report.elements import (
    SHOWN,
    Cell,
    PageTable,
    Plot,
    Section,
    explain_missing,
    format_count,
    format_model,
    format_percent,
    format_share,
    make_title,
    make_unmeasured,
    sort_names,
)
from tasks import find_rejects
from tasks.evaluation.resampling import MOST

Facts = Mapping[str, Any]
VERDICTS = ("wrong", "undecided", "right")
CEILING = (
    "After “The Limits of Inference Scaling Through Resampling” (arXiv 2411.17501): answers are sampled until one is called right. The ceiling, c·r / (c·r + (1 − s)·(1 − r)), "
    "is the share of accepted answers that are right, however often is asked. The attempts that pay are those worth most where an accepted right answer gives 1, an accepted wrong one costs 1 and one "
    "withheld is worth nothing, each problem with its own rates; of numbers that are worth about the same (to 0.001) the least."
)


def show_verdicts(_: Facts, statistics: Facts) -> Section:
    """Right, wrong and undecided by model and set."""
    name, title, summary = "verdicts", "Verdicts by model and set", statistics["verdicts"]
    if not summary:
        return explain_missing(
            name,
            title,
            statistics,
            "no table of this corpus verified answers",
            "a release alone holds only the rows that were kept",
        )
    counts = summary["verdicts"]
    by_model, by_set = Counter[tuple[str, str]](), Counter[tuple[str, str, str]]()
    for model, of_set, verdict, n in summary["by"]:
        model = format_model(model)
        by_model[model, verdict] += n
        by_set[model, of_set, verdict] += n
    totals = Counter[str]()
    for (model, _verdict), n in by_model.items():
        totals[model] += n
    models = sort_names(totals)
    table = PageTable(
        "Verdicts by model", ("model", "solutions", *VERDICTS, "wrong of decided"),
        [[model, format_count(totals[model]), *(format_count(by_model[model, verdict]) for verdict in VERDICTS), _format_wrong(by_model[model, "wrong"], by_model[model, "right"])] for model in models],
    )  # fmt: skip
    data = [
        {"name": model, "part": verdict, "n": by_model[model, verdict], "order": i}
        for model in models[:SHOWN]
        for i, verdict in enumerate(VERDICTS)
    ]
    spec = plots.plot_stacked(
        data,
        models[:SHOWN],
        VERDICTS,
        [plots.TONES[verdict] for verdict in VERDICTS],
        "share of the solutions",
        share=True,
    )
    says = "One bar for each model: the shares of its solutions that are wrong (left), undecided (middle) and right (right)."
    parts: list[Plot | PageTable] = [Plot("verdicts-plot", make_title("By model", models), says, spec, table)]
    sets = sorted({key[1] for key in by_set})
    if len(sets) > 1:
        parts.append(_plot_by_set(by_set, models, sets))
    if summary["undecided"]:
        rows = [
            [reason, format_count(n), format_share(n, summary["rows"])] for reason, n in summary["undecided"].items()
        ]
        parts.append(PageTable("Why verdicts are undecided", ("reason", "solutions", "share of all"), rows))
    if statistics["difficulty"]:
        rows = [
            [level, format_count(n), format_share(n, sum(statistics["difficulty"].values()))]
            for level, n in statistics["difficulty"].items()
        ]
        parts.append(PageTable("How difficult problems are: the share of their decided solutions that is right", ("problems", "number", "share"), rows))  # fmt: skip
    decided = counts.get("right", 0) + counts.get("wrong", 0)
    lead = f"{format_count(counts.get('wrong', 0))} of {format_count(decided)} decided solutions are wrong ({format_share(counts.get('wrong', 0), decided)}); {format_count(counts.get('undecided', 0))} are undecided and never become mistakes."
    return Section(name, title, lead, tuple(parts))


def _plot_by_set(by: Counter[tuple[str, str, str]], models: Sequence[str], sets: Sequence[str]) -> Plot:
    rows: list[list[str | Cell]] = []
    data: list[dict[str, Any]] = []
    for model in models:
        line: list[str | Cell] = [model]
        for of_set in sets:
            wrong, right = by[model, of_set, "wrong"], by[model, of_set, "right"]
            line.append(_format_wrong(wrong, right))
            if wrong + right and model in models[:SHOWN]:
                share = wrong / (wrong + right)
                data.append(
                    {
                        "x": of_set,
                        "y": model,
                        "value": round(share, 4),
                        "label": f"{100 * share:.0f}",
                        "says": f"{format_count(wrong)} of {format_count(wrong + right)} wrong",
                    }
                )
        rows.append(line)
    table = PageTable("Wrong among decided, by model and set", ("model", *sets), rows)
    spec = plots.plot_heat(
        data, sets, models[:SHOWN], "", "", max((cell["value"] for cell in data), default=1.0), turned=len(sets) > 4
    )
    says = "For each model and set the share of decided solutions that is wrong, in percent."
    return Plot(
        "verdicts-sets",
        make_title("Wrong among decided, in percent, by model and set", models),
        says,
        spec,
        table,
        width=200 + 56 * len(sets),
    )


def _format_wrong(wrong: int, right: int) -> str:
    return format_share(wrong, wrong + right)


def show_certainty(_: Facts, statistics: Facts) -> Section:
    """How well numbers that say how sure a model was tell right answers from wrong ones."""
    name, title, summary = "certainty", "How sure models were, and how right", statistics.get("certainty")
    if not summary:
        return explain_missing(
            name,
            title,
            statistics,
            "no table has such numbers beside verdicts (`statistics` of `generate`, `p-true`, `checklist`, `quality`, `consistency`)",
            "a release alone holds only the rows that were kept",
        )
    rows: list[list[str | Cell]] = [
        [
            signal["name"], format_count(signal["right"]), format_count(signal["wrong"]), _format_area(signal),
            *("–" if signal[key] is None else f"{signal[key]:.3f}" for key in ("brier", "calibration_error")),
        ]
        for signal in summary["signals"]
    ]  # fmt: skip
    columns = (
        "number",
        "right answers",
        "wrong answers",
        "AUROC, with its 95 % interval",
        "Brier score",
        "calibration error",
    )
    lead = (
        f"Of table {summary['table']}. AUROC: how often the surer of a right and a wrong answer is the right one; half is chance. Brier score "
        "and expected calibration error are of those numbers that lie between 0 and 1 in all rows, as if they were probabilities."
    )
    return Section(
        name, title, lead, (PageTable("How well each number tells right answers from wrong ones", columns, rows),)
    )


def _format_area(signal: Facts) -> str:
    if signal["auroc"] is None:
        return "–"
    low, high = signal["interval"]
    return f"{signal['auroc']:.3f} ({low:.3f}-{high:.3f})"


def show_soundness(release: Facts, statistics: Facts) -> Section:
    """Soundness and completeness of the verifier."""
    name, title, summary = "soundness", "Soundness and completeness of the verifier", statistics["soundness"]
    gold = [step for step in release.get("funnel") or [] if find_rejects(step["task"]) == "unrecognised gold"]
    parts: list[Plot | PageTable] = []
    if summary:
        counts = {(verdict, truth): n for verdict, truth, n in summary["counts"]}
        rows = [
            [verdict, format_count(counts.get((verdict, "wrong"), 0)), format_count(counts.get((verdict, "right"), 0))]
            for verdict in VERDICTS
        ]
        parts.append(
            PageTable("Verdicts against the truth of every step", ("verdict", "has a wrong step", "has none"), rows)
        )
        shares = [
            [verdict, _format_interval(summary[verdict]["sound"]), _format_interval(summary[verdict]["complete"])]
            for verdict in ("wrong", "right")
        ]
        parts.append(
            PageTable(
                "Soundness and completeness, with 95 % intervals",
                ("verdict", "sound: true of those so called", "complete: so called of those true"),
                shares,
            )
        )
        parts += _tabulate_ceilings(summary.get("ceilings", ()))
    if gold:
        rows = [
            [
                step["table"],
                format_count(step["rows_in"]),
                format_count(step["kept"]),
                format_share(step["kept"], step["rows_in"]),
                _format_reasons(step["reasons"]),
            ]
            for step in gold
        ]
        parts.append(PageTable("The verifier on the gold answers themselves: what it does not recognise is left out", ("table", "rows", "recognised", "share", "why not"), rows))  # fmt: skip
    if not parts:
        return make_unmeasured(
            name, title, "Not measured: the truth of these solutions is not known, and no gold answers were tried."
        )
    if summary:
        lead = f"Of the solutions called wrong {format_percent(summary['wrong']['sound']['share'])} have a wrong step; of those with a wrong step {format_percent(summary['wrong']['complete']['share'])} are called wrong ({format_count(summary['rows'])} solutions whose truth is known)."
    else:
        share = format_share(sum(step["kept"] for step in gold), sum(step["rows_in"] for step in gold))
        lead = f"The truth of these solutions is not known, so soundness was not measured. The verifier recognises {share} of the gold answers as equal to themselves."
    notes = (
        (
            "The verifier looks at the answer, the truth at every step: a right answer reached over a wrong step counts against the verdict right here.",
            *([CEILING] if summary.get("ceilings") else []),
        )
        if summary
        else ()
    )
    return Section(name, title, lead, tuple(parts), notes)


def _tabulate_ceilings(ceilings: Sequence[Facts]) -> list[PageTable]:
    """What asking each model again until the verdict is right can come to."""
    rows = [
        [
            format_model(each["model"]), _format_interval(each["rate"]), format_percent(each["complete"]["share"]), format_percent(each["alarms"]["share"]),
            _format_interval(each["ceiling"]), f"{MOST} or more" if each["attempts"] >= MOST else format_count(each["attempts"]), f"{each['worth']:.3f}",
        ]
        for each in ceilings
    ]  # fmt: skip
    head = ("model", "right at once", "right ones accepted", "wrong ones accepted", "ceiling", "attempts that pay", "worth")  # fmt: skip
    return [PageTable("Asking again until the verdict is right, with 95 % intervals", head, rows)] if rows else []


def _format_reasons(reasons: Facts) -> str:
    return (
        "; ".join(
            f"{reason} {format_count(n)}"
            for reason, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:6]
        )
        or "–"
    )


def _format_interval(summary: Facts) -> str:
    low, high = summary["interval"]
    return f"{format_percent(summary['share'])} ({100 * low:.1f}–{100 * high:.1f}) of {format_count(summary['of'])}"


def show_exploration(_: Facts, statistics: Facts) -> Section:
    """Pass@K-S, Reward@K-S and distinct equations."""
    name, title, summary = "exploration", "Exploration and exploitation", statistics["exploration"]
    if not summary:
        return explain_missing(
            name,
            title,
            statistics,
            "no model has several solutions of one problem",
            "a release alone does not hold the right solutions",
        )
    parts = []
    for i, group in enumerate(summary["groups"]):
        points = group["points"]
        sizes = sorted({point["s"] for point in points})
        data = [
            {"x": point["k"], "part": f"S = {point['s']}", "kind": kind, "n": point[key]}
            for point in points
            for kind, key in (("Pass@K-S", "pass"), ("Reward@K-S", "reward"))
        ]
        rows = [
            [
                str(point["k"]),
                str(point["s"]),
                format_percent(point["pass"]),
                format_percent(point["reward"]),
                format_percent(point["distinct"]),
            ]
            for point in points
        ]
        who = f"{format_model(group['model'])}, {group['sampling']}"[:160]
        table = PageTable(
            f"{who}: {format_count(group['problems'])} problems",
            ("K", "S", "Pass@K-S", "Reward@K-S", "distinct equations"),
            rows,
            left=0,
        )
        spec = plots.plot_curves(
            data, [f"S = {size}" for size in sizes[:6]], "K, solutions of a problem", "share of the problems"
        )
        says = "Lines over K for each S: Pass@K-S drawn whole, Reward@K-S dashed."
        parts.append(Plot(f"exploration-{i}", f"{who} ({format_count(group['problems'])} problems)", says, spec, table))
    last = summary["groups"][0]["points"]
    top = [point for point in last if point["s"] == 1][-1]
    lead = f"With {top['k']} solutions each, {format_percent(top['pass'])} of the problems are solved at least once; the answer most of them end in is right for {format_percent(top['reward'])}."
    notes = (
        "After B-STaR (arXiv 2412.17256). Pass@K-S: the share of problems of which at least S of the first K solutions are right and different texts. Reward@K-S: the share whose S best-rewarded of the first K solutions are all right.",
        "B-STaR's reward knows the gold answer and a process reward model; here it is the share of the K solutions that end in the same answer, then the mean log-probability of a token: what can be had without gold.",
        f"Distinct equations: the share of the first K solutions that differ in what they calculate. Measured on {format_count(summary['solutions'])} solutions, all those of a random sample of problems.",
    )
    return Section(name, title, lead, tuple(parts), notes)
