"""`splice`: puts a wrong beginning, a turn and a right end together, so that a model learns to correct itself.

Sources: fix and restart are LEMMA's two ways (arXiv 2503.17439, section 3.3),
without its teacher: the end is a right continuation of the same model, or a
right solution. What is masked follows S³c-Math (arXiv 2409.01524): the wrong
step is context. Backspaces are SequenceMatch's (arXiv 2306.05426).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.columns.corrections import SPLICED
from schemas.columns.problems import PROBLEM_COLUMNS
from schemas.contract import DETAIL, REASON, Contract
from schemas.frames import to_polars_schema
from schemas.task import Outcome, Parameters, PerRow
from tasks.corrections.segments import make_segment
from tasks.llm.question import format_question
from tasks.localize.rollouts import list_prefixes
from tasks.sources.content_ids import digest
from tasks.verify.math_verify.pool import compared
from tasks.verify.task import JUDGED, NEEDED, judge_rows
from tasks.verify.task import VERSION as VERIFIER

Style = Literal["fix", "restart", "backspace"]
Row = Mapping[str, Any]
ERRATA = "errata"
TURNS = (
    "Wait, that step does not hold.",
    "Let me check that last step before I go on: it is not right.",
    "Something is off here.",
    "Looking back at this step, I do not believe it.",
    "Hold on. That is not what follows.",
    "No, that last step is wrong.",
    "That cannot be right, so I should look again.",
    "I should not go on from there.",
)
"""How a turn begins; in our own words."""
AGAIN = {"fix": "Again from the step before:", "restart": "I will solve it another way, from the start."}
BACKSPACE = "⌫"
"""Takes one word back."""


class SpliceParameters(Parameters):
    """Parameters of `splice`."""

    style: Style = Field(
        description="fix and backspace go on as a right continuation does (of `continue`), restart begins a right solution (of `contrast`)."
    )
    cause: bool = Field(True, description="Say in the turn what is wrong, where a cause is known (of `classify`).")
    learn: Literal["all", "right"] = Field(
        "right", description="What a model is to learn: all that it is to have written, or all but the wrong step."
    )
    turns: list[str] = Field(
        list(TURNS), min_length=1, max_length=100, description="How a turn may begin; which it is depends on ids alone."
    )


class _NoSplice(Exception):
    """A row of which nothing can be made: reason and detail."""


def splice_solutions(part: pl.DataFrame, parameters: SpliceParameters) -> Outcome:
    """A self-correction of each row whose end comes to the right answer.

    Args:
        part: Right continuations of wrong solutions, or located mistakes with a right solution beside them.
        parameters: The style, what is said in the turn, and what is to be learnt.

    Returns:
        Rows in segments; rejected are those without a right end, and those whose text as a whole is not verified as right.

    """
    rows = list(part.iter_rows(named=True))
    spliced: list[dict[str, Any] | None] = []
    why: list[tuple[str, str | None]] = []
    for row in rows:
        try:
            spliced.append(_WAYS[parameters.style](row, parameters))
            why.append(("", None))
        except _NoSplice as error:
            spliced.append(None)
            why.append(error.args)
    made = [(i, row) for i, row in enumerate(spliced) if row is not None]
    for (i, _), verdict in zip(made, _judge([row for _, row in made])):
        if verdict["verdict"] != "right":
            spliced[i], why[i] = (
                None,
                ("does not end in the right answer", verdict["undecided"] or verdict["extracted"]),
            )
    kept = [row for row in spliced if row is not None]
    reasons = pl.DataFrame(why, schema={REASON.name: pl.String, DETAIL.name: pl.String}, orient="row")
    lost = pl.Series([row is None for row in spliced], dtype=pl.Boolean)
    return Outcome(pl.DataFrame(kept, schema=to_polars_schema(SPLICED)), part.hstack(reasons).filter(lost))


def _judge(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The verdict on each text as a whole."""
    needed = [dict.fromkeys(NEEDED) | row | {"rationale": row["text"]} for row in rows]
    schema = {name: pl.List(pl.String) if name == "options" else pl.String for name in NEEDED}
    return judge_rows(pl.DataFrame(needed, schema=schema), "auto", compared, JUDGED).to_dicts()


def _fix(row: Row, parameters: SpliceParameters) -> dict[str, Any]:
    if row["continued"] != "before error" or row["verdict"] != "right":
        raise _NoSplice("not a right continuation from before the error", f"{row['verdict']}, {row['continued']}")
    before = row["steps_before"]
    prefix = list_prefixes(row["text"], row["steps"])[len(before) - 1] if before else ""
    if not row["text"].startswith(prefix):
        raise _NoSplice("steps are not the text", None)
    wrong = row["wrong_step"]
    if parameters.style == "backspace":
        turn = " " + BACKSPACE * len(wrong.split()) + "\n"
    else:
        turn = _write_turn(row, row["from_id"], parameters)
    end = row["text"][len(prefix) :].lstrip("\n")
    right = make_segment("assistant", "revision", end, row["model"], learn=True, of=row["solution_id"])
    return _put_together(row, parameters, (prefix, wrong, turn, right), row["from_id"], row["solution_id"], len(before))


def _restart(row: Row, parameters: SpliceParameters) -> dict[str, Any]:
    first, right = row["first_error"], (row["right_rationale"] or "").strip()
    if first is None or first < 0:
        raise _NoSplice("no located mistake", None)
    if first >= len(row["steps"]):
        raise _NoSplice("a first wrong step that the solution does not have", f"step {first} of {len(row['steps'])}")
    if not right:
        raise _NoSplice("no right solution of the problem is known", None)
    prefix = list_prefixes(row["rationale"], row["steps"])[first - 1] if first else ""
    by = row["model"] if row["right_from"] == "same model" else row["right_from"]
    end = make_segment("assistant", "revision", right, by, learn=True, of=row["right_id"])
    pieces = (prefix, row["steps"][first], _write_turn(row, row["solution_id"], parameters), end)
    return _put_together(row, parameters, pieces, row["solution_id"], row["right_id"], first)


_WAYS: dict[Style, Callable[[Row, SpliceParameters], dict[str, Any]]] = {
    "fix": _fix,
    "restart": _restart,
    "backspace": _fix,
}


def _write_turn(row: Row, key: str, parameters: SpliceParameters) -> str:
    """The words between the wrong step and the right end, on lines of their own."""
    number = int(digest("turn", key)[:8], 16) % len(parameters.turns)
    cause = " ".join((row.get("error_cause") or "").split()) if parameters.cause else ""
    return (
        "\n" + " ".join(piece for piece in (parameters.turns[number], cause, AGAIN[parameters.style]) if piece) + "\n"
    )


def _put_together(
    row: Row,
    parameters: SpliceParameters,
    pieces: tuple[str, str, str, dict[str, Any]],
    wrong_id: str,
    right_id: str | None,
    first: int,
) -> dict[str, Any]:
    prefix, wrong, turn, end = pieces
    segments = [
        make_segment("user", "question", format_question(row["question"], row["options"]), ERRATA),
        *([make_segment("assistant", "attempt", prefix, row["model"], learn=True, of=wrong_id)] if prefix else []),
        make_segment("assistant", "wrong", wrong, row["model"], learn=parameters.learn == "all", of=wrong_id),
        make_segment("assistant", "transition", turn, ERRATA, learn=True),
        end,
    ]
    text = "".join(segment["text"] for segment in segments[1:])
    problem = {column.name: row[column.name] for column in PROBLEM_COLUMNS if column.name in row}
    return problem | {
        "spliced_id": digest("splice", row["problem_id"], parameters.style, text), "style": parameters.style, "segments": segments, "text": text,
        "first_error": first, "error_type": row.get("error_type"), "model": row["model"], "wrong_id": wrong_id, "right_id": right_id,
    }  # fmt: skip


_FIX = ("solution_id", "from_id", "continued", "steps_before", "wrong_step", "verdict", "model", "text", "steps")
_RESTART = ("solution_id", "first_error", "right_rationale", "right_from", "right_id", "rationale", "model", "steps")


def _check(parameters: SpliceParameters, given: Contract) -> list[str]:
    """What the table lacks."""
    needs, after = (_RESTART, "contrast") if parameters.style == "restart" else (_FIX, "continue")
    missing = [name for name in needs if name not in given.names()]
    return [f"style: {parameters.style} needs the column '{missing[0]}'; put {after} before"] if missing else []


SPLICE = PerRow(
    name="splice",
    summary="Puts a wrong beginning, a turn and a right end together: rows from which a model learns to correct itself.",
    version=f"1 verify {VERIFIER}",
    parameters=SpliceParameters,
    needs=("problem_id", "question", "options", "answer"),
    makes=lambda _, __: SPLICED,
    check=_check,
    run=splice_solutions,
)
