"""The sections about mistakes and labels: verdicts, first wrong steps, types, labellers, rollouts, exploration, soundness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flows.report import plots
from flows.report.labelling import BINS, LATEST, SIDES
from flows.report.mistakes import LONGEST, UNDECIDED
from flows.report.outcomes import LEVELS, OTHERS, UNKNOWN
from flows.report.section import (
    Cell,
    Plot,
    Section,
    Table,
    kappa,
    model_name,
    number,
    of,
    percent,
    step_name,
    unmeasured,
)

Facts = Mapping[str, Any]
VERDICTS = ("wrong", "undecided", "right")
SHOWN = 25
"""Models in a picture; the table below it has them all."""


def verdicts(_: Facts, found: Facts) -> Section:
    """Right, wrong and undecided by model and set."""
    name, title, told = "verdicts", "Verdicts by model and set", found["verdicts"]
    if not told:
        why = (
            "no table of this corpus verified answers"
            if found["from"] == "tables"
            else "a release alone holds only the rows that were kept"
        )
        return unmeasured(name, title, f"Not measured: {why}.")
    counts = told["verdicts"]
    by_model, by_set = Counter[tuple[str, str]](), Counter[tuple[str, str, str]]()
    for model, of_set, verdict, n in told["by"]:
        model = model_name(model)
        by_model[model, verdict] += n
        by_set[model, of_set, verdict] += n
    totals = Counter[str]()
    for (model, _), n in by_model.items():
        totals[model] += n
    models = _ordered(totals)
    table = Table(
        "Verdicts by model", ("model", "solutions", *VERDICTS, "wrong of decided"),
        [[model, number(totals[model]), *(number(by_model[model, one]) for one in VERDICTS), _wrong(by_model[model, "wrong"], by_model[model, "right"])] for model in models],
    )  # fmt: skip
    data = [
        {"name": model, "part": verdict, "n": by_model[model, verdict], "order": i}
        for model in models[:SHOWN]
        for i, verdict in enumerate(VERDICTS)
    ]
    spec = plots.stacked(
        data, models[:SHOWN], VERDICTS, [plots.TONES[one] for one in VERDICTS], "share of the solutions", share=True
    )
    says = "One bar for each model: the shares of its solutions that are wrong (left), undecided (middle) and right (right)."
    parts: list[Plot | Table] = [Plot("verdicts-plot", _shown("By model", models), says, spec, table)]
    sets = sorted({key[1] for key in by_set})
    if len(sets) > 1:
        parts.append(_by_set(by_set, models, sets))
    if told["undecided"]:
        rows = [[reason, number(n), of(n, told["rows"])] for reason, n in told["undecided"].items()]
        parts.append(Table("Why verdicts are undecided", ("reason", "solutions", "share of all"), rows))
    if found["difficulty"]:
        rows = [
            [level, number(n), of(n, sum(found["difficulty"].values()))] for level, n in found["difficulty"].items()
        ]
        parts.append(Table("How difficult problems are: the share of their decided solutions that is right", ("problems", "number", "share"), rows))  # fmt: skip
    decided = counts.get("right", 0) + counts.get("wrong", 0)
    lead = f"{number(counts.get('wrong', 0))} of {number(decided)} decided solutions are wrong ({of(counts.get('wrong', 0), decided)}); {number(counts.get('undecided', 0))} are undecided and never become mistakes."
    return Section(name, title, lead, tuple(parts))


def _by_set(by: Counter[tuple[str, str, str]], models: Sequence[str], sets: Sequence[str]) -> Plot:
    rows: list[list[str | Cell]] = []
    data = []
    for model in models:
        line: list[str | Cell] = [model]
        for one in sets:
            wrong, right = by[model, one, "wrong"], by[model, one, "right"]
            line.append(_wrong(wrong, right))
            if wrong + right and model in models[:SHOWN]:
                share = wrong / (wrong + right)
                data.append(
                    {
                        "x": one,
                        "y": model,
                        "value": round(share, 4),
                        "label": f"{100 * share:.0f}",
                        "says": f"{number(wrong)} of {number(wrong + right)} wrong",
                    }
                )
        rows.append(line)
    table = Table("Wrong among decided, by model and set", ("model", *sets), rows)
    spec = plots.heat(data, sets, models[:SHOWN], "", "", 1.0, turned=len(sets) > 4)
    says = "For each model and set the share of decided solutions that is wrong, in percent."
    return Plot(
        "verdicts-sets",
        _shown("Wrong among decided, in percent, by model and set", models),
        says,
        spec,
        table,
        width=200 + 56 * len(sets),
    )


def _wrong(wrong: int, right: int) -> str:
    return of(wrong, wrong + right)


def _shown(title: str, models: Sequence[str]) -> str:
    return f"{title} (the {SHOWN} largest of {len(models)} models)" if len(models) > SHOWN else title


def positions(_: Facts, found: Facts) -> Section:
    """Step position against length."""
    name, title, told = "positions", "Where solutions first go wrong", found["positions"]
    if not told:
        return unmeasured(name, title, "Not measured: no label in this release names a first wrong step.")
    cells = {(at, long): n for at, long, n in told["grid"]}
    total = sum(cells.values())
    steps = [step_name(at, LONGEST - 1) for at in range(max(at for at, _ in cells) + 1)]
    lengths = sorted({long for _, long in cells})
    by_step = Counter[int]()
    for (at, _), n in cells.items():
        by_step[at] += n
    rows = [
        [_length(long), *(number(cells[at, long]) if (at, long) in cells else "" for at in range(len(steps)))]
        for long in lengths
    ]
    table = Table("Solutions by number of steps (down) and first wrong step (across)", ("steps", *steps), rows)
    data = [
        {
            "x": steps[at],
            "y": _length(long),
            "value": n,
            "label": _brief(n),
            "says": f"{number(n)} solutions of {_length(long)} steps first go wrong at step {steps[at]}",
        }
        for (at, long), n in cells.items()
    ]
    spec = plots.heat(
        data, steps, [_length(long) for long in lengths], "first wrong step", "steps", max(cells.values())
    )
    says = "For each number of steps (down) and each step (across) how many solutions first go wrong there."
    heat = Plot("positions-heat", "First wrong step against length", says, spec, table, width=90 + 38 * len(steps))
    bars = [
        {"name": f"step {steps[at]}", "n": by_step[at] / total, "label": percent(by_step[at] / total)}
        for at in range(len(steps))
    ]
    marginal = Table(
        "Solutions by first wrong step",
        ("step", "solutions", "share"),
        [[f"step {steps[at]}", number(by_step[at]), of(by_step[at], total)] for at in range(len(steps))],
    )
    names = [f"step {one}" for one in steps]
    plot = Plot("positions-bars", "First wrong step", "Bars: the share of the solutions that first go wrong at each step.", plots.bars(bars, names, "share of the solutions", "%"), marginal)  # fmt: skip
    mean = sum(at * n for (at, _), n in cells.items()) / total + 1
    length = sum(long * n for (_, long), n in cells.items()) / total
    lead = f"On average step {mean:.1f} of {length:.1f} is the first wrong one, over {number(total)} solutions."
    if told["none"] or told["undecided"]:
        lead += f" {number(told['none'])} more have no wrong step, and of {number(told['undecided'])} it is undecided."
    notes = (
        f"Labels of “{told['column']}” in the table “{told['table']}”. Steps are counted from 1 here and from 0 in the data; {LONGEST} stands for {LONGEST} and more.",
    )
    return Section(name, title, lead, (heat, plot), notes)


def _length(long: int) -> str:
    return f"{long}{'+' if long == LONGEST else ''}"


def _brief(n: int) -> str:
    return (
        str(n)
        if n < 1000
        else f"{n / 1000:.1f}k"
        if n < 10_000
        else f"{n // 1000}k"
        if n < 10**6
        else f"{n / 10**6:.1f}M"
    )


def types(release: Facts, found: Facts) -> Section:
    """Types by model, set and difficulty."""
    name, title, told = "types", "Types of mistakes", found["types"]
    if not told:
        return unmeasured(name, title, "Not measured: the mistakes of this release were not classified.")
    counts, total = told["types"], sum(told["types"].values())
    kinds = [
        *(one for one in counts if one not in (OTHERS, UNDECIDED)),
        *(one for one in (OTHERS, UNDECIDED) if one in counts),
    ]
    bars = [
        {"name": kind, "n": counts[kind], "label": f"{number(counts[kind])} ({of(counts[kind], total)})"}
        for kind in kinds
    ]
    table = Table(
        "Mistakes by type",
        ("type", "mistakes", "share"),
        [[kind, number(counts[kind]), of(counts[kind], total)] for kind in kinds],
    )
    parts: list[Plot | Table] = [
        Plot(
            "types-plot",
            "All mistakes",
            "Bars: how many mistakes are of each type.",
            plots.bars(bars, kinds, "mistakes"),
            table,
        )
    ]
    for by, what in (("model", "model"), ("set", "problem set"), ("level", "difficulty of the problem")):
        if told.get(f"by_{by}"):
            cells = [[model_name(group), kind, n] for group, kind, n in told[f"by_{by}"]]
            parts += [_heat(by, what, cells, kinds)] if len({group for group, _, _ in cells}) > 1 else []
    truths = [(one["table"], one["truth"]) for one in release.get("types") or [] if "truth" in one]
    lead = f"{number(total - counts.get(UNDECIDED, 0))} of {number(total)} mistakes have a type; the commonest is “{kinds[0]}” ({of(counts[kinds[0]], total)})."
    for _, truth in truths[:1]:
        lead += f" Against the truth, {of(truth['exact'], truth['rows'])} of {number(truth['rows'])} types are right (macro-F1 {truth['macro_f1']:.2f})."
    notes = (
        f"Of the rows of “{told['table']}”, by {', '.join(told['taxonomies']) or 'no taxonomy named'}. A cell is the share of its line: how the mistakes of one model, set or level are divided among the types.",
    )
    return Section(name, title, lead, tuple(parts), notes)


def _heat(by: str, what: str, cells: Sequence[Sequence[Any]], kinds: Sequence[str]) -> Plot:
    counts = Counter[tuple[str, str]]()
    for group, kind, n in cells:
        counts[group, kind] += n
    totals = Counter[str]()
    for (group, _), n in counts.items():
        totals[group] += n
    levels = [*LEVELS, UNKNOWN]
    groups = [one for one in levels if one in totals] if by == "level" else _ordered(totals)
    rows = [
        [group, number(totals[group]), *(of(counts.get((group, kind), 0), totals[group]) for kind in kinds)]
        for group in groups
    ]
    table = Table(f"Types by {what}: shares of each line", (what, "mistakes", *kinds), rows)
    shares = {(group, kind): counts.get((group, kind), 0) / totals[group] for group in groups[:SHOWN] for kind in kinds}
    data = [
        {
            "x": kind,
            "y": group,
            "value": round(share, 4),
            "label": f"{100 * share:.0f}" if share else "",
            "says": f"{number(counts.get((group, kind), 0))} of {number(totals[group])} mistakes ({percent(share)})",
        }
        for (group, kind), share in shares.items()
    ]
    spec = plots.heat(data, kinds, groups[:SHOWN], "", "", max(shares.values()), turned=True)
    says = f"For each {what} the share of its mistakes that is of each type, in percent."
    title = f"By {what}, in percent" + (f" (the {SHOWN} largest of {len(groups)})" if len(groups) > SHOWN else "")
    return Plot(f"types-{by}", title, says, spec, table, width=220 + 52 * len(kinds))


def labellers(release: Facts, found: Facts) -> Section:
    """Who agrees with whom about the first wrong step, and how far labels can be trusted."""
    name, title, told = "labellers", "Agreement of labellers", found["labellers"]
    labels = release.get("labels") or []
    trusted = _trusted(labels)
    pairs = told["pairs"] if told else [pair for one in labels for pair in one.get("kappa", ())]
    if not pairs:
        if not labels:
            return unmeasured(name, title, "Not measured: nobody labelled first wrong steps for this release.")
        return Section(name, title, "One labeller alone: there is no agreement to measure.", (trusted,))
    table = Table(
        "Cohen's kappa of each pair", ("labeller", "other labeller", "solutions", "the same step", "kappa"),
        [[*(model_name(one)[:80] for one in pair["labellers"]), number(pair["rows"]), of(pair["same"], pair["rows"]) if "same" in pair else "–", kappa(pair["cohen"])] for pair in pairs],
        left=2,
    )  # fmt: skip
    parts: list[Plot | Table] = []
    if len(pairs) > 1:
        parts.append(_kappas(pairs, table))
    else:
        parts.append(table)
    parts += [_matrix(pair, i) for i, pair in enumerate(pairs) if pair.get("matrix")]
    known = [pair["cohen"] for pair in pairs if pair["cohen"] is not None]
    lead = (
        f"Cohen's kappa {kappa(min(known))} to {kappa(max(known))} over {len(pairs)} pairs."
        if len(known) > 1
        else f"Cohen's kappa {kappa(known[0] if known else None)} over {number(pairs[0]['rows'])} solutions that both decide."
    )
    fleiss = told["fleiss"] if told else None
    if len(pairs) > 1 and told and fleiss is not None:
        lead += f" Fleiss' kappa of all labellers is {kappa(fleiss)}, over {number(told['all'])} solutions."
    notes = (
        "A solution that one of the two leaves undecided is left out: kappa is of those that both decide. 1 is always the same step, 0 is as by chance.",
    )
    return Section(name, title, lead, (*parts, trusted), notes)


def _kappas(pairs: Sequence[Facts], table: Table) -> Plot:
    names = list(dict.fromkeys(model_name(name) for pair in pairs for name in pair["labellers"]))
    data = []
    for pair in pairs:
        one, other = map(model_name, pair["labellers"])
        value = pair["cohen"]
        for x, y in ((one, other), (other, one)):
            data.append(
                {
                    "x": x,
                    "y": y,
                    "value": max(0.0, value or 0.0),
                    "label": "–" if value is None else f"{value:.2f}",
                    "says": f"kappa {kappa(value)} over {number(pair['rows'])} solutions",
                }
            )
    spec = plots.heat(data, names, names, "", "", 1.0, turned=True)
    return Plot(
        "kappas",
        "Cohen's kappa of each pair",
        "A matrix of labellers with the kappa of each pair.",
        spec,
        table,
        width=200 + 60 * len(names),
    )


def _matrix(pair: Facts, i: int) -> Plot:
    """Which steps the one names where the other names another."""
    one, other = (model_name(name)[:60] for name in pair["labellers"])
    cells = {(a, b): n for a, b, n in pair["matrix"]}
    places = range(min(min(key) for key in cells), max(max(key) for key in cells) + 1)
    names = [step_name(at, LATEST) for at in places]
    rows = [[step_name(a, LATEST), *(number(cells[a, b]) if (a, b) in cells else "" for b in places)] for a in places]
    table = Table(f"First wrong step by {one} (down) and by {other} (across)", ("step", *names), rows)
    data = [
        {
            "x": step_name(b, LATEST),
            "y": step_name(a, LATEST),
            "value": n,
            "label": _brief(n),
            "says": f"{number(n)} solutions",
        }
        for (a, b), n in cells.items()
    ]
    spec = plots.heat(data, names, names, other, one, max(cells.values()))
    says = f"A matrix: the step named by {one} against the one named by {other}; on the diagonal they agree."
    return Plot(
        f"matrix-{i}", f"{one} against {other}: the step each names", says, spec, table, width=110 + 40 * len(names)
    )


def _trusted(labels: Sequence[Facts]) -> Table:
    rows = []
    for one in labels:
        precision = "not measured"
        if "exact" in one:
            low, high = one["interval"]
            precision = f"{of(one['exact'], one['named'])} ({100 * low:.1f}–{100 * high:.1f})"
        rows.append(
            [
                one["table"],
                one["how"] or one["task"],
                number(one["rows"]),
                of(one["labelled"], one["rows"]),
                precision,
                number(one.get("replies")),
                number(one.get("tokens")),
            ]
        )
    head = ("table", "by", "solutions", "labelled", "precision (95 %)", "replies", "tokens")
    return Table(
        "How far each table of labels can be trusted: exact steps among those named, where the truth is known",
        head,
        rows,
        left=2,
    )


def rollouts(_: Facts, found: Facts) -> Section:
    """The spread of Monte-Carlo values."""
    name, title = "rollouts", "Monte-Carlo values"
    if not found["rollouts"]:
        return unmeasured(
            name, title, "Not measured: no rollouts were made for this release, or it does not hold them."
        )
    parts, said = [], []
    bins = [f"{i / BINS:.1f}–{(i + 1) / BINS:.1f}" for i in range(BINS)]
    for i, told in enumerate(found["rollouts"]):
        counts = {(side, at): n for side, at, n in told["bins"]}
        sides = [side for side in SIDES if any(key[0] == side for key in counts)]
        rows = [[bins[at], *(number(counts.get((side, at), 0)) for side in sides)] for at in range(BINS)]
        table = Table(
            f"Prefixes of “{told['table']}” by the share of their rollouts that succeed", ("share", *sides), rows
        )
        data = [
            {"name": bins[at], "part": side, "n": counts.get((side, at), 0)} for side in sides for at in range(BINS)
        ]
        spec = plots.columns(data, bins, sides, "share of rollouts that succeed", "prefixes")
        says = "Columns: how many prefixes have which share of successful rollouts, by where they end."
        parts.append(Plot(f"rollouts-{i}", f"{told['table']}: {told['how']}"[:160], says, spec, table))
        extreme = sum(n for (_, at), n in counts.items() if at in (0, BINS - 1))
        said.append(
            f"in “{told['table']}” {of(extreme, told['prefixes'])} of {number(told['prefixes'])} prefixes succeed nearly never or nearly always"
        )
    lead = f"{'; '.join(said)}.".capitalize()
    notes = (
        "The value of a prefix is the share of its rollouts that come to the right answer. Methods that stop early try few of each prefix: one that a later prefix's success shows to be good may have the value 0 itself.",
    )
    return Section(name, title, lead, tuple(parts), notes)


def exploration(_: Facts, found: Facts) -> Section:
    """Pass@K-S, Reward@K-S and distinct equations."""
    name, title, told = "exploration", "Exploration and exploitation", found["exploration"]
    if not told:
        why = (
            "no model has several solutions of one problem"
            if found["from"] == "tables"
            else "a release alone does not hold the right solutions"
        )
        return unmeasured(name, title, f"Not measured: {why}.")
    parts = []
    for i, group in enumerate(told["groups"]):
        points = group["points"]
        sizes = sorted({one["s"] for one in points})
        data = [
            {"x": one["k"], "part": f"S = {one['s']}", "kind": kind, "n": one[key]}
            for one in points
            for kind, key in (("Pass@K-S", "pass"), ("Reward@K-S", "reward"))
        ]
        rows = [
            [str(one["k"]), str(one["s"]), percent(one["pass"]), percent(one["reward"]), percent(one["distinct"])]
            for one in points
        ]
        who = f"{model_name(group['model'])}, {group['sampling']}"[:160]
        table = Table(
            f"{who}: {number(group['problems'])} problems",
            ("K", "S", "Pass@K-S", "Reward@K-S", "distinct equations"),
            rows,
            left=0,
        )
        spec = plots.curves(
            data, [f"S = {one}" for one in sizes[:6]], "K, solutions of a problem", "share of the problems"
        )
        says = "Lines over K for each S: Pass@K-S drawn whole, Reward@K-S dashed."
        parts.append(Plot(f"exploration-{i}", f"{who} ({number(group['problems'])} problems)", says, spec, table))
    last = told["groups"][0]["points"]
    top = [one for one in last if one["s"] == 1][-1]
    lead = f"With {top['k']} solutions each, {percent(top['pass'])} of the problems are solved at least once; the answer most of them end in is right for {percent(top['reward'])}."
    notes = (
        "After B-STaR (arXiv 2412.17256). Pass@K-S: the share of problems of which at least S of the first K solutions are right and different texts. Reward@K-S: the share whose S best-rewarded of the first K solutions are all right.",
        "B-STaR's reward knows the gold answer and a process reward model; here it is the share of the K solutions that end in the same answer, then the mean log-probability of a token: what can be had without gold.",
        f"Distinct equations: the share of the first K solutions that differ in what they calculate. Measured on {number(told['solutions'])} solutions, all those of a random sample of problems.",
    )
    return Section(name, title, lead, tuple(parts), notes)


def soundness(release: Facts, found: Facts) -> Section:
    """Soundness and completeness of the verifier."""
    name, title, told = "soundness", "Soundness and completeness of the verifier", found["soundness"]
    gold = [step for step in release.get("funnel") or [] if step["task"] == "gold"]
    parts: list[Plot | Table] = []
    if told:
        counts = {(verdict, truth): n for verdict, truth, n in told["counts"]}
        rows = [
            [f"verdict {one}", number(counts.get((one, "wrong"), 0)), number(counts.get((one, "right"), 0))]
            for one in VERDICTS
        ]
        parts.append(
            Table("Verdicts against the truth of every step", ("verdict", "has a wrong step", "has none"), rows)
        )
        shares = [
            [f"verdict {one}", _interval(told[one]["sound"]), _interval(told[one]["complete"])]
            for one in ("wrong", "right")
        ]
        parts.append(
            Table(
                "Soundness and completeness, with 95 % intervals",
                ("", "sound: true of those so called", "complete: so called of those true"),
                shares,
            )
        )
    if gold:
        rows = [
            [
                step["table"],
                number(step["rows_in"]),
                number(step["kept"]),
                of(step["kept"], step["rows_in"]),
                _kinds(step["reasons"]),
            ]
            for step in gold
        ]
        parts.append(Table("The verifier on the gold answers themselves: what it does not recognise is left out", ("table", "rows", "recognised", "share", "why not"), rows))  # fmt: skip
    if not parts:
        return unmeasured(
            name, title, "Not measured: the truth of these solutions is not known, and no gold answers were tried."
        )
    if told:
        lead = f"Of the solutions called wrong {percent(told['wrong']['sound']['share'])} have a wrong step; of those with a wrong step {percent(told['wrong']['complete']['share'])} are called wrong ({number(told['rows'])} solutions whose truth is known)."
    else:
        share = of(sum(step["kept"] for step in gold), sum(step["rows_in"] for step in gold))
        lead = f"The truth of these solutions is not known, so soundness was not measured. The verifier recognises {share} of the gold answers as equal to themselves."
    notes = (
        (
            "The verifier looks at the answer, the truth at every step: a right answer reached over a wrong step counts against the verdict right here.",
        )
        if told
        else ()
    )
    return Section(name, title, lead, tuple(parts), notes)


def _kinds(reasons: Facts) -> str:
    return (
        "; ".join(
            f"{reason} {number(n)}" for reason, n in sorted(reasons.items(), key=lambda one: (-one[1], one[0]))[:6]
        )
        or "–"
    )


def _interval(told: Facts) -> str:
    low, high = told["interval"]
    return f"{percent(told['share'])} ({100 * low:.1f}–{100 * high:.1f}) of {number(told['of'])}"


def _ordered(totals: Counter[str]) -> list[str]:
    return sorted(totals, key=lambda one: (one == OTHERS, -totals[one], one))
