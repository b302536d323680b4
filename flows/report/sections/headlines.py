"""What a report begins with: one sentence, and the numbers that matter most, how far labels can be trusted first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from flows.report.elements import format_count, format_percent, format_share, format_size
from flows.report.sections.funnel import count_solutions
from flows.report.statistics.main_line import trace_main_line

Facts = Mapping[str, Any]


class Headline(NamedTuple):
    """A number on top."""

    name: str
    value: str
    beside: str
    """What it is of, or how sure."""


def write_headline(release: Facts, statistics: Facts) -> str:
    """What the release holds, and how often its first wrong steps are right, in a sentence."""
    rows, label = statistics["rows"], find_trusted(release, statistics)
    n = rows["rows"]
    what = "mistake" if statistics["positions"] or statistics["types"] else "row"
    kinds = [word for word, there in (("located", statistics["positions"]), ("typed", statistics["types"])) if there]
    sentence = f"{format_count(n)} {' and '.join(kinds)}{' ' * bool(kinds)}{_count(n, what)}"
    if rows["models"]:
        sentence += f" of {format_count(rows['models'])} {_count(rows['models'], 'model')}"
    if rows["problems"]:
        sentence += f" on {format_count(rows['problems'])} {_count(rows['problems'], 'problem')}"
    if label and label.get("named") and "exact" in label:
        right = f"{format_share(label['exact'], label['named'])} ({_format_interval(label['interval'])})"
        return f"{sentence}; the first wrong step is right in {right}."
    if label and "expected" in label:
        said = format_percent(label["expected"])
        return f"{sentence}; by the labels’ own probabilities the first wrong step is right in {said}."
    return f"{sentence}; how often the first wrong step is right was not measured." if label else f"{sentence}."


def find_trusted(release: Facts, statistics: Facts) -> Facts | None:
    """How far the first wrong steps can be trusted: of the released rows where their truth is known, else of the last table of labels before them."""
    return statistics.get("precision") or _find_labels(release)


def _find_labels(release: Facts) -> Facts | None:
    """What was measured of the last table of labels on the main line."""
    labels: dict[str, Facts] = {label["table"]: label for label in release.get("labels") or []}
    line = [table for stage in trace_main_line(release) for table in stage.tables]
    on_line = [labels[table] for table in line if table in labels]
    return next(reversed(on_line or list(labels.values())), None)


def list_headlines(release: Facts, statistics: Facts) -> list[Headline]:
    """The numbers on top."""
    return [
        *_show_trust(release, statistics),
        *_show_rows(release, statistics),
        *_show_agreement(release),
        *_show_gates(release.get("gates") or []),
    ]


def _show_trust(release: Facts, statistics: Facts) -> Iterator[Headline]:
    label = find_trusted(release, statistics)
    if label is None:
        return
    name = "first wrong steps that are right"
    if label.get("named") and "exact" in label:
        beside = f"95 %: {_format_interval(label['interval'])}, of {format_count(label['named'])} whose truth is known"
        yield Headline(name, format_share(label["exact"], label["named"]), beside)
    elif "expected" in label:
        yield Headline(
            f"{name}, expected", format_percent(label["expected"]), "by the labels’ own probabilities, not measured"
        )
    else:
        yield Headline(name, "–", "not measured: the truth is known of none")


def _show_rows(release: Facts, statistics: Facts) -> Iterator[Headline]:
    rows = statistics["rows"]
    yield Headline("released rows", format_count(rows["rows"]), ", ".join(f"{format_count(n)} {split}" for split, n in rows["by_split"].items()))  # fmt: skip
    if rows["problems"]:
        yield Headline("problems", format_count(rows["problems"]), _describe_makers(rows))
    elif rows["models"]:
        yield Headline("models", format_count(rows["models"]), _describe_makers(rows))
    if entered := count_solutions(release.get("funnel") or []):
        yield Headline(
            "kept of the solutions", format_share(rows["rows"], entered), f"of {format_count(entered)} that came in"
        )
    if statistics["verdicts"]:
        counts = statistics["verdicts"]["verdicts"]
        decided = counts.get("right", 0) + counts.get("wrong", 0)
        wrong = format_share(counts.get("wrong", 0), decided)
        yield Headline("wrong among decided", wrong, f"of {format_count(decided)} verdicts")
    yield Headline("size", format_size(rows["bytes"]), f"{len(rows['views'])} {_count(len(rows['views']), 'view')}")


def _describe_makers(rows: Facts) -> str:
    """Of how many models and sets rows are."""
    counts = ((rows["models"], "model"), (rows["sets"], "problem set"))
    return ", ".join(f"{format_count(n)} {_count(n, noun)}" for n, noun in counts if n)


def _show_agreement(release: Facts) -> Iterator[Headline]:
    """Kappa of independent labellers alone; of one that tested what another named, how much it confirmed."""
    label = _find_labels(release) or {}
    pairs = [pair for pair in label.get("kappa") or () if pair["cohen"] is not None]
    if pairs:
        lowest = min(pairs, key=lambda pair: pair["cohen"])
        beside = f"{' and '.join(name.partition('@')[0][:40] for name in lowest['labellers'])}, {format_count(lowest['rows'])} solutions"
        if lowest.get("interval"):
            beside = f"95 %: {lowest['interval'][0]:.2f}–{lowest['interval'][1]:.2f}; {beside}"
        yield Headline(
            "agreement (kappa)" if len(pairs) == 1 else "lowest agreement (kappa)", f"{lowest['cohen']:.2f}", beside
        )
    for tested in label.get("confirmed") or ():
        share = f"{format_share(tested['confirmed'], tested['of'])}, by {tested['by']}"
        confirmed = f"{format_count(tested['confirmed'])} of {format_count(tested['of'])}"
        yield Headline(f"confirmed steps of {tested['labeller'].partition('@')[0][:40]}", confirmed, share)


def _show_gates(gates: Sequence[Facts]) -> Iterator[Headline]:
    measured = [gate for gate in gates if gate["passed"] is not None]
    if not measured:
        return
    failed = sum(not gate["passed"] for gate in measured)
    beside = "✓ all" if not failed else f"✗ {failed} not"
    beside += f", {len(gates) - len(measured)} not measured" if len(measured) < len(gates) else ""
    yield Headline("gates passed", f"{len(measured) - failed} of {len(measured)}", beside)


def _count(n: int, noun: str) -> str:
    return noun if n == 1 else f"{noun}s"


def _format_interval(interval: Sequence[float]) -> str:
    return f"{100 * interval[0]:.1f}–{100 * interval[1]:.1f} %"
