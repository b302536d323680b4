"""Rows of a corpus in the formats that trainers and benchmarks read: each a plain function of one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from schemas.contract import Column, Contract
from tasks.llm.question import format_question
from tasks.views import columns as c

Row = dict[str, Any]
Name = Literal[
    "language-modelling", "prompt-completion", "unpaired-preference", "stepwise", "math-shepherd", "prm800k", "processbench",
    "cot-error-set", "mistake-tuning", "self-rethinking", "mwpes", "error-aware", "in-context", "in-context-explained",
]  # fmt: skip
MARK = "ки"
"""Where Math-Shepherd puts a step's label."""


class Unfit(Exception):
    """A row that the format cannot hold: reason and detail."""


@dataclass(frozen=True)
class Style:
    """How a view is written, where its format leaves a choice."""

    conversational: bool = False
    cut: bool = True


@dataclass(frozen=True)
class Format:
    """A row format."""

    needs: tuple[str, ...]
    """The columns that rows must have."""
    columns: Callable[[Style, Contract], tuple[Column, ...]]
    """Its own columns, given how it is written and the contract of the rows."""
    make: Callable[[Row, Style], Row | list[Row]]
    """A row in the format, or its several; raises `Unfit`."""
    key: str = "solution_id"
    """The column that tells its rows apart."""
    rows: int = 1
    """How many rows it makes of one."""
    meaning: str = "One solution a row, in the format of that name."
    """What a row is, for readers of a release."""
    conversational: bool = False
    """Whether trainers read it as lists of messages, too."""
    cuts: bool = False
    """Whether steps behind the first wrong one can be cut or kept."""


def format_problem(row: Row) -> str:
    """A problem as models were asked it: the question, and under it the options of multiple choice."""
    return format_question(row["question"], row.get("options"))


def make_message(role: str, content: str) -> Row:
    """A message."""
    return {"role": role, "content": content}


def copy_ids(row: Row) -> Row:
    """What a row is called by."""
    return {"solution_id": row["solution_id"], "problem_id": row["problem_id"]}


def _language_modelling(row: Row, style: Style) -> Row:
    if style.conversational:
        return {
            "messages": [make_message("user", format_problem(row)), make_message("assistant", row["text"])],
            **copy_ids(row),
        }
    return {"text": f"{format_problem(row)}\n{row['text']}", **copy_ids(row)}


def format_prompt(row: Row, style: Style, **completions: str) -> Row:
    """A prompt with what follows it; in the standard form the prompt ends its line, so that texts can be joined."""
    if style.conversational:
        texts: Row = {name: [make_message("assistant", text)] for name, text in completions.items()}
        return {"prompt": [make_message("user", format_problem(row))], **texts}
    return {"prompt": f"{format_problem(row)}\n", **completions}


def _prompt_completion(row: Row, style: Style) -> Row:
    return format_prompt(row, style, completion=row["text"]) | copy_ids(row)


def _unpaired(row: Row, style: Style) -> Row:
    return format_prompt(row, style, completion=row["text"]) | {"label": read_verdict(row)} | copy_ids(row)


def read_verdict(row: Row) -> bool:
    """Whether the solution is right; `Unfit` where nobody knows."""
    if row["verdict"] == "undecided":
        raise Unfit("undecided", str(row.get("undecided") or ""))
    return bool(row["verdict"] == "right")


def label_steps(row: Row, style: Style) -> tuple[Sequence[str], list[bool]]:
    """The steps and for each whether it is right; cut behind the first wrong one, for nobody looked further."""
    first, steps = row["first_error"], row["steps"]
    if first is None:
        raise Unfit("no label of the first wrong step", "")
    if not -1 <= first < len(steps):
        raise Unfit("a first wrong step that the solution does not have", f"step {first} of {len(steps)}")
    if first >= 0 and style.cut:
        steps = steps[: first + 1]
    return steps, [first < 0 or i < first for i in range(len(steps))]


def _stepwise(row: Row, style: Style) -> Row:
    steps, labels = label_steps(row, style)
    example = {"prompt": format_problem(row), "completions": steps, "labels": labels, **copy_ids(row)}
    if "soft" in row:
        example["soft"] = _read_shares(row, len(steps))
    return example


def _read_shares(row: Row, steps: int) -> Sequence[float | None] | None:
    """The chance of each step's prefix; None where there are none, or where they were counts that stopped at a success."""
    soft = row["soft"]
    if soft is not None and len(soft) < steps:
        raise Unfit("fewer soft labels than steps", f"{len(soft)} of {steps}")
    stopped = "soft label" not in (row.get("estimated_by") or "soft label")
    return None if soft is None or stopped or set(soft) == {None} else soft[:steps]


def _math_shepherd(row: Row, style: Style) -> Row:
    steps, labels = label_steps(row, style)
    lines = [" ".join(step.split("\n")) for step in steps]
    if any(MARK in line for line in (format_problem(row), *lines)):
        raise Unfit("holds the mark of a step", f"{MARK} stands in the text")

    def written(marks: Sequence[str]) -> str:
        return f"{format_problem(row)} " + "\n".join(f"{line} {mark}" for line, mark in zip(lines, marks))

    signs = ["+" if right else "-" for right in labels]
    return {"input": written([MARK] * len(lines)), "label": written(signs), "task": row["set"], **copy_ids(row)}


def _prm800k(row: Row, style: Style) -> Row:
    steps, labels = label_steps(row, Style(cut=True))  # PRM800K ends where the error is found
    rated = [
        {
            "completions": [{"text": step, "rating": 1 if right else -1, "flagged": False}],
            "human_completion": None,
            "chosen_completion": 0 if right else None,
        }
        for step, right in zip(steps, labels)
    ]
    question = {
        "problem": format_problem(row),
        "ground_truth_solution": row.get("reference"),
        "ground_truth_answer": row["answer"],
        "pre_generated_steps": row["steps"],
        "pre_generated_answer": row.get("extracted"),
        "pre_generated_verifier_score": None,
    }
    label = {"steps": rated, "total_time": None, "finish_reason": "solution" if labels[-1] else "found_error"}
    return {
        "labeler": "errata", "timestamp": None, "generation": None, "is_quality_control_question": False,
        "is_initial_screening_question": False, "question": question, "label": label, **copy_ids(row),
    }  # fmt: skip


def _processbench(row: Row, style: Style) -> Row:
    label_steps(row, style)
    return {
        "id": row["solution_id"], "generator": row["model"], "problem": format_problem(row), "steps": row["steps"],
        "final_answer_correct": read_verdict(row), "label": row["first_error"], "problem_id": row["problem_id"],
    }  # fmt: skip


def make_text_columns(style: Style, *named: Column) -> tuple[Column, ...]:
    """Columns of texts, or the same as conversations."""
    if not style.conversational:
        return named
    return tuple(Column(column.name, "records", column.meaning, fields=c.MESSAGE) for column in named)


def fix_columns(*named: Column) -> Callable[[Style, Contract], tuple[Column, ...]]:
    """These columns, however the view is written."""
    return lambda _, __: named


def _of_stepwise(_: Style, contract: Contract) -> tuple[Column, ...]:
    soft = (c.SOFT,) if "soft" in contract.names() else ()
    return (c.PROMPT, c.COMPLETIONS, c.LABELS, *soft, *c.IDS)


_SOLUTION = ("solution_id", "problem_id", "question")
_STEPS = (*_SOLUTION, "steps", "first_error")
FORMATS: dict[str, Format] = {
    "language-modelling": Format(
        (*_SOLUTION, "text"),
        lambda style, _: (c.MESSAGES if style.conversational else c.TEXT, *c.IDS),
        _language_modelling,
        conversational=True,
    ),
    "prompt-completion": Format(
        (*_SOLUTION, "text"),
        lambda style, _: (*make_text_columns(style, c.PROMPT, c.COMPLETION), *c.IDS),
        _prompt_completion,
        conversational=True,
    ),
    "unpaired-preference": Format(
        (*_SOLUTION, "text", "verdict"),
        lambda style, _: (*make_text_columns(style, c.PROMPT, c.COMPLETION), c.LABEL, *c.IDS),
        _unpaired,
        conversational=True,
    ),
    "stepwise": Format(_STEPS, _of_stepwise, _stepwise, cuts=True),
    "math-shepherd": Format((*_STEPS, "set"), fix_columns(*c.MATH_SHEPHERD), _math_shepherd, cuts=True),
    "prm800k": Format((*_STEPS, "answer"), fix_columns(*c.PRM800K), _prm800k),
    "processbench": Format((*_STEPS, "model", "verdict"), fix_columns(*c.PROCESSBENCH), _processbench, key="id"),
}
