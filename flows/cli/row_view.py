"""A row for a reader: the question, the steps with the first wrong one marked, what labellers said of it and why.

All of it was written by models or came from files: control characters are
replaced, texts are cut, and nothing in them is read as markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from errata.cli import text
from rich.console import Console
from rich.text import Text

from schemas.columns.gold import GOLD_STEP
from schemas.labels import LabelKind, Votes
from tasks import TASKS, list_labels
from tasks.llm.question import format_question

LONGEST = 8_000
"""Characters of a text that are shown."""
STEPS = 200
"""Steps, or items of a list, that are shown."""
HEAD = ("split", "set", "model", "sampling", "verdict", "undecided", "reason")
TEXTS = (
    "question", "problem", "prompt", "steps", "completions", "answer", "extracted", "solution", "text", "labels", "label",
)  # fmt: skip
WRONG, DIM, BOLD = "bold red", "dim", "bold"


def _list_shown() -> set[str]:
    """The columns that have a place of their own; replies are the reasons once more, verbatim."""
    labels = [label for kind in get_args(LabelKind) for label in list_labels(kind)]
    shown = {*HEAD, *TEXTS, "injected_at", *(name for task in TASKS.values() for name in task.shows)}
    for label in labels:
        shown |= {label.column, label.values or "", label.cause or "", *(label.votes.columns() if label.votes else ())}
    return shown


def truncate_text(value: Any) -> str:
    """A value as text that cannot steer a terminal, cut where it is very long."""
    whole = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    cut = text.strip_controls(whole[:LONGEST])
    return cut if len(whole) <= LONGEST else f"{cut} … ({len(whole):,} characters in all)"


def render_lines(row: Mapping[str, Any], console: Console, width: int) -> list[Text]:
    """A row as lines of at most `width` cells."""
    rendered: list[Text] = []
    for part, indent in _parts(row):
        hang = " " * indent
        for i, line in enumerate(part.split("\n", allow_blank=True)):
            wrapped = line.wrap(console, max(8, width - indent), tab_size=4)
            for j, piece in enumerate(wrapped):
                first = i == 0 and j == 0
                rendered.append(piece if first and indent == 0 else Text(hang if not first else "") + piece)
    for line in rendered:
        line.rstrip()
        line.truncate(width)
    return rendered


def _parts(row: Mapping[str, Any]) -> Iterator[tuple[Text, int]]:
    """The parts of a row, each with the columns by which its later lines are indented."""
    head = " · ".join(truncate_text(row[name])[:80] for name in HEAD if row.get(name))
    if head:
        yield Text(head, style=DIM), 0
    for name in ("question", "problem", "prompt"):
        if row.get(name):
            asked = format_question(str(row[name]), _list(row, "options")) if name == "question" else row[name]
            yield Text(""), 0
            yield Text(truncate_text(asked), style=BOLD), 0
    wrong = find_first_wrong(row)
    yield from _steps(row, wrong)
    for name in ("solution", "text"):
        if row.get(name) and not row.get("steps"):
            yield Text(""), 0
            yield Text(truncate_text(row[name])), 0
    if row.get("answer") is not None:
        yield Text(""), 0
        extracted = row.get("extracted")
        yield (
            Text(
                f"gold {truncate_text(row['answer'])[:200]}, found {truncate_text(extracted)[:200] if extracted is not None else 'none'}"
            ),
            0,
        )
    yield from _type(row)
    yield from _labellers(row)
    yield from _rest(row)


def find_first_wrong(row: Mapping[str, Any]) -> int | None:
    """The index of the first wrong step, as the row's best label says; None where none does, or none is wrong."""
    for name in [*(label.column for label in list_labels("step")), "injected_at", GOLD_STEP, "label"]:
        if isinstance(row.get(name), int) and not isinstance(row[name], bool):
            return int(row[name]) if row[name] >= 0 else None
    labels = row.get("labels")
    if row.get("completions") and isinstance(labels, list) and False in labels:
        return labels.index(False)
    return None


def find_steps(row: Mapping[str, Any]) -> list[Any]:
    """The steps of a row, or what stands in their place."""
    steps = row.get("steps") or row.get("completions") or row.get("completion") or []
    return steps if isinstance(steps, list) else [steps]


def _steps(row: Mapping[str, Any], wrong: int | None) -> Iterator[tuple[Text, int]]:
    """The steps, each with its number from 1; the first wrong one with a mark, and its wrong characters underlined."""
    steps = find_steps(row)
    if steps:
        yield Text(""), 0
    soft: Sequence[Any] = next(
        (row[label.values] for label in list_labels("step") if label.values and row.get(label.values)), []
    )
    for i, step in enumerate(steps[:STEPS]):
        mark = Text(f"{'✗' if i == wrong else ' '} {i + 1:>3} ", style=WRONG if i == wrong else DIM)
        content = Text(truncate_text(step), style=WRONG if i == wrong else "")
        if i == wrong and isinstance(row.get("error_from"), int) and isinstance(row.get("error_to"), int):
            content.stylize("underline reverse", row["error_from"], row["error_to"])
        value = Text(f"  ({soft[i]:.2f})", style=DIM) if i < len(soft) and isinstance(soft[i], float) else Text("")
        yield mark + content + value, 6
    if len(steps) > STEPS:
        yield Text(f"… {len(steps):,} steps in all", style=DIM), 6


def _type(row: Mapping[str, Any]) -> Iterator[tuple[Text, int]]:
    """The type of the mistake, who says so, and its cause."""
    labels = list_labels("type")
    errors = [
        *(label.column for label in labels),
        *(label.error for label in list_labels("step") if label.error),
        "injected_type",
    ]
    kind = next((row[name] for name in errors if row.get(name)), None)
    undecided = next((row[label.undecided] for label in labels if label.undecided and row.get(label.undecided)), None)
    if not kind and not undecided:
        return
    yield Text(""), 0
    by = next((row[label.method] for label in labels if label.method and row.get(label.method)), None)
    description = f"{truncate_text(kind)[:200]}" if kind else f"type undecided: {truncate_text(undecided)[:200]}"
    more = ", ".join(
        truncate_text(label)[:100] for label in (row.get("error_severity"), by, row.get("taxonomy")) if label
    )
    yield Text("type  ", style=DIM) + Text(description, style=BOLD) + Text(f"  ({more})" if more else "", style=DIM), 6
    for label in labels:
        if label.cause and row.get(label.cause):
            yield Text("cause ", style=DIM) + Text(truncate_text(row[label.cause])), 6


def _labellers(row: Mapping[str, Any]) -> Iterator[tuple[Text, int]]:
    """Who says which step, and why; a rater whose votes are there is not named again by what combines them."""
    steps = sorted(list_labels("step"), key=lambda label: bool(label.combines))
    known, lines = set[str](), list[tuple[Text, int]]()
    for label in steps:
        names = _list(row, label.votes.raters) if label.votes else []
        if label.votes and not label.combines:
            lines += _votes(row, label.votes)
            known |= {str(name).rpartition(" #")[0] or name for name in names}
        elif label.votes:
            others = [each for each in zip(names, _list(row, label.votes.values)) if each[0] not in known]
            lines += [(Text(f"  {truncate_text(name)[:80]}: {_where(value)}"), 4) for name, value in others]
            known |= {name for name, _ in others}
    for label in steps:
        if not label.votes and label.column in row and (label.rater or label.column) not in known:
            why = row.get(label.undecided or "") or _where(row[label.column])
            lines.append((Text(f"  {truncate_text(label.rater or label.column)[:80]}: {truncate_text(why)[:80]}"), 4))
    if lines:
        yield Text(""), 0
        yield Text("labellers", style=DIM), 0
    yield from lines
    for label in list_labels("type"):
        for name, value, fault in zip(*_columns(row, label.votes, "raters", "values", "faults")):
            yield Text(f"  {truncate_text(name)[:80]}: type {truncate_text(value or fault)[:120]}"), 4


def _votes(row: Mapping[str, Any], votes: Votes) -> Iterator[tuple[Text, int]]:
    """Each vote of a label of steps, with its reason."""
    for name, value, kind, why, fault in zip(*_columns(row, votes, "raters", "values", "errors", "reasons", "faults")):
        head = f"{truncate_text(name)[:80]}: {(fault and truncate_text(fault)[:80]) or _where(value)}"
        yield Text(f"  {head}") + Text(f", {truncate_text(kind)[:80]}" if kind else ""), 4
        if why:
            yield Text(f"    {truncate_text(why)}", style="italic"), 4


def _columns(row: Mapping[str, Any], votes: Votes | None, *names: str) -> list[Sequence[Any]]:
    """Columns of votes, one that is not there as empty texts; nothing without the first two."""
    columns = [_list(row, getattr(votes, name, None) or "") for name in names]
    length = min(map(len, columns[:2]))
    return [[*column[:length], *[""] * (length - len(column))] for column in columns]


def _list(row: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = row.get(name)
    return value[:STEPS] if isinstance(value, list) else []


def _where(label: Any) -> str:
    return "undecided" if label is None else "no step is wrong" if label == -1 else f"step {label + 1}"


def _rest(row: Mapping[str, Any]) -> Iterator[tuple[Text, int]]:
    """The other columns as they are in data, a line or some for each."""
    shown = _list_shown() | ({"options"} if row.get("question") else set())  # they stand below the question
    names = [name for name in row if name not in shown and row[name] not in (None, "", [])]
    if names:
        yield Text(""), 0
        yield Text("in data, where the first step is 0" if find_steps(row) else "in data", style=DIM), 0
    for name in names:
        value = truncate_text(row[name]).replace("\n", " ")
        value = value if len(value) <= 400 else f"{value[:400]} …"
        yield Text(f"{text.strip_controls(name)[:60]} ", style=DIM) + Text(value), 4
