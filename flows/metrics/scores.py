"""Scores of labels against gold: tables of 80 columns for people, JSON for machines."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl
from errata.cli import text

from flows.metrics.type_confusion import TypeComparison
from tasks.evaluation.agreement import Agreement, measure_agreement
from tasks.evaluation.artifact_baseline import ArtifactBaseline
from tasks.evaluation.fields import Rejected
from tasks.evaluation.score import Gold, Labels, Score, Share, average_f1, name_length_range, score, score_groups
from tasks.evaluation.types import UNDECIDED

WIDTH = 80
NEAR = 3
"""Distances up to this have a column of their own."""
NOTES = """\
exact      the label is gold's: on wrong rows its step (the recall of the
           location), on right rows none; no label, or undecided, is not exact
F1         harmonic mean of the two exact shares, as in ProcessBench
precision  exact among the labels that name a step, on wrong and right rows
labelled   rows with a label, a step or none: the retention
%          with the 95 % interval of Wilson"""


@dataclass(frozen=True)
class Evaluation:
    """Labels beside gold."""

    labels: str
    """Where the labels lie."""
    gold: str
    """Where the gold lies."""
    format: str
    by: str
    """What rows are grouped by: set or length."""
    rows: Sequence[Gold]
    labellers: Mapping[str, Labels]
    """Each labeller's labels, counted from 0."""
    rejected: Sequence[Rejected]
    """Rows of gold that cannot be used."""
    typed: TypeComparison | None = None
    """What the labels say of the types of mistakes, where gold knows them."""
    artifact_baseline: ArtifactBaseline | None = None
    """How far the looks of mistakes made on purpose tell them from right solutions; None of other gold, or of little."""

    def groups(self, labeller: str) -> dict[str, Score]:
        """The labeller's score by group."""
        found = score_groups(
            self.rows, self.labellers[labeller], name_length_range if self.by == "length" else lambda row: row.set
        )
        return {name: found[name] for name in sorted(found, key=_natural)}

    def agreement(self) -> Agreement | None:
        """How far the labellers agree on the rows of gold; None of one alone."""
        if len(self.labellers) < 2:
            return None
        ids = [row.id for row in self.rows]
        columns = {name: [labels.get(id) for id in ids] for name, labels in self.labellers.items()}
        return measure_agreement([pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Int64))])

    def unknown(self, labeller: str) -> int:
        """Labels of solutions that gold does not have."""
        return len(self.labellers[labeller].keys() - {row.id for row in self.rows})


def _natural(name: str) -> tuple[int, str]:
    digits = name.partition("-")[0].partition("+")[0].partition(" ")[0]
    return (int(digits) if digits.isdecimal() else 0, name)


def as_json(found: Evaluation) -> dict[str, Any]:
    """Everything, for machines; shares are 0 to 1, null of nothing."""
    labellers = {}
    for name in found.labellers:
        groups = found.groups(name)
        labellers[name] = {
            "average_f1": average_f1(groups.values()) if found.by == "set" else None,
            "all": _describe_score(score(found.rows, found.labellers[name])),
            "groups": {group: _describe_score(one) for group, one in groups.items()},
            "not_in_gold": found.unknown(name),
        }
    return {
        "labels": found.labels, "gold": found.gold, "format": found.format, "rows": len(found.rows), "by": found.by,
        "labellers": labellers, "agreement": _describe_agreement(found.agreement()), "types": _describe_types(found.typed),
        "giveaway": asdict(found.artifact_baseline) if found.artifact_baseline else None, "rejected": [asdict(one) for one in found.rejected],
    }  # fmt: skip


def _describe_types(found: TypeComparison | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"taxonomy": found.taxonomy, "without_a_name": found.nameless, **found.confusion.summarize()}


def _describe_agreement(found: Agreement | None) -> dict[str, Any] | None:
    if found is None:
        return None
    pairs = [
        {"labellers": list(names), "rows": one.rows, "same": one.same, "cohens_kappa": one.kappa}
        for names, one in found.pairs.items()
    ]
    return {"pairs": pairs, "all": {"rows": found.rows, "fleiss_kappa": found.fleiss}}


def _describe_score(one: Score) -> dict[str, Any]:
    shares = {
        "exact_wrong": one.wrong, "exact_right": one.right, "precision": one.located, "recall": one.wrong,
        "labelled": one.kept, "labelled_wrong": one.kept_wrong, "labelled_right": one.kept_right,
    }  # fmt: skip
    return {
        "f1": one.f1,
        **{name: {"hits": s.hits, "of": s.of, "rate": s.rate, "interval": s.interval} for name, s in shares.items()},
        "on_wrong": {
            "distances": {str(distance): n for distance, n in one.distances.items()},
            "none": one.missed,
            "undecided": one.kept_wrong.of - one.kept_wrong.hits,
        },
        "on_right": {
            "step": one.alarms, "none": one.right.hits, "undecided": one.kept_right.of - one.kept_right.hits
        },
        "absent": one.absent,
    }  # fmt: skip


def report(found: Evaluation) -> str:
    """The tables, 80 columns wide, and what they mean."""
    scored: list[tuple[str, Score | None, float | None]] = []
    for labeller in found.labellers:
        groups = found.groups(labeller)
        scored.append((labeller, score(found.rows, found.labellers[labeller]), None))
        if len(groups) > 1:
            scored += [(f"  {name}", one, None) for name, one in groups.items()]
            if found.by == "set":
                scored.append((f"  mean of {_with_f1(groups)} sets", None, average_f1(groups.values())))
    parts = [
        _head(found),
        _exact(scored),
        _labelled(scored),
        _distances(scored),
        _agreements(found.agreement()),
        _types(found.typed),
        _looks(found.artifact_baseline),
        NOTES,
        _remarks(found),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(found: Evaluation) -> str:
    wrong = sum(row.first_error >= 0 for row in found.rows)
    rows = f"{len(found.rows):,} rows: {wrong:,} wrong, {len(found.rows) - wrong:,} right"
    return text.strip_controls(f"labels  {found.labels}\ngold    {found.gold}, {found.format}, {rows}")


def _with_f1(groups: Mapping[str, Score]) -> str:
    n = sum(one.f1 is not None for one in groups.values())
    return str(n) if n == len(groups) else f"{n} of {len(groups)}"


Scored = Sequence[tuple[str, Score | None, float | None]]


def _exact(scored: Scored) -> str:
    head = ["", "wrong", "exact, %", "right", "exact, %", "F1"]
    rows: list[list[object]] = []
    for name, one, mean in scored:
        cells = ["", "", "", "", _percent(mean)]
        if one is not None:
            cells = [f"{one.wrong.of:,}", _share(one.wrong), f"{one.right.of:,}", _share(one.right), _percent(one.f1)]
        rows.append([name, *cells])
    return _table(head, rows)


def _labelled(scored: Scored) -> str:
    head = ["", "labelled, %", "of wrong", "of right", "steps named", "precision, %"]
    rows: list[list[object]] = [
        [name, _percent(one.kept.rate), _percent(one.kept_wrong.rate), _percent(one.kept_right.rate), f"{one.located.of:,}", _share(one.located)]
        for name, one, _ in scored if one is not None
    ]  # fmt: skip
    return _table(head, rows)


def _distances(scored: Scored) -> str:
    """The confusion: label minus gold on wrong rows, and what is said of right rows."""
    near = range(-NEAR, NEAR + 1)
    names = [f"{distance:+d}" if distance else "0" for distance in near]
    head = ["on wrong rows", f"<{names[0]}", *names, f">{names[-1]}", "none", "undecided"]
    rows: list[list[object]] = []
    for name, one, _ in scored:
        if one is not None:
            folded: Counter[int] = Counter()
            for distance, n in one.distances.items():
                folded[max(-NEAR - 1, min(NEAR + 1, distance))] += n
            counts = [folded[distance] for distance in range(-NEAR - 1, NEAR + 2)]
            rows.append([name, *counts, one.missed, one.kept_wrong.of - one.kept_wrong.hits])
    right: list[list[object]] = [
        [name, one.alarms, one.right.hits, one.kept_right.of - one.kept_right.hits]
        for name, one, _ in scored if one is not None
    ]  # fmt: skip
    parts = [_table(head, rows)]
    if any(one is not None and one.right.of for _, one, _ in scored):
        parts.append(_table(["on right rows", "a step", "none", "undecided"], right))
    return "\n\n".join(parts)


def _agreements(found: Agreement | None) -> str:
    """A line for each pair of labellers, and one for all of several."""
    if found is None:
        return ""
    rows: list[list[object]] = [
        [" | ".join(names), one.rows, _percent(one.same / one.rows if one.rows else None), _kappa(one.kappa)]
        for names, one in found.pairs.items()
    ]
    if found.raters > 2:
        rows.append(["all (Fleiss)", found.rows, "", _kappa(found.fleiss)])
    kappa = "kappa      agreement beyond chance (Cohen), on rows that all of them label"
    return f"{_table(['labellers', 'labelled', 'same, %', 'kappa'], rows)}\n\n{kappa}"


def _types(found: TypeComparison | None) -> str:
    """A line for each true type: how often it is said, what is said instead most, and all types together."""
    if found is None or not found.confusion.rows:
        return ""
    all_ = found.confusion
    rows: list[list[object]] = []
    for name in all_.true():
        said = {other: n for (truth, other), n in all_.counts.items() if truth == name and n}
        others = sorted((other for other in said if other not in (name, UNDECIDED)), key=lambda one: (-said[one], one))
        instead = f"{others[0]} {said[others[0]]:,}" if others else ""
        total = sum(said.values())
        exact = said.get(name, 0)
        rows.append(
            [name, total, exact, said.get(UNDECIDED, 0), _percent(exact / total), f"{all_.f1(name):.2f}", instead]
        )
    share = _percent(all_.exact / all_.rows)
    rows.append(["all", all_.rows, all_.exact, all_.rows - all_.decided, share, f"{all_.macro_f1():.2f}", ""])
    table = _table(["true type", "rows", "exact", "undecided", "exact, %", "F1", "instead, mostly"], rows)
    of_decided = _share(Share(all_.exact, all_.decided))
    lines = [
        f"types      of {found.taxonomy or 'gold'}; of those decided {of_decided} % are exact; F1 of all is the plain mean"
    ]
    if found.nameless:
        lines.append(f"           {found.nameless:,} mistakes are of types that have no name there, and are left out")
    return f"{table}\n\n" + "\n".join(lines)


def _looks(found: ArtifactBaseline | None) -> str:
    if found is None:
        return ""
    return (
        f"giveaway   by looks alone a linear classifier tells wrong from right with an\n"
        f"           AUC of {found.looks:.2f} (lengths, signs) and {found.ngrams:.2f} (character n-grams);\n"
        f"           chance is 0.50 ± {2 * found.error:.2f} ({found.rows:,} solutions)"
    )


def _kappa(kappa: float | None) -> str:
    return "–" if kappa is None else f"{kappa:.2f}"


def _remarks(found: Evaluation) -> str:
    """What was not compared."""
    lines = []
    for labeller, labels in found.labellers.items():
        one = score(found.rows, labels)
        if one.absent:
            lines.append(f"{labeller}: {one.absent:,} rows of gold are not among the labels and count as undecided")
        if extra := found.unknown(labeller):
            lines.append(f"{labeller}: {extra:,} labels are of solutions not in gold, and are left out")
    if found.rejected:
        lines.append(f"{len(found.rejected):,} rows of gold cannot be used:")
        for reason, n in sorted(Counter(one.reason for one in found.rejected).items()):
            first = next(one for one in found.rejected if one.reason == reason)
            lines.append(f"  {n:,} {reason}, the first {first.source}: {first.detail}")
    return "\n".join(textwrap.fill(text.strip_controls(line), WIDTH, subsequent_indent="    ") for line in lines)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _share(share: Share) -> str:
    interval = share.interval
    return "–" if interval is None else f"{_percent(share.rate)} ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The table, with names so short that its lines fit."""
    shown = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in [head, *rows]]
    room = WIDTH - sum(2 + max(len(row[i]) for row in shown) for i in range(1, len(head)))
    return text.format_table(head, [[_short(text.strip_controls(row[0]), max(room, 12)), *row[1:]] for row in rows])


def _short(name: str, room: int) -> str:
    """A name whose middle is left out, since names differ at their ends."""
    first = (room - 1) // 2
    return name if len(name) <= room else f"{name[:first]}…{name[first + 1 - room :]}"
