"""What views share: a row that a format cannot hold, how a view is written, and what a row says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.llm.question import format_question
from tasks.sources.content_ids import normalize_text

Row = dict[str, Any]


class Unfit(Exception):
    """A row that the format cannot hold: reason and detail."""


@dataclass(frozen=True)
class Style:
    """How a view is written, where its format leaves a choice."""

    conversational: bool = False
    cut: bool = True


def format_problem(row: Row) -> str:
    """A problem as models were asked it: the question, and under it the options of multiple choice."""
    return format_question(row["question"], row.get("options"))


def make_message(role: str, content: str) -> Row:
    """A message."""
    return {"role": role, "content": content}


def copy_ids(row: Row) -> Row:
    """What a row is called by."""
    return {"solution_id": row["solution_id"], "problem_id": row["problem_id"]}


def format_prompt(row: Row, style: Style, **completions: str) -> Row:
    """A prompt with what follows it; in the standard form the prompt ends its line, so that texts can be joined."""
    if style.conversational:
        texts: Row = {name: [make_message("assistant", text)] for name, text in completions.items()}
        return {"prompt": [make_message("user", format_problem(row))], **texts}
    return {"prompt": f"{format_problem(row)}\n", **completions}


def read_verdict(row: Row) -> bool:
    """Whether the solution is right; `Unfit` where nobody knows."""
    if row["verdict"] == "undecided":
        raise Unfit("undecided", str(row.get("undecided") or ""))
    return bool(row["verdict"] == "right")


def format_feedback(row: Row) -> str:
    """A program's reward token, and the interpreter's words on it, as LeTI (arXiv 2305.10314) writes them; `Unfit` where undecided."""
    if read_verdict(row):
        return "<|good|>"
    return f"<|bad|><|lang_feedback|>{row['traceback']}<|/lang_feedback|>" if row["traceback"] else "<|bad|>"


def find_first_wrong(row: Row) -> int:
    """The 0-based first wrong step, -1 where none is wrong; `Unfit` where it is not known, or no step of the solution."""
    first, steps = row["first_error"], row["steps"]
    if first is None:
        raise Unfit("no label of the first wrong step", "")
    if not -1 <= first < len(steps):
        raise Unfit("a first wrong step that the solution does not have", f"step {first} of {len(steps)}")
    return int(first)


def list_steps(row: Row, cut: bool) -> Sequence[str]:
    """The steps; cut behind the first wrong one, for nobody looked further, or all."""
    first = find_first_wrong(row)
    steps: Sequence[str] = row["steps"]
    return steps[: first + 1] if first >= 0 and cut else steps


def label_steps(row: Row, cut: bool) -> list[bool]:
    """For each of these steps whether it is right: those behind a wrong one are not."""
    first = find_first_wrong(row)
    return [first < 0 or i < first for i in range(len(list_steps(row, cut)))]


def list_prefixes(row: Row) -> list[str]:
    """For each step the solution through it, a line each."""
    return ["\n".join(row["steps"][: i + 1]) for i in range(len(row["steps"]))]


def sign_values(row: Row) -> list[float]:
    """The value of each step from -1 to 1, and of the last the outcome, as AlphaMath has them."""
    return [*(2 * share - 1 for share in row["q"][:-1]), float(row["outcome"])]


def read_shares(row: Row, cut: bool) -> Sequence[float | None] | None:
    """The chance of each step's prefix; None where there are none, or where they were counts that stopped at a success."""
    soft, steps = row["soft"], len(list_steps(row, cut))
    if soft is not None and len(soft) < steps:
        raise Unfit("fewer soft labels than steps", f"{len(soft)} of {steps}")
    stopped = "soft label" not in (row.get("estimated_by") or "soft label")
    return None if soft is None or stopped or set(soft) == {None} else soft[:steps]


def find_wrong_step(row: Row) -> str | None:
    """The first wrong step itself; None where it is not known."""
    at, steps = row.get("first_error"), row.get("steps") or []
    return steps[at] if at is not None and 0 <= at < len(steps) else None


def refuse_right_answer(row: Row) -> None:
    """Raise `Unfit` for a solution that comes to the right answer: what it shows is no mistake, even where a step of it is wrong."""
    if row.get("verdict") == "right":
        raise Unfit("the answer is right", "")


def read_pair(row: Row) -> tuple[str, str]:
    """The wrong rationale and the right one; `Unfit` where there are no two."""
    refuse_right_answer(row)
    wrong, right = row["rationale"].strip(), (row["right_rationale"] or "").strip()
    if not right:
        raise Unfit("no right solution of the problem is known", "")
    if normalize_text(wrong) == normalize_text(right):
        raise Unfit("the right rationale says what the wrong one says", row["right_id"] or "reference")
    return wrong, right
