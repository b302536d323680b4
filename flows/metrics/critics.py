"""Critics of attempts: what their critiques say of answers and steps, beside verdicts and, where it is known, the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.metrics.certainty import describe_share, format_percent, format_share
from flows.metrics.evaluate import RowsAt
from flows.metrics.narrow_table import format_narrow_table
from schemas.columns.gold import GOLD_STEP
from schemas.task import Record
from tasks.evaluation.critique import CritiqueScore
from tasks.evaluation.detection import count_detections, expand_steps
from tasks.evaluation.fields import EvaluationError
from tasks.evaluation.labels import read_share
from tasks.evaluation.score import NONE, Share
from tasks.sources.truth import read_program

EXPLAINED = "critique_explained"
"""The column of judges: the share of them, 0 to 1, who find what a critique says of its step right."""
NO_CRITIQUE = "no critique"
"""Why `revise` rejects a solution of which no critique can be read."""
NOTES = """\
Critic F1  calling wrong answers wrong; what cannot be read is a mistake
           (CriticBench, arXiv 2402.14809)
located    critiques that name the very first wrong step, where truth knows it
explained  F1 of steps whose explanation is right, too; VISCore: the geometric
           mean of that and of the F1 of answers and of steps (arXiv 2412.02172)"""


@dataclass(frozen=True)
class Critic:
    """A critic's critiques beside verdicts and truth."""

    critique: CritiqueScore
    located: Share
    """Critiques that name the first wrong step, among the attempts with one; of none where truth is not known."""
    unread: int
    """Critiques that cannot be read; among the answers they are undecided."""
    undecided: int
    """Critiques of attempts whose verdict is undecided, which are in no figure of answers."""
    sets: Mapping[str, CritiqueScore] = field(default_factory=dict)
    """The same by problem set."""


@dataclass
class _Counts:
    answers: list[tuple[bool, bool | None]] = field(default_factory=list)
    steps: list[tuple[bool, bool | None]] = field(default_factory=list)
    located: list[bool] = field(default_factory=list)
    explained: float | None = None
    unread: int = 0
    undecided: int = 0


@dataclass
class Critiques:
    """Critiques that are counted, by critic."""

    counts: dict[tuple[str, str], _Counts] = field(default_factory=dict)
    """By critic and problem set."""

    def add(self, source: str, row: Mapping[str, Any], wrong: bool | None) -> None:
        """Count the critique of a row of turns, if there is one.

        Args:
            source: File and line (or row) of the row.
            row: A revision.
            wrong: Whether the attempt that it revises is wrong; None where that is undecided.

        """
        if not row.get("critic") or "critique_first_error" not in row:
            return
        counts = self._find(str(row["critic"]), row)
        label = row["critique_first_error"]
        if label is not None and not (isinstance(label, int) and label >= NONE):
            raise EvaluationError(f"{source}: critique_first_error is {str(label)[:40]!r}, expected a step counted from 0, -1 or null")  # fmt: skip
        counts.unread += label is None
        if wrong is None:
            counts.undecided += 1
        else:
            counts.answers.append((wrong, None if label is None else label != NONE))
        _add_steps(counts, source, row, label)

    def add_unread(self, place: RowsAt) -> None:
        """Count critiques of first attempts that cannot be read: `revise` rejects their solutions, which a table of a build keeps beside it."""
        rules = place.table.parameters if place.table else None
        names = {asked.name: str(asked.named) for asked in place.table.models} if place.table else {}
        critics = [names[name] for name in getattr(rules, "critics", ()) if name in names]
        for record in place.rejects() if critics else ():
            row = record.value or {}
            if row.get("reason") == NO_CRITIQUE and str(row.get("detail")).startswith("turn 1"):
                counts = self._find(", ".join(critics), row)
                counts.unread += 1
                if row.get("verdict") in ("right", "wrong"):
                    counts.answers.append((row["verdict"] == "wrong", None))
                else:
                    counts.undecided += 1

    def _find(self, critic: str, row: Mapping[str, Any]) -> _Counts:
        return self.counts.setdefault((critic, str(row.get("set") or "all")), _Counts())

    def summarize(self) -> dict[str, Critic]:
        """Each critic beside verdicts and truth, by name."""
        by_critic: dict[str, dict[str, _Counts]] = {}
        for (name, of_set), counts in sorted(self.counts.items()):
            by_critic.setdefault(name, {})[of_set] = counts
        return {name: _summarize_critic(sets) for name, sets in by_critic.items()}


def _summarize_critic(sets: Mapping[str, _Counts]) -> Critic:
    every = list(sets.values())
    judged = [counts.explained for counts in every if counts.explained is not None]
    whole = _Counts(
        [pair for counts in every for pair in counts.answers],
        [pair for counts in every for pair in counts.steps],
        [located for counts in every for located in counts.located],
        sum(judged) if judged else None,
    )
    return Critic(
        _score(whole),
        Share(sum(whole.located), len(whole.located)),
        sum(counts.unread for counts in every),
        sum(counts.undecided for counts in every),
        {of_set: _score(counts) for of_set, counts in sets.items()},
    )


def _score(counts: _Counts) -> CritiqueScore:
    return CritiqueScore(count_detections(counts.answers), count_detections(counts.steps), counts.explained)


def _add_steps(counts: _Counts, source: str, row: Mapping[str, Any], label: int | None) -> None:
    """Count the steps of an attempt, where its problem's program says which are wrong."""
    known = read_program(Record(source, {**row, "steps": row.get("steps_before")})).value
    if known is None:
        return
    first = known[GOLD_STEP]
    counts.steps += expand_steps(first, label, len(row["steps_before"]))
    if first == NONE:
        return
    counts.located.append(label == first)
    share = read_share(Record(source, dict(row)), EXPLAINED)
    if share is not None:
        counts.explained = (counts.explained or 0.0) + (share if label == first else 0.0)


def describe_critic(critic: Critic) -> dict[str, Any]:
    """A critic's figures for machines."""
    critique = critic.critique
    answers, steps = critique.answers, critique.steps
    return {
        "answers": {"f1": answers.f1, "criticbench_f1": answers.criticbench_f1, "precision": describe_share(answers.precision), "recall": describe_share(answers.recall), "specificity": describe_share(answers.specificity)},
        "steps": {"f1": steps.f1, "precision": describe_share(steps.precision), "recall": describe_share(steps.recall)} if steps.recall.of else None,
        "located": describe_share(critic.located), "explanation_f1": critique.explanation_f1, "viscore": critique.viscore,
        "unread": critic.unread, "undecided": critic.undecided,
        "sets": {
            name: {"criticbench_f1": scored.answers.criticbench_f1, "answer_f1": scored.answers.f1, "step_f1": scored.steps.f1, "explanation_f1": scored.explanation_f1, "viscore": scored.viscore}
            for name, scored in critic.sets.items()
        },
    }  # fmt: skip


def format_critics(critics: Mapping[str, Critic]) -> str:
    """Of each critic what it says of answers, and of steps where truth knows them; nothing where there is no critic."""
    if not critics:
        return ""
    answers: list[list[object]] = []
    steps: list[list[object]] = []
    for name, critic in critics.items():
        critique = critic.critique
        answers.append([name, *_list_answers(critic.critique), critic.unread])
        if len(critic.sets) > 1:
            answers += [[f"  {of_set}", *_list_answers(scored), ""] for of_set, scored in critic.sets.items()]
        if critic.located.of:
            steps.append([name, format_share(critic.located), *map(format_percent, (critique.steps.f1, critique.explanation_f1, critique.viscore))])  # fmt: skip
    tables = [format_narrow_table(["critics, %", "wrong caught", "right passed", "Critic F1", "unread"], answers)]
    if steps:
        tables.append(format_narrow_table(["critics, steps, %", "located", "F1", "explained", "VISCore"], steps))
    return "\n\n".join([*tables, NOTES])


def _list_answers(critique: CritiqueScore) -> list[object]:
    answers = critique.answers
    return [format_share(answers.recall), format_share(answers.specificity), format_percent(answers.criticbench_f1)]
