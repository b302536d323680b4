"""A row for a reader: the question, the steps with the first wrong one marked, what labellers said of it and why.

All of it was written by models or came from files: control characters are
replaced, texts are cut, and nothing in them is read as markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from errata.cli import text
from rich.console import Console
from rich.text import Text

LONGEST = 8_000
"""Characters of a text that are shown."""
STEPS = 200
"""Steps, or items of a list, that are shown."""
LABELS = ("first_error", "judge_first_error", "estimate_first_error", "injected_at", "label")
HEAD = ("split", "set", "model", "sampling", "verdict", "undecided", "reason")
SHOWN = {
    *HEAD, *LABELS, "question", "problem", "prompt", "steps", "completions", "answer", "extracted", "labels", "labellers", "judges",
    "judge_labels", "judge_kinds", "judge_reasons", "judge_faults", "error_type", "error_severity", "error_cause", "error_from",
    "error_to", "typed_by", "type_undecided", "taxonomy", "soft", "classifiers", "classifier_types", "classifier_faults",
    "solution", "text", "judge_replies", "classifier_replies",
}  # fmt: skip
"""Columns that have a place of their own; replies are the reasons once more, verbatim."""
WRONG, DIM, BOLD = "bold red", "dim", "bold"


def plain(value: Any) -> str:
    """A value as text that cannot steer a terminal, cut where it is very long."""
    whole = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    cut = text.plain(whole[:LONGEST])
    return cut if len(whole) <= LONGEST else f"{cut} … ({len(whole):,} characters in all)"


def lines(row: Mapping[str, Any], console: Console, width: int) -> list[Text]:
    """A row as lines of at most `width` cells."""
    found: list[Text] = []
    for one, indent in _parts(row):
        hang = " " * indent
        for i, line in enumerate(one.split("\n", allow_blank=True)):
            wrapped = line.wrap(console, max(8, width - indent), tab_size=4)
            for j, piece in enumerate(wrapped):
                first = i == 0 and j == 0
                found.append(piece if first and indent == 0 else Text(hang if not first else "") + piece)
    for line in found:
        line.rstrip()
        line.truncate(width)
    return found


def _parts(row: Mapping[str, Any]) -> Iterator[tuple[Text, int]]:
    """The parts of a row, each with the columns by which its later lines are indented."""
    head = " · ".join(plain(row[name])[:80] for name in HEAD if row.get(name))
    if head:
        yield Text(head, style=DIM), 0
    for name in ("question", "problem", "prompt"):
        if row.get(name):
            yield Text(""), 0
            yield Text(plain(row[name]), style=BOLD), 0
    wrong = first_wrong(row)
    yield from _steps(row, wrong)
    for name in ("solution", "text"):
        if row.get(name) and not row.get("steps"):
            yield Text(""), 0
            yield Text(plain(row[name])), 0
    if row.get("answer") is not None:
        yield Text(""), 0
        found = row.get("extracted")
        yield Text(f"gold {plain(row['answer'])[:200]}, found {plain(found)[:200] if found is not None else 'none'}"), 0
    yield from _type(row)
    yield from _labellers(row)
    yield from _rest(row)


def first_wrong(row: Mapping[str, Any]) -> int | None:
    """The index of the first wrong step, as the row's best label says; None where none does, or none is wrong."""
    for name in LABELS:
        if isinstance(row.get(name), int) and not isinstance(row[name], bool):
            return int(row[name]) if row[name] >= 0 else None
    labels = row.get("labels")
    if row.get("completions") and isinstance(labels, list) and False in labels:
        return labels.index(False)
    return None


def _steps(row: Mapping[str, Any], wrong: int | None) -> Iterator[tuple[Text, int]]:
    """The steps, each with its number; the first wrong one with a mark, and its wrong characters underlined."""
    steps = row.get("steps") or row.get("completions") or row.get("completion") or []
    steps = steps if isinstance(steps, list) else [steps]
    if steps:
        yield Text(""), 0
    soft = row.get("soft") or []
    for i, step in enumerate(steps[:STEPS]):
        mark = Text(f"{'✗' if i == wrong else ' '} {i:>3} ", style=WRONG if i == wrong else DIM)
        said = Text(plain(step), style=WRONG if i == wrong else "")
        if i == wrong and isinstance(row.get("error_from"), int) and isinstance(row.get("error_to"), int):
            said.stylize("underline reverse", row["error_from"], row["error_to"])
        value = Text(f"  ({soft[i]:.2f})", style=DIM) if i < len(soft) and isinstance(soft[i], float) else Text("")
        yield mark + said + value, 6
    if len(steps) > STEPS:
        yield Text(f"… {len(steps):,} steps in all", style=DIM), 6


def _type(row: Mapping[str, Any]) -> Iterator[tuple[Text, int]]:
    """The type of the mistake, who says so, and its cause."""
    kind = row.get("error_type") or row.get("judge_kind") or row.get("injected_type")
    if not kind and not row.get("type_undecided"):
        return
    yield Text(""), 0
    told = [row.get("error_severity"), row.get("typed_by"), row.get("taxonomy")]
    said = f"{plain(kind)[:200]}" if kind else f"type undecided: {plain(row['type_undecided'])[:200]}"
    more = ", ".join(plain(one)[:100] for one in told if one)
    yield Text("type  ", style=DIM) + Text(said, style=BOLD) + Text(f"  ({more})" if more else "", style=DIM), 6
    if row.get("error_cause"):
        yield Text("cause ", style=DIM) + Text(plain(row["error_cause"])), 6


def _labellers(row: Mapping[str, Any]) -> Iterator[tuple[Text, int]]:
    """Who says which step, and why."""
    judges = list(
        zip(*(_list(row, f"judge{part}") for part in ("s", "_labels", "_kinds", "_reasons", "_faults")), strict=False)
    )
    known = {str(who).rpartition(" #")[0] or who for who in _list(row, "judges")}
    others = [(who, where) for who, where in zip(_list(row, "labellers"), _list(row, "labels")) if who not in known]
    if judges or others:
        yield Text(""), 0
        yield Text("labellers", style=DIM), 0
    for who, where, kind, why, fault in judges:
        head = f"{plain(who)[:80]}: {(fault and plain(fault)[:80]) or _where(where)}"
        yield Text(f"  {head}") + Text(f", {plain(kind)[:80]}" if kind else ""), 4
        if why:
            yield Text(f"    {plain(why)}", style="italic"), 4
    for who, where in others:
        yield Text(f"  {plain(who)[:80]}: {_where(where)}"), 4
    for who, kind, fault in zip(
        *(_list(row, f"classifier{part}") for part in ("s", "_types", "_faults")), strict=False
    ):
        yield Text(f"  {plain(who)[:80]}: type {plain(kind or fault)[:120]}"), 4


def _list(row: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = row.get(name)
    return value[:STEPS] if isinstance(value, list) else []


def _where(label: Any) -> str:
    return "undecided" if label is None else "no step is wrong" if label == -1 else f"step {label}"


def _rest(row: Mapping[str, Any]) -> Iterator[tuple[Text, int]]:
    """The other columns, a line or some for each."""
    names = [name for name in row if name not in SHOWN and row[name] not in (None, "", [])]
    if names:
        yield Text(""), 0
    for name in names:
        value = plain(row[name]).replace("\n", " ")
        value = value if len(value) <= 400 else f"{value[:400]} …"
        yield Text(f"{text.plain(name)[:60]} ", style=DIM) + Text(value), 4
