"""Mistakes in the formats of papers that learn from them: each a plain function of one mistake.

CoTErrorSet with its mistake tuning and self-rethinking (arXiv 2403.20046),
MWPES-300K with its error-aware prompting (arXiv 2501.15581), and right beside
wrong in context (arXiv 2502.08550). Of the wording only the two markers of
mistake tuning are a paper's.
"""

from __future__ import annotations

import re
from typing import Any

from tasks.llm.prompt_guard import fence_text, mark
from tasks.sources.content_ids import digest
from tasks.views import columns as c
from tasks.views.format import Format, fix_columns, make_text_columns
from tasks.views.rows import Row, Style, Unfit, copy_ids, format_problem, make_message, read_pair, refuse_right_answer

CORRECT, INCORRECT = "[CORRECT RATIONALE]", "[INCORRECT RATIONALE]"
_MARKER = re.compile(r"\[\s*(?:in)?correct\s+rationale\s*\]", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:^|[\r\v\f\x85\u2028\u2029])[^\w\n]*(?:question|wrong answer|what is wrong|right answer)[^\w\n]*:",
    re.IGNORECASE | re.MULTILINE,
)
THINK = "Solve the problem step by step."
CHECK = (
    "This is a mistake that was made on another problem:\n\n{mistake}\n\nDoes your solution above make a mistake of the "
    "same kind? Begin with Yes or No; if Yes, say in which step."
)
AGAIN = "Then solve the problem once more, step by step, without that mistake."
ANSWER = "State the final answer and nothing else."
AWARE = "Solve the problem step by step. These are the mistakes most often made on problems like it; make none of them:"


def _mistake_tuning(row: Row, style: Style) -> list[Row]:
    """Two rows: the problem with the marker and the rationale that belongs to it, never both rationales in one."""
    wrong, right = read_pair(row)
    if marker := next((match for text in (format_problem(row), wrong, right) if (match := _MARKER.search(text))), None):
        raise Unfit("holds a marker", f"{marker[0][:40]} stands in the text")
    rows = []
    for label, sign, rationale, by in (
        (True, CORRECT, right, row["right_id"]),
        (False, INCORRECT, wrong, row["solution_id"]),
    ):
        head = f"{format_problem(row)}\n{sign}"
        text: Row = {"text": f"{head}\n{rationale}"}
        if style.conversational:
            text = {"messages": [make_message("user", head), make_message("assistant", rationale)]}
        # named by its content: one right rationale beside many mistakes is one row
        name = digest("mistake-tuning", row["problem_id"], by or "", head, rationale)
        rows.append({**text, "label": label, "row_id": name, "solution_id": by, "problem_id": row["problem_id"]})
    return rows


def _typed(row: Row) -> str:
    if not row["error_type"]:
        raise Unfit("the type of the mistake is not known", str(row.get("type_undecided") or ""))
    return str(row["error_type"])


def _self_rethinking(row: Row, style: Style) -> Row:
    """The user's turns, with this mistake as what the model is to hold its own solution against."""
    refuse_right_answer(row)
    kind, sign = _typed(row), mark(row)
    facts = [f"Kind: {kind}", f"That is: {row.get('error_definition') or ''}", f"Here: {row.get('error_cause') or ''}"]
    pieces = [
        fence_text("problem", format_problem(row), sign),
        fence_text("wrong-solution", row["rationale"].strip(), sign),
        fence_text("mistake", "\n".join(line for line in facts if not line.endswith(": ")), sign),
    ]
    if right := (row.get("right_rationale") or "").strip():
        pieces.append(fence_text("right-solution", right, sign))
    check = CHECK.format(mistake="\n".join(pieces))
    return {"error_type": kind, "think": THINK, "check": check, "again": AGAIN, "answer": ANSWER, **copy_ids(row)}


def _error_aware(row: Row, style: Style) -> Row:
    kinds = row["common_types"]
    if not kinds:
        raise Unfit("no typed mistake of the model elsewhere on the set", "")
    lines = [
        f"- {kind}: {definition}" if definition else f"- {kind}"
        for kind, definition in zip(kinds, row["common_definitions"])
    ]
    text = "\n".join((format_problem(row), "", AWARE, *lines))
    return {
        "prompt": [make_message("user", text)] if style.conversational else f"{text}\n", "answer": row["answer"], "model": row["model"],
        "set": row["set"], "error_types": kinds, "error_counts": row["common_counts"],
        # several mistakes of one model on one problem ask for one prompt
        "prompt_id": digest("error-aware", row["problem_id"], row["model"], row["set"], row["answer"], text),
        "problem_id": row["problem_id"],
    }  # fmt: skip


def explain_mistake(row: Row) -> str:
    """What is wrong, in a line: the step, the type, and the cause or else what the type means."""
    kind = row.get("error_type")
    cause = " ".join((row.get("error_cause") or row.get("error_definition") or "").split())
    if not kind and not cause:
        raise Unfit("the cause of the mistake is not known", str(row.get("type_undecided") or ""))
    at = row.get("first_error")
    where = "The solution" if at is None or at < 0 else f"Step {at + 1}"
    return f"{where} is wrong{f' ({kind})' if kind else ''}{f': {cause}' if cause else '.'}"


def _in_context(row: Row, rationale: str | None) -> Row:
    wrong, right = read_pair(row)
    between = [] if rationale is None else [("What is wrong", rationale)]
    parts = [("Question", format_problem(row)), ("Wrong answer", wrong), *between, ("Right answer", right)]
    if label_match := next((match for _, text in parts if (match := _LABEL.search(text))), None):
        raise Unfit("holds a label of the exemplar", f"{label_match[0].strip()[:40]} begins a line of the text")
    text = "\n".join(f"{label}: {part}" for label, part in parts)
    extra: dict[str, Any] = {} if rationale is None else {"rationale": rationale}
    return {"question": format_problem(row), "wrong": wrong, **extra, "right": right, "text": text, **copy_ids(row)}


_PAIR = ("solution_id", "problem_id", "question", "rationale", "right_rationale", "right_from", "right_id")
CODED: dict[str, Format] = {
    "mistake-tuning": Format(
        _PAIR,
        lambda style, _: (
            c.MESSAGES if style.conversational else c.TEXT,
            c.LABEL,
            c.ROW_ID,
            c.RATIONALE_BY,
            c.PROBLEM_ID,
        ),
        _mistake_tuning,
        key="row_id",
        rows=2,
        meaning="One rationale a row, right or wrong, behind the marker that says which, after CoTErrorSet.",
        conversational=True,
    ),
    "self-rethinking": Format(
        ("solution_id", "problem_id", "question", "rationale", "error_type"),
        fix_columns(*c.SELF_RETHINKING),
        _self_rethinking,
        meaning="One mistake a row, as the turns in which a model holds its own solution against it.",
    ),
    "error-aware": Format(
        ("problem_id", "question", "answer", "model", "set", "common_types", "common_counts", "common_definitions"),
        lambda style, _: (*make_text_columns(style, c.PROMPT), *c.ERROR_AWARE),
        _error_aware,
        key="prompt_id",
        meaning="One problem and model a row, as a prompt that names the model's commonest mistakes elsewhere.",
        conversational=True,
    ),
    "in-context": Format(
        _PAIR,
        fix_columns(*c.IN_CONTEXT),
        lambda row, _: _in_context(row, None),
        meaning="One problem a row, a wrong answer beside a right one, as an exemplar of a prompt.",
    ),
    "in-context-explained": Format(
        (*_PAIR, "error_type"),
        fix_columns(*c.IN_CONTEXT_EXPLAINED),
        lambda row, _: _in_context(row, explain_mistake(row)),
        meaning="One problem a row, a wrong answer, what is wrong in it, and a right one, as an exemplar.",
    ),
}
