"""The sections about a release as a whole: gates, duplicates, cost, drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flows.report import plots
from flows.report.elements import (
    Cell,
    PageTable,
    Plot,
    Section,
    explain_missing,
    format_count,
    format_model,
    format_percent,
    format_share,
    make_unmeasured,
)
from schemas.task import Rejects
from tasks import find_rejects

Facts = Mapping[str, Any]
LOOKED_FOR: tuple[tuple[Rejects, str], ...] = (
    ("duplicates", "repeat another"),
    ("contamination", "stand in a test set"),
)
CONTRACT = "contract"
"""What a gate is declared by that no recipe wrote."""


def show_gates(release: Facts, _: Facts) -> Section:
    """What the release was required to satisfy."""
    name, title, gates = "gates", "Gates of the release", release.get("gates")
    if not gates:
        return make_unmeasured(name, title, "Not measured: this release was published without gates.")
    failed = [gate for gate in gates if gate["passed"] is False]
    unmeasured = sum(gate["passed"] is None for gate in gates)
    kept = [gate for gate in gates if gate["passed"] and gate.get("declared") == CONTRACT]
    order = sorted(
        gates,
        key=lambda gate: (gate["passed"] is not False, gate["passed"] is not None, gate.get("severity") != "fail"),
    )
    rows = [
        [_make_state_cell(gate), gate.get("view") or "–", _format_expectation(gate), _format_value(gate.get("observed")), _format_value(gate.get("wanted")), format_count(gate.get("rows"))]
        for gate in order if gate["passed"] is not True or gate.get("declared") != CONTRACT
    ]  # fmt: skip
    parts = []
    if rows:
        head = ("result", "view", "expectation", "observed", "wanted", "rows")
        parts.append(PageTable("What the recipe asks, and whatever failed first", head, rows[:200], left=5))
    if kept:
        by_view = Counter(str(gate.get("view") or "–") for gate in kept)
        counts = [[view, format_count(n)] for view, n in by_view.items()]
        parts.append(
            PageTable("What the contracts of the columns ask and rows keep to", ("view", "expectations"), counts)
        )
    if failed:
        shown = [
            [_format_expectation(gate), ", ".join(_format_value(key) for key in gate.get("examples", [])[:5]) or "–"]
            for gate in failed[:50]
        ]
        parts.append(PageTable("Rows that failed", ("expectation", "examples"), shown, left=2))
    measured = len(gates) - unmeasured
    lead = (
        f"All {measured} expectations hold." if not failed else f"{len(failed)} of {measured} expectations do not hold."
    )
    if unmeasured:
        lead += f" {unmeasured} could not be measured, and {'is' if unmeasured == 1 else 'are'} not among them."
    return Section(
        name,
        title,
        lead,
        tuple(parts),
        ("What was asked of the release before it was published; rows are checked by Great Expectations.",),
    )


def _format_expectation(gate: Facts) -> str:
    column = f" ({gate['column']})" if gate.get("column") else ""
    return str(gate.get("says") or f"{gate.get('expectation')}{column}")[:400]


def _make_state_cell(gate: Facts) -> Cell:
    if gate["passed"] is None:
        return Cell("– not measured")
    if gate["passed"]:
        return Cell("✓ passed", "good")
    if gate.get("fault"):
        return Cell("? not checked", "warn")
    return Cell("! warned", "warn") if gate.get("severity") == "warn" else Cell("✗ failed", "bad")


def _format_value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        return ": ".join(_format_value(item) for item in value.values())
    if isinstance(value, float):
        return f"{value:,.4g}"
    return format_count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)[:160]


def show_duplicates(release: Facts, _: Facts) -> Section:
    """Duplicates and contamination, as the tables that looked for them count."""
    name, title = "repeats", "Duplicates and contamination"
    steps = [step for step in release.get("funnel") or [] if find_rejects(step["task"]) in dict(LOOKED_FOR)]
    if not steps:
        return make_unmeasured(
            name, title, "Not measured: no table of this corpus looked for duplicates or for test sets."
        )
    rows: list[list[str | Cell]] = []
    for step in steps:
        rows.append(
            [
                step["table"],
                step["task"],
                "",
                format_count(step["rows_in"]),
                format_count(step["rejected"]),
                format_share(step["rejected"], step["rows_in"]),
            ]
        )
        order = sorted(step["reasons"].items(), key=lambda item: (-item[1], item[0]))
        rows += [["", "", reason, "", format_count(n), format_share(n, step["rows_in"])] for reason, n in order[:20]]
    sentences = []
    for kind, predicate in LOOKED_FOR:
        mine = [step for step in steps if find_rejects(step["task"]) == kind]
        if mine:
            sentences.append(
                f"{format_count(sum(step['rejected'] for step in mine))} rows were left out because they {predicate}"
            )
        else:
            sentences.append(
                "duplicates were not looked for"
                if kind == "duplicates"
                else "contamination by test sets was not looked for"
            )
    table = PageTable(
        "What was found, and left out", ("table", "task", "reason", "rows in", "left out", "share"), rows, left=3
    )
    return Section(name, title, f"{sentences[0].capitalize()}; {sentences[1]}.", (table,))


def show_cost(_: Facts, statistics: Facts) -> Section:
    """Tokens and money."""
    name, title, spent = "cost", "Tokens and money", statistics["spending"]
    if not spent:
        return explain_missing(
            name,
            title,
            statistics,
            "nothing was asked of a model for it",
            "a release alone does not tell what was asked",
        )
    released = statistics["rows"]["rows"] or 1
    parts, sentences = [], []
    if spent["tables"]:
        tokens = sum(entry["tokens"] for entry in spent["tables"])
        parts.append(_tabulate_tokens(spent["tables"], tokens, released))
        sentences.append(f"{format_count(tokens / released)} tokens of completions for each released row")
    if spent["ledger"]:
        parts.append(_tabulate_ledger(spent["ledger"]))
        sentences += _describe_ledger(spent["ledger"], released)
    notes = (
        "Tokens of the tables are those of completions that became rows; what was cut off or refused is in the ledger alone, and what two tables share was paid for once. Money is in the currency of the recipe.",
    )
    return Section(name, title, f"{'; '.join(sentences)}.".capitalize(), tuple(parts), notes)


def _tabulate_tokens(tables: Sequence[Facts], tokens: int, released: int) -> PageTable:
    """What each table's completions have, and all together."""
    rows = [
        [
            entry["table"], entry["task"], ", ".join(map(format_model, entry["models"])), format_count(entry["tokens"]),
            format_count(entry["tokens"] / released),
        ]
        for entry in tables
    ]  # fmt: skip
    rows.append(["all", "", "", format_count(tokens), format_count(tokens / released)])
    columns = ("table", "task", "models", "tokens", "for each released row")
    return PageTable("Tokens of the completions in this release's tables", columns, rows, left=3)


def _tabulate_ledger(accounts: Sequence[Facts]) -> PageTable:
    """What each model was asked for, and what that cost."""
    rows = [
        [
            format_model(account["model"]), format_count(account["requests"]), format_count(account["cut_off"]),
            format_count(account["prompt_tokens"]), format_count(account["tokens"]) + ("~" if account.get("estimated") else ""),
            format_count(account.get("failed", 0)), _format_price(account),
        ]
        for account in accounts
    ]  # fmt: skip
    columns = ("model", "requests", "cut off", "prompt tokens", "completion tokens", "failed", "price")
    return PageTable("What the ledger holds for this corpus, all versions together", columns, rows)


def _describe_ledger(accounts: Sequence[Facts], released: int) -> Iterator[str]:
    """What was paid, and which tokens are estimates."""
    prices = [account["price"] for account in accounts if account["price"] is not None]
    if prices:
        yield f"{sum(prices):,.2f} paid in all, {sum(prices) / released:,.4f} for each released row"
    else:
        yield "the recipe names no price, so money was not counted"
    if estimated := sum(account.get("estimated", 0) for account in accounts):
        yield f"~: the tokens of {format_count(estimated)} completions are estimates, their endpoint did not say"


def _format_price(account: Facts) -> str:
    return "–" if account["price"] is None else f"{account['price']:,.2f}{'+' if account['unpriced'] else ''}"


def show_drift(_: Facts, statistics: Facts) -> Section:
    """What shifted since the release before."""
    name, title, summary = "drift", "Drift against another release", statistics.get("drift")
    if not summary:
        return make_unmeasured(
            name,
            title,
            "Not measured: there is no earlier release of this corpus to compare with (errata report --compare names one).",
        )
    rows = [
        [
            number["name"],
            _format_unit(number["before"], number["unit"]),
            _format_unit(number["now"], number["unit"]),
            _format_change(number),
        ]
        for number in summary["numbers"]
    ]
    parts: list[Plot | PageTable] = [PageTable("Numbers", ("what", "before", "now", "change"), rows)]
    shifts = summary["shifts"]
    if shifts:
        far = [
            [shift["of"], Cell(f"{shift['distance']:.3f}", share=shift["distance"]), _format_largest(shift)]
            for shift in shifts
        ]
        parts.append(PageTable("How far distributions are apart: total variation, 0 the same, 1 nothing in common", ("of", "distance", "what moved most"), far, left=1))  # fmt: skip
        parts += [_plot_shift(shift) for shift in shifts if shift["distance"] >= 0.005]
    worst = max(shifts, key=lambda shift: shift["distance"], default=None)
    lead = f"Compared with {summary['before']}."
    if worst:
        lead += (
            f" The distribution of {worst['of']} shifted most, by {worst['distance']:.3f}."
            if worst["distance"]
            else " No distribution shifted."
        )
    return Section(name, title, lead, tuple(parts))


def _plot_shift(shift: Facts) -> Plot:
    names = [str(value)[:80] for value, _, _ in shift["moved"]]
    if shift["of"] == "first wrong step":
        names = [f"step {int(value) + 1}" for value in names]
    data = [
        {"name": name, "part": when, "n": share}
        for name, (_, old, new) in zip(names, shift["moved"])
        for when, share in (("before", old), ("now", new))
    ]
    rows = [
        [name, format_percent(old), format_percent(new), f"{100 * (new - old):+.1f}"]
        for name, (_, old, new) in zip(names, shift["moved"])
    ]
    table = PageTable(
        f"Shares by {shift['of']}, the largest changes first", (shift["of"], "before", "now", "points"), rows
    )
    says = f"For each {shift['of']} its share of the rows before and now."
    return Plot(
        f"drift-{shift['of'].replace(' ', '-')}",
        f"By {shift['of']}",
        says,
        plots.plot_pairs(data, names, "share of the rows"),
        table,
    )


def _format_largest(shift: Facts) -> str:
    value, old, new = shift["moved"][0]
    value = f"step {int(value) + 1}" if shift["of"] == "first wrong step" else value
    return f"{str(value)[:80]}: {format_percent(old)} to {format_percent(new)}"


def _format_unit(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return format_percent(value) if unit == "share" else f"{value:.3f}" if unit == "kappa" else format_count(value)


def _format_change(number: Facts) -> str:
    if number["before"] is None or number["now"] is None:
        return "–"
    change = number["now"] - number["before"]
    if number["unit"] == "share":
        return f"{100 * change:+.1f} points"
    return f"{change:+.3f}" if number["unit"] == "kappa" else f"{change:+,.0f}"
